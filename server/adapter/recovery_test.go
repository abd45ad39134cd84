package adapter_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/adapter"
	"github.com/throng-io/throng/server/emitter"
)

// logs calls f with the address of each kind of broker that keeps what clients miss, beside one
// another.
func logs(t *testing.T, f func(t *testing.T, address string)) {
	socket, _ := redis(t)
	t.Run("streams", func(t *testing.T) {
		t.Parallel()
		f(t, "unix+streams://"+socket)
	})
	t.Run("jetstream", func(t *testing.T) {
		t.Parallel()
		f(t, "nats+jetstream://"+embedded(t, "nats+embedded+jetstream"))
	})
}

// keeping starts servers of one cluster whose clients may come back to any of them.
func keeping(t *testing.T, address string, count int, o adapter.Options) []*node {
	t.Helper()
	o.Logger = slog.New(slog.NewTextHandler(t.Output(), nil)) // shown if the test fails
	return keepingFor(t, address, count, o, server.Recovery{MaxDisconnection: time.Minute})
}

func keepingFor(t *testing.T, address string, count int, o adapter.Options, recovery server.Recovery) []*node {
	t.Helper()
	o.Prefix, o.SessionPrefix = prefix(t), prefix(t)
	var all []*node
	for range count {
		n := &node{}
		var err error
		n.cluster, err = adapter.Open(address, o)
		check(t, err)
		n.Server, err = server.New(server.Options{Recovery: &recovery, Adapter: func(ns *server.Namespace, local server.Adapter) server.Adapter {
			a := n.cluster.Adapter(ns, local)
			if ns.Name() == "/" {
				n.adapter = a
			}
			return a
		}})
		check(t, err)
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		check(t, err)
		n.base = l.Addr().String()
		served := make(chan error, 1)
		go func() { served <- n.Serve(l) }()
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			if err := n.Shutdown(ctx); err != nil {
				t.Error(err)
			}
			if err := <-served; err != nil {
				t.Error(err)
			}
			_ = n.cluster.Close()
		})
		n.On("join", func(s *server.Socket, e *server.Event) error {
			var room string
			if err := e.Bind(&room); err != nil {
				return err
			}
			s.Join(room)
			return e.Ack()
		})
		all = append(all, n)
	}
	for _, n := range all {
		ready(t, n)
	}
	return all
}

// returning is a client that comes back.
type returning struct {
	*client
	sid, pid, offset string
	recovered        bool // when it connected last
}

// arrive connects to a node, and returns the events that come before the answer.
func (c *returning) arrive(t *testing.T, n *node) (missed []string) {
	t.Helper()
	conn, response, err := websocket.DefaultDialer.Dial("ws://"+n.base+"/socket.io/?EIO=4&transport=websocket", nil)
	check(t, err)
	_ = response.Body.Close()
	t.Cleanup(func() { _ = conn.Close() })
	c.client = &client{t, conn}
	c.read()
	auth := map[string]string{}
	if c.pid != "" {
		auth["pid"] = c.pid
		if c.offset != "" {
			auth["offset"] = c.offset
		}
	}
	b, _ := json.Marshal(auth)
	c.send("40" + string(b))
	for {
		got := c.read()
		if !strings.HasPrefix(got, "40") {
			missed = append(missed, c.note(got))
			continue
		}
		var answer struct{ Sid, Pid string }
		check(t, json.Unmarshal([]byte(got[2:]), &answer))
		c.recovered = answer.Sid == c.sid && answer.Pid == c.pid
		c.sid, c.pid = answer.Sid, answer.Pid
		return missed
	}
}

// note keeps the offset of an event, and returns it without.
func (c *returning) note(event string) string {
	c.t.Helper()
	var list []any
	if err := json.Unmarshal([]byte(strings.TrimLeft(event, "0123456789-")), &list); err != nil || len(list) < 2 {
		c.t.Fatalf("event %q: %v", event, err)
	}
	c.offset = fmt.Sprint(list[len(list)-1])
	if !strings.Contains(c.offset, "-") {
		c.t.Fatalf("event %q has no offset", event)
	}
	b, _ := json.Marshal(list[:len(list)-1])
	return string(b)
}

