package transport

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/protocol/websocket"
	"github.com/throng-io/throng/server/internal/deadline"
	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/session"
)

// pollServer is an engine behind an HTTP server, with the one session that there is.
type pollServer struct {
	*testing.T
	engine *Engine
	http   *fasthttp.Server
	ln     net.Listener
	secure bool

	clock   *deadline.Clock
	session *session.Session
	got     chan string         // the messages of the client
	closed  chan session.Reason // the end of the session
	after   func()              // called behind each request, before its connection goes anywhere
}

func (*pollServer) WantsOpened(three bool) bool { return three }

func (*pollServer) Opened()                        {}
func (*pollServer) Upgraded()                      {}
func (*pollServer) Over()                          {}
func (x *pollServer) Closed(reason session.Reason) { x.closed <- reason }
func (x *pollServer) Message(data []byte, _ bool) error {
	x.got <- string(data)
	return nil
}

// eachWay runs a test without and with TLS.
func eachWay(t *testing.T, test func(t *testing.T, serve func(*testing.T, func(*Config)) *pollServer)) {
	t.Helper()
	t.Run("plain", func(t *testing.T) { test(t, servePolls) })
	t.Run("TLS", func(t *testing.T) {
		test(t, func(t *testing.T, change func(*Config)) *pollServer { return servePollsWith(t, certificate(t), change) })
	})
}

// servePolls starts a server. change may change its configuration.
func servePolls(t *testing.T, change func(*Config)) *pollServer {
	t.Helper()
	return servePollsWith(t, nil, change)
}

// servePollsWith is servePolls with TLS, unless config is nil.
func servePollsWith(t *testing.T, config *tls.Config, change func(*Config)) *pollServer {
	t.Helper()
	clock := deadline.New()
	go clock.Run()
	x := &pollServer{T: t, clock: clock, got: make(chan string, 10), closed: make(chan session.Reason, 1)}
	cfg := Config{
		Session: session.Config{
			PingInterval: time.Hour, PingTimeout: time.Hour, MaxPackets: 10000, MaxBytes: 64 << 20, Clock: clock,
			WriteTimeout: time.Minute,
		},
		UpgradeTimeout: time.Minute, MessageTimeout: time.Minute, IdleTime: time.Minute,
		MaxPayload: 1 << 20, MaxPackets: 100, Polling: true, Upgrades: true, WebSocket: true,
		NewID: func(bool) string { return "the-session" },
		Open: func(s *session.Session, _ *fasthttp.RequestCtx) session.Handler {
			x.session = s
			return x
		},
	}
	if change != nil {
		change(&cfg)
	}
	x.engine = New(cfg)
	back := func(c net.Conn) { _ = x.http.ServeConn(c) }
	x.http = &fasthttp.Server{
		Handler: func(ctx *fasthttp.RequestCtx) {
			x.engine.Handle(ctx, back)
			if x.after != nil {
				x.after()
			}
		},
		ReadTimeout: time.Minute, StreamRequestBody: true, CloseOnShutdown: true,
	}
	var err error
	if x.ln, err = net.Listen("unix", filepath.Join(t.TempDir(), "s")); err != nil {
		t.Fatal(err)
	}
	if x.secure = config != nil; x.secure {
		x.ln = &TLSListener{x.ln, config}
	}
	served := make(chan error, 1)
	go func() { served <- x.http.Serve(x.ln) }()
	t.Cleanup(func() {
		x.stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
		clock.Close()
	})
	return x
}

// stop ends the server, and all connections with it.
func (x *pollServer) stop() {
	x.Helper()
	ctx, cancel := context.WithTimeout(x.Context(), time.Minute)
	defer cancel()
	if x.Context().Err() != nil { // in a Cleanup
		ctx, cancel = context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
	}
	gone := x.engine.Stop()
	if err := x.http.ShutdownWithContext(ctx); err != nil {
		x.Error(err)
	}
	select {
	case <-gone:
	case <-ctx.Done():
		x.Error("the engine does not end")
	}
}

