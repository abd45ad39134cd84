package session

import (
	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/server/internal/frame"
)

// Receive takes a packet that the client sent. p.Data is valid during the call.
func (s *Session) Receive(p engineio.Packet) error {
	if p.Type == engineio.Pong || p.Type == engineio.Ping { // which need not wait for the handler
		return s.heartbeat(p)
	}
	s.recv.Lock()
	defer s.recv.Unlock()
	st, _, err := s.received(p)
	if err != nil || st == closing && p.Type != engineio.Close {
		return err
	}
	switch p.Type {
	case engineio.Message:
		if err := s.handler.Message(p.Data, p.Binary); err != nil {
			s.Shut(ForcedClose)
			return err
		}
	case engineio.Close:
		s.Close(TransportClose)
		return ErrClosed
	case engineio.Open, engineio.Ping, engineio.Pong, engineio.Upgrade, engineio.Noop:
		// Meaningless on an open session; the official server ignores them too.
	}
	return nil
}

// received counts a packet. It returns the state of the session, and whether the client speaks
// revision 3.
func (s *Session) received(p engineio.Packet) (st state, three bool, err error) {
	s.mu.Look()
	st, three = s.state, s.form&frame.Revision3 != 0
	if st == closed {
		s.mu.Unlock()
		return st, three, ErrClosed
	}
	s.counts.received(1 + len(p.Data))
	if p.Type == engineio.Pong {
		s.counts.PongsIn++
	}
	// A client that is busy sending something large cannot answer a ping, yet it is alive. Once per
	// ping, any packet buys it another timeout.
	extend := st == open && s.awaitingPong && !s.extended && p.Type != engineio.Pong
	s.extended = s.extended || extend
	if extend {
		s.expiry = s.cfg.Clock.Now() + s.cfg.PingTimeout
		s.cfg.Clock.Arm(&s.timer, s.cfg.PingTimeout)
	}
	s.mu.Unlock()
	return st, three, nil
}

// PeerLeft is called when the stream of c has come to its end, perhaps before its reader is there:
// what has come is still received.
func (s *Session) PeerLeft(c Conn) {
	s.mu.Lock()
	carries := s.conn == c && s.state != closed
	s.mu.Unlock()
	if carries {
		s.handler.Over()
	}
}

// Do calls f on a goroutine of its own, when the handler is not at work.
func (s *Session) Do(f func()) {
	s.spawn(func() { s.Exclusive(f) })
}

// Exclusive calls f when the handler is not at work. The handler must not call it.
func (s *Session) Exclusive(f func()) {
	s.recv.Lock()
	defer s.recv.Unlock()
	f()
}
