package scenario

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/result"
)

// The account of an agent that was lost ends with the messages whose late limit had passed by then.
// The latencies that it reported, and its counts, go further: what they show of later messages is
// added to its account, so that result and account are of the same deliveries.

// deliveriesOf says which deliveries have their latencies in a series.
type deliveriesOf struct {
	stream, class, decile int
	from                  int // the place of the sender's target; otherTarget: another than the receiver's
	replayed              bool
}

// otherTarget stands for the target of a sender that is one of several.
const otherTarget = -1

// deliverySeries lists the series of deliveries by their places among the trial's.
func (t *trial) deliverySeries() map[int]deliveriesOf {
	out := map[int]deliveriesOf{}
	add := func(list []int, at int, d deliveriesOf) {
		if at < len(list) && list[at] >= 0 {
			if _, known := out[list[at]]; !known { // replayed ones may have no series of their own
				out[list[at]] = d
			}
		}
	}
	for i, s := range t.streams {
		for class := range t.kinds.classes {
			own := t.kinds.classes[class].node
			other := otherTarget
			if len(t.nodes) == 2 {
				other = 1 - own
			}
			for decile := range record.Deciles {
				at := class*record.Deciles + decile
				add(s.local.delivery, at, deliveriesOf{i, class, decile, own, false})
				add(s.local.replayed, at, deliveriesOf{i, class, decile, own, true})
				add(s.across.delivery, at, deliveriesOf{i, class, decile, other, false})
				add(s.across.replayed, at, deliveriesOf{i, class, decile, other, true})
			}
		}
	}
	return out
}

// sums are accounts by all of a row but its second and its counts.
type sums map[streamRow]*result.Ledger

func (x sums) of(r streamRow) *result.Ledger {
	r.Second, r.Ledger = 0, result.Ledger{}
	if x[r] == nil {
		x[r] = &result.Ledger{}
	}
	return x[r]
}

// noteDeliveries counts the deliveries whose latencies an agent has reported, by what their rows
// are by, without the second.
func (q *coordinator) noteDeliveries(a *agentPart, s *sampleRun) {
	of, is := q.deliveries[s.series]
	if !is || s.never {
		return
	}
	came := a.came.of(streamRow{of.stream, ledger.Row{Phase: s.phase, Class: of.class, From: of.from, Decile: of.decile, Replayed: of.replayed}})
	for _, cell := range s.cells {
		if time.Duration(cell.v)*time.Microsecond > q.t.streams[of.stream].spec.Late {
			came.Late += cell.n
		} else {
			came.Received += cell.n
		}
	}
}

// completeLost adds to the account of an agent that was lost what it has reported besides.
func (q *coordinator) completeLost(a *agentPart) {
	if a.lost == nil || a.last == nil {
		return
	}
	counted := sums{} // by the same keys
	for stream := range a.rows {
		for _, row := range a.rows[stream].Rows() {
			r := streamRow{stream, row}
			if r.Class == ledger.Everybody {
				r.From, r.Decile = 0, 0
			} else if r.From != q.t.kinds.classes[r.Class].node && len(q.t.nodes) > 2 {
				r.From = otherTarget
			}
			counted.of(r).Add(r.Ledger)
		}
	}
	for r, came := range a.came {
		known := counted.of(r)
		q.addLost(a, r, result.Ledger{Received: max(0, came.Received-known.Received), Late: max(0, came.Late-known.Late)})
	}
	for stream, s := range q.t.streams {
		if s.book.Expect == ledger.ExpectNone {
			continue
		}
		for phase := range s.sent {
			r := streamRow{stream, ledger.Row{Phase: phase, Class: ledger.Everybody}}
			sent, held, dropped := q.gaugeOf(a, &s.sent[phase]), q.gaugeOf(a, &s.held[phase]), q.gaugeOf(a, &s.dropped[phase])
			q.addLost(a, r, result.Ledger{Sent: max(0, sent-counted.of(r).Sent), Held: held, Dropped: dropped})
		}
	}
}

// addLost adds a row to the account of a lost agent, in the second in which it was lost or the last
// one of the phase before.
func (q *coordinator) addLost(a *agentPart, r streamRow, l result.Ledger) {
	l.Expected = l.Received + l.Late
	if l == (result.Ledger{}) {
		return
	}
	at := a.lostAt
	if r.Phase >= 0 {
		span := &q.t.tl.Spans[r.Phase]
		at = max(span.Start, min(at, span.End-1))
	}
	r.Second, r.Ledger = int(max(0, at)/int64(time.Second)), l
	a.rows.add(&r)
}

// gaugeOf is what an agent reported last of a count of the trial.
func (q *coordinator) gaugeOf(a *agentPart, count *atomic.Int64) int64 {
	i := slices.IndexFunc(q.gauges, func(g gauge) bool { return g.Int64 == count })
	if i < 0 {
		return 0
	}
	return a.last.gauges[i]
}
