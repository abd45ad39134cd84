package sentences

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/reports/internal/stats"
	"github.com/throng-io/throng/reports/internal/tables"
	"github.com/throng-io/throng/scenario/result"
)

// MatrixSentence says what was found, and then how the cells ended.
func MatrixSentence(run *result.Run) string {
	gs := selection.Groups(run)
	if ws := selection.Works(run, gs); len(ws) > 0 {
		return layout.Joined(choiceSentence(ws), outcomes(run, len(gs)))
	}
	return layout.Joined(inOrder(run, gs), cheapest(gs), outcomes(run, len(gs)))
}

// outcomes is "All 30 trials pass.", or how many did what.
func outcomes(run *result.Run, combinations int) string {
	n := map[string]int{}
	for i := range run.Cells {
		n[selection.OutcomeOf(&run.Cells[i])]++
	}
	total, noun := len(run.Cells)-n[selection.Repeated], "cells"
	if total > combinations {
		noun = "trials"
	}
	again := ""
	if k := n[selection.Repeated]; k > 0 {
		again = fmt.Sprintf(" %d %s.", k, verb(k, "invalid trial was repeated", "invalid trials were repeated"))
	}
	switch {
	case n[string(result.Pass)] == total && total == 1:
		return "The trial passes." + again
	case n[string(result.Pass)] == total:
		return fmt.Sprintf("All %d %s pass.%s", total, noun, again)
	}
	var s strings.Builder
	fmt.Fprintf(&s, "%d of %d %s pass", n[string(result.Pass)], total, noun)
	for _, part := range []struct{ outcome, one, many string }{
		{string(result.Fail), "fails a check", "fail a check"},
		{string(result.Invalid), "is invalid and says nothing about the server", "are invalid and say nothing about the server"},
		{selection.Interrupted, "was interrupted", "were interrupted"},
	} {
		if k := n[part.outcome]; k > 0 {
			fmt.Fprintf(&s, ", %d %s", k, verb(k, part.one, part.many))
		}
	}
	return s.String() + "." + again
}

func verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// mostNamed is how many combinations a sentence names one by one.
const mostNamed = 6

// inOrder is "p99 delivery: 3 ms with websocket, 12 ms with polling (medians of 5 trials each).",
// the lowest first, or the two ends of more than a sentence can name. The highest percentile is
// taken that every combination has the samples for.
func inOrder(run *result.Run, gs []selection.Group) string {
	metricName := selection.Primary(run)
	type end struct {
		label string
		s     selection.Spread
		alike bool // not told apart from the lowest
	}
	q := selection.Highest(gs, metricName)
	r := selection.Rank(gs, selection.LatencyOf(metricName, q), false)
	var ends []end
	for i, g := range gs {
		if s := selection.OverLatency(g.Valid(), metricName, q); s.N > 0 {
			ends = append(ends, end{g.Label, s, r.Alike[i]})
		}
	}
	name := selection.Percentiles[q].Name + " " + metricName
	switch len(ends) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("%s: %s.", name, tables.ShowSpread(ends[0].s, layout.Micros))
	}
	slices.SortStableFunc(ends, func(a, b end) int { return cmp.Compare(a.s.Mid, b.s.Mid) })
	say := func(e end) string {
		s := tables.ShowMedian(e.s, layout.Micros) + " with " + e.label
		if e.alike {
			s += " (no difference shown)"
		}
		return s
	}
	if len(ends) > mostNamed {
		return fmt.Sprintf("%s: from %s to %s (%s).", name, say(ends[0]), say(ends[len(ends)-1]), medians(gs))
	}
	var parts []string
	for _, e := range ends {
		parts = append(parts, say(e))
	}
	return fmt.Sprintf("%s: %s (%s).", name, strings.Join(parts, ", "), medians(gs))
}

// medians says what the numbers of combinations rest on.
func medians(gs []selection.Group) string {
	for _, g := range gs {
		if len(g.Valid()) > 1 {
			return "medians of " + tables.TrialsNote(gs)
		}
	}
	return "one trial each, so the order may be due to chance"
}

// cheapest is "Deliveries per CPU second of the server: from 4 800 with short-polling to 11 900
// with websocket."
func cheapest(gs []selection.Group) string {
	var low, high string
	var least, most float64
	for _, g := range gs {
		s := selection.Over(g.Valid(), selection.Efficiency)
		if s.N == 0 {
			continue
		}
		if low == "" || s.Mid < least {
			low, least = g.Label, s.Mid
		}
		if high == "" || s.Mid > most {
			high, most = g.Label, s.Mid
		}
	}
	if low == high {
		return ""
	}
	return fmt.Sprintf("Deliveries per CPU second of the server: from %s with %s to %s with %s.", layout.Significant(least), low, layout.Significant(most), high)
}

// choiceSentence counts at how many kinds of work each strategy is one to use, if that was tested.
func choiceSentence(ws []selection.Work) string {
	if !tables.AllTested(ws) {
		return fmt.Sprintf("%s were compared at %s, with %s: too few to recommend one. Run with --set matrix.repeat=%d.",
			layout.Count(len(tables.StrategyNames(ws)))+" strategies", layout.Plural(len(ws), "kind")+" of work", tables.TrialsNote(selection.Doers(ws)), stats.MinTrials+1)
	}
	// works at which it is one to use, and the cheapest
	n, first := map[string]int{}, map[string]int{}
	judged := 0
	names := tables.StrategyNames(ws)
	for _, w := range ws {
		c, ok := w.Choose()
		if !ok {
			continue
		}
		judged++
		for _, o := range c.Options {
			if o.Fit() {
				n[o.Label]++
			}
		}
		first[c.Options[0].Label]++
	}
	if judged == 0 {
		return ""
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Or(n[b]-n[a], first[b]-first[a]) })
	parts := []string{fmt.Sprintf("%s at %d of %s", names[0], n[names[0]], layout.Plural(judged, "kind")+" of work")}
	for _, name := range names[1:] {
		if n[name] > 0 {
			parts = append(parts, fmt.Sprintf("%s at %d", name, n[name]))
		}
	}
	return "Recommended by the server's CPU and memory: " + strings.Join(parts, ", ") + "."
}
