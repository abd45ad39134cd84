package server_test

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
	"io"
	"math/big"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/webtransport-go"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/app"
)

// serveQUIC serves a server over WebTransport, and returns its base URL and what its clients trust.
func serveQUIC(t *testing.T, srv *server.Server) (base string, trust *tls.Config) {
	t.Helper()
	cert, err := server.DevCertificate()
	if err != nil {
		t.Fatal(err)
	}
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.ServeWebTransport(socket, &tls.Config{Certificates: []tls.Certificate{cert}}) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil && !strings.Contains(err.Error(), "called before") {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return "https://" + socket.LocalAddr().String(), &tls.Config{InsecureSkipVerify: true, VerifyPeerCertificate: knownBy(cert)} //nolint:gosec // by its hash
}

// knownBy accepts a certificate by its hash, as browsers do.
func knownBy(cert tls.Certificate) func([][]byte, [][]*x509.Certificate) error {
	return func(raw [][]byte, _ [][]*x509.Certificate) error {
		want, err := server.CertificateHash(cert)
		if err != nil {
			return err
		}
		if sum := sha256.Sum256(raw[0]); base64.StdEncoding.EncodeToString(sum[:]) != want {
			return errors.New("another certificate")
		}
		return nil
	}
}

// channel is a client's stream of WebTransport.
type channel struct {
	*testing.T
	session *webtransport.Session
	stream  *webtransport.Stream
	in      []byte
}

// dialQUIC opens a session of WebTransport.
func dialQUIC(t *testing.T, url string, trust *tls.Config, header http.Header) (*webtransport.Session, *http.Response, error) {
	t.Helper()
	d := webtransport.Transport{
		TLSClientConfig: trust,
		QUICConfig:      &quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true},
	}
	t.Cleanup(func() { _ = d.Close() })
	resp, s, err := d.Dial(t.Context(), url, header)
	if err == nil {
		t.Cleanup(func() { _ = s.CloseWithError(0, "") })
	}
	return s, resp, err
}

// openChannel opens a session and its stream, and sends the first packet.
func openChannel(t *testing.T, url string, trust *tls.Config, first string) *channel {
	t.Helper()
	s, _, err := dialQUIC(t, url, trust, nil)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := s.OpenStream()
	if err != nil {
		t.Fatal(err)
	}
	_ = stream.SetReadDeadline(time.Now().Add(time.Minute))
	c := &channel{T: t, session: s, stream: stream}
	c.send(first)
	return c
}

func (c *channel) write(b []byte) {
	c.Helper()
	if _, err := c.stream.Write(b); err != nil {
		c.Fatal(err)
	}
}

func (c *channel) send(text string) {
	c.Helper()
	c.write(engineio.AppendFrame(nil, engineio.Packet{Type: engineio.Type(text[0] - '0'), Data: []byte(text[1:])}))
}

func (c *channel) sendBinary(data string) {
	c.Helper()
	c.write(engineio.AppendFrame(nil, engineio.Packet{Type: engineio.Message, Binary: true, Data: []byte(data)}))
}

// packet reads a packet, or the error that ends the stream.
func (c *channel) packet() (engineio.Packet, error) {
	for {
		p, n, err := engineio.ParseFrame(c.in, 1<<20)
		if err != nil {
			return p, err
		}
		if n > 0 {
			c.in = c.in[n:]
			return p, nil
		}
		var buf [4096]byte
		n, err = c.stream.Read(buf[:])
		c.in = append(c.in, buf[:n]...)
		if err != nil && n == 0 {
			return p, err
		}
	}
}

func (c *channel) text() string {
	c.Helper()
	p, err := c.packet()
	if err != nil {
		c.Fatal(err)
	}
	if p.Binary {
		c.Fatalf("binary %q", p.Data)
	}
	return fmt.Sprintf("%d%s", p.Type, p.Data)
}

func (c *channel) expect(want string) {
	c.Helper()
	if got := c.text(); got != want {
		c.Fatalf("got %.200q, want %.200q", got, want)
	}
}

func (c *channel) expectBinary(want string) {
	c.Helper()
	p, err := c.packet()
	if err != nil || !p.Binary || string(p.Data) != want {
		c.Fatalf("got %v %.200q, error %v; want binary %.200q", p.Type, p.Data, err, want)
	}
}

// end reads until the session ends, and returns how.
func (c *channel) end() error {
	c.Helper()
	for {
		if _, err := c.packet(); errors.Is(err, io.EOF) {
			select {
			case <-c.session.Context().Done():
			case <-time.After(time.Minute):
				c.Fatal("the stream has ended, the session has not")
			}
			_, err = c.session.AcceptStream(context.Background())
			return err
		} else if err != nil {
			return err
		}
	}
}

