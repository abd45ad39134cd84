package scenario

import (
	"math"
	"sync"
	"time"
)

// On an agent of a fleet the ledger replays deliveries some hundred milliseconds after they came,
// and everything else is recorded at once. A portion has what came in its second of both: it is
// made when its second ends, and reported when the ledger has replayed as much. Deliveries have a
// recorder of their own. While another agent hangs, the ledger waits for it: portions are reported
// without deliveries then, which come with a later one.

// A rotation joins the halves of portions. made is the collector's, and replayed the exchange's.
type rotation struct {
	mu       sync.Mutex
	made     []*portion       // not reported
	replayed []replayedSecond // likewise
	joined   int              // how many of those were reported
	overdue  int64            // as of the last one
	second   int64            // that is being replayed; the exchange's
}

// halfWithin is for how long a portion waits for its deliveries.
const halfWithin = int64(2 * time.Second)

// A replayedSecond is what the ledger replayed of a second.
type replayedSecond struct {
	samples []sampleRun
	overdue int64
	rows    []streamRow
}

// turn ends the seconds that are replayed up to a moment. The exchange calls it, and only between
// two deliveries.
func (p *part) turn(upTo int64) {
	tick := int64(p.c.tick)
	for (p.rotation.second+1)*tick <= upTo {
		p.rotation.second++
		p.replay(p.rotation.second * tick)
	}
}

// replay takes what was replayed up to a moment.
func (p *part) replay(until int64) {
	t := p.t
	x := replayedSecond{samples: samplesOf(t.replay), overdue: t.ledger.Watch(t.readUpTo(until))}
	x.rows = streamRows(t.ledger.SoFar(nil))
	p.rotation.mu.Lock()
	defer p.rotation.mu.Unlock()
	p.rotation.replayed = append(p.rotation.replayed, x)
	p.join()
}

// made takes the collector's half of a portion.
func (p *part) made(x *portion) {
	p.rotation.mu.Lock()
	defer p.rotation.mu.Unlock()
	p.rotation.made = append(p.rotation.made, x)
	p.join()
}

// join reports the portions of which there are both halves, or that have waited too long. The
// rotation is locked.
func (p *part) join() {
	r := &p.rotation
	for len(r.made) > 0 && (r.joined+len(r.replayed) > r.made[0].second || p.t.now() >= r.made[0].until+halfWithin) {
		x := r.made[0]
		r.made = r.made[1:]
		for len(r.replayed) > 0 && r.joined <= x.second {
			r.give(x)
		}
		x.overdue = r.overdue
		p.report(&report{portion: x})
	}
}

// give puts the next half into a portion.
func (r *rotation) give(x *portion) {
	half := &r.replayed[0]
	x.samples = append(x.samples, half.samples...)
	x.rows = append(x.rows, half.rows...)
	r.overdue = half.overdue
	r.replayed = r.replayed[1:]
	r.joined++
}

// rest reports the portions that were made, when the ledger is closed. Nothing is recorded any
// more.
func (p *part) rest() {
	left := func() int {
		p.rotation.mu.Lock()
		defer p.rotation.mu.Unlock()
		return len(p.rotation.made)
	}
	for left() > 0 {
		p.replay(math.MaxInt64)
	}
}
