package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/app"
)

// everyStrategy runs a test with each way to fan out.
func everyStrategy(t *testing.T, test func(t *testing.T, srv *server.Server, base string)) {
	t.Helper()
	everyFanout(t, server.Options{}, test)
}

// everyFanout is everyStrategy with options.
func everyFanout(t *testing.T, opts server.Options, test func(t *testing.T, srv *server.Server, base string)) {
	t.Helper()
	for _, name := range server.Strategies() {
		t.Run(name, func(t *testing.T) {
			opts.Fanout, opts.Times.PingInterval = name, server.Never // or a slow machine would have heartbeats in between
			srv, err := server.New(opts)
			if err != nil {
				t.Fatal(err)
			}
			test(t, srv, serve(t, srv))
		})
	}
}

func TestEventsAndAcks(t *testing.T) {
	everyStrategy(t, func(t *testing.T, srv *server.Server, base string) {
		srv.On("sum", func(_ *server.Socket, e *server.Event) error {
			var a, b int
			if err := e.Bind(&a, &b); err != nil {
				return err
			}
			return errors.Join(e.Ack(a+b), mustFail(e.Ack(0)))
		})
		srv.On("file", func(s *server.Socket, e *server.Event) error {
			var meta struct {
				Name string `json:"name"`
				Data []byte `json:"data"`
			}
			if err := e.Bind(&meta); err != nil {
				return err
			}
			return s.Emit("stored", meta.Name, []byte("ok:"+string(meta.Data)))
		})
		answers := make(chan string, 1)
		srv.On("ask me", func(s *server.Socket, _ *server.Event) error {
			return s.EmitWithAck(time.Minute, func(answer *server.Event, err error) {
				var text string
				if err == nil {
					err = answer.Bind(&text)
				}
				answers <- fmt.Sprint(text, err)
			}, "question", 42)
		})
		w := socketIO(t, base)
		w.send(`427["sum",20,22]`)
		w.expect(`437[42]`)
		w.send(`451-["file",{"name":"x","data":{"_placeholder":true,"num":0}}]`)
		w.sendBinary("\x00\xff")
		w.expect(`451-["stored","x",{"_placeholder":true,"num":0}]`)
		w.expectBinary("ok:\x00\xff")
		w.send(`42["ask me"]`)
		w.expect(`420["question",42]`)
		w.send(`430["fine"]`)
		if got := <-answers; got != "fine<nil>" {
			t.Errorf("answer %q", got)
		}
	})
}

func mustFail(err error) error {
	if !errors.Is(err, server.ErrAcked) {
		return fmt.Errorf("a second ack gave %w", err)
	}
	return nil
}

func TestRoomsAndBroadcasts(t *testing.T) {
	everyStrategy(t, func(t *testing.T, srv *server.Server, base string) {
		clients, joined := threeJoined(t, srv, base)
		a, b, c := joined[0], joined[1], joined[2]
		a.Join("x")
		b.Join("x")
		b.Join("y")
		c.Join("y")
		emit := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		emit(srv.Emit("all"))
		emit(srv.To("x").To("y").Emit("both"))
		emit(a.To("x").Emit("not a"))
		emit(srv.Except("y").Emit("only a"))
		emit(srv.To(c.ID()).Emit("only c"))
		emit(b.Broadcast().Except(c.ID()).Emit("a again"))
		b.Leave("x")
		emit(srv.To("x").Emit("a alone"))
		emit(srv.Emit("end"))
		for i, want := range [][]string{
			{"all", "both", "only a", "a again", "a alone", "end"},
			{"all", "both", "not a", "end"},
			{"all", "both", "only c", "end"},
		} {
			for _, event := range want {
				clients[i].expect(`42["` + event + `"]`)
			}
		}
		if got := b.Rooms(); !slices.Equal(got, []string{"y"}) {
			t.Errorf("rooms of b: %v", got)
		}
		if got := srv.Rooms(); got["x"] != 1 || got["y"] != 2 || len(got) != 2 {
			t.Errorf("rooms: %v", got)
		}
		if n := len(srv.To("y").Sockets()); n != 2 {
			t.Errorf("%d sockets in y", n)
		}
		if srv.Socket(a.ID()) != a || srv.Socket("nobody") != nil {
			t.Error("a socket is not found by its id")
		}
	})
}

