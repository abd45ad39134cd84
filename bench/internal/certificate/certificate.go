// Package certificate makes certificates for the servers that benchmarks start.
package certificate

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/throng-io/throng/server"
)

// Write writes a certificate for 127.0.0.1 and its key to a folder, and returns the names of the
// two files.
func Write(dir string) (cert, key string, err error) {
	made, err := server.DevCertificate("127.0.0.1")
	if err != nil {
		return "", "", fmt.Errorf("making a certificate: %w", err)
	}
	secret, err := x509.MarshalECPrivateKey(made.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		return "", "", fmt.Errorf("encoding the key of a certificate: %w", err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	err = errors.Join(
		os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made.Certificate[0]}), 0o600),
		os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret}), 0o600))
	if err != nil {
		return "", "", fmt.Errorf("writing a certificate: %w", err)
	}
	return cert, key, nil
}
