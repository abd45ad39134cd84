package metric

import "math"

// Beyond is how many samples must lie beyond a percentile for it to be judged and shown: with fewer
// a few outliers are all of it.
const Beyond = 10

// SamplesFor is how many samples a percentile (above 0, below 100) takes to have Beyond of them
// beyond it: 20 for 50, 1000 for 99.
func SamplesFor(percentile float64) int64 {
	return int64(math.Ceil(Beyond / (1 - percentile/100) * (1 - 1e-9))) // 1-0.999 is no tenth of a per cent
}

// Takes is how many samples of a metric a percentile takes to be judged; 0 for the times until
// clients were back, which are no sample: all that were away are in them.
func Takes(name string, percentile float64) int64 {
	if m, _ := Of(name); m.Needs == NeedsReconnect {
		return 0
	}
	return SamplesFor(percentile)
}

// Stated is a percentile of n samples, in microseconds, as it is shown: 0 where they are too few to
// say, and else 1 at least.
func Stated(n int64, percentile float64, us int64) int64 {
	if n < SamplesFor(percentile) {
		return 0
	}
	return max(us, 1)
}
