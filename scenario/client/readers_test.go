package client

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// What holds of a client that Readers read holds of one with a goroutine of its own.
func TestOwnGoroutines(t *testing.T) {
	ownGoroutines = true
	defer func() { ownGoroutines = false }()
	for name, test := range map[string]func(*testing.T){
		"early": TestEarlyEvents, "bytes": TestReceiveByteByByte, "burst": TestReceiveBurst, "fragments": TestReceiveFragments,
		"broken": TestBrokenFrames, "parse": TestReceiveParseErrors, "ends": TestSessionEnds, "heartbeat": TestHeartbeat,
		"order": TestSendOrder, "backpressure": TestBackpressure, "blocked": TestCloseWhileBlocked, "vanish": TestVanish,
	} {
		t.Run(name, test)
	}
}

// onePlace is Readers.Place as a runner has it.
func onePlace() func() {
	placesMu.Lock()
	defer placesMu.Unlock()
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1)
	return func() {
		placesMu.Lock()
		defer placesMu.Unlock()
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) - 1)
	}
}

var placesMu sync.Mutex

// Clients come and go beside one another while each is sent numbered events, and each ends in one
// of the ways that there are: each gets its own events in order, no call comes after the end, and
// the end comes once.
func TestReadersChurn(t *testing.T) {
	const lives, events = 400, 20
	url := session(t, 25000, 20000, func(p *peer) {
		for i := range events {
			p.put(text(fmt.Sprintf(`42["n",%d]`, i)))
		}
		if first, _, err := p.clientFrame(); err == nil && first != 0x88 { // as soon as it has all
			p.put(frame(0x88, "\x03\xe9"))
		}
		p.slurp()
	})
	readers := &Readers{Place: onePlace}
	defer readers.Close()
	var all sync.WaitGroup
	defer all.Wait()
	for lane := range 8 {
		all.Go(func() {
			for i := range lives / 8 {
				c, err := Dial(context.Background(), &Config{URL: url})
				if err != nil {
					t.Error(err)
					return
				}
				h := &numbers{c: c, how: (lane + i) % 4, of: events, all: make(chan struct{})}
				ended := make(chan error, 2)
				readers.Run(c, h, func(err error) {
					h.ended.Store(true)
					ended <- err
				})
				<-h.all
				if h.how == 3 {
					c.Vanish()
				}
				if err := <-ended; err == nil {
					t.Error("a session has ended without a reason")
				}
				c.CloseVanished()
				if err := c.Send([]byte(`2["late"]`)); err == nil {
					t.Error("an ended client sends")
				}
				if len(ended) > 0 || h.wrong.Load() {
					t.Errorf("it has ended %d times more; wrong events or calls after the end: %v", len(ended), h.wrong.Load())
				}
			}
		})
	}
}

// numbers is a handler that expects numbered events, and ends the session after the last.
type numbers struct {
	c            *Client
	how, of, got int
	all          chan struct{}
	ended, wrong atomic.Bool
}

func (h *numbers) Event(m *Message) {
	if h.ended.Load() || string(m.Args) != fmt.Sprint(h.got) {
		h.wrong.Store(true)
	}
	if h.got++; h.got < h.of {
		return
	}
	defer close(h.all)
	switch h.how {
	case 0: // the server ends it
		_ = h.c.Send([]byte(`2["done"]`))
	case 1:
		_ = h.c.Close()
	case 2:
		h.c.Cut()
	}
}

func (h *numbers) Ack(*Message) {}

// A client whose server has fallen silent is called for at its deadline and not before, though the
// deadline has been moved; one whose server pings stays.
func TestReadersPingTimeout(t *testing.T) {
	// On a busy machine a short time may be over before the client has read a ping that came.
	for interval, timeout := 120, 60; !noticesSilence(t, interval, timeout); interval, timeout = 4*interval, 4*timeout {
		if interval > 10_000 {
			t.Fatal("it ends while the server pings")
		}
	}
}

// noticesSilence returns false when the client gave up a server that still sent its pings.
func noticesSilence(t *testing.T, interval, timeout int) bool {
	t.Helper()
	silent := make(chan struct{})
	url := session(t, interval, timeout, func(p *peer) {
		for range 5 {
			p.put(text("2"))
			if _, pong, err := p.clientFrame(); err != nil || pong != "3" {
				return
			}
		}
		close(silent)
		p.slurp()
	})
	c := dial(t, &Config{URL: url})
	ended := run(t, c, newHeard())
	select {
	case <-silent:
	case err := <-ended:
		t.Logf("with a ping each %d ms and %d ms to miss one: %v", interval, timeout, err)
		return false
	}
	began := Now()
	ends(t, ended, PingTimeout)
	if waited, all := Now()-began, time.Duration(interval+timeout)*time.Millisecond; waited < all/2 {
		t.Errorf("it gave the server up %v after its last ping", waited)
	}
	return true
}
