package server_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/app"
)

// The same messages, whichever way they are cut into frames and writes.
func TestFramesOfAClient(t *testing.T) {
	everyLink(t, func(t *testing.T, serve serving) {
		base, _ := echoing(t, serve, server.Options{})
		long := strings.Repeat("x", 70000)
		for name, c := range map[string]struct{ send, want string }{
			"one frame":               {masked(0x81, `421["echo",1]`), `431[1]`},
			"16 bit length":           {masked(0x81, `421["echo","`+long[:300]+`"]`), `431["` + long[:300] + `"]`},
			"64 bit length":           {masked(0x81, `421["echo","`+long+`"]`), `431["` + long + `"]`},
			"fragments":               {masked(0x01, `421["e`) + masked(0x00, `cho",`) + masked(0x00, "") + masked(0x80, `1]`), `431[1]`},
			"a character in two":      {masked(0x01, "421[\"echo\",\"\xc3") + masked(0x80, "\xa9\"]"), "431[\"\xc3\xa9\"]"},
			"empty first fragment":    {masked(0x01, "") + masked(0x80, `421["echo",1]`), `431[1]`},
			"pong between fragments":  {masked(0x01, `421["echo"`) + masked(0x8a, "?") + masked(0x80, `,1]`), `431[1]`},
			"two messages in a write": {masked(0x81, `421["echo",1]`) + masked(0x81, "3"), `431[1]`},
		} {
			t.Run(name, func(t *testing.T) {
				b := joinBare(t, base)
				b.write(c.send)
				b.expect(0x81, c.want)
				step := max(1, len(c.send)/200)
				for i := 0; i < len(c.send); i += step { // byte by byte, if it is short
					b.write(c.send[i:min(i+step, len(c.send))])
				}
				b.expect(0x81, c.want)
			})
		}
	})
}

func TestControlFrames(t *testing.T) {
	everyLink(t, func(t *testing.T, serve serving) {
		base, left := echoing(t, serve, server.Options{})
		b := joinBare(t, base)
		b.write(masked(0x01, `421["echo"`) + masked(0x89, "are you there") + masked(0x80, `,1]`))
		b.expect(0x8a, "are you there") // at once, between the fragments
		b.expect(0x81, `431[1]`)
		b.write(masked(0x89, strings.Repeat("p", 125)))
		b.expect(0x8a, strings.Repeat("p", 125))
		b.write(masked(0x88, "\x0b\xb8because") + "what follows is not read")
		b.expectCode(3000)
		if reason := <-left; reason != "transport close" {
			t.Errorf("reason %q", reason)
		}
	})
}

func TestFramesThatBreakTheProtocol(t *testing.T) {
	everyLink(t, func(t *testing.T, serve serving) {
		base, left := echoing(t, serve, server.Options{Limits: server.Limits{MaxPayload: 1000}})
		for name, c := range map[string]struct {
			send string
			code int
		}{
			"not masked":                 {"\x81\x013", 1002},
			"reserved bit":               {masked(0xc1, "3"), 1002},
			"unknown opcode":             {masked(0x83, "3"), 1002},
			"fragmented ping":            {masked(0x09, "x"), 1002},
			"long ping":                  {masked(0x89, strings.Repeat("x", 126)), 1002},
			"continuation of nothing":    {masked(0x80, "x"), 1002},
			"beginning in the middle":    {masked(0x01, "4") + masked(0x81, "4"), 1002},
			"close with half a code":     {masked(0x88, "\x03"), 1002},
			"close with a reserved code": {masked(0x88, "\x03\xed"), 1002},
			"message over the limit":     {masked(0x81, strings.Repeat("4", 1001)), 1009},
			"header over the limit":      {masked(0x82, strings.Repeat("4", 1<<20))[:14], 1009},
			"fragments over the limit":   {masked(0x01, strings.Repeat("4", 600)) + masked(0x80, strings.Repeat("4", 401)), 1009},
			"no UTF-8":                   {masked(0x81, "42[\"\xff\"]"), 1007},
			"unknown packet":             {masked(0x81, "x"), 0},
		} {
			t.Run(name, func(t *testing.T) {
				b := joinBare(t, base)
				b.write(c.send)
				b.expectCode(c.code)
				want := "transport error"
				if c.code == 0 {
					want = "parse error"
				}
				if reason := <-left; reason != want {
					t.Errorf("reason %q, want %q", reason, want)
				}
			})
		}
	})
}

// A client need not wait for the answer to its request: what it has sent behind it was read by the
// HTTP server already.
func TestFramesBehindTheRequest(t *testing.T) {
	everyLink(t, func(t *testing.T, serve serving) {
		base, _ := echoing(t, serve, server.Options{})
		more := masked(0x81, "40") + masked(0x81, `427["echo",1]`) + masked(0x81, `428["echo","`+strings.Repeat("y", 2000)+`"]`)
		b := dialBare(t, base, more+masked(0x81, `429["echo",3]`)[:7])
		b.expect(0x81, `40{"sid":`)
		b.expect(0x81, `437[1]`)
		b.expect(0x81, `438["yyyy`)
		b.write(masked(0x81, `429["echo",3]`)[7:])
		b.expect(0x81, `439[3]`)
	})
}

