package scenario

import (
	"math"
	"sync"
)

// On an agent of a fleet the ledger replays deliveries some hundred milliseconds after they came,
// and everything else is recorded at once. A portion has what came in its second of both: it is
// made when its second ends, and reported when the ledger has replayed as much. Deliveries have a
// recorder of their own.

// A rotation joins the halves of portions. made is the collector's, and replayed the exchange's.
type rotation struct {
	mu       sync.Mutex
	made     []*portion       // not reported
	replayed []replayedSecond // likewise
	second   int64            // that is being replayed; the exchange's
}

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
	x := replayedSecond{samples: samplesOf(t.replay), overdue: t.ledger.Watch(until)}
	x.rows = p.newRows(t.ledger.SoFar(nil))
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

// join reports the portions of which there are both halves. The rotation is locked.
func (p *part) join() {
	r := &p.rotation
	for len(r.made) > 0 && len(r.replayed) > 0 {
		x, other := r.made[0], r.replayed[0]
		r.made, r.replayed = r.made[1:], r.replayed[1:]
		x.samples = append(x.samples, other.samples...)
		x.overdue, x.rows = other.overdue, other.rows
		p.report(&report{portion: x})
	}
}

// rest reports the portions that were made, when the ledger is closed.
func (p *part) rest() {
	p.rotation.mu.Lock()
	n := len(p.rotation.made)
	p.rotation.mu.Unlock()
	for range n {
		p.replay(math.MaxInt64)
	}
}
