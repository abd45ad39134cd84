package tables

import (
	"fmt"
	"slices"
	"strings"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
)

// optionNames writes the options to use, or those not to use: the cheapest by its name, each other
// one with how many times the CPU of the cheapest it takes.
func optionNames(c selection.Choice, fit bool) string {
	var names []string
	for i, o := range c.Options {
		if o.Fit() != fit {
			continue
		}
		name := o.Label
		if i > 0 {
			name += layout.Nbsp + fmt.Sprintf("%.3gx", o.Times)
			if o.Alike {
				name += layout.Nbsp + "~"
			}
		}
		if o.Hungry {
			name += fmt.Sprintf(" (%s)", layout.Bytesize(o.Takes))
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// ChoiceTable answers which strategy to use when: a row per work.
func ChoiceTable(ws []selection.Work) layout.Table {
	t := layout.Table{Title: "Which strategy when", Left: 3, Head: []string{
		"work", "use", "avoid", "deliveries per CPU s", "first receiver", "half of them", "last receiver",
	}}
	high := selection.Highest(selection.Doers(ws), selection.LastReceiver)
	t.Head = append(t.Head, "last "+selection.Percentiles[high].Name, "server memory")
	tested := AllTested(ws)
	if !tested {
		t.Title, t.Head[1], t.Head[2] = "The cost of each strategy", "by CPU of the server, lowest first", "much more"
	}
	for _, w := range ws {
		c, ok := w.Choose()
		if !ok {
			continue
		}
		cells := c.Options[0].Valid()
		t.Rows = append(t.Rows, []string{
			w.Label, optionNames(c, true), optionNames(c, false), ShowSpread(c.Efficient, layout.Significant),
			ShowSpread(selection.Over(cells, selection.CurveAt(0)), layout.Micros), ShowSpread(selection.Over(cells, selection.CurveAt(0.5)), layout.Micros),
			ShowSpread(selection.OverLatency(cells, selection.LastReceiver, selection.P50), layout.Micros), ShowSpread(selection.OverLatency(cells, selection.LastReceiver, high), layout.Micros), ShowSpread(selection.Over(cells, selection.ServerMemory), layout.Bytesize),
		})
	}
	if len(t.Rows) == 0 {
		return layout.Table{}
	}
	if !tested {
		t.Note = fmt.Sprintf("The strategy with the most deliveries per CPU second of the server comes first, and the numbers of the row are its own. The factor behind another strategy says how much more CPU it took. "+
			"much more: at least 1.5 times the CPU or memory. Each work after the first is named by its differences from the first. %s", tooFewTrials())
		return t
	}
	t.Note = "use: the strategy with the most deliveries per CPU second of the server, and others that take at most 1.5 times its CPU and memory, each with its factor. The numbers of the row belong to the first. " +
		"avoid: the other strategies. Each work after the first is named by its differences from the first. Receiver times count from when a broadcast was due, for the median broadcast and, in the last column of them, for the slowest broadcasts."
	return t
}

// AllTested tells whether every work had the trials to tell its strategies apart; works with fewer
// than two strategies to compare do not count.
func AllTested(ws []selection.Work) bool {
	return !slices.ContainsFunc(ws, func(w selection.Work) bool { c, ok := w.Choose(); return ok && len(c.Options) > 1 && !c.Tested })
}

// StrategyNames lists the strategies in the order in which they first ran.
func StrategyNames(ws []selection.Work) (names []string) {
	for _, g := range selection.Doers(ws) {
		if !slices.Contains(names, g.Label) {
			names = append(names, g.Label)
		}
	}
	return names
}
