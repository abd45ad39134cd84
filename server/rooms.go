package server

import "sync"

// RoomHooks are called when rooms change. A room exists while it has members; the rooms that
// sockets have by their ids are left out. A nil hook is none.
//
// The hooks of one namespace run one at a time, in the order of the changes, on the goroutine that
// makes a change or on one that made an earlier one; they may make changes themselves. With them,
// changes of rooms wait for each other, which is why they must not block.
type RoomHooks struct {
	Create func(room string)
	Join   func(room string, s *Socket)
	Leave  func(room string, s *Socket)
	Delete func(room string)
}

// OnRooms adds hooks.
func (n *Namespace) OnRooms(h RoomHooks) {
	n.change(func(all *handlers) { all.rooms = with(all.rooms, h) })
}

// roomLog brings the changes of rooms into an order and reports them in it.
type roomLog struct {
	change sync.Mutex // held for one change of the hub and the noting of it

	mu      sync.Mutex
	pending []roomChange
	telling bool
}

type roomChange struct {
	room  string
	s     *Socket // that joined or left; nil: the room itself
	in    bool    // created or joined, else left or deleted
	hooks []RoomHooks
}

// join puts s into a room and reports whether it was not there before.
func (n *Namespace) join(s *Socket, room string) bool {
	fresh := n.joinQuietly(s, room)
	if fresh {
		n.tellRooms()
	}
	return fresh
}

// joinQuietly is join without the hooks: tellRooms must follow.
func (n *Namespace) joinQuietly(s *Socket, room string) bool {
	hooks := n.handlers.Load().rooms
	if len(hooks) == 0 {
		return n.hub.Join(s.handle, room)
	}
	n.roomLog.change.Lock()
	defer n.roomLog.change.Unlock()
	fresh := n.hub.Join(s.handle, room)
	if fresh {
		if n.others(room) == 1 {
			n.roomLog.note(roomChange{room: room, in: true, hooks: hooks})
		}
		n.roomLog.note(roomChange{room: room, s: s, in: true, hooks: hooks})
	}
	return fresh
}

// others counts the members of a room without the socket that has its name for an id.
func (n *Namespace) others(room string) int {
	members := n.hub.Size(room)
	if n.hub.Lookup(room) != nil {
		members--
	}
	return members
}

// leave takes s out of a room and reports whether it was there.
func (n *Namespace) leave(s *Socket, room string) bool {
	hooks := n.handlers.Load().rooms
	if len(hooks) == 0 {
		return n.hub.Leave(s.handle, room)
	}
	n.roomLog.change.Lock()
	was := n.hub.Leave(s.handle, room)
	if was {
		n.noteLeft(s, room, hooks)
	}
	n.roomLog.change.Unlock()
	n.tellRooms()
	return was
}

func (n *Namespace) noteLeft(s *Socket, room string, hooks []RoomHooks) {
	n.roomLog.note(roomChange{room: room, s: s, hooks: hooks})
	if n.others(room) == 0 {
		n.roomLog.note(roomChange{room: room, hooks: hooks})
	}
}

// remove calls out, which takes s out of the hub.
func (n *Namespace) remove(s *Socket, out func()) {
	hooks := n.handlers.Load().rooms
	if len(hooks) == 0 {
		out()
		return
	}
	n.roomLog.change.Lock()
	rooms := n.hub.Rooms(s.handle)
	out()
	for _, room := range rooms {
		n.noteLeft(s, room, hooks)
	}
	n.roomLog.change.Unlock()
	n.tellRooms()
}

func (l *roomLog) note(c roomChange) {
	l.mu.Lock()
	l.pending = append(l.pending, c)
	l.mu.Unlock()
}

// tellRooms calls the hooks for what has been noted, unless another goroutine is at it, or this one
// further up its stack: that one then goes on.
func (n *Namespace) tellRooms() {
	if len(n.handlers.Load().rooms) == 0 {
		return
	}
	l := &n.roomLog
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.telling {
		return
	}
	l.telling = true
	for len(l.pending) > 0 {
		changes := l.pending
		l.pending = nil
		l.mu.Unlock()
		for _, c := range changes {
			for _, h := range c.hooks {
				_ = n.server.guard(func() { c.tell(h) })
			}
		}
		l.mu.Lock()
	}
	l.telling = false
}

func (c roomChange) tell(h RoomHooks) {
	switch {
	case c.s != nil && c.in && h.Join != nil:
		h.Join(c.room, c.s)
	case c.s != nil && !c.in && h.Leave != nil:
		h.Leave(c.room, c.s)
	case c.s == nil && c.in && h.Create != nil:
		h.Create(c.room)
	case c.s == nil && !c.in && h.Delete != nil:
		h.Delete(c.room)
	}
}

// reserve counts a room that s is about to join, and returns false beyond the limits. The caller
// must call release if s was in the room before.
func (s *Socket) reserve(room string) bool {
	opts, size := &s.ns.server.opts, int64(len(room))
	if size > int64(opts.Limits.MaxRoomName) {
		return false
	}
	number, bytes := s.rooms.Add(1), s.roomBytes.Add(size)
	if number > int64(opts.Limits.MaxRooms) || bytes > int64(opts.Limits.MaxRoomBytes) {
		s.release(room)
		return false
	}
	return true
}

// release takes one call of reserve back.
func (s *Socket) release(room string) {
	s.rooms.Add(-1)
	s.roomBytes.Add(-int64(len(room)))
}
