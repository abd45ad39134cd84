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

func TestOnceAndOff(t *testing.T) {
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	back := func(s *server.Socket, e *server.Event) error {
		args, attachments := e.Raw()
		s.EmitRaw("back", args, attachments)
		return nil
	}
	srv.Once("once", back)
	srv.On("gone", back)
	srv.On("on", back)
	srv.Off("gone")
	srv.Off("never was")
	base := serve(t, srv)
	for range 2 { // once is counted for each socket
		w := socketIO(t, base)
		for i, event := range []string{"once", "once", "gone", "on", "once", "on"} {
			w.send(fmt.Sprintf(`42["%s",%d]`, event, i))
		}
		for _, i := range []int{0, 3, 5} {
			w.expect(fmt.Sprintf(`42["back",%d]`, i))
		}
	}
}

// The middleware of events sees each one first, and what it refuses reaches nobody and is not
// answered.
func TestUseEvent(t *testing.T) {
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	forbidden := errors.New("forbidden")
	var mu sync.Mutex
	var seen []string
	note := func(text string) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, text)
	}
	srv.UseEvent(func(_ *server.Socket, e *server.Event) error {
		note("first " + e.Name())
		if e.Name() == "bad" {
			return forbidden
		}
		return nil
	})
	srv.UseEvent(func(_ *server.Socket, e *server.Event) error {
		note("second " + e.Name())
		return nil
	})
	srv.OnAny(func(_ *server.Socket, e *server.Event) error {
		note("any " + e.Name())
		return nil
	})
	ack := func(_ *server.Socket, e *server.Event) error {
		return errors.Join(e.Ack("done"), errors.New("afterwards"))
	}
	srv.On("bad", ack)
	srv.On("good", ack)
	srv.OnError(func(_ *server.Socket, e *server.Event, err error) {
		note(fmt.Sprintf("%s: %v", e.Name(), err))
	})
	w := socketIO(t, serve(t, srv))
	w.send(`420["bad"]`)
	w.send(`421["good"]`)
	w.expect(`431["done"]`)
	srv.OffAny()
	w.send(`422["good"]`)
	w.expect(`432["done"]`)
	w.send(`423["bad"]`) // so that what follows the last answer is in the list
	w.send(`424["good"]`)
	w.expect(`434["done"]`)
	mu.Lock()
	defer mu.Unlock()
	want := []string{
		"first bad", "bad: forbidden",
		"first good", "second good", "any good", "good: afterwards",
		"first good", "second good", "good: afterwards",
		"first bad", "bad: forbidden",
	}
	if len(seen) < len(want) || !slices.Equal(seen[:len(want)], want) {
		t.Errorf("seen %q, want %q", seen, want)
	}
}

func TestOnAnyOutgoing(t *testing.T) {
	everyStrategy(t, func(t *testing.T, srv *server.Server, base string) {
		var mu sync.Mutex
		var seen []string
		sockets := make(chan *server.Socket, 2)
		srv.OnConnect(func(s *server.Socket) { sockets <- s })
		clients := []*wire{socketIO(t, base), socketIO(t, base)}
		s := <-sockets
		<-sockets
		srv.OnAnyOutgoing(func(to server.Target, event string, args []any) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, fmt.Sprint(event, args, len(to.Sockets())))
		})
		m, err := srv.Prepare("prepared", true)
		if err != nil {
			t.Fatal(err)
		}
		err = errors.Join(srv.Emit("all", 1, "x"), s.Emit("one", 2), s.Broadcast().Emit("others"))
		srv.Send(m)
		s.EmitRaw("raw", []byte(`1,{"a":{"_placeholder":true,"num":0}}`), [][]byte{[]byte("b")})
		srv.OffAnyOutgoing()
		if err := errors.Join(err, srv.Emit("end")); err != nil {
			t.Fatal(err)
		}
		for _, w := range clients {
			for w.readsUntil(`42["end"]`) {
			}
		}
		want := []string{"all[1 x] 2", "one[2] 1", "others[] 1", "prepared[true] 2", "raw[1 map[a:[98]]] 1"}
		if !slices.Equal(seen, want) {
			t.Errorf("seen %q, want %q", seen, want)
		}
	})
}