// A client that does not answer the closing handshake is not waited for.
func TestGoodbyeWithoutAnswer(t *testing.T) {
	t.Parallel()
	everyLink(t, func(t *testing.T, serve serving) {
		t.Parallel() // it takes the time of a goodbye
		base, left := echoing(t, serve, server.Options{})
		b := joinBare(t, base)
		b.write(masked(0x81, "x")) // no packet
		b.expect(0x88, "")
		<-left
		if first, data := b.frame(); first != 0 || data != io.EOF.Error() {
			t.Errorf("the connection is not closed: %x %q", first, data)
		}
	})
}

func TestResetByTheClient(t *testing.T) {
	everyLink(t, func(t *testing.T, serve serving) {
		base, left := echoing(t, serve, server.Options{})
		b := joinBare(t, base)
		reset(b.Conn)
		if reason := <-left; reason != "transport close" {
			t.Errorf("reason %q", reason)
		}
	})
}

// An upgrade that breaks the websocket protocol, says something else, or goes away leaves the
// session with polling.
func TestBrokenUpgradeLeavesPolling(t *testing.T) {
	everyLink(t, func(t *testing.T, over serving) {
		srv, err := server.New(server.Options{Engine: app.Echo})
		if err != nil {
			t.Fatal(err)
		}
		base, other := serve(t, srv), over(t, srv)
		for name, c := range map[string]struct {
			send string
			code int
		}{
			"unmasked":        {"\x81\x062probe", 1002},
			"no packet":       {masked(0x81, "?"), 0},
			"another packet":  {masked(0x81, "4hello"), 0},
			"no probe":        {masked(0x81, "2"), 0},
			"closed":          {masked(0x88, "\x03\xe8bye"), 1000},
			"closed, no code": {masked(0x88, ""), 0},
		} {
			t.Run(name, func(t *testing.T) {
				p := poll(t, base, "/engine.io/")
				b := upgradeBare(t, other, p.sid)
				b.write(masked(0x89, "ping"))
				b.expect(0x8a, "ping")
				b.write(c.send)
				b.expectCode(c.code)
				p.post("4still here")
				p.expect("4still here")
			})
		}
		t.Run("reset", func(t *testing.T) {
			p := poll(t, base, "/engine.io/")
			b := upgradeBare(t, other, p.sid)
			b.write(masked(0x81, "2probe"))
			b.expect(0x81, "3probe")
			reset(b.Conn)
			p.post("4still here")
			for {
				switch got := p.get(); got {
				case "6": // while the probe was under way
				case "4still here":
					return
				default:
					t.Fatalf("got %q", got)
				}
			}
		})
	})
}

// The polls of the session come over plain TCP, its websocket over the link.
func TestUpgradesAreCounted(t *testing.T) {
	everyLink(t, func(t *testing.T, over serving) {
		srv, err := server.New(server.Options{Engine: app.Echo})
		if err != nil {
			t.Fatal(err)
		}
		base, other := serve(t, srv), over(t, srv)
		for want := range uint64(3) {
			if n := srv.Stats().Upgrades; n != want {
				t.Fatalf("%d upgrades are counted, want %d", n, want)
			}
			p := poll(t, base, "/engine.io/")
			w := open(t, other, "/engine.io/", "&sid="+p.sid)
			w.send("2probe")
			w.expect("3probe")
			w.send("5")
			w.send("4here")
			w.expect("4here")
		}
	})
}

// A client that says something and is gone at once is noticed at once: its last words and its end
// may come as one.
func TestEndBehindAMessage(t *testing.T) {
	everyLink(t, func(t *testing.T, serve serving) {
		srv, err := server.New(server.Options{Times: server.Times{PingInterval: time.Hour}})
		if err != nil {
			t.Fatal(err)
		}
		heard, gone := make(chan struct{}, 1), make(chan string, 1)
		srv.On("bye", func(*server.Socket, *server.Event) error {
			heard <- struct{}{}
			return nil
		})
		srv.OnDisconnect(func(_ *server.Socket, reason string) { gone <- reason })
		base := serve(t, srv)
		for range 20 {
			w := socketIO(t, base)
			w.send(`42["bye"]`)
			_ = w.conn.Close()
			<-heard
			select {
			case reason := <-gone:
				if reason != "transport close" {
					t.Fatalf("reason %q", reason)
				}
			case <-time.After(patience):
				t.Fatal("the end was not noticed")
			}
		}
	})
}

// The same messages, in the same room, in the same order, whatever carries them.
func TestLinksInOneRoom(t *testing.T) {
	srv, err := server.New(server.Options{Times: server.Times{PingInterval: server.Never}})
	if err != nil {
		t.Fatal(err)
	}
	inRoom := allJoin(srv)
	var clients []*bare
	for _, base := range allLinks(t, srv) {
		clients = append(clients, joinBare(t, base))
	}
	inRoom(len(clients))
	const n = 100
	for i := range n {
		if err := srv.To("r").Emit("n", i, []byte{0xff, byte(i)}); err != nil {
			t.Fatal(err)
		}
	}
	for i, b := range clients {
		for j := range n {
			b.expect(0x81, fmt.Sprintf(`451-["n",%d,{"_placeholder":true,"num":0}]`, j))
			if first, data := b.frame(); first != 0x82 || data != string([]byte{0xff, byte(j)}) {
				t.Fatalf("%s: attachment %d is %x %x", links[i].name, j, first, data)
			}
		}
	}
}
