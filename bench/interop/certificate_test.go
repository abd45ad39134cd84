//go:build interop

package interop

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/result"
	library "github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/app"
)

// What a certificate is that clients are to accept by its hash.
const (
	shortLived = "valid for 13 days"
	longLived  = "valid for 15 days"
	expired    = "expired"
)

// A hashed server has WebTransport with a certificate of this hash.
type hashedServer struct{ url, hash string }

// certified starts a server for each kind of certificate. The expired one is given to each
// connection anew, as by a program that should have renewed it: such a one is not refused at the
// start.
func certified(t *testing.T, origin string) map[string]hashedServer {
	t.Helper()
	now, day := time.Now(), 24*time.Hour
	all := map[string]hashedServer{}
	for name, valid := range map[string][2]time.Time{
		shortLived: {now.Add(-time.Hour), now.Add(13*day - time.Hour)},
		longLived:  {now.Add(-day), now.Add(14 * day)},
		expired:    {now.Add(-2 * day), now.Add(-day)},
	} {
		cert := certificate(t, valid[0], valid[1])
		srv, err := app.New("protocol", library.Options{CORS: &library.CORS{Origins: []string{origin}}})
		if err != nil {
			t.Fatal(err)
		}
		ln, socket := onePort(t)
		ended := make(chan error, 2)
		go func() { ended <- srv.Serve(ln) }()
		go func() {
			ended <- srv.ServeWebTransport(socket, &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &cert, nil }})
		}()
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			if err := errors.Join(srv.Shutdown(ctx), <-ended, <-ended); err != nil {
				t.Error(err)
			}
		})
		sum := sha256.Sum256(cert.Certificate[0])
		all[name] = hashedServer{"http://" + ln.Addr().String(), base64.StdEncoding.EncodeToString(sum[:])}
	}
	return all
}

func certificate(t *testing.T, from, until time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: until, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// onePort is TCP and UDP at one free port: clients look for WebTransport where the server is.
func onePort(t *testing.T) (net.Listener, net.PacketConn) {
	t.Helper()
	for range 20 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		socket, err := net.ListenPacket("udp", ln.Addr().String())
		if err == nil {
			return ln, socket
		}
		_ = ln.Close()
	}
	t.Fatal("no port is free for TCP and UDP")
	return nil, nil
}

// Simulated clients take a certificate by its hash as browsers do: of a wrong one the class of the
// error says that it is the certificate, the report says what is wrong with it, and an upgrade stays
// with polling.
func TestCertificatesByHash(t *testing.T) {
	t.Parallel()
	for name, s := range certified(t, "http://nowhere.example") {
		dir := t.TempDir()
		text := fmt.Sprintf(`
version: 1
name: hashes
target: {url: %q, tls: {hash: %q}}
groups:
  upgrading: {count: 3, transport: upgrade-webtransport, connect: {timeout: 30s}} # first, so that the target can be reached
  direct: {count: 3, transport: webtransport, connect: {timeout: 30s}}
phases:
  - {name: ramp, for: 2s, clients: 0%%..100%%, record: false}
  - {name: hold, for: 2s}
`, s.url, s.hash)
		path := filepath.Join(dir, "hashes.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		printed, _ := exec.Command(throng, "run", path, "--out", filepath.Join(dir, "out"), "--quiet").CombinedOutput() // fails where clients do
		run, err := result.Read(filepath.Join(dir, "out"))
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, printed)
			continue
		}
		c := &run.Cells[0]
		warnings := strings.Join(c.Warnings, "\n")
		switch reason, wrong := map[string]string{longLived: "valid for 15.0 days, and browsers accept a hash for at most 14", expired: "the certificate expired at"}[name]; {
		case !wrong && (len(c.Errors) > 0 || c.Clients.Failed > 0):
			t.Errorf("%s: %+v, errors %v: %s", name, c.Clients, c.Errors, warnings)
		case wrong && (c.Clients.Failed != 3 || c.Errors["connect.tls"] == 0 || c.Errors["upgrade.tls"] != 3 || len(c.Errors) != 2):
			t.Errorf("%s: %+v, errors %v, want connect.tls of 3 clients and upgrade.tls of 3: %s", name, c.Clients, c.Errors, warnings)
		case !strings.Contains(warnings, reason):
			t.Errorf("%s: no %q in %s", name, reason, warnings)
		}
	}
}
