package scenario

import (
	"crypto/sha256"
	"crypto/x509"
	"strings"
	"testing"
	"time"
)

// TestCheckHashes accepts a certificate as browsers do that know its hash.
func TestCheckHashes(t *testing.T) {
	now := time.Date(2026, 1, 10, 0, 0, 0, 0, time.UTC)
	cert := func(from, days int) *x509.Certificate {
		begin := now.AddDate(0, 0, from)
		return &x509.Certificate{Raw: []byte("certificate"), NotBefore: begin, NotAfter: begin.AddDate(0, 0, days)}
	}
	own, other := sha256.Sum256([]byte("certificate")), sha256.Sum256([]byte("other"))
	for name, tt := range map[string]struct {
		hash [32]byte
		cert *x509.Certificate
		want string
	}{
		"right":    {own, cert(-1, 14), ""},
		"wrong":    {other, cert(-1, 14), "which target.tls.hash does not name"},
		"expired":  {own, cert(-14, 13), "expired at 2026-01-09T"},
		"early":    {own, cert(1, 13), "not valid before 2026-01-11T"},
		"too long": {own, cert(-1, 15), "valid for 15.0 days"},
	} {
		err := checkHashes([][32]byte{{}, tt.hash}, tt.cert, now)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}
