package main

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fasthttp/websocket"

	"github.com/throng-io/throng/scenario/result"
	"github.com/throng-io/throng/server"
)

// helpDesk is the service that the example scripts of Artillery are written for.
func helpDesk(t *testing.T) string {
	t.Helper()
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	game := srv.Of("/game")
	answer := func(args ...any) server.Handler {
		return func(_ *server.Socket, e *server.Event) error { return e.Ack(args...) }
	}
	srv.On("room:join", answer(map[string]any{"ok": true, "members": 3}))
	srv.On("ask", answer("so it is"))
	srv.On("chat:say", func(s *server.Socket, e *server.Event) error {
		var said map[string]any
		if err := e.Bind(&said); err != nil {
			return err
		}
		return s.Emit("chat:said", said)
	})
	game.On("enter", answer(map[string]any{"seat": 7}))
	game.On("move", answer("ok"))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(ln)
	}()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"version": "1.2"}`)) })
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		var who struct{ Name, Password string }
		if json.NewDecoder(r.Body).Decode(&who) != nil || who.Name == "" || who.Password == "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte(`{"token": "of ` + who.Name + `"}`))
	})
	mux.HandleFunc("GET /bye", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Version") != "1.2" {
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	mux.Handle("/", forwardTo(t, "http://"+ln.Addr().String()))
	web := httptest.NewServer(mux)
	t.Cleanup(func() {
		web.Close()
		_ = srv.Shutdown(context.Background())
		<-done
	})
	return web.URL
}

// prices is the service of the example script for plain websockets.
func prices(t *testing.T) string {
	t.Helper()
	upgrader := websocket.Upgrader{Subprotocols: []string{"json"}}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return // it has answered
		}
		defer func() { _ = c.Close() }()
		for {
			_, frame, err := c.ReadMessage()
			if err != nil {
				return
			}
			var asked struct{ Type, Symbol string }
			if json.Unmarshal(frame, &asked) != nil || asked.Type != "subscribe" {
				continue
			}
			for _, answer := range []any{
				map[string]any{"type": "subscribed", "id": "s-" + asked.Symbol},
				map[string]any{"type": "price", "symbol": "OTHER", "value": 1},
				map[string]any{"type": "price", "symbol": asked.Symbol, "value": 2},
			} {
				if c.WriteJSON(answer) != nil {
					return
				}
			}
		}
	}))
	t.Cleanup(web.Close)
	return "ws" + strings.TrimPrefix(web.URL, "http")
}

// The example scripts are imported and run, with shorter phases and pauses: every client does all
// that the script says, and no step fails.
func TestImportedScriptsRun(t *testing.T) {
	t.Parallel()
	desk, exchange := helpDesk(t), prices(t)
	for script, set := range map[string][]string{
		"chat.artillery.yaml": {
			"phases.warm-up.for=300ms", "phases.steady.for=300ms", "phases.pause.for=100ms", "phases.crowd.for=300ms", "phases.finish.for=2s",
			"groups.talk.arrive=20/s", "groups.ask_three_things.arrive=10/s", "groups.talk.life=20s", "groups.ask_three_things.life=20s",
			"groups.talk.flow.2.think=10ms", "groups.talk.flow.3.repeat.steps.1.think=5ms", "groups.ask_three_things.flow.3.think=10ms",
		},
		"rooms.artillery.yaml": {
			"phases.players-come.for=500ms", "phases.finish.for=2s", "groups.player.arrive=10/s", "groups.watcher.arrive=4/s", "groups.player.life=20s", "groups.watcher.life=20s",
			"groups.player.flow.1.repeat.steps.1.think=10ms", "groups.watcher.flow.1.repeat.steps.0.think=10ms",
		},
		"ticker.artillery.yaml": {
			"phases.phase.for=500ms", "phases.finish.for=2s", "groups.subscribe.arrive=10/s", "groups.subscribe.life=20s", "groups.subscribe.flow.3.think=10ms",
		},
	} {
		t.Run(script, func(t *testing.T) {
			target := desk
			if script == "ticker.artillery.yaml" {
				target = exchange
			}
			dir := t.TempDir()
			out := filepath.Join(dir, "scenario.yaml")
			if said, errs, code := throng(t, "import", "artillery", filepath.Join("../../scenarios/import", script), "--out", out); code != exitPass {
				t.Fatalf("%d\n%s%s", code, said, errs)
			}
			if said, errs, code := throng(t, "check", out); code != exitPass { // it finds the data beside the script
				t.Fatalf("%d\n%s%s", code, said, errs)
			}
			args := []string{"run", out, "--target", target, "--out", filepath.Join(dir, "out"), "--quiet", "--set", "report.formats=[json]"}
			for _, s := range set {
				args = append(args, "--set", s)
			}
			said, errs, code := throng(t, args...)
			text, err := os.ReadFile(filepath.Join(dir, "out", result.FileName))
			if err != nil {
				t.Fatalf("%v: %d\n%s%s", err, code, said, errs)
			}
			var run result.Run
			if err := json.Unmarshal(text, &run); err != nil {
				t.Fatal(err)
			}
			cell := &run.Cells[0]
			if flows := cell.Latency["flow"]; flows == nil || flows.N < 1 {
				t.Errorf("%+v flows were gone through\n%s", flows, said)
			}
			for class, n := range cell.Errors {
				if strings.HasSuffix(class, ".timeout") || strings.HasPrefix(class, "waiting") {
					continue // this machine may be busy
				}
				t.Errorf("%s: %d times\n%s%s", class, n, said, errs)
			}
		})
	}
}
