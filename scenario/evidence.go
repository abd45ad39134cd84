package scenario

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/judge"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/result"
)

// rules returns the rules of the file.
func (t *trial) rules() judge.Rules { return judge.Rules{SLO: t.spec.SLO, Valid: t.spec.Valid} }

// evidence returns the state of the trial at the end of the collector's last second. While the
// trial runs, only the collector's goroutine may call it. rows are the ledger's rows by stream.
func (c *collector) evidence(rows [][]ledger.Row) *judge.Evidence {
	t := c.t
	e := &judge.Evidence{
		Timeline: t.tl, At: c.at, End: min(c.at, t.tl.End), ScaledDown: t.spec.Quick > 0,
		Totals: c.totals, Windows: c.windows.Found(), Ledger: rows, Seconds: c.seconds,
		Errors: t.errors.Counts(), Returns: t.returns.counts(),
		Clients: judge.Clients{Failed: t.count.failed.Load(), Dropped: t.count.dropped.Load()},
		Target:  judge.Target{RSSBefore: -1}, Standstill: t.watch.standstill.Load(), Patience: t.watch.patience.Load(),
	}
	if c.before.ok {
		e.Target.RSSBefore = c.before.rss
	}
	for _, g := range t.groups {
		own := judge.Group{Name: g.spec.Name}
		for p := range g.attempts {
			own.Attempts = append(own.Attempts, g.attempts[p].Load())
		}
		e.Groups = append(e.Groups, own)
	}
	for i := range t.kinds.classes {
		x := t.label(record.Series{}, i)
		e.Classes = append(e.Classes, judge.Class{Group: x.Group, Transport: x.Transport, Slow: x.Slow, AllSlow: x.AllSlow, Node: x.Node})
	}
	for _, s := range t.streams {
		own := judge.Stream{
			Group: s.group.spec.Name, Op: s.spec.Op, Event: s.spec.Event, Volatile: s.spec.Volatile, Asks: s.spec.Ack > 0,
			Late: time.Duration(s.book.Late),
		}
		for p := range s.offered {
			own.Offered, own.Sent = append(own.Offered, s.offered[p].Load()), append(own.Sent, s.sent[p].Load())
			own.Held, own.Dropped = append(own.Held, s.held[p].Load()), append(own.Dropped, s.dropped[p].Load())
		}
		e.Streams = append(e.Streams, own)
	}
	e.Faults = faults(t.spec, t.tl, earliest(t.streams))
	return e
}

// faults lists what the phases break on purpose. late is the shortest limit of a delivery.
func faults(s *file.Spec, tl *plan.Timeline, late time.Duration) (list []judge.Fault) {
	patience := time.Duration(0) // of a client: from an attempt that failed to the end of the next
	for i := range s.Groups {
		if r := s.Groups[i].Reconnect; r != nil {
			patience = max(patience, r.Max+s.Groups[i].Connect.Timeout)
		}
	}
	for i := range s.Phases {
		if fault := s.Phases[i].Fault; fault != nil {
			over, does := overAt(s, &tl.Spans[i], i, late)
			list = append(list, judge.Fault{
				Phase: i, Over: over, Patience: over + int64(patience), Lossless: true, Silences: does != 0, Behind: does&ledger.Behind != 0,
			})
		}
	}
	return list
}

// overAt is from when on the fault of a phase breaks nothing more, and what it may do until then to
// connections that stay. What servers and links are made to do lasts until the phase ends, for all
// that is known: only the author of a command knows when its effect is over, and whether it is on
// the servers or on what is behind them. After an outage or with another address, clients that only
// listen learn of it by their heartbeat.
func overAt(s *file.Spec, span *plan.Span, phase int, late time.Duration) (over int64, does ledger.Trouble) {
	const silent = ledger.SilentUp | ledger.SilentDown
	f := s.Phases[phase].Fault
	w, usual := f.Network, cmp.Or(s.Phases[phase].Network, s.Network, &file.Network{})
	switch {
	case w != nil && (w.Outage > 0 || w.Move > 0):
		return span.End + healingSlow, silent
	case w != nil && (w.HalfOpen > 0 || w.Cut):
		return span.End, silent
	case w != nil && w.Up == usual.Up && w.Down == usual.Down: // it only resets connections
		return min(span.End, span.Start+int64(w.Within)), 0
	case w != nil && onlyDelays(&w.Up) && onlyDelays(&w.Down) && 2*(delayOf(&w.Up)+delayOf(&w.Down)) < late:
		return span.End, 0
	case w != nil:
		return span.End, silent
	case f.Restart:
		return span.End, silent | ledger.Torn
	case f.Act != nil:
		return span.End, silent | ledger.Torn | ledger.Behind
	case f.Stall > 0:
		return span.End, ledger.SilentStalled
	}
	return min(span.End, span.Start+int64(f.Within)), 0
}

// earliest is the shortest late limit.
func earliest(streams []*stream) (late time.Duration) {
	late = math.MaxInt64
	for _, s := range streams {
		late = min(late, time.Duration(s.book.Late))
	}
	return late
}

// troubled reports whether the scenario has faults.
func (t *trial) troubled() bool {
	return slices.ContainsFunc(t.spec.Phases, func(p file.Phase) bool { return p.Fault != nil })
}

// troubles says what the faults may do to a message that is sent at a moment, on the ways to a
// node: one that is on its way when they begin, until they are over and what has waited is worked
// off. nil: nothing, ever. All streams are known.
func (t *trial) troubles() func(at int64, node int) ledger.Trouble {
	type stretch struct {
		from, to int64
		does     ledger.Trouble
		node     int
	}
	var list []stretch
	least, most := earliest(t.streams), latest(t.streams)
	for i := range t.spec.Phases {
		f, node := t.spec.Phases[i].Fault, ledger.AnyNode
		if f == nil {
			continue
		}
		if f.Network != nil && f.Network.Alone {
			node = f.Network.Node
		}
		if over, does := overAt(t.spec, &t.tl.Spans[i], i, least); does != 0 {
			list = append(list, stretch{t.tl.Spans[i].Start - int64(most), over + int64(max(most, time.Second)), does, node})
		}
	}
	if len(list) == 0 {
		return nil
	}
	return func(at int64, node int) (all ledger.Trouble) {
		for _, x := range list {
			if at >= x.from && at < x.to && (node == x.node || node == ledger.AnyNode || x.node == ledger.AnyNode) {
				all |= x.does
			}
		}
		return all
	}
}

// onlyDelays reports whether a line neither limits nor loses what is sent over it.
func onlyDelays(l *file.Line) bool { return l.Loss == 0 && l.Reorder == 0 && l.Rate == 0 }

// delayOf is the longest delay of a line.
func delayOf(l *file.Line) time.Duration { return l.Delay + l.Jitter }

// plannedPhases is the timeline as a result shows it.
func plannedPhases(tl *plan.Timeline) []result.Phase {
	var out []result.Phase
	for _, s := range tl.Spans {
		out = append(out, result.Phase{Name: s.Name, StartS: float64(s.Start) / 1e9, EndS: float64(s.End) / 1e9, Record: s.Record})
	}
	return out
}