// readsUntil reads one message and reports whether it is another than last.
func (w *wire) readsUntil(last string) bool {
	w.t.Helper()
	_, data, err := w.next()
	if err != nil {
		w.t.Fatal(err)
	}
	return data != last
}

func TestVolatileToOneAndExcept(t *testing.T) {
	everyStrategy(t, func(t *testing.T, srv *server.Server, base string) {
		clients, joined := threeJoined(t, srv, base)
		joined[1].Join("x")
		// What went before may not have left the queue yet: then it is dropped.
		for got := ""; got != `42["only a"]`; {
			if err := errors.Join(joined[0].Volatile().Emit("only a"), joined[0].Emit("mark")); err != nil {
				t.Fatal(err)
			}
			if got = clients[0].text(); got != `42["mark"]` {
				clients[0].expect(`42["mark"]`)
			}
		}
		if err := errors.Join(joined[0].Except("x").Emit("only c"), srv.Emit("end")); err != nil {
			t.Fatal(err)
		}
		clients[2].expect(`42["only c"]`)
		for _, w := range clients {
			w.expect(`42["end"]`)
		}
	})
}

// Rooms behind a flag of a socket are about the others, as in the official server.
func TestFlagsBeforeRooms(t *testing.T) {
	everyStrategy(t, func(t *testing.T, srv *server.Server, base string) {
		clients, joined := threeJoined(t, srv, base)
		for _, s := range joined {
			s.Join("r")
		}
		joined[2].Join("x")
		if err := errors.Join(
			joined[0].Compress(false).To("r").Except("x").Emit("only b"),
			joined[0].Compress(false).Except("x").To("r").Emit("again"),
			joined[0].Compress(false).Emit("only a"),
			joined[0].Compress(false).Local().Emit("others"),
			srv.Emit("end"),
		); err != nil {
			t.Fatal(err)
		}
		clients[0].expect(`42["only a"]`)
		clients[1].expect(`42["only b"]`)
		clients[1].expect(`42["again"]`)
		for _, w := range clients[1:] {
			w.expect(`42["others"]`)
		}
		for _, w := range clients {
			w.expect(`42["end"]`)
		}
	})
}

// In middleware, before the socket is in its namespace, its flags reach its client as Emit does.
func TestFlagsInMiddleware(t *testing.T) {
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := srv.Prepare("prepared")
	if err != nil {
		t.Fatal(err)
	}
	srv.Use(func(s *server.Socket) error {
		err := errors.Join(s.Volatile().Emit("volatile"), s.Compress(false).Emit("plain"), s.Compress(false).To("nobody").Emit("lost"))
		s.Compress(false).Send(m)
		return err
	})
	base := serve(t, srv)
	for tries, came := 0, false; !came; tries++ { // it is dropped if what was before it has not gone out yet
		if tries == 1000 {
			t.Fatal("no volatile event has come")
		}
		w := open(t, base, "/socket.io/", "")
		w.send("40")
		got := w.text()
		if came = got == `42["volatile"]`; came {
			got = w.text()
		}
		if got != `42["plain"]` {
			t.Fatalf("got %s", got)
		}
		w.expect(`42["prepared"]`)
		if got := w.text(); !strings.HasPrefix(got, `40{"sid":"`) {
			t.Fatalf("got %s", got)
		}
	}
}

// A prepared message that is sent in another namespace than its own reaches the sockets there.
func TestPreparedElsewhere(t *testing.T) {
	everyStrategy(t, func(t *testing.T, srv *server.Server, base string) {
		m, err := srv.Prepare("prepared", []byte("b"))
		if err != nil {
			t.Fatal(err)
		}
		other := srv.Of("/other")
		other.OnConnect(func(s *server.Socket) {
			s.Send(m)
			other.Send(m)
		})
		w := open(t, base, "/socket.io/", "")
		w.send("40/other")
		w.expectPrefix(`40/other,{"sid"`)
		for range 2 {
			w.expect(`451-/other,["prepared",{"_placeholder":true,"num":0}]`)
			w.expectBinary("b")
		}
	})
}

