package client

import (
	"bufio"
	"context"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen.
const patience = time.Minute

// peer is the server's end of one connection, played by a test.
type peer struct {
	net.Conn
	t  *testing.T
	r  *bufio.Reader
	no int // of the connection, from 0
}

// listen plays script for each connection and returns the server's URL. The
// end of a script closes its connection; the end of the test waits for the scripts.
func listen(t *testing.T, script func(p *peer)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return "http://" + accept(t, ln, script)
}

func accept(t *testing.T, ln net.Listener, script func(p *peer)) string {
	var wg sync.WaitGroup
	wg.Go(func() {
		for no := 0; ; no++ {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(patience))
				script(&peer{Conn: conn, t: t, r: bufio.NewReader(conn), no: no})
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		wg.Wait() // the clients are closed before
	})
	return ln.Addr().String()
}

// secure is listen over TLS, and returns what a client needs to connect.
func secure(t *testing.T, script func(p *peer)) *Config {
	t.Helper()
	certificate := httptest.NewTLSServer(nil) // for its certificate only
	t.Cleanup(certificate.Close)
	ln, err := tls.Listen("tcp", "127.0.0.1:0", certificate.TLS)
	if err != nil {
		t.Fatal(err)
	}
	return &Config{URL: "https://" + accept(t, ln, script), TLS: certificate.Client().Transport.(*http.Transport).TLSClientConfig}
}

// request reads one HTTP request and its body; nil at the end of the connection.
func (p *peer) request() (*http.Request, string) {
	req, err := http.ReadRequest(p.r)
	if err != nil {
		return nil, ""
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, ""
	}
	return req, string(body)
}

func (p *peer) put(s string) { _, _ = io.WriteString(p.Conn, s) }

// answer writes an HTTP answer with a length.
func (p *peer) answer(status int, body string) {
	p.put(fmt.Sprintf("HTTP/1.1 %d Some Text\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body))
}

// switchTo completes a websocket handshake, unless the client has gone before it asked for one.
func (p *peer) switchTo(req *http.Request) {
	if req == nil {
		return
	}
	p.put("HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nconnection: keep-alive, upgrade\r\nSec-WebSocket-Accept: " +
		acceptKey(req) + "\r\n\r\n")
}

func acceptKey(req *http.Request) string {
	sum := sha1.Sum([]byte(req.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// open is the engine's open packet with a heartbeat in milliseconds.
func open(interval, timeout int, upgrades string) string {
	return fmt.Sprintf(`0{"sid":"SID","upgrades":[%s],"pingInterval":%d,"pingTimeout":%d,"maxPayload":100}`, upgrades, interval, timeout)
}

// frame builds a server frame by hand.
func frame(first byte, payload string) string {
	b := []byte{first}
	switch n := len(payload); {
	case n <= 125:
		b = append(b, byte(n))
	case n <= 65535:
		b = append(b, 126, byte(n>>8), byte(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(n))
	}
	return string(b) + payload
}

func text(payload string) string { return frame(0x81, payload) }

// clientFrame reads one frame of the client and insists on the mask.
func (p *peer) clientFrame() (first byte, payload string, err error) {
	var h [2]byte
	if _, err := io.ReadFull(p.r, h[:]); err != nil {
		return 0, "", err
	}
	if h[1]&0x80 == 0 {
		return 0, "", errors.New("frame without a mask")
	}
	n := uint64(h[1] & 0x7f)
	var ext [8]byte
	switch n {
	case 126:
		_, err = io.ReadFull(p.r, ext[:2])
		n = uint64(binary.BigEndian.Uint16(ext[:]))
	case 127:
		_, err = io.ReadFull(p.r, ext[:])
		n = binary.BigEndian.Uint64(ext[:])
	}
	if err != nil {
		return 0, "", err
	}
	b := make([]byte, 4+n)
	if _, err := io.ReadFull(p.r, b); err != nil {
		return 0, "", err
	}
	for i := range b[4:] {
		b[4+i] ^= b[i%4]
	}
	return h[0], string(b[4:]), nil
}

// expect reads a text frame of the client.
func (p *peer) expect(want string) bool {
	first, payload, err := p.clientFrame()
	if err != nil || first != 0x81 || payload != want {
		p.t.Errorf("client frame: %#x %q %v, want text %q", first, payload, err, want)
		return false
	}
	return true
}

// session plays a websocket server up to the joined namespace and then script.
func session(t *testing.T, interval, timeout int, script func(p *peer)) string {
	return listen(t, func(p *peer) { join(p, interval, timeout, script) })
}

// join opens a websocket session on a connection and lets the client into its namespace.
func join(p *peer, interval, timeout int, script func(p *peer)) {
	req, _ := p.request()
	if req == nil {
		return
	}
	p.switchTo(req)
	p.put(text(open(interval, timeout, "")))
	if !p.expect("40") {
		return
	}
	p.put(text(`40{"sid":"public"}`))
	script(p)
}

// pair returns a joined websocket client and the server's end of its connection.
func pair(tb testing.TB) (*Client, *net.TCPConn) {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer ln.Close()
	ends := make(chan *net.TCPConn, 1)
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			close(ends)
			return
		}
		ends <- conn.(*net.TCPConn)
	}()
	client, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	server := <-ends
	c := &Client{work: &work{}, namespaces: []string{"/"}, maxQueue: defaultMaxQueue, maxMessage: defaultMaxMessage, pingInterval: time.Hour, pingTimeout: time.Hour, lastPing: Now()}
	link := newConn(&counted{Conn: client, bytes: &c.bytes}, rawConn(client), &c.bytes)
	c.adopt(mainSlot, link)
	c.ws = newWebsocket(c, link)
	tb.Cleanup(func() {
		c.Close()
		server.Close()
	})
	return c, server
}

// heard is a Handler that keeps copies.
type heard struct {
	mu   sync.Mutex
	log  []string
	at   []time.Duration
	news chan struct{}
}

func newHeard() *heard { return &heard{news: make(chan struct{}, 1<<16)} }

func (h *heard) Event(m *Message) { h.add("event "+string(m.Name), m) }

func (h *heard) Ack(m *Message) { h.add("ack", m) }

func (h *heard) add(what string, m *Message) {
	if m.HasID {
		what += fmt.Sprintf(" #%d", m.ID)
	}
	what += " [" + string(m.Args) + "]"
	for _, a := range m.Attachments {
		what += fmt.Sprintf(" %x", a)
	}
	h.mu.Lock()
	h.log = append(h.log, what)
	h.at = append(h.at, m.At)
	h.mu.Unlock()
	h.news <- struct{}{}
}

// wait returns the first n things heard.
func (h *heard) wait(t *testing.T, n int) []string {
	t.Helper()
	deadline := time.After(patience)
	for {
		h.mu.Lock()
		log := append([]string(nil), h.log...)
		h.mu.Unlock()
		if len(log) >= n {
			return log
		}
		select {
		case <-h.news:
		case <-deadline:
			t.Fatalf("heard %d of %d: %q", len(log), n, log)
		}
	}
}

// ownGoroutines has run use Client.Run, for TestOwnGoroutines.
var ownGoroutines bool

// run runs c until the end of the test or of the session, by Readers.
func run(t *testing.T, c *Client, h Handler) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	ended := make(chan struct{})
	end := func(err error) {
		done <- err
		close(ended)
	}
	readers := &Readers{Place: onePlace}
	if ownGoroutines {
		go func() { end(c.Run(h)) }()
	} else {
		readers.Run(c, h, end)
	}
	t.Cleanup(func() {
		c.Close()
		<-ended
		readers.Close()
	})
	return done
}

func dial(t *testing.T, cfg *Config) *Client {
	t.Helper()
	c, err := Dial(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// ends waits for the end of a Run, checks its reason and returns the text.
func ends(t *testing.T, done <-chan error, reason string) string {
	t.Helper()
	select {
	case err := <-done:
		var e *CloseError
		if !errors.As(err, &e) || e.Reason != reason {
			t.Fatalf("Run: %v, want %q", err, reason)
		}
		return e.Error()
	case <-time.After(patience):
		t.Fatalf("Run does not return; want %q", reason)
		return ""
	}
}

// fails dials, checks the class of the failure and returns the text.
func fails(t *testing.T, ctx context.Context, cfg *Config, stage, class string) string {
	t.Helper()
	c, err := Dial(ctx, cfg)
	if err == nil {
		c.Close()
		t.Fatalf("Dial succeeded, want %s: %s", stage, class)
	}
	var e *DialError
	if !errors.As(err, &e) || e.Stage != stage || e.Class != class {
		t.Fatalf("Dial: %v, want %s: %s", err, stage, class)
	}
	return e.Error()
}

func equal(t *testing.T, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// drip writes s one byte a write.
func (p *peer) drip(s string) {
	for _, b := range []byte(s) {
		if _, err := p.Write([]byte{b}); err != nil {
			return
		}
	}
}

// slurp reads until the end of the connection.
func (p *peer) slurp() { _, _ = io.Copy(io.Discard, p.r) }
