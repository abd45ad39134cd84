package fanout

import (
	"sync"

	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/outlet"
)

// The limits of a round. More would make no write cheaper, but the joined bytes would no longer be
// in the cache when the last member gets them, and the members after the first would wait for
// longer.
const (
	roundBytes  = 64 << 10 // for one member; a frame of this size goes alone
	roundFrames = 256
	roundLists  = 4096 // different lists of frames, dead ones included
)

// round collects what several operations send, so that each member is written to once.
//
// As long as all of it goes to the same members of one list, as in one room, the frames are all
// that is noted. From the first that does not, the round needs one number per member: the list of
// frames that the member will get.
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
	now   bool
	rings *outlet.Rings // what it sends by, nil: one by one

	frames []*frame.Frame // one for each operation that sends
	full   bool

	common []receiver // not nil: all frames are for these but skip
	skip   *Handle
	bytes  int // of the frames

	nodes   []node
	touched []receiver // members on any node but 0
	live    int        // nodes with members

	picked  []receiver // the audience of the operation being executed
	sorted  []receiver
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

// newRound returns an empty round that sends by rings.
func newRound(rings *outlet.Rings) *round {
	r := rounds.Get().(*round)
	r.rings = rings
	return r
}

// release gives the round back without the pointers it holds and without what a rare large one has
// grown to.
func (r *round) release() {
	r.forget()
	r.rings = nil
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

// one is an audience of one member, valid until the next operation.
func (r *round) one(h *Handle) []receiver {
	r.forget()
	r.picked = append(r.picked, h.receiver())
	return r.picked
}

// deliver sends a batch to members except skip.
func (r *round) deliver(members []receiver, skip *Handle, b outlet.Batch) {
	many := r.rings.Many(len(members), b)
	for _, m := range members {
		if m.h != skip {
			many.Deliver(m.out)
		}
	}
	many.End()
}

// send sends f to members except skip, now or with the round. A list stays as it is until apart is
// called; other members are valid during the call.
func (r *round) send(f *frame.Frame, members []receiver, skip *Handle, list bool) {
	switch {
	case len(members) == 0:
		return
	case r.now:
		r.deliver(members, skip, outlet.Alone(f))
		return
	}
	if len(r.frames) == 0 && list {
		r.common, r.skip = members, skip
	}
	together := list && len(r.common) == len(members) && &r.common[0] == &members[0] && r.skip == skip
	if !together {
		r.apart()
	}
	r.frames = append(r.frames, f)
	r.bytes += len(f.Wire())
	r.full = r.full || len(r.frames) == roundFrames
	if together {
		r.full = r.full || r.bytes >= roundBytes
		return
	}
	r.push(members, skip, int32(len(r.frames)))
}

// apart begins to note for each member what it gets: the round is not for the same ones any more,
// or their list is about to change.
func (r *round) apart() {
	common := r.common
	r.common = nil
	if common == nil {
		return
	}
	for i := range r.frames {
		r.push(common, r.skip, int32(i+1))
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

// push moves members to the lists that have frame cur behind the ones they had.
func (r *round) push(members []receiver, skip *Handle, cur int32) {
	for _, m := range members {
		h := m.h
		if h == skip {
			continue
		}
		n := &r.nodes[h.list]
		if n.nextFor != cur {
			n = r.grow(h.list, cur)
		}
		if h.list == 0 {
			r.touched = append(r.touched, m)
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
	if r.common != nil {
		r.deliver(r.common, r.skip, r.join(r.frames))
	}
	members := r.touched
	if r.live > 1 {
		members = r.sort()
	}
	for len(members) > 0 {
		list := members[0].h.list
		n := int(r.nodes[list].members)
		for _, m := range members[:n] {
			m.h.list = 0
		}
		r.deliver(members[:n], nil, r.join(r.listed(list)))
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
	r.common, r.skip, r.bytes = nil, nil, 0
	r.live, r.full = 0, false
}

// sort returns the touched members with those on the same node side by side, by counting: next is
// no longer needed and becomes the place of a node's next member.
func (r *round) sort() []receiver {
	place := int32(0)
	for i := range r.nodes {
		n := &r.nodes[i]
		n.next = place
		place += n.members
	}
	if cap(r.sorted) < len(r.touched) {
		r.sorted = make([]receiver, cap(r.touched))
	}
	r.sorted = r.sorted[:len(r.touched)]
	for _, m := range r.touched {
		n := &r.nodes[m.h.list]
		r.sorted[n.next] = m
		n.next++
	}
	return r.sorted
}

// listed returns the frames of a list, valid until the next call.
func (r *round) listed(list int32) []*frame.Frame {
	n := &r.nodes[list]
	clear(r.pending)
	if cap(r.pending) < int(n.depth) {
		r.pending = make([]*frame.Frame, n.depth, roundFrames)
	}
	r.pending = r.pending[:n.depth]
	for i := n.depth - 1; i >= 0; i-- {
		r.pending[i] = r.frames[n.frame-1]
		n = &r.nodes[n.parent]
	}
	return r.pending
}

// join returns a batch of frames, valid until the next call.
func (r *round) join(frames []*frame.Frame) outlet.Batch {
	if len(frames) == 1 {
		return outlet.Alone(frames[0])
	}
	r.wire = r.wire[:0]
	for _, f := range frames {
		r.wire = append(r.wire, f.Wire()...)
	}
	return outlet.Join(frames, r.wire)
}
