package server_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/server"
)

// What README.md says of the server, where no other test does.

func TestNamespacesAreMadeOnce(t *testing.T) {
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var made []string
	srv.OnNamespace(func(n *server.Namespace) { made = append(made, n.Name()) })
	if srv.Of("chat") != srv.Of("/chat") || srv.Of("/") != srv.Namespace || srv.Of("chat").Name() != "/chat" {
		t.Error("a name is not one namespace")
	}
	if !slices.Equal(made, []string{"/chat"}) {
		t.Errorf("told of %q", made)
	}
	if got := srv.Namespaces(); len(got) != 2 || got[0].Name() != "/" || got[1].Name() != "/chat" {
		t.Errorf("namespaces %v", got)
	}
}

func TestHandshakeAsMaps(t *testing.T) {
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	hands := make(chan *server.Handshake, 1)
	srv.OnConnect(func(s *server.Socket) { hands <- s.Handshake() })
	base := serve(t, srv)
	const target = "/socket.io/?EIO=4&transport=polling&a=1&a=2&b=%C3%A9"
	_, body := exchange(t, "GET", base+target, "", map[string]string{"X-One": "1", "x-two": " 2 "})
	exchange(t, "POST", base+target+"&sid="+handshakeOf(t, body).SID, "40", nil)
	h := <-hands
	if h.URL() != target {
		t.Errorf("URL %q", h.URL())
	}
	if q := h.Queries(); q["a"] != "2" || q["b"] != "é" || q["EIO"] != "4" || len(q) != 4 {
		t.Errorf("queries %v", q)
	}
	if m := h.Headers(); m["x-one"] != "1" || m["x-two"] != "2" || m["host"] == "" {
		t.Errorf("headers %v", m)
	}
}

// What is on its way to a namespace that the server has just taken the client out of does not end
// the others.
func TestDisconnectSparesOtherNamespaces(t *testing.T) {
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	srv.On("echo", func(_ *server.Socket, e *server.Event) error { return e.Ack() })
	srv.Of("/a").On("kick", func(s *server.Socket, _ *server.Event) error {
		s.Disconnect(false)
		return nil
	})
	w := socketIO(t, serve(t, srv))
	w.send("40/a")
	w.expectPrefix("40/a")
	for _, packet := range []string{`42/a,["kick"]`, `42/a,["late"]`, `42/a,7["later"]`, "41/a", `421["echo"]`} {
		w.send(packet)
	}
	w.expect("41/a,")
	w.expect("431[]")
	w.send("40/a")
	w.expectPrefix("40/a")
}

