package server_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/throng-io/throng/server"
)

// A bare Engine.IO server is told of each session's beginning and end.
func TestEngineHooks(t *testing.T) {
	life := make(chan string, 10)
	srv, err := server.New(server.Options{
		AllowEIO3: true, Times: server.Times{PingInterval: server.Never},
		Engine: func(s *server.EngineSession, data []byte, binary bool) {
			life <- "message " + string(data)
			if string(data) == "bye" {
				s.Close()
				return
			}
			s.Send(data, binary)
		},
		EngineOpen: func(s *server.EngineSession, h *server.Handshake) {
			life <- "open " + s.Transport() + " " + h.Query("EIO")
			s.Send([]byte(s.ID()), false)
		},
		EngineClose: func(_ *server.EngineSession, reason string) { life <- "close " + reason },
	})
	if err != nil {
		t.Fatal(err)
	}
	heard := func(want ...string) {
		t.Helper()
		for _, w := range want {
			if got := <-life; got != w {
				t.Fatalf("%q, want %q", got, w)
			}
		}
	}
	base := serve(t, srv)
	for _, eio := range []string{"4", "3"} {
		w := dial(t, base, "/engine.io/", "?transport=websocket&EIO="+eio)
		sid := handshakeOf(t, w.text()).SID
		w.expect("4" + sid)
		w.send("4x")
		w.expect("4x")
		heard("open websocket "+eio, "message x")
		w.send("1")
		heard("close transport close")
	}
	w := open(t, base, "/engine.io/", "")
	w.text()
	w.send("4bye")
	w.expectClose()
	heard("open websocket 4", "message bye", "close forced close")

	w = open(t, base, "/engine.io/", "")
	w.text()
	w.send("9")
	w.expectClose()
	heard("open websocket 4", "close parse error")

	p := poll(t, base, "/engine.io/")
	p.expect("4" + p.sid)
	w = open(t, base, "/engine.io/", "&sid="+p.sid)
	w.send("2probe")
	w.expect("3probe")
	w.send("5")
	w.send("4up")
	w.expect("4up")
	_ = w.conn.Close()
	heard("open polling 4", "message up", "close transport close")

	if _, err := server.New(server.Options{EngineClose: func(*server.EngineSession, string) {}}); err == nil || !strings.Contains(err.Error(), "EngineClose") {
		t.Errorf("a hook without Engine: %v", err)
	}
}

// A hook that panics ends its session alone.
func TestEngineHookPanics(t *testing.T) {
	closed := make(chan string, 1)
	srv, err := server.New(server.Options{
		Logger:      silent,
		Engine:      func(*server.EngineSession, []byte, bool) {},
		EngineOpen:  func(*server.EngineSession, *server.Handshake) { panic("open") },
		EngineClose: func(_ *server.EngineSession, reason string) { closed <- reason; panic("close") },
	})
	if err != nil {
		t.Fatal(err)
	}
	base := serve(t, srv)
	for range 2 {
		open(t, base, "/engine.io/", "").expectClose()
		if got := <-closed; got != "forced close" {
			t.Errorf("closed with %q", got)
		}
	}
}

// A client whose websocket does not come about has never been there: the library of the official
// server refuses it before there is a session (ws 8.21.3, handleUpgrade).
func TestFailedUpgradeOpensNothing(t *testing.T) {
	var hooks atomic.Int32
	srv, err := server.New(server.Options{
		AllowEIO3:   true,
		Engine:      func(*server.EngineSession, []byte, bool) {},
		EngineOpen:  func(*server.EngineSession, *server.Handshake) { hooks.Add(1) },
		EngineClose: func(*server.EngineSession, string) { hooks.Add(1) },
	})
	if err != nil {
		t.Fatal(err)
	}
	base := serve(t, srv)
	for _, eio := range []string{"3", "4"} {
		resp, _ := exchange(t, "GET", base+"/engine.io/?transport=websocket&EIO="+eio, "", map[string]string{
			"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "12", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
		})
		if resp.StatusCode != 400 {
			t.Errorf("revision %s: %s", eio, resp.Status)
		}
	}
	eventually(t, "the sessions are gone", func() bool { return srv.Stats().Sessions == 0 })
	if n := hooks.Load(); n != 0 {
		t.Errorf("the application was called %d times", n)
	}
}
