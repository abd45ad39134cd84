package server_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/server"
)

// A client that asks for a websocket and is gone before the answer leaves nothing behind, although
// the HTTP server never tells of it: not the session, and not a timer that would end it before it
// has begun.
func TestGoneBeforeTheUpgrade(t *testing.T) {
	srv, err := server.New(server.Options{Times: server.Times{ConnectTimeout: time.Hour, PingInterval: server.Never}})
	if err != nil {
		t.Fatal(err)
	}
	base := serve(t, srv)
	open(t, base, "/socket.io/", "") // for Advance
	for i := range 200 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		// Requests in front of it make the HTTP server write before it hands over.
		request := strings.Repeat(get("/elsewhere"), i%3) + upgradeOf("EIO=4&transport=websocket")
		_, _ = io.WriteString(conn, request)
		_ = conn.(*net.TCPConn).SetLinger(0)
		_ = conn.Close()
		if i%10 == 9 {
			srv.Advance(time.Hour) // also for those on their way
		}
	}
	w := socketIO(t, base)
	eventually(t, "the sessions are gone", func() bool {
		srv.Advance(time.Minute)
		st := srv.Stats()
		return st.Sessions == 1 && st.Namespaces["/"] == 1
	})
	if err := srv.Emit("x"); err != nil {
		t.Fatal(err)
	}
	w.expect(`42["x"]`)
}

// A request that asks for a websocket and for the end of the connection cannot have both.
func TestUpgradeAndClose(t *testing.T) {
	x := attack(t, server.Options{})
	for _, header := range []string{"Connection: Upgrade, close", "Connection: close, upgrade", "Connection: close\r\nConnection: Upgrade"} {
		request := strings.Replace(upgradeOf("EIO=4&transport=websocket"), "Connection: Upgrade", header, 1)
		if status, _, _ := x.raw(request); status != 400 && status != 101 {
			t.Errorf("%q: %d", header, status)
		}
	}
	x.survived()
}

// A panic where a request is decided ends that request.
func TestPanicInARequest(t *testing.T) {
	srv, err := server.New(server.Options{Logger: silent, AllowRequest: func(ctx *fasthttp.RequestCtx) error {
		if ctx.QueryArgs().Has("panic") {
			panic("on purpose")
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	base := serve(t, srv)
	for _, transport := range []string{"polling", "websocket"} {
		resp, err := http.Get(base + "/socket.io/?EIO=4&transport=polling&panic=" + transport)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != 500 {
			t.Errorf("%s: %s", transport, resp.Status)
		}
	}
	socketIO(t, base)
	if n := srv.Stats().HandlerPanics; n != 2 {
		t.Errorf("%d panics were counted", n)
	}
}

// Nor does a panic in what takes messages, or makes ids, end more than one connection.
func TestPanicInOptions(t *testing.T) {
	engine := start(t, server.Options{Logger: silent, Engine: func(s *server.EngineSession, data []byte, binary bool) {
		if string(data) == "panic" {
			panic("on purpose")
		}
		s.Send(data, binary)
	}})
	bad, good := open(t, engine, "/engine.io/", ""), open(t, engine, "/engine.io/", "")
	bad.send("4panic")
	bad.expectClose()
	good.send("4still here")
	good.expect("4still here")

	var made atomic.Int32
	base := start(t, server.Options{Logger: silent, NewID: func() string {
		n := made.Add(1)
		if n == 2 { // that of the first socket
			panic("on purpose")
		}
		return fmt.Sprint("id", n)
	}})
	w := open(t, base, "/socket.io/", "")
	w.send("40")
	w.expectClose()
	socketIO(t, base)
}

// A form is not read, and not written to disk, before the request is judged.
func TestFormsAreNotParsed(t *testing.T) {
	x := attack(t, server.Options{Limits: server.Limits{MaxPayload: 1000}})
	status, _, _ := x.raw("POST /socket.io/?EIO=4&transport=polling&sid=x HTTP/1.1\r\nHost: t\r\n" +
		"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000000\r\n\r\n" +
		"--b\r\nContent-Disposition: form-data; name=a; filename=b\r\n\r\n" + strings.Repeat("a", 20_000))
	if status != 400 {
		t.Errorf("status %d", status)
	}
	x.survived()
}
