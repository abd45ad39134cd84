package session

import (
	"fmt"
	"testing"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/server/internal/frame"
)

// age has the last check of a WriteTimeout in which nothing was taken.
func age(s *Session) {
	s.mu.Lock()
	if s.stall != nil {
		s.stall.misses = checks
	}
	s.mu.Unlock()
	s.check()
}

func (s *Session) watched() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stall != nil
}

// A client that takes nothing is given up, however well it keeps its heartbeat.
func TestStalledOutboxEndsTheSession(t *testing.T) {
	for name, c := range map[string]struct{ websocket, keepWriter bool }{
		"websocket": {true, false}, "kept writer": {true, true}, "polling": {false, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := &pipe{take: func(int) int { return 0 }, blocked: make(chan struct{})}
			defer close(p.blocked)
			var conn Conn
			if c.websocket {
				conn = p
			}
			s, h := begin(t, conn, options{keepWriter: c.keepWriter})
			s.Send(text(1))
			s.Send(text(2))
			s.cfg.Clock.Advance(10 * s.cfg.WriteTimeout / checks) // the process was stopped: one check
			for range checks - 2 {
				_ = s.Receive(engineio.Packet{Type: engineio.Pong})
				s.cfg.Clock.Advance(s.cfg.WriteTimeout / checks)
			}
			if s.Ended() {
				t.Fatal("given up too early")
			}
			_ = s.Receive(engineio.Packet{Type: engineio.Pong})
			s.cfg.Clock.Advance(s.cfg.WriteTimeout / checks)
			if got := <-h.closed; got != SlowConsumer {
				t.Errorf("closed with %q", got)
			}
			if c.websocket && (p.cut != 1 || p.goodbyes != 0) {
				t.Errorf("cut %d times and greeted %d times", p.cut, p.goodbyes)
			}
		})
	}
}

// Whoever takes enough stays, however much waits, and goes when it takes less, if only by a byte.
func TestSlowReaderIsKept(t *testing.T) {
	p := &pipe{take: func(int) int { return 0 }, blocked: make(chan struct{})}
	defer close(p.blocked)
	s, h := begin(t, p, options{}) // with a WriteTimeout of a minute
	s.Send(frame.Packet(engineio.Packet{Type: engineio.Message, Data: make([]byte, 1<<20)}))
	for range 10 {
		s.Send(text(2)) // more and more waits
		p.progress.Add(60 * leastRate)
		age(s)
	}
	if s.Ended() {
		t.Fatal("who reads slowly was given up")
	}
	s.Send(new(frame.Builder).Frame([]byte("with attachments"), [][]byte{{1}, {2}}, false)) // three packets in one
	s.Send(new(frame.Builder).Frame([]byte("dropped"), nil, true))
	p.progress.Add(60*leastRate - 1) // a trickle
	age(s)
	if got := <-h.closed; got != SlowConsumer {
		t.Errorf("closed with %q", got)
	}
}

func TestPollsAreProgress(t *testing.T) {
	s, h := begin(t, nil, options{})
	for i := range 5 {
		s.Send(text(i))
		if out, err := s.StartPoll(&answers{}); len(out) != 1 || err != nil {
			t.Fatalf("polled %d frames, %v", len(out), err)
		}
		s.Send(text(i)) // waits for the next poll
		age(s)
		if out, err := s.StartPoll(&answers{}); len(out) != 1 || err != nil {
			t.Fatalf("round %d: polled %d frames, %v", i, len(out), err)
		}
	}
	s.Send(text(1))
	age(s)
	age(s)
	if got := <-h.closed; got != SlowConsumer {
		t.Errorf("closed with %q", got)
	}
}

// What goes out at once is not watched, and the watch over the rest ends with it.
func TestOnlyWhatWaitsIsWatched(t *testing.T) {
	p := &pipe{}
	s, _ := begin(t, p, options{})
	for i := range 100 {
		s.Send(text(i))
	}
	if s.watched() {
		t.Error("there is a watch, and nothing has waited")
	}
	p.take, p.blocked = func(n int) int { return n / 2 }, make(chan struct{})
	s.Send(text(1))
	if !s.watched() {
		t.Error("what waits is not watched")
	}
	close(p.blocked)
	s.WaitWriters()
	age(s)
	if s.watched() || s.Ended() {
		t.Errorf("nothing waits any more: watched %v, ended %v", s.watched(), s.Ended())
	}
}

// A stalled client of a session that the server has closed is not waited for either, and the reason
// stays the first one.
func TestStallWhileClosing(t *testing.T) {
	p := &pipe{take: func(int) int { return 0 }, blocked: make(chan struct{})}
	defer close(p.blocked)
	s, h := begin(t, p, options{})
	s.Send(text(1))
	s.Shut(ServerShutdown)
	select {
	case got := <-h.closed:
		t.Fatalf("closed with %q while something waits", got)
	default:
	}
	age(s)
	if got := fmt.Sprint(<-h.closed); got != string(ServerShutdown) {
		t.Errorf("closed with %q", got)
	}
}