func TestWebTransport(t *testing.T) {
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	app.Protocol(srv)
	way := make(chan string, 1)
	gone := make(chan string, 1)
	srv.OnConnect(func(s *server.Socket) {
		way <- fmt.Sprintf("%s %v %s", s.Transport(), s.Handshake().Secure, s.Handshake().Path)
	})
	srv.OnDisconnect(func(_ *server.Socket, reason string) { gone <- reason })
	url, trust := serveQUIC(t, srv)

	c := openChannel(t, url+"/socket.io/", trust, "0")
	if open := c.text(); !strings.HasPrefix(open, `0{"sid":"`) || !strings.Contains(open, `"upgrades":[]`) {
		t.Fatalf("handshake %s", open)
	}
	c.send("40")
	c.text()
	c.expect(`42["auth",{}]`)
	if got := <-way; got != "webtransport true /socket.io/" {
		t.Errorf("the connection is %s", got)
	}
	for i := range 200 {
		c.send(fmt.Sprintf(`452-["message",%d,{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, i))
		c.sendBinary(strings.Repeat("x", i*100))
		c.sendBinary("")
	}
	for i := range 200 {
		c.expect(fmt.Sprintf(`452-["message-back",%d,{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, i))
		c.expectBinary(strings.Repeat("x", i*100))
		c.expectBinary("")
	}
	if st := srv.Stats(); st.WebTransport != 1 || st.Sessions != 1 {
		t.Errorf("stats %+v", st)
	}
	_ = c.session.CloseWithError(0, "")
	if reason := <-gone; reason != "transport close" {
		t.Errorf("the reason is %q", reason)
	}
}

// TestUpgradeToWebTransport moves a session from polling, with what is queued meanwhile.
func TestUpgradeToWebTransport(t *testing.T) {
	srv, err := server.New(server.Options{Engine: app.Echo})
	if err != nil {
		t.Fatal(err)
	}
	base := serve(t, srv)
	offered := func() []string {
		_, body := exchange(t, "GET", base+"/engine.io/?EIO=4&transport=polling", "", nil)
		return handshakeOf(t, body).Upgrades
	}
	if up := offered(); !slices.Equal(up, []string{"websocket"}) {
		t.Errorf("without WebTransport, the upgrades are %q", up)
	}
	url, trust := serveQUIC(t, srv)
	url += "/engine.io/"
	for end := time.Now().Add(patience); !slices.Equal(offered(), []string{"websocket", "webtransport"}); {
		if time.Now().After(end) {
			t.Fatalf("the upgrades are %q", offered())
		}
	}

	p := poll(t, base, "/engine.io/")
	for _, wrong := range []string{`0{"sid":"__proto__"}`, `0{"sid":""}`, `0{`, "2", `0[]`, "4early"} {
		if err := openChannel(t, url, trust, wrong).end(); err == nil {
			t.Errorf("%s is answered", wrong)
		}
	}
	c := openChannel(t, url, trust, `0{"sid":"`+p.sid+`"}`)
	c.send("2probe")
	c.expect("3probe")
	// a second one at once does not touch the first
	second := openChannel(t, url, trust, `0{"sid":"`+p.sid+`"}`)
	second.send("2probe")
	if err := second.end(); err == nil {
		t.Error("a second upgrade at once is answered")
	}
	p.post("4queued")
	c.send("5")
	c.expect("4queued")
	c.send("4direct")
	c.expect("4direct")
	if resp, _ := exchange(t, "GET", p.url, "", nil); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("a poll of the upgraded session is answered with %s", resp.Status)
	}
	if st := srv.Stats(); st.WebTransport != 1 || st.Upgrades != 1 {
		t.Errorf("stats %+v", st)
	}
	// nor can a session be taken over that has left polling
	if err := openChannel(t, url, trust, `0{"sid":"`+p.sid+`"}`).end(); err == nil {
		t.Error("an upgrade of an upgraded session is answered")
	}
	c.send("4still")
	c.expect("4still")
}

func TestCertificates(t *testing.T) {
	cert, err := server.DevCertificate("example.test", "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	if err := cert.Leaf.VerifyHostname("example.test"); err != nil {
		t.Error(err)
	}
	if err := cert.Leaf.VerifyHostname("192.0.2.1"); err != nil {
		t.Error(err)
	}
	sum := sha256.Sum256(cert.Certificate[0])
	if hash, err := server.CertificateHash(cert); err != nil || hash != base64.StdEncoding.EncodeToString(sum[:]) {
		t.Errorf("the hash is %q, error %v", hash, err)
	}
	now := time.Now()
	day := 24 * time.Hour
	for _, c := range []struct {
		curve       elliptic.Curve
		from, until time.Time
		hash, serve string // parts of the errors
	}{
		{elliptic.P256(), now.Add(-day), now.Add(13 * day), "", ""},
		{elliptic.P256(), now.Add(-day), now.Add(14 * day), "at most 14 days, not 15", ""},
		{elliptic.P384(), now.Add(-day), now.Add(day), "ECDSA P-256", ""},
		{elliptic.P256(), now.Add(-2 * day), now.Add(-day), "expired on", "expired on"},
		{elliptic.P256(), now.Add(day), now.Add(2 * day), "", "is valid from"},
	} {
		cert := certificateOf(t, c.curve, c.from, c.until)
		if _, err := server.CertificateHash(cert); !says(err, c.hash) {
			t.Errorf("the hash of %v to %v: %v, want %q", c.from, c.until, err, c.hash)
		}
		if c.serve == "" {
			continue
		}
		srv, err := server.New(server.Options{})
		if err != nil {
			t.Fatal(err)
		}
		socket, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if err := srv.ServeWebTransport(socket, &tls.Config{Certificates: []tls.Certificate{cert}}); !says(err, c.serve) {
			t.Errorf("served %v to %v: %v, want %q", c.from, c.until, err, c.serve)
		}
	}
}

// says reports whether an error has a text, or is none if that is "".
func says(err error, text string) bool {
	if err == nil || text == "" {
		return err == nil && text == ""
	}
	return strings.Contains(err.Error(), text)
}

func certificateOf(t *testing.T, curve elliptic.Curve, from, until time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
