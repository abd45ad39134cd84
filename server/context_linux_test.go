package server_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/throng-io/throng/server"
)

// A handler learns that its client has gone, though nothing behind its event is read: whether the
// end comes with the event or later, and although more may have come before it.
func TestContextEndsWithTheConnection(t *testing.T) {
	for _, c := range []struct{ secure, later, more bool }{
		{}, {later: true}, {later: true, more: true}, {more: true}, {secure: true, later: true}, {secure: true, later: true, more: true},
	} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			srv, err := server.New(server.Options{Times: server.Times{PingInterval: server.Never, PingTimeout: server.Never}})
			if err != nil {
				t.Fatal(err)
			}
			waits, ended, next := make(chan bool, 1), make(chan bool, 1), make(chan bool, 1)
			srv.On("wait", func(s *server.Socket, _ *server.Event) error {
				waits <- true
				select {
				case <-s.Context().Done():
					ended <- true
				case <-time.After(patience):
					ended <- false
				}
				return nil
			})
			srv.On("next", func(s *server.Socket, _ *server.Event) error {
				next <- s.Connected() && s.Context().Err() != nil
				return nil
			})
			base := serve(t, srv)
			if c.secure {
				base = serveTLS(t, srv)
			}
			w := socketIO(t, base)
			w.send(`42["wait"]`)
			if c.later {
				<-waits
			}
			if c.more {
				w.send(`42["next"]`)
			}
			_ = w.conn.Close()
			if !<-ended {
				t.Fatal("the context does not end")
			}
			if c.more && !<-next {
				t.Error("the next event came to a socket that had left, or with a context")
			}
		})
	}
}
