package app

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"go.uber.org/goleak"

	"github.com/throng-io/throng/server"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// fasthttp's own, which end with the process or some seconds after their server.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"))
}

// client is a websocket that has joined the main namespace of the application.
type client struct {
	t  *testing.T
	ws *websocket.Conn
}

func dial(t *testing.T, application string) *client {
	t.Helper()
	srv, err := New(application, server.Options{Times: server.Times{PingInterval: 1000 * time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(ln) }()
	ws, _, err := websocket.DefaultDialer.Dial("ws://"+ln.Addr().String()+"/socket.io/?EIO=4&transport=websocket", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = ws.Close()
		if err := srv.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	c := &client{t, ws}
	c.send("40")
	for !strings.HasPrefix(c.next(), "40") {
	}
	return c
}

func (c *client) send(packet string) {
	c.t.Helper()
	if err := c.ws.WriteMessage(websocket.TextMessage, []byte(packet)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) next() string {
	c.t.Helper()
	_ = c.ws.SetReadDeadline(time.Now().Add(time.Minute))
	_, b, err := c.ws.ReadMessage()
	if err != nil {
		c.t.Fatal(err)
	}
	return string(b)
}

func TestTick(t *testing.T) {
	c := dial(t, "bench")
	c.send(`420["tick","n",{"a":[1,2]},0.5,5]`)
	c.send(`421["echo","x"]`)
	got := map[string]int{}
	for range 7 {
		got[c.next()]++
	}
	if got[`42["n",{"a":[1,2]}]`] != 5 || got[`430[]`] != 1 || got[`431["x"]`] != 1 {
		t.Errorf("got %v", got)
	}

	// A further request replaces the first: no event of the old one follows the answer. The new one
	// may begin before the answer.
	c.send(`422["tick","old",1,1,1000000]`)
	for c.next() != `42["old",1]` {
	}
	c.send(`423["tick","new",2,1,3]`)
	for begun, answered := 0, false; begun < 3 || !answered; {
		switch p := c.next(); {
		case p == `42["new",2]`:
			begun++
		case p == `433[]`:
			answered = true
		case answered || begun > 0:
			t.Fatalf("after the second request came %q", p)
		}
	}

	// One that runs ends with the socket; the leak check waits for it.
	c.send(`42["tick","old",1,60000,1000000]`)
	for c.next() != `42["old",1]` {
	}
}

func TestTickRefuses(t *testing.T) {
	c := dial(t, "bench")
	for _, args := range []string{`"n",1,0,5`, `"n",1,1,0`, `"n",1,1,1000001`, `"connect",1,1,1`, `"n",1,"x",1`, `"n",1,70000,1`, `"n",1,1`} {
		c.send(`420["tick",` + args + `]`)
		c.send(`421["echo"]`)
		if p := c.next(); p != `431[]` {
			t.Errorf("tick(%s) is answered by %q", args, p)
		}
	}
}