// kept returns how many connections the engine's poller has.
func (x *pollServer) kept() int {
	p := &x.engine.poller
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.polls)
}

// eventually waits for ok.
func (x *pollServer) eventually(what string, ok func() bool) {
	x.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			x.Fatal("not so: " + what)
		}
	}
}

// held waits until the session holds a poll.
func (x *pollServer) held() {
	x.Helper()
	x.eventually("a poll is held", x.holds)
}

// holds reports whether the session holds a poll. It may also say that it does not when the machine
// is slow.
func (x *pollServer) holds() bool {
	const look = 100 * time.Millisecond
	start := time.Now()
	x.session.AwaitPoll(look)
	return time.Since(start) < look
}

func (x *pollServer) send(text string) {
	x.session.Send(frame.Message(engineio.Packet{Type: engineio.Message, Data: []byte(text)}, 0))
}

// line is one connection of a client that polls.
type line struct {
	*testing.T
	net.Conn
	in     *bufio.Reader
	number int
	header string
}

func (x *pollServer) dial(header string) *line {
	x.Helper()
	conn, err := net.Dial("unix", x.ln.Addr().String())
	if err != nil {
		x.Fatal(err)
	}
	if x.secure {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // the certificate is the test's own
	}
	x.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	return &line{T: x.T, Conn: conn, in: bufio.NewReader(conn), header: header}
}

