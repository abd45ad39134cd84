package compare

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/stats"
	"github.com/throng-io/throng/scenario/result"
)

// design is how the trials of the pair are compared.
func (p *Pair) design() stats.Design {
	if p.Interleaved {
		return stats.Paired
	}
	return stats.Apart
}

// interleave finds the trials of both sides that ran next to each other, and keeps those alone
// where at least half of the trials did: trial i of base is then compared with trial i of new.
func (p *Pair) interleave() {
	valid := min(len(p.base.cells), len(p.new.cells))
	all := p.order()
	base, new := neighbours(all, slices.Concat(p.base.run.Resumed, p.new.run.Resumed))
	// Two runs of one trial each are next to each other, too, and not interleaved.
	if 2*len(base) < valid || len(base) == 0 || len(base) == 1 && !sameRun(p.base.run, p.new.run) {
		return
	}
	p.Interleaved, p.place = true, map[*result.Cell]int{}
	for i := range all {
		p.place[all[i].Cell] = i
	}
	p.alone = len(p.base.cells) + len(p.new.cells) - 2*len(base)
	p.base.cells, p.new.cells = base, new
}

// ran is a valid trial of one of the sides.
type ran struct {
	*result.Cell
	new bool
}

// order lists the valid trials of both sides as they ran: within one run in the order of its cells,
// else by the clock. It is empty where that is not known, which p.untimed then says, and where
// trials of the two sides ran at the same time, as in two jobs of one CI run: then p.together does.
func (p *Pair) order() (all []ran) {
	for _, c := range p.base.cells {
		all = append(all, ran{c, false})
	}
	for _, c := range p.new.cells {
		all = append(all, ran{c, true})
	}
	if sameRun(p.base.run, p.new.run) {
		at := map[*result.Cell]int{}
		for _, run := range []*result.Run{p.base.run, p.new.run} {
			for i := range run.Cells {
				at[&run.Cells[i]] = i
			}
		}
		slices.SortStableFunc(all, func(a, b ran) int { return cmp.Compare(at[a.Cell], at[b.Cell]) })
		return all
	}
	if p.untimed = slices.ContainsFunc(all, func(r ran) bool { return r.Started.IsZero() }); p.untimed {
		return nil
	}
	slices.SortStableFunc(all, func(a, b ran) int { return a.Started.Compare(b.Started) })
	if p.together = together(all); p.together {
		return nil
	}
	return all
}

// together reports whether a trial of one side began before one of the other had ended. The trials
// are in the order of their beginnings.
func together(all []ran) bool {
	ends := map[bool]time.Time{}
	for _, r := range all {
		if r.Started.Before(ends[!r.new]) {
			return true
		}
		length := r.Seconds // of results without phases
		if n := len(r.Phases); n > 0 {
			length = r.Phases[n-1].EndS
		}
		if end := r.Started.Add(time.Duration(length * float64(time.Second))); end.After(ends[r.new]) {
			ends[r.new] = end
		}
	}
	return false
}

// why says why the differences of a pair that is not interleaved may be another's than the
// server's.
func (p *Pair) why() string {
	switch {
	case p.together:
		return "both sides ran at the same time: on one machine they slow each other, and two machines differ"
	case p.untimed:
		return "the results do not say when their trials ran: it may be the machine's drift"
	}
	return "the trials were not interleaved: it may be the machine's drift"
}

// neighbours are the trials of the same number on both sides between which none of either side ran,
// nor the run was interrupted and gone on with.
func neighbours(all []ran, resumed []time.Time) (base, new []*result.Cell) {
	for i := 0; i+1 < len(all); i++ {
		a, b := all[i], all[i+1]
		between := func(t time.Time) bool { return t.After(a.Started) && !t.After(b.Started) }
		if a.new == b.new || a.Trial != b.Trial || slices.ContainsFunc(resumed, between) {
			continue
		}
		if a.new {
			a, b = b, a
		}
		base, new = append(base, a.Cell), append(new, b.Cell)
		i++
	}
	return base, new
}

// orderNotes say how the trials were made, where that says something about the numbers.
func (c *Comparison) orderNotes() (notes []string) {
	alone, apart := 0, ""
	for i := range c.Pairs {
		p := &c.Pairs[i]
		alone += p.alone
		if p.Interleaved || p.BaseTrials.Valid == 0 || p.NewTrials.Valid == 0 || apart != "" {
			continue
		}
		apart = fmt.Sprintf("%s and %s ran one after the other, not interleaved: differences may be the machine's drift", p.Base, p.New)
		switch {
		case p.together:
			apart = fmt.Sprintf("%s and %s ran at the same time: on one machine they slow each other, and two machines differ", p.Base, p.New)
		case p.untimed:
			apart = fmt.Sprintf("%s and %s do not say when their trials ran: differences may be the machine's drift", p.Base, p.New)
		}
	}
	if apart != "" {
		notes = append(notes, apart+". Conditions of --fail-if are not decided; throng compare --live BASE HEAD FILE runs both in turn.")
	}
	if alone > 0 {
		notes = append(notes, fmt.Sprintf("%s left out: no trial of the other side ran next to it.", layout.Plural(alone, "trial")))
	}
	for i := range c.Pairs {
		if p := &c.Pairs[i]; p.even != "" {
			notes = append(notes, p.even)
		}
	}
	return notes
}