// sparing is an adapter that leaves a room out of every audience.
type sparing struct{ server.Adapter }

func (a sparing) Broadcast(to server.Target, m server.Message) error {
	return a.Adapter.Broadcast(to.Except("nobody"), m)
}

// What adapters and observers leave out of a socket with flags is left out of that socket, and does
// not make it the others.
func TestFlagsBeforeAdapters(t *testing.T) {
	srv, err := server.New(server.Options{Adapter: func(_ *server.Namespace, local server.Adapter) server.Adapter {
		return sparing{local}
	}})
	if err != nil {
		t.Fatal(err)
	}
	seen := make(chan int, 10)
	srv.OnAnyOutgoing(func(to server.Target, event string, _ []any) {
		if event == "only a" {
			seen <- len(to.Except("nobody").Sockets())
		}
	})
	clients, joined := threeJoined(t, srv, serve(t, srv))
	if err := errors.Join(joined[0].Compress(false).Emit("only a"), srv.Emit("end")); err != nil {
		t.Fatal(err)
	}
	clients[0].expect(`42["only a"]`)
	for _, w := range clients {
		w.expect(`42["end"]`)
	}
	if n := <-seen; n != 1 {
		t.Errorf("an observer sees %d sockets", n)
	}
}

// In middleware a socket with flags can be asked as one without.
func TestFlagsAskInMiddleware(t *testing.T) {
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	answers := make(chan server.Answers, 1)
	srv.Use(func(s *server.Socket) error {
		return s.Compress(false).EmitWithAck(time.Hour, func(a server.Answers) { answers <- a }, "q")
	})
	w := open(t, serve(t, srv), "/socket.io/", "")
	w.send("40")
	w.expect(`420["q"]`)
	w.expectPrefix(`40{"sid":"`)
	w.send(`430["yes"]`)
	if a := <-answers; len(a.All) != 1 || len(a.Missing) != 0 {
		t.Errorf("got %+v", a)
	}
}

// A polling client without a poll gets what was queued, but no volatile event.
func TestVolatileIsDroppedWithoutPoll(t *testing.T) {
	everyStrategy(t, func(t *testing.T, srv *server.Server, base string) {
		srv.On("go", func(s *server.Socket, e *server.Event) error {
			return errors.Join(s.Volatile().Emit("lost"), srv.Volatile().Emit("lost too"), s.Emit("kept"))
		})
		p := poll(t, base, "/socket.io/")
		p.post(`42["go"]`)
		p.expect(`42["kept"]`)
	})
}

