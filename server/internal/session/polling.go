package session

import (
	"time"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/server/internal/frame"
)

var (
	noopFrame  = frame.Packet(engineio.Packet{Type: engineio.Noop})
	closeFrame = frame.Packet(engineio.Packet{Type: engineio.Close})
)

// Poll is a request that waits for its answer.
type Poll interface {
	// Answer is called once, with what StartPoll would have returned, unless LeavePoll is faster.
	// The slice is the caller's. It is called with the session locked, so it must neither block nor
	// call the session. It returns false if the client is known to have left.
	Answer(frames []*frame.Frame, err error) bool
}

// StartPoll begins a poll. Either it returns the answer at once, or it returns nothing and the poll
// is held: p gets the answer. A second poll while one is held closes the session and fails with
// ErrBusy. A poll that came while an upgrade was under way, and was overtaken by its end, fails
// with ErrUpgraded.
func (s *Session) StartPoll(p Poll) ([]*frame.Frame, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.state == closed:
		return nil, ErrClosed
	case s.conn != nil:
		return nil, ErrUpgraded // just now
	case s.poll != nil:
		s.end(TransportError)
		return nil, ErrBusy
	case len(s.out) > 0:
		// The close packet waits for the next poll: the official client acts on it at once, and on
		// packets before it only afterwards.
		out := s.out
		s.out, s.outBytes = nil, 0
		return out, nil
	case s.state == closing:
		// Nothing was held when the server closed the session: a noop answers the poll and the
		// close packet follows it.
		s.end(s.reason)
		return []*frame.Frame{noopFrame, closeFrame}, nil
	}
	s.poll, s.pollLate = p, s.probe != nil || s.upgrades > 0
	return nil, nil
}

// LeavePoll is called for a held poll whose client has left. The session is closed then, and its
// queue stays unsent rather than being written to nobody. It returns false if the answer has been
// faster.
func (s *Session) LeavePoll(p Poll) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.poll != p {
		return false
	}
	s.poll = nil
	s.end(TransportError)
	return true
}

// answer gives a held poll its answer; the lock is held.
func (s *Session) answer(frames []*frame.Frame, err error) {
	p := s.poll
	s.poll = nil
	if !p.Answer(frames, err) && s.conn == nil { // else it was to end the poll of a polling that is left
		s.end(TransportError)
	}
}

// release answers a poll that is held, although nothing is queued; the lock is held.
func (s *Session) release() {
	switch {
	case s.poll == nil:
	case s.state == closed && s.reason == TransportClose:
		s.answer(noopFrame.Alone(), nil) // the client has said so itself
	case s.state == closed:
		s.answer(closeFrame.Alone(), nil)
	case s.state == closing:
		s.end(s.reason) // comes here again
	case s.conn != nil && s.pollLate:
		s.answer(nil, ErrUpgraded)
	default:
		s.answer(noopFrame.Alone(), nil)
	}
}

// AwaitPoll waits until a poll is held, but no longer than d. A client that sends a close packet
// has sent a poll just before it, to be answered: on another connection, which may be a little
// slower. The milliseconds are counted: while this process is stopped, a poll that has come cannot
// be read.
func (s *Session) AwaitPoll(d time.Duration) {
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for range d / time.Millisecond {
		s.mu.Lock()
		wait := s.state == open && s.conn == nil && s.poll == nil
		s.mu.Unlock()
		if !wait {
			return
		}
		<-look.C
	}
}

// StartPost begins a post; FinishPost must follow. A second one meanwhile closes the session and
// fails with ErrBusy.
func (s *Session) StartPost() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.state == closed:
		return ErrClosed
	case s.conn != nil:
		return ErrUpgraded // just now
	case s.posting:
		s.end(TransportError)
		return ErrBusy
	}
	s.posting = true
	return nil
}

// FinishPost ends a post.
func (s *Session) FinishPost() {
	s.mu.Lock()
	s.posting = false
	s.mu.Unlock()
}

// UpgradeBegins notes that the connection of an upgrade is about to open: what the client sends
// from then on may come after the upgrade. Probe ends it, and UpgradeFailed does if there is
// nothing to probe.
func (s *Session) UpgradeBegins() {
	s.mu.Lock()
	s.upgrades++
	s.mu.Unlock()
}

// UpgradeFailed takes back an UpgradeBegins.
func (s *Session) UpgradeFailed() {
	s.mu.Lock()
	s.upgrades--
	s.mu.Unlock()
}

// Probe claims the session for an upgrade to c. It fails when the session is not on polling, is
// being upgraded already, or is closing.
func (s *Session) Probe(c Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.upgrades--
	if s.state != open || s.conn != nil || s.probe != nil {
		return false
	}
	s.probe, s.releasing = c, false
	return true
}

// Probed is called when the answer to c's probe has been sent. From then until the upgrade ends,
// held polls are answered with a noop, since the client waits for its poll to return before it
// completes the upgrade.
func (s *Session) Probed(c Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.probe == c && !s.releasing {
		s.releasing = true
		if !s.pollLate { // it may be meant to come after the upgrade
			s.release()
		}
		s.releasePolls(c, releaseFirst)
	}
}

// releasePolls sees to it that held polls are answered, next after wait; the lock is held.
func (s *Session) releasePolls(c Conn, wait time.Duration) {
	time.AfterFunc(wait, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.probe != c { // that of a later upgrade releases polls by itself
			return
		}
		s.release()
		s.releasePolls(c, min(2*wait, releaseLast))
	})
}

// ProbeLost gives the claim of c back.
func (s *Session) ProbeLost(c Conn) {
	s.mu.Lock()
	if s.probe == c {
		s.probe = nil
	}
	s.mu.Unlock()
}

// Upgraded moves the session to c, and with it everything that is queued.
func (s *Session) Upgraded(c Conn) bool {
	s.mu.Lock()
	if s.state == closed || s.probe != c {
		s.mu.Unlock()
		return false
	}
	s.probe = nil
	s.attach(c)
	s.release()
	if s.wake == nil {
		switch {
		case len(s.out) > 0:
			s.startFlusher()
		case s.state == closing:
			s.end(s.reason)
		}
	}
	alive := s.state == open
	s.mu.Unlock()
	// A ping that was sent over polling may have been lost with it: the upgrade itself proves that
	// the client is alive.
	if !alive {
		return true
	}
	s.alive()
	s.handler.Upgraded()
	return true
}
