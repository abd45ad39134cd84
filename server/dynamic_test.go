package server_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/throng-io/throng/server"
)

func TestDynamicNamespaces(t *testing.T) {
	everyStrategy(t, func(t *testing.T, srv *server.Server, base string) {
		created := make(chan string, 4)
		srv.OnNamespace(func(n *server.Namespace) { created <- n.Name() })
		tenants := srv.Dynamic(server.Matching(regexp.MustCompile(`^/tenant-\d+$`)))
		tenants.On("hello", func(s *server.Socket, e *server.Event) error { return e.Ack(s.Namespace().Name()) })
		srv.Dynamic(func(name string, auth []byte) bool {
			return strings.HasPrefix(name, "/vip") && string(auth) == `{"vip":true}`
		})
		w := open(t, base, "/socket.io/", "")
		for _, refused := range []string{"/tenant-x", "/tenant-1x", "/vip"} {
			w.send("40" + refused)
			w.expect(`44` + refused + `,{"message":"Invalid namespace"}`)
		}
		w.send(`40/vip,{"vip":true}`)
		w.expectPrefix(`40/vip,{"sid"`)
		for _, name := range []string{"/tenant-1", "/tenant-2"} {
			w.send("40" + name)
			w.expectPrefix("40" + name + `,{"sid"`)
			w.send("42" + name + `,1["hello"]`)
			w.expect("43" + name + `,1["` + name + `"]`)
		}
		if a, b, c := <-created, <-created, <-created; a != "/vip" || b != "/tenant-1" || c != "/tenant-2" {
			t.Errorf("created %s, %s, %s", a, b, c)
		}

		// What is sent to the pattern goes to all that were made of it.
		m, err := tenants.Prepare("prepared")
		if err != nil {
			t.Fatal(err)
		}
		if err := tenants.Emit("news", 1); err != nil {
			t.Fatal(err)
		}
		tenants.Send(m)
		tenants.Everyone().EmitRaw("raw", []byte("2"), nil)
		if n := len(tenants.Sockets()); n != 2 {
			t.Errorf("%d sockets under the pattern", n)
		}
		for _, want := range []string{`["news",1]`, `["prepared"]`, `["raw",2]`} {
			w.expect("42/tenant-1," + want)
			w.expect("42/tenant-2," + want)
		}
		if err := tenants.Emit("connect"); err == nil {
			t.Error("a reserved name was emitted")
		}
		answers := make(chan server.Answers, 1)
		if err := tenants.Everyone().EmitWithAck(1e12, func(a server.Answers) { answers <- a }, "q"); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"/tenant-1", "/tenant-2"} {
			w.expect("42" + name + `,0["q"]`)
			w.send("43" + name + ",0[]")
		}
		if got := <-answers; len(got.All) != 2 || len(got.Missing) != 0 {
			t.Errorf("answers %v", got)
		}
		tenants.Everyone().Disconnect(false)
		w.expect("41/tenant-1,")
		w.expect("41/tenant-2,")
	})
}

func TestMaxDynamic(t *testing.T) {
	for _, cleanup := range []bool{false, true} {
		srv, err := server.New(server.Options{Limits: server.Limits{MaxDynamic: 1}, CleanupEmptyNamespaces: cleanup})
		if err != nil {
			t.Fatal(err)
		}
		gone := make(chan string, 2)
		srv.Dynamic(func(string, []byte) bool { return true }).OnDisconnect(func(_ *server.Socket, reason string) { gone <- reason })
		w := open(t, serve(t, srv), "/socket.io/", "")
		w.send("40/a")
		w.expectPrefix("40/a")
		w.send("40/b")
		w.expect(`44/b,{"message":"Invalid namespace"}`)
		w.send("41/a")
		<-gone
		w.send("40") // the namespace is left only after that
		w.expectPrefix("40")
		w.send("40/b")
		if cleanup {
			w.expectPrefix("40/b")
		} else {
			w.expect(`44/b,{"message":"Invalid namespace"}`)
		}
	}
}

// With the option, nothing is left of namespaces that were made for clients, whether these left or
// were refused; namespaces of the application stay.
func TestCleanupEmptyNamespaces(t *testing.T) {
	everyFanout(t, server.Options{CleanupEmptyNamespaces: true, Logger: silent}, func(t *testing.T, srv *server.Server, base string) {
		pattern := srv.Dynamic(func(string, []byte) bool { return true })
		pattern.Use(func(s *server.Socket) error {
			if strings.Contains(s.Namespace().Name(), "refuse") {
				return errors.New("no")
			}
			return nil
		})
		srv.Of("/static")
		var clients sync.WaitGroup
		for i := range 4 {
			w := open(t, base, "/socket.io/", "")
			clients.Go(func() {
				for n := range 50 { // all clients in the same few namespaces, coming and going
					name := fmt.Sprintf("/n-%d", n%3)
					if (n+i)%5 == 0 {
						name = "/refuse"
					}
					w.send("40" + name)
					if got := w.text(); strings.HasPrefix(got, "40"+name) {
						w.send("42" + name + `,["x"]`)
						w.send("41" + name)
					} else if got != `44/refuse,{"message":"no"}` {
						t.Errorf("got %q", got)
						return
					}
				}
				w.send("40")
				w.expectPrefix("40") // all before it has been done
			})
		}
		clients.Wait()
		if got := srv.Stats().Namespaces; len(got) != 2 || got["/"] != 4 {
			t.Errorf("namespaces %v are left", got)
		}
		if err := pattern.Emit("nobody"); err != nil {
			t.Error(err)
		}
	})
}

