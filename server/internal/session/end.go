package session

import (
	"errors"
	"time"
)

// pollingGrace is how long a session that the server has closed waits for the client's next poll,
// to send a close packet (closeTimeout, a constant of the official server).
const pollingGrace = 30 * time.Second

// refusalGrace is how long the client of a refused post has to read the refusal and give its held
// poll up. An answer to that poll would overtake the refusal: the official client acts on a close
// packet at once, on the status of a post a millisecond later, and would take the refusal
// ("transport error") for an ordinary end ("transport close").
const refusalGrace = time.Second

// lingerTime is how long the queue, and a write that is under way, may still take after the end of
// a session.
const lingerTime = 2 * time.Second

// Close ends the session at once. The queue of a Conn is still written, as far as the peer takes it
// within lingerTime: on a stream everything is queued, and packets that were sent before the end
// would get lost. It is dropped when the peer is gone or too slow (PingTimeout, SlowConsumer), and
// with ServerShutdown, which follows a Shut.
func (s *Session) Close(reason Reason) {
	s.mu.Lock()
	s.end(reason)
	s.mu.Unlock()
}

// Shut ends the session when its queue has gone out. A poll that is held is answered, and so is the
// next one when none is held.
func (s *Session) Shut(reason Reason) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != open {
		return
	}
	s.state, s.reason = closing, reason
	switch {
	case s.handler == nil: // see Open
	case s.conn == nil && reason == ServerShutdown && len(s.out) == 0 && s.poll == nil:
		s.end(reason) // no poll waits, and nothing would be lost
	case s.conn == nil:
		s.cfg.Clock.Arm(&s.timer, pollingGrace)
		s.release()
	case s.wake != nil:
		s.wake.Signal()
	case !s.flushing && len(s.out) == 0:
		s.end(reason)
	}
}

// Abandon ends a new session whose connection has not come about, in place of Open: its handler
// hears of the end alone.
func (s *Session) Abandon(h Handler) {
	s.Close(TransportError)
	s.Open(h, nil, nil)
}

// PollingBroke ends the session with TransportError: a connection of its polls has broken, with an
// answer that nobody reads. One that has left polling goes on without those connections.
func (s *Session) PollingBroke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == nil {
		s.end(TransportError)
	}
}

// Refuse ends the session with TransportError, after a post that is refused: at once, or, if a poll
// is held, when its client leaves it, at the latest after refusalGrace. The session takes nothing
// meanwhile. One that has left polling goes on, as with PollingBroke.
func (s *Session) Refuse() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != open || s.conn != nil {
		return
	}
	if s.poll == nil {
		s.end(TransportError)
		return
	}
	s.state, s.reason = closing, TransportError
	s.cfg.Clock.Arm(&s.timer, refusalGrace)
}

// end closes the session; the lock is held.
func (s *Session) end(reason Reason) {
	if s.state == closed || s.handler == nil { // Open will end what is not open yet
		if s.state == open {
			s.state, s.reason = closing, reason
		}
		return
	}
	// A slow consumer would read a goodbye only after all the rest.
	whole := s.head == 0 && !s.writing && reason != SlowConsumer
	urgent := reason == PingTimeout || reason == SlowConsumer || reason == ServerShutdown
	s.lingering = s.conn != nil && !urgent && (s.writing || len(s.out) > 0)
	s.state, s.reason = closed, reason
	if !s.lingering {
		s.drop()
	}
	s.cfg.Clock.Disarm(&s.timer)
	if s.stall != nil {
		s.cfg.Clock.Disarm(&s.stall.timer)
	}
	if s.wake != nil {
		s.wake.Signal()
	}
	s.release()
	switch {
	case s.conn == nil:
	case s.lingering: // flush says goodbye
		s.cfg.Clock.Arm(&s.timer, lingerTime)
	case whole:
		s.conn.Goodbye()
	default: // a message that is written in part leaves no place for a close frame
		s.conn.Interrupt()
	}
	if s.probe != nil {
		s.probe.Interrupt()
		s.probe = nil
	}
	go func() {
		s.handler.Over()
		s.recv.Lock() // a handler may still be at work
		if s.cfg.Ending != nil {
			s.cfg.Ending(s, reason)
		}
		s.handler.Closed(reason)
		if s.cfg.Gone != nil {
			s.cfg.Gone()
		}
		s.recv.Unlock()
		s.mu.Lock()
		if s.finished = true; s.ended != nil {
			close(s.ended)
		}
		s.mu.Unlock()
	}()
}

// drop empties the outbox; the lock is held.
func (s *Session) drop() { s.out, s.head, s.outBytes = nil, 0, 0 }

var errLate = errors.New("the peer does not take what is queued")

// endLinger ends what end has left to the flusher: with a goodbye if all has been written, else by
// force. The lock is held.
func (s *Session) endLinger(c Conn, err error) {
	s.lingering = false
	s.drop()
	s.cfg.Clock.Disarm(&s.timer)
	if err == nil {
		c.Goodbye()
	} else {
		c.Interrupt()
	}
}

// IsOpen reports whether neither side has ended the session, as far as is known.
func (s *Session) IsOpen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == open
}

// Ended reports whether the session takes and gives nothing any more. A session whose heartbeat is
// overdue has ended: the clock ends it a little later, but a caller must not see it as alive before
// that.
func (s *Session) Ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == open && s.cfg.Clock.Now() >= s.expiry && !s.excused() {
		s.end(PingTimeout)
	}
	return s.state == closed
}
