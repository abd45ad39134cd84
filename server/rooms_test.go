package server_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
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

// However many sockets come and go at once, a room is created before it is deleted, and joins and
// leaves lie between.
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
	srv, err := server.New(server.Options{Limits: server.Limits{MaxRooms: 2}})
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

// The names of rooms are bounded one by one and together, whichever way a socket takes.
func TestRoomNamesAreBounded(t *testing.T) {
	srv, err := server.New(server.Options{Limits: server.Limits{MaxRoomName: 10, MaxRoomBytes: 24}})
	if err != nil {
		t.Fatal(err)
	}
	srv.Use(func(s *server.Socket) error {
		if s.Join("12345678901") || !s.Join("1234567890") || !s.Join("abcdefghij") || s.Join("12345") || !s.Join("1234") {
			return fmt.Errorf("the limits do not hold in middleware: %q", s.Rooms())
		}
		for _, room := range s.Rooms() {
			s.Leave(room)
		}
		s.Join("early")
		return nil
	})
	sockets := make(chan *server.Socket, 1)
	srv.OnConnect(func(s *server.Socket) { sockets <- s })
	socketIO(t, serve(t, srv))
	s := <-sockets
	local := srv.Everyone().Local()
	for _, c := range []struct {
		do   func()
		want []string
	}{
		{func() { s.Join("12345678901"); s.Join("1234567890") }, []string{"1234567890", "early"}},
		{func() { srv.Everyone().Join("abcdefghijk"); srv.Everyone().Join("abcdefghij") }, []string{"1234567890", "early"}}, // 25 together
		{func() { local.Join("abcdefghi") }, []string{"1234567890", "abcdefghi", "early"}},                                  // 24
		{func() { s.Join("x"); s.Join("early") }, []string{"1234567890", "abcdefghi", "early"}},
		{func() { s.Leave("early"); s.Leave("early"); s.Join("12345x"); s.Join("12345") }, []string{"12345", "1234567890", "abcdefghi"}},
	} {
		if c.do(); !slices.Equal(s.Rooms(), c.want) {
			t.Errorf("rooms %q, want %q", s.Rooms(), c.want)
		}
	}
}

// A socket that comes back has no more rooms than it may have.
func TestRoomNamesAreBoundedAfterRecovery(t *testing.T) {
	srv, err := server.New(server.Options{Limits: server.Limits{MaxRoomBytes: 10}, Recovery: &server.Recovery{}})
	if err != nil {
		t.Fatal(err)
	}
	sockets := make(chan *server.Socket, 1)
	srv.OnConnect(func(s *server.Socket) { sockets <- s })
	base := serve(t, srv)
	w := open(t, base, "/socket.io/", "")
	w.send("40")
	_, got, err := w.conn.ReadMessage()
	if err != nil {
		t.Fatal(err)
	}
	var hello struct{ SID, PID string }
	if err := json.Unmarshal(got[2:], &hello); err != nil {
		t.Fatal(err)
	}
	s := <-sockets
	s.Join("12345")
	s.Join("abcde")
	ended := make(chan bool, 2)
	srv.OnDisconnect(func(*server.Socket, string) { ended <- true })
	_ = w.conn.NetConn().Close()
	<-ended
	again := open(t, base, "/socket.io/", "")
	again.send(fmt.Sprintf(`40{"pid":%q,"offset":""}`, hello.PID))
	back := <-sockets
	if !back.Recovered() || len(back.Rooms()) != 2 || back.Join("x") {
		t.Errorf("recovered %v, rooms %q", back.Recovered(), back.Rooms())
	}
	back.Leave("12345")
	if !back.Join("xyz") {
		t.Errorf("rooms %q", back.Rooms())
	}
}

// The rooms of sockets that may come back are bounded together as well, and so are the names of
// namespaces that are made for clients.
func TestNamesThatAreKeptAreBounded(t *testing.T) {
	srv, err := server.New(server.Options{Recovery: &server.Recovery{MaxBytes: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	srv.Dynamic(func(string, []byte) bool { return true })
	sockets, ended := make(chan *server.Socket, 1), make(chan bool)
	srv.OnConnect(func(s *server.Socket) { sockets <- s })
	srv.OnDisconnect(func(*server.Socket, string) { ended <- true })
	base := serve(t, srv)
	var ids []string
	for range 3 {
		w := open(t, base, "/socket.io/", "")
		w.send("40")
		_, got, err := w.conn.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		var hello struct{ PID string }
		if err := json.Unmarshal(got[2:], &hello); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, hello.PID)
		(<-sockets).Join(strings.Repeat("r", 600))
		_ = w.conn.NetConn().Close()
		<-ended
	}
	for i, want := range []bool{false, false, true} {
		w := open(t, base, "/socket.io/", "")
		w.send(fmt.Sprintf(`40{"pid":%q,"offset":""}`, ids[i]))
		if s := <-sockets; s.Recovered() != want {
			t.Errorf("socket %d recovered: %v", i, s.Recovered())
		}
		w.send("41")
		<-ended
	}
	w := socketIO(t, base)
	<-sockets
	w.send("40/" + strings.Repeat("n", 1023))
	w.expectPrefix("40/n")
	w.send("40/" + strings.Repeat("n", 1024))
	w.expectPrefix("44/n")
	_ = w.conn.NetConn().Close()
	<-ended
}
