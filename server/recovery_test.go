package server_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/throng-io/throng/server"
)

// comeback is a client that can come back.
type comeback struct {
	*wire
	sid, pid, offset string
}

// connect joins the main namespace and reads up to the answer. It returns the events that came
// before it.
func (c *comeback) connect(t *testing.T, base string) (missed []string) {
	t.Helper()
	c.wire = open(t, base, "/socket.io/", "")
	if c.pid == "" {
		c.send("40")
	} else {
		auth := map[string]string{"pid": c.pid}
		if c.offset != "" {
			auth["offset"] = c.offset
		}
		b, err := json.Marshal(auth)
		if err != nil {
			t.Fatal(err)
		}
		c.send("40" + string(b))
	}
	for {
		got := c.text()
		if strings.HasPrefix(got, "42") {
			missed = append(missed, c.note(got))
			continue
		}
		var answer struct{ Sid, Pid string }
		if err := json.Unmarshal([]byte(strings.TrimPrefix(got, "40")), &answer); err != nil {
			t.Fatalf("got %q", got)
		}
		if answer.Pid == "" || answer.Pid == answer.Sid {
			t.Fatalf("got %q, want a pid of its own", got)
		}
		c.sid, c.pid = answer.Sid, answer.Pid
		return missed
	}
}

// note keeps the offset of an event and returns its name.
func (c *comeback) note(event string) string {
	c.t.Helper()
	var list []any
	if err := json.Unmarshal([]byte(strings.TrimLeft(event, "0123456789-")), &list); err != nil {
		c.t.Fatalf("event %q: %v", event, err)
	}
	offset, ok := list[len(list)-1].(string)
	if !ok || len(list) < 2 {
		c.t.Fatalf("event %q has no offset", event)
	}
	c.offset = offset
	return fmt.Sprint(list[:len(list)-1]...)
}

// expectEvents reads as many events.
func (c *comeback) expectEvents(names ...string) {
	c.t.Helper()
	for _, want := range names {
		if got := c.note(c.text()); got != want {
			c.t.Fatalf("got event %q, want %q", got, want)
		}
	}
}

// a server with recovery, and what its sockets do.
type recoveries struct {
	srv     *server.Server
	base    string
	sockets chan *server.Socket
	gone    chan string
}

func everyRecovery(t *testing.T, r server.Recovery, test func(t *testing.T, x *recoveries)) {
	t.Helper()
	everyFanout(t, server.Options{Recovery: &r}, func(t *testing.T, srv *server.Server, base string) {
		x := &recoveries{srv, base, make(chan *server.Socket, 10), make(chan string, 10)}
		srv.OnConnect(func(s *server.Socket) {
			if !s.Recovered() {
				s.Data = "kept"
			}
			x.sockets <- s
		})
		srv.OnDisconnect(func(_ *server.Socket, reason string) { x.gone <- reason })
		test(t, x)
	})
}

// cut breaks the connection and waits until the server knows.
func (x *recoveries) cut(c *comeback) {
	_ = c.conn.Close()
	<-x.gone
}

func TestRecovery(t *testing.T) {
	everyRecovery(t, server.Recovery{}, func(t *testing.T, x *recoveries) {
		var c comeback
		c.connect(t, x.base)
		first := <-x.sockets
		first.Join("r")
		emit := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		emit(x.srv.Emit("before"))
		if event := c.note(c.text()); event != "before" {
			t.Fatalf("got event %q", event)
		}
		emit(x.srv.Volatile().Emit("volatile")) // it may be dropped, but it must not spoil the offset
		emit(first.EmitWithAck(time.Minute, func(*server.Event, error) {}, "asked", "no offset"))
		if got := c.text(); got != `420["asked","no offset"]` {
			if event := c.note(got); event != "volatile" {
				t.Fatalf("got event %q", event)
			}
			c.expect(`420["asked","no offset"]`)
		}
		sid, pid := c.sid, c.pid
		x.cut(&c)

		m, err := x.srv.Prepare("prepared")
		emit(errors.Join(err,
			x.srv.Emit("all", 1),
			x.srv.To("r").Emit("room"),
			x.srv.To("other").Emit("other room"),
			x.srv.Except("r").Emit("not for r"),
			x.srv.To(sid).Emit("direct"),
			x.srv.Volatile().Emit("volatile is not kept"),
			x.srv.Everyone().EmitWithAck(time.Minute, func(server.Answers) {}, "nor is a question")))
		x.srv.Send(m)
		x.srv.Everyone().EmitRaw("raw", []byte(`"x"`), nil)

		missed := c.connect(t, x.base)
		if got := strings.Join(missed, ","); got != "all1,room,direct,prepared,rawx" {
			t.Errorf("missed %s", got)
		}
		s := <-x.sockets
		if c.sid != sid || c.pid != pid || !s.Recovered() || first.Recovered() || s.Data != "kept" || s.ID() != sid {
			t.Errorf("it came back as %q, data %v", c.sid, s.Data)
		}
		if got := s.Rooms(); len(got) != 1 || got[0] != "r" {
			t.Errorf("rooms %v", got)
		}
		emit(errors.Join(x.srv.To("r").Emit("again"), s.Broadcast().Emit("skipped")))
		c.expectEvents("again")
		x.cut(&c)
		if missed := c.connect(t, x.base); len(missed) != 0 || c.sid != sid {
			t.Errorf("the second time it missed %v", missed)
		}
	})
}

