package server_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/server"
)

// A client that keeps its heartbeat up but reads nothing may not keep what waits for it for good,
// whatever carries it; who reads is not concerned.
func TestWriteTimeout(t *testing.T) {
	for _, kind := range []string{"tcp", "unix", "tls", "polling"} {
		t.Run(kind, func(t *testing.T) {
			srv, err := server.New(server.Options{
				Times: server.Times{WriteTimeout: time.Hour, PingInterval: server.Never}, Limits: server.Limits{QueueBytes: 1 << 30},
			})
			if err != nil {
				t.Fatal(err)
			}
			joined, left := make(chan *server.Socket, 2), make(chan string, 1)
			srv.OnConnect(func(s *server.Socket) { joined <- s })
			srv.OnDisconnect(func(s *server.Socket, reason string) { left <- s.ID() + " " + reason })
			var b *bare // nil for polling
			switch kind {
			case "tls":
				b = joinBare(t, serveTLS(t, srv))
			case "unix":
				b = joinBare(t, serveUnix(t, srv))
			case "tcp":
				b = joinBare(t, serve(t, srv))
			}
			if b == nil {
				poll(t, serve(t, srv), "/socket.io/")
			}
			stalled := <-joined
			// More than two systems' buffers take, which may be some megabytes each.
			for range 4 {
				if err := stalled.Emit("x", strings.Repeat("x", 8<<20)); err != nil {
					t.Fatal(err)
				}
			}
			if b != nil {
				if _, err := b.r.Peek(1); err != nil { // a message has begun
					t.Fatal(err)
				}
			}
			eventually(t, "it is given up", func() bool {
				srv.Advance(15 * time.Minute)
				return len(left) > 0
			})
			if got := <-left; got != stalled.ID()+" slow consumer" {
				t.Errorf("ended: %s, want %s", got, stalled.ID())
			}
			if b == nil {
				return
			}
			// It finds the rest of the beginning, and the end of the stream.
			_ = b.SetDeadline(time.Now().Add(patience))
			if n, err := b.r.WriteTo(io.Discard); n == 0 || n >= 32<<20 || isTimeout(err) {
				t.Errorf("read %d bytes and %v", n, err)
			}
		})
	}
}

// A poll whose answer is not read does not hold it for good. The answers of others may take their
// time.
func TestAnswersThatAreNotRead(t *testing.T) {
	const timeout = 100 * time.Millisecond
	long := strings.Repeat("x", 32<<20)
	srv, err := server.New(server.Options{
		Times: server.Times{WriteTimeout: timeout}, Limits: server.Limits{QueueBytes: 1 << 30}, NoHTTPCompression: true,
		Other: func(ctx *fasthttp.RequestCtx) { ctx.SetBodyString(long) },
	})
	if err != nil {
		t.Fatal(err)
	}
	joined, gone := make(chan *server.Socket, 1), make(chan string, 1)
	srv.OnConnect(func(s *server.Socket) { joined <- s })
	srv.OnDisconnect(func(_ *server.Socket, reason string) { gone <- reason })
	base := serve(t, srv)
	p := poll(t, base, "/socket.io/")
	s := <-joined
	if err := s.Emit("x", long); err != nil {
		t.Fatal(err)
	}
	ask := func(target string) *bufio.Reader {
		conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if _, err := io.WriteString(conn, "GET "+target+" HTTP/1.1\r\nHost: test\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(patience))
		return bufio.NewReader(conn)
	}
	polled, other := ask(strings.TrimPrefix(p.url, base)), ask("/page")
	for _, r := range []*bufio.Reader{polled, other} { // both answers have begun
		if _, err := r.Peek(1); err != nil {
			t.Fatal(err)
		}
	}
	<-gone
	time.Sleep(2 * timeout) // which the page gets as well
	size := func(r *bufio.Reader) int64 {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		n, err := io.Copy(io.Discard, resp.Body)
		if isTimeout(err) {
			t.Error(err)
		}
		return n
	}
	if n := size(polled); n >= int64(len(long)) {
		t.Errorf("the answer to the poll had %d bytes", n)
	}
	if n := size(other); n != int64(len(long)) {
		t.Errorf("the page had %d bytes", n)
	}
}
