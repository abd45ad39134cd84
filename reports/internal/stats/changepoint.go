package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
)

// MinSeries is how many values a series needs before a change point is looked for. With fewer, a
// machine that is of either of two kinds, by chance of one first and of the other then, is a change
// too often (TestChangePointFalseAlarms).
const MinSeries = 8

// side is how many values lie on either side of a change point at least: one alone may be an
// outlier, and with a chance that no simulation with normal values knows.
const side = 2

// kinship is the correlation of neighbours in the series that count as without a change: machines
// are slower for some days, and faster for others.
const kinship = 0.3

// ChangePoint finds where the mean of a series is most likely to have changed once: at is the place
// of the first value after it, p the chance that a series without a change, of normal values each
// of which is akin to the one before, looks as if it had one there or anywhere else. The statistic
// is the largest of Student's t over all ways to cut the series in two (Hawkins, Journal of the
// American Statistical Association 72, 1977) with at least two values on either side; its
// distribution, which depends on the length alone, is simulated with a fixed seed. A series shorter
// than MinSeries or without any difference gives 0 and 1.
func ChangePoint(values []float64) (at int, p float64) {
	at, t := largestT(values)
	if len(values) < MinSeries || t == 0 {
		return 0, 1
	}
	null := unchanged(len(values))
	below, _ := slices.BinarySearch(null, t)
	return at, float64(len(null)-below+1) / float64(len(null)+1)
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
	for k := 1; k <= n-side; k++ {
		left += values[k-1] - sum
		if k < side {
			continue
		}
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

// unchanged are the values of largestT, sorted, in series of n normal values that are akin to their
// neighbours.
func unchanged(n int) []float64 {
	if known, ok := nulls.Load(n); ok {
		return known.([]float64)
	}
	rnd := rand.New(rand.NewPCG(uint64(n), 0x6368616e6765)) // "change"
	out, values := make([]float64, simulations), make([]float64, n)
	for i := range out {
		autoregressive(rnd, values, kinship)
		_, out[i] = largestT(values)
	}
	slices.Sort(out)
	nulls.Store(n, out)
	return out
}

// autoregressive fills values with a stationary series: normal values, of which neighbours have
// this correlation, and those further apart its powers.
func autoregressive(rnd *rand.Rand, values []float64, correlation float64) {
	x := rnd.NormFloat64()
	for i := range values {
		values[i] = x
		x = correlation*x + math.Sqrt(1-correlation*correlation)*rnd.NormFloat64()
	}
}