func (c *returning) next(want string) {
	c.t.Helper()
	if got := c.note(c.read()); got != want {
		c.t.Fatalf("got %s, want %s", got, want)
	}
}

// cut breaks the connection, and waits until its node knows.
func (c *returning) cut(n *node) {
	c.t.Helper()
	_ = c.c.Close()
	wait(c.t, "the end of a connection", func() bool { return n.Socket(c.sid) == nil })
}

// TestRecovery: a client comes back to another node, as the same socket, with its rooms and its
// data, and gets once and in order what it missed.
func TestRecovery(t *testing.T) {
	logs(t, func(t *testing.T, address string) {
		n := keeping(t, address, 3, adapter.Options{})
		var c returning
		c.arrive(t, n[0])
		set := make(chan bool)
		n[0].Socket(c.sid).Do(func() {
			n[0].Socket(c.sid).Data = map[string]any{"name": "Zoë"}
			close(set)
		})
		<-set
		c.join(n[0], "red")
		check(t, n[1].To("red").Emit("first", 1))
		c.next(`["first",1]`)
		check(t, n[0].Socket(c.sid).Emit("own", 2))
		c.next(`["own",2]`)
		sid := c.sid
		c.cut(n[0])
		var want []string
		for i := range 20 {
			check(t, n[i%3].To("red").Emit("missed", i))
			check(t, n[i%3].To("blue").Emit("not in it", i))
			check(t, n[i%3].Except("red").Emit("left out", i))
			check(t, n[i%3].Volatile().Emit("volatile", i))
			check(t, n[i%3].Local().Emit("local", i))
			check(t, n[i%3].To(sid).Emit("by id", i))
			want = append(want, fmt.Sprintf(`["missed",%d]`, i), fmt.Sprintf(`["by id",%d]`, i))
			if i%7 == 6 { // nodes are not ordered among each other
				settled(t, n)
			}
		}
		settled(t, n)
		got := c.arrive(t, n[1])
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) || !c.recovered || c.sid != sid {
			t.Fatalf("recovered %v, got %v", c.recovered, got)
		}
		s := n[1].Socket(sid)
		if !s.Recovered() || !slices.Equal(s.Rooms(), []string{"red"}) || fmt.Sprint(s.Data) != "map[name:Zoë]" {
			t.Errorf("recovered %v, rooms %v, data %v", s.Recovered(), s.Rooms(), s.Data)
		}
		check(t, n[2].To("red").Emit("again"))
		c.next(`["again"]`)
		// Once: the socket is on one node at a time.
		other := returning{sid: c.sid, pid: c.pid, offset: c.offset}
		if missed := other.arrive(t, n[2]); len(missed) > 0 {
			t.Errorf("missed %v", missed)
		}
		if other.recovered { // it may have been kept again by now
			c.expect("41")
		}
		// A client that has received nothing comes back as well.
		var idle returning
		idle.arrive(t, n[2])
		idle.cut(n[2])
		check(t, n[0].Emit("to all"))
		settled(t, n)
		if missed := idle.arrive(t, n[0]); !slices.Equal(missed, []string{`["to all"]`}) || !idle.recovered {
			t.Errorf("recovered %v, missed %v", idle.recovered, missed)
		}
	})
}

// TestRecoveryWithoutGoodbye: a client comes back to another node before the one that it was on has
// missed it, which then lets it go. Nobody gets anything twice.
func TestRecoveryWithoutGoodbye(t *testing.T) {
	logs(t, func(t *testing.T, address string) {
		n := keeping(t, address, 3, adapter.Options{})
		gone := make(chan string, 10)
		n[0].OnDisconnect(func(s *server.Socket, _ string) { gone <- s.ID() })
		var c returning
		c.arrive(t, n[0])
		c.join(n[0], "red")
		check(t, n[1].To("red").Emit("first"))
		c.next(`["first"]`)
		n[0].Socket(c.sid).Do(func() { n[0].Socket(c.sid).Data = "kept" })
		n[0].Socket(c.sid).Join("blue")
		saved(t, n[0], c.sid)
		settled(t, n)
		check(t, n[2].To("blue").Emit("unseen"))
		settled(t, n)
		old := c.client
		if missed := c.arrive(t, n[1]); !c.recovered || !slices.Equal(missed, []string{`["unseen"]`}) {
			t.Fatalf("recovered %v, missed %v", c.recovered, missed)
		}
		if id := <-gone; id != c.sid {
			t.Errorf("%s left", id)
		}
		old.expectPrefix(`42["unseen"`)
		old.expect("41")
		if s := n[1].Socket(c.sid); s.Data != "kept" || len(s.Rooms()) != 2 {
			t.Errorf("data %v, rooms %v", s.Data, s.Rooms())
		}
		check(t, n[0].To("red").Emit("again"))
		c.next(`["again"]`)
		// A client that says goodbye is forgotten.
		saved(t, n[1], c.sid)
		c.send("41")
		wait(t, "the goodbye", func() bool { return n[1].Socket(c.sid) == nil })
		settled(t, n)
		if c.arrive(t, n[2]); c.recovered {
			t.Error("a client that had said goodbye was recovered")
		}
	})
}

