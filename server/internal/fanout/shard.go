package fanout

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/outlet"
)

// maxSpare is how many operations the queue's second half keeps room for while nothing happens: 16
// KiB.
const maxSpare = 256

// shard owns some of the members: their lists, and the right to deliver broadcasts to them. Its
// operations are executed one after the other by the goroutine that has set busy: the shard's own
// or, when nothing waits, the caller itself. This goroutine never waits for anything, so a shard
// always gets on with its queue, and a caller that waits for room in it waits for work and not for
// a slow reader.
type shard struct {
	number  int
	members int // guarded by the lock of the index
	batched bool
	packets int // the limits of the queue
	bytes   int
	rings   *outlet.Rings

	// owed counts the operations that wait or are being executed by the goroutine. A closed shard
	// owes one for ever.
	owed atomic.Int64

	mu      sync.Mutex
	work    sync.Cond // the goroutine waits for operations
	space   sync.Cond // callers wait for the queue to shrink
	queue   []op
	spare   []op
	waiting struct{ packets, bytes int } // submitted and not delivered
	busy    bool
	closed  bool

	// Owned by the goroutine that has set busy.
	all  list
	cuts uint64 // counts the broadcasts that marked members, see Handle.seen
}

type opKind uint8

const (
	opAdd opKind = iota // the first four change lists
	opRemove
	opJoin
	opLeave
	opSettle // signals that everything before it has been delivered
	opOne    // to h
	opAll    // to all but h
	opPart   // to all of a part but h
	opCut    // to what a cut says but h
)

// op is one operation. For the last four kinds it is either a frame to send or a question who would
// get one; opSettle only answers.
type op struct {
	kind   opKind
	h      *Handle
	f      *frame.Frame
	part   *part
	seat   *seat
	cut    *cut
	gather *gather
	tally  *tally // of a broadcast that is measured
}

func (o *op) size() int {
	if o.f == nil {
		return 0
	}
	return len(o.f.Wire())
}

// weight is what an operation takes of the queue's limit in bytes: its frame, and the list of its
// audience, which may be longer.
func (o *op) weight() int {
	const target = 16 // bytes, see target
	if o.cut == nil {
		return o.size()
	}
	return o.size() + target*(len(o.cut.in)+len(o.cut.out))
}

func newShard(number int, opts Options, batched bool) *shard {
	s := &shard{number: number, batched: batched, packets: opts.QueuePackets, bytes: opts.QueueBytes, rings: opts.Rings}
	s.work.L, s.space.L = &s.mu, &s.mu
	return s
}

// submit puts o behind all operations submitted before. If inline is set and there are none, it
// returns mine, and the caller must call execute once it holds no lock; operations that others
// submit until then wait.
//
// The queue takes everything: a caller that holds a lock must not wait. A load above zero says that
// the queue is beyond its limits, and that the caller should wait afterwards. So a queue exceeds
// its limits by as many operations as there are concurrent callers and no more.
func (s *shard) submit(o *op, inline bool) (mine bool, load int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false, 0
	}
	if inline && !s.busy && len(s.queue) == 0 {
		s.busy = true
		return true, 0
	}
	s.owed.Add(1)
	s.queue = append(s.queue, *o)
	s.waiting.packets++
	s.waiting.bytes += o.weight()
	if !s.busy {
		s.work.Signal()
	}
	return false, s.load()
}

// load is zero within the limits of the queue, and beyond them the larger of the two excesses in
// per mille.
func (s *shard) load() int {
	p, b := s.waiting.packets, s.waiting.bytes
	if p <= s.packets && b <= s.bytes {
		return 0
	}
	return max(p*1000/s.packets, b*1000/s.bytes)
}

// wait returns when the queue is within its limits.
//
// Note: the emitter waits here, and a reading goroutine is often the emitter. Dropping would break
// the promise to all members of the shard for the haste of one sender, and a longer queue only
// delays more. A sender that waits does not read, and so its own connection slows it down.
func (s *shard) wait() {
	s.mu.Lock()
	for s.load() > 0 {
		s.space.Wait()
	}
	s.mu.Unlock()
}

// execute does what submit gave back to its caller.
func (s *shard) execute(o *op) {
	r := newRound(s.rings)
	r.now = true
	s.apply(o, r)
	r.release()
	s.mu.Lock()
	s.busy = false
	if len(s.queue) > 0 || s.closed {
		s.work.Signal()
	}
	s.mu.Unlock()
}

// run is the shard's goroutine. It returns when the shard is closed and its queue is empty.
func (s *shard) run() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for s.busy || len(s.queue) == 0 {
			if s.closed && !s.busy {
				return
			}
			s.work.Wait()
		}
		ops := s.queue
		s.queue, s.spare = s.spare, nil
		s.busy = true
		s.mu.Unlock()

		r := newRound(s.rings)
		s.drain(ops, r)
		r.release()
		clear(ops)

		s.mu.Lock()
		s.busy = false
		if s.spare = ops[:0]; cap(ops) > maxSpare {
			s.spare = nil
		}
	}
}

