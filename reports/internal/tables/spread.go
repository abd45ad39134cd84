package tables

import (
	"fmt"
	"strings"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/scenario/result"
)

// ShowPercentile writes a percentile of l, or none when there are too few samples for it.
func ShowPercentile(p selection.Percentile, l *result.Latency) string {
	if l == nil || l.N+l.Never < p.N {
		return layout.None
	}
	return AtLeast(l, 100*p.P, p.Of(l))
}

// ShowLagP99 writes the 99th percentile of the generator's lag.
func ShowLagP99(c *result.Cell) string {
	if us, ok := selection.LagP99(c); ok {
		return layout.Micros(us)
	}
	return layout.None
}

// MoreNote explains the sign of AtLeast and of ShowSpread.
const MoreNote = "“>”: the wait ended without a result; such samples count as slower than all others."

// AtLeast writes the value of l at a percentile, with a sign where it is more than that.
func AtLeast(l *result.Latency, percentile float64, us int64) string {
	s := layout.Micros(float64(us))
	if l.Beyond(percentile) {
		s = ">" + layout.Nbsp + s
	}
	return s
}

// SamplesOf is how many samples l has, and of how many where some never ended.
func SamplesOf(l *result.Latency) string {
	s := layout.Count(l.N)
	if l.Never > 0 {
		s += " of " + layout.Count(l.N+l.Never) + layout.Nbsp + "came"
	}
	return s
}

// ShowSpread writes the median of the trials and, when they differ, their range in parentheses.
// A sign stands before a median that is more than that: see selection.OverLatency.
func ShowSpread(s selection.Spread, f func(float64) string) string {
	if s.Beyond {
		s.Beyond = false
		return ">" + layout.Nbsp + ShowSpread(s, f)
	}
	switch s.N {
	case 0:
		return layout.None
	case 1:
		return f(s.Mid)
	}
	low, top := f(s.Low), f(s.Top)
	if low == top {
		return low
	}
	// "3.1 ms to 4 ms" repeats the unit needlessly.
	if v, unit, ok := strings.Cut(low, layout.Nbsp); ok && strings.HasSuffix(top, layout.Nbsp+unit) && !strings.ContainsAny(unit, "0123456789") {
		low = v
	}
	return fmt.Sprintf("%s (%s – %s)", f(s.Mid), low, top)
}

// ShowMedian is ShowSpread without the range.
func ShowMedian(s selection.Spread, f func(float64) string) string {
	return ShowSpread(selection.Spread{N: min(s.N, 1), Mid: s.Mid, Beyond: s.Beyond}, f)
}

// Returned writes how long it took until a share of the lost connections was made again; with fewer
// than ten beyond the share, nothing.
func Returned(f *result.FaultReturns, share float64) string {
	us, ok := f.After(share)
	if !ok {
		return "never"
	}
	return BackAfter(us, f.Lost, share)
}

// BackAfter writes the time, in µs, until a share of the clients that were lost was back, as
// Returned does; 0 means never.
func BackAfter(us, lost int64, share float64) string {
	switch {
	case us == 0:
		return "never"
	case !selection.Enough(lost, share):
		return layout.None
	}
	return layout.Micros(float64(us))
}
