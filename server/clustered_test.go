package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/server"
)

func TestClusterBroadcast(t *testing.T) {
	srv, base := clustered(t, 3, server.Options{Times: server.Times{PingInterval: server.Never}})
	a, b, c := socketIO(t, base[0]), socketIO(t, base[1]), socketIO(t, base[2])
	all := []*wire{a, b, c}
	emit := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	emit(srv[0].Emit("x", 1, "é", map[string]any{"n": nil}, []byte("bin")))
	for _, w := range all {
		w.expect(`451-["x",1,"é",{"n":null},{"_placeholder":true,"num":0}]`)
		w.expectBinary("bin")
	}
	a.join("red")
	b.join("red")
	c.join("blue")
	emit(srv[2].To("red").Emit("to red"))
	emit(srv[1].Except("red").Emit("not to red"))
	emit(srv[0].Local().Emit("to the first"))
	srv[1].To("red").To("blue").EmitRaw("raw", []byte(`1,{"a":[]}`), nil)
	m, err := srv[2].Prepare("prepared", 7)
	emit(err)
	srv[2].To("blue").To("red").Send(m)
	a.expect(`42["to red"]`)
	a.expect(`42["to the first"]`)
	b.expect(`42["to red"]`)
	c.expect(`42["not to red"]`)
	for _, w := range all {
		w.expect(`42["raw",1,{"a":[]}]`)
		w.expect(`42["prepared",7]`)
	}
	b.send(`42["others"]`)
	id := srv[1].Sockets()[0].ID()
	a.expect(fmt.Sprintf(`42["from",%q]`, id))
	c.expect(fmt.Sprintf(`42["from",%q]`, id))
	emit(srv[0].To(id).Emit("to one"))
	b.expect(`42["to one"]`)
	if err := srv[0].Emit("bad", make(chan int)); err == nil {
		t.Error("a channel was sent")
	}
	emit(srv[0].Volatile().Emit("end"))
	for _, w := range all {
		w.expect(`42["end"]`)
	}
}

func TestClusterAcks(t *testing.T) {
	srv, base := clustered(t, 3, server.Options{Times: server.Times{PingInterval: server.Never}})
	a, b, c := socketIO(t, base[0]), socketIO(t, base[1]), socketIO(t, base[2])
	answers := make(chan server.Answers, 1)
	ask := func(to server.Target, timeout time.Duration) {
		t.Helper()
		if err := to.EmitWithAck(timeout, func(got server.Answers) { answers <- got }, "q"); err != nil {
			t.Fatal(err)
		}
	}
	texts := func(got server.Answers) string {
		var all []string
		for _, one := range got.All {
			var text string
			if err := one.Event.Bind(&text); err != nil {
				t.Error(err)
			}
			all = append(all, text)
		}
		slices.Sort(all)
		return strings.Join(all, " ")
	}
	reply := func(w *wire, text string) {
		t.Helper()
		got := w.expectPrefix("42")
		w.send("43" + strings.TrimSuffix(strings.TrimPrefix(got, "42"), `["q"]`) + fmt.Sprintf(`[%q]`, text))
	}
	ask(srv[0].Everyone(), time.Minute)
	reply(a, "here")
	reply(b, "there")
	reply(c, "yonder")
	if got := <-answers; texts(got) != "here there yonder" || len(got.Missing) != 0 || got.MissingRemote != 0 {
		t.Errorf("got %q, %+v", texts(got), got)
	}

	ask(srv[0].Everyone(), time.Hour)
	reply(b, "there")
	b.join("far") // behind the answer
	srv[0].Advance(time.Hour)
	if got := <-answers; texts(got) != "there" || len(got.Missing) != 1 || got.MissingRemote != 1 {
		t.Errorf("got %q, %+v", texts(got), got)
	}

	ask(srv[0].To("far"), time.Minute)
	reply(b, "alone")
	if got := <-answers; texts(got) != "alone" || got.MissingRemote != 0 {
		t.Errorf("got %q, %+v", texts(got), got)
	}
	ask(srv[0].To("far").Local(), time.Minute)
	if got := <-answers; len(got.All)+len(got.Missing)+got.MissingRemote != 0 {
		t.Errorf("nobody answered %+v", got)
	}
}

