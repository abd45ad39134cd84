package server_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/throng-io/throng/server"
)

// Rooms that a middleware joins are there when the socket is, and for nobody else.
func TestJoinInMiddleware(t *testing.T) {
	everyStrategy(t, func(t *testing.T, srv *server.Server, base string) {
		var mu sync.Mutex
		var changes []string
		note := func(what, room string) {
			mu.Lock()
			defer mu.Unlock()
			changes = append(changes, what+room)
		}
		srv.OnRooms(server.RoomHooks{
			Join: func(room string, _ *server.Socket) { note("+", room) }, Leave: func(room string, _ *server.Socket) { note("-", room) },
		})
		refusals := make(chan *server.Socket, 1)
		srv.Use(func(s *server.Socket) error {
			s.Data = "middleware"
			if !s.Join("a") || !s.Join("b") || !s.Join("a") || s.Connected() {
				t.Error("a room is refused, or the socket is connected already")
			}
			s.Leave("b")
			if got := s.Rooms(); !slices.Equal(got, []string{"a"}) {
				t.Errorf("rooms in the middleware: %v", got)
			}
			if n := len(srv.Rooms()) + len(srv.To("a").Sockets()); n != 0 {
				t.Errorf("a socket that may be refused is in a room already: %d", n)
			}
			if err := s.Emit("early"); err != nil {
				t.Error(err)
			}
			if len(s.AuthRaw()) > 0 {
				refusals <- s
				return errors.New("no")
			}
			return nil
		})
		srv.OnConnect(func(s *server.Socket) {
			if got := s.Rooms(); !slices.Equal(got, []string{"a"}) || s.Data != "middleware" {
				t.Errorf("rooms %v, data %v", got, s.Data)
			}
			if err := srv.To("a").Emit("in a"); err != nil {
				t.Error(err)
			}
		})
		w := open(t, base, "/socket.io/", "")
		w.send(`40{"refuse":true}`)
		w.expect(`42["early"]`)
		w.expect(`44{"message":"no"}`)
		if refused := <-refusals; refused.Join("a") || refused.Rooms() != nil || refused.Connected() || len(srv.Rooms()) != 0 {
			t.Error("something is left of a socket that was refused")
		}
		w.send("40")
		w.expect(`42["early"]`)
		w.expectPrefix(`40{"sid":"`)
		w.expect(`42["in a"]`)
		mu.Lock()
		defer mu.Unlock()
		if got := strings.Join(changes, ""); got != "+a" {
			t.Errorf("hooks were called for %s", got)
		}
	})
}

// gated is a server whose namespace /slow has a middleware that waits.
type gated struct {
	*server.Server
	base    string
	arrived chan *server.Socket
	release chan error
	life    chan string
}

func gate(t *testing.T, opts server.Options) *gated {
	t.Helper()
	srv, err := server.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	g := &gated{srv, "", make(chan *server.Socket, 40), make(chan error, 40), make(chan string, 40)}
	srv.On("echo", func(_ *server.Socket, e *server.Event) error { return e.Ack() })
	slow := srv.Of("/slow")
	slow.Use(func(s *server.Socket) error {
		s.Join("r")
		g.arrived <- s
		return <-g.release
	})
	slow.OnConnect(func(s *server.Socket) { g.life <- "connect " + string(s.AuthRaw()) })
	slow.OnDisconnect(func(_ *server.Socket, reason string) { g.life <- reason })
	g.base = serve(t, srv)
	t.Cleanup(func() { close(g.release) })
	return g
}

// nothing checks that no function of the application was called.
func (g *gated) nothing(t *testing.T, when string) {
	t.Helper()
	if n := g.Stats().Namespaces["/slow"]; n != 0 || len(g.life) != 0 || len(g.Of("/slow").Rooms()) != 0 {
		t.Errorf("%s: %d sockets, %d calls, rooms %v", when, n, len(g.life), g.Of("/slow").Rooms())
	}
}

