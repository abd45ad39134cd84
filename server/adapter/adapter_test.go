package adapter_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"go.uber.org/goleak"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/adapter"
	"github.com/throng-io/throng/server/emitter"
)

func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", "4") // the kinds of brokers; they wait most of their time
	// These run until they notice the end of their server, or for ever.
	goleak.VerifyTestMain(
		m, goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*call).DelayDo.func1"), // sleeps for a second
	)
}

// redis starts a Redis server on a socket.
func redis(t *testing.T) (socket string, process *os.Process) {
	t.Helper()
	dir, err := os.MkdirTemp("", "redis") //nolint:usetesting // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket = filepath.Join(dir, "s")
	return socket, redisAt(t, socket)
}

func redisAt(t *testing.T, socket string) *os.Process {
	t.Helper()
	cmd := exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--dir", filepath.Dir(socket))
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v: install redis-server", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	wait(t, "Redis", func() bool {
		c, err := net.Dial("unix", socket)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	return cmd.Process
}

func wait(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if f() {
			return
		}
	}
	t.Fatalf("%s did not come about", what)
}

// brokers calls f with the address of each kind of broker, beside one another.
func brokers(t *testing.T, f func(t *testing.T, address string)) {
	socket, _ := redis(t)
	for _, form := range []string{"unix://", "unix+sharded://", "unix+streams://"} {
		t.Run(strings.TrimSuffix(form, "://"), func(t *testing.T) {
			t.Parallel()
			f(t, form+socket)
		})
	}
	t.Run("nats", func(t *testing.T) {
		t.Parallel()
		f(t, "nats://"+embedded(t, "nats+embedded"))
	})
}

// embedded starts a NATS server in this process by an address of a scheme, and returns where it is.
func embedded(t *testing.T, scheme string) (at string) {
	t.Helper()
	at = net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t)))
	first, err := adapter.Open(scheme+"://"+at, adapter.Options{})
	check(t, err)
	t.Cleanup(func() { _ = first.Close() })
	return at
}

// node is a server of a cluster.
type node struct {
	*server.Server
	cluster *adapter.Cluster
	base    string
	adapter server.Adapter // of the main namespace; only of keeping
}

// start starts servers of one cluster.
func start(t *testing.T, address string, count int, o adapter.Options) []*node {
	t.Helper()
	o.Prefix = prefix(t)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	var all []*node
	for range count {
		c, err := adapter.Open(address, o)
		if err != nil {
			t.Fatal(err)
		}
		s, err := server.New(server.Options{Adapter: c.Adapter})
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- s.Serve(l) }()
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			if err := s.Shutdown(ctx); err != nil {
				t.Error(err)
			}
			if err := <-served; err != nil {
				t.Error(err)
			}
			_ = c.Close()
		})
		s.On("join", func(s *server.Socket, e *server.Event) error {
			var room string
			if err := e.Bind(&room); err != nil {
				return err
			}
			s.Join(room)
			return e.Ack()
		})
		all = append(all, &node{Server: s, cluster: c, base: l.Addr().String()})
	}
	for _, n := range all {
		ready(t, n)
	}
	return all
}

// prefix keeps the clusters of several tests on one broker apart.
func prefix(t *testing.T) string { return strings.ReplaceAll(t.Name(), "/", "-") }

func ready(t *testing.T, n *node) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := n.cluster.Ready(ctx); err != nil {
		t.Fatal(err)
	}
}

