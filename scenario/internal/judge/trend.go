package judge

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// tails are the metrics whose 99th percentile is kept by the second.
var tails = [...]string{metric.Delivery, metric.Ack, metric.Lag}

// Take takes over what a second of the timeline has.
func (s *Second) Take(from *result.Second) {
	s.Goroutines, s.Files, s.ServerGoroutines, s.ServerFiles = from.Goroutines, from.Files, from.ServerGoroutines, from.ServerFiles
	for i, name := range Delays {
		s.Delays[i] = time.Duration(from.Latency[name].P50us) * time.Microsecond
	}
	for i, name := range tails {
		s.Tails[i] = time.Duration(from.Latency[name].P99us) * time.Microsecond
	}
}

const (
	// trendSeconds are the fewest seconds of which a slope by the hour is told.
	trendSeconds = 50
	// trendPoints bounds the points of a trend: of more seconds, neighbours are averaged, which
	// also takes out what depends on the second before.
	trendPoints = 30
	// within this many standard deviations is 95 %
	sigmas = 1.96
)

// Trends are the trends of the recorded seconds, of the metrics that are known; nil when there are
// too few seconds.
func (e *Evidence) Trends() (out []result.Trend) {
	for _, name := range metric.Drifting {
		if t, ok := e.trend(name, ""); ok {
			out = append(out, t)
		}
	}
	return out
}

// trend is the trend of a metric in a phase, or in all recorded ones. ok is false for too few
// seconds, and where they depend on one another so much that they tell nothing of the slope.
func (e *Evidence) trend(name, phase string) (t result.Trend, ok bool) {
	m, known := metric.Of(name)
	if !known {
		return t, false
	}
	set := e.phases(Scope{Phase: phase})
	var at, vs []float64 // hours, and values
	for i := range e.Seconds {
		if s := &e.Seconds[i]; set.has(s.Phase) {
			if v, known := e.sample(name, s); known {
				at, vs = append(at, float64(i)/3600), append(vs, v)
			}
		}
	}
	if len(vs) < trendSeconds {
		return t, false
	}
	t = result.Trend{Metric: name, Unit: unitOf(m.Unit), N: len(vs)}
	at, vs = averaged(at, trendPoints), averaged(vs, trendPoints)
	t.PerHour, t.Low, t.High, ok = slope(at, vs)
	rest := make([]float64, len(vs))
	for i, v := range vs {
		rest[i] = v - t.PerHour*(at[i]-at[0])
	}
	t.Begin = middle(rest)
	return t, ok
}

// drift evaluates a rule on the growth in an hour.
func (e *Evidence) drift(k *file.Check) result.Check {
	t, ok := e.trend(k.Metric, k.Phase)
	if !ok {
		r := found(k, nothing, "")
		undecide(&r, fmt.Sprintf("too few seconds to tell a slope: record at least %v", trendSeconds*time.Second))
		return r
	}
	note := "an hour"
	if t.Begin > 0 {
		note = fmt.Sprintf("the slope is %s an hour, from %s to %s", share(t.PerHour/t.Begin), share(t.Low/t.Begin), share(t.High/t.Begin))
	}
	return found(k, reading{v: t.Drift()}, note)
}

func share(v float64) string {
	if v < 0 {
		return "-" + metric.FormatShare(-v)
	}
	return metric.FormatShare(v)
}

// slope is the Theil-Sen slope of values over times, and the interval that Sen gave it (Journal of
// the American Statistical Association 63, 1968): the slopes between all pairs, without as many at
// either end as Kendall's statistic allows by chance. Its variance is that of Hamed and Rao
// (Journal of Hydrology 204, 1998), as memory of one moment depends on that of the moment before:
// without it the interval of a heap that breathes is far too narrow. ok is false when the interval
// has no end.
func slope(at, vs []float64) (slope, low, high float64, ok bool) {
	n := len(vs)
	slopes := make([]float64, 0, n*(n-1)/2)
	for i := range vs {
		for j := i + 1; j < n; j++ {
			slopes = append(slopes, (vs[j]-vs[i])/(at[j]-at[i]))
		}
	}
	slope = middle(slopes) // sorted from here on
	rest := make([]float64, n)
	for i, v := range vs {
		rest[i] = v - slope*at[i]
	}
	variance := float64(n*(n-1)*(2*n+5)) / 18 * dependence(rest)
	out := (float64(len(slopes)) - sigmas*math.Sqrt(variance)) / 2
	k := int(math.Floor(out)) - 1
	if k < 0 {
		return slope, 0, 0, false
	}
	return slope, slopes[k], slopes[len(slopes)-1-k], true
}

// dependence is by how much the variance of Kendall's statistic is larger than of independent
// values: 1 at least, from those autocorrelations of the ranks that are not chance.
func dependence(vs []float64) float64 {
	n := len(vs)
	rs := ranks(vs)
	mean, square := float64(n-1)/2, 0.0
	for _, r := range rs {
		square += (r - mean) * (r - mean)
	}
	if square == 0 {
		return 1
	}
	sum := 0.0
	for lag := 1; lag < n-2; lag++ {
		c := 0.0
		for i := range n - lag {
			c += (rs[i] - mean) * (rs[i+lag] - mean)
		}
		if c /= square; math.Abs(c) > sigmas/math.Sqrt(float64(n)) {
			m := float64(n - lag)
			sum += m * (m - 1) * (m - 2) * c
		}
	}
	return max(1, 1+2/float64(n*(n-1)*(n-2))*sum)
}

// ranks are the places of values in order, from 0; equal ones share the mean of theirs.
func ranks(vs []float64) []float64 {
	order := make([]int, len(vs))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case vs[a] < vs[b]:
			return -1
		case vs[a] > vs[b]:
			return 1
		}
		return 0
	})
	out := make([]float64, len(vs))
	for i := 0; i < len(order); {
		end := i
		for end < len(order) && vs[order[end]] == vs[order[i]] {
			end++
		}
		for _, at := range order[i:end] {
			out[at] = float64(i+end-1) / 2
		}
		i = end
	}
	return out
}
