package server_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/throng-io/throng/server"
)

func TestRoomHooks(t *testing.T) {
	everyStrategy(t, func(t *testing.T, srv *server.Server, base string) {
		var mu sync.Mutex
		var seen []string
		deleted := make(chan string, 10)
		note := func(what, room string) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, what+" "+room)
		}
		srv.OnRooms(server.RoomHooks{
			Create: func(room string) { note("create", room) },
			Join: func(room string, s *server.Socket) {
				note("join", room)
				if room == "a" {
					s.Join("from a hook")
				}
			},
			Leave: func(room string, _ *server.Socket) { note("leave", room) },
			Delete: func(room string) {
				note("delete", room)
				deleted <- room
			},
		})
		srv.OnRooms(server.RoomHooks{Join: func(string, *server.Socket) {}}) // the others are missing
		sockets := make(chan *server.Socket, 2)
		srv.OnConnect(func(s *server.Socket) { sockets <- s })
		w := socketIO(t, base)
		a := <-sockets
		socketIO(t, base)
		b := <-sockets
		a.Join("a")
		a.Join("a")
		b.Join("b")
		b.Join(a.ID()) // the room that a has by its id is no room of its own
		b.Leave(a.ID())
		a.Join("b")
		b.Leave("b")
		b.Leave("b")
		a.Leave("from a hook")
		<-deleted
		<-deleted
		w.send("41")
		for range 2 {
			<-deleted
		}
		want := []string{
			"create a", "join a", "create from a hook", "join from a hook",
			"create b", "join b",
			"create " + a.ID(), "join " + a.ID(), "leave " + a.ID(), "delete " + a.ID(),
			"join b", "leave b", "leave from a hook", "delete from a hook",
		}
		mu.Lock()
		defer mu.Unlock()
		if len(seen) < len(want) || !slices.Equal(seen[:len(want)], want) {
			t.Fatalf("seen\n%q, want\n%q", seen, want)
		}
		end := seen[len(want):]
		slices.Sort(end)
		if !slices.Equal(end, []string{"delete a", "delete b", "leave a", "leave b"}) {
			t.Errorf("when the socket left: %q", end)
		}
	})
}

// However many sockets come and go at once, a room is created before it is
// deleted, and joins and leaves lie between.
func TestRoomHooksKeepOrder(t *testing.T) {
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	members, exists := 0, false
	srv.OnRooms(server.RoomHooks{
		Create: func(string) {
			if exists {
				t.Error("created twice")
			}
			exists = true
		},
		Join:  func(string, *server.Socket) { members++ },
		Leave: func(string, *server.Socket) { members-- },
		Delete: func(string) {
			if !exists || members != 0 {
				t.Errorf("deleted with %d members", members)
			}
			exists = false
		},
	})
	sockets := make(chan *server.Socket, 4)
	srv.OnConnect(func(s *server.Socket) { sockets <- s })
	base := serve(t, srv)
	var all sync.WaitGroup
	for range cap(sockets) {
		socketIO(t, base)
		s := <-sockets
		all.Go(func() {
			for range 500 {
				s.Join("r")
				s.Leave("r")
			}
		})
	}
	all.Wait()
	srv.OnRooms(server.RoomHooks{}) // all hooks have run when a change has been told again
	if got := srv.Rooms(); len(got) != 0 {
		t.Errorf("rooms are left: %v", got)
	}
}

func TestMaxRooms(t *testing.T) {
	srv, err := server.New(server.Options{MaxRooms: 2})
	if err != nil {
		t.Fatal(err)
	}
	srv.Use(func(s *server.Socket) error {
		if !s.Join("x") || !s.Join("y") || s.Join("z") || !s.Join("x") {
			return fmt.Errorf("the limit does not hold in middleware: %v", s.Rooms())
		}
		s.Leave("x")
		s.Leave("y")
		return nil
	})
	sockets := make(chan *server.Socket, 1)
	srv.OnConnect(func(s *server.Socket) { sockets <- s })
	gone := make(chan bool)
	srv.OnDisconnect(func(s *server.Socket, _ string) { gone <- s.Join("too late") })
	w := socketIO(t, serve(t, srv))
	s := <-sockets
	for _, c := range []struct {
		room string
		ok   bool
	}{{"a", true}, {"b", true}, {"c", false}, {"a", true}, {"c", false}} {
		if s.Join(c.room) != c.ok {
			t.Errorf("joining %s did not give %v", c.room, c.ok)
		}
	}
	s.Leave("a")
	s.Leave("a")
	if !s.Join("c") || s.Join("d") {
		t.Errorf("rooms %v", s.Rooms())
	}
	w.send("41")
	if <-gone {
		t.Error("a socket joined a room after it had left")
	}
}