// A client that has got no event yet has no offset, and comes back all the same.
func TestRecoveryWithoutOffset(t *testing.T) {
	everyRecovery(t, server.Recovery{}, func(t *testing.T, x *recoveries) {
		if err := x.srv.Emit("before"); err != nil {
			t.Fatal(err)
		}
		var c comeback
		c.connect(t, x.base)
		sid := c.sid
		x.cut(&c)
		if err := x.srv.Emit("missed"); err != nil {
			t.Fatal(err)
		}
		if missed := c.connect(t, x.base); len(missed) != 1 || missed[0] != "missed" || c.sid != sid {
			t.Errorf("missed %v as %q", missed, c.sid)
		}
	})
}

// Whatever does not fit leads to a new socket, without further ado.
func TestRecoveryFails(t *testing.T) {
	everyRecovery(t, server.Recovery{MaxBytes: 1000, MaxSockets: 1}, func(t *testing.T, x *recoveries) {
		fresh := func(c *comeback, why string) {
			t.Helper()
			sid, pid := c.sid, c.pid
			missed := c.connect(t, x.base)
			s := <-x.sockets
			if c.sid == sid || c.pid == pid || s.Recovered() || len(missed) != 0 {
				t.Errorf("%s: it came back with %v", why, missed)
			}
		}
		var c comeback
		c.connect(t, x.base)
		<-x.sockets
		thief := comeback{pid: c.pid[:len(c.pid)-len(c.sid)-1] + "?" + c.sid}
		fresh(&thief, "the socket is connected, and the private id is not its own")
		_ = thief.conn.Close()
		<-x.gone
		x.cut(&c)
		twin := comeback{pid: c.pid}
		twin.connect(t, x.base)
		if s := <-x.sockets; !s.Recovered() {
			t.Error("it did not come back")
		}
		_ = twin.conn.Close()
		<-x.gone
		again := comeback{pid: c.pid}
		again.connect(t, x.base)
		(<-x.sockets).Disconnect(true) // which is no end to come back from
		<-x.gone
		fresh(&c, "the server has disconnected it")

		for _, offset := range []string{"x", "1", "-", "\x00", strings.Repeat("z", 30)} {
			x.cut(&c)
			c.offset = offset
			fresh(&c, "offset "+offset)
		}
		c.offset = ""
		x.cut(&c)
		if err := x.srv.Emit("large", strings.Repeat("x", 1000)); err != nil {
			t.Fatal(err)
		}
		fresh(&c, "what it missed was dropped")

		c.send("41")
		if got := <-x.gone; got != "client namespace disconnect" {
			t.Errorf("reason %q", got)
		}
		fresh(&c, "it left of its own will")
	})
}

