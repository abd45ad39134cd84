package client

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/protocol/engineio"
)

// lengthened is the textual polling body of packets in revision 3.
func lengthened(packets ...string) string {
	var b strings.Builder
	for _, p := range packets {
		fmt.Fprintf(&b, "%d:%s", len(p), p) // they are ASCII
	}
	return b.String()
}

// openV3 is the open packet of a server of Socket.IO 2.
func openV3(interval, timeout int) string {
	return fmt.Sprintf(`0{"sid":"SID","upgrades":[],"pingInterval":%d,"pingTimeout":%d}`, interval, timeout)
}

// hearty is a handler that wants round trips.
type hearty struct {
	*heard
	rtt chan time.Duration
}

func (h hearty) RTT(d time.Duration) { h.rtt <- d }

// Revision 3 over websocket: the server joins the client to / unasked; other namespaces are
// asked for with the query; the client pings; binary frames have a type.
func TestWebsocketOfRevision3(t *testing.T) {
	address := listen(t, func(p *peer) {
		req, _ := p.request()
		if req == nil {
			return
		}
		if req.URL.Query().Get("EIO") != "3" || req.URL.Query().Get("token") != "a,b" {
			t.Errorf("the request is for %s", req.URL)
		}
		p.switchTo(req)
		p.put(text(openV3(20, 60_000)) + text("40"))
		if !p.expect("40/chat?token=a%2Cb,") {
			return
		}
		p.put(text("40/chat,") + text(`42["m",1]`) + text(`451-/chat,["b",{"_placeholder":true,"num":0}]`) + frame(0x82, "\x04\x00\xff"))
		// A ping may leave before the event, which waits for the binary event.
		pings := 0
		for _, want := range []string{`451-["up",{"_placeholder":true,"num":0}]`, "\x04\x01\x02"} {
			got := ""
			for got != want {
				_, payload, err := p.clientFrame()
				if err != nil {
					t.Error(err)
					return
				}
				if got = payload; got == "2" {
					p.put(text("3"))
					pings++
				} else if got != want {
					t.Errorf("the client sent %q, want %q", got, want)
					return
				}
			}
		}
		for ; pings < 2; pings++ {
			if !p.expect("2") {
				return
			}
			p.put(text("3"))
		}
		p.put(text(`42["done"]`))
		p.slurp()
	})
	c := dial(t, &Config{URL: address, Engine: Engine3, More: []string{"/chat"}, Query: url.Values{"token": {"a,b"}}})
	h := hearty{newHeard(), make(chan time.Duration, 1000)}
	run(t, c, h)
	equal(t, h.wait(t, 2), `event m [1]`, `event b [{"_placeholder":true,"num":0}] 00ff`)
	if err := c.SendBinary([]byte(`51-["up",{"_placeholder":true,"num":0}]`), []byte{1, 2}); err != nil {
		t.Error(err)
	}
	h.wait(t, 3)
	if len(h.rtt) < 2 {
		t.Errorf("%d round trips of pings, want at least 2", len(h.rtt))
	}
}

func TestPollingOfRevision3(t *testing.T) {
	s := newPoller(t, lengthened(openV3(60_000, 60_000), "40"), lengthened("40/chat,")+"8:42[\"😀\"]")
	c := dial(t, &Config{URL: s.url, Transport: Polling, Engine: Engine3, Namespace: "/", More: []string{"/chat"}, Query: url.Values{"token": {"x"}}})
	h := hearty{newHeard(), make(chan time.Duration, 1000)}
	run(t, c, h)
	if got, want := s.post(), "16:40/chat?token=x,"; got != want {
		t.Errorf("CONNECT: %q, want %q", got, want)
	}
	equal(t, h.wait(t, 1), `event 😀 []`)
	event := `451-["b",{"_placeholder":true,"num":0}]`
	body := engineio.AppendBinaryPayloadV3(nil, engineio.Packet{Type: engineio.Message, Data: []byte(event[1:])})
	body = engineio.AppendBinaryPayloadV3(body, engineio.Packet{Type: engineio.Message, Binary: true, Data: []byte{0, 255}})
	s.bodies <- fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	s.bodies <- lengthened(event, "b4AAH/")
	got := h.wait(t, 3)
	equal(t, got[1:], `event b [{"_placeholder":true,"num":0}] 00ff`, `event b [{"_placeholder":true,"num":0}] 0001ff`)
	if err := c.SendBinary([]byte(event[1:]), []byte{0, 1, 255}); err != nil {
		t.Error(err)
	}
	if got, want := s.post(), lengthened(event, "b4AAH/"); got != want {
		t.Errorf("posted %q, want %q", got, want)
	}
	c.beat.ping()
	if got := s.post(); got != "1:2" {
		t.Errorf("ping: %q", got)
	}
	s.bodies <- "1:3" + lengthened(`42["x"]`)
	h.wait(t, 4)
	if len(h.rtt) != 1 {
		t.Errorf("%d round trips, want 1", len(h.rtt))
	}
	if got, want := string(appendBodyV3(nil, c.goodbye(ClientDisconnect))), "2:418:41/chat,1:1"; got != want {
		t.Errorf("goodbye: %q, want %q", got, want)
	}
}

// A middleware of the main namespace keeps clients of revision 3 out of every namespace, and no
// CONNECT is answered then.
func TestRefusedInTheMainNamespaceOfRevision3(t *testing.T) {
	address := listen(t, func(p *peer) {
		req, _ := p.request()
		p.switchTo(req)
		p.put(text(openV3(60_000, 60_000)) + text(`44"no token"`))
		p.slurp()
	})
	for _, space := range []string{"/chat", "/"} {
		var told []string
		_, err := Dial(t.Context(), &Config{URL: address, Engine: Engine3, Namespace: space, Joining: func(h Handshake) {
			if !h.Sent {
				told = append(told, fmt.Sprintf("%v %s %s", h.Refused, h.Namespace, h.Data))
			}
		}})
		if refused, is := errors.AsType[*ConnectError](err); !is || refused.Message != "no token" {
			t.Errorf("%s: %v", space, err)
		}
		equal(t, told, `true / "no token"`)
	}
}

