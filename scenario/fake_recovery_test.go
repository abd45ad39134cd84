package scenario

import (
	"slices"
	"strconv"

	"github.com/throng-io/throng/scenario/client"
)

// A fakeRecovery makes a fakeServer one with connection state recovery: a client that comes back
// with its session has the rooms that it had and gets what it missed. Guarded by the server's mu.
type fakeRecovery struct {
	// replay decides what a client that comes back is sent, of what it missed and of all that it
	// was ever sent. nil: what it missed, in order.
	replay func(missed, all []fakePacket) []fakePacket
	// refuse says which clients that come back are taken for new ones; nil: none.
	refuse func(was client.Session) bool
	// forgets makes it one that recovers clients without their rooms.
	forgets bool

	sessions map[string]*fakeSession
}

// A fakeSession is what the server keeps of a client, connected or not.
type fakeSession struct {
	conn *fakeConn // the last one
	log  []fakePacket
}

// welcome attaches a connection to a new session or to the session of a returning client.
func (r *fakeRecovery) welcome(c *fakeConn) (recovered bool) {
	if r.sessions == nil {
		r.sessions = map[string]*fakeSession{}
	}
	was := r.sessions[c.cfg.Recover.PID]
	if was == nil || r.refuse != nil && r.refuse(c.cfg.Recover) {
		delete(r.sessions, c.cfg.Recover.PID)
		c.session = client.Session{PID: "p" + strconv.Itoa(c.i)}
		c.kept = &fakeSession{conn: c}
		r.sessions[c.session.PID] = c.kept
		return false
	}
	c.kept, c.session = was, c.cfg.Recover
	if !r.forgets {
		c.rooms = was.conn.rooms
	}
	was.conn = c
	offset, _ := strconv.Atoi(c.session.Offset)
	missed := was.log[offset:]
	if r.replay != nil {
		missed = r.replay(missed, was.log)
	}
	for _, p := range missed {
		c.deliver(p)
	}
	return true
}

// keep notes a broadcast for a session, and returns the packet with its offset.
func (s *fakeSession) keep(text []byte) fakePacket {
	p := fakePacket{text: text, offset: len(s.log) + 1}
	s.log = append(s.log, p)
	return p
}

// miss keeps a broadcast for those that are away.
func (r *fakeRecovery) miss(s *fakeServer, text []byte, to func(*fakeConn) bool) {
	for _, kept := range r.sessions {
		if !s.has(kept.conn) && to(kept.conn) {
			kept.keep(text)
		}
	}
}

func (s *fakeServer) has(c *fakeConn) bool {
	return slices.Contains(s.conns, c)
}