// A client may be back before the server knows that its connection is broken. It is the same socket
// then: with its rooms, its data, and every event once; the old connection ends first.
func TestRecoveryBeforeTheHeartbeat(t *testing.T) {
	everyRecovery(t, server.Recovery{}, func(t *testing.T, x *recoveries) {
		var mu sync.Mutex
		var life []string
		note := func(what string) {
			mu.Lock()
			life = append(life, what)
			mu.Unlock()
		}
		x.srv.OnConnect(func(s *server.Socket) { note(fmt.Sprint("connect ", s.Recovered())) })
		x.srv.OnDisconnect(func(s *server.Socket, reason string) { note("disconnect " + reason) })
		var c comeback
		c.connect(t, x.base)
		first := <-x.sockets
		first.Join("r")
		if err := errors.Join(x.srv.Emit("n", 0), x.srv.To("r").Emit("n", 1)); err != nil {
			t.Fatal(err)
		}
		c.expectEvents("n0")
		for n := 2; n < 5; n++ {
			lost := *c.wire // n1 is on its way, or lost: the client does not read on
			if err := x.srv.To("r").Emit("n", n); err != nil {
				t.Fatal(err)
			}
			sid, offset := c.sid, c.offset
			missed := c.connect(t, x.base)
			s := <-x.sockets
			if len(missed) != n || missed[0] != "n1" || missed[n-1] != fmt.Sprint("n", n) || c.sid != sid || !s.Recovered() || s.Data != "kept" {
				t.Fatalf("it came back as %v with %v", s.Recovered(), missed)
			}
			if rooms := s.Rooms(); len(rooms) != 1 || rooms[0] != "r" {
				t.Fatalf("rooms %v", rooms)
			}
			c.offset = offset // as if these events got lost, too
			for {
				if _, _, err := lost.next(); err != nil {
					break // the old connection has ended
				}
			}
		}
		c.offset = ""
		if x.srv.Stats().Namespaces["/"] != 1 {
			t.Error("there is more than one socket")
		}
		want, got := "connect false"+strings.Repeat(",disconnect transport close,connect true", 3), ""
		eventually(t, "the last connect to be noted", func() bool { // its handler runs behind the one that tells x
			mu.Lock()
			defer mu.Unlock()
			got = strings.Join(life, ",")
			return len(got) >= len(want)
		})
		if got != want {
			t.Errorf("its life was %s", got)
		}
	})
}

// Two connections that want to be the same socket at once do not both get it.
func TestRecoveryOfTwins(t *testing.T) {
	everyRecovery(t, server.Recovery{}, func(t *testing.T, x *recoveries) {
		var c comeback
		c.connect(t, x.base)
		<-x.sockets
		twins := make([]*wire, 4)
		for i := range twins {
			twins[i] = open(t, x.base, "/socket.io/", "")
		}
		for _, w := range twins {
			w.send(`40{"pid":"` + c.pid + `"}`)
		}
		recovered := 0
		for range twins {
			if s := <-x.sockets; s.Recovered() {
				recovered++
			}
		}
		eventually(t, "one of each id is left", func() bool {
			ids := map[string]bool{}
			for _, s := range x.srv.Sockets() {
				ids[s.ID()] = true
			}
			return len(ids) == len(x.srv.Sockets()) && len(ids) == x.srv.Stats().Namespaces["/"]
		})
		if recovered == 0 {
			t.Error("none of them came back")
		}
	})
}

// What a socket is sent in its middleware does not spoil its offset.
func TestRecoveryAndEarlyEvents(t *testing.T) {
	everyRecovery(t, server.Recovery{}, func(t *testing.T, x *recoveries) {
		x.srv.Use(func(s *server.Socket) error { return s.Emit("early", "text") })
		if err := x.srv.Emit("before"); err != nil {
			t.Fatal(err)
		}
		var c comeback
		if got := c.connect(t, x.base); len(got) != 1 || got[0] != "earlytext" {
			t.Fatalf("it got %v", got)
		}
		sid := c.sid
		x.cut(&c)
		if err := x.srv.Emit("missed"); err != nil {
			t.Fatal(err)
		}
		if missed := c.connect(t, x.base); len(missed) != 1 || missed[0] != "missed" || c.sid != sid {
			t.Errorf("it missed %v", missed)
		}
	})
}

