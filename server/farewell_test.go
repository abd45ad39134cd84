package server_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/throng-io/throng/server"
)

// A client that comes back at once after the server has disconnected it is not new before it is
// gone: an application that counts who is there would count wrong.
func TestGoneBeforeItIsBack(t *testing.T) {
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const rounds = 300
	life, release := make(chan string, 3*rounds), make(chan struct{})
	srv.OnConnect(func(*server.Socket) { life <- "connect" })
	srv.OnDisconnect(func(_ *server.Socket, reason string) { life <- reason })
	srv.On("kick", func(s *server.Socket, _ *server.Event) error {
		s.Disconnect(false)
		<-release
		return nil
	})
	w := socketIO(t, serve(t, srv))
	for range rounds {
		w.send(`42["kick"]`)
		w.expect("41")
		w.send("40")
		release <- struct{}{}
		w.expectPrefix(`40{"sid"`)
		for _, want := range []string{"connect", "server namespace disconnect"} {
			if got := <-life; got != want {
				t.Fatalf("%q, want %q", got, want)
			}
		}
	}
}

// The connection that Disconnect(true) closes is open while OnDisconnect runs, however long that
// takes, and takes nothing any more when the client joins again.
func TestOpenUntilOnDisconnect(t *testing.T) {
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	pongs, told := make(chan string, 3), make(chan string, 1)
	clients := make(chan *wire, 1)
	srv.OnDisconnect(func(*server.Socket, string) {
		w := <-clients
		srv.Advance(time.Second)
		if err := w.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(patience)); err != nil {
			pongs <- err.Error()
		}
		told <- <-pongs
		_ = w.conn.WriteMessage(websocket.TextMessage, []byte("40")) // is read when this function has returned
	})
	joins := make(chan string, 2)
	srv.OnConnect(func(s *server.Socket) { joins <- s.ID() })
	srv.On("kick", func(s *server.Socket, _ *server.Event) error {
		s.Disconnect(true)
		return nil
	})
	w := socketIO(t, serve(t, srv))
	w.conn.SetPongHandler(func(string) error {
		pongs <- "open"
		return nil
	})
	w.send(`42["kick"]`)
	w.expect("41")
	clients <- w
	_, data, err := w.next()
	if !websocket.IsCloseError(err, websocket.CloseNoStatusReceived) {
		t.Errorf("got %q, %v", data, err)
	}
	pongs <- "closed" // if it was so before
	if got := <-told; got != "open" {
		t.Errorf("in OnDisconnect the connection is %s", got)
	}
	if n := len(joins); n != 1 {
		t.Errorf("%d sockets have joined", n)
	}
}

// A client that is hung up on loses its connection although a handler of it goes on; OnDisconnect
// waits for that.
func TestHangUpBesideAHandler(t *testing.T) {
	srv, err := server.New(server.Options{Times: server.Times{PingInterval: server.Never}})
	if err != nil {
		t.Fatal(err)
	}
	sockets, release := make(chan *server.Socket, 1), make(chan struct{})
	end := sync.OnceFunc(func() { close(release) })
	defer end()
	gone := make(chan string, 1)
	srv.OnDisconnect(func(_ *server.Socket, reason string) { gone <- reason })
	srv.On("work", func(s *server.Socket, _ *server.Event) error {
		sockets <- s
		<-release
		return nil
	})
	w := socketIO(t, serve(t, srv))
	w.send(`42["work"]`)
	(<-sockets).Disconnect(true)
	w.expect("41")
	srv.Advance(time.Second)
	w.expectClose()
	if n := len(gone); n != 0 {
		t.Error("OnDisconnect is called beside the handler")
	}
	end()
	if reason := <-gone; reason != "server namespace disconnect" {
		t.Errorf("the reason is %q", reason)
	}
}

// Shutdown waits for OnDisconnect, also of a socket that another one's OnDisconnect disconnects.
func TestShutdownWaitsForOnDisconnect(t *testing.T) {
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	others := make(chan *server.Socket, 1)
	srv.Of("/other").OnConnect(func(s *server.Socket) { others <- s })
	srv.OnDisconnect(func(*server.Socket, string) { (<-others).Disconnect(false) })
	var told atomic.Bool
	srv.Of("/other").OnDisconnect(func(*server.Socket, string) {
		time.Sleep(50 * time.Millisecond)
		told.Store(true)
	})
	w := socketIO(t, serve(t, srv))
	w.send("40/other,")
	w.expectPrefix(`40/other,{"sid"`)
	go func() { _, _, _ = w.next() }() // and answers the goodbye
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !told.Load() {
		t.Error("Shutdown has returned before")
	}
}

// Shutdown waits for OnDisconnect of a socket that another server disconnects, also if the session
// has ended before OnDisconnecting has returned.
func TestShutdownWaitsForWhatIsAside(t *testing.T) {
	var local server.Adapter
	srv, err := server.New(server.Options{Adapter: func(_ *server.Namespace, a server.Adapter) server.Adapter {
		local = a
		return a
	}})
	if err != nil {
		t.Fatal(err)
	}
	begun, release := make(chan bool), make(chan bool)
	srv.OnDisconnecting(func(*server.Socket, string) {
		close(begun)
		<-release
	})
	var told atomic.Bool
	srv.OnDisconnect(func(*server.Socket, string) {
		time.Sleep(50 * time.Millisecond)
		told.Store(true)
	})
	w := socketIO(t, serve(t, srv))
	if err := local.Apply(srv.Everyone(), server.Change{Disconnect: true, Aside: true}); err != nil {
		t.Fatal(err)
	}
	<-begun
	go func() { _, _, _ = w.next() }() // and answers the goodbye
	ended := make(chan error, 1)
	go func() { ended <- srv.Shutdown(t.Context()) }()
	eventually(t, "the end of the session", func() bool { return srv.Stats().Sessions == 0 })
	close(release)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if !told.Load() {
		t.Error("Shutdown has returned before OnDisconnect")
	}
}

// What disconnects a client aside does not wait for OnDisconnecting of another namespace either,
// which the client leaves as well when it is hung up on.
func TestHangUpAside(t *testing.T) {
	var local server.Adapter
	srv, err := server.New(server.Options{Adapter: func(ns *server.Namespace, a server.Adapter) server.Adapter {
		if ns.Name() == "/" {
			local = a
		}
		return a
	}})
	if err != nil {
		t.Fatal(err)
	}
	release := make(chan bool)
	end := sync.OnceFunc(func() { close(release) })
	defer end()
	srv.Of("/other").OnDisconnecting(func(*server.Socket, string) { <-release })
	w := socketIO(t, serve(t, srv))
	w.send("40/other,")
	w.expectPrefix(`40/other,{"sid"`)
	applied := make(chan error, 1)
	go func() {
		applied <- local.Apply(srv.Everyone(), server.Change{Disconnect: true, HangUp: true, Aside: true})
	}()
	select {
	case err := <-applied:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Error("it waits for OnDisconnecting")
	}
	end()
	w.expect("41")
	w.expect("41/other,")
	w.expectClose()
}
