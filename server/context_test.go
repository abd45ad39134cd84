package server_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/throng-io/throng/server"
)

// waitingServer has a handler of "wait" that says when it has begun, and then whether the context
// of its socket has ended. No heartbeat ends that.
func waitingServer(t *testing.T) (srv *server.Server, begun, ended chan bool) {
	t.Helper()
	srv, err := server.New(server.Options{Times: server.Times{PingInterval: server.Never, PingTimeout: server.Never}})
	if err != nil {
		t.Fatal(err)
	}
	begun, ended = make(chan bool, 1), make(chan bool, 1)
	srv.On("wait", func(s *server.Socket, _ *server.Event) error {
		begun <- true
		select {
		case <-s.Context().Done():
			ended <- true
		case <-time.After(patience):
			ended <- false
		}
		return nil
	})
	return srv, begun, ended
}

// What a handler or a middleware waits for ends with the context of its socket, however that
// leaves: nothing else would tell it.
func TestContextOfASocket(t *testing.T) {
	type waiting struct {
		srv *server.Server
		w   *wire
		s   *server.Socket
	}
	handler, middleware := `42["wait"]`, "40/slow,"
	for name, c := range map[string]struct {
		waits string // what the client sends so that something waits for it
		leave func(t *testing.T, x waiting)
	}{
		"disconnected":     {handler, func(_ *testing.T, x waiting) { x.s.Disconnect(false) }},
		"connection ended": {handler, func(_ *testing.T, x waiting) { x.s.Disconnect(true) }},
		"no sign of life":  {handler, func(_ *testing.T, x waiting) { x.srv.Advance(time.Hour); x.srv.Advance(time.Hour) }},
		"shutdown": {handler, func(t *testing.T, x waiting) {
			if err := x.srv.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		}},
		"join cancelled":    {middleware, func(_ *testing.T, x waiting) { x.w.send("41/slow,") }},
		"connection closed": {middleware, func(_ *testing.T, x waiting) { _ = x.w.conn.Close() }},
	} {
		t.Run(name, func(t *testing.T) {
			srv, err := server.New(server.Options{Logger: silent, Times: server.Times{PingInterval: time.Hour, PingTimeout: time.Hour}})
			if err != nil {
				t.Fatal(err)
			}
			arrived, ended := make(chan *server.Socket, 1), make(chan error, 1)
			wait := func(s *server.Socket) {
				ctx := s.Context()
				if err := ctx.Err(); err != nil {
					t.Errorf("it has ended before: %v", err)
				}
				arrived <- s
				<-ctx.Done()
				ended <- context.Cause(ctx)
			}
			srv.On("wait", func(s *server.Socket, _ *server.Event) error {
				wait(s)
				return nil
			})
			srv.Of("/slow").Use(func(s *server.Socket) error {
				wait(s)
				return nil
			})
			x := waiting{srv: srv, w: socketIO(t, serve(t, srv))}
			x.w.send(c.waits)
			x.s = <-arrived
			c.leave(t, x)
			select {
			case err := <-ended:
				if !errors.Is(err, server.ErrDisconnected) {
					t.Errorf("the context has ended with %v", err)
				}
			case <-time.After(patience):
				t.Fatal("the context does not end")
			}
			if x.s.Context().Err() == nil {
				t.Error("a context of a socket that has left has not ended")
			}
		})
	}
}
