package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"github.com/throng-io/throng/server"
)

// quicListening is where serve listens for WebTransport.
type quicListening struct {
	address string // empty: nowhere
	dev     bool
}

func (q *quicListening) register(f *pflag.FlagSet) {
	f.StringVar(&q.address, "webtransport", "", "also serve WebTransport on this UDP address; port 0 takes the port of --listen; needs --tls-cert or --webtransport-dev")
	f.BoolVar(&q.dev, "webtransport-dev", false, "serve --webtransport with a certificate for development, made for this run, whose SHA-256 hash is printed")
}

// listen opens the sockets of WebTransport, nil for none, with their TLS: that of the operator, or
// one for development. It returns what to print about it. tcp is where the server listens for HTTP.
func (q *quicListening) listen(config *tls.Config, tcp net.Addr) (sockets []net.PacketConn, with *tls.Config, note string, err error) {
	switch {
	case q.address == "" && q.dev:
		return nil, nil, "", errors.New("--webtransport-dev needs --webtransport, the address to listen on")
	case q.address == "":
		return nil, nil, "", nil
	case config == nil && !q.dev:
		return nil, nil, "", errors.New("--webtransport needs a certificate: --tls-cert and --tls-key, or --webtransport-dev to try it out")
	case config != nil && q.dev:
		return nil, nil, "", errors.New("--webtransport-dev and --tls-cert exclude each other; leave one out")
	}
	host, port, err := net.SplitHostPort(q.address)
	if err != nil {
		return nil, nil, "", fmt.Errorf("--webtransport %q is not an address (%s); use HOST:PORT, such as localhost:3000 or :3000", q.address, whatOf(err))
	}
	if t, ok := tcp.(*net.TCPAddr); ok && port == "0" {
		port = strconv.Itoa(t.Port)
	}
	if q.dev {
		cert, err := server.DevCertificate(host)
		if err != nil {
			return nil, nil, "", fmt.Errorf("--webtransport-dev: %w", err)
		}
		config = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13}
	}
	if sockets, err = listenPackets(host, port); err != nil {
		return nil, nil, "", fmt.Errorf("--webtransport %s: %w", q.address, err)
	}
	return sockets, config, q.note(sockets[0].LocalAddr(), config), nil
}

// note is what to print: the address, and the hash for browsers if they take one.
func (q *quicListening) note(at net.Addr, config *tls.Config) string {
	var b strings.Builder
	fmt.Fprintf(&b, "webtransport on https://%s", at)
	cert := config.Certificates[0]
	hash, err := server.CertificateHash(cert)
	if err != nil { // clients need an authority that vouches for the certificate
		return b.String() + "\n"
	}
	fmt.Fprintf(&b, ", certificate sha-256 %s\n", hash)
	if q.dev {
		fmt.Fprintf(&b, `  browsers accept it until %s: io("https://%s", {transports: ["webtransport"], transportOptions: {webtransport:
    {serverCertificateHashes: [{algorithm: "sha-256", value: Uint8Array.from(atob(%q), (c) => c.charCodeAt(0))}]}}})
`, cert.Leaf.NotAfter.UTC().Format(time.DateOnly), at, hash)
	}
	return b.String()
}

// listenPackets listens on a UDP address; for localhost on both address families, as listenAll.
func listenPackets(host, port string) ([]net.PacketConn, error) {
	if host != "localhost" {
		one, err := listenPacket(host, port)
		return []net.PacketConn{one}, err
	}
	four, err := listenPacket("127.0.0.1", port)
	if err != nil {
		return nil, err
	}
	_, chosen, _ := net.SplitHostPort(four.LocalAddr().String())
	six, err := listenPacket("::1", chosen)
	switch {
	case err == nil:
		return []net.PacketConn{four, six}, nil
	case errors.Is(err, syscall.EADDRINUSE):
		_ = four.Close()
		return nil, err
	}
	return []net.PacketConn{four}, nil // without IPv6 on this machine, IPv4 has to do
}

func listenPacket(host, port string) (net.PacketConn, error) {
	socket, err := net.ListenPacket("udp", net.JoinHostPort(host, port))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("the UDP port %s is in use (%w); choose another one", port, err)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("not permitted (%w); choose a port above 1023", err)
	}
	return socket, err
}
