package client

import (
	"strings"
	"testing"
	"time"
)

func TestBacklog(t *testing.T) {
	var b backlog
	moment := func() time.Duration {
		was := Now()
		for Now() == was {
		}
		return was
	}
	if b.since() != 0 {
		t.Error("nothing was given to it")
	}
	start := moment()
	b.add()
	first := b.since()
	moment()
	b.add()
	if first < start || b.since() != first {
		t.Errorf("since %v, then %v: the oldest counts", first, b.since())
	}
	b.take(false)
	b.done()
	if b.since() != first {
		t.Error("what is left may be as old")
	}
	b.take(true)
	moment()
	b.add()
	if b.since() != first {
		t.Error("the first is being written")
	}
	b.done()
	if second := b.since(); second <= first {
		t.Errorf("since %v, and the first, of %v, was taken", second, first)
	}
	b.take(true)
	b.done()
	if b.since() != 0 {
		t.Error("all was taken")
	}
}

// What the server has not acknowledged when a polling client leaves may not have reached it, and what
// it has acknowledged did.
func TestUnsentOverPolling(t *testing.T) {
	s := newPoller(t, open(25000, 20000, ""), "2\x1e"+joined)
	c := dial(t, &Config{URL: s.url, Transport: Polling})
	if since := c.Unsent(); since != 0 {
		t.Errorf("unsent since %v, and the pong was acknowledged", since)
	}
	done := run(t, c, newHeard())
	equal(t, []string{s.post(), s.post()}, "40", "3")
	send := func(packet string) {
		t.Helper()
		if err := c.Send([]byte(packet)); err != nil {
			t.Fatal(err)
		}
		s.post()
	}
	send(`2["a"]`)
	idle(c) // it was answered
	if since := c.Unsent(); since != 0 {
		t.Errorf("unsent since %v, and all was acknowledged", since)
	}
	stall := s.stallPosts()
	defer close(stall)
	before := Now()
	send(`2["b"]`)
	after := Now()
	if err := c.Send([]byte(`2["c"]`)); err != nil { // waits behind it
		t.Fatal(err)
	}
	c.Close()
	ends(t, done, ClientDisconnect)
	if since := c.Unsent(); since < before || since > after {
		t.Errorf("unsent since %v, sent between %v and %v", since, before, after)
	}
}

// A websocket that the peer does not read takes no more at some time.
func TestUnsentOverWebsocket(t *testing.T) {
	hold := make(chan struct{})
	url := session(t, 25000, 20000, func(*peer) { <-hold })
	defer close(hold)
	c := dial(t, &Config{URL: url, MaxQueue: 1 << 20})
	done := run(t, c, newHeard())
	if since := c.Unsent(); since != 0 {
		t.Errorf("unsent since %v, and nothing was sent", since)
	}
	before := Now()
	for packet := []byte(`2["` + strings.Repeat("x", 64<<10) + `"]`); c.Send(packet) == nil; {
	}
	after := Now()
	c.Close()
	ends(t, done, ClientDisconnect)
	if since := c.Unsent(); since < before || since > after {
		t.Errorf("unsent since %v, sent between %v and %v", since, before, after)
	}
}
