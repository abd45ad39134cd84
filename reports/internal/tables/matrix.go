package tables

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/reports/internal/stats"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// TrialsNote is "5 trials each", or the range when they differ, and how many combinations have
// none.
func TrialsNote(gs []selection.Group) string {
	low, high, without := 0, 0, 0
	for _, g := range gs {
		n := len(g.Valid())
		if n == 0 {
			without++
			continue
		}
		if low == 0 || n < low {
			low = n
		}
		high = max(high, n)
	}
	note := trialsEach(low, high)
	if without > 0 && high > 0 {
		note += fmt.Sprintf(", %s without a valid trial", layout.Count(without))
	}
	return note
}

func trialsEach(low, high int) string {
	switch {
	case high == 0:
		return "no valid trial"
	case low == high && low == 1:
		return "one trial each"
	case low == high:
		return fmt.Sprintf("%d trials each", low)
	}
	return fmt.Sprintf("%d to %d valid trials", low, high)
}

// rankColours is how many colours there are, from best to worst.
const rankColours = 5

// markRanks writes the ranks into a column of a table, the i-th group's into rows[i]: a colour on
// the page, and words that stand for it everywhere. An order that was not tested is not marked: it
// may be chance.
func markRanks(r selection.Ranks, t *layout.Table, column int, rows []int) {
	if !r.Tested {
		return
	}
	for i, place := range r.Place {
		if place == 0 {
			continue
		}
		if t.Marks == nil {
			t.Marks = map[[2]int]string{}
		}
		at := rows[i]
		t.Marks[[2]int{at, column}] = fmt.Sprintf("rank%d", 1+(place-1)*(rankColours-1)/(r.N-1))
		switch {
		case place == 1:
			t.Rows[at][column] += " best"
		case r.Alike[i]:
			t.Rows[at][column] += " ~"
		}
	}
}

// ranksNote explains the marks of markRanks.
func ranksNote(r selection.Ranks) string {
	switch {
	case r.N < 2:
		return ""
	case r.Tested:
		return "best: the first in its column; ~: no difference from the best is shown (Mann-Whitney test over the trials, with Holm's correction)."
	}
	return tooFewTrials()
}

// tooFewTrials says why nothing is called best.
func tooFewTrials() string {
	return fmt.Sprintf("With fewer than %d trials of each combination, differences are not tested and none is marked best: run with --set matrix.repeat=%d.", stats.MinTrials, stats.MinTrials+1)
}

// onlyMedian is the heading of a metric's medians where the table has no higher percentile of it.
func onlyMedian(t *layout.Table, metricName string) string {
	if slices.Contains(t.Head, metricName+" p99") || slices.Contains(t.Head, metricName+" p90") {
		return ""
	}
	return metricName + " p50"
}

// markBest ranks the rows of the overview; when there are several works, each separately.
func markBest(t *layout.Table, ws []selection.Work, gs []selection.Group, metricName string) {
	several := len(ws) > 1
	if !several {
		all := selection.Work{Of: gs}
		for i := range gs {
			all.At = append(all.At, i)
		}
		ws = []selection.Work{all}
	}
	columns := []struct {
		head   string
		value  func(*result.Cell) (float64, bool)
		higher bool
	}{
		{metricName + " p99", selection.LatencyOf(metricName, selection.P99), false},
		{metricName + " p90", selection.LatencyOf(metricName, selection.P90), false},
		{onlyMedian(t, metricName), selection.LatencyOf(metricName, selection.P50), false},
		{"last receiver p99", selection.LatencyOf(selection.LastReceiver, selection.P99), false},
		{"last receiver p90", selection.LatencyOf(selection.LastReceiver, selection.P90), false},
		{"deliveries per CPU s", selection.Efficiency, true},
	}
	for _, w := range ws {
		for _, c := range columns {
			if at := slices.Index(t.Head, c.head); at >= 0 {
				r := selection.Rank(w.Of, c.value, c.higher)
				markRanks(r, t, at, w.At)
				t.Note = cmp.Or(t.Note, ranksNote(r))
			}
		}
	}
	if several && t.Note != "" {
		t.Note = strings.Replace(t.Note, "the first in its column", "the first in its column among the strategies for the same work", 1)
	}
}

