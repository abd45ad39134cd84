package server_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/server"
)

// tally is a log that counts lines, and what they say was left out.
type tally struct {
	mu             sync.Mutex
	lines, leftOut int
	longest        int
}

func (*tally) Enabled(context.Context, slog.Level) bool { return true }
func (t *tally) WithAttrs([]slog.Attr) slog.Handler     { return t }
func (t *tally) WithGroup(string) slog.Handler          { return t }

func (t *tally) Handle(_ context.Context, r slog.Record) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r.Level < slog.LevelInfo {
		return nil
	}
	t.lines++
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "left_out" {
			t.leftOut += int(a.Value.Uint64())
			if strings.HasPrefix(r.Message, "lines of the log") {
				t.lines-- // it stands for no event
			}
		}
		if a.Key != "stack" { // which no client makes longer
			t.longest = max(t.longest, len(a.Value.String()))
		}
		return true
	})
	return nil
}

func (t *tally) read() (lines, leftOut, longest int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.lines, t.leftOut, t.longest
}

// flood has clients send bad events, and returns the log that the server has written until its end.
func flood(t *testing.T, clients, events int, bad string) (log *tally, took time.Duration) {
	t.Helper()
	log = &tally{}
	t.Run("flood", func(t *testing.T) { // the server ends with it
		// Without io_uring there is no line about a kernel that refuses it.
		srv, err := server.New(server.Options{Logger: slog.New(log), NoIOUring: true})
		if err != nil {
			t.Fatal(err)
		}
		srv.On("bad", func(_ *server.Socket, e *server.Event) error {
			args, _ := e.Raw()
			return fmt.Errorf("no good: %s", args) // as errors of the application may quote the client
		})
		srv.On("done", func(_ *server.Socket, e *server.Event) error { return e.Ack() })
		base := serve(t, srv)
		began := time.Now()
		var all sync.WaitGroup
		for range clients {
			w := socketIO(t, base)
			all.Go(func() {
				for range events {
					w.send(bad)
				}
				w.send(`420["done"]`)
				w.expect(`430[]`)
				_ = w.conn.NetConn().Close()
			})
		}
		all.Wait()
		took = time.Since(began)
	})
	return log, took
}

// However many bad events a client sends, it does not fill the log; and no event is forgotten.
func TestOneClientDoesNotFillTheLog(t *testing.T) {
	const events = 50_000
	log, took := flood(t, 1, events, `42["bad",7]`)
	lines, leftOut, _ := log.read()
	if most := 6 + int(took/(10*time.Second)); lines > most || lines == 0 {
		t.Errorf("%d lines in %v, want at most %d", lines, took, most)
	}
	if lines+leftOut != events {
		t.Errorf("%d lines and %d left out, of %d", lines, leftOut, events)
	}
}

// Many clients do not fill it together.
func TestManyClientsDoNotFillTheLog(t *testing.T) {
	const clients, events = 200, 20
	log, took := flood(t, clients, events, `42["bad",7]`)
	lines, leftOut, _ := log.read()
	if most := 101 + int(took/(100*time.Millisecond)); lines > most {
		t.Errorf("%d lines in %v, want at most %d", lines, took, most)
	}
	if lines+leftOut != clients*events {
		t.Errorf("%d lines and %d left out, of %d", lines, leftOut, clients*events)
	}
}

// A line is short whatever the client has sent, also where a handler panics with it.
func TestLinesOfTheLogAreShort(t *testing.T) {
	long := strings.Repeat("[", 50) + `"` + strings.Repeat("x", 500_000) + `"` + strings.Repeat("]", 50)
	log, _ := flood(t, 1, 1, `42["bad",`+long+`]`)
	if lines, _, longest := log.read(); lines != 1 || longest > 1100 {
		t.Errorf("%d lines, the longest value has %d bytes", lines, longest)
	}
	log = &tally{}
	srv, err := server.New(server.Options{Logger: slog.New(log), NoIOUring: true})
	if err != nil {
		t.Fatal(err)
	}
	srv.OnServerEvent("bad", func(e *server.Event) error {
		args, _ := e.Raw()
		panic("no good: " + string(args))
	})
	srv.ServerEvent("bad", socketio.JSON, []byte(long), nil, nil)
	if lines, _, longest := log.read(); lines != 1 || longest > 1100 {
		t.Errorf("of a panic %d lines, the longest value has %d bytes", lines, longest)
	}
}
