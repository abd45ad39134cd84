package client

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// upgraded plays a plain websocket.
func upgraded(t *testing.T, head string, script func(p *peer, req *http.Request)) string {
	return listen(t, func(p *peer) {
		req, _ := p.request()
		if req == nil {
			return
		}
		p.put("HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" + head + "Sec-WebSocket-Accept: " + acceptKey(req) + "\r\n\r\n")
		script(p, req)
	})
}

// Frames pass as they are, in both directions; the greeting is over when Dial returns, and what
// came before it is kept.
func TestFrames(t *testing.T) {
	address := upgraded(t, "Sec-WebSocket-Protocol: chat.v2\r\n", func(p *peer, req *http.Request) {
		if got := req.Header.Get("Sec-WebSocket-Protocol"); req.URL.String() != "/ws?a=1" || got != "chat.v1, chat.v2" {
			t.Errorf("asked for %s with %q", req.URL, got)
		}
		if !p.expect(`{"type":"hello"}`) {
			return
		}
		p.put(text(`{"type":"motd"}`) + text(`{"type":"ready"}`) + text(`2["not","ours"]`) + frame(0x82, "\x00\xff") + text(""))
		if !p.expect(`{"type":"say"}`) {
			return
		}
		if first, payload, err := p.clientFrame(); err != nil || first != 0x82 || payload != "\x01\x02" {
			t.Errorf("frame %#x %q %v", first, payload, err)
		}
		p.put(frame(0x88, "\x0f\xa1bye"))
		p.slurp()
	})
	c := dial(t, &Config{
		URL: address, Path: "/ws", Protocol: Frames, Query: url.Values{"a": {"1"}}, Subprotocols: []string{"chat.v1", "chat.v2"}, Hello: []byte(`{"type":"hello"}`),
		Welcome: func(frame []byte, binary bool) (bool, error) { return string(frame) == `{"type":"ready"}`, nil },
	})
	if c.Timings.Namespace <= 0 {
		t.Error("the greeting took no time")
	}
	h := newHeard()
	done := run(t, c, h)
	equal(t, h.wait(t, 4), `event  [{"type":"motd"}]`, `event  [2["not","ours"]]`, `event  [] 00ff`, `event  []`)
	if err := errors.Join(c.Send([]byte(`{"type":"say"}`)), c.SendBinary(nil, []byte{1, 2})); err != nil {
		t.Error(err)
	}
	if e := ends(t, done, "close 4001"); !strings.Contains(e, "bye") {
		t.Errorf("%s does not give the reason", e)
	}
}

// A text that is not UTF-8 ends the session, as in browsers, with the code for it.
func TestFramesAreUTF8(t *testing.T) {
	answer := make(chan string, 1)
	address := upgraded(t, "", func(p *peer, _ *http.Request) {
		p.put(text("é") + frame(0x82, "\xff") + frame(0x01, "\xc3") + frame(0x80, "\xa9") + frame(0x01, "\xc3") + frame(0x80, "("))
		_, payload, _ := p.clientFrame()
		answer <- payload
		p.slurp()
	})
	h := newHeard()
	e := ends(t, run(t, dial(t, &Config{URL: address, Protocol: Frames}), h), TransportError)
	if got := <-answer; !strings.Contains(e, "not UTF-8") || got != "\x03\xef" {
		t.Errorf("%s; the client answers %q", e, got)
	}
	equal(t, h.wait(t, 3), "event  [é]", "event  [] ff", "event  [é]")
}

// A client pings by frames of the websocket, and gives a server up that answers none.
func TestFramesPing(t *testing.T) {
	address := upgraded(t, "", func(p *peer, _ *http.Request) {
		for {
			first, payload, err := p.clientFrame()
			if err != nil || first == 0x88 { // the client has gone
				return
			}
			if first != 0x89 || len(payload) != 8 {
				t.Errorf("frame %#x %q", first, payload)
			}
			p.put(frame(0x8a, payload) + text("pong"))
		}
	})
	h := hearty{newHeard(), make(chan time.Duration, 1000)}
	c := dial(t, &Config{URL: address, Protocol: Frames, Ping: time.Hour})
	run(t, c, h)
	for n := range 2 {
		c.beat.ping()
		h.wait(t, n+1)
	}
	if len(h.rtt) != 2 {
		t.Errorf("%d round trips, want 2", len(h.rtt))
	}
	silent := upgraded(t, "", func(p *peer, _ *http.Request) { p.slurp() })
	ends(t, run(t, dial(t, &Config{URL: silent, Protocol: Frames, Ping: 10 * time.Millisecond}), newHeard()), PingTimeout)
}

func TestFramesRefused(t *testing.T) {
	refused := errors.New("wrong token")
	for _, test := range []struct {
		name, head, wire, stage, class, want string
	}{
		{"subprotocol", "Sec-WebSocket-Protocol: other\r\n", "", "open", "protocol", `"other", which was not offered`},
		{"close code", "", frame(0x88, "\x11\x51no token"), "namespace", "closed", `4433 "no token"`},
		{"refusal", "", text("no"), "namespace", "other", "wrong token"},
		{"HTTP answer behind the 101", "", "HTTP/1.1 403 No\r\nContent-Length: 4\r\n\r\nStop", "namespace", "http.403", "Stop"},
	} {
		t.Run(test.name, func(t *testing.T) {
			address := upgraded(t, test.head, func(p *peer, _ *http.Request) {
				p.put(test.wire)
				p.slurp()
			})
			e := fails(t, t.Context(), &Config{URL: address, Protocol: Frames, Welcome: func([]byte, bool) (bool, error) { return false, refused }}, test.stage, test.class)
			if !strings.Contains(e, test.want) {
				t.Errorf("%s does not name %s", e, test.want)
			}
		})
	}
	page := listen(t, func(p *peer) {
		if req, _ := p.request(); req != nil {
			p.answer(200, "<!doctype html><title>My App</title>")
		}
	})
	fails(t, t.Context(), &Config{URL: page, Protocol: Frames}, "open", "page")
	for _, cfg := range []Config{
		{Protocol: "mqtt"}, {Protocol: Frames, Namespace: "/a"}, {Protocol: Frames, Subprotocols: []string{"a b"}}, {Protocol: Events, Ping: time.Second}, {Ping: time.Second}, {Protocol: Frames, Ping: -1},
	} {
		cfg.URL = "http://localhost"
		fails(t, t.Context(), &cfg, "config", "config")
	}
}
