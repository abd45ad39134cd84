package selection

import (
	"cmp"
	"slices"

	"github.com/throng-io/throng/scenario/result"
)

// Strategies is the axis whose values are alternatives for the same work.
const Strategies = "fanout"

// Work is one kind of work and the fan-out strategies that did it. A strategy is compared with the
// others at the same work, and not with itself at less of it.
type Work struct {
	// of the first kind of work all that varies, of the others how they differ from it
	Label string
	Of    []Group // by strategy, whose name is the label
	At    []int   // the places of these groups among all groups
}

// Works sorts the groups of a matrix by work, in the order in which they first ran. There are none
// unless strategies were compared at several kinds of work.
func Works(run *result.Run, gs []Group) []Work {
	axes := Varying(run)
	others := slices.DeleteFunc(slices.Clone(axes), func(k string) bool { return k == Strategies })
	if len(others) == len(axes) || len(others) == 0 || run.Capacity != nil {
		return nil
	}
	var ws []Work
	at := map[string]int{}
	first := gs[0].Cells[0].Params
	for i, g := range gs {
		cell := g.Cells[0]
		params := cell.Params
		key := Label(cell, others)
		j, ok := at[key]
		if !ok {
			j = len(ws)
			at[key] = j
			differ := slices.DeleteFunc(slices.Clone(others), func(k string) bool { return params[k] == first[k] })
			ws = append(ws, Work{Label: cmp.Or(Label(cell, differ), key)})
		}
		ws[j].Of = append(ws[j].Of, Group{Label: params[Strategies], Cells: g.Cells})
		ws[j].At = append(ws[j].At, i)
	}
	return ws
}

// Doers are the groups of all works.
func Doers(ws []Work) (gs []Group) {
	for _, w := range ws {
		gs = append(gs, w.Of...)
	}
	return gs
}

// much is how many times the CPU or memory of the cheapest strategy rules another strategy out.
// Smaller differences change from trial to trial.
const much = 1.5

// option is one strategy that did a work, compared with the cheapest one.
type option struct {
	Group
	// its CPU per delivery, divided by the CPU per delivery of the cheapest; 1 for the cheapest
	// itself
	Times   float64
	Alike   bool    // the trials do not show that it differs from the cheapest
	Takes   float64 // memory of the server in bytes; 0: not measured
	Hungry  bool    // takes is more than much times the memory of the cheapest
	cheaper bool    // times is at most much
}

// Fit tells whether the strategy is one to use.
func (o option) Fit() bool { return o.cheaper && !o.Hungry }

// Choice is the strategies of one work, the cheapest first.
type Choice struct {
	Options   []option
	Efficient Spread // deliveries per CPU second of the cheapest
	Tested    bool   // there were enough trials to tell the strategies apart
}

// Choose compares the strategies of a work; ok is false when none has a number.
func (w Work) Choose() (c Choice, ok bool) {
	r := Rank(w.Of, Efficiency, true)
	for i, g := range w.Of {
		if Over(g.Valid(), Efficiency).N > 0 {
			c.Options = append(c.Options, option{Group: g, Alike: r.Alike[i], Takes: Over(g.Valid(), ServerMemory).Mid})
		}
	}
	if len(c.Options) == 0 {
		return c, false
	}
	slices.SortStableFunc(c.Options, func(a, b option) int {
		return cmp.Compare(Over(b.Valid(), Efficiency).Mid, Over(a.Valid(), Efficiency).Mid)
	})
	best := c.Options[0]
	c.Efficient, c.Tested = Over(best.Valid(), Efficiency), r.Tested
	for i := range c.Options {
		o := &c.Options[i]
		o.Times = c.Efficient.Mid / Over(o.Valid(), Efficiency).Mid
		o.cheaper, o.Hungry = o.Times <= much, o.Takes > much*best.Takes
	}
	return c, true
}
