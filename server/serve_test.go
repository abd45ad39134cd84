package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/app"
)

// line is a connection on which requests are written by hand.
type line struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func dialLine(t *testing.T, base string) *line {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return &line{t, conn, bufio.NewReader(conn)}
}

func (l *line) write(text string) {
	l.t.Helper()
	if _, err := io.WriteString(l.conn, text); err != nil {
		l.t.Fatal(err)
	}
}

// answer reads the next answer, to a request with the method.
func (l *line) answer(method string) (*http.Response, string) {
	l.t.Helper()
	resp, err := http.ReadResponse(l.in, &http.Request{Method: method})
	if err != nil {
		l.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	return resp, string(body)
}

// ends checks that the server closes the connection in order.
func (l *line) ends() {
	l.t.Helper()
	if b, err := l.in.ReadByte(); err != io.EOF {
		l.t.Errorf("read %q, %v, want the end", b, err)
	}
}

// A body that is refused for its length is refused when the head says so, however little of it
// comes.
func TestLongBodyIsRefusedAtOnce(t *testing.T) {
	srv, err := server.New(server.Options{Engine: app.Echo, Logger: silent})
	if err != nil {
		t.Fatal(err)
	}
	base := serve(t, srv)
	for _, sent := range []string{"", "4ab", strings.Repeat("x", 3<<20)} {
		for _, version := range []string{"1.1", "1.0"} {
			if version == "1.0" && sent == "" {
				continue // without an expectation the HTTP server waits for the first byte
			}
			for _, expect := range []string{"", "Expect: 100-continue\r\n"} {
				p := poll(t, base, "/engine.io/")
				for target, want := range map[string]int{
					"/engine.io/?EIO=4&transport=polling&sid=" + p.sid:   413,
					"/engine.io/?EIO=4&transport=polling&sid=nobody":     400,
					"/engine.io/?EIO=4&transport=websocket&sid=" + p.sid: 400,
					"/elsewhere": 404,
				} {
					l := dialLine(t, base)
					l.write(fmt.Sprintf("POST %s HTTP/%s\r\nHost: x\r\n%sContent-Length: 90000000\r\n\r\n%s", target, version, expect, sent))
					resp, _ := l.answer("POST")
					if resp.StatusCode != want || !resp.Close {
						t.Errorf("HTTP/%s %s, %q, %d bytes: %s, closed %v, want %d", version, target, expect, len(sent), resp.Status, resp.Close, want)
					}
					l.ends()
				}
			}
		}
	}
	if ended := srv.Stats().Ended["transport error"]; ended == 0 {
		t.Error("no session has ended")
	}
}

// A short body that a client asks about is asked for.
func TestExpectationIsMet(t *testing.T) {
	base := start(t, server.Options{Engine: app.Echo})
	p := poll(t, base, "/engine.io/")
	l := dialLine(t, base)
	l.write("POST /engine.io/?EIO=4&transport=polling&sid=" + p.sid + " HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
	for _, want := range []string{"HTTP/1.1 100 Continue\r\n", "\r\n"} {
		if got, err := l.in.ReadString('\n'); got != want || err != nil {
			t.Fatalf("read %q, %v, want %q", got, err, want)
		}
	}
	l.write("4ab")
	if resp, body := l.answer("POST"); body != "ok" || resp.Close {
		t.Errorf("%s %q, closed %v", resp.Status, body, resp.Close)
	}
	p.expect("4ab")
}

// A request with two lengths is answered by the chunks, and is the last one of its connection (RFC
// 9112, section 6.1).
func TestTwoLengthsCloseTheConnection(t *testing.T) {
	base := start(t, server.Options{Engine: app.Echo})
	p := poll(t, base, "/engine.io/")
	const next = "GET /next HTTP/1.1\r\nHost: x\r\n\r\n"
	for target, want := range map[string]int{"/engine.io/?EIO=4&transport=polling&sid=" + p.sid: 200, "/elsewhere": 404} {
		l := dialLine(t, base)
		l.write("POST " + target + " HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n4ab\r\n0\r\n\r\n" + next)
		if resp, _ := l.answer("POST"); resp.StatusCode != want || !resp.Close {
			t.Errorf("%s: %s, closed %v", target, resp.Status, resp.Close)
		}
		l.ends()
	}
	p.expect("4ab")
}

// An answer does not wait for the answer to a request behind it, which may be a poll without
// anything to say; and answers keep the order of the requests.
func TestPipelinedPolls(t *testing.T) {
	base := start(t, server.Options{
		Engine: app.Echo, Times: server.Times{PingInterval: 1000 * time.Hour},
		Other: func(ctx *fasthttp.RequestCtx) { ctx.SetBodyString("page") },
	})
	get := func(target string) string { return "GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n" }
	busy, quiet := poll(t, base, "/engine.io/"), poll(t, base, "/engine.io/")
	const path = "/engine.io/?EIO=4&transport=polling&sid="
	l := dialLine(t, base)
	for round := range 12 { // beyond the eighth poll a connection leaves the HTTP server
		first := fmt.Sprintf("4first %d", round)
		l.write(get("/page") + get(path+busy.sid) + get(path+quiet.sid))
		if _, body := l.answer("GET"); body != "page" {
			t.Fatalf("answered %q", body)
		}
		busy.post(first)
		if _, body := l.answer("GET"); body != first {
			t.Fatalf("answered %q, want %q", body, first)
		}
		quiet.post("4second")
		if _, body := l.answer("GET"); body != "4second" {
			t.Fatalf("answered %q", body)
		}
		// The same poll twice at once, as the engine's poller may get it.
		l.write(get(path+busy.sid) + get(path+busy.sid))
		for _, want := range []string{"4a", "4b"} {
			busy.post(want)
			if _, body := l.answer("GET"); body != want {
				t.Fatalf("answered %q, want %q", body, want)
			}
		}
	}
}

// The checks of load balancers are answered by any of their methods: HAProxy's with HEAD or
// OPTIONS, HTTP/1.0 and no Host.
func TestHealth(t *testing.T) {
	base := start(t, server.Options{HealthPath: "/health", Hosts: []string{"a.example"}})
	for _, c := range []struct {
		request, body string
		status        int
	}{
		{"GET /health HTTP/1.1\r\nHost: x\r\n", "ok\n", 200},
		{"GET /health?now HTTP/1.1\r\nHost: x\r\n", "ok\n", 200},
		{"HEAD /health HTTP/1.0\r\n", "", 200},
		{"HEAD /health HTTP/1.1\r\nHost: x\r\n", "", 200},
		{"OPTIONS /health HTTP/1.0\r\n", "ok\n", 200},
		{"DELETE /health HTTP/1.1\r\nHost: x\r\n", "", 405},
		{"GET /healthy HTTP/1.1\r\nHost: a.example\r\n", "not found\n", 404},
		{"GET /healthy HTTP/1.1\r\nHost: x\r\n", "this server does not answer to that host name\n", 421},
	} {
		l := dialLine(t, base)
		l.write(c.request + "\r\n")
		method, _, _ := strings.Cut(c.request, " ")
		resp, body := l.answer(method)
		if resp.StatusCode != c.status || body != c.body || method == "HEAD" && resp.ContentLength != 3 {
			t.Errorf("%q: %s, %q, %d bytes", c.request, resp.Status, body, resp.ContentLength)
		}
		if method == "HEAD" && strings.Contains(c.request, "1.1") { // nothing comes behind the head
			l.write("GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
			if _, body := l.answer("GET"); body != "ok\n" {
				t.Errorf("after a HEAD: %q", body)
			}
		}
	}
}

// A name that points at the server from elsewhere gets nothing, over any transport, and however it
// is written.
func TestHosts(t *testing.T) {
	base := start(t, server.Options{Hosts: []string{"chat.example.com"}})
	const polling = "/socket.io/?EIO=4&transport=polling"
	for host, want := range map[string]int{
		"chat.example.com": 200, "CHAT.example.com:8443": 200, "chat.example.com.": 200,
		"localhost": 200, "LOCALHOST:3000": 200, "127.0.0.1:3000": 200, "[::1]:3000": 200, "localhost.": 200,
		"evil.example": 421, "localhost.evil.example": 421, "chat.example.com.evil.example": 421, "0.0.0.0:3000": 421,
	} {
		for _, more := range []string{"", "X-Forwarded-Host: localhost\r\nForwarded: host=localhost\r\n"} {
			l := dialLine(t, base)
			l.write("GET " + polling + " HTTP/1.1\r\nHost: " + host + "\r\n" + more + "\r\n")
			if resp, _ := l.answer("GET"); resp.StatusCode != want {
				t.Errorf("host %q: %s, want %d", host, resp.Status, want)
			}
			l = dialLine(t, base)
			l.write(strings.Replace(upgradeOf("EIO=4&transport=websocket", ""), "Host: test", "Host: "+host, 1))
			if resp, _ := l.answer("GET"); resp.StatusCode != want && (want != 200 || resp.StatusCode != 101) {
				t.Errorf("host %q: websocket %s, want %d", host, resp.Status, want)
			}
		}
	}
	// A target in absolute form names the host itself (RFC 9112, section 3.2.2).
	for target, want := range map[string]int{"http://evil.example" + polling: 421, "http://localhost" + polling: 200} {
		l := dialLine(t, base)
		l.write("GET " + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if resp, _ := l.answer("GET"); resp.StatusCode != want {
			t.Errorf("%s: %s, want %d", target, resp.Status, want)
		}
	}
}

// Script elements get no polls, unless that is asked for.
func TestJSONPIsOffByDefault(t *testing.T) {
	for name, c := range map[string]struct {
		opts server.Options
		want int
	}{
		"by default": {server.Options{}, 400}, "asked for": {server.Options{AllowJSONP: true}, 200}, "for old clients": {server.Options{AllowEIO3: true}, 200},
	} {
		base := start(t, c.opts)
		resp, body := exchange(t, "GET", base+"/socket.io/?EIO=4&transport=polling&j=0", "", nil)
		if resp.StatusCode != c.want || c.want == 200 != strings.HasPrefix(body, "___eio[0](") {
			t.Errorf("%s: %s %q", name, resp.Status, body)
		}
		p := poll(t, base, "/socket.io/")
		p.post(`42["x"]`)
		if resp, body := exchange(t, "POST", p.url+"&j=0", "d=3", nil); c.want != 200 && (resp.StatusCode != 400 || !strings.Contains(body, "JSONP")) {
			t.Errorf("%s, of a session: %s %q", name, resp.Status, body)
		}
	}
}

// A request that does not arrive in time loses its connection.
func TestRequestTimeout(t *testing.T) {
	base := start(t, server.Options{Times: server.Times{RequestTimeout: 50 * time.Millisecond}})
	l := dialLine(t, base)
	l.write("GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n")
	if _, err := io.ReadAll(l.in); isTimeout(err) { // reset, where it was closed before the request came
		t.Errorf("the server did not close the connection: %v", err)
	}
}

// Serve ends also when Shutdown comes while it begins.
func TestShutdownAsServeBegins(t *testing.T) {
	t.Parallel()
	for i := range 2000 {
		srv, err := server.New(server.Options{})
		if err != nil {
			t.Fatal(err)
		}
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- srv.Serve(ln) }()
		for begun := time.Now(); time.Since(begun) < time.Duration(i%100)*time.Microsecond; {
			continue // it begins meanwhile: sometimes it is half begun then
		}
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
		case <-time.After(patience):
			t.Fatal("it serves on")
		}
	}
}
