package tables

import (
	"fmt"
	"slices"
	"strings"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
)

// optionNames writes the options to use, or those not to use: the cheapest by its name, each other one with how many times the CPU
// of the cheapest it takes.
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
		"work", "use", "rather not", "deliveries per CPU s", "first receiver", "half of them", "last receiver",
	}}
	high := selection.Highest(selection.Doers(ws), selection.LastReceiver)
	t.Head = append(t.Head, "last "+selection.Percentiles[high].Name, "server memory")
	tested := AllTested(ws)
	if !tested {
		t.Title, t.Head[1], t.Head[2] = "What each strategy took", "least CPU of the server first", "much more"
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
			ShowSpread(selection.Over(cells, selection.LatencyOf(selection.LastReceiver, selection.P50)), layout.Micros), ShowSpread(selection.Over(cells, selection.LatencyOf(selection.LastReceiver, high)), layout.Micros), ShowSpread(selection.Over(cells, selection.ServerMemory), layout.Bytesize),
		})
	}
	if len(t.Rows) == 0 {
		return layout.Table{}
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

// AllTested tells whether every work had the trials to tell its strategies apart; works with fewer than two strategies to compare
// do not count.
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
