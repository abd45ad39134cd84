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
	"math/big"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"
	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/app"
)

// serveQUIC serves a server over WebTransport, and returns its base URL and what its clients trust.
func serveQUIC(t *testing.T, srv *server.Server) (base string, trust *tls.Config) {
	t.Helper()
	return serveQUICChanged(t, srv, func(*tls.Config) {})
}

// serveQUICChanged is serveQUIC with a configuration that has been changed.
func serveQUICChanged(t *testing.T, srv *server.Server, change func(*tls.Config)) (base string, trust *tls.Config) {
	t.Helper()
	cert, err := server.DevCertificate()
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	change(config)
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.ServeWebTransport(socket, config) }()
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

// dialQUIC opens a session of WebTransport with a server on this machine, whatever host the URL
// names.
func dialQUIC(t *testing.T, url string, trust *tls.Config, header http.Header) (*webtransport.Session, *http.Response, error) {
	t.Helper()
	d := webtransport.Transport{
		TLSClientConfig: trust,
		// it is the server that ends a silent connection
		QUICConfig: &quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true, KeepAlivePeriod: time.Second},
		DialAddr: func(ctx context.Context, addr string, tlsCfg *tls.Config, cfg *quic.Config) (*quic.Conn, error) {
			return quic.DialAddrEarly(ctx, "127.0.0.1"+addr[strings.LastIndexByte(addr, ':'):], tlsCfg, cfg)
		},
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

// end reads until the session ends, and returns how. The end of a session resets its streams, which
// may be read before what says why.
func (c *channel) end() error {
	c.Helper()
	for {
		_, err := c.packet()
		if err == nil {
			continue
		}
		select {
		case <-c.session.Context().Done():
		case <-time.After(time.Minute):
			c.Fatalf("the stream has ended with %v, the session has not", err)
		}
		_, err = c.session.AcceptStream(context.Background())
		return err
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

// A handler learns that its client has gone, though nothing of it is read meanwhile.
func TestContextOverWebTransport(t *testing.T) {
	srv, waits, ended := waitingServer(t)
	url, trust := serveQUIC(t, srv)
	c := openChannel(t, url+"/socket.io/", trust, "0")
	c.text()
	c.send("40")
	c.text()
	c.send(`42["wait"]`)
	<-waits
	_ = c.session.CloseWithError(0, "")
	if !<-ended {
		t.Error("the context does not end")
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

// Nobody could connect where there is no certificate.
func TestTLSNeedsACertificate(t *testing.T) {
	for _, config := range []*tls.Config{nil, {}} {
		srv, err := server.New(server.Options{})
		if err != nil {
			t.Fatal(err)
		}
		socket, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if err := srv.ServeWebTransport(socket, config); !says(err, "no certificate") {
			t.Errorf("WebTransport is served without: %v", err)
		}
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if err := srv.Serve(server.NewTLSListener(ln, config)); !says(err, "no certificate") {
			t.Errorf("HTTPS is served without: %v", err)
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

// TestWebTransportEnds is about the reasons of an end, and what of a client's last words is heard.
func TestWebTransportEnds(t *testing.T) {
	ends := make(chan string, 10)
	srv, err := server.New(server.Options{Limits: server.Limits{MaxPayload: 1000}, Logger: silent})
	if err != nil {
		t.Fatal(err)
	}
	srv.OnDisconnect(func(_ *server.Socket, reason string) { ends <- reason })
	srv.On("bye", func(s *server.Socket, _ *server.Event) error {
		err := s.Emit("last", strings.Repeat("x", 100_000))
		s.Disconnect(true)
		return err
	})
	url, trust := serveQUIC(t, srv)
	joined := func(t *testing.T) *channel {
		c := openChannel(t, url+"/socket.io/", trust, "0")
		c.text()
		c.send("40")
		c.text()
		return c
	}
	for _, e := range []struct {
		what, reason string
		do           func(c *channel)
	}{
		{"the client closes its session", "transport close", func(c *channel) { _ = c.session.CloseWithError(7, "why") }},
		{"the client closes its stream", "transport close", func(c *channel) { _ = c.stream.Close() }},
		{"the client sends a close packet", "transport close", func(c *channel) { c.send("1") }},
		{"the client resets its stream", "transport error", func(c *channel) { c.stream.CancelWrite(3) }},
		{"a frame above the limit", "parse error", func(c *channel) { c.write([]byte{126, 1001 >> 8, 1001 & 0xff}) }},
		{"an empty frame", "parse error", func(c *channel) { c.write([]byte{0}) }},
		{"no packet", "parse error", func(c *channel) { c.send("9") }},
		{"the client leaves the namespace", "client namespace disconnect", func(c *channel) { c.send("41") }},
		{"the server disconnects", "server namespace disconnect", func(c *channel) {
			c.send(`42["bye"]`)
			if got := c.text(); !strings.HasPrefix(got, `42["last","xxx`) || len(got) < 100_000 {
				c.Errorf("the last message is %.100q, %d bytes long", got, len(got))
			}
			c.expect("41")
			if err := c.end(); !errors.Is(err, &webtransport.SessionError{Remote: true}) {
				c.Errorf("the session ends with %v", err)
			}
		}},
	} {
		t.Run(e.what, func(t *testing.T) {
			e.do(joined(t))
			select {
			case got := <-ends:
				if got != e.reason {
					t.Errorf("the reason is %q, want %q", got, e.reason)
				}
			case <-time.After(patience):
				t.Error("the session does not end")
			}
		})
	}
	eventually(t, "no session is left", func() bool { return srv.Stats().Sessions == 0 })
}

// TestWebTransportGate is about clients that are not let in, and those that say nothing.
func TestWebTransportGate(t *testing.T) {
	refused := make(chan string, 10)
	srv, err := server.New(server.Options{
		CheckOrigin: true, Hosts: []string{"throng.test"}, Logger: silent,
		Times:  server.Times{UpgradeTimeout: patience},
		Limits: server.Limits{MaxSessions: 1},
		AllowRequest: func(ctx *fasthttp.RequestCtx) error {
			switch string(ctx.QueryArgs().Peek("let")) {
			case "no":
				return errors.New("not you")
			case "panic":
				panic("the application's own mistake")
			}
			return nil
		},
		OnConnectionError: func(e *server.ConnectionError) { refused <- e.Message },
	})
	if err != nil {
		t.Fatal(err)
	}
	url, trust := serveQUIC(t, srv)
	for _, c := range []struct {
		what, path, origin string
		status             int
	}{
		{"another path", "/other/", "", http.StatusNotFound},
		{"another origin", "/socket.io/", "https://elsewhere.test", http.StatusForbidden},
		{"its own origin", "/socket.io/", url, http.StatusOK},
		{"no browser", "/socket.io/", "", http.StatusOK},
	} {
		header := http.Header{}
		if c.origin != "" {
			header.Set("Origin", c.origin)
		}
		if _, resp, _ := dialQUIC(t, url+c.path, trust, header); resp == nil || resp.StatusCode != c.status {
			t.Errorf("%s: answered with %v, want %d", c.what, resp, c.status)
		}
	}
	elsewhere := strings.Replace(url, "127.0.0.1", "elsewhere.test", 1)
	if _, resp, _ := dialQUIC(t, elsewhere+"/socket.io/", trust, nil); resp == nil || resp.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("another host: answered with %v", resp)
	}

	code := func(path, first string) *webtransport.SessionError {
		end, _ := errors.AsType[*webtransport.SessionError](openChannel(t, url+"/socket.io/"+path, trust, first).end())
		return end
	}
	for _, c := range []struct {
		path, first, message string
		code                 webtransport.SessionErrorCode
	}{
		{"?let=no", "0", "not you", 5},
		{"?let=panic", "0", "internal error", 5},
		{"", `0{"sid":"guessed"}`, "Session ID unknown", 2},
	} {
		if end := code(c.path, c.first); end == nil || end.Message != c.message || end.ErrorCode != c.code {
			t.Errorf("%s with %s ends with %+v, want %d %q", c.first, c.path, end, c.code, c.message)
		}
		if got := <-refused; got != c.message {
			t.Errorf("OnConnectionError is told %q, want %q", got, c.message)
		}
	}
	one := openChannel(t, url+"/socket.io/", trust, "0")
	one.text()
	if _, err := one.session.OpenStream(); err == nil {
		t.Error("a client may open a second stream")
	}
	if end := code("", "0"); end == nil || end.Message != "too many sessions" {
		t.Errorf("one session too many ends with %v", end)
	}

	// Clients that say nothing, at each of the steps. The handshake of QUIC has the same time.
	if srv, err = server.New(server.Options{Logger: silent, Times: server.Times{UpgradeTimeout: 2 * time.Second}}); err != nil {
		t.Fatal(err)
	}
	url, trust = serveQUIC(t, srv)
	silentOne, _, err := dialQUIC(t, url+"/socket.io/", trust, nil)
	if err != nil {
		t.Fatal(err)
	}
	halfway, _, err := dialQUIC(t, url+"/socket.io/", trust, nil)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := halfway.OpenStream()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Write([]byte{126}); err != nil {
		t.Fatal(err)
	}
	h3 := trust.Clone()
	h3.NextProtos = []string{http3.NextProtoH3}
	idle, err := quic.DialAddr(t.Context(), strings.TrimPrefix(url, "https://"), h3, &quic.Config{KeepAlivePeriod: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	for what, ctx := range map[string]context.Context{
		"without a request": idle.Context(), "without a stream": silentOne.Context(), "with half a packet": halfway.Context(),
	} {
		select {
		case <-ctx.Done():
		case <-time.After(patience):
			t.Errorf("a client %s stays", what)
		}
	}
}

// TestWebTransportOrder broadcasts to clients of two transports, by each strategy.
func TestWebTransportOrder(t *testing.T) {
	everyStrategy(t, func(t *testing.T, srv *server.Server, base string) {
		const n = 300
		srv.On("go", func(s *server.Socket, _ *server.Event) error {
			for i := range n {
				if err := s.Emit("direct", i); err != nil {
					return err
				}
				if err := srv.Emit("all", i, []byte{byte(i), 0}); err != nil {
					return err
				}
			}
			return nil
		})
		url, trust := serveQUIC(t, srv)
		w := socketIO(t, base)
		a, b := openChannel(t, url+"/socket.io/", trust, "0"), openChannel(t, url+"/socket.io/", trust, "0")
		for _, c := range []*channel{a, b} {
			c.text()
			c.send("40")
			c.text()
		}
		a.send(`42["go"]`)
		for i := range n {
			all := fmt.Sprintf(`451-["all",%d,{"_placeholder":true,"num":0}]`, i)
			a.expect(fmt.Sprintf(`42["direct",%d]`, i))
			a.expect(all)
			a.expectBinary(string([]byte{byte(i), 0}))
			b.expect(all)
			b.expectBinary(string([]byte{byte(i), 0}))
			w.expect(all)
			w.expectBinary(string([]byte{byte(i), 0}))
		}
	})
}

// TestWebTransportBounds is about a client that does not read, and about what is queued when the
// server shuts down.
func TestWebTransportBounds(t *testing.T) {
	ends := make(chan string, 10)
	srv, err := server.New(server.Options{Limits: server.Limits{QueueBytes: 4 << 20}, Logger: silent})
	if err != nil {
		t.Fatal(err)
	}
	srv.OnDisconnect(func(_ *server.Socket, reason string) { ends <- reason })
	url, trust := serveQUIC(t, srv)
	slow := openChannel(t, url+"/socket.io/", trust, "0")
	slow.text()
	slow.send("40")
	slow.text()
	long := strings.Repeat("x", 100_000)
	for len(ends) == 0 {
		if err := srv.Emit("m", long); err != nil {
			t.Fatal(err)
		}
	}
	if got := <-ends; got != "slow consumer" {
		t.Errorf("the reason is %q", got)
	}

	c := openChannel(t, url+"/socket.io/", trust, "0")
	c.text()
	c.send("40")
	c.text()
	const n = 30
	for range n {
		if err := srv.Emit("m", long); err != nil {
			t.Fatal(err)
		}
	}
	stopped := make(chan error, 1)
	go func() { stopped <- srv.Shutdown(t.Context()) }()
	for i := range n {
		if got := c.text(); len(got) < len(long) {
			t.Fatalf("message %d is %.100q", i, got)
		}
	}
	if err := c.end(); !errors.Is(err, &webtransport.SessionError{Remote: true}) {
		t.Errorf("the session ends with %v", err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if got := <-ends; got != "server shutting down" {
		t.Errorf("the reason is %q", got)
	}
}

// A function of the application that panics in a handshake of QUIC fails that one, and the process
// goes on.
func TestPanicInAFunctionOfTLSOverQUIC(t *testing.T) {
	for name, breaks := range broken {
		t.Run(name, func(t *testing.T) {
			srv, err := server.New(server.Options{Logger: silent})
			if err != nil {
				t.Fatal(err)
			}
			var panics atomic.Bool
			base, trust := serveQUICChanged(t, srv, func(c *tls.Config) { breaks(c, &panics) })
			for _, bad := range []bool{false, true, false} {
				panics.Store(bad)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				conn, err := quic.DialAddr(ctx, strings.TrimPrefix(base, "https://"), &tls.Config{
					InsecureSkipVerify: true, VerifyPeerCertificate: trust.VerifyPeerCertificate, NextProtos: []string{"h3"},
				}, &quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true})
				if err == nil {
					// the server may still refuse what its client takes for complete
					_, err = conn.AcceptUniStream(ctx)
					_ = conn.CloseWithError(0, "")
				}
				if cancel(); (err != nil) != bad {
					t.Errorf("while it panics (%v), a connection ends with %v", bad, err)
				}
			}
			if n := srv.Stats().HandlerPanics; n != 1 {
				t.Errorf("%d panics are counted", n)
			}
		})
	}
}
