package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/throng-io/throng/reports/internal/draw"
	"github.com/throng-io/throng/scenario/result"
)

// strategies is the axis whose values are alternatives for the same work.
const strategies = "fanout"

// work is one kind of work and the fan-out strategies that did it. A strategy is compared with the others at the same work, and not
// with itself at less of it.
type work struct {
	Label string  // of the first kind of work all that varies, of the others how they differ from it
	Of    []group // by strategy, whose name is the label
	at    []int   // the places of these groups among all groups
}

// works sorts the groups of a matrix by work, in the order in which they first ran. There are none unless strategies were compared at
// several kinds of work.
func works(run *result.Run, gs []group) []work {
	axes := varying(run)
	others := slices.DeleteFunc(slices.Clone(axes), func(k string) bool { return k == strategies })
	if len(others) == len(axes) || len(others) == 0 || run.Capacity != nil {
		return nil
	}
	var ws []work
	at := map[string]int{}
	first := gs[0].Cells[0].Params
	for i, g := range gs {
		cell := g.Cells[0]
		params := cell.Params
		key := label(cell, others)
		j, ok := at[key]
		if !ok {
			j = len(ws)
			at[key] = j
			differ := slices.DeleteFunc(slices.Clone(others), func(k string) bool { return params[k] == first[k] })
			ws = append(ws, work{Label: cmp.Or(label(cell, differ), key)})
		}
		ws[j].Of = append(ws[j].Of, group{Label: params[strategies], Cells: g.Cells})
		ws[j].at = append(ws[j].at, i)
	}
	return ws
}

// doers are the groups of all works.
func doers(ws []work) (gs []group) {
	for _, w := range ws {
		gs = append(gs, w.Of...)
	}
	return gs
}

// much is how many times the CPU or memory of the cheapest strategy rules another strategy out. Smaller differences change from
// trial to trial.
const much = 1.5

// option is one strategy that did a work, compared with the cheapest one.
type option struct {
	group
	times   float64 // its CPU per delivery, divided by the CPU per delivery of the cheapest; 1 for the cheapest itself
	alike   bool    // the trials do not show that it differs from the cheapest
	takes   float64 // memory of the server in bytes; 0: not measured
	hungry  bool    // takes is more than much times the memory of the cheapest
	cheaper bool    // times is at most much
}

// fit tells whether the strategy is one to use.
func (o option) fit() bool { return o.cheaper && !o.hungry }

// choice is the strategies of one work, the cheapest first.
type choice struct {
	options   []option
	efficient spread // deliveries per CPU second of the cheapest
	tested    bool   // there were enough trials to tell the strategies apart
}

// choose compares the strategies of a work; ok is false when none has a number.
func (w work) choose() (c choice, ok bool) {
	r := rank(w.Of, efficiency, true)
	for i, g := range w.Of {
		if over(g.valid(), efficiency).n > 0 {
			c.options = append(c.options, option{group: g, alike: r.alike[i], takes: over(g.valid(), serverMemory).mid})
		}
	}
	if len(c.options) == 0 {
		return c, false
	}
	slices.SortStableFunc(c.options, func(a, b option) int {
		return cmp.Compare(over(b.valid(), efficiency).mid, over(a.valid(), efficiency).mid)
	})
	best := c.options[0]
	c.efficient, c.tested = over(best.valid(), efficiency), r.tested
	for i := range c.options {
		o := &c.options[i]
		o.times = c.efficient.mid / over(o.valid(), efficiency).mid
		o.cheaper, o.hungry = o.times <= much, o.takes > much*best.takes
	}
	return c, true
}