// TestRecoveryBesideAHandler: a handler that waits for the end of its socket hears of it when the
// client is on another node.
func TestRecoveryBesideAHandler(t *testing.T) {
	logs(t, func(t *testing.T, address string) {
		n := keeping(t, address, 2, adapter.Options{})
		begun, ended := make(chan bool), make(chan bool, 1)
		n[0].On("wait", func(s *server.Socket, _ *server.Event) error {
			close(begun)
			select {
			case <-s.Context().Done():
				ended <- true
			case <-time.After(10 * time.Second): // less than until the heartbeat ends it
				ended <- false
			}
			return nil
		})
		var c returning
		c.arrive(t, n[0])
		check(t, n[0].Emit("first"))
		c.next(`["first"]`)
		saved(t, n[0], c.sid)
		settled(t, n)
		c.send(`42["wait"]`)
		<-begun
		if c.arrive(t, n[1]); !c.recovered {
			t.Fatal("not recovered")
		}
		if !<-ended {
			t.Error("the context does not end")
		}
	})
}

// saved waits until a node has sent a socket to the store as it is.
func saved(t *testing.T, n *node, id string) {
	t.Helper()
	wait(t, "the socket in the store", func() bool { return adapter.Saved(n.adapter, id) })
}

// settled waits until nothing is on its way to a broker.
func settled(t *testing.T, n []*node) {
	t.Helper()
	for i := range n {
		wait(t, "an empty queue", func() bool { return n[i].cluster.Stats().Queued == 0 })
	}
}

// TestRecoveryOrder: though broadcasts wait for the broker, all that goes to a socket arrives in
// the order of the calls, and is for the members of the time of the call.
func TestRecoveryOrder(t *testing.T) {
	logs(t, func(t *testing.T, address string) {
		n := keeping(t, address, 2, adapter.Options{})
		answered := make(chan struct{}, 100)
		n[0].On("go", func(s *server.Socket, e *server.Event) error {
			check(t, n[0].Emit("all"))
			check(t, s.Emit("one"))
			check(t, n[0].Local().Emit("local"))
			check(t, n[0].Volatile().Emit("volatile"))
			check(t, s.EmitWithAck(time.Minute, func(*server.Event, error) { answered <- struct{}{} }, "question"))
			check(t, n[0].To("r").Emit("not yet"))
			s.Join("r")
			check(t, n[0].To("r").Emit("room"))
			check(t, n[0].Except("r").Emit("not for it"))
			s.Leave("r")
			check(t, n[0].To("r").Emit("no more"))
			check(t, n[0].Except("r").Emit("for it again"))
			n[0].To(s.ID()).Join("x")
			check(t, n[0].To("x").Emit("changed"))
			n[0].To("x").Leave("x")
			check(t, n[0].To("x").Emit("left"))
			return e.Ack("end")
		})
		n[0].On("bye", func(s *server.Socket, _ *server.Event) error {
			check(t, s.Emit("last"))
			s.Disconnect(false)
			return nil
		})
		var a, b returning
		a.arrive(t, n[0])
		b.arrive(t, n[1])
		for range 50 {
			a.send(`420["go"]`)
			for _, want := range []string{"all", "one", "local", "volatile"} {
				a.next(fmt.Sprintf("[%q]", want))
			}
			question := a.expectPrefix("42")
			if !strings.HasSuffix(question, `["question"]`) {
				t.Fatalf("got %q", question)
			}
			a.send("43" + strings.TrimSuffix(strings.TrimPrefix(question, "42"), `["question"]`) + "[]")
			for _, want := range []string{"room", "for it again", "changed"} {
				a.next(fmt.Sprintf("[%q]", want))
			}
			a.expect(`430["end"]`)
			<-answered
			for _, want := range []string{"all", "volatile", "not for it", "for it again"} {
				b.next(fmt.Sprintf("[%q]", want))
			}
		}
		a.send(`42["bye"]`)
		a.next(`["last"]`)
		a.expect("41")
	})
}

