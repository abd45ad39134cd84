package server_test

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/throng-io/throng/server"
)

// busy is a server with a handler that waits, and a clock that the test moves.
type busy struct {
	*server.Server
	arrived, release chan bool
	gone             chan string
}

func newBusy(t *testing.T) *busy {
	t.Helper()
	srv, err := server.New(server.Options{Times: server.Times{PingInterval: time.Hour, PingTimeout: time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	b := &busy{srv, make(chan bool), make(chan bool), make(chan string, 1)}
	srv.On("wait", func(_ *server.Socket, e *server.Event) error {
		b.arrived <- true
		<-b.release
		return e.Ack()
	})
	srv.OnDisconnect(func(_ *server.Socket, reason string) { b.gone <- reason })
	return b
}

// heartbeat moves the clock to the next ping, and takes it.
func (b *busy) heartbeat(t *testing.T, w *wire) {
	t.Helper()
	b.Advance(time.Hour)
	_ = w.conn.SetReadDeadline(time.Now().Add(patience))
	if kind, data, err := w.conn.ReadMessage(); kind != websocket.TextMessage || string(data) != "2" {
		t.Fatalf("got %q, %v; want a ping", data, err)
	}
}

// A handler may take longer than the ping timeout: a client that goes on to answer pings is not
// lost by it.
func TestBusyHandler(t *testing.T) {
	for name, connect := range map[string]func(t *testing.T, b *busy) *wire{
		"tcp": func(t *testing.T, b *busy) *wire { return open(t, serve(t, b.Server), "/socket.io/", "") },
		"tls": func(t *testing.T, b *busy) *wire {
			d := &websocket.Dialer{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
			return openWith(t, d, serveTLS(t, b.Server), "/socket.io/", "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBusy(t)
			w := connect(t, b)
			w.send("40")
			w.expectPrefix(`40{"sid":"`)
			for n := range 2 {
				w.send(fmt.Sprintf(`42%d["wait"]`, n))
				<-b.arrived
				for range 3 {
					b.heartbeat(t, w)
					w.send("3")
				}
				b.release <- true
				w.expect(fmt.Sprintf(`43%d[]`, n))
			}
			// All that it has sent has been handled by now: the heartbeat is strict again.
			w.send("41")
			if got := <-b.gone; got != "client namespace disconnect" {
				t.Errorf("it has left with %q", got)
			}
			b.heartbeat(t, w)
			b.Advance(time.Hour)
			w.expectClose()
		})
	}
}

// What waits behind the event that the handler works on has been read already, perhaps, but not
// handled: it is a sign of life, too.
func TestBusyHandlerAndWhatIsBehind(t *testing.T) {
	b := newBusy(t)
	c := joinBare(t, serve(t, b.Server))
	c.write(masked(0x81, `421["wait"]`) + masked(0x81, "3")) // in one segment
	<-b.arrived
	b.Advance(time.Hour)
	b.Advance(time.Hour)
	if n := b.Stats().Sessions; n != 1 || len(b.gone) > 0 {
		t.Errorf("%d sessions", n)
	}
	b.release <- true
}

// A client that says nothing more is lost, however long its handler takes.
func TestBusyHandlerOfASilentClient(t *testing.T) {
	b := newBusy(t)
	w := socketIO(t, serve(t, b.Server))
	w.send(`421["wait"]`)
	<-b.arrived
	b.heartbeat(t, w)
	b.Advance(time.Hour)
	w.expectClose()
	b.release <- true
	if got := <-b.gone; got != "ping timeout" {
		t.Errorf("it has left with %q", got)
	}
}

// Over polling a client cannot answer a ping while its post waits for the handler.
func TestBusyHandlerOverPolling(t *testing.T) {
	b := newBusy(t)
	p := poll(t, serve(t, b.Server), "/socket.io/")
	posted := make(chan bool)
	go func() {
		p.post(`421["wait"]`)
		close(posted)
	}()
	<-b.arrived
	for range 3 {
		b.Advance(time.Hour)
		p.expect("2")
	}
	b.release <- true
	<-posted
	if got := p.get(); strings.TrimPrefix(got, "2\x1e") != `431[]` {
		t.Errorf("got %q", got)
	}
	b.Advance(time.Hour) // no pong: strict again
	if got := <-b.gone; got != "ping timeout" {
		t.Errorf("it has left with %q", got)
	}
}
