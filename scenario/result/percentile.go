package result

import (
	"math"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Percentiles returns the values at percentiles (0 to 100) of the samples in h, in microseconds;
// zeros when h is nil or empty. Every percentile that Throng shows or judges is found here.
//
// The value at percentile p of n samples is the sample of rank ceil(p/100 * n), counted from 1
// upwards: the smallest one that at least p percent of the samples do not exceed. It is given as
// the highest value in the same histogram cell; percentile 0 as the lowest value in the cell of the
// smallest sample. This is the definition of the reference implementation of HdrHistogram (Java),
// its care about rounding included, so that HistogramLogProcessor and other readers of our logs
// find the same values. The Go implementation rounds p/100 * n to the nearest integer instead,
// which is one rank less for up to half of all n.
func Percentiles(h *hdrhistogram.Histogram, percentiles ...float64) []int64 {
	if h == nil || h.TotalCount() == 0 {
		return make([]int64, len(percentiles))
	}
	at := make([]float64, len(percentiles))
	for i, p := range percentiles {
		at[i] = atRank(p, h.TotalCount())
	}
	return h.ValueAtPercentilesSlice(at) //nolint:forbidigo // the ranks are given
}

// Percentile is Percentiles for one.
func Percentile(h *hdrhistogram.Histogram, percentile float64) int64 {
	if h == nil || h.TotalCount() == 0 {
		return 0
	}
	return h.ValueAtPercentile(atRank(percentile, h.TotalCount())) //nolint:forbidigo // the rank is given
}

// atRank is the percentile for which hdrhistogram-go, which rounds to the nearest rank, takes the
// rank that percentile p of n samples has. Below 2^50 samples the error of the division is far from
// half a rank.
func atRank(p float64, n int64) float64 {
	if p <= 0 {
		return 0
	}
	return 100 * (float64(Rank(p, n)) / float64(n))
}

// Rank is the place of percentile p (0 to 100) among n > 0 samples in ascending order, from 1: see
// Percentiles.
func Rank(p float64, n int64) int64 {
	// From the next lower p, so that a product which should be an integer, such as 99.9 % of 1000,
	// is not rounded up to the next.
	p = math.Min(math.Nextafter(p, math.Inf(-1)), 100)
	return min(max(int64(math.Ceil(p*float64(n)/100)), 1), n)
}
