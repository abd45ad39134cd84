package client

import (
	"encoding/json"
	"testing"
	"time"
)

// A client comes back with the private id and the last offset, beside what it says itself.
func TestRecovery(t *testing.T) {
	const events = `42["news",{"$b":1},"off-1"]`
	for name, c := range map[string]struct {
		auth, want, answer string
		recovered          bool
	}{
		"the same socket": {`{"token":"a"}`, `40{"pid":"P","offset":"off-1","token":"a"}`, `40{"sid":"x","pid":"P"}`, true},
		"a new socket":    {``, `40{"pid":"P","offset":"off-1"}`, `40{"sid":"y","pid":"Q"}`, false},
		"no recovery":     {`{}`, `40{"pid":"P","offset":"off-1"}`, `40{"sid":"y"}`, false},
		"nothing to say":  {`{ }`, `40{"pid":"P","offset":"off-1"}`, `40{"sid":"y"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			url := listen(t, func(p *peer) {
				req, _ := p.request()
				if req == nil {
					return
				}
				p.switchTo(req)
				p.put(text(open(25000, 20000, "")))
				if p.no == 0 {
					p.expect("40" + c.auth)
					p.put(text(`40{"sid":"x","pid":"P"}`) + text(`42["news","off-0"]`) + text(`42["early",1]`) + text(events) + text(`427["ask","no offset"]`))
				} else {
					p.expect(c.want)
					p.put(text(c.answer))
				}
				p.slurp()
			})
			cfg := &Config{URL: url}
			if c.auth != "" {
				cfg.Auth = json.RawMessage(c.auth)
			}
			first := dial(t, cfg)
			h := newHeard()
			ended := run(t, first, h)
			h.wait(t, 4)
			first.Cut()
			ends(t, ended, TransportClose)
			if first.Recovered() || first.Session() != (Session{PID: "P", Offset: "off-1"}) {
				t.Fatalf("recovered %v, session %+v", first.Recovered(), first.Session())
			}
			cfg.Recover = first.Session()
			second := dial(t, cfg)
			if second.Recovered() != c.recovered {
				t.Errorf("recovered %v, want %v", second.Recovered(), c.recovered)
			}
			run(t, second, newHeard())
		})
	}
}

// A client that vanishes sends no close and leaves its connection open, so the server may go on
// writing.
func TestVanish(t *testing.T) {
	seen := make(chan error, 1)
	told := make(chan struct{})
	url := session(t, 25000, 20000, func(p *peer) {
		<-told
		p.put(text(`42["still here"]`))
		_ = p.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		_, err := p.r.ReadByte()
		seen <- err
		_ = p.SetReadDeadline(time.Now().Add(patience))
		_, err = p.r.ReadByte()
		seen <- err
	})
	c := dial(t, &Config{URL: url})
	h := newHeard()
	ended := run(t, c, h)
	c.Vanish()
	ends(t, ended, TransportClose)
	close(told)
	if err := <-seen; !isTimeout(err) {
		t.Errorf("the server saw %v, want nothing", err)
	}
	if err := c.Send([]byte(`2["x"]`)); err == nil {
		t.Error("it sends though it has vanished")
	}
	c.Vanish()
	c.CloseVanished()
	if err := <-seen; err == nil || isTimeout(err) {
		t.Errorf("the server saw %v, want the end", err)
	}
}

func TestStallOnDemand(t *testing.T) {
	p := newPace(&Slow{})
	if wait, n := p.next(time.Second); wait != 0 || n == 0 {
		t.Errorf("the zero Slow waits %v", wait)
	}
	c := &Client{pace: p}
	c.Stall(time.Hour)
	if wait, _ := p.next(Now()); wait < 59*time.Minute {
		t.Errorf("it stalls %v, want an hour", wait)
	}
	(&Client{}).Stall(time.Hour)
	if (&Slow{}).buffer() != 0 || (&Slow{Stall: 1}).buffer() == 0 {
		t.Error("only a slow client has a small buffer")
	}
}

type pulse struct {
	*heard
	rtt chan time.Duration
}

func (p *pulse) RTT(d time.Duration) { p.rtt <- d }

// With the engine's ping the client sends one of its own, and takes the pong that carries the same.
func TestRoundTripOfTheHeartbeat(t *testing.T) {
	url := session(t, 25000, 20000, func(p *peer) {
		p.put(text("2"))
		p.expect("3")
		first, payload, err := p.clientFrame()
		if first != 0x89 || len(payload) != 8 || err != nil {
			t.Errorf("ping: %#x %q %v", first, payload, err)
		}
		p.put(frame(0x8a, "unasked") + frame(0x8a, payload))
		p.slurp()
	})
	c := dial(t, &Config{URL: url})
	h := &pulse{newHeard(), make(chan time.Duration, 2)}
	ended := make(chan error, 1)
	go func() { ended <- c.Run(h) }()
	if d := <-h.rtt; d <= 0 || d > patience {
		t.Errorf("a round trip of %v", d)
	}
	_ = c.Close()
	ends(t, ended, ClientDisconnect)
	if len(h.rtt) > 0 {
		t.Errorf("and one of %v", <-h.rtt)
	}
}
