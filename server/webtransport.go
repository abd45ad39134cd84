package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/protocol/hostname"
	"github.com/throng-io/throng/server/internal/transport"
)

// ServeWebTransport serves sessions over WebTransport (HTTP/3 over QUIC) on a UDP socket, until
// Shutdown or an error of the socket, and closes it. It returns nil after Shutdown. config needs a
// certificate, see TLSConfig and DevCertificate; what it says about protocols and versions does not
// matter, and a panic of one of its functions fails the handshake that it is called for. It may be
// called for several sockets.
//
// While it runs, clients that begin with polling are offered an upgrade to WebTransport, unless
// Options.NoUpgrades is set. A client looks for it at the address of the server, so the port should
// be the one of Serve. Official clients that know WebTransport wait 200 ms for it before they try a
// websocket.
//
// Origins are checked as for websockets, see Options.CheckOrigin. AllowRequest gets the request of
// method CONNECT, after it has been accepted: its error ends the session with the text. Headers and
// Cookie do not apply, and of Options.Transports WebTransport is independent.
func (s *Server) ServeWebTransport(socket net.PacketConn, config *tls.Config) error {
	if err := checkValidity(config); err != nil {
		_ = socket.Close()
		return err
	}
	w, err := s.engine.NewWebTransport(socket, s.guardTLS(config), webTransportAdmission{s})
	if err != nil {
		return fmt.Errorf("server: WebTransport: %w", err)
	}
	s.mu.Lock()
	if s.stopped {
		s.mu.Unlock()
		return w.Close()
	}
	s.quic = append(s.quic, w)
	s.mu.Unlock()
	return w.Serve()
}

// checkValidity refuses certificates that clients would refuse, who only say that they cannot
// connect.
func checkValidity(config *tls.Config) error {
	if err := checkCertificate(config); err != nil {
		return err
	}
	now := time.Now()
	for _, cert := range config.Certificates {
		leaf, err := leafOf(cert)
		switch {
		case err != nil:
			return err
		case now.After(leaf.NotAfter):
			return fmt.Errorf("server: WebTransport: the certificate %q expired on %s; renew it", leaf.Subject.CommonName, leaf.NotAfter.UTC().Format(time.DateTime))
		case now.Before(leaf.NotBefore):
			return fmt.Errorf("server: WebTransport: the certificate %q is valid from %s on only; check the clock", leaf.Subject.CommonName, leaf.NotBefore.UTC().Format(time.DateTime))
		}
	}
	return nil
}

// leafOf returns the certificate itself, without those that vouch for it.
func leafOf(cert tls.Certificate) (*x509.Certificate, error) {
	if len(cert.Certificate) == 0 {
		return nil, errors.New("server: the certificate is empty; load one with TLSConfig or make one with DevCertificate")
	}
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		return nil, fmt.Errorf("server: certificate: %w", err)
	}
	return leaf, nil
}

func closeAll(all []*transport.WebTransport) (err error) {
	for _, w := range all {
		err = errors.Join(err, w.Close())
	}
	return err
}

// webTransportAdmission is what handle does for requests of WebTransport.
type webTransportAdmission struct{ *Server }

// Admit implements transport.Admission.
func (s webTransportAdmission) Admit(ctx *fasthttp.RequestCtx) bool {
	_, ours := s.below(string(ctx.Request.Header.RequestURI()))
	allowed := false
	failed := s.guard(func() { allowed = s.originAllowed(ctx) })
	switch {
	case s.opts.Hosts != nil && !hostname.Allowed(string(ctx.Host()), s.opts.Hosts):
		ctx.Error(hostname.Refusal, fasthttp.StatusMisdirectedRequest)
	case !ours:
		notFound(ctx)
	case failed != nil:
		ctx.Error("internal error\n", fasthttp.StatusInternalServerError)
	case !allowed:
		ctx.Error("origin not allowed\n", fasthttp.StatusForbidden)
	default:
		return true
	}
	return false
}

// Release implements transport.Admission.
func (s webTransportAdmission) Release(ctx *fasthttp.RequestCtx) { s.releaseReservation(ctx) }

// Browsers accept a certificate by its hash, without an authority, if it is of an ECDSA key on the
// curve P-256 and valid for at most two weeks (W3C WebTransport, "custom certificate
// requirements").
const (
	hashedValidity = 14 * 24 * time.Hour
	devValidity    = 13 * 24 * time.Hour // beside the hour before now, for clocks that are behind
)

// DevCertificate makes a certificate for development: of an ECDSA key on P-256, valid for 13 days
// from now, for the hosts, which are names or addresses, and always for localhost. No authority
// vouches for it: clients know it by its CertificateHash.
func DevCertificate(hosts ...string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("server: key of a certificate: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("server: number of a certificate: %w", err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "throng development"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(devValidity),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else if host != "" && host != "localhost" {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("server: certificate for %q: %w", hosts, err)
	}
	leaf, err := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, err
}

// CertificateHash returns the SHA-256 hash of a certificate in standard base64, for the option
// serverCertificateHashes of clients of WebTransport. The error says why browsers would refuse the
// certificate.
func CertificateHash(cert tls.Certificate) (string, error) {
	leaf, err := leafOf(cert)
	if err != nil {
		return "", err
	}
	key, ok := leaf.PublicKey.(*ecdsa.PublicKey)
	const use = "browsers accept a certificate by its hash only"
	switch {
	case !ok || key.Curve != elliptic.P256():
		return "", errors.New("server: " + use + " if its key is ECDSA P-256; make another one")
	case leaf.NotAfter.Sub(leaf.NotBefore) > hashedValidity:
		return "", fmt.Errorf("server: "+use+" if it is valid for at most 14 days, not %d; make another one",
			leaf.NotAfter.Sub(leaf.NotBefore)/(24*time.Hour))
	case time.Now().After(leaf.NotAfter):
		return "", fmt.Errorf("server: the certificate expired on %s; make another one", leaf.NotAfter.UTC().Format(time.DateOnly))
	}
	sum := sha256.Sum256(leaf.Raw)
	return base64.StdEncoding.EncodeToString(sum[:]), nil
}