// request is the next poll, or another request if method is not GET.
func (l *line) request(method, sid, body string) string {
	l.number++
	r := fmt.Sprintf("%s /engine.io/?EIO=4&transport=polling&t=n-%d%s HTTP/1.1\r\nhost: x\r\n%s", method, l.number, sid, l.header)
	if method == "POST" {
		r += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	return r + "\r\n" + body
}

// answered reports whether an answer has begun to come.
func (l *line) answered() bool {
	_ = l.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	_, err := l.in.Peek(1)
	_ = l.SetReadDeadline(time.Now().Add(time.Minute))
	return err == nil
}

const sid = "&sid=the-session"

func (l *line) write(s string) {
	l.Helper()
	if _, err := io.WriteString(l, s); err != nil {
		l.Fatal(err)
	}
}

// answer reads one answer.
func (l *line) answer() (head, body string) {
	l.Helper()
	resp, err := http.ReadResponse(l.in, nil)
	if err != nil {
		l.Fatalf("no answer: %v", err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		l.Fatal(err)
	}
	if _, err := http.ParseTime(resp.Header.Get("Date")); err != nil {
		l.Errorf("date %q: %v", resp.Header.Get("Date"), err)
	}
	resp.Header.Del("Date")
	return fmt.Sprint(resp.Status, resp.Header["Content-Encoding"], resp.Header["Connection"], len(resp.TransferEncoding),
		resp.Header.Get("Content-Type"), resp.Header.Get("Cache-Control"), resp.Header.Get("Access-Control-Allow-Origin"), len(resp.Header)), string(b)
}

// expect reads one answer with a body.
func (l *line) expect(body string) (head string) {
	l.Helper()
	head, got := l.answer()
	if got != body {
		l.Fatalf("answered %.200q, want %.200q", got, body)
	}
	return head
}

// polls makes n polls, each of which is held and then answered.
func (l *line) polls(x *pollServer, n int) (head string) {
	l.Helper()
	for range n {
		l.write(l.request("GET", sid, ""))
		x.held()
		x.send("tick")
		head = l.expect("4tick")
	}
	return head
}

// settle opens the session and polls until the engine has taken the connection. It returns the head
// of an answer of the HTTP server.
func (l *line) settle(x *pollServer) (head string) {
	l.Helper()
	l.write(l.request("GET", "", ""))
	if _, got := l.answer(); !strings.HasPrefix(got, `0{"sid":"the-session"`) {
		l.Fatalf("no handshake: %q", got)
	}
	x.send("before")
	l.write(l.request("GET", sid, ""))
	head = l.expect("4before")
	if x.kept() != 0 {
		l.Fatal("taken before a poll was held")
	}
	l.polls(x, 1)
	x.eventually("taken", func() bool { return x.kept() == 1 })
	return head
}

func TestPollsOnAKeptConnection(t *testing.T) {
	eachWay(t, func(t *testing.T, serve func(*testing.T, func(*Config)) *pollServer) {
		x := serve(t, func(cfg *Config) { cfg.CORS = &CORS{Origins: []string{"http://a", "http://b"}} })
		l := x.dial("Origin: http://b\r\nAccept-Encoding: br\r\n")
		before := l.settle(x)
		if after := l.polls(x, 100); after != before {
			t.Errorf("the head was\n%s\nand is\n%s", before, after)
		}
		// What waits is answered at once, all of it.
		x.send("one")
		x.send("two")
		l.write(l.request("GET", sid, ""))
		l.expect("4one\x1e4two")
		if x.kept() != 1 {
			t.Error("given back for no reason")
		}
	})
}

// Whatever is not just another poll is the HTTP server's, which answers as if the connection had
// always been its own; polls after that settle again.
func TestOtherRequestsOnAKeptConnection(t *testing.T) {
	eachWay(t, func(t *testing.T, serve func(*testing.T, func(*Config)) *pollServer) {
		for name, ask := range map[string]func(x *pollServer, l *line){
			"post": func(x *pollServer, l *line) {
				l.write(l.request("POST", sid, "4up"))
				l.expect("ok")
				if got := <-x.got; got != "up" {
					t.Errorf("got %q", got)
				}
			},
			"other header": func(x *pollServer, l *line) {
				l.header = "X: y\r\n"
				l.polls(x, 1)
			},
			"in pieces": func(x *pollServer, l *line) {
				r := l.request("GET", sid, "")
				l.write(r[:20])
				x.eventually("given back", func() bool { return x.kept() == 0 })
				l.write(r[20:])
				x.held()
				x.send("tick")
				l.expect("4tick")
			},
			"poll and post at once": func(x *pollServer, l *line) {
				l.write(l.request("GET", sid, "") + l.request("POST", sid, "4up"))
				x.held()
				x.send("tick")
				l.expect("4tick")
				l.expect("ok")
				<-x.got
			},
			"poll ahead of time": func(x *pollServer, l *line) {
				l.write(l.request("GET", sid, ""))
				x.held()
				l.write(l.request("GET", sid, ""))
				time.Sleep(10 * time.Millisecond)
				x.send("first")
				l.expect("4first")
				x.held()
				x.send("second")
				l.expect("4second")
			},
			"many polls at once": func(x *pollServer, l *line) {
				const n = 3 * settledRequests
				var all strings.Builder
				for range n {
					all.WriteString(l.request("GET", sid, ""))
				}
				l.write(all.String())
				for i := range n {
					x.held()
					x.send(fmt.Sprint(i))
				}
				for i := range n {
					l.expect(fmt.Sprint("4", i))
				}
			},
			"another session": func(_ *pollServer, l *line) {
				l.write(l.request("GET", "&sid=nobody", ""))
				l.expect(`{"code":1,"message":"Session ID unknown"}`)
			},
			"not HTTP": func(x *pollServer, l *line) {
				l.write("\x00\r\n\r\n")
				if head, _ := l.answer(); !strings.HasPrefix(head, "400") {
					t.Errorf("answered %s", head)
				}
				*l = *x.dial("")
			},
		} {
			t.Run(name, func(t *testing.T) {
				x := serve(t, nil)
				l := x.dial("")
				l.settle(x)
				ask(x, l)
				l.polls(x, 2*settledRequests)
				x.eventually("taken again", func() bool { return x.kept() == 1 })
			})
		}
	})
}

// A connection that carries a post after each poll is not moved to and fro, but one whose posts are
// rare is taken again with its next poll.
func TestPostsBetweenPolls(t *testing.T) {
	x := servePolls(t, nil)
	l := x.dial("")
	post := func() {
		t.Helper()
		l.write(l.request("POST", sid, "4up"))
		l.expect("ok")
		<-x.got
	}
	l.settle(x)
	post()
	for range settledRequests/2 - 1 {
		l.polls(x, 1)
		if x.kept() != 0 {
			t.Fatal("taken although it was given back just now")
		}
		post()
	}
	l.polls(x, 1)
	x.eventually("taken", func() bool { return x.kept() == 1 })
	x.clock.Advance(2 * shortStay)
	post()
	l.polls(x, 1)
	if x.kept() != 1 {
		t.Error("not taken at once, although it has been there for long")
	}
}

func TestKeptConnectionOfASessionThatEnds(t *testing.T) {
	for name, end := range map[string]struct {
		do   func(x *pollServer, l *line)
		why  session.Reason
		last string // the answer to the poll that was held
	}{
		"by the client's leaving": {do: func(_ *pollServer, l *line) { _ = l.Close() }, why: session.TransportError},
		"by the client's leaving with something unread": {do: func(_ *pollServer, l *line) {
			l.write("GET")
			_ = l.Close()
		}, why: session.TransportError},
		"by the server": {do: func(x *pollServer, _ *line) { x.session.Close(session.ForcedClose) }, why: session.ForcedClose, last: "1"},
		"by the server, softly": {
			do:  func(x *pollServer, _ *line) { x.session.Shut(session.ForcedClose) },
			why: session.ForcedClose, last: "1",
		},
		"by the client": {do: func(x *pollServer, _ *line) {
			other := x.dial("")
			other.write(other.request("POST", sid, "1"))
			other.expect("ok")
		}, why: session.TransportClose, last: "6"},
		"by a second poll": {do: func(x *pollServer, _ *line) {
			other := x.dial("")
			other.write(other.request("GET", sid, ""))
			if head, _ := other.answer(); !strings.HasPrefix(head, "400") {
				t.Errorf("the second poll is answered with %s", head)
			}
		}, why: session.TransportError, last: "1"},
		"by the engine": {do: func(x *pollServer, _ *line) { go x.engine.Stop() }, why: session.ServerShutdown, last: "1"},
	} {
		t.Run(name, func(t *testing.T) {
			x := servePolls(t, nil)
			l := x.dial("")
			l.settle(x)
			l.write(l.request("GET", sid, ""))
			x.held()
			end.do(x, l)
			if got := <-x.closed; got != end.why {
				t.Errorf("closed with %q, want %q", got, end.why)
			}
			if end.last != "" {
				l.expect(end.last)
			}
			if end.last == "" || end.why == session.ServerShutdown {
				x.eventually("gone", func() bool { return x.kept() == 0 })
				return
			}
			l.write(l.request("GET", sid, ""))
			l.expect(`{"code":1,"message":"Session ID unknown"}`)
		})
	}
}

// A message, or the end of the session, may come after the poll and before its connection: the poll
// gets its answer all the same, and so does a request that came with it.
func TestAnswerAheadOfTheConnection(t *testing.T) {
	eachWay(t, func(t *testing.T, serve func(*testing.T, func(*Config)) *pollServer) {
		for name, c := range map[string]struct {
			do      func(x *pollServer)
			answers []string
		}{
			"message":  {func(x *pollServer) { x.send("tick") }, []string{"4tick"}},
			"messages": {func(x *pollServer) { x.send("tick"); x.send("tock") }, []string{"4tick", "4tock"}},
			"end":      {func(x *pollServer) { x.session.Close(session.ForcedClose) }, []string{"1"}},
			"long":     {func(x *pollServer) { x.send(strings.Repeat("x", 4<<20)) }, []string{"4" + strings.Repeat("x", 4<<20)}},
		} {
			t.Run(name, func(t *testing.T) {
				x := serve(t, nil)
				l := x.dial("")
				l.write(l.request("GET", "", ""))
				l.answer()
				x.after = func() {
					x.after = nil
					c.do(x)
				}
				l.write(l.request("GET", sid, "") + l.request("GET", "&sid=nobody", ""))
				l.expect(c.answers[0])
				l.expect(`{"code":1,"message":"Session ID unknown"}`)
				for _, next := range c.answers[1:] {
					l.write(l.request("GET", sid, ""))
					l.expect(next)
				}
			})
		}
	})
}

// A request that came behind the first poll goes back to the HTTP server with all that follows it:
// the poller, which looks at a connection with TLS as soon as it has it, reads none of that.
func TestRequestBehindTheFirstPoll(t *testing.T) {
	config := certificate(t)
	for range 60 {
		t.Run("", func(t *testing.T) {
			x := servePollsWith(t, config, nil)
			l := x.dial("")
			l.write(l.request("GET", "", ""))
			l.answer()
			x.after = func() {
				x.after = nil
				x.send("tick")
				x.send("tock")
			}
			l.write(l.request("GET", sid, "") + l.request("GET", "&sid=nobody", ""))
			l.expect("4tick")
			l.expect(`{"code":1,"message":"Session ID unknown"}`)
			l.write(l.request("GET", sid, ""))
			l.expect("4tock")
		})
	}
}

// A client that leaves as soon as it has sent its first poll ends its session.
func TestFirstPollOfALeavingClient(t *testing.T) {
	for range 20 {
		x := servePolls(t, nil)
		l := x.dial("")
		l.write(l.request("GET", "", ""))
		l.answer()
		x.after = func() {
			x.after = nil
			_ = l.Close()
		}
		l.write(l.request("GET", sid, ""))
		if why := <-x.closed; why != session.TransportError {
			t.Errorf("closed with %q", why)
		}
		x.eventually("gone", func() bool { return x.kept() == 0 })
	}
}

func TestUpgradeFromAKeptConnection(t *testing.T) {
	x := servePolls(t, nil)
	l := x.dial("")
	l.settle(x)
	l.write(l.request("GET", sid, ""))
	x.held()
	w := x.dial("")
	w.write("GET /engine.io/?EIO=4&transport=websocket" + sid + " HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	if resp, err := http.ReadResponse(w.in, nil); err != nil || resp.StatusCode != 101 {
		t.Fatalf("%v, %v", resp, err)
	}
	expect := func(want string) {
		t.Helper()
		got := make([]byte, 2+len(want))
		if _, err := io.ReadFull(w.in, got); err != nil || string(got[2:]) != want {
			t.Fatalf("got %q, %v, want %q", got, err, want)
		}
	}
	_, _ = w.Write(masked("2probe"))
	expect("3probe")
	l.expect("6")
	// A poll during the upgrade is answered from time to time, or by its end.
	l.write(l.request("GET", sid, ""))
	x.eventually("held or answered", func() bool { return x.holds() || l.answered() })
	_, _ = w.Write(masked("5"))
	x.eventually("upgraded", func() bool { return x.session.Transport() == "websocket" })
	if head, body := l.answer(); body != "6" && !strings.HasPrefix(head, "400") {
		t.Errorf("a poll during the upgrade is answered with %s %q", head, body)
	}
	x.send("over the websocket")
	expect("4over the websocket")
	l.write(l.request("GET", sid, ""))
	if head, _ := l.answer(); !strings.HasPrefix(head, "400") {
		t.Errorf("a poll after the upgrade is answered with %s", head)
	}
}

func TestCompressedAnswersOnAKeptConnection(t *testing.T) {
	x := servePolls(t, func(cfg *Config) { cfg.Compress = 300 })
	l := x.dial("Accept-Encoding: deflate, gzip\r\n")
	plain := l.settle(x)
	for i := range 5 {
		want := strings.Repeat("text ", 100+i)
		l.write(l.request("GET", sid, ""))
		x.held()
		x.send(want)
		head, body := l.answer()
		if !strings.Contains(head, "[gzip]") {
			t.Fatalf("head %s", head)
		}
		z, err := gzip.NewReader(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(z); err != nil || string(got) != "4"+want {
			t.Errorf("got %.100q, %v", got, err)
		}
		if again := l.polls(x, 1); again != plain {
			t.Errorf("a short one has the head %s, want %s", again, plain)
		}
	}
	if x.kept() != 1 {
		t.Error("given back for no reason")
	}
}

// An answer that the kernel does not take at once arrives whole, and what comes after it comes
// after it.
func TestLongAnswerOnAKeptConnection(t *testing.T) {
	eachWay(t, func(t *testing.T, serve func(*testing.T, func(*Config)) *pollServer) {
		x := serve(t, nil)
		l := x.dial("")
		l.settle(x)
		long := strings.Repeat("0123456789abcdef", 1<<18)
		l.write(l.request("GET", sid, ""))
		x.held()
		sent := make(chan bool)
		go func() {
			x.send(long)
			x.send("after")
			close(sent)
		}()
		<-sent // although nobody reads
		l.expect("4" + long)
		l.write(l.request("GET", sid, ""))
		l.expect("4after")
		l.polls(x, 3)
		if x.kept() != 1 {
			t.Error("given back for no reason")
		}
	})
}

// A client that leaves in the middle of a long answer.
func TestLongAnswerToNobody(t *testing.T) {
	x := servePolls(t, nil)
	l := x.dial("")
	l.settle(x)
	l.write(l.request("GET", sid, ""))
	x.held()
	x.send(strings.Repeat("x", 4<<20))
	_ = l.Close()
	x.eventually("gone", func() bool { return x.kept() == 0 })
}

// A client that polls and leaves at once, while something waits for it. As a rule the request and
// the end of the stream are one event, so there is no other that would tell of the end.
func TestPollOfALeavingClientOnAKeptConnection(t *testing.T) {
	for range 20 {
		x := servePolls(t, nil)
		l := x.dial("")
		l.settle(x)
		x.send("to nobody")
		l.write(l.request("GET", sid, ""))
		_ = l.Close()
		x.eventually("gone", func() bool { return x.kept() == 0 })
	}
}

// A client that does not read its answer does not hold it for good, whatever its session does.
func TestLongAnswerThatIsNotRead(t *testing.T) {
	x := servePolls(t, nil)
	l := x.dial("")
	l.settle(x)
	l.write(l.request("GET", sid, ""))
	x.held()
	x.send(strings.Repeat("x", 4<<20))
	if x.kept() != 1 {
		t.Fatal("ended too early")
	}
	x.clock.Advance(time.Minute)
	x.eventually("gone", func() bool { return x.kept() == 0 })
}

func TestIdleKeptConnectionEnds(t *testing.T) {
	x := servePolls(t, nil)
	l := x.dial("")
	l.settle(x)
	l.write(l.request("GET", sid, ""))
	x.held()
	for range 4 { // a poll may be held for as long as it takes
		x.clock.Advance(time.Minute)
	}
	if x.kept() != 1 {
		t.Fatal("ended while it polled")
	}
	x.send("tick")
	l.expect("4tick")
	x.clock.Advance(2 * time.Minute) // it is looked at once in this time
	x.clock.Advance(2 * time.Minute)
	if n, err := l.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("read %d, %v", n, err)
	}
	x.eventually("gone", func() bool { return x.kept() == 0 })
}

// Messages that come while polls come and go arrive once each, and in order.
func TestManySendersOnAKeptConnection(t *testing.T) {
	eachWay(t, func(t *testing.T, serve func(*testing.T, func(*Config)) *pollServer) {
		const n = 5000
		x := serve(t, nil)
		l := x.dial("")
		l.settle(x)
		var turn sync.Mutex
		next := 0
		for range 4 {
			go func() {
				for {
					turn.Lock()
					i := next
					next++
					if i < n {
						x.send(fmt.Sprint(i))
					}
					turn.Unlock()
					if i >= n {
						return
					}
					if i%50 == 0 {
						time.Sleep(100 * time.Microsecond) // or the outbox would be full
					}
				}
			}()
		}
		for i := 0; i < n; {
			l.write(l.request("GET", sid, ""))
			_, body := l.answer()
			for m := range strings.SplitSeq(body, "\x1e") {
				if m != fmt.Sprint("4", i) {
					t.Fatalf("message %d is %q", i, m)
				}
				i++
			}
		}
	})
}

func TestPollRequest(t *testing.T) {
	parse := func(raw string) pollRequest {
		var h fasthttp.RequestHeader
		if err := h.Read(bufio.NewReader(strings.NewReader(raw))); err != nil {
			t.Fatalf("%q: %v", raw, err)
		}
		return requestOf(&h)
	}
	const rest = " HTTP/1.1\r\nhost: x\r\ncookie: a=b\r\n\r\n"
	for _, c := range []struct {
		first, next string
		same        bool
	}{
		{"GET /e/?t=a&sid=s" + rest, "GET /e/?t=a&sid=s" + rest, true},
		{"GET /e/?t=a&sid=s" + rest, "GET /e/?t=bcd.9-_&sid=s" + rest, true},
		{"GET /e/?t=a&sid=s" + rest, "GET /e/?t=&sid=s" + rest, true},
		{"GET /e/?sid=s&t=a" + rest, "GET /e/?sid=s&t=b" + rest, true},
		{"GET /e/?sid=s" + rest, "GET /e/?sid=s" + rest, true},
		{"GET /e/?sid=s" + rest, "GET /e/?sid=s&t=b" + rest, false},
		{"GET /e/?sid=s&t=a" + rest, "GET /e/?sid=s" + rest, false},
		{"GET /e/?t=a&sid=s" + rest, "GET /e/?t=b&sid=other" + rest, false},
		{"GET /e/?t=a&sid=s" + rest, "GET /e/?t=b&transport=websocket&sid=s" + rest, false},
		{"GET /e/?t=a&sid=s" + rest, "GET /e/?t=b%26sid%3Dother&sid=s" + rest, false},
		{"GET /e/?t=a&sid=s" + rest, "GET /e/?t=b HTTP/1.1\r\nX: &sid=s" + rest, false},
		{"GET /e/?t=a&sid=s" + rest, "GET /e/?t=" + strings.Repeat("b", 65) + "&sid=s" + rest, false},
		{"GET /e/?t=a&sid=s" + rest, "POST /e/?t=a&sid=s" + rest, false},
		{"GET /e/?t=a&sid=s" + rest, "GET /e/?t=a&sid=s" + rest + "GET", false},
		{"GET /e/?t=a&sid=s" + rest, "GET /e/?t=a&sid=s HTTP/1.1\r\nhost: x\r\n", false},
		{"GET /e/?t=a&sid=s" + rest, "GET /e/?t=a&sid=s HTTP/1.1\r\nhost: x\r\ncookie: a=c\r\n\r\n", false},
		{"GET /e/?t=a&sid=s" + rest, "", false},
		{"GET /e/?xt=a&t=1" + rest, "GET /e/?xt=b&t=1" + rest, false},
	} {
		r := parse(c.first)
		if got := r.matches([]byte(c.next)); got != c.same {
			t.Errorf("%q after %q: %v", c.next, c.first, got)
		}
		if again := r.bytes(); !r.matches(again) {
			t.Errorf("%q does not match itself", again)
		}
	}
}

func certificate(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
}

// masked is a whole text message as a client sends it.
func masked(text string) []byte {
	h := websocket.Header{Opcode: websocket.Text, Final: true, Masked: true, Length: uint64(len(text))} // a key of zeros
	return append(h.Append(nil), text...)
}
