package selection

import (
	"slices"
	"sort"

	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// ServerCores is the mean CPU of the server in cores; false if it was not measured.
func ServerCores(c *result.Cell) (float64, bool) {
	if c.Seconds == 0 || c.Server.CPUs == 0 {
		return 0, false
	}
	return c.Server.CPUs / c.Seconds, true
}

// Throughput is deliveries a second, or what was sent where nothing is delivered.
func Throughput(c *result.Cell) float64 {
	if c.Rates.DeliveriesPerS > 0 {
		return c.Rates.DeliveriesPerS
	}
	return c.Rates.AchievedPerS
}

// Middle is the trial whose curve ends in the middle: curves of several trials cannot be merged.
func (g Group) Middle() *result.Cell {
	cells := slices.DeleteFunc(g.Valid(), func(c *result.Cell) bool { return len(c.Curve) < 2 || !Enough(c.Curve[len(c.Curve)-1].N, 0.5) })
	if len(cells) == 0 {
		return nil
	}
	sort.SliceStable(cells, func(i, j int) bool {
		return cells[i].Curve[len(cells[i].Curve)-1].P50us < cells[j].Curve[len(cells[j].Curve)-1].P50us
	})
	return cells[(len(cells)-1)/2]
}

// Spread is the median of several trials with the range they cover.
type Spread struct {
	N             int
	Mid, Low, Top float64
	Beyond        bool // Mid is how long was waited for what never came: the truth is more
}

// Over collects a number from the cells that have it.
func Over(cells []*result.Cell, f func(*result.Cell) (float64, bool)) Spread {
	var vs []float64
	for _, c := range cells {
		if v, ok := f(c); ok {
			vs = append(vs, v)
		}
	}
	if len(vs) == 0 {
		return Spread{}
	}
	slices.Sort(vs)
	mid := vs[len(vs)/2]
	if len(vs)%2 == 0 {
		mid = (vs[len(vs)/2-1] + mid) / 2
	}
	return Spread{N: len(vs), Mid: mid, Low: vs[0], Top: vs[len(vs)-1]}
}

// OverLatency collects a percentile of a metric, as LatencyOf reads it.
func OverLatency(cells []*result.Cell, metricName string, i int) Spread {
	of, beyond := LatencyOf(metricName, i), BeyondOf(metricName, i)
	s, more := Over(cells, of), 0
	for _, c := range cells {
		if _, ok := of(c); ok && beyond(c) {
			more++
		}
	}
	s.Beyond = more > 0 && 2*more >= s.N
	return s
}

// Efficiency is deliveries per CPU second of the server; false if it was not measured.
func Efficiency(c *result.Cell) (float64, bool) {
	return c.Server.DeliveriesPerCPUs, c.Server.DeliveriesPerCPUs > 0
}

// Deliveries is deliveries per second.
func Deliveries(c *result.Cell) (float64, bool) { return c.Rates.DeliveriesPerS, true }

// LagOf is the highest percentile up to p99 of the generator's lag that it sent often enough to
// tell.
func LagOf(c *result.Cell) (name string, us int64) {
	if l := c.Generator.Lag; l != nil && l.N > 0 {
		return Best(l)
	}
	return Percentiles[P99].Name, c.Generator.LagP99us
}

// LagP99 is the 99th percentile of the generator's lag in µs, if it sent often enough to tell.
// Results that do not say how often are taken at their word.
func LagP99(c *result.Cell) (float64, bool) {
	l := c.Generator.Lag
	return float64(c.Generator.LagP99us), c.Generator.LagP99us > 0 && (l == nil || l.N >= Percentiles[P99].N)
}

// LastReceiver is the metric that tells when a broadcast has reached everybody.
const LastReceiver = metric.FanoutLast

// ServerMemory is the peak of the server's resident memory in bytes; false if it was not measured.
func ServerMemory(c *result.Cell) (float64, bool) {
	return float64(c.Server.RSSPeakBytes), c.Server.RSSPeakBytes > 0
}

// Highest is the highest of p99, p90 and p50 of a metric that every combination with valid trials
// of it has the samples for.
func Highest(gs []Group, metricName string) int {
	for _, q := range []int{P99, P90} {
		if !slices.ContainsFunc(gs, func(g Group) bool {
			return slices.ContainsFunc(g.Valid(), func(c *result.Cell) bool {
				l := c.Latency[metricName]
				return l != nil && l.N+l.Never > 0 && l.N+l.Never < Percentiles[q].N
			})
		}) {
			return q
		}
	}
	return P50
}

// Measured tells whether any combination has a median of a metric.
func Measured(gs []Group, metricName string) bool {
	return slices.ContainsFunc(gs, func(g Group) bool { return Over(g.Valid(), LatencyOf(metricName, P50)).N > 0 })
}

// CurveAt reads the receiver curve: when the median broadcast had reached a share of its receivers.
func CurveAt(share float64) func(*result.Cell) (float64, bool) {
	return func(c *result.Cell) (float64, bool) {
		i := slices.IndexFunc(c.Curve, func(p result.CurvePoint) bool { return p.Rank >= share })
		if i < 0 || c.Curve[i].N < Percentiles[P50].N {
			return 0, false
		}
		return float64(c.Curve[i].P50us), true
	}
}