// meet waits until every server knows all others: over NATS each says that it is there, which takes
// a moment.
func meet(t *testing.T, all []*node) {
	t.Helper()
	for _, n := range all {
		n.OnServerEvent("present", func(e *server.Event) error { return e.Ack() })
	}
	deadline := time.Now().Add(time.Minute)
	for _, n := range all {
		for answers := make(chan server.Answers, 1); ; {
			check(t, n.ServerSideEmitWithAck(10*time.Second, func(got server.Answers) { answers <- got }, "present"))
			if got := <-answers; len(got.All) == len(all)-1 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("the servers do not know one another")
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// client is a connection whose messages are read one after the other.
type client struct {
	t *testing.T
	c *websocket.Conn
}

func connect(t *testing.T, n *node) *client {
	t.Helper()
	c, response, err := websocket.DefaultDialer.Dial("ws://"+n.base+"/socket.io/?EIO=4&transport=websocket", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	t.Cleanup(func() { _ = c.Close() })
	w := &client{t, c}
	w.read()
	w.send("40")
	w.expectPrefix("40")
	return w
}

func (c *client) send(text string) {
	c.t.Helper()
	if err := c.c.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

// read returns the next message that is not a ping.
func (c *client) read() string {
	c.t.Helper()
	_ = c.c.SetReadDeadline(time.Now().Add(time.Minute))
	for {
		_, b, err := c.c.ReadMessage()
		if err != nil {
			c.t.Fatal(err)
		}
		if string(b) != "2" {
			return string(b)
		}
		c.send("3")
	}
}

func (c *client) expect(want string) {
	c.t.Helper()
	if got := c.read(); got != want {
		c.t.Fatalf("got %q, want %q", got, want)
	}
}

func (c *client) expectPrefix(want string) string {
	c.t.Helper()
	got := c.read()
	if !strings.HasPrefix(got, want) {
		c.t.Fatalf("got %q, want %s...", got, want)
	}
	return got
}

func (c *client) join(n *node, room string) {
	c.t.Helper()
	c.send(fmt.Sprintf(`420["join",%q]`, room))
	c.expect(`430[]`)
	ready(c.t, n) // the room's channel
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestBroadcast(t *testing.T) {
	brokers(t, func(t *testing.T, address string) {
		n := start(t, address, 3, adapter.Options{})
		a, b, c := connect(t, n[0]), connect(t, n[1]), connect(t, n[2])
		all := []*client{a, b, c}
		check(t, n[0].Emit("x", 1, "é<>", map[string]any{"n": nil}))
		check(t, n[0].Emit("y", []byte("bin")))
		for _, w := range all {
			w.expect(`42["x",1,"é<>",{"n":null}]`)
			w.expect(`451-["y",{"_placeholder":true,"num":0}]`)
			w.expect("bin")
		}
		a.join(n[0], "red")
		b.join(n[1], "red")
		c.join(n[2], "blue")
		check(t, n[2].To("red").Emit("to red"))
		a.expect(`42["to red"]`)
		b.expect(`42["to red"]`)
		check(t, n[1].Except("red").Emit("not to red"))
		c.expect(`42["not to red"]`)
		check(t, n[0].Local().Emit("to the first"))
		a.expect(`42["to the first"]`)
		n[1].To("red").To("blue").EmitRaw("raw", []byte(`1,{"a":[]}`), nil)
		for _, w := range all {
			w.expect(`42["raw",1,{"a":[]}]`)
		}
		check(t, n[0].To(n[1].Sockets()[0].ID()).Emit("to one"))
		b.expect(`42["to one"]`)
		if n[0].Emit("bad", make(chan int)) == nil {
			t.Error("a channel was sent")
		}
		// Order: of one server, over both kinds of channels. A sender's own order holds.
		for i := range 20 {
			check(t, n[0].Emit("all", i))
		}
		for _, w := range all {
			for i := range 20 {
				w.expect(fmt.Sprintf(`42["all",%d]`, i))
			}
		}
	})
}

func TestQuestions(t *testing.T) {
	brokers(t, func(t *testing.T, address string) {
		n := start(t, address, 3, adapter.Options{})
		a, b, c := connect(t, n[0]), connect(t, n[1]), connect(t, n[2])
		answers := make(chan server.Answers, 1)
		reply := func(w *client, text string) {
			t.Helper()
			got := w.expectPrefix("42")
			w.send("43" + strings.TrimSuffix(strings.TrimPrefix(got, "42"), `["q",{"k":1}]`) + fmt.Sprintf(`[%q]`, text))
		}
		check(t, n[0].Everyone().EmitWithAck(20*time.Second, func(got server.Answers) { answers <- got }, "q", map[string]int{"k": 1}))
		reply(a, "here")
		reply(b, "there")
		reply(c, "yonder")
		got := <-answers
		var texts []string
		for _, one := range got.All {
			var text string
			check(t, one.Event.Bind(&text))
			texts = append(texts, text)
		}
		slices.Sort(texts)
		if strings.Join(texts, " ") != "here there yonder" || got.MissingRemote != 0 {
			t.Errorf("got %v, %+v", texts, got)
		}
		// One that does not answer is missing. The other one may need its time.
		for limit := 300 * time.Millisecond; ; limit *= 4 {
			check(t, n[0].Everyone().EmitWithAck(limit, func(got server.Answers) { answers <- got }, "q", map[string]int{"k": 1}))
			reply(b, "there")
			if got = <-answers; len(got.All) == 1 || limit > time.Minute {
				break
			}
		}
		if len(got.All) != 1 || len(got.Missing) != 1 || got.MissingRemote != 1 {
			t.Errorf("got %+v", got)
		}
		// Nobody is there to answer: at once.
		check(t, n[0].To("nobody").EmitWithAck(20*time.Second, func(got server.Answers) { answers <- got }, "q"))
		if got = <-answers; len(got.All)+len(got.Missing)+got.MissingRemote != 0 {
			t.Errorf("got %+v", got)
		}
	})
}

func TestFetchAndChange(t *testing.T) {
	brokers(t, func(t *testing.T, address string) {
		n := start(t, address, 2, adapter.Options{})
		meet(t, n)
		n[1].OnConnect(func(s *server.Socket) { s.Data = map[string]any{"name": "Bob"} })
		a, b := connect(t, n[0]), connect(t, n[1])
		b.join(n[1], "far")
		all, err := n[0].Everyone().Fetch(t.Context())
		check(t, err)
		if len(all) != 2 {
			t.Fatalf("got %+v", all)
		}
		for _, s := range all {
			if s.Socket != nil {
				continue
			}
			data, _ := json.Marshal(s.Data)
			if string(data) != `{"name":"Bob"}` || strings.Join(s.Rooms, " ") != "far" || s.ID != n[1].Sockets()[0].ID() || s.Handshake.Query("EIO") != "4" || string(s.Auth) != "{}" {
				t.Errorf("got %+v, %s", s, data)
			}
			check(t, s.Emit("hello"))
			b.expect(`42["hello"]`)
		}
		// A join and an emit behind it, in order.
		n[0].Everyone().Join("new")
		check(t, n[0].To("new").Emit("to new"))
		a.expect(`42["to new"]`)
		b.expect(`42["to new"]`)
		n[0].To("far").Leave("new")
		check(t, n[0].To("new").Emit("after"))
		a.expect(`42["after"]`)
		check(t, n[0].Emit("end"))
		b.expect(`42["end"]`)
		n[0].To("far").Disconnect(false)
		b.expect("41")
	})
}

// TestDisconnectingThatAsks: what the application does when another server disconnects a socket may
// wait for the other servers, whose answers come meanwhile.
func TestDisconnectingThatAsks(t *testing.T) {
	brokers(t, func(t *testing.T, address string) {
		n := start(t, address, 2, adapter.Options{RequestTimeout: time.Hour})
		meet(t, n)
		listed := make(chan int, 1)
		n[1].OnDisconnecting(func(s *server.Socket, _ string) {
			all, err := n[1].To("r").Fetch(t.Context())
			if err != nil || !slices.Contains(s.Rooms(), "r") {
				t.Errorf("%v; the rooms are %v", err, s.Rooms())
			}
			listed <- len(all)
		})
		a, b := connect(t, n[0]), connect(t, n[1])
		a.join(n[0], "r")
		b.join(n[1], "r")
		n[0].To(n[1].Sockets()[0].ID()).Disconnect(false)
		select {
		case sockets := <-listed:
			if sockets != 2 {
				t.Errorf("%d sockets were in the room, want 2", sockets)
			}
		case <-time.After(time.Minute):
			t.Fatal("the other server's answer does not come")
		}
		b.expect("41")
	})
}

// TestFetchMany: the sockets of a server may take more bytes than the broker takes in one message.
func TestFetchMany(t *testing.T) {
	brokers(t, func(t *testing.T, address string) {
		n := start(t, address, 2, adapter.Options{RequestTimeout: time.Minute})
		meet(t, n)
		text := strings.Repeat("x", 300<<10)
		n[1].OnConnect(func(s *server.Socket) { s.Data = text })
		const sockets = 5
		for range sockets {
			connect(t, n[1]).join(n[1], "r") // when the data is set
		}
		all, err := n[0].Everyone().Fetch(t.Context())
		check(t, err)
		got := map[string]bool{}
		for _, s := range all {
			got[s.ID] = s.Data == text
		}
		for _, s := range n[1].Sockets() {
			if !got[s.ID()] {
				t.Errorf("the socket %s is not there, or has other data", s.ID())
			}
		}
		if len(got) != sockets || len(all) != sockets {
			t.Errorf("%d sockets, %d of them different", len(all), len(got))
		}
	})
}

func TestServerEvents(t *testing.T) {
	brokers(t, func(t *testing.T, address string) {
		n := start(t, address, 3, adapter.Options{})
		meet(t, n)
		heard := make(chan string, 4)
		for i := range n {
			n[i].OnServerEvent("hi", func(e *server.Event) error {
				var text string
				if err := e.Bind(&text); err != nil {
					return err
				}
				heard <- text
				if e.WantsAck() {
					return e.Ack(i)
				}
				return nil
			})
		}
		check(t, n[0].ServerSideEmit("hi", "there"))
		for range 2 {
			if got := <-heard; got != "there" {
				t.Errorf("got %q", got)
			}
		}
		answers := make(chan server.Answers, 1)
		check(t, n[0].ServerSideEmitWithAck(20*time.Second, func(got server.Answers) { answers <- got }, "hi", "who"))
		got := <-answers
		sum := 0
		for _, one := range got.All {
			i := 0
			check(t, one.Event.Bind(&i))
			sum += i
		}
		if len(got.All) != 2 || sum != 3 || got.MissingRemote != 0 {
			t.Errorf("got %+v", got)
		}
	})
}

func TestEmitter(t *testing.T) {
	brokers(t, func(t *testing.T, address string) {
		n := start(t, address, 2, adapter.Options{})
		other := n[1].Of("/other")
		ready(t, n[1])
		a, b := connect(t, n[0]), connect(t, n[1])
		b.send("40/other,")
		b.expectPrefix("40/other,")
		e, err := emitter.Open(address, emitter.Options{Prefix: prefix(t)})
		check(t, err)
		defer func() { check(t, e.Close()) }()
		ctx := t.Context()
		check(t, e.Emit(ctx, "all", "é", []byte{1}))
		for _, w := range []*client{a, b} {
			w.expect(`451-["all","é",{"_placeholder":true,"num":0}]`)
			w.expect("\x01")
		}
		a.join(n[0], "red")
		check(t, e.To("red").Volatile().Emit(ctx, "red", 1))
		a.expect(`42["red",1]`)
		check(t, e.Except("red").Emit(ctx, "others"))
		b.expect(`42["others"]`)
		check(t, e.To(n[1].Sockets()[0].ID()).Join(ctx, "blue"))
		check(t, e.To("blue").Emit(ctx, "blue"))
		b.expect(`42["blue"]`)
		check(t, e.To("blue").Leave(ctx, "blue"))
		check(t, e.Of("other").Emit(ctx, "elsewhere"))
		b.expect(`42/other,["elsewhere"]`)
		heard := make(chan string, 1)
		other.OnServerEvent("hi", func(e *server.Event) error {
			heard <- e.Name()
			return nil
		})
		check(t, e.Of("/other").ServerSideEmit(ctx, "hi", 1))
		<-heard
		check(t, e.To("red").Disconnect(ctx, false))
		a.expect("41")
		if e.Emit(ctx, "connect") == nil || e.Emit(ctx, "x", make(chan int)) == nil {
			t.Error("a reserved name and a channel were sent")
		}
	})
}

// TestAddresses: what is wrong with an address is said, without its password.
func TestAddresses(t *testing.T) {
	for _, address := range []string{
		"", "localhost:6379", "http://x", "redis+other://:secret@127.0.0.1:1", "nats+other://x", "redis://u:secret@127.0.0.1:1",
		"nats://u:secret@127.0.0.1:1", "nats+embedded://127.0.0.1", "nats+embedded://127.0.0.1:x", "nats+embeddedx://127.0.0.1:0", "nats+jetstreams://127.0.0.1:1", "redis+jetstream://127.0.0.1:1", "redis://:secret@127.0.0.1:%zz",
		"redis://user:12/secret@127.0.0.1:1", "redis://user:12#secret@127.0.0.1:1", "redis://user:12?secret@127.0.0.1:1", "nats://user:12/secret@127.0.0.1:1", "nats://user:12,secret@127.0.0.1:1",
		"unix://user:12/secret@/s", "unix://tmp/s", "redis://user:secret@127.0.0.1:1/x", "redis://user:secret@127.0.0.1:1?dial_timeout=x",
	} {
		_, err := adapter.Open(address, adapter.Options{})
		if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", address, err)
		}
	}
	if _, err := adapter.Open("redis://127.0.0.1:1", adapter.Options{Subscriptions: "some"}); err == nil || !strings.Contains(err.Error(), "static") {
		t.Errorf("got %v", err)
	}
	for option, o := range map[string]adapter.Options{
		"RequestTimeout": {RequestTimeout: -1}, "MaxQueue": {MaxQueue: -1}, "Streams": {Streams: -1}, "StreamLength": {StreamLength: -1}, "Replicas": {Replicas: -1},
	} {
		if _, err := adapter.Open("redis://127.0.0.1:1", o); err == nil || !strings.Contains(err.Error(), option+" is negative") {
			t.Errorf("%s: got %v", option, err)
		}
	}
	// What the broker does not know is refused before it is reached; defaults may be written.
	for address, o := range map[string]adapter.Options{
		"redis://127.0.0.1:1": {Stream: "s"}, "redis+sharded://127.0.0.1:1": {Streams: 2}, "nats://127.0.0.1:1": {Streams: 2},
		"nats+jetstream://127.0.0.1:1": {Stream: "s"}, "unix:///none": {Subscriptions: "static"}, "redis+streams://127.0.0.1:1": {Subscriptions: "dynamic-private"},
	} {
		if _, err := adapter.Open(address, o); err == nil || !strings.Contains(err.Error(), "; leave it out") {
			t.Errorf("%s: got %v", address, err)
		}
		if o.Subscriptions != "" {
			continue
		}
		if _, err := emitter.Open(address, emitter.Options{Stream: o.Stream, Streams: o.Streams}); err == nil || !strings.Contains(err.Error(), "only redis+streams:// has Stream") {
			t.Errorf("emitter, %s: got %v", address, err)
		}
	}
	if _, err := adapter.Open("redis://127.0.0.1:1", adapter.Options{Streams: 1, Subscriptions: "dynamic"}); err == nil || !strings.Contains(err.Error(), "cannot connect") {
		t.Errorf("got %v", err)
	}
	// Milliseconds, as in JavaScript.
	if _, err := adapter.Open("redis://127.0.0.1:1", adapter.Options{RequestTimeout: 5000}); err == nil || !strings.Contains(err.Error(), "RequestTimeout is 5µs") {
		t.Errorf("got %v", err)
	}
	if _, err := emitter.Open("redis://127.0.0.1:1", emitter.Options{StreamLength: -1}); err == nil || !strings.Contains(err.Error(), "negative") {
		t.Errorf("got %v", err)
	}
	if _, err := emitter.Open("nats+embedded://127.0.0.1:0", emitter.Options{}); err == nil {
		t.Error("an emitter started a broker")
	}
}

// TestStalledBroker: a broker that stands still holds up no local delivery, what waits is bounded,
// and what fits arrives when it goes on.
func TestStalledBroker(t *testing.T) {
	socket, broker := redis(t)
	n := start(t, "unix://"+socket, 2, adapter.Options{MaxQueue: 100_000})
	a, b := connect(t, n[0]), connect(t, n[1])
	check(t, broker.Signal(syscall.SIGSTOP))
	text := strings.Repeat("x", 1000)
	for range 300 {
		check(t, n[0].Emit("e", text))
	}
	for range 300 {
		a.expectPrefix(`42["e"`)
	}
	if s := n[0].cluster.Stats(); s.Dropped == 0 || s.Queued > 100_000 {
		t.Errorf("got %+v", s)
	}
	check(t, broker.Signal(syscall.SIGCONT))
	dropped := n[0].cluster.Stats().Dropped
	for range 300 - dropped {
		b.expectPrefix(`42["e"`)
	}
	check(t, n[0].Emit("end"))
	b.expect(`42["end"]`)
}
