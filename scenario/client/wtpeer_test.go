package client

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"

	"github.com/throng-io/throng/protocol/engineio"
)

func init() { lingerTime = patience } // a slow machine loses no goodbye

// certificate is one of 127.0.0.1, valid until then, and the pool that trusts it.
func certificate(t *testing.T, until time.Time) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: until.Add(-48 * time.Hour), NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool
}

// A wtPeer is the server's end of a WebTransport session, played by a test.
type wtPeer struct {
	*webtransport.Stream
	t       *testing.T
	session *webtransport.Session
	request *http.Request
	r       *bufio.Reader
	vanish  func() // the server's socket is closed, and nobody is told
}

// listenQUIC plays script for the stream of each session and returns host:port and the
// configuration that trusts the server. The end of a script ends the session.
func listenQUIC(t *testing.T, script func(p *wtPeer)) (addr string, conf *tls.Config) {
	t.Helper()
	return serveQUIC(t, func(s *webtransport.Server, vanish func()) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			session, err := s.Upgrade(w, r)
			if err != nil {
				t.Errorf("upgrade: %v", err)
				return
			}
			defer func() { _ = session.CloseWithError(0, "") }()
			stream, err := session.AcceptStream(r.Context())
			if err != nil {
				return // the client has gone
			}
			_ = stream.SetDeadline(time.Now().Add(patience))
			script(&wtPeer{Stream: stream, t: t, session: session, request: r, r: bufio.NewReader(stream), vanish: vanish})
			_ = stream.Close()
			_, _ = io.Copy(io.Discard, stream) // until the client has read it all, and goes
		}
	})
}

// serveQUIC serves one handler over HTTP/3 until the test ends. The clients are closed before.
func serveQUIC(t *testing.T, handler func(s *webtransport.Server, vanish func()) http.HandlerFunc) (addr string, conf *tls.Config) {
	t.Helper()
	cert, pool := certificate(t, time.Now().Add(time.Hour))
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &webtransport.Server{H3: &http3.Server{
		TLSConfig:  http3.ConfigureTLSConfig(&tls.Config{Certificates: []tls.Certificate{cert}}),
		QUICConfig: &quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true},
	}}
	webtransport.ConfigureHTTP3Server(s.H3)
	s.H3.Handler = handler(s, func() { udp.Close() })
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Serve(udp) })
	t.Cleanup(func() {
		s.Close()
		udp.Close()
		wg.Wait()
	})
	return udp.LocalAddr().String(), &tls.Config{RootCAs: pool}
}

// packet reads one frame of the client.
func (p *wtPeer) packet() (engineio.Packet, error) {
	for n := 1; ; n++ {
		head, err := p.r.Peek(n)
		if err != nil {
			return engineio.Packet{}, err
		}
		size, err := engineio.FrameSize(head, 1<<20)
		if err != nil {
			return engineio.Packet{}, err
		}
		if size == 0 {
			continue
		}
		b := make([]byte, size)
		if _, err := io.ReadFull(p.r, b); err != nil {
			return engineio.Packet{}, err
		}
		q, _, err := engineio.ParseFrame(b, 1<<20)
		return q, err
	}
}

// expect reads a text packet of the client.
func (p *wtPeer) expect(want string) bool {
	q, err := p.packet()
	if got := string(q.AppendText(nil)); err != nil || q.Binary || got != want {
		p.t.Errorf("packet of the client: %q %v, want %q", got, err, want)
		return false
	}
	return true
}

// text writes a text packet.
func (p *wtPeer) text(s string) {
	q, err := engineio.Parse([]byte(s))
	if err != nil {
		p.t.Error(err)
	}
	_, _ = p.Write(engineio.AppendFrame(nil, q))
}

// join lets a client into its namespace.
func (p *wtPeer) join(interval, timeout int) bool {
	if !p.expect("0") {
		return false
	}
	p.text(open(interval, timeout, ""))
	if !p.expect("40") {
		return false
	}
	p.text(`40{"sid":"public"}`)
	return true
}

// quicConfig is the Config of a client of such a server.
func quicConfig(addr string, conf *tls.Config) *Config {
	return &Config{URL: "https://" + addr, Transport: WebTransport, TLS: conf, Timeout: patience}
}

// acceptQUIC accepts QUIC connections of a protocol and plays script for each, or says nothing.
func acceptQUIC(t *testing.T, protocol string, script func(*quic.Conn)) (addr string, conf *tls.Config) {
	t.Helper()
	cert, pool := certificate(t, time.Now().Add(time.Hour))
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tr := &quic.Transport{Conn: udp}
	ln, err := tr.Listen(&tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{protocol}}, &quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := ln.Accept(context.Background())
			if err != nil {
				return
			}
			if script != nil {
				wg.Go(func() { script(conn) })
			}
		}
	})
	t.Cleanup(func() {
		tr.Close()
		udp.Close()
		wg.Wait()
	})
	return ln.Addr().String(), &tls.Config{RootCAs: pool}
}
