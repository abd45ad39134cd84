package selection

import (
	"slices"
	"strings"

	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// Metrics lists the metrics of a cell that hold samples.
func Metrics(c *result.Cell) []string {
	var names []string
	for name, l := range c.Latency {
		if l != nil && l.N+l.Never > 0 {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, metric.Order)
	return names
}

// Primary is the metric that a run is about: deliveries where there are any, else acknowledgements,
// else whatever there is.
func Primary(run *result.Run) string {
	for _, name := range []string{metric.Delivery, metric.Ack, metric.Step, metric.Connect} {
		for i := range run.Cells {
			if l := run.Cells[i].Latency[name]; l != nil && l.N+l.Never > 0 {
				return name
			}
		}
	}
	for i := range run.Cells {
		if m := Metrics(&run.Cells[i]); len(m) > 0 {
			return m[0]
		}
	}
	return ""
}

// Percentile is a column of the latency tables. It needs n samples: ten beyond the percentile.
type Percentile struct {
	Name string
	P    float64
	N    int64
	Of   func(*result.Latency) int64
}

// Percentiles are the columns of the latency tables, by P50 to P999.
var Percentiles = []Percentile{
	{"p50", 0.5, 20, func(l *result.Latency) int64 { return l.P50us }},
	{"p90", 0.9, 100, func(l *result.Latency) int64 { return l.P90us }},
	{"p99", 0.99, 1000, func(l *result.Latency) int64 { return l.P99us }},
	{"p99.9", 0.999, 10000, func(l *result.Latency) int64 { return l.P999us }},
}

// Enough tells whether n samples can say what their quantile q (0..1) is: ten of them lie beyond
// it.
func Enough(n int64, q float64) bool { return n >= metric.SamplesFor(100*q) }

// The places of the percentiles in Percentiles.
const (
	P50 = iota
	P90
	P99
	P999
)

// OfSecond is the percentile, p50 or p99, of one second in µs; 0 when it has too few samples to
// say.
func (p Percentile) OfSecond(q result.Quantiles) int64 {
	us := q.P99us
	if p.Name == "p50" {
		us = q.P50us
	}
	return metric.Stated(q.N, 100*p.P, us)
}

// OfSeconds is the percentile to draw by the second: p99 where half of the seconds with samples
// have enough for it, else p50.
func OfSeconds(timelines [][]result.Second, metricName string) Percentile {
	some, many := 0, 0
	for _, timeline := range timelines {
		for _, s := range timeline {
			n := s.Latency[metricName].N
			if n > 0 {
				some++
			}
			if Enough(n, Percentiles[P99].P) {
				many++
			}
		}
	}
	if 2*many < some {
		return Percentiles[P50]
	}
	return Percentiles[P99]
}

// Best is the highest percentile up to p99 that l has the samples for; "max" below twenty.
func Best(l *result.Latency) (name string, us int64) {
	for _, i := range []int{P99, P90, P50} {
		if l.N+l.Never >= Percentiles[i].N {
			return Percentiles[i].Name, Percentiles[i].Of(l)
		}
	}
	return "max", l.Maxus
}

// BestBeyond reports whether the value that Best returns is how long was waited for something that
// never came: the truth is more.
func BestBeyond(l *result.Latency) bool {
	for _, i := range []int{P99, P90, P50} {
		if l.N+l.Never >= Percentiles[i].N {
			return l.Beyond(100 * Percentiles[i].P)
		}
	}
	return l.Beyond(100)
}

// LatencyOf reads a percentile of a metric, if there are samples enough. What never ended counts as
// slower than all others: see BeyondOf.
func LatencyOf(metricName string, i int) func(*result.Cell) (float64, bool) {
	return func(c *result.Cell) (float64, bool) {
		l := c.Latency[metricName]
		if l == nil || l.N+l.Never < Percentiles[i].N {
			return 0, false
		}
		return float64(Percentiles[i].Of(l)), true
	}
}

// BeyondOf reports whether the value of LatencyOf is how long was waited for something that never
// came: the truth is more.
func BeyondOf(metricName string, i int) func(*result.Cell) bool {
	return func(c *result.Cell) bool { return c.Latency[metricName].Beyond(100 * Percentiles[i].P) }
}

// IsConnect tells the metrics of the ramp: connect and its stages, connect.tcp and so on.
func IsConnect(metricName string) bool {
	return metricName == metric.Connect || strings.HasPrefix(metricName, metric.Connect+".")
}