// OverviewTable has a row per combination of the matrix; with repeats each number is the median of
// the valid trials and their range.
func OverviewTable(run *result.Run, gs []selection.Group, ws []selection.Work) layout.Table {
	metricName := selection.Primary(run)
	axes := selection.Varying(run)
	var t layout.Table
	doing := map[int]string{} // the work of each group
	if len(ws) > 0 {
		t.Title = "Every strategy, by work"
		axes = []string{"work", selection.Strategies}
		gs, ws = byWork(gs, ws)
		for _, w := range ws {
			for _, i := range w.At {
				doing[i] = w.Label
			}
		}
	}
	t.Left, t.Head = len(axes)+1, append(slices.Clone(axes), "verdict")
	repeated := slices.ContainsFunc(gs, func(g selection.Group) bool { return len(g.Cells) > 1 })
	t.Head = append(t.Head, "lost")
	type column struct {
		metric string
		q      int
	}
	var columns []column
	for _, m := range []struct{ metric, name string }{{metricName, metricName}, {selection.LastReceiver, "last receiver"}} {
		if m.metric == "" || !selection.Measured(gs, m.metric) {
			continue
		}
		columns, t.Head = append(columns, column{m.metric, selection.P50}), append(t.Head, m.name+" p50")
		if q := selection.Highest(gs, m.metric); q != selection.P50 {
			columns, t.Head = append(columns, column{m.metric, q}), append(t.Head, m.name+" "+selection.Percentiles[q].Name)
		}
	}
	t.Head = append(t.Head, "deliveries/s", "deliveries per CPU s", "server memory")
	more := false
	for i, g := range gs {
		var row []string
		for _, k := range axes {
			row = append(row, selection.Value(g.Cells[0], k))
		}
		if len(ws) > 0 {
			row[0] = doing[i]
		}
		row = append(row, g.Verdicts())
		ok := g.Valid()
		row = append(row, lostIn(ok))
		for _, c := range columns {
			s := selection.OverLatency(ok, c.metric, c.q)
			row, more = append(row, ShowSpread(s, layout.Micros)), more || s.Beyond
		}
		t.Rows = append(t.Rows, append(row, ShowSpread(selection.Over(ok, selection.Deliveries), layout.Significant), ShowSpread(selection.Over(ok, selection.Efficiency), layout.Significant), ShowSpread(selection.Over(ok, selection.ServerMemory), layout.Bytesize)))
	}
	if run.Capacity == nil {
		markBest(&t, ws, gs, metricName)
	}
	if repeated {
		t.Note += " Median of the valid trials, with the lowest and the highest in parentheses; lost is the sum over the trials."
	}
	if slices.ContainsFunc(gs, func(g selection.Group) bool { return len(g.Valid()) < len(g.Cells) }) {
		t.Note += " Invalid trials are excluded."
	}
	if more {
		t.Note += " " + MoreNote
	}
	if metric.OneWay(metricName) {
		t.Note += " " + layout.ClockNote(selection.ClockBoundOf(gs))
	}
	t.Note = strings.TrimSpace(t.Note)
	return t
}

// byWork puts the groups of each work together.
func byWork(gs []selection.Group, ws []selection.Work) (ordered []selection.Group, works []selection.Work) {
	for _, w := range ws {
		next := selection.Work{Label: w.Label, Of: w.Of}
		for _, i := range w.At {
			next.At, ordered = append(next.At, len(ordered)), append(ordered, gs[i])
		}
		works = append(works, next)
	}
	return ordered, works
}

func lostIn(cells []*result.Cell) string {
	if len(cells) == 0 {
		return layout.None
	}
	lost := int64(0)
	for _, c := range cells {
		lost += c.Ledger.Lost
	}
	return layout.Count(lost)
}

// TrialsTable has a row per cell, in the order they ran.
func TrialsTable(run *result.Run) layout.Table {
	metricName := selection.Primary(run)
	axes := selection.Varying(run)
	t := layout.Table{Title: "Trials in the order they ran", Left: len(axes) + 2}
	t.Head = append(append([]string{"cell"}, axes...), "verdict", "trial")
	if metricName != "" {
		t.Head = append(t.Head, "p50", "p99", "max")
	}
	t.Head = append(t.Head, "deliveries/s", "lost", "lag p99", "CPU max")
	for i := range run.Cells {
		c := &run.Cells[i]
		row := []string{fmt.Sprintf("%02d", i+1)}
		for _, k := range axes {
			row = append(row, selection.Value(c, k))
		}
		row = append(row, selection.OutcomeOf(c), strconv.Itoa(c.Trial))
		if metricName != "" {
			l := c.Latency[metricName]
			top := layout.None
			if l != nil && l.N+l.Never > 0 {
				top = AtLeast(l, 100, l.Maxus)
			}
			row = append(row, ShowPercentile(selection.Percentiles[selection.P50], l), ShowPercentile(selection.Percentiles[selection.P99], l), top)
		}
		t.Rows = append(t.Rows, append(row, layout.Significant(c.Rates.DeliveriesPerS), layout.Count(c.Ledger.Lost),
			ShowLagP99(c), layout.Known(c.Generator.CPUMax, layout.Share)))
	}
	return t
}
