package stats

import (
	"cmp"
	"math"
	"slices"

	"golang.org/x/perf/benchmath"
)

// Alpha is the rate of false alarms that a comparison accepts: of twenty equal systems, one may be
// called different.
const Alpha = 0.05

// Looking is the share of a level that is left to test at where trials are made until an interval
// is narrow enough (Effect.Detectable). How wide it is says nothing of which side is better, but it
// is narrow enough by luck, too, and an interval that is narrower than it should be leaves zero out
// more often: up to 1.4 times as often, depending on how far the trials scatter and how
// (TestStoppingByLuck).
const Looking = 0.75

// MinTrials is how many trials each side needs before the Mann-Whitney test can show anything at
// alpha: with three, even two sides that lie wholly apart give p = 0.1.
const MinTrials = 4

// Median of values that need not be sorted; NaN without any.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	vs := slices.Sorted(slices.Values(values))
	mid := len(vs) / 2
	if len(vs)%2 == 1 {
		return vs[mid]
	}
	return (vs[mid-1] + vs[mid]) / 2
}

// PValue is the two-sided Mann-Whitney test of the null hypothesis that both samples come from one
// distribution: exact for the numbers of trials that people run, ties included. Equal samples give
// 1.
func PValue(base, new []float64) float64 {
	t := benchmath.DefaultThresholds
	p := benchmath.AssumeNothing.Compare(benchmath.NewSample(slices.Clone(base), &t), benchmath.NewSample(slices.Clone(new), &t)).P
	return math.Min(1, p)
}

// LeastP is the smallest p-value that the test can give for samples of n and m.
func LeastP(n, m int) float64 {
	p := 2.0
	for i := 1; i <= n; i++ {
		p *= float64(i) / float64(m+i)
	}
	return math.Min(1, p)
}

// Holm corrects the p-values of a family of tests after Holm, Scandinavian Journal of Statistics 6
// (1979): with it the chance of one false alarm or more in the whole family stays at the level of a
// single test. Weights, which are above zero, give some hypotheses a larger share of that level, as
// in section 5 of the paper; nil gives all of them the same. The order is kept.
func Holm(ps, weights []float64) []float64 {
	weight := func(i int) float64 {
		if weights == nil {
			return 1
		}
		return weights[i]
	}
	order := make([]int, len(ps))
	left := 0.0
	for i := range order {
		order[i] = i
		left += weight(i)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(ps[a]/weight(a), ps[b]/weight(b)) })
	corrected, highest := make([]float64, len(ps)), 0.0
	for _, i := range order {
		highest = max(highest, math.Min(1, ps[i]/weight(i)*left))
		corrected[i] = highest
		left -= weight(i)
	}
	return corrected
}

// Interval is a range that holds the true value in 95 of 100 comparisons.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}
