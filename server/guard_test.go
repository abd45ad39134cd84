package server_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/server"
)

// panicking is a value of an application with a mistake in each of its methods.
type panicking struct{}

func (panicking) MarshalJSON() ([]byte, error) { panic("MarshalJSON") }
func (panicking) Error() string                { panic("Error") }

// A client that is refused by an error that panics is refused all the same, and the process goes
// on.
func TestPanicInARefusal(t *testing.T) {
	srv, err := server.New(server.Options{Logger: silent})
	if err != nil {
		t.Fatal(err)
	}
	srv.Use(func(s *server.Socket) error {
		switch string(s.AuthRaw()) {
		case `{"data":1}`:
			return &server.ConnectError{Message: "not you", Data: panicking{}}
		case `{"error":1}`:
			return panicking{}
		}
		return nil
	})
	w := open(t, serve(t, srv), "/socket.io/", "")
	w.send(`40{"data":1}`)
	w.expect(`44{"message":"not you"}`)
	w.send(`40{"error":1}`)
	w.expect(`44{"message":"refused by middleware"}`)
	w.send("40")
	w.expectPrefix(`40{"sid"`)
	if n := srv.Stats().HandlerPanics; n != 2 {
		t.Errorf("%d panics are counted", n)
	}
}

// A function that observes what is sent cannot keep it from being sent: the server itself sends,
// too.
func TestPanicInAnObserver(t *testing.T) {
	srv, err := server.New(server.Options{Logger: silent})
	if err != nil {
		t.Fatal(err)
	}
	srv.OnAnyOutgoing(func(server.Target, string, []any) { panic("on purpose") })
	srv.Watch(server.Watch{Send: func(server.Target, string, []any) { panic("on purpose") }})
	w := socketIO(t, serve(t, srv))
	if err := srv.Emit("news", 1); err != nil {
		t.Fatal(err)
	}
	w.expect(`42["news",1]`)
	if n := srv.Stats().HandlerPanics; n != 2 {
		t.Errorf("%d panics are counted", n)
	}
}

// The goroutine on which the event of another server comes is not the application's.
func TestPanicInAServerEvent(t *testing.T) {
	srv, err := server.New(server.Options{Logger: silent})
	if err != nil {
		t.Fatal(err)
	}
	srv.OnServerEvent("news", func(*server.Event) error { return panicking{} })
	srv.ServerEvent("news", socketio.JSON, nil, nil, nil)
	if n := srv.Stats().HandlerPanics; n != 1 {
		t.Errorf("%d panics are counted", n)
	}
}

// brokenLog is a handler of the log with a mistake in Enabled, or else in Handle.
type brokenLog struct {
	slog.Handler
	enabled bool
}

func (b brokenLog) Enabled(context.Context, slog.Level) bool {
	if b.enabled {
		panic("Enabled")
	}
	return true
}

func (brokenLog) Handle(context.Context, slog.Record) error { panic("Handle") }

// A log that panics costs its lines, and neither a connection nor the process: lines come from the
// goroutines of connections and from the clock's.
func TestPanicInTheLog(t *testing.T) {
	for name, broken := range map[string]slog.Handler{"Enabled": brokenLog{enabled: true}, "Handle": brokenLog{}} {
		t.Run(name, func(t *testing.T) {
			srv, err := server.New(server.Options{Logger: slog.New(broken)})
			if err != nil {
				t.Fatal(err)
			}
			srv.On("bad", func(*server.Socket, *server.Event) error { return errors.New("on purpose") })
			srv.On("good", func(_ *server.Socket, e *server.Event) error { return e.Ack() })
			w := socketIO(t, serve(t, srv))
			before := srv.Stats().HandlerPanics // there may be no io_uring
			w.send(`42["bad"]`)
			err = srv.Everyone().EmitWithAck(time.Millisecond, func(server.Answers) { panic("on purpose") }, "question")
			if err != nil {
				t.Fatal(err)
			}
			w.expect(`420["question"]`)
			eventually(t, "three panics are counted", func() bool { return srv.Stats().HandlerPanics >= before+3 })
			w.send(`420["good"]`)
			w.expect(`430[]`)
		})
	}
}
