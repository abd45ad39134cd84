package session

import (
	"github.com/throng-io/throng/server/internal/deadline"
)

// stall watches an outbox that is not empty. It is made with the first frame that has to wait, and
// gone when it finds nothing that waits: what goes out at once never meets it, and an outbox that
// fills and empties all the time arms one timer per check.
type stall struct {
	timer  deadline.Entry
	goal   int64 // what Session.taken must come to
	misses int   // checks since the goal was set that found less
}

// checks is how many checks make up a WriteTimeout: a session that is stalled ends so much of it
// late at most. They are counted, as time also passes while this process, or its machine, is
// stopped: clients must not pay for that.
const checks = 4

// leastRate is how many bytes a second the peer must take of the outbox, or all of it if that is
// less: a client that reads a byte now and then would keep it for good. To ask for the oldest frame
// within the WriteTimeout would be wrong: it may be long.
const leastRate = 256

// watch starts the watch over the outbox unless it runs; the lock is held.
func (s *Session) watch() {
	if s.stall != nil {
		return
	}
	s.stall = &stall{}
	s.setGoal(s.taken())
	s.stall.timer.Fire = s.check
	s.cfg.Clock.Arm(&s.stall.timer, s.cfg.WriteTimeout/checks)
}

// setGoal sets what taken must come to in the next WriteTimeout; the lock is held.
func (s *Session) setGoal(taken int64) {
	enough := int(leastRate * s.cfg.WriteTimeout.Seconds())
	s.stall.goal = taken + int64(max(1, min(enough, s.outBytes)))
	s.stall.misses = 0
}

// check runs on the clock's goroutine.
func (s *Session) check() {
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
	w.misses++
	if taken := s.taken(); taken >= w.goal {
		s.setGoal(taken)
	}
	switch {
	case w.misses < checks:
		s.cfg.Clock.Arm(&w.timer, s.cfg.WriteTimeout/checks)
	case s.state == closing:
		s.end(s.reason)
	default:
		s.end(SlowConsumer)
	}
}

// taken is a number that grows with what the peer takes; the lock is held. It is below 0 at first
// where something goes out that is not counted, see frame.Behind.
func (s *Session) taken() int64 {
	n := int64(s.counted().BytesOut) - int64(s.outBytes)
	if s.conn != nil {
		n += int64(s.conn.Progress())
	}
	return n
}