// TestRecoveryUnderLoad: clients whose connections break at any moment, and who come back to any
// node, get every message of the rooms they are in once, and those of one sender in order.
func TestRecoveryUnderLoad(t *testing.T) {
	const clients, messages = 6, 1000
	logs(t, func(t *testing.T, address string) {
		// However slow the machine is, nothing goes out without its offset, and a client that comes back
		// waits for what is kept of it.
		n := keeping(t, address, 3, adapter.Options{RequestTimeout: time.Hour})
		var all sync.WaitGroup
		for i := range clients {
			c := &returning{}
			at := n[i%3]
			c.arrive(t, at)
			c.join(at, fmt.Sprint("room", i%2))
			if i%3 == 0 {
				c.join(at, "spared")
			}
			all.Go(func() { c.roam(t, n, at, i%3 == 0, messages) })
		}
		all.Go(func() {
			for k := range messages {
				for sender := range n {
					to := n[sender].To("room0").To("room1")
					if k%5 == 0 {
						to = to.Except("spared")
					}
					if err := to.Emit("m", sender, k); err != nil {
						t.Error(err)
					}
				}
			}
		})
		all.Wait()
	})
}

// roam reads what the senders send, and breaks the connection again and again.
func (c *returning) roam(t *testing.T, n []*node, at *node, spared bool, messages int) {
	next := make([]int, len(n))
	take := func(event string) bool {
		var sender, k int
		if _, err := fmt.Sscanf(event, `["m",%d,%d]`, &sender, &k); err != nil {
			t.Errorf("got %s", event)
			return false
		}
		for spared && next[sender]%5 == 0 {
			next[sender]++
		}
		if k != next[sender] {
			t.Errorf("message %d of node %d came where %d was due", k, sender, next[sender])
			return false
		}
		next[sender]++
		return true
	}
	over := func() bool {
		return !slices.ContainsFunc(next, func(k int) bool { return k < messages })
	}
	for cuts := 0; !over(); cuts++ {
		for range rand.IntN(200) {
			if over() || !take(c.note(c.read())) {
				return
			}
		}
		if over() {
			return
		}
		c.cut(at)
		at = n[rand.IntN(len(n))]
		for _, event := range c.arrive(t, at) {
			if !take(event) {
				return
			}
		}
		if !c.recovered {
			t.Errorf("not recovered after %d cuts", cuts)
			return
		}
	}
}

// TestRecoveryOfTrimmedLog: where what a client missed is not all there any more, it joins anew and
// knows.
func TestRecoveryOfTrimmedLog(t *testing.T) {
	logs(t, func(t *testing.T, address string) {
		n := keeping(t, address, 2, adapter.Options{})
		for _, trim := range []string{"nothing", "all", "some", "flush"} {
			var c returning
			c.arrive(t, n[0])
			check(t, n[0].Emit("before"))
			c.next(`["before"]`)
			c.cut(n[0])
			check(t, n[0].Emit("missed"))
			check(t, n[1].Emit("missed"))
			settled(t, n)
			trimmed(t, address, trim)
			missed := c.arrive(t, n[1])
			if kept := trim == "nothing"; c.recovered != kept || len(missed) > 0 != kept {
				t.Errorf("%s: recovered %v, missed %v", trim, c.recovered, missed)
			}
			check(t, n[0].Emit("after"))
			c.next(`["after"]`)
		}
	})
}

