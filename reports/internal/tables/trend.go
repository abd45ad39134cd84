package tables

import (
	"math"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// TrendTable has a row for each slope over the recorded seconds; none where they were too few.
func TrendTable(c *result.Cell) layout.Table {
	t := layout.Table{Title: "Slopes", Left: 1, Head: []string{"metric", "at first", "an hour", "95 % interval", "of that", ""}}
	for i := range c.Trends {
		r := &c.Trends[i]
		name := r.Metric
		if r.Agent != "" {
			name += " of " + r.Agent
		}
		if m, known := metric.Of(r.Metric); known && m.Kind == metric.Latency {
			name = "p99(" + name + ")"
		}
		of := layout.None
		if r.Begin > 0 {
			of = signed(r.PerHour/r.Begin, layout.Share)
		}
		t.Rows = append(t.Rows, []string{
			name, amount(r.Begin, r.Unit), signed(r.PerHour, inUnit(r.Unit)), signed(r.Low, inUnit(r.Unit)) + " to " + signed(r.High, inUnit(r.Unit)), of, r.Word(),
		})
	}
	if len(t.Rows) > 0 {
		t.Note = "The line through the recorded seconds. grows, falls: the whole interval is beyond " + layout.Share(result.SteadyShare) +
			" an hour; steady: the whole interval is within; open: the run is too short to tell."
	}
	return t
}

func inUnit(unit string) func(float64) string {
	return func(v float64) string { return amount(v, unit) }
}

func amount(v float64, unit string) string {
	switch unit {
	case "bytes":
		return layout.Bytesize(v)
	case metric.Seconds:
		return layout.Micros(v * 1e6)
	}
	return layout.Significant(v)
}

func signed(v float64, write func(float64) string) string {
	sign := "+"
	if v < 0 {
		sign = "-"
	}
	return sign + write(math.Abs(v))
}