func TestConnectMiddlewareAndNamespaces(t *testing.T) {
	srv, err := server.New(server.Options{Limits: server.Limits{MaxNamespaces: 2}})
	if err != nil {
		t.Fatal(err)
	}
	admin := srv.Of("admin")
	admin.Use(func(s *server.Socket) error {
		var auth struct{ Token string }
		if err := s.Auth(&auth); err != nil {
			return err
		}
		if auth.Token != "secret" {
			return &server.ConnectError{Message: "not authorized", Data: map[string]any{"retry": false}}
		}
		return nil
	})
	srv.Of("/third")
	admin.OnConnect(func(s *server.Socket) {
		if got := s.Handshake().Query("transport"); got != "websocket" {
			t.Errorf("the handshake has transport %q", got)
		}
		if got := s.Handshake().Header("upgrade"); !strings.EqualFold(got, "websocket") {
			t.Errorf("the handshake has upgrade %q", got)
		}
	})
	base := serve(t, srv)
	w := open(t, base, "/socket.io/", "")
	w.send(`40/admin,{"token":"wrong"}`)
	w.expect(`44/admin,{"message":"not authorized","data":{"retry":false}}`)
	w.send(`40/admin,{"token":"secret"}`)
	w.expectPrefix(`40/admin,{"sid":"`)
	w.send("40")
	w.expectPrefix(`40{"sid":"`)
	w.send("40/third")
	w.expect(`44/third,{"message":"too many namespaces"}`)
	w.send("41/admin,")
	w.send("40/third,")
	w.expectPrefix(`40/third,{"sid":"`)
	w.send(`42/admin,["late"]`)
	w.expectClose()
}

func TestDisconnectReasons(t *testing.T) {
	for _, c := range []struct {
		reason string
		opts   server.Options
		leave  func(srv *server.Server, w *wire)
	}{
		{"client namespace disconnect", server.Options{}, func(_ *server.Server, w *wire) { w.send("41") }},
		{"transport close", server.Options{}, func(_ *server.Server, w *wire) { _ = w.conn.Close() }},
		{"transport close", server.Options{}, func(_ *server.Server, w *wire) { w.send("1") }},
		{"transport error", server.Options{}, func(_ *server.Server, w *wire) { w.send("2") }},
		{"transport error", server.Options{Limits: server.Limits{MaxPayload: 100}}, func(_ *server.Server, w *wire) { w.send(strings.Repeat("4", 101)) }},
		{"parse error", server.Options{}, func(_ *server.Server, w *wire) { w.send("x") }},
		{"forced close", server.Options{}, func(_ *server.Server, w *wire) { w.send("4x") }},
		{"ping timeout", server.Options{}, func(srv *server.Server, _ *wire) { srv.Advance(25 * time.Second); srv.Advance(20 * time.Second) }},
		{"server namespace disconnect", server.Options{}, func(_ *server.Server, w *wire) {
			w.send(`42["kick",false]`)
			w.expect("41")
			w.send(`42["in flight"]`)
			w.send("40")
			w.expectPrefix("40")
		}},
		{"server namespace disconnect", server.Options{}, func(_ *server.Server, w *wire) {
			w.send(`42["kick",true]`)
			w.expect("41")
			w.expectClose()
		}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			srv, err := server.New(c.opts)
			if err != nil {
				t.Fatal(err)
			}
			reasons := make(chan string, 4)
			srv.On("kick", func(s *server.Socket, e *server.Event) error {
				var hangUp bool
				if err := e.Bind(&hangUp); err != nil {
					return err
				}
				s.Disconnect(hangUp)
				return nil
			})
			srv.OnConnect(func(s *server.Socket) { s.Join("r") })
			srv.OnDisconnecting(func(s *server.Socket, reason string) {
				if len(s.Rooms()) == 0 {
					reasons <- "disconnecting without rooms"
				}
			})
			srv.OnDisconnect(func(s *server.Socket, reason string) {
				if s.Connected() {
					reason += " but connected"
				}
				reasons <- reason
			})
			c.leave(srv, socketIO(t, serve(t, srv)))
			if got := <-reasons; got != c.reason {
				t.Errorf("reason %q", got)
			}
		})
	}
}