// A server of revision 3 that lets a client into the main namespace twice has not let it into
// another.
func TestJoinedTwiceInRevision3(t *testing.T) {
	address := listen(t, func(p *peer) {
		req, _ := p.request()
		p.switchTo(req)
		p.put(text(openV3(60_000, 60_000)) + text("40") + text("40") + text(`44/chat,"no"`))
		p.slurp()
	})
	fails(t, t.Context(), &Config{URL: address, Engine: Engine3, More: []string{"/chat"}}, "namespace", "connect_error")
}

// A server that answers no ping is given up, on every transport.
func TestPongTimeout(t *testing.T) {
	t.Run("websocket", func(t *testing.T) {
		address := listen(t, func(p *peer) {
			req, _ := p.request()
			p.switchTo(req)
			p.put(text(openV3(10, 10)) + text("40"))
			p.slurp()
		})
		ends(t, run(t, dial(t, &Config{URL: address, Engine: Engine3}), newHeard()), PingTimeout)
	})
	t.Run("polling", func(t *testing.T) {
		s := newPoller(t, lengthened(openV3(10, 10), "40"))
		ends(t, run(t, dial(t, &Config{URL: s.url, Transport: Polling, Engine: Engine3}), newHeard()), PingTimeout)
	})
}

// When the client gives a server up that owes it a pong depends on what it has heard instead.
func TestHeartbeatLimit(t *testing.T) {
	const second = time.Second
	c := &Client{pingInterval: 25 * second, pingTimeout: 5 * second, lastPing: 100 * second}
	b := &heartbeat{c: c}
	b.sent.Store(int64(125 * second))
	for _, test := range []struct {
		open       bool
		read, want time.Duration
	}{
		{false, 101 * second, 130 * second},
		{true, 101 * second, 130 * second},
		{true, 126 * second, 156 * second},
	} {
		b.open.Store(test.open)
		if got := b.limit(test.read); got != test.want {
			t.Errorf("open %v, read at %v: given up at %v, want %v", test.open, test.read, got, test.want)
		}
	}
}

func TestBodyOfRevision3(t *testing.T) {
	packets := []engineio.Packet{
		{Type: engineio.Ping},
		{Type: engineio.Message, Data: []byte("2[\"€😀\"]")},
		{Type: engineio.Message, Binary: true, Data: []byte{0, 1, 2, 3}},
		{Type: engineio.Message, Data: []byte(strings.Repeat("x", 200))},
		{Type: engineio.Close},
	}
	var queue []byte
	for _, p := range packets {
		queue = engineio.AppendPayload(queue, p)
	}
	read := func(body []byte) (out []engineio.Packet) {
		r := engineio.NewPayloadV3(body, false)
		for r.Next() {
			out = append(out, r.Packet())
		}
		if err := r.Err(); err != nil {
			t.Error(err)
		}
		return out
	}
	for _, most := range []int{1, 40, 100, 230, 1000} {
		var got []engineio.Packet
		for rest := queue; len(rest) > 0; {
			n := fitV3(rest, most)
			body := appendBodyV3(nil, rest[:n])
			now := read(bytes.Clone(body))
			if len(body) > most && len(now) > 1 {
				t.Errorf("%d packets in %d bytes, at most %d", len(now), len(body), most)
			}
			got = append(got, now...)
			rest = rest[min(n+1, len(rest)):]
		}
		if fmt.Sprint(got) != fmt.Sprint(packets) {
			t.Errorf("in bodies of %d bytes: %v, want %v", most, got, packets)
		}
	}
}

// A client of one revision names a server of the other.
func TestWrongRevision(t *testing.T) {
	pinging := listen(t, func(p *peer) {
		req, _ := p.request()
		p.switchTo(req)
		p.put(text(open(25_000, 20_000, "")) + text("2"))
		p.slurp()
	})
	fails(t, t.Context(), &Config{URL: pinging, Engine: Engine3}, "namespace", "newer")
	s := newPoller(t, open(25_000, 20_000, ""))
	fails(t, t.Context(), &Config{URL: s.url, Transport: Polling, Engine: Engine3}, "open", "newer")
	refusing := listen(t, func(p *peer) {
		if req, _ := p.request(); req != nil {
			p.answer(400, `{"code":5,"message":"Unsupported protocol version"}`)
		}
	})
	fails(t, t.Context(), &Config{URL: refusing, Engine: Engine3}, "open", "engine.5")
	late := listen(t, func(p *peer) {
		req, _ := p.request()
		p.switchTo(req)
		p.answer(400, `Unsupported protocol version`)
		p.slurp()
	})
	fails(t, t.Context(), &Config{URL: late, Engine: Engine3}, "open", "engine.5")
	older := newPoller(t, lengthened(openV3(25_000, 20_000), "40"))
	fails(t, t.Context(), &Config{URL: older.url, Transport: Polling}, "open", "version")
	for _, cfg := range []Config{{Engine: 2}, {Engine: Engine3, Auth: []byte(`{}`)}, {Engine: Engine3, Transport: SSE}} {
		cfg.URL = "http://localhost"
		if e := fails(t, t.Context(), &cfg, "config", "config"); !strings.Contains(e, "Engine") {
			t.Errorf("%s does not name Engine", e)
		}
	}
}