// drain executes ops: one by one, or in rounds. A round that has one operation needs no lists.
func (s *shard) drain(ops []op, r *round) {
	for len(ops) > 0 {
		n := 1
		if r.now = !s.batched || len(ops) == 1 || ops[0].alone(); r.now {
			s.apply(&ops[0], r)
		} else {
			for n = 0; n < len(ops) && !r.full && !ops[n].alone(); n++ {
				s.apply(&ops[n], r)
			}
			r.flush()
		}
		s.settle(ops[:n])
		ops = ops[n:]
	}
}

// alone reports whether o cannot be in a round with others.
func (o *op) alone() bool { return o.kind == opSettle || o.size() >= roundBytes }

// settle counts ops as delivered.
func (s *shard) settle(ops []op) {
	bytes := 0
	for i := range ops {
		bytes += ops[i].weight()
	}
	s.mu.Lock()
	full := s.load() > 0
	s.waiting.packets -= len(ops)
	s.waiting.bytes -= bytes
	if full && s.load() == 0 {
		s.space.Broadcast()
	}
	s.mu.Unlock()
	s.owed.Add(-int64(len(ops)))
}

// close lets the goroutine end when it has delivered its queue. The caller holds the lock of the
// index, so that no broadcast is submitted meanwhile.
func (s *shard) close() {
	s.mu.Lock()
	s.closed = true
	s.work.Signal()
	s.mu.Unlock()
	s.owed.Add(1)
}

// apply executes one operation; r says whether deliveries go out now or with the round.
func (s *shard) apply(o *op, r *round) {
	if o.kind <= opLeave {
		r.apart()
	}
	switch o.kind {
	case opJoin:
		o.seat.in.list.add(o.seat)
	case opLeave:
		o.seat.in.list.remove(o.seat)
	case opAdd:
		s.admit(o, r)
	case opRemove:
		s.dismiss(o, r)
	case opSettle:
		o.gather.missing.Done()
	default:
		members, skip := s.audience(o, r), o.h
		if o.kind == opOne {
			skip = nil
		}
		if o.gather != nil {
			o.gather.add(members, skip)
			return
		}
		r.send(o.f, members, skip, o.kind == opAll || o.kind == opPart)
		if o.tally != nil {
			n := len(members)
			if skip != nil && slices.Contains(members, skip.receiver()) {
				n--
			}
			r.measure(o.tally, n)
		}
	}
}

// admit delivers the first frame under the lock that a direct emit takes too. In a round it is only
// noted, but then this very operation is owed and no direct emit passes the queue by.
func (s *shard) admit(o *op, r *round) {
	h := o.h
	s.all.add(&h.home)
	h.mu.Lock()
	defer h.mu.Unlock()
	if o.f != nil {
		r.send(o.f, r.one(h), nil, false)
	}
	h.state = present
}

// dismiss takes h from all lists and waits for a direct emit that is on its way; the next one finds
// h gone. The frames that the running round holds for h come before last.
func (s *shard) dismiss(o *op, r *round) {
	h := o.h
	s.all.remove(&h.home)
	for _, st := range h.seats.all {
		st.in.list.remove(st)
	}
	h.seats = seats{} // nothing else uses them once h.removed is set
	h.mu.Lock()
	h.state = gone
	h.mu.Unlock()
	if o.f != nil {
		r.send(o.f, r.one(h), nil, false)
	}
}

// audience returns the members that o means, perhaps with o.h among them. The slice is valid until
// the next operation.
func (s *shard) audience(o *op, r *round) []receiver {
	switch o.kind {
	case opAll:
		return s.all.all
	case opPart:
		return o.part.list.all
	case opOne:
		if o.h.state == gone {
			return nil
		}
		return r.one(o.h)
	default:
		return s.pick(o.cut, r)
	}
}

// pick finds the members of a cut, each once: it marks the members that have been dealt with by the
// number of the cut, the excepted ones first.
func (s *shard) pick(c *cut, r *round) []receiver {
	s.cuts++
	r.forget()
	picked := r.picked
	for _, t := range c.out {
		for _, m := range t.members() {
			m.h.seen = s.cuts
		}
		if t.h != nil {
			t.h.seen = s.cuts
		}
	}
	fresh := func(members []receiver) {
		for _, m := range members {
			if m.h.seen != s.cuts {
				m.h.seen = s.cuts
				picked = append(picked, m)
			}
		}
	}
	if c.everyone {
		fresh(s.all.all)
	}
	for _, t := range c.in {
		fresh(t.members())
		if h := t.h; h != nil && h.seen != s.cuts && h.state != gone {
			h.seen = s.cuts
			picked = append(picked, h.receiver())
		}
	}
	r.picked = picked
	return picked
}

func (t target) members() []receiver {
	if t.part == nil {
		return nil
	}
	return t.part.list.all
}
