package network

import (
	"math/rand/v2"
	"time"
)

// A fate is what became of a packet.
type fate int

const (
	passed   fate = iota
	lost          // by Way.Loss
	full          // no room in the queue of its client's line
	outage        // its client had no network
	stale         // its client has another address by now
	overflow      // more packets were on their way than are kept
	fates
)

// A lane decides when the packets of one direction arrive, if at all. It knows no packets, only
// their clients and sizes. One goroutine uses it.
type lane struct {
	flows []flow // by client
}

// A flow is one direction of a client's line. Times are nanoseconds since the start of the network.
type flow struct {
	draws rand.PCG // of this flow alone: its n-th packet meets the same in each run
	free  int64    // when the line has sent all that waits for its rate
	last  int64    // when the packet before arrives
	// the packet before is on its way in order, so that the time from it to the next can be told
	whole bool
	// the packet that was passed last waited for the one before it, and both are on their way
	follows bool
}

// newLane makes the lane of a direction. All draws follow from the seed.
func newLane(clients int, seed, direction uint64) *lane {
	l := &lane{flows: make([]flow, clients)}
	for i := range l.flows {
		l.flows[i].draws.Seed(seed, direction<<32|uint64(i))
	}
	return l
}

// unit draws from 0 to 1.
func (f *flow) unit() float64 { return float64(f.draws.Uint64()>>11) / (1 << 53) }

// pass decides on a packet that a client sends, or is sent, now: when it arrives, and whether it
// overtakes others. Its size is in bytes. asked is what the condition adds.
func (l *lane) pass(client, size int, now int64, w *Way) (due int64, overtakes bool, is fate) {
	f := &l.flows[client]
	// Three draws for every packet, so that one setting does not change what another draws.
	drop, vary, swap := f.unit(), f.unit(), f.unit()
	due, f.follows = now, false
	waited := false
	if w.Rate > 0 {
		start := max(now, f.free)
		waited = start > now
		limit := w.Queue
		if limit == 0 {
			limit = DefaultQueue
		}
		waits := float64(start-now) * float64(w.Rate) / 1e9
		if start > now && waits+float64(size) > float64(limit) {
			return 0, false, full
		}
		due = start + int64(float64(size)*1e9/float64(w.Rate))
		f.free = due
	}
	before := f.whole
	f.whole = false
	if drop < w.Loss {
		return 0, false, lost
	}
	if w.Delay > 0 && swap < w.Reorder {
		return due, true, passed
	}
	f.whole, f.follows = true, before && waited
	due += int64(w.Delay) + int64((2*vary-1)*float64(min(w.Jitter, w.Delay)))
	f.last = max(due, f.last)
	return f.last, false, passed
}

// waiting are packets on their way, the next one first: a heap by the time of their arrival, and by
// number where that is the same.
type waiting struct {
	list []packet
	n    uint64
}

// A packet is on its way.
type packet struct {
	due    int64
	number uint64
	phase  int
	client int
	// it waited for the one before it of its client, which arrives too
	follows bool
	bytes   []byte
}

func (q *waiting) less(i, j int) bool {
	a, b := &q.list[i], &q.list[j]
	return a.due < b.due || a.due == b.due && a.number < b.number
}

func (q *waiting) push(p packet) {
	q.n++
	p.number = q.n
	q.list = append(q.list, p)
	for i := len(q.list) - 1; i > 0; {
		parent := (i - 1) / 2
		if !q.less(i, parent) {
			return
		}
		q.list[i], q.list[parent] = q.list[parent], q.list[i]
		i = parent
	}
}

func (q *waiting) pop() packet {
	first, end := q.list[0], len(q.list)-1
	q.list[0], q.list[end] = q.list[end], packet{}
	q.list = q.list[:end]
	for i := 0; ; {
		least := i
		for _, child := range []int{2*i + 1, 2*i + 2} {
			if child < end && q.less(child, least) {
				least = child
			}
		}
		if least == i {
			return first
		}
		q.list[i], q.list[least] = q.list[least], q.list[i]
		i = least
	}
}

// next is how long until the next packet arrives; negative: none is on its way.
func (q *waiting) next(now int64) time.Duration {
	if len(q.list) == 0 {
		return -1
	}
	return time.Duration(max(0, q.list[0].due-now))
}
