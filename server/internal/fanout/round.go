package fanout

import (
	"sync"

	"github.com/throng-io/throng/server/internal/frame"
)

// The limits of a round. More would make no write cheaper, but the joined bytes would no longer be
// in the cache when the last member gets them, and the members after the first would wait for
// longer.
const (
	roundBytes  = 64 << 10 // for one member; a frame of this size goes alone
	roundFrames = 256
	roundLists  = 4096 // different lists of frames, dead ones included
)

// round collects what several operations send, so that each member is written to once. It needs no
// memory per member but one number: the list of frames that the member will get.
//
// Lists are nodes of a tree. A node is one frame behind the list that is its parent, and node 0 is
// the empty list. Sending a frame moves each receiver from its node to the child that this frame
// makes of it; the first receiver to move from a node makes the child, the others find it there. So
// members that are to get the same frames are on the same node, however the broadcasts, rooms,
// exceptions and direct emits came about that led to it, and each node that has members at the end
// is joined once and written to all of them.
//
// The same type executes operations one by one when now is set. Rounds are pooled: an idle shard
// keeps none.
type round struct {
	now bool

	frames  []*frame.Frame // one for each operation that sends
	nodes   []node
	touched []*Handle // members on any node but 0
	live    int       // nodes with members
	full    bool

	picked  []*Handle // the audience of the operation being executed
	sorted  []*Handle
	pending []*frame.Frame // the frames of the node being delivered
	wire    []byte         // the same, joined

	measured []measured // broadcasts in this round
}

type node struct {
	parent  int32
	frame   int32 // index in frames, plus 1
	depth   int32 // number of frames
	bytes   int32
	members int32
	next    int32 // the child that frame nextFor has made
	nextFor int32
}

var rounds = sync.Pool{New: func() any { return &round{nodes: make([]node, 1, 64)} }}

// release gives the round back without the pointers it holds and without what a rare large one has
// grown to.
func (r *round) release() {
	r.forget()
	const most = 2048 // four shards of the default size
	if cap(r.picked) > most || cap(r.touched) > most || cap(r.nodes) > most || cap(r.wire) > 2*roundBytes {
		return
	}
	rounds.Put(r)
}

// forget empties picked, so that no pointer outlives its operation for long.
func (r *round) forget() {
	clear(r.picked)
	r.picked = r.picked[:0]
}

// send sends f to members except skip, now or with the round.
func (r *round) send(f *frame.Frame, members []*Handle, skip *Handle) {
	if r.now {
		frames, wire := f.Alone(), f.Wire()
		for _, h := range members {
			if h != skip {
				h.to.Deliver(frames, wire)
			}
		}
		return
	}
	r.frames = append(r.frames, f)
	r.full = r.full || len(r.frames) == roundFrames
	for _, h := range members {
		if h != skip {
			r.push(h)
		}
	}
}

// measure counts a broadcast as delivered, now or with the round.
func (r *round) measure(t *tally, members int) {
	if r.now {
		t.done(members)
		return
	}
	r.measured = append(r.measured, measured{t, members})
}

// push moves h to the list that has the newest frame behind the ones it had.
func (r *round) push(h *Handle) {
	cur := int32(len(r.frames))
	n := &r.nodes[h.list]
	if n.nextFor != cur {
		n = r.grow(h.list, cur)
	}
	if h.list == 0 {
		r.touched = append(r.touched, h)
	} else if n.members--; n.members == 0 {
		r.live--
	}
	h.list = n.next
	child := &r.nodes[n.next]
	if child.members == 0 {
		r.live++
	}
	child.members++
}

// grow makes the child of a node for frame cur and returns the node, which may have moved.
func (r *round) grow(parent, cur int32) *node {
	size := len(r.frames[cur-1].Wire())
	n := &r.nodes[parent]
	n.next, n.nextFor = int32(len(r.nodes)), cur
	r.nodes = append(r.nodes, node{parent: parent, frame: cur, depth: n.depth + 1, bytes: n.bytes + int32(size)})
	r.full = r.full || int(n.bytes)+size >= roundBytes || len(r.nodes) >= roundLists
	return &r.nodes[parent]
}

// flush delivers the round and empties it.
func (r *round) flush() {
	members := r.touched
	if r.live > 1 {
		members = r.sort()
	}
	for len(members) > 0 {
		list := members[0].list
		n := int(r.nodes[list].members)
		frames, wire := r.join(list)
		for _, h := range members[:n] {
			h.list = 0
			h.to.Deliver(frames, wire)
		}
		members = members[n:]
	}
	for _, m := range r.measured {
		m.tally.done(m.members)
	}
	clear(r.measured)
	r.measured = r.measured[:0]
	clear(r.frames)
	clear(r.touched)
	clear(r.sorted)
	clear(r.pending)
	r.frames, r.touched, r.sorted = r.frames[:0], r.touched[:0], r.sorted[:0]
	r.nodes = append(r.nodes[:0], node{})
	r.live, r.full = 0, false
}

// sort returns the touched members with those on the same node side by side, by counting: next is
// no longer needed and becomes the place of a node's next member.
func (r *round) sort() []*Handle {
	place := int32(0)
	for i := range r.nodes {
		n := &r.nodes[i]
		n.next = place
		place += n.members
	}
	if cap(r.sorted) < len(r.touched) {
		r.sorted = make([]*Handle, cap(r.touched))
	}
	r.sorted = r.sorted[:len(r.touched)]
	for _, h := range r.touched {
		n := &r.nodes[h.list]
		r.sorted[n.next] = h
		n.next++
	}
	return r.sorted
}

// join returns the frames of a list and their bytes in one piece.
func (r *round) join(list int32) ([]*frame.Frame, []byte) {
	n := &r.nodes[list]
	if n.depth == 1 {
		f := r.frames[n.frame-1]
		return f.Alone(), f.Wire()
	}
	clear(r.pending)
	if cap(r.pending) < int(n.depth) {
		r.pending = make([]*frame.Frame, n.depth, roundFrames)
	}
	r.pending = r.pending[:n.depth]
	for i := n.depth - 1; i >= 0; i-- {
		r.pending[i] = r.frames[n.frame-1]
		n = &r.nodes[n.parent]
	}
	r.wire = r.wire[:0]
	for _, f := range r.pending {
		r.wire = append(r.wire, f.Wire()...)
	}
	return r.pending, r.wire
}
