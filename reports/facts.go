package reports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/reports/internal/sentences"
	"github.com/throng-io/throng/reports/internal/tables"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// factsTable is the first screen's table: what was measured, on what, and what came out. Numbers of
// an invalid cell are in its tables further down, never here.
func factsTable(run *result.Run) layout.Table {
	t := layout.Table{Left: 2}
	add := func(name, value string) {
		if value != "" {
			t.Rows = append(t.Rows, []string{name, value})
		}
	}
	if len(run.Cells) == 1 {
		c := &run.Cells[0]
		add("load", loadFact(c))
		add("clients", clientsFact(c))
		if c.Interrupted || result.Worst(c.Verdict, c.Verdict) != result.Invalid {
			add("deliveries", ledgerFact(c.Ledger))
			for _, metricName := range selection.Metrics(c) {
				if slices.Contains(leadMetrics, metricName) {
					add(metricName, latencyFact(c.Latency[metricName], boundOf(c, metricName)))
				}
			}
			add("server", serverFact(c))
		}
		add("generator", generatorFact(c))
	} else if len(run.Cells) > 1 {
		gs := selection.Groups(run)
		measured := layout.Plural(len(run.Cells), "trial")
		if len(gs) > 1 {
			measured += " in " + layout.Plural(len(gs), "combination")
		}
		add("measured", measured)
		if axes := selection.Varying(run); len(axes) > 0 {
			add("compared by", strings.Join(axes, ", "))
		}
		add("each for", layout.Seconds(run.Cells[0].Seconds))
		add("clients", manyClients(run))
	}
	tables.MachineFacts(&t, run)
	return t
}

// manyClients is how many clients the cells held, and what all of them have in common.
func manyClients(run *result.Run) string {
	held := selection.Over(selection.Groups(run)[0].Cells, func(c *result.Cell) (float64, bool) { return float64(c.Clients.Held), true })
	for i := range run.Cells {
		n := float64(run.Cells[i].Clients.Held)
		held.Low, held.Top = min(held.Low, n), max(held.Top, n)
	}
	s := layout.Count(int64(held.Low))
	if held.Top > held.Low {
		s += " to " + layout.Count(int64(held.Top))
	}
	parts := []string{s + " held"}
	for _, name := range []string{"transport", "fanout"} {
		v := selection.Setting(&run.Cells[0], name)
		differs := func(c result.Cell) bool { return selection.Setting(&c, name) != v }
		if v != "" && !slices.ContainsFunc(run.Cells, differs) {
			if name == "fanout" {
				v += " fan-out"
			}
			parts = append(parts, v)
		}
	}
	return strings.Join(parts, ", ")
}

// leadMetrics are those that the first screen has room for.
var leadMetrics = []string{metric.Delivery, metric.FanoutLast, metric.Ack, metric.Connect, metric.Reconnect}

func loadFact(c *result.Cell) string {
	r := c.Rates
	if c.Seconds == 0 {
		return "no recorded phase"
	}
	s := layout.Significant(r.OfferedPerS) + " messages/s offered"
	if r.OfferedPerS > 0 {
		s += ", " + layout.Share(r.AchievedPerS/r.OfferedPerS) + " achieved"
	}
	if r.DeliveriesPerS > 0 {
		s += "; " + layout.Significant(r.DeliveriesPerS) + " deliveries/s"
	}
	return s + " for " + layout.Seconds(c.Seconds)
}

func clientsFact(c *result.Cell) string {
	s := fmt.Sprintf("%s of %s held", layout.Count(c.Clients.Held), layout.Count(c.Clients.Asked))
	if t := selection.Setting(c, "transport"); t != "" {
		s += ", " + t
	}
	if c.Clients.Failed > 0 {
		s += ", " + layout.Count(c.Clients.Failed) + " failed"
	}
	if c.Clients.Waiting > 0 {
		s += ", " + layout.Count(c.Clients.Waiting) + " still connecting"
	}
	if c.Clients.Dropped > 0 {
		s += ", " + layout.Count(c.Clients.Dropped) + " dropped"
	}
	return s
}

func ledgerFact(l result.Ledger) string {
	if l.Expected == 0 {
		return ""
	}
	parts := []string{layout.Count(l.Expected) + " expected", layout.Count(l.Received) + " received"}
	for _, part := range []struct {
		n    int64
		name string
	}{{l.Lost, "lost"}, {l.Late, "late"}, {l.Duplicate, "duplicate"}, {l.Disorder, "out of order"}, {l.Undecided, "undecided"}} {
		if part.n > 0 || part.name == "lost" {
			parts = append(parts, layout.Count(part.n)+layout.Nbsp+part.name)
		}
	}
	return strings.Join(parts, ", ")
}

// latencyFact is "p50 5.1 ms, p99 9.6 ms, max 11 ms (n = 120 000)", as far as there are samples.
func latencyFact(l *result.Latency, bound int64) string {
	var parts []string
	for _, i := range []int{selection.P50, selection.P99, selection.P999} {
		if v := tables.ShowPercentile(selection.Percentiles[i], l); v != layout.None {
			parts = append(parts, selection.Percentiles[i].Name+layout.Nbsp+layout.Bounded(v, selection.Percentiles[i].Of(l), bound))
		}
	}
	parts = append(parts, "max"+layout.Nbsp+layout.Bounded(tables.AtLeast(l, 100, l.Maxus), l.Maxus, bound))
	return strings.Join(parts, ", ") + fmt.Sprintf(" (n%s=%s%s)", layout.Nbsp, layout.Nbsp, tables.SamplesOf(l))
}

// boundOf is the error of the clocks in a metric of a cell, in microseconds.
func boundOf(c *result.Cell, name string) int64 {
	if metric.OneWay(name) {
		return c.ClockBoundUs()
	}
	return 0
}

func serverFact(c *result.Cell) string {
	var parts []string
	if v, ok := selection.ServerCores(c); ok {
		parts = append(parts, layout.Significant(v)+" cores")
	}
	if c.Server.RSSPeakBytes > 0 {
		parts = append(parts, layout.Bytesize(float64(c.Server.RSSPeakBytes)))
	}
	if c.Server.RSSPerClientBytes > 0 {
		parts = append(parts, layout.Bytesize(float64(c.Server.RSSPerClientBytes))+" a client")
	}
	return strings.Join(parts, ", ")
}

func generatorFact(c *result.Cell) string {
	s := sentences.Fitness(c)
	if s == "" {
		return ""
	}
	switch invalid := result.Worst(c.Verdict, c.Verdict) == result.Invalid; {
	case c.Interrupted:
		return s
	case invalid && sentences.Unfit(c):
		return s + ": not fit to judge"
	case invalid && !sentences.ByCheck(c):
		return s // a fault that did not happen may be its doing, too
	}
	return s + ": fit to judge"
}