// trimmed takes entries out of the log of a test, which all have been read.
func trimmed(t *testing.T, address, what string) {
	t.Helper()
	if what == "nothing" {
		return
	}
	if socket, is := strings.CutPrefix(address, "unix+streams://"); is {
		command := map[string][]string{
			"all": {"XTRIM", prefix(t), "MAXLEN", "0"}, "some": {"XTRIM", prefix(t), "MAXLEN", "1"}, "flush": {"FLUSHALL"},
		}[what]
		if out, err := exec.Command("redis-cli", append([]string{"-s", socket}, command...)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return
	}
	conn, err := nats.Connect(strings.Replace(address, "nats+jetstream", "nats", 1))
	check(t, err)
	defer conn.Close()
	js, err := jetstream.New(conn)
	check(t, err)
	name := "throng-" + base64.RawURLEncoding.EncodeToString([]byte(prefix(t)))
	stream, err := js.Stream(t.Context(), name)
	check(t, err)
	switch what {
	case "all":
		check(t, stream.Purge(t.Context()))
	case "some":
		check(t, stream.Purge(t.Context(), jetstream.WithPurgeKeep(1)))
	case "flush": // and the servers make another one
		check(t, js.DeleteStream(t.Context(), name))
		wait(t, "another stream", func() bool {
			_, err := js.Stream(t.Context(), name)
			return err == nil
		})
	}
}

// TestRecoveryOfUnknown: what no server has kept, or not for this offset, is a new socket.
func TestRecoveryOfUnknown(t *testing.T) {
	logs(t, func(t *testing.T, address string) {
		n := keeping(t, address, 1, adapter.Options{})
		for _, offset := range []string{"", "x", "1-1", "99999999999999-0", "-", "18446744073709551616-1", "1-1-1"} {
			var c returning
			c.arrive(t, n[0])
			check(t, n[0].Emit("e"))
			c.next(`["e"]`)
			c.cut(n[0])
			if c.offset = offset; offset == "" {
				c.pid = "unknown"
			}
			if missed := c.arrive(t, n[0]); c.recovered || len(missed) > 0 {
				t.Errorf("%q: recovered %v, missed %v", offset, c.recovered, missed)
			}
		}
	})
}

// TestRecoveryBesideStalledBroker: a broker that stands still holds up the sockets of a node for
// RequestTimeout at most, and they get nothing twice when it goes on.
func TestRecoveryBesideStalledBroker(t *testing.T) {
	socket, broker := redis(t)
	n := keeping(t, "unix+streams://"+socket, 2, adapter.Options{RequestTimeout: 200 * time.Millisecond})
	var a, b returning
	a.arrive(t, n[0])
	b.arrive(t, n[1])
	check(t, n[0].Emit("e", -1))
	a.next(`["e",-1]`)
	b.next(`["e",-1]`)
	check(t, broker.Signal(syscall.SIGSTOP))
	for i := range 100 {
		check(t, n[0].Emit("e", i))
		if i%10 == 0 {
			a.next(fmt.Sprintf(`["e",%d]`, i))
		}
		if i%10 == 9 {
			for k := i - 8; k <= i; k++ {
				a.next(fmt.Sprintf(`["e",%d]`, k))
			}
		}
	}
	check(t, broker.Signal(syscall.SIGCONT))
	for i := range 100 {
		b.next(fmt.Sprintf(`["e",%d]`, i))
	}
	check(t, n[1].Emit("end"))
	b.next(`["end"]`)
	a.next(`["end"]`)
	// And waits for the broker again: a client that comes back has missed nothing.
	a.cut(n[0])
	check(t, n[0].Emit("missed"))
	settled(t, n)
	if missed := a.arrive(t, n[1]); !slices.Equal(missed, []string{`["missed"]`}) || !a.recovered {
		t.Errorf("recovered %v, missed %v", a.recovered, missed)
	}
}

// TestRecoveryBesideFullBroker: what the broker refuses for the time being reaches the sockets of its
// own server, and those of others later.
func TestRecoveryBesideFullBroker(t *testing.T) {
	socket, _ := redis(t)
	n := keeping(t, "unix+streams://"+socket, 2, adapter.Options{RequestTimeout: 200 * time.Millisecond})
	var a, b returning
	a.arrive(t, n[0])
	b.arrive(t, n[1])
	cli := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("redis-cli", append([]string{"-s", socket, "CONFIG", "SET"}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	check(t, n[0].Emit("before"))
	a.next(`["before"]`)
	b.next(`["before"]`)
	cli("maxmemory", "1")
	for i := range 100 {
		check(t, n[0].Emit("e", i))
	}
	for i := range 100 {
		a.next(fmt.Sprintf(`["e",%d]`, i))
	}
	cli("maxmemory", "0")
	check(t, n[0].Emit("after"))
	a.next(`["after"]`)
	for i := range 100 {
		b.next(fmt.Sprintf(`["e",%d]`, i))
	}
	b.next(`["after"]`)
}

// TestRecoveryOfEmitted: what a process that is no server has sent is missed and replayed as well.
func TestRecoveryOfEmitted(t *testing.T) {
	logs(t, func(t *testing.T, address string) {
		n := keeping(t, address, 2, adapter.Options{})
		e, err := emitter.Open(address, emitter.Options{Prefix: prefix(t)})
		check(t, err)
		defer func() { check(t, e.Close()) }()
		var c returning
		c.arrive(t, n[0])
		check(t, e.To(c.sid).Join(t.Context(), "red"))
		check(t, e.To("red").Emit(t.Context(), "first"))
		c.next(`["first"]`)
		c.cut(n[0])
		check(t, e.To("red").Emit(t.Context(), "missed"))
		check(t, e.To("blue").Emit(t.Context(), "not in it"))
		check(t, e.Except("red").Emit(t.Context(), "left out"))
		if missed := c.arrive(t, n[1]); !c.recovered || !slices.Equal(missed, []string{`["missed"]`}) {
			t.Errorf("recovered %v, missed %v", c.recovered, missed)
		}
	})
}

// TestRecoveryBeyondTheBucket: sockets for which JetStream has no room cannot come back, and the log
// says so.
func TestRecoveryBeyondTheBucket(t *testing.T) {
	log := &lines{}
	n := keepingFor(t, "nats+embedded+jetstream://127.0.0.1:0", 1, adapter.Options{Logger: slog.New(slog.NewTextHandler(log, nil))}, server.Recovery{MaxBytes: 4000})[0]
	for range 20 {
		connect(t, n)
	}
	wait(t, "the refusal", func() bool { return n.cluster.Stats().Failed > 0 && !n.cluster.Stats().Connected })
	if log.count("is not kept in the bucket") != 1 || log.count("Recovery.MaxBytes") != 1 {
		t.Errorf("the log says %s", log)
	}
}

// TestRecoveryOfTooLarge: a message that NATS does not take reaches the sockets of its own server at
// once, and so does what comes behind it.
func TestRecoveryOfTooLarge(t *testing.T) {
	n := keeping(t, "nats+embedded+jetstream://127.0.0.1:0", 1, adapter.Options{RequestTimeout: time.Hour})[0]
	var c returning
	c.arrive(t, n)
	check(t, n.Emit("small"))
	c.next(`["small"]`)
	text := strings.Repeat("x", 3<<19) // the limit is 1 MiB
	check(t, n.Emit("large", text))
	c.next(fmt.Sprintf(`["large",%q]`, text))
	check(t, n.Emit("small"))
	c.next(`["small"]`)
}

// TestEmittedIsRefused: what JetStream does not take is an error of the emitter.
func TestEmittedIsRefused(t *testing.T) {
	s := natsWith(t, natsserver.Options{Port: natsserver.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir()})
	e, err := emitter.Open("nats+jetstream://"+s.Addr().String(), emitter.Options{Prefix: prefix(t)})
	check(t, err)
	defer func() { check(t, e.Close()) }()
	if err := e.Emit(t.Context(), "e"); err == nil || !strings.Contains(err.Error(), "no server of the cluster has recovery") {
		t.Errorf("without a log: %v", err)
	}
	conn, err := nats.Connect(s.ClientURL())
	check(t, err)
	defer conn.Close()
	js, err := jetstream.New(conn)
	check(t, err)
	name := "throng-" + base64.RawURLEncoding.EncodeToString([]byte(prefix(t)))
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: name, Subjects: []string{name + ".>"}, MaxMsgs: 1, Discard: jetstream.DiscardNew})
	check(t, err)
	check(t, e.Emit(t.Context(), "e"))
	if err := e.Emit(t.Context(), "e"); err == nil || !strings.Contains(err.Error(), "maximum messages exceeded") {
		t.Errorf("beyond what it holds: %v", err)
	}
}
