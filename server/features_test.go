package server_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/server"
)

// What a target does to its sockets, from outside of their handlers.
func TestTargetsChangeTheirSockets(t *testing.T) {
	everyStrategy(t, func(t *testing.T, srv *server.Server, base string) {
		clients, joined := threeJoined(t, srv, base)
		srv.To(joined[0].ID()).To(joined[1].ID()).Join("x")
		srv.Except("x").Join("y")
		srv.To(joined[1].ID()).Leave("x")
		for i, want := range [][]string{{"x"}, nil, {"y"}} {
			if got := joined[i].Rooms(); !slices.Equal(got, want) {
				t.Errorf("rooms of %d: %v, want %v", i, got, want)
			}
		}
		srv.To("x").Disconnect(false)
		clients[0].expect("41")
		clients[0].send("40")
		clients[0].expectPrefix("40")
		srv.To("y").Disconnect(true)
		clients[2].expect("41")
		clients[2].expectClose()
	})
}

// A client that is hung up on gets what was sent to it before: broadcasts, too, which the shards
// deliver where there are more sockets than a sender serves by itself.
func TestHangUpAfterABroadcast(t *testing.T) {
	everyStrategy(t, func(t *testing.T, srv *server.Server, base string) {
		const clients, hungUp = 24, 6
		joined := make(chan *server.Socket, 1)
		srv.OnConnect(func(s *server.Socket) { joined <- s })
		var all []*wire
		var sockets []*server.Socket
		for range clients {
			all = append(all, socketIO(t, base))
			sockets = append(sockets, <-joined)
		}
		for i := range hungUp {
			if err := srv.Emit("news", i); err != nil {
				t.Fatal(err)
			}
			sockets[i].Disconnect(true)
		}
		for i, w := range all[:hungUp] {
			for n := range i + 1 {
				w.expect(fmt.Sprintf(`42["news",%d]`, n))
			}
			w.expect("41")
			w.expectClose()
		}
	})
}

func TestHandshakeDetails(t *testing.T) {
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	sockets := make(chan *server.Socket, 1)
	srv.OnConnect(func(s *server.Socket) { sockets <- s })
	before := time.Now()
	p := poll(t, serve(t, srv), "/socket.io/")
	s := <-sockets
	h := s.Handshake()
	if h.Address != "127.0.0.1" || h.Secure || h.Path != "/socket.io/" || h.Time.Before(before) || time.Since(h.Time) < 0 {
		t.Errorf("handshake %+v", h)
	}
	if h.Query("EIO") != "4" || h.Query("nothing") != "" || h.Header("HOST") == "" || h.Header("nothing") != "" {
		t.Errorf("query %q, header %q", h.Query("EIO"), h.Header("Host"))
	}
	if got := s.Transport(); got != "polling" {
		t.Errorf("transport %q", got)
	}
	w := open(t, strings.TrimSuffix(p.url[:strings.Index(p.url, "/socket.io/")], "/"), "/socket.io/", "&sid="+p.sid)
	w.send("2probe")
	w.expect("3probe")
	w.send("5")
	w.send("41")
	eventually(t, "the socket tells of the upgrade", func() bool { return s.Transport() == "websocket" })
}

// Parameters of a query are as in the official server (Node's querystring): none is missing because
// it, or another one, is not well encoded.
func TestQueriesOfAnyText(t *testing.T) {
	var h server.Handshake
	const url = `{"url":"/socket.io/?a=1;b=2&discount=100%&c=%zz&d=%41+b&e=1&e=2&f&&=g&h=5%+&i=%+4"}`
	if err := h.UnmarshalJSON([]byte(url)); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"a": "1;b=2", "discount": "100%", "c": "%zz", "d": "A b", "e": "2", "f": "", "": "g", "h": "5% ", "i": "% 4"}
	if got := h.Queries(); !maps.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for name, value := range want {
		if got := h.Query(name); got != value {
			t.Errorf("%q is %q, want %q", name, got, value)
		}
	}
}