func TestBroadcastWithAck(t *testing.T) {
	everyStrategy(t, func(t *testing.T, srv *server.Server, base string) {
		sockets := make(chan *server.Socket, 4)
		srv.OnConnect(func(s *server.Socket) {
			s.Join("r")
			sockets <- s
		})
		a := socketIO(t, base)
		idA := (<-sockets).ID() // one after the other: two clients may be told in either order
		b := socketIO(t, base)
		idB := (<-sockets).ID()
		c := poll(t, base, "/socket.io/")
		idC := (<-sockets).ID()
		results := make(chan server.Answers, 1)
		ask := func(to server.Target, timeout time.Duration) {
			t.Helper()
			if err := to.EmitWithAck(timeout, func(got server.Answers) { results <- got }, "q", 1); err != nil {
				t.Fatal(err)
			}
		}
		text := func(a server.Answer) string {
			t.Helper()
			var s string
			if err := a.Event.Bind(&s); err != nil {
				t.Error(err)
			}
			return s
		}

		ask(srv.To("r"), time.Hour) // one id for all
		a.expect(`420["q",1]`)
		b.expect(`420["q",1]`)
		c.expect(`420["q",1]`)
		a.send(`430["a"]`)
		a.send(`430["again"]`)
		b.send(`430["b"]`)
		c.post(`430["c"]`)
		got := <-results
		byID := map[string]string{}
		for _, one := range got.All {
			byID[one.From] = text(one)
		}
		if len(got.All) != 3 || len(got.Missing) != 0 || byID[idA] != "a" || byID[idB] != "b" || byID[idC] != "c" {
			t.Errorf("answers %v, missing %v", byID, got.Missing)
		}

		ask(srv.Except(idC), 30*time.Millisecond) // b does not answer in time
		a.expect(`421["q",1]`)
		b.expect(`421["q",1]`)
		a.send(`431["a"]`)
		got = <-results
		if !slices.Contains(got.Missing, idB) || len(got.All)+len(got.Missing) != 2 {
			t.Errorf("answers %v, missing %v", got.All, got.Missing)
		}
		b.send(`431["too late"]`)

		ask(srv.To(idA).To(idB), time.Hour) // b leaves
		a.expect(`422["q",1]`)
		b.expect(`422["q",1]`)
		a.send(`432["a"]`)
		b.send("41")
		got = <-results
		if len(got.All) != 1 || got.All[0].From != idA || !slices.Equal(got.Missing, []string{idB}) {
			t.Errorf("answers %v, missing %v", got.All, got.Missing)
		}

		ask(srv.To("nobody"), time.Hour)
		if got = <-results; len(got.All)+len(got.Missing) != 0 {
			t.Errorf("answers %v, missing %v of nobody", got.All, got.Missing)
		}
		if err := srv.Everyone().EmitWithAck(time.Hour, func(server.Answers) {}, "connect"); err == nil {
			t.Error("a reserved name was emitted")
		}
	})
}

// A broadcast that timed out leaves nothing behind in the sockets, and what is awaited is bounded.
func TestAcksAreBounded(t *testing.T) {
	srv, err := server.New(server.Options{Limits: server.Limits{MaxAcks: 2}})
	if err != nil {
		t.Fatal(err)
	}
	sockets := make(chan *server.Socket, 1)
	srv.OnConnect(func(s *server.Socket) { sockets <- s })
	w := socketIO(t, serve(t, srv))
	s := <-sockets
	for range 5 {
		done := make(chan server.Answers)
		if err := srv.Everyone().EmitWithAck(time.Millisecond, func(a server.Answers) { done <- a }, "q"); err != nil {
			t.Fatal(err)
		}
		if got := <-done; len(got.Missing) != 1 {
			t.Errorf("missing %v", got.Missing)
		}
		w.expectPrefix("42")
	}
	ignore := func(*server.Event, error) {}
	if err := errors.Join(s.EmitWithAck(time.Hour, ignore, "a"), s.EmitWithAck(time.Hour, ignore, "b")); err != nil {
		t.Fatal(err)
	}
	if err := s.EmitWithAck(time.Hour, ignore, "c"); !errors.Is(err, server.ErrTooManyAcks) {
		t.Errorf("got %v", err)
	}
	done := make(chan server.Answers)
	if err := srv.Everyone().EmitWithAck(time.Hour, func(a server.Answers) { done <- a }, "d"); err != nil {
		t.Fatal(err)
	}
	if got := <-done; len(got.Missing) != 1 {
		t.Errorf("missing %v", got.Missing)
	}
}

// A panic in what waits for an answer ends neither the process nor the clock.
func TestPanicAfterTimeout(t *testing.T) {
	srv, err := server.New(server.Options{Logger: silent})
	if err != nil {
		t.Fatal(err)
	}
	sockets := make(chan *server.Socket, 1)
	srv.OnConnect(func(s *server.Socket) { sockets <- s })
	socketIO(t, serve(t, srv))
	s := <-sockets
	err = errors.Join(
		s.EmitWithAck(time.Millisecond, func(*server.Event, error) { panic("on purpose") }, "q"),
		srv.Everyone().EmitWithAck(time.Millisecond, func(server.Answers) { panic("on purpose") }, "q"))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	if err := s.EmitWithAck(2*time.Millisecond, func(_ *server.Event, err error) { done <- err }, "q"); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, server.ErrAckTimeout) {
		t.Errorf("got %v", err)
	}
}
