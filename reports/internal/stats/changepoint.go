package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
)

// MinSeries is how many values a series needs before a change point is looked for.
const MinSeries = 5

// ChangePoint finds where the mean of a series is most likely to have changed once: at is the place
// of the first value after it, p the chance that a series of independent normal values without a
// change looks as if it had one there or anywhere else. The statistic is the largest of Student's t
// over all ways to cut the series in two (Hawkins, Journal of the American Statistical Association
// 72, 1977); its distribution, which depends on the length alone, is simulated with a fixed seed. A
// series shorter than MinSeries or without any difference gives 0 and 1; so does one in which all
// values but the first or the last are equal: how far they scatter is not known, and one message
// lost in the newest of ten results is no change.
func ChangePoint(values []float64) (at int, p float64) {
	at, t := largestT(values)
	if len(values) < MinSeries || t == 0 || alone(values, at) {
		return 0, 1
	}
	as := 0
	null := unchanged(len(values))
	for _, other := range null {
		if other >= t {
			as++
		}
	}
	return at, float64(as+1) / float64(len(null)+1)
}

// alone reports whether a cut leaves one value on one side, and values without scatter on the
// other.
func alone(values []float64, at int) bool {
	rest := values[:at]
	switch at {
	case 1:
		rest = values[1:]
	case len(values) - 1:
	default:
		return false
	}
	low, high := slices.Min(rest), slices.Max(rest)
	return high-low <= 1e-9*math.Max(math.Abs(low), math.Abs(high))
}

// largestT is the largest t of the two means over all cuts, and the place of the cut.
func largestT(values []float64) (at int, largest float64) {
	n := len(values)
	sum, squares := 0.0, 0.0
	for _, v := range values {
		sum += v / float64(n)
	}
	for _, v := range values {
		squares += (v - sum) * (v - sum)
	}
	if squares <= 1e-18*sum*sum*float64(n) { // nothing but rounding
		return 0, 0
	}
	left := 0.0 // sum of the deviations before the cut
	for k := 1; k < n; k++ {
		left += values[k-1] - sum
		between := left * left * float64(n) / float64(k*(n-k))
		within := max(squares-between, 1e-12*squares)
		if t := math.Sqrt(between * float64(n-2) / within); t > largest {
			at, largest = k, t
		}
	}
	return at, largest
}

// simulations is how many series without a change the distribution of largestT is taken from.
const simulations = 20_000

var nulls sync.Map // of unchanged, by length

// unchanged are the values of largestT in series of n independent normal values.
func unchanged(n int) []float64 {
	if known, ok := nulls.Load(n); ok {
		return known.([]float64)
	}
	rnd := rand.New(rand.NewPCG(uint64(n), 0x6368616e6765)) // "change"
	out, values := make([]float64, simulations), make([]float64, n)
	for i := range out {
		for k := range values {
			values[k] = rnd.NormFloat64()
		}
		_, out[i] = largestT(values)
	}
	nulls.Store(n, out)
	return out
}