func TestTransportsAndUpgradesCanBeOff(t *testing.T) {
	for _, c := range []struct {
		opts       server.Options
		polling    int
		upgrades   string
		webSockets bool
	}{
		{server.Options{NoUpgrades: true}, 200, `"upgrades":[]`, true},
		{server.Options{Transports: []string{"polling"}}, 200, `"upgrades":[]`, false},
		{server.Options{Transports: []string{"websocket"}}, 400, `{"code":0,"message":"Transport unknown"}`, true},
		{server.Options{}, 200, `"upgrades":["websocket"]`, true},
	} {
		base := start(t, c.opts)
		resp, body := exchange(t, "GET", base+"/socket.io/?EIO=4&transport=polling", "", nil)
		if resp.StatusCode != c.polling || !strings.Contains(body, c.upgrades) {
			t.Errorf("%+v: polling: %s %s", c.opts, resp.Status, body)
		}
		if c.webSockets {
			open(t, base, "/socket.io/", "")
			continue
		}
		resp, body = exchange(t, "GET", base+"/socket.io/?EIO=4&transport=websocket", "", nil)
		if resp.StatusCode != 400 || !strings.Contains(body, `"code":0`) {
			t.Errorf("%+v: websocket: %s %s", c.opts, resp.Status, body)
		}
	}
}

// CVE-2026-33151: the number of attachments is limited before any comes.
func TestMaxAttachments(t *testing.T) {
	srv, err := server.New(server.Options{Limits: server.Limits{MaxAttachments: 2}})
	if err != nil {
		t.Fatal(err)
	}
	srv.On("file", func(_ *server.Socket, e *server.Event) error { return e.Ack() })
	base := serve(t, srv)
	w := socketIO(t, base)
	w.send(`452-1["file",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`)
	w.sendBinary("a")
	w.sendBinary("b")
	w.expect("431[]")
	w.send(`453-1["file",{"_placeholder":true,"num":0}]`)
	w.expectClose()
}

// A client that cannot take binary frames gets binary as text (PROTOCOL 2.1).
func TestBase64OverWebsocket(t *testing.T) {
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	srv.OnConnect(func(s *server.Socket) { _ = s.Emit("b", []byte{1, 2, 3}) })
	w := open(t, serve(t, srv), "/socket.io/", "&b64=1")
	handshakeOf(t, w.text())
	w.send("40")
	w.expectPrefix("40")
	w.expect(`451-["b",{"_placeholder":true,"num":0}]`)
	w.expect("bAQID")
}

// A client that polls too rarely is disconnected when too many packets wait.
func TestQueuePackets(t *testing.T) {
	srv, err := server.New(server.Options{Limits: server.Limits{QueuePackets: 10}})
	if err != nil {
		t.Fatal(err)
	}
	reasons := make(chan string, 1)
	srv.OnDisconnect(func(_ *server.Socket, reason string) { reasons <- reason })
	p := poll(t, serve(t, srv), "/socket.io/")
	for range 11 {
		if err := srv.Emit("x"); err != nil {
			t.Fatal(err)
		}
	}
	if got := <-reasons; got != "slow consumer" {
		t.Errorf("reason %q", got)
	}
	p.gone(`"code":1`)
}

// 2 000 clients that come and go leave nothing behind.
func TestNothingIsLeftBehind(t *testing.T) {
	srv, err := server.New(server.Options{CleanupEmptyNamespaces: true})
	if err != nil {
		t.Fatal(err)
	}
	srv.Dynamic(func(string, []byte) bool { return true })
	srv.OnConnect(func(s *server.Socket) { s.Join("r") })
	base := serve(t, srv)
	const workers, cycles = 8, 250
	done := make(chan struct{})
	for range workers {
		go func() {
			defer func() { done <- struct{}{} }()
			for i := range cycles {
				w := socketIO(t, base)
				if i%2 == 0 {
					w.send("40/child")
					w.expectPrefix("40/child")
				}
				_ = w.conn.Close()
			}
		}()
	}
	for range workers {
		<-done
	}
	var st server.Stats
	eventually(t, "nothing is left behind", func() bool {
		st = srv.Stats()
		return st.Sessions == 0 && st.Rooms == 0 && st.Namespaces["/"] == 0 && len(st.Namespaces) == 1
	})
	if st.Ended["transport close"] != workers*cycles {
		t.Errorf("%d sessions ended so, want %d", st.Ended["transport close"], workers*cycles)
	}
}