// optionNames writes the options to use, or those not to use: the cheapest by its name, each other one with how many times the CPU
// of the cheapest it takes.
func optionNames(c choice, fit bool) string {
	var names []string
	for i, o := range c.options {
		if o.fit() != fit {
			continue
		}
		name := o.Label
		if i > 0 {
			name += nbsp + fmt.Sprintf("%.3gx", o.times)
			if o.alike {
				name += nbsp + "~"
			}
		}
		if o.hungry {
			name += fmt.Sprintf(" (%s)", bytesize(o.takes))
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// choiceTable answers which strategy to use when: a row per work.
func choiceTable(ws []work) table {
	t := table{Title: "Which strategy when", Left: 3, Head: []string{
		"work", "use", "rather not", "deliveries per CPU s", "first receiver", "half of them", "last receiver",
	}}
	high := highest(doers(ws), lastReceiver)
	t.Head = append(t.Head, "last "+percentiles[high].name, "server memory")
	tested := allTested(ws)
	if !tested {
		t.Title, t.Head[1], t.Head[2] = "What each strategy took", "least CPU of the server first", "much more"
	}
	for _, w := range ws {
		c, ok := w.choose()
		if !ok {
			continue
		}
		cells := c.options[0].valid()
		t.Rows = append(t.Rows, []string{
			w.Label, optionNames(c, true), optionNames(c, false), showSpread(c.efficient, significant),
			showSpread(over(cells, curveAt(0)), micros), showSpread(over(cells, curveAt(0.5)), micros),
			showSpread(over(cells, latencyOf(lastReceiver, p50)), micros), showSpread(over(cells, latencyOf(lastReceiver, high)), micros), showSpread(over(cells, serverMemory), bytesize),
		})
	}
	if len(t.Rows) == 0 {
		return table{}
	}
	if !tested {
		t.Note = fmt.Sprintf("The strategy with the most deliveries per CPU second of the server, whose numbers follow, then the others with how many times as much CPU they took; "+
			"much more: half as much CPU or memory again. Each work but the first is named by how it differs from the first. %s", tooFewTrials())
		return t
	}
	t.Note = "use: the strategy with the most deliveries per CPU second of the server, whose numbers follow, and those that take less than half as much CPU again, with how many times as much; " +
		"rather not: the others, and those that take half as much memory again. Each work but the first is named by how it differs from the first. The receivers' times count from when a broadcast was due, in the median broadcast and, at the end, in the slowest ones."
	return t
}

// allTested tells whether every work had the trials to tell its strategies apart; works with fewer than two strategies to compare
// do not count.
func allTested(ws []work) bool {
	return !slices.ContainsFunc(ws, func(w work) bool { c, ok := w.choose(); return ok && len(c.options) > 1 && !c.tested })
}

// curveAt reads the receiver curve: when the median broadcast had reached a share of its receivers.
func curveAt(share float64) func(*result.Cell) (float64, bool) {
	return func(c *result.Cell) (float64, bool) {
		i := slices.IndexFunc(c.Curve, func(p result.CurvePoint) bool { return p.Rank >= share })
		if i < 0 || c.Curve[i].N < percentiles[p50].n {
			return 0, false
		}
		return float64(c.Curve[i].P50us), true
	}
}

// choiceSentence counts at how many kinds of work each strategy is one to use, if that was tested.
func choiceSentence(ws []work) string {
	if !allTested(ws) {
		return fmt.Sprintf("%s at %s: %s, too few to say which strategy to use: run it with --set matrix.repeat=%d.",
			count(len(strategyNames(ws)))+" strategies", plural(len(ws), "kind")+" of work", trialsNote(doers(ws)), minTrials+1)
	}
	n, first := map[string]int{}, map[string]int{} // works at which it is one to use, and the cheapest
	judged := 0
	names := strategyNames(ws)
	for _, w := range ws {
		c, ok := w.choose()
		if !ok {
			continue
		}
		judged++
		for _, o := range c.options {
			if o.fit() {
				n[o.Label]++
			}
		}
		first[c.options[0].Label]++
	}
	if judged == 0 {
		return ""
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Or(n[b]-n[a], first[b]-first[a]) })
	parts := []string{fmt.Sprintf("%s at %d of %s", names[0], n[names[0]], plural(judged, "kind")+" of work")}
	for _, name := range names[1:] {
		if n[name] > 0 {
			parts = append(parts, fmt.Sprintf("%s at %d", name, n[name]))
		}
	}
	return "To use, by the server's CPU and memory: " + strings.Join(parts, ", ") + "."
}

// strategyNames lists the strategies in the order in which they first ran.
func strategyNames(ws []work) (names []string) {
	for _, g := range doers(ws) {
		if !slices.Contains(names, g.Label) {
			names = append(names, g.Label)
		}
	}
	return names
}

// comparingWorks are the figures of strategies at several kinds of work.
func comparingWorks(ws []work) []*figure {
	cost := dotsByWork(ws, efficiency, 1, significant)
	high := highest(doers(ws), lastReceiver)
	last := dotsByWork(ws, latencyOf(lastReceiver, high), 1e-3, micros)
	var fs []*figure
	if cost != nil {
		cost.Name, cost.Title, cost.Panels[0].X.Label = "efficiency", "Deliveries per CPU second by work", "deliveries per CPU second of the server (log)"
		cost.Caption = "What each strategy costs: deliveries for each second of CPU the server spent; right is better. Strategies are alternatives within a row; the rows are different work."
		fs = append(fs, cost)
	}
	if last != nil {
		last.Name, last.Title, last.Panels[0].X.Label = "last", percentiles[high].name+" of the last receiver by work", percentiles[high].name+" until the last receiver has it, ms (log)"
		last.Caption = "How long after a broadcast was due its last receiver has it, in the slow ones; left is better."
		fs = append(fs, last)
	}
	for i, w := range ws {
		if f := curveByGroup(w.Of); f != nil {
			f.Name, f.Title = fmt.Sprintf("receivers-%02d", i+1), "Receiver curve: "+w.Label
			f.Caption = "How each strategy serves the receivers of one broadcast, from the first to the last. Of several trials, the one in the middle."
			fs = append(fs, f)
		}
	}
	return fs
}

// dotsByWork is a row per work on one axis, with a mark for the median of each strategy; nil without numbers.
func dotsByWork(ws []work, value func(*result.Cell) (float64, bool), scale float64, show func(float64) string) *figure {
	var p draw.Panel
	names := strategyNames(ws)
	f := &figure{Data: table{Left: 1, Head: []string{"work"}}}
	for i, name := range names {
		p.Lines = append(p.Lines, draw.Line{Name: name, Style: draw.Style(i % draw.Series), Marks: true})
	}
	f.Data.Head = append(f.Data.Head, names...)
	drawn := false
	for i, w := range ws {
		y := float64(len(ws) - i) // the first at the top
		p.Y.Ticks = append(p.Y.Ticks, draw.Tick{At: y, Label: w.Label})
		row := append([]string{w.Label}, slices.Repeat([]string{none}, len(names))...)
		for _, g := range w.Of {
			s := over(g.valid(), value)
			if s.n == 0 {
				continue
			}
			j := slices.Index(names, g.Label)
			row[1+j] = showSpread(s, show)
			// Marks of one row stand a little apart, so that none hides another.
			apart := 0.5 * (float64(j) + 0.5 - float64(len(names))/2) / float64(len(names))
			p.Lines[j].Points = append(p.Lines[j].Points, draw.Point{X: s.mid * scale, Y: y - apart})
			drawn = true
		}
		f.Data.Rows = append(f.Data.Rows, row)
	}
	if !drawn {
		return nil
	}
	p.X.Log = true
	p.Y.Min, p.Y.Max = 0.4, float64(len(ws))+0.6
	f.Figure = draw.Figure{Sub: trialsNote(doers(ws)), Panels: []draw.Panel{p}}
	return f
}
