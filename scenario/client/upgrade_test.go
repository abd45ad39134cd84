package client

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// dance is a scripted server for upgrades. Its polling half joins the namespace and holds the next
// GET until the test releases it; the test plays the websocket half. The log holds the events in
// order.
type dance struct {
	release chan string   // answers of GETs after the namespace was joined
	polled  chan struct{} // closed when the first of those has come
	probe   func(p *peer, req *http.Request)

	mu  sync.Mutex
	log []string
}

func newDance(t *testing.T, upgrades string, probe func(s *dance, p *peer)) (*dance, string) {
	s := &dance{release: make(chan string, 10), polled: make(chan struct{})}
	s.probe = func(p *peer, req *http.Request) {
		if q := req.URL.Query(); q.Get("sid") != "SID" || q.Get("EIO") != "4" {
			t.Errorf("probe of %s", req.URL)
		}
		if probe == nil {
			p.answer(404, "")
			return
		}
		p.switchTo(req)
		if p.expect("2probe") {
			<-s.polled // sent before, on a connection of its own
			s.note("probe")
			probe(s, p)
		}
	}
	url := listen(t, func(p *peer) { s.serve(p, upgrades) })
	return s, url
}

func (s *dance) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, what)
}

func (s *dance) serve(p *peer, upgrades string) {
	for n := 0; ; n++ {
		req, body := p.request()
		switch {
		case req == nil:
			return
		case req.URL.Query().Get("transport") == WebSocket:
			s.probe(p, req)
			return
		case req.Method == http.MethodPost:
			s.note("POST " + body)
			p.answer(200, "ok")
		case p.no == 0 && n == 0:
			p.answer(200, open(25000, 20000, upgrades))
		case p.no == 0 && n == 2:
			p.answer(200, joined)
		default:
			s.note("GET")
			if p.no == 0 && n == 3 {
				close(s.polled)
			}
			answer, ok := <-s.release
			if !ok {
				return
			}
			s.note("answer")
			p.answer(200, answer)
		}
	}
}

func TestUpgrade(t *testing.T) {
	s, url := newDance(t, `"websocket"`, func(s *dance, p *peer) {
		p.put(text("3probe"))
		// The GET is released with the packets still queued for polling.
		s.release <- `42["late",1]` + "\x1e2\x1e6"
		for _, want := range []string{"5", "3", `42["hi"]`} {
			if !p.expect(want) {
				return
			}
			s.note(want)
			if want == "5" {
				p.put(text(`42["more",2]`) + text("2"))
			}
		}
		p.expect("3")
		p.put(text("41"))
		p.slurp()
	})
	c := dial(t, &Config{URL: url, Transport: Upgrade})
	if c.UpgradeErr != nil || c.Timings.Upgrade <= 0 || c.Timings.Open <= 0 || c.Timings.Namespace <= 0 {
		t.Fatalf("%v, %+v", c.UpgradeErr, c.Timings)
	}
	if err := c.Send([]byte(`2["hi"]`)); err != nil {
		t.Fatal(err)
	}
	h := newHeard()
	ends(t, run(t, c, h), ServerDisconnect)
	equal(t, h.wait(t, 2), "event late [1]", "event more [2]")
	s.mu.Lock()
	defer s.mu.Unlock()
	equal(t, s.log, "POST 40", "GET", "probe", "answer", "5", "3", `42["hi"]`)
}

// Whatever fails before the upgrade packet leaves a working polling session
// behind, with the GET still pending and pongs still owed.
func TestUpgradeFails(t *testing.T) {
	silent := func(s *dance, p *peer) { p.slurp() }
	for name, test := range map[string]struct {
		class    string
		upgrades string
		probe    func(s *dance, p *peer)
	}{
		"not offered":    {"protocol", ``, silent},
		"refused":        {"http.404", `"websocket"`, nil},
		"closed at once": {"closed", `"websocket"`, func(*dance, *peer) {}},
		"close frame":    {"closed", `"websocket"`, func(_ *dance, p *peer) { p.put(frame(0x88, "")) }},
		"wrong answer":   {"protocol", `"websocket"`, func(_ *dance, p *peer) { p.put(text("3prob")) }},
		"broken frame":   {"protocol", `"websocket"`, func(_ *dance, p *peer) { p.put(frame(0xf1, "3probe")) }},
		"silent":         {"timeout", `"websocket"`, silent},
		"GET is not released": {"timeout", `"websocket"`, func(_ *dance, p *peer) {
			p.put(text("3probe"))
			p.slurp()
		}},
		"lost while the GET is awaited": {"closed", `"websocket"`, func(s *dance, p *peer) {
			p.put(text("3probe"))
			_ = p.Conn.(*net.TCPConn).SetLinger(int(patience.Seconds())) // Close waits until the client has the end
			p.Close()
			s.release <- "2\x1e" + `42["late",1]`
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s, url := newDance(t, test.upgrades, test.probe)
			defer close(s.release)
			limit := patience
			if test.class == "timeout" {
				limit = 200 * time.Millisecond
			}
			c := dial(t, &Config{URL: url, Transport: Upgrade, UpgradeTimeout: limit})
			if e, ok := errors.AsType[*DialError](c.UpgradeErr); !ok || e.Stage != "upgrade" || e.Class != test.class {
				t.Fatalf("UpgradeErr: %v, want %s", c.UpgradeErr, test.class)
			}
			if c.Timings.Upgrade != 0 {
				t.Error("an upgrade that failed has a time")
			}
			h := newHeard()
			done := run(t, c, h)
			if name != "lost while the GET is awaited" {
				s.release <- "2\x1e" + `42["late",1]`
			}
			equal(t, h.wait(t, 1), "event late [1]")
			if err := c.Send([]byte(`2["hi"]`)); err != nil {
				t.Fatal(err)
			}
			var got string
			for deadline := time.Now().Add(patience); got != "POST 40|3|42[\"hi\"]"; time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("posted %q", got)
				}
				s.mu.Lock()
				got = "POST 40"
				for _, line := range s.log[1:] {
					if body, ok := cutPost(line); ok {
						got += "|" + body
					}
				}
				s.mu.Unlock()
			}
			s.release <- "41"
			ends(t, done, ServerDisconnect)
		})
	}
}

// cutPost returns the packets of a logged POST, joined in the log's manner.
func cutPost(line string) (string, bool) {
	if len(line) < 5 || line[:5] != "POST " {
		return "", false
	}
	body := []byte(line[5:])
	for i := range body {
		if body[i] == 0x1e {
			body[i] = '|'
		}
	}
	return string(body), true
}

// The end of the session, or of the caller's patience, ends the Dial.
func TestUpgradeFatal(t *testing.T) {
	s, url := newDance(t, `"websocket"`, func(s *dance, p *peer) {
		p.put(text("3probe"))
		s.release <- "1"
		p.slurp()
	})
	defer close(s.release)
	fails(t, t.Context(), &Config{URL: url, Transport: Upgrade}, "upgrade", "closed")

	ctx, cancel := context.WithCancel(t.Context())
	s, url = newDance(t, `"websocket"`, func(_ *dance, p *peer) {
		cancel()
		p.slurp()
	})
	defer close(s.release)
	e := fails(t, ctx, &Config{URL: url, Transport: Upgrade}, "upgrade", "canceled")
	if e != "client: upgrade: canceled: context canceled" {
		t.Error(e)
	}
}
