package scenario

import (
	"cmp"
	"slices"
	"sync/atomic"

	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/record"
)

// A gauge is a count that an agent reports. now: of what is there at this moment, which is nothing
// once the agent is gone.
type gauge struct {
	*atomic.Int64
	now bool
}

// gauges lists the counts of a trial, in the same order at its agents and at its controller.
func (t *trial) gauges() (all []gauge) {
	c := &t.count
	for _, n := range [...]*atomic.Int64{&c.connected, &c.held, &c.offline, &c.calls} {
		all = append(all, gauge{n, true})
	}
	add := func(list ...*atomic.Int64) {
		for _, n := range list {
			all = append(all, gauge{n, false})
		}
	}
	add(&c.asked, &c.failed, &c.dropped, &c.waiting, &c.moved, &c.slowDropped, &c.cutOff, &c.heldAgain, &c.turns, &c.turnTime, &c.plainly, &c.duplicates, &c.foreign, &c.misnamed, &c.toSender, &c.bytesIn, &c.bytesOut)
	for i := range t.nodes {
		all = append(all, gauge{&t.nodes[i].held, true})
		add(&t.nodes[i].connected)
	}
	for _, g := range t.groups {
		for p := range g.attempts {
			add(&g.attempts[p])
		}
	}
	for _, s := range t.streams {
		for p := range s.offered {
			add(&s.offered[p], &s.sent[p], &s.held[p], &s.dropped[p])
		}
		add(&s.intact.seen, &s.intact.changed)
	}
	return all
}

// Changed remembers what an agent has reported, so that portions have only what is new.
type changed struct {
	errors map[record.ErrorCount]int64 // by all but n
	texts  int
}

// portion makes the portion of the second that ends at until.
func (p *part) portion(until int64, last bool) *portion {
	t, c := p.t, p.c
	for _, g := range t.groups {
		g.expireCalls(t.readUpTo(until))
	}
	out := &portion{second: c.portions, until: until, last: last, samples: samplesOf(t.rec), most: t.count.most.Load(), outside: t.rec.Outside(), patience: t.watch.patience.Load()}
	c.portions++
	for _, m := range c.carried() {
		out.carried = append(out.carried, m.in, m.out)
	}
	for _, g := range t.gauges() {
		out.gauges = append(out.gauges, g.Load())
	}
	out.now = headcount{int64(c.recorded.Asked), int64(c.recorded.Held), c.nodes}
	out.errors, out.texts = p.newErrors()
	out.returns = t.returns.counts()
	for name, n := range t.unstamped.counts() {
		out.unstamped = append(out.unstamped, namedCount{name, n})
	}
	cpu, share, own := c.ownUse()
	out.use = partUse{cpuTime: int64(cpu), cpu: share, rss: own.rss, pause: int64(c.pause()), meshed: p.meshed.Load(), goroutines: own.goroutines, files: own.files, standstill: t.watch.standstill.Load()}
	return out
}

// lastPortion is what was recorded since the last second, and the whole account.
func (p *part) lastPortion(rows [][]ledger.Row) *portion {
	out := p.portion(max(p.t.now(), p.c.at+1), true)
	for len(p.rotation.replayed) > 0 { // the exchange is over
		p.rotation.give(out)
	}
	out.samples, out.rows = append(out.samples, samplesOf(p.t.replay)...), streamRows(rows)
	return out
}

// streamRows puts the rows of all streams into one list.
func streamRows(rows [][]ledger.Row) (out []streamRow) {
	for i, list := range rows {
		for j := range list {
			out = append(out, streamRow{i, list[j]})
		}
	}
	return out
}

// samplesOf drains a recorder, in order of series, phase and value.
func samplesOf(r *record.Recorder) (out []sampleRun) {
	type place struct {
		series, phase int
		never         bool
	}
	all := map[place]map[int64]int64{}
	collect := func(never bool) func(series, phase int, v, n int64) {
		return func(series, phase int, v, n int64) {
			k := place{series, phase, never}
			if all[k] == nil {
				all[k] = map[int64]int64{}
			}
			all[k][v] += n
		}
	}
	r.Drain(collect(false))
	r.DrainNever(collect(true))
	for k, cells := range all {
		run := sampleRun{series: k.series, phase: k.phase, never: k.never}
		for v, n := range cells {
			run.cells = append(run.cells, sampleCell{v, n})
		}
		slices.SortFunc(run.cells, func(a, b sampleCell) int { return cmp.Compare(a.v, b.v) })
		out = append(out, run)
	}
	slices.SortFunc(out, func(a, b sampleRun) int {
		return cmp.Or(cmp.Compare(a.series, b.series), cmp.Compare(a.phase, b.phase))
	})
	return out
}

// newErrors are the counts of errors that have grown, and the classes that are new.
func (p *part) newErrors() (grown []record.ErrorCount, texts []record.ErrorSum) {
	for _, e := range p.t.errors.Counts() {
		key := e
		if key.N = 0; p.errors[key] != e.N {
			if p.errors == nil {
				p.errors = map[record.ErrorCount]int64{}
			}
			p.errors[key] = e.N
			grown = append(grown, e)
		}
	}
	all := p.t.errors.Classes()
	texts, p.texts = all[p.texts:], len(all)
	return grown, texts
}