// Shutdown lets what is queued go out first.
func TestShutdownEmptiesQueues(t *testing.T) {
	srv, err := server.New(server.Options{Limits: server.Limits{QueueBytes: 64 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	w := socketIO(t, serve(t, srv))
	const events = 300
	long := strings.Repeat("x", 50_000)
	for i := range events { // far more than the kernel takes
		if err := srv.Emit("n", i, long); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- srv.Shutdown(ctx) }()
	for i := range events {
		w.expectPrefix(fmt.Sprintf(`42["n",%d,"xxx`, i))
	}
	w.expectClose()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// So it does over polling, although no poll is held when it begins; and a client that never comes
// for it does not hold it up.
func TestShutdownEmptiesPolledQueues(t *testing.T) {
	t.Parallel() // it waits for a client that has gone
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	base := serve(t, srv)
	clients := []kindOf{pollsOnOneConnection(t, base)}
	if err := srv.Emit("first"); err != nil {
		t.Fatal(err)
	}
	clients[0].next() // a connection that has carried this is the engine's
	p := poll(t, base, "/socket.io/")
	clients = append(clients, kindOf{"polling", p.post, func() []string { return []string{p.get()} }})
	poll(t, base, "/socket.io/") // and is never heard of again
	if err := srv.Emit("last"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- srv.Shutdown(ctx) }()
	for code := 0; code != http.StatusForbidden; { // until it has begun
		resp, _ := exchange(t, "GET", base+"/socket.io/?EIO=4&transport=polling", "", nil)
		code = resp.StatusCode
	}
	for _, c := range clients {
		if got := c.next(); !slices.Equal(got, []string{`42["last"]`}) {
			t.Errorf("%s: %q", c.name, got)
		}
		if got := strings.Join(c.next(), "\x1e"); got != "6\x1e1" && got != "1" {
			t.Errorf("%s: the last answer is %q", c.name, got)
		}
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestDropsAreCounted(t *testing.T) {
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	poll(t, serve(t, srv), "/socket.io/") // with no poll held
	for range 3 {
		if err := srv.Volatile().Emit("x"); err != nil {
			t.Fatal(err)
		}
	}
	if st := srv.Stats(); st.VolatileDropped != 3 {
		t.Errorf("%d dropped", st.VolatileDropped)
	}
}

// The defaults of the limits are those of the table.
func TestDefaultLimits(t *testing.T) {
	srv, err := server.New(server.Options{Logger: silent})
	if err != nil {
		t.Fatal(err)
	}
	srv.Dynamic(func(name string, _ []byte) bool { return strings.HasPrefix(name, "/d") })
	sockets := make(chan *server.Socket, 4)
	srv.OnConnect(func(s *server.Socket) { sockets <- s })
	reasons := make(chan string, 4)
	srv.OnDisconnect(func(_ *server.Socket, reason string) { reasons <- reason })
	base := serve(t, srv)
	if _, body := exchange(t, "GET", base+"/socket.io/?EIO=4&transport=polling", "", nil); !strings.Contains(body, `"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`) {
		t.Errorf("handshake %s", body)
	}

	w := socketIO(t, base)
	s := <-sockets
	for i := range 10_000 {
		if !s.Join(fmt.Sprint("r", i)) {
			t.Fatalf("room %d is refused", i+1)
		}
	}
	if s.Join("one more") {
		t.Error("a socket is in 10 001 rooms")
	}
	for i := range 4096 {
		if err := s.EmitWithAck(time.Hour, func(*server.Event, error) {}, "why"); err != nil {
			t.Fatalf("question %d: %v", i+1, err)
		}
	}
	if err := s.EmitWithAck(time.Hour, func(*server.Event, error) {}, "why"); !errors.Is(err, server.ErrTooManyAcks) {
		t.Errorf("question 4 097: %v", err)
	}
	_ = w.conn.Close()
	<-reasons

	for made := 0; made < 1024; { // namespaces by namespaces, 32 for each connection
		w := open(t, base, "/socket.io/", "")
		for range 32 {
			w.send(fmt.Sprintf("40/d%d", made))
			w.expectPrefix(fmt.Sprintf("40/d%d,{", made))
			made++
		}
		w.send("40/")
		w.expect(`44{"message":"too many namespaces"}`)
		_ = w.conn.Close()
	}
	full := open(t, base, "/socket.io/", "")
	full.send("40/d-one-more")
	full.expect(`44/d-one-more,{"message":"Invalid namespace"}`)

	for name, fill := range map[string]func(){
		"packets": func() {
			for range 16_384 {
				_ = srv.Emit("x")
			}
		},
		"bytes": func() {
			for range 4 {
				_ = srv.Emit("x", strings.Repeat("x", 1<<20))
			}
		},
	} {
		poll(t, base, "/socket.io/")
		<-sockets
		fill()
		select {
		case got := <-reasons:
			if name == "packets" || got != "slow consumer" {
				t.Errorf("%s: %q before the limit", name, got)
			}
			continue // four messages of a mebibyte, and their names, are more than 4 MiB
		default:
		}
		_ = srv.Emit("one more")
		if got := <-reasons; got != "slow consumer" {
			t.Errorf("%s: reason %q", name, got)
		}
	}
}
