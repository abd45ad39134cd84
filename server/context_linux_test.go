package server_test

import (
	"fmt"
	"net"
	"testing"

	"github.com/throng-io/throng/server"
)

// A handler learns that its client has gone, though nothing behind its event is read: whether the
// end comes with the event or later, and although more may have come before it.
func TestContextEndsWithTheConnection(t *testing.T) {
	for _, c := range []struct{ secure, later, more bool }{
		{}, {later: true}, {later: true, more: true}, {more: true}, {secure: true, later: true}, {secure: true, later: true, more: true},
	} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			srv, waits, ended := waitingServer(t)
			next := make(chan bool, 1)
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

// A client that has shut down its side of the connection only gets the answers to what it has sent.
func TestHalfClosedIsAnswered(t *testing.T) {
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	srv.On("wait", func(s *server.Socket, e *server.Event) error {
		<-s.Context().Done()
		return e.Ack("done")
	})
	w := socketIO(t, serve(t, srv))
	w.send(`421["wait"]`)
	w.send(`422["wait"]`)
	if err := w.conn.NetConn().(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	w.expect(`431["done"]`)
	w.expect(`432["done"]`)
}
