package fanout

import (
	"sync"

	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/outlet"
)

// Handle is a member's place in one hub. Add makes it; it belongs to that hub.
type Handle struct {
	out    *outlet.Outlet // of the member
	id     string
	member Member

	// Guarded by the hub's lock: the state as of the last call.
	seats   seats
	removed bool

	// The following fields are used by the sharded hub only.
	shard *shard

	// mu lets a direct emit, which passes the shard's queue by, agree with the shard on whether the
	// member is there.
	mu    sync.Mutex
	state state

	// Owned by the goroutine that executes operations of the shard: the state that lags behind the
	// calls by the operations in the shard's queue.
	list int32  // the frames of the running round for it, see round
	home seat   // its place in the list of all members
	seen uint64 // the last broadcast that has dealt with this member
}

// newHandle returns a handle for m.
func newHandle(id string, m Member) *Handle {
	h := &Handle{id: id, member: m, out: m.Outlet()}
	h.home.h = h
	return h
}

type state uint8

const (
	arriving state = iota // Add has been called, its first frame is not delivered
	present
	gone
)

// ID returns the id that the member was added with.
func (h *Handle) ID() string { return h.id }

// Member returns the member.
func (h *Handle) Member() Member { return h.member }

// seat is the membership of one member in one part of a room.
type seat struct {
	h   *Handle
	in  *part
	pos int // index in in.list, or in the list of all for a home seat
}

// receiver is a member as a broadcast walks over it: what is sent needs the outlet only.
type receiver struct {
	out *outlet.Outlet
	h   *Handle
}

// send sends one frame at once.
func (r receiver) send(f *frame.Frame) { r.out.Deliver(outlet.Alone(f)) }

// receiver is the member in a list.
func (h *Handle) receiver() receiver { return receiver{h.out, h} }

// list holds members and adds and removes them in constant time: the last one moves into the gap.
// all is what broadcasts walk over; seats stands parallel to it, so that the one that moves can be
// informed.
type list struct {
	all   []receiver
	seats []*seat
}

func (l *list) add(s *seat) {
	s.pos = len(l.seats)
	l.all = append(l.all, s.h.receiver())
	l.seats = append(l.seats, s)
}

func (l *list) remove(s *seat) {
	last := len(l.seats) - 1
	moved := l.seats[last]
	l.seats[s.pos], l.all[s.pos] = moved, l.all[last]
	moved.pos = s.pos
	l.seats[last], l.all[last] = nil, receiver{}
	l.seats, l.all = l.seats[:last], l.all[:last]
}

// seats are the rooms that one member is in. Most members are in few, and these are found by
// looking at each; the map comes with the seat after indexedSeats.
type seats struct {
	all    []*seat
	byRoom map[*room]int
}

const indexedSeats = 16

// find returns the index of the seat in r, -1 if there is none.
func (s *seats) find(r *room) int {
	if s.byRoom != nil {
		if i, ok := s.byRoom[r]; ok {
			return i
		}
		return -1
	}
	for i, st := range s.all {
		if st.in.room == r {
			return i
		}
	}
	return -1
}

func (s *seats) add(st *seat) {
	s.all = append(s.all, st)
	switch {
	case s.byRoom != nil:
		s.byRoom[st.in.room] = len(s.all) - 1
	case len(s.all) > indexedSeats:
		s.byRoom = make(map[*room]int, 2*indexedSeats)
		for i, st := range s.all {
			s.byRoom[st.in.room] = i
		}
	}
}

func (s *seats) removeAt(i int) *seat {
	st, last := s.all[i], len(s.all)-1
	moved := s.all[last]
	s.all[i], s.all[last] = moved, nil
	s.all = s.all[:last]
	if s.byRoom != nil {
		s.byRoom[moved.in.room] = i
		delete(s.byRoom, st.in.room)
	}
	if last == 0 {
		*s = seats{}
	}
	return st
}