// A client may take an event of its middleware for all that there was before, and break off before
// it has got what it missed: it gets that the next time.
func TestRecoveryAfterEarlyEvents(t *testing.T) {
	everyRecovery(t, server.Recovery{RunMiddleware: true}, func(t *testing.T, x *recoveries) {
		var runs atomic.Int32
		left := make(chan struct{})
		x.srv.Use(func(s *server.Socket) error {
			if runs.Add(1) != 2 {
				return nil
			}
			defer close(left)
			err := s.Emit("early")
			for x.srv.Stats().Sessions > 0 { // until the client has left
				time.Sleep(time.Millisecond)
			}
			return err
		})
		var c comeback
		c.connect(t, x.base)
		x.cut(&c)
		if err := x.srv.Emit("missed"); err != nil {
			t.Fatal(err)
		}
		c.wire = open(t, x.base, "/socket.io/", "")
		c.send(fmt.Sprintf(`40{"pid":%q}`, c.pid))
		c.expectEvents("early")
		_ = c.conn.Close()
		<-left
		// It is kept once more when the middleware is over; until then the client is a new one.
		for pid := c.pid; ; {
			missed := c.connect(t, x.base)
			if c.pid == pid {
				if len(missed) != 1 || missed[0] != "missed" {
					t.Errorf("it missed %v", missed)
				}
				return
			}
			_ = c.conn.Close()
			c.pid = pid
		}
	})
}

// Of more sockets than are kept the one that left first is forgotten.
func TestRecoveryKeepsMaxSockets(t *testing.T) {
	everyRecovery(t, server.Recovery{MaxSockets: 2}, func(t *testing.T, x *recoveries) {
		all := make([]comeback, 3)
		for i := range all {
			all[i].connect(t, x.base)
			<-x.sockets
		}
		for i := range all {
			x.cut(&all[i])
		}
		for i, want := range []bool{false, true, true} {
			all[i].connect(t, x.base)
			if s := <-x.sockets; s.Recovered() != want {
				t.Errorf("the one that left as number %d came back: %v", i+1, s.Recovered())
			}
		}
	})
}

func TestRecoveryExpires(t *testing.T) {
	everyRecovery(t, server.Recovery{MaxDisconnection: time.Millisecond}, func(t *testing.T, x *recoveries) {
		var c comeback
		c.connect(t, x.base)
		sid := c.sid
		x.cut(&c)
		time.Sleep(2 * time.Millisecond)
		if c.connect(t, x.base); c.sid == sid {
			t.Error("it came back too late")
		}
	})
}

func TestRecoveryAndMiddleware(t *testing.T) {
	for _, run := range []bool{false, true} {
		t.Run(fmt.Sprint(run), func(t *testing.T) {
			everyRecovery(t, server.Recovery{RunMiddleware: run}, func(t *testing.T, x *recoveries) {
				var calls atomic.Int32
				x.srv.Use(func(s *server.Socket) error {
					if calls.Add(1) > 1 && (!s.Recovered() || s.Data != "kept") {
						return errors.New("not recovered")
					}
					return nil
				})
				var c comeback
				c.connect(t, x.base)
				x.cut(&c)
				c.connect(t, x.base)
				if want := map[bool]int{false: 1, true: 2}[run]; int(calls.Load()) != want {
					t.Errorf("the middleware ran %d times, want %d", calls.Load(), want)
				}
			})
		})
	}
}

// Events that are sent while clients come and go: each arrives once, in order.
func TestRecoveryUnderLoad(t *testing.T) {
	everyRecovery(t, server.Recovery{}, func(t *testing.T, x *recoveries) {
		const count = 2000
		done := make(chan error, 1)
		var c comeback
		c.connect(t, x.base)
		(<-x.sockets).Join("r")
		go func() {
			var err error
			for i := range count {
				if i%2 == 0 {
					err = errors.Join(err, x.srv.Emit("n", i))
				} else {
					err = errors.Join(err, x.srv.To("r").Emit("n", i))
				}
				if i%50 == 0 {
					time.Sleep(time.Millisecond) // so that the client meets it on its way
				}
			}
			done <- err
		}()
		next := 0
		take := func(event string) {
			if want := fmt.Sprintf("n%d", next); event != want {
				t.Fatalf("got %q, want %q", event, want)
			}
			next++
		}
		for next < count {
			for i := 0; i < 300 && next < count; i++ {
				take(c.note(c.text()))
			}
			sid := c.sid
			x.cut(&c)
			for _, event := range c.connect(t, x.base) {
				take(event)
			}
			if c.sid != sid {
				t.Fatal("it did not come back")
			}
			<-x.sockets
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
