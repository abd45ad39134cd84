package server_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/throng-io/throng/server"
)

// An observer sees all namespaces: those that are there, those that come, those that clients bring
// into being, and what is emitted on a pattern of them.
func TestWatch(t *testing.T) {
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	early := srv.Of("/early")
	pattern := srv.Dynamic(func(name string, _ []byte) bool { return strings.HasPrefix(name, "/dyn") })
	var mu sync.Mutex
	var seen []string
	note := func(s *server.Socket, format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, s.Namespace().Name()+" "+fmt.Sprintf(format, args...))
	}
	gone := make(chan struct{}, 3)
	srv.Watch(server.Watch{
		Connect:    func(s *server.Socket) { note(s, "connect") },
		Disconnect: func(s *server.Socket, reason string) { note(s, "%s", reason); gone <- struct{}{} },
		Join:       func(room string, s *server.Socket) { note(s, "join %s", room) },
		Leave:      func(room string, s *server.Socket) { note(s, "leave %s", room) },
		Receive:    func(s *server.Socket, e *server.Event) { note(s, "receive %s", e.Name()) },
		Send: func(to server.Target, event string, args []any) {
			for _, s := range to.Sockets() {
				note(s, "send %s %v", event, args)
			}
		},
	})
	late := srv.Of("/late")
	names := []string{"/early", "/late", "/dyn1"}
	for _, ns := range []*server.Namespace{early, late, pattern} {
		ns.OnConnect(func(s *server.Socket) { s.Join("r") })
		ns.OnAny(func(_ *server.Socket, e *server.Event) error { return e.Ack() })
	}
	w := open(t, serve(t, srv), "/socket.io/", "")
	for _, name := range names {
		w.send("40" + name)
		w.expectPrefix("40" + name)
		w.send("42" + name + `,1["x"]`)
		w.expect("43" + name + ",1[]")
	}
	if err := pattern.To("r").Emit("y", 1); err != nil {
		t.Fatal(err)
	}
	w.expect(`42/dyn1,["y",1]`)
	early.OffAny() // and OffAnyOutgoing: an observer stays
	early.OffAnyOutgoing()
	w.send(`42/early,["z"]`)
	w.send("41/early")
	<-gone
	_ = w.conn.Close()
	<-gone
	<-gone
	mu.Lock()
	defer mu.Unlock()
	for _, name := range names {
		var got []string
		for _, line := range seen {
			if rest, ok := strings.CutPrefix(line, name+" "); ok {
				got = append(got, rest)
			}
		}
		want := []string{"connect", "join r", "receive x"}
		switch name {
		case "/early":
			want = append(want, "receive z", "leave r", "client namespace disconnect")
		case "/dyn1":
			want = append(want, "send y [1]", "leave r", "transport close")
		default:
			want = append(want, "leave r", "transport close")
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// A panic of an observer is a handler's: it ends the connection only.
func TestWatchPanics(t *testing.T) {
	srv, err := server.New(server.Options{Logger: silent})
	if err != nil {
		t.Fatal(err)
	}
	srv.Watch(server.Watch{Receive: func(_ *server.Socket, e *server.Event) {
		if e.Name() == "panic" {
			panic("on purpose")
		}
	}})
	base := serve(t, srv)
	good, bad := socketIO(t, base), socketIO(t, base)
	bad.send(`42["panic"]`)
	bad.expectClose()
	if err := srv.Emit("x"); err != nil {
		t.Fatal(err)
	}
	good.expect(`42["x"]`)
}

func TestClientAndDo(t *testing.T) {
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	second := srv.Of("/second")
	sockets := make(chan *server.Socket, 3)
	srv.OnConnect(func(s *server.Socket) { s.Data = 0; sockets <- s })
	second.OnConnect(func(s *server.Socket) { sockets <- s })
	srv.On("count", func(s *server.Socket, e *server.Event) error {
		s.Data = s.Data.(int) + 1
		return e.Ack(s.Data)
	})
	base := serve(t, srv)
	w := socketIO(t, base)
	s := <-sockets
	w.send("40/second")
	w.expectPrefix("40/second")
	mine := <-sockets // a client may hear that it is connected before OnConnect has run
	socketIO(t, base)
	if mine.Client() != s.Client() || len(s.Client()) != 12 {
		t.Errorf("clients %q and %q", s.Client(), mine.Client())
	}
	if other := <-sockets; other.Client() == s.Client() {
		t.Error("two connections have one name")
	}
	// Handlers and Do take turns: the race detector would tell.
	var all sync.WaitGroup
	for i := range 100 {
		all.Add(1)
		s.Do(func() { s.Data = s.Data.(int) + 1; all.Done() })
		w.send(fmt.Sprintf(`42%d["count"]`, i))
	}
	for range 100 {
		w.expectPrefix("43")
	}
	all.Wait()
	done := make(chan any)
	s.Do(func() { done <- s.Data })
	if got := <-done; got != 200 {
		t.Errorf("counted %v", got)
	}
}
