package fanout

import "sync"

// index knows the members of a hub and its rooms, as of the last call. A hub embeds it and holds
// its lock around the calls that change it; the queries lock for themselves. Neither rooms nor maps
// exist before they are needed, and an empty room is deleted at once.
type index struct {
	mu      sync.RWMutex
	ids     map[string]*Handle
	rooms   map[string]*room
	members int
	closed  bool
}

// room is a room that has members. Its parts show a broadcast which shards to ask; hubs without
// shards keep one part.
type room struct {
	name  string
	size  int
	parts []*part
}

// part is what one shard holds of a room. size is guarded by the hub's lock and counts the calls;
// the list belongs to the shard and follows through its queue. A part that has become empty is
// taken from its room and never used again: a later member gets a new one, and operations that
// still wait for the old one find its list as it was at their turn.
type part struct {
	room  *room
	shard *shard
	size  int
	list  list
}

func (x *index) add(h *Handle) {
	if x.ids == nil {
		x.ids = make(map[string]*Handle)
	}
	x.ids[h.id] = h
	x.members++
}

// drop forgets a member; its seats remain in h for the lists to be cleared.
func (x *index) drop(h *Handle) {
	h.removed = true
	x.members--
	if x.ids[h.id] == h { // another one may have come with the same id
		delete(x.ids, h.id)
	}
	for _, st := range h.seats.all {
		x.vacate(st.in)
	}
}

// join makes a seat for h in a room, which its list has yet to get. It returns nil if there is
// nothing to do.
func (x *index) join(h *Handle, name string, s *shard) *seat {
	if x.closed || h.removed || name == h.id {
		return nil
	}
	r := x.rooms[name]
	switch {
	case r == nil:
		if x.rooms == nil {
			x.rooms = make(map[string]*room)
		}
		r = &room{name: name}
		x.rooms[name] = r
	case h.seats.find(r) >= 0:
		return nil
	}
	p := r.part(s)
	p.size++
	r.size++
	st := &seat{h: h, in: p}
	h.seats.add(st)
	return st
}

// leave takes the seat of h in a room away and returns it, for its list to be cleared; nil if h is
// not there.
func (x *index) leave(h *Handle, name string) *seat {
	if x.closed || h.removed {
		return nil
	}
	r := x.rooms[name]
	if r == nil {
		return nil
	}
	i := h.seats.find(r)
	if i < 0 {
		return nil
	}
	st := h.seats.removeAt(i)
	x.vacate(st.in)
	return st
}

// vacate counts one member less in p and its room.
func (x *index) vacate(p *part) {
	r := p.room
	r.size--
	p.size--
	if p.size > 0 {
		return
	}
	for i, q := range r.parts {
		if q == p {
			last := len(r.parts) - 1
			r.parts[i], r.parts[last] = r.parts[last], nil
			r.parts = r.parts[:last]
			break
		}
	}
	if r.size == 0 {
		delete(x.rooms, r.name)
	}
}

// part returns the part of r that is with s, a new one if need be.
func (r *room) part(s *shard) *part {
	for _, p := range r.parts {
		if p.shard == s {
			return p
		}
	}
	p := &part{room: r, shard: s}
	r.parts = append(r.parts, p)
	return p
}

// Rooms lists the rooms of a member in no order, its own id not among them.
func (x *index) Rooms(h *Handle) []string {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if h.removed || len(h.seats.all) == 0 {
		return nil
	}
	names := make([]string, len(h.seats.all))
	for i, st := range h.seats.all {
		names[i] = st.in.room.name
	}
	return names
}

// Sizes calls fn for each room with the number of its members, in no order.
func (x *index) Sizes(fn func(room string, members int)) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for name, r := range x.rooms {
		fn(name, r.size)
	}
}

// Size counts the members of a room; for an id, the member itself is one.
func (x *index) Size(name string) int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	n := 0
	if x.ids[name] != nil {
		n = 1
	}
	if r := x.rooms[name]; r != nil {
		n += r.size
	}
	return n
}

// Len counts the members.
func (x *index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.members
}

// Lookup returns the member with an id, nil if there is none.
func (x *index) Lookup(id string) *Handle {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.ids[id]
}
