package server

import (
	"slices"

	"github.com/throng-io/throng/server/internal/frame"
)

// The operations of a socket in middleware, before it is in its namespace. The hub does not know it
// yet: rooms wait in the connection's request, and events go to the session directly.

// joinEarly notes a room of a socket that waits for the middleware. It returns false for any other
// socket, and if there are too many.
func (s *Socket) joinEarly(room string) bool {
	if s.stage.Load() != joining {
		return false
	}
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	r := s.conn.joinRequest(s)
	switch {
	case s.stage.Load() != joining || r == nil: // just now
		return false
	case slices.Contains(r.rooms, room):
		return true
	case !s.reserve(room):
		return false
	}
	r.rooms = append(r.rooms, room)
	return true
}

// leaveEarly is the reverse. It returns false for a socket that waits for no middleware.
func (s *Socket) leaveEarly(room string) bool {
	if s.stage.Load() != joining {
		return false
	}
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	r := s.conn.joinRequest(s)
	if s.stage.Load() != joining || r == nil { // just now
		return false
	}
	if at := slices.Index(r.rooms, room); at >= 0 {
		r.rooms = slices.Delete(r.rooms, at, at+1)
		s.release(room)
	}
	return true
}

// earlyRooms returns the rooms so far of a socket that waits for the middleware, sorted.
func (s *Socket) earlyRooms() (rooms []string, some bool) {
	if s.stage.Load() != joining {
		return nil, false
	}
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	r := s.conn.joinRequest(s)
	if s.stage.Load() != joining || r == nil { // just now
		return nil, false
	}
	return slices.Sorted(slices.Values(r.rooms)), true
}

// enter makes s a member of the hub, in the rooms that it had before and in those that it joined in
// middleware. Namespace.tellRooms must follow. The connection's lock is held.
func (s *Socket) enter(before []string) {
	s.handle = s.ns.hub.Add(s.id, (*member)(s), s.connectPacket())
	early := s.conn.joinRequest(s).rooms
	s.stage.Store(inside)
	for _, room := range early {
		s.release(room) // those that it had before come first
	}
	for _, room := range slices.Concat(before, early) {
		if s.reserve(room) && !s.ns.joinQuietly(s, room) {
			s.release(room)
		}
	}
}

// emitEarly sends an event before the client's CONNECT is answered. The official client keeps it
// until then.
func (s *Socket) emitEarly(m message) error {
	if log := s.ns.local.log; log != nil {
		return log.sendBeforeJoin(s, &m)
	}
	var f *frame.Frame
	var err error
	if s.ns.recoverer != nil {
		f, err = s.ns.encodeWithOffset(&m, nil) // else the client takes its last argument for one
	} else {
		f, err = s.ns.encode(&m)
	}
	if err == nil {
		s.conn.session.Send(f)
	}
	return err
}

// refused ends a socket that does not join its namespace.
func (s *Socket) refused() {
	s.stage.Store(left)
	s.endContext()
	s.dropAcks()
}