func TestClusterFetchAndChange(t *testing.T) {
	srv, base := clustered(t, 2, server.Options{})
	srv[1].OnConnect(func(s *server.Socket) { s.Data = map[string]any{"name": "Bob"} })
	a, b := socketIO(t, base[0]), socketIO(t, base[1])
	b.join("far")
	all, err := srv[0].Everyone().Fetch(t.Context())
	if err != nil || len(all) != 2 {
		t.Fatalf("%v, %v", all, err)
	}
	for _, s := range all {
		if here := srv[0].Socket(s.ID); here != s.Socket {
			t.Errorf("%s: socket %v, want %v", s.ID, s.Socket, here)
		}
		if h := s.Handshake; h.Address != "127.0.0.1" || h.Path != "/socket.io/" || h.Query("transport") != "websocket" || h.Header("upgrade") == "" {
			t.Errorf("%s: handshake %+v", s.ID, h)
		}
	}
	there, err := srv[0].To("far").Fetch(t.Context())
	if err != nil || len(there) != 1 || !slices.Equal(there[0].Rooms, []string{"far"}) || there[0].Data.(map[string]any)["name"] != "Bob" {
		t.Fatalf("%+v, %v", there, err)
	}
	if err := there[0].Emit("hello"); err != nil {
		t.Fatal(err)
	}
	b.expect(`42["hello"]`)
	there[0].Join("more")
	srv[0].To("far").Leave("far")
	if rooms := srv[1].Sockets()[0].Rooms(); !slices.Equal(rooms, []string{"more"}) {
		t.Errorf("rooms %v", rooms)
	}
	if local, _ := srv[0].Local().Fetch(t.Context()); len(local) != 1 {
		t.Errorf("local: %v", local)
	}
	srv[0].To("more").Disconnect(false)
	b.expect("41")
	srv[1].Everyone().Disconnect(false)
	a.expect("41")
}

func TestServerSideEmit(t *testing.T) {
	srv, _ := clustered(t, 3, server.Options{})
	heard := make(chan string, 10)
	for i, s := range srv {
		s.OnServerEvent("news", func(e *server.Event) error {
			var text string
			var data []byte
			if err := e.Bind(&text, &data); err != nil {
				return err
			}
			heard <- fmt.Sprint(i, text, string(data), e.WantsAck())
			return e.Ack("from", i)
		})
	}
	if err := srv[1].ServerSideEmit("news", "x", []byte("y")); err != nil {
		t.Fatal(err)
	}
	if got := []string{<-heard, <-heard}; got[0] != "0xyfalse" || got[1] != "2xyfalse" || len(heard) != 0 {
		t.Errorf("heard %v", got)
	}
	answers := make(chan server.Answers, 1)
	tell := func(a server.Answers) { answers <- a }
	if err := srv[0].ServerSideEmitWithAck(time.Minute, tell, "news", "x", []byte("y")); err != nil {
		t.Fatal(err)
	}
	sum := 0
	got := <-answers
	for _, a := range got.All {
		var from string
		var i int
		if err := a.Event.Bind(&from, &i); err != nil || from != "from" {
			t.Errorf("%q, %v", from, err)
		}
		sum += i
	}
	if len(got.All) != 2 || sum != 3 || got.MissingRemote != 0 {
		t.Errorf("answers %+v", got)
	}
	if err := srv[0].ServerSideEmitWithAck(50*time.Millisecond, tell, "nobody listens"); err != nil {
		t.Fatal(err)
	}
	if got := <-answers; got.MissingRemote != 2 {
		t.Errorf("answers %+v", got)
	}
	for _, name := range []string{"connection", "connect", "new_namespace"} {
		if err := srv[0].ServerSideEmit(name); err == nil {
			t.Errorf("%s was sent", name)
		}
	}

	alone, err := server.New(server.Options{Logger: silent})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, alone)
	if err := alone.ServerSideEmitWithAck(time.Minute, tell, "news"); err != nil {
		t.Fatal(err)
	}
	if got := <-answers; len(got.All)+got.MissingRemote != 0 {
		t.Errorf("answers %+v", got)
	}
	alone.OnServerEvent("news", func(*server.Event) error { panic("no") })
	alone.ServerEvent("news", socketio.JSON, nil, nil, nil) // does not end the process
}