// tooLate is what a client of a server that stops may meet.
var tooLate = regexp.MustCompile(`refused|reset|EOF|Session ID unknown`)

// A handler that does not end keeps a shutdown from its end for a while only.
func TestShutdownDuringHandler(t *testing.T) {
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	srv.SetAbortTime(10 * time.Millisecond)
	entered, release := make(chan struct{}), make(chan struct{})
	srv.On("stuck", func(*server.Socket, *server.Event) error {
		close(entered)
		<-release
		return nil
	})
	w := socketIO(t, serve(t, srv))
	defer close(release)
	w.send(`42["stuck"]`)
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := srv.Shutdown(ctx); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "still at work") {
		t.Errorf("got %v", err)
	}
}

func TestShutdownTellsSocketsAndEndsPolls(t *testing.T) {
	everyStrategy(t, func(t *testing.T, srv *server.Server, base string) {
		reasons := make(chan string, 2)
		srv.OnDisconnect(func(_ *server.Socket, reason string) { reasons <- reason })
		w := socketIO(t, base)
		url := base + "/socket.io/?EIO=4&transport=polling"
		_, answer := exchange(t, "GET", url, "", nil)
		url += "&sid=" + handshakeOf(t, answer).SID
		exchange(t, "POST", url, "40", nil)
		exchange(t, "GET", url, "", nil)
		polled := make(chan string, 1)
		go func() {
			_, body := exchange(t, "GET", url, "", nil)
			polled <- body
		}()
		if err := srv.Emit("last"); err != nil { // answers the poll if it is held, else the next one
			t.Fatal(err)
		}
		if got := <-polled; got != `42["last"]` {
			t.Errorf("polled %q", got)
		}
		go func() {
			resp, err := http.Get(url)
			if err != nil {
				polled <- err.Error()
				return
			}
			defer func() { _ = resp.Body.Close() }()
			body, _ := io.ReadAll(resp.Body)
			polled <- string(body)
		}()
		time.Sleep(50 * time.Millisecond) // until it is held, as a rule; if it comes too late, it is not answered
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		stopped := make(chan error, 1)
		go func() { stopped <- srv.Shutdown(ctx) }()
		w.expect(`42["last"]`)
		if code := w.expectClose(); code != websocket.CloseNoStatusReceived {
			t.Errorf("closed with %d", code)
		}
		if got := <-polled; got != "1" && got != "6\x1e1" && !tooLate.MatchString(got) {
			t.Errorf("the held poll got %q", got)
		}
		if err := <-stopped; err != nil {
			t.Errorf("shutdown: %v", err)
		}
		for range 2 {
			if got := <-reasons; got != "server shutting down" {
				t.Errorf("reason %q", got)
			}
		}
	})
}

