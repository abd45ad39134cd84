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

// NeededTrials is how many trials each side needs before a difference can be shown in one of so
// many pairs.
func NeededTrials(pairs int) int {
	n := MinTrials
	for LeastP(n, n)*float64(pairs) > Alpha {
		n++
	}
	return n
}

// Holm corrects the p-values of a family of tests after Holm, Scandinavian Journal of Statistics 6
// (1979): with it the chance of one false alarm or more in the whole family stays at the level of a
// single test. The order is kept.
func Holm(ps []float64) []float64 {
	order := make([]int, len(ps))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(ps[a], ps[b]) })
	corrected, highest := make([]float64, len(ps)), 0.0
	for rank, i := range order {
		highest = max(highest, math.Min(1, ps[i]*float64(len(ps)-rank)))
		corrected[i] = highest
	}
	return corrected
}

// Contrasts are all differences, or quotients, of a value of new and a value of base, sorted. Their
// median is the estimate of Hodges and Lehmann for the change from base to new, and their order
// statistics bound its confidence interval.
func Contrasts(base, new []float64, relative bool) []float64 {
	all := make([]float64, 0, len(base)*len(new))
	for _, n := range new {
		for _, b := range base {
			if relative {
				all = append(all, n/b-1)
			} else {
				all = append(all, n-b)
			}
		}
	}
	slices.Sort(all)
	return all
}

// Interval is a range that holds the true value in 95 of 100 comparisons.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// ConfidenceInterval is the confidence interval of the change that belongs to the Mann-Whitney
// test: the changes which that test would not reject. It is nil where there are too few trials to
// bound it.
func ConfidenceInterval(sorted []float64, n, m int) *Interval {
	k := trimmed(n, m)
	if k < 1 {
		return nil
	}
	return &Interval{sorted[k-1], sorted[len(sorted)-k]}
}

// exactTrials is up to which number of trials a side the distribution of U is counted; the counts
// stay whole numbers in a float64 far beyond it.
const exactTrials = 20

// trimmed is the largest k with P(U <= k-1) <= alpha/2 under the null hypothesis: how many
// contrasts at either end, less one, the interval leaves out.
func trimmed(n, m int) int {
	if n > exactTrials || m > exactTrials {
		nm := float64(n) * float64(m)
		sd := math.Sqrt(nm * float64(n+m+1) / 12)
		return int(math.Floor(nm/2 - 1.959964*sd + 0.5))
	}
	// The number of ways to get each U is a coefficient of the Gaussian binomial: the product over
	// i of (1-x^(m+i))/(1-x^i).
	ways := make([]float64, n*m+1)
	ways[0] = 1
	for i := 1; i <= n; i++ {
		for u := len(ways) - 1; u >= m+i; u-- {
			ways[u] -= ways[u-m-i]
		}
		for u := i; u < len(ways); u++ {
			ways[u] += ways[u-i]
		}
	}
	all, below := 0.0, 0.0
	for _, w := range ways {
		all += w
	}
	for u, w := range ways {
		below += w
		if below/all > Alpha/2 {
			return u
		}
	}
	return 0
}