// An adapter learns which rooms its server has sockets in, those of namespaces that clients brought
// into being as well, and is closed with its namespace.
func TestAdapterKnowsRooms(t *testing.T) {
	changes := make(chan string, 10)
	srv, err := server.New(server.Options{CleanupEmptyNamespaces: true, Adapter: func(ns *server.Namespace, local server.Adapter) server.Adapter {
		ns.OnRooms(server.RoomHooks{
			Create: func(room string) { changes <- ns.Name() + " has " + room },
			Delete: func(room string) { changes <- ns.Name() + " had " + room },
		})
		return closing{local, func() { changes <- ns.Name() + " is closed" }}
	}})
	if err != nil {
		t.Fatal(err)
	}
	srv.Dynamic(func(string, []byte) bool { return true }).OnConnect(func(s *server.Socket) { s.Join("tea") })
	srv.OnConnect(func(s *server.Socket) { s.Join("red") })
	base := serve(t, srv)
	w := socketIO(t, base)
	w.send("40/made,")
	w.expectPrefix("40/made,")
	w.send("41/made,")
	_ = w.conn.Close()
	for _, want := range []string{"/ has red", "/made has tea", "/made had tea", "/made is closed", "/ had red"} {
		if got := <-changes; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// closing tells when it is closed.
type closing struct {
	server.Adapter
	tell func()
}

func (c closing) Close() error {
	c.tell()
	return c.Adapter.Close()
}

// A client comes back to another server, with its rooms and what it missed.
func TestClusterRecovery(t *testing.T) {
	srv, base := clustered(t, 2, server.Options{Recovery: &server.Recovery{}})
	gone := make(chan string, 1)
	srv[0].OnDisconnect(func(_ *server.Socket, reason string) { gone <- reason })
	recovered := make(chan bool, 2)
	srv[1].OnConnect(func(s *server.Socket) { recovered <- s.Recovered() })

	c := &comeback{}
	c.connect(t, base[0])
	c.join("red")
	if err := srv[1].To("red").Emit("first"); err != nil {
		t.Fatal(err)
	}
	c.expectEvents("first")
	if err := srv[0].Sockets()[0].Emit("to one"); err != nil {
		t.Fatal(err)
	}
	c.expectEvents("to one")
	_ = c.conn.Close()
	<-gone
	for name, to := range map[string]server.Target{
		"all": srv[0].Everyone(), "one": srv[1].To(c.sid),
	} {
		if err := to.Emit(name); err != nil {
			t.Fatal(err)
		}
	}
	_ = srv[0].To("blue").Emit("not in it")
	_ = srv[0].Except("red").Emit("left out")
	_ = srv[0].Volatile().Emit("lost")
	sid := c.sid
	missed := c.connect(t, base[1])
	slices.Sort(missed)
	if !slices.Equal(missed, []string{"all", "one"}) || !<-recovered || c.sid != sid {
		t.Errorf("missed %v, id %s", missed, c.sid)
	}
	_ = srv[0].To("red").Emit("again")
	c.expectEvents("again")

	c.pid = "unknown"
	c.connect(t, base[1])
	if <-recovered {
		t.Error("an unknown client was recovered")
	}
}