// A namespace that the application makes is a child of the pattern that matches it, and stays one
// when its last client has left.
func TestOfAChild(t *testing.T) {
	everyFanout(t, server.Options{CleanupEmptyNamespaces: true, Limits: server.Limits{MaxDynamic: 1}}, func(t *testing.T, srv *server.Server, base string) {
		tenants := srv.Dynamic(server.Matching(regexp.MustCompile(`^/tenant-\d+$`)))
		tenants.On("hello", func(_ *server.Socket, e *server.Event) error { return e.Ack("pattern") })
		srv.Dynamic(func(_ string, auth []byte) bool { return auth != nil })
		made := srv.Of("/tenant-1")
		made.On("more", func(_ *server.Socket, e *server.Event) error { return e.Ack("child") })
		if srv.Of("tenant-1") != made || srv.Of("/other") == made {
			t.Error("Of is not one namespace per name")
		}
		w := open(t, base, "/socket.io/", "")
		for range 2 { // the second time it has been empty before
			w.send("40/tenant-1")
			w.expectPrefix(`40/tenant-1,{"sid"`)
			w.send(`42/tenant-1,1["hello"]`)
			w.expect(`43/tenant-1,1["pattern"]`)
			w.send(`42/tenant-1,2["more"]`)
			w.expect(`43/tenant-1,2["child"]`)
			if err := tenants.Emit("news"); err != nil {
				t.Fatal(err)
			}
			w.expect(`42/tenant-1,["news"]`)
			w.send("41/tenant-1")
		}
		w.send("40/other")
		w.expectPrefix(`40/other,{"sid"`)
		w.send("40/tenant-2") // the only one that clients bring into being
		w.expectPrefix(`40/tenant-2,{"sid"`)
	})
}

// A namespace is not made anew before the adapter of the old one of that name is closed: both have
// the same subscriptions at the broker, which the closing would end.
func TestRemovedNamespaceIsClosedBeforeTheNext(t *testing.T) {
	opened, closes, asked := make(chan string, 8), make(chan struct{}, 2), make(chan struct{}, 8)
	srv, err := server.New(server.Options{CleanupEmptyNamespaces: true, Adapter: func(ns *server.Namespace, local server.Adapter) server.Adapter {
		opened <- ns.Name()
		return closing{local, func() {
			if ns.Name() != "/made" {
				return
			}
			closes <- struct{}{}
			<-asked // by the second client; the first has been let in
			select {
			case name := <-opened:
				t.Errorf("%s is opened while it is being closed", name)
			case <-time.After(100 * time.Millisecond): // for a second one that comes too early
			}
		}}
	}})
	if err != nil {
		t.Fatal(err)
	}
	srv.Dynamic(func(string, []byte) bool {
		asked <- struct{}{}
		return true
	})
	base := serve(t, srv)
	defer close(asked) // or the closing at the end of the test would wait
	a, b := open(t, base, "/socket.io/", ""), open(t, base, "/socket.io/", "")
	a.send("40/made")
	a.expectPrefix("40/made,")
	for _, want := range []string{"/", "/made"} {
		if got := <-opened; got != want {
			t.Fatalf("%s is opened, want %s", got, want)
		}
	}
	<-asked
	a.send("41/made")
	<-closes
	b.send("40/made")
	b.expectPrefix("40/made,")
	if got := <-opened; got != "/made" {
		t.Errorf("%s is opened", got)
	}
}

// Packets for a namespace that the server has just removed the client from are ignored, but the
// names are not kept for ever: a client can join ever new namespaces.
func TestRemovedNamesAreBounded(t *testing.T) {
	everyFanout(t, server.Options{CleanupEmptyNamespaces: true, Limits: server.Limits{MaxNamespaces: 2}}, func(t *testing.T, srv *server.Server, base string) {
		srv.Dynamic(func(string, []byte) bool { return true }).OnConnect(func(s *server.Socket) { s.Disconnect(false) })
		w := open(t, base, "/socket.io/", "")
		w.send("40")
		w.expectPrefix("40")
		for i := range 4 {
			w.send(fmt.Sprintf("40/n%d", i))
			w.expectPrefix(fmt.Sprintf("40/n%d,", i))
			w.expect(fmt.Sprintf("41/n%d,", i))
		}
		w.send(`42/n3,["late"]`)
		w.send("40/n4")
		w.expectPrefix("40/n4,")
		w.expect("41/n4,")
		w.send(`42/n0,["very late"]`)
		w.expectClose()
	})
}

// An adapter that panics for one namespace does not block the others.
func TestAdapterThatPanics(t *testing.T) {
	srv, err := server.New(server.Options{Logger: silent, Adapter: func(ns *server.Namespace, local server.Adapter) server.Adapter {
		if ns.Name() == "/bad" {
			panic("on purpose")
		}
		return local
	}})
	if err != nil {
		t.Fatal(err)
	}
	srv.Dynamic(func(string, []byte) bool { return true })
	base := serve(t, srv)
	w := open(t, base, "/socket.io/", "")
	w.send("40/bad")
	w.expectClose()
	w = socketIO(t, base)
	w.send("40/good")
	w.expectPrefix("40/good,")
}