func TestPanicClosesOneConnectionOnly(t *testing.T) {
	srv, err := app.New("protocol", server.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	srv.On("panic", func(*server.Socket, *server.Event) error { panic("on purpose") })
	base := serve(t, srv)
	bystander, w := socketIO(t, base), socketIO(t, base)
	w.send(`42["panic"]`)
	w.expectClose()
	bystander.expectPrefix(`42["auth"`)
	bystander.send(`42["message"]`)
	bystander.expect(`42["message-back"]`)
}

// A client that does not read is disconnected when its queue is full; the others get everything
// meanwhile.
func TestSlowConsumer(t *testing.T) {
	for _, name := range server.Strategies() {
		t.Run(name, func(t *testing.T) {
			srv, err := server.New(server.Options{Fanout: name, Limits: server.Limits{QueueBytes: 256 << 10}})
			if err != nil {
				t.Fatal(err)
			}
			reasons := make(chan string, 1)
			srv.OnDisconnect(func(_ *server.Socket, reason string) {
				select {
				case reasons <- reason:
				default:
				}
			})
			base := serve(t, srv)
			fast := socketIO(t, base)
			socketIO(t, base) // and never read again
			payload := strings.Repeat("x", 64<<10)
			for i := 0; ; i++ {
				if err := srv.Emit("n", i, payload); err != nil {
					t.Fatal(err)
				}
				fast.expectPrefix(fmt.Sprintf(`42["n",%d,`, i)) // it keeps the pace
				select {
				case reason := <-reasons:
					if reason != "slow consumer" {
						t.Errorf("reason %q", reason)
					}
					return
				default:
				}
			}
		})
	}
}

func TestAckTimeoutAndDisconnect(t *testing.T) {
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	results := make(chan error, 2)
	srv.OnConnect(func(s *server.Socket) {
		for _, timeout := range []time.Duration{10 * time.Millisecond, time.Hour} {
			err := s.EmitWithAck(timeout, func(_ *server.Event, err error) { results <- err }, "q")
			if err != nil {
				t.Error(err)
			}
		}
	})
	w := socketIO(t, serve(t, srv))
	w.expect(`420["q"]`)
	w.expect(`421["q"]`)
	if err := <-results; !errors.Is(err, server.ErrAckTimeout) {
		t.Errorf("got %v", err)
	}
	w.send(`430["too late"]`)
	w.send("41")
	if err := <-results; !errors.Is(err, server.ErrDisconnected) {
		t.Errorf("got %v", err)
	}
}

// An event that is used after its handler has returned is refused, before the next one is mistaken
// for it; a clone is not.
func TestEventIsOver(t *testing.T) {
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	errs := make(chan error, 5)
	after := func(s *server.Socket, e, kept *server.Event) {
		s.Do(func() {
			if args, _ := e.Raw(); e.Name() != "" || args != nil {
				t.Errorf("an event that is over has %q(%q)", e.Name(), args)
			}
			var n int
			for _, err := range []error{e.Bind(&n), e.Ack("wrong"), e.AckRaw(nil, nil), e.Clone().Ack("wrong"), kept.Ack("right")} {
				errs <- err
			}
		})
	}
	check := func() {
		t.Helper()
		for i := range cap(errs) {
			if err := <-errs; errors.Is(err, server.ErrEventOver) != (i < cap(errs)-1) {
				t.Errorf("%d: %v", i, err)
			}
		}
	}
	srv.On("late", func(s *server.Socket, e *server.Event) error {
		after(s, e, e.Clone())
		return s.EmitWithAck(time.Hour, func(answer *server.Event, _ error) { after(s, answer, answer.Clone()) }, "why")
	})
	w := socketIO(t, serve(t, srv))
	w.send(`427["late",1]`)
	w.expect(`420["why"]`)
	w.expect(`437["right"]`)
	check()
	w.send(`430["because"]`)
	check()
}

func TestConnectTimeout(t *testing.T) {
	srv, err := server.New(server.Options{Times: server.Times{ConnectTimeout: 5 * time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	w := open(t, serve(t, srv), "/socket.io/", "")
	srv.Advance(5 * time.Second)
	w.expectClose()
}

// A nil function is the mistake of the line that gives it: met with the first event, it would end
// the connection of every client.
func TestNilFunctionsAreRefused(t *testing.T) {
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	sockets := make(chan *server.Socket, 1)
	srv.OnConnect(func(s *server.Socket) { sockets <- s })
	socketIO(t, serve(t, srv))
	s := <-sockets
	for method, call := range map[string]func(){
		"EmitWithAck":           func() { _ = s.EmitWithAck(time.Hour, nil, "x") },
		"EmitWithAck of many":   func() { _ = srv.Everyone().EmitWithAck(time.Hour, nil, "x") },
		"ServerSideEmitWithAck": func() { _ = srv.ServerSideEmitWithAck(time.Hour, nil, "x") },
		"Do":                    func() { s.Do(nil) },
		"Ask":                   func() { _ = srv.Everyone().Ask(server.Message{}, time.Hour, nil, nil) },
		"OnEnd":                 func() { new(server.Acks).OnEnd(nil) },
		"Options.Adapter": func() {
			_, _ = server.New(server.Options{Adapter: func(*server.Namespace, server.Adapter) server.Adapter { return nil }})
		},
		"On":              func() { srv.On("x", nil) },
		"Once":            func() { srv.Once("x", nil) },
		"OnAny":           func() { srv.OnAny(nil) },
		"OnAnyOutgoing":   func() { srv.OnAnyOutgoing(nil) },
		"UseEvent":        func() { srv.UseEvent(nil) },
		"OnError":         func() { srv.OnError(nil) },
		"Use":             func() { srv.Use(nil) },
		"OnConnect":       func() { srv.OnConnect(nil) },
		"OnDisconnecting": func() { srv.OnDisconnecting(nil) },
		"OnDisconnect":    func() { srv.OnDisconnect(nil) },
		"OnServerEvent":   func() { srv.OnServerEvent("x", nil) },
		"OnNamespace":     func() { srv.OnNamespace(nil) },
		"Dynamic":         func() { srv.Dynamic(nil) },
		"Matching":        func() { srv.Dynamic(server.Matching(nil)) },
		"Handle":          func() { srv.On("x", server.Handle[string, string](nil)) },
	} {
		func() {
			defer func() {
				if said := fmt.Sprint(recover()); !strings.HasPrefix(said, "server: "+strings.TrimSuffix(method, " of many")) && !strings.HasPrefix(said, "server: On or Once") {
					t.Errorf("%s: %s", method, said)
				}
			}()
			call()
		}()
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, opts := range []server.Options{
		{Times: server.Times{PingInterval: -1}},
		{Limits: server.Limits{MaxPayload: -1}},
		{Times: server.Times{WriteTimeout: -1}},
		{Recovery: &server.Recovery{MaxBytes: -1}},
		{CompressThreshold: -1},
		{Times: server.Times{PingInterval: 25000}}, // milliseconds, as in JavaScript
		{Recovery: &server.Recovery{MaxDisconnection: 120000}},
		{Path: "/a b/"},
		{Path: "/a?b/"},
		{Path: "/\u00e9/"},
		{Cookie: &server.Cookie{MaxAge: 3600}},
		{CORS: &server.CORS{MaxAge: 600}},
		{Fanout: "magic"},
		{Transports: []string{"pigeon"}},
		{Path: "socket.io"},
		{Cookie: &server.Cookie{Name: "a;b"}},
		{Cookie: &server.Cookie{Path: "/; Domain=evil.example"}},
		{Cookie: &server.Cookie{Path: "/a\r\nSet-Cookie: b"}},
		{Cookie: &server.Cookie{Path: "relative"}},
		{Cookie: &server.Cookie{Domain: "a.example; Secure"}},
		{Cookie: &server.Cookie{SameSite: "lax; Secure"}},
		{Cookie: &server.Cookie{SameSite: "none"}},
		{Cookie: &server.Cookie{MaxAge: -1}},
		{Parser: 7},
		{CORS: &server.CORS{Origins: []string{"http://a.example, http://b.example"}}},
		{CORS: &server.CORS{Origins: []string{"http://a.example\r\nSet-Cookie: a"}}},
		{CORS: &server.CORS{Origins: []string{"a.example"}}},
		{CORS: &server.CORS{Origins: []string{"https://*.example"}}},
		{CORS: &server.CORS{Origins: []string{"https://a.example/"}}},
		{CORS: &server.CORS{Origins: []string{"https://a.example:443"}}},
		{CORS: &server.CORS{Origins: []string{"http://[::1]:80"}}},
		{CORS: &server.CORS{Origins: []string{"https://A.example"}}},
		{Transports: []string{"webtransport"}},
		{Hosts: []string{"https://chat.example.com"}},
		{CORS: &server.CORS{ExposedHeaders: []string{"X-A\r\n"}}},
		{CORS: &server.CORS{MaxAge: -1}},
		{CORS: &server.CORS{Origins: []string{"*"}, Credentials: true}},
	} {
		if _, err := server.New(opts); err == nil {
			t.Errorf("%+v was accepted", opts)
		}
	}
	origins := []string{"*", "null", "https://a.example", "http://[::1]:443", "https://a.example:80", "file://", "capacitor://localhost"}
	if _, err := server.New(server.Options{CORS: &server.CORS{Origins: origins}}); err != nil {
		t.Errorf("origins of pages are refused: %v", err)
	}
}
