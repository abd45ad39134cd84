package session

import (
	"errors"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/server/internal/frame"
)

// heartbeat takes a ping or a pong.
func (s *Session) heartbeat(p engineio.Packet) error {
	st, three, err := s.received(p)
	switch {
	case err != nil || st == closing:
		return err
	case p.Type == engineio.Pong:
		return s.pong(three)
	}
	return s.ping(three)
}

var errHeartbeat = errors.New("invalid heartbeat direction: of revision 4 only the server pings, of 3 only the client")

// pong takes the answer to a ping.
func (s *Session) pong(three bool) error {
	if three {
		s.Close(TransportError)
		return errHeartbeat
	}
	s.alive()
	return nil
}

// ping answers a ping.
func (s *Session) ping(three bool) error {
	if !three {
		s.Close(TransportError)
		return errHeartbeat
	}
	s.Send(pongFrame)
	s.alive()
	return nil
}

// alive notes that the client lives. One of revision 4 is pinged next; one of revision 3 pings, and
// is given up when it has been silent for too long.
func (s *Session) alive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.awaitingPong, s.extended = false, false
	s.renew()
	next := s.cfg.PingInterval
	if s.form&frame.Revision3 != 0 {
		next += s.cfg.PingTimeout
	}
	if s.state == open { // else the timer is that of the end
		s.cfg.Clock.Arm(&s.timer, next)
	}
}

// renew notes that the client has just been heard of; the lock is held.
func (s *Session) renew() {
	s.expiry = s.cfg.Clock.Now() + s.cfg.PingInterval + s.cfg.PingTimeout
}

// The heartbeats of all sessions: of revision 4, and of revision 3.
var (
	pingFrame = frame.Packet(engineio.Packet{Type: engineio.Ping})
	pongFrame = frame.Packet(engineio.Packet{Type: engineio.Pong})
)

// onTimer runs on the clock's goroutine when the session's deadline has come.
func (s *Session) onTimer() {
	s.mu.Lock()
	st, reason, three := s.state, s.reason, s.form&frame.Revision3 != 0
	late := s.awaitingPong || three
	excused := st == open && late && s.excused()
	if excused {
		s.extended = false
		s.expiry = s.cfg.Clock.Now() + s.cfg.PingTimeout
	}
	s.awaitingPong = true
	ping := st == open && !three && (excused || !late)
	if ping {
		s.counts.PingsOut++
	}
	if st == open && (excused || !late) {
		s.cfg.Clock.Arm(&s.timer, s.cfg.PingTimeout)
	}
	s.mu.Unlock()
	switch {
	case st == closing:
		s.Close(reason) // the client never polled again
	case st == closed:
		s.mu.Lock()
		if s.lingering {
			s.endLinger(s.conn, errLate)
		}
		s.mu.Unlock()
	case late && !excused:
		s.Close(PingTimeout)
	}
	if ping {
		s.Send(pingFrame)
	}
}

// excused reports whether a sign of life may wait behind the handler: it is at work, and has not
// been given all that the client has sent, or what it works on is a post, whose answer the client
// must have before it can post a pong. The lock is held.
func (s *Session) excused() bool {
	if s.recv.TryLock() {
		s.recv.Unlock()
		return false
	}
	if s.conn == nil {
		return s.posting
	}
	return s.conn.Unread()
}