// A middleware that waits holds up neither the connection's other namespaces nor its heartbeat.
func TestSlowMiddleware(t *testing.T) {
	g := gate(t, server.Options{Times: server.Times{PingInterval: time.Hour, PingTimeout: time.Hour, ConnectTimeout: server.Never}})
	w := open(t, g.base, "/socket.io/", "")
	w.send("40/slow,{}")
	<-g.arrived
	w.send("40")
	w.expectPrefix(`40{"sid":"`)
	for n := range 3 {
		g.Advance(time.Hour) // the ping; without its pong, the next one would be the end
		w.send(fmt.Sprintf(`42%d["echo"]`, n))
		w.expect(fmt.Sprintf(`43%d[]`, n)) // answers the ping before
		w.send(`429["echo"]`)
		w.expect(`439[]`) // so the pong has been read
	}
	g.release <- nil
	w.expectPrefix(`40/slow,{"sid":"`)
	if got := <-g.life; got != "connect {}" {
		t.Errorf("life %q", got)
	}
}

// A client that leaves during the middleware never joins, however it leaves.
func TestLeavesDuringMiddleware(t *testing.T) {
	for name, leave := range map[string]func(w *wire){
		"closes the websocket":  func(w *wire) { _ = w.conn.Close() },
		"sends a close packet":  func(w *wire) { w.send("1") },
		"sends what is invalid": func(w *wire) { w.send("9") },
	} {
		t.Run(name, func(t *testing.T) {
			g := gate(t, server.Options{Logger: silent})
			w := open(t, g.base, "/socket.io/", "")
			w.send("40/slow")
			s := <-g.arrived
			leave(w)
			eventually(t, "the session has ended", func() bool { return g.Stats().Sessions == 0 })
			g.release <- nil
			eventually(t, "the join is over", func() bool { return !s.Join("x") })
			g.nothing(t, name)
		})
	}
	t.Run("over polling", func(t *testing.T) {
		g := gate(t, server.Options{})
		p := poll(t, g.base, "/socket.io/")
		p.post("40/slow")
		s := <-g.arrived
		p.post("1")
		eventually(t, "the session has ended", func() bool { return g.Stats().Sessions == 0 })
		g.release <- nil
		eventually(t, "the join is over", func() bool { return !s.Join("x") })
		g.nothing(t, "over polling")
	})
	t.Run("the namespace", func(t *testing.T) {
		g := gate(t, server.Options{})
		w := socketIO(t, g.base)
		w.send("40/slow")
		s := <-g.arrived
		w.send("41/slow")
		w.send(`421["echo"]`)
		w.expect(`431[]`)
		g.release <- nil
		eventually(t, "the join is over", func() bool { return !s.Join("x") })
		g.nothing(t, "after 41")
		w.send(`422["echo"]`)
		w.expect(`432[]`)
	})
}

// The official client asks again when it has left and come back before the answer. It gets one
// answer, to the last request; how many wait for one is limited.
func TestAsksAgainDuringMiddleware(t *testing.T) {
	g := gate(t, server.Options{Limits: server.Limits{MaxNamespaces: 3}})
	w := open(t, g.base, "/socket.io/", "")
	for n := range 3 {
		w.send(fmt.Sprintf("40/slow,%d", n))
		<-g.arrived
	}
	w.send("40/slow,3")
	w.expect(`44/slow,{"message":"too many namespaces"}`)
	for range 3 {
		g.release <- nil
	}
	g.nothing(t, "the last one has been refused")
	eventually(t, "there is room again", func() bool {
		w.send("40/slow,4")
		select {
		case <-g.arrived:
			return true
		case <-time.After(10 * time.Millisecond):
			return false
		}
	})
}

// A shutdown waits for middleware that is at work.
func TestShutdownDuringMiddleware(t *testing.T) {
	g := gate(t, server.Options{})
	w := open(t, g.base, "/socket.io/", "")
	w.send("40/slow")
	<-g.arrived
	stopped := make(chan error, 1)
	go func() { stopped <- g.Shutdown(t.Context()) }()
	w.expectClose()
	select {
	case err := <-stopped:
		t.Errorf("it is over before the middleware: %v", err)
	default:
	}
	g.release <- nil
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	g.nothing(t, "after the end")
}
