package judge

import "slices"

// growthPoints bounds the points between which slopes are taken: a longer run is averaged down to
// so many. A live view takes them each second, and of 500 points they are a megabyte, and a percent
// of a processor.
const growthPoints = 200

// growth is how much a series grew from its first value to its last one, as a share of
// where it began: the Theil-Sen line, the median of the slopes between all pairs
// of points (Sen, 1968), which neither spikes nor the saw teeth of a garbage collector bend.
// It is 0 for fewer than two values or a line that begins at zero or below.
func growth(vs []float64) float64 {
	if len(vs) < 2 {
		return 0
	}
	n := float64(len(vs))
	vs = averaged(vs, growthPoints)
	each := n / float64(len(vs)) // values of a point, in the middle of which it stands
	slope, begin := line(vs)
	slope /= each
	if begin -= slope * (each - 1) / 2; begin <= 0 {
		return 0
	}
	return slope * (n - 1) / begin
}

// line is the Theil-Sen line through a series: its slope from value to value and where it begins;
// zeros for fewer than two values.
func line(vs []float64) (slope, begin float64) {
	if len(vs) < 2 {
		return 0, 0
	}
	slopes := make([]float64, 0, len(vs)*(len(vs)-1)/2)
	for i := range vs {
		for j := i + 1; j < len(vs); j++ {
			slopes = append(slopes, (vs[j]-vs[i])/float64(j-i))
		}
	}
	slope = middle(slopes)
	rest := make([]float64, len(vs))
	for i, v := range vs {
		rest[i] = v - slope*float64(i)
	}
	return slope, middle(rest)
}

// averaged takes the mean of neighbours until at most n values are left.
func averaged(vs []float64, n int) []float64 {
	if len(vs) <= n {
		return vs
	}
	out := make([]float64, n)
	for i := range out {
		from, to := i*len(vs)/n, (i+1)*len(vs)/n
		for _, v := range vs[from:to] {
			out[i] += v / float64(to-from)
		}
	}
	return out
}

// middle is the median; it sorts vs.
func middle(vs []float64) float64 {
	slices.Sort(vs)
	return (vs[(len(vs)-1)/2] + vs[len(vs)/2]) / 2
}
