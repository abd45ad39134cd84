package session

import (
	"time"

	"github.com/throng-io/throng/server/internal/deadline"
)

// stall watches an outbox that is not empty. It is made with the first frame
// that has to wait, and gone when it finds nothing that waits: what goes out at
// once never meets it, and an outbox that fills and empties all the time arms
// one timer per look.
type stall struct {
	timer deadline.Entry
	taken uint64        // Session.taken, as of the last look
	since time.Duration // since epoch: the look that found it changed
}

// looks is how many looks make up a WriteTimeout: a session that is stalled ends
// so much of it late at most.
const looks = 4

// watch sees to it that what waits is taken in time; the lock is held.
func (s *Session) watch() {
	if s.stall != nil {
		return
	}
	s.stall = &stall{taken: s.taken(), since: time.Since(epoch)}
	s.stall.timer.Fire = s.look
	s.cfg.Clock.Arm(&s.stall.timer, s.cfg.WriteTimeout/looks)
}

// look runs on the clock's goroutine.
func (s *Session) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.stall
	switch {
	case s.state == closed:
		return
	case len(s.out) == 0 && !s.writing:
		s.stall = nil
		return
	}
	now := time.Since(epoch)
	if taken := s.taken(); taken != w.taken {
		w.taken, w.since = taken, now
	}
	switch {
	case now-w.since < s.cfg.WriteTimeout:
		s.cfg.Clock.Arm(&w.timer, s.cfg.WriteTimeout/looks)
	case s.state == closing:
		s.end(s.reason)
	default:
		s.end(SlowConsumer)
	}
}

// taken is a number that grows with what the peer takes; the lock is held.
func (s *Session) taken() uint64 {
	n := s.counts.BytesOut - uint64(s.outBytes)
	if s.conn != nil {
		n += s.conn.Progress()
	}
	return n
}
