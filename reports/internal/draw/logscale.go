package draw

import "math"

// niceLog widens a range to values of 1, 2 or 5 times a power of ten, and to a factor of ten at
// least: a narrower one would blow up noise.
func niceLog(lo, hi float64) (from, to float64) {
	e := math.Pow(10, math.Floor(math.Log10(lo)))
	from = e
	for _, m := range []float64{2, 5, 10} {
		if m*e <= lo*1.0001 {
			from = m * e
		}
	}
	e = math.Pow(10, math.Floor(math.Log10(hi)))
	to = 10 * e
	for _, m := range []float64{5, 2, 1} {
		if m*e >= hi*0.9999 {
			to = m * e
		}
	}
	if to/from < 9.99 {
		to = from * 10
	}
	return from, to
}

// logGrid is the values at which a logarithmic axis has its lines, in ascending order and three at
// least. The first and the last are the ends of the axis.
type logGrid struct {
	values []float64
	step   float64 // between any two; 0: they are 1, 2 and 5 times powers of ten
}

// newLogGrid returns a grid that reaches from the last of its values at or below lo, above 0, to
// the first at or above hi. Over less than a factor of five, 1, 2 and 5 may leave most of the axis
// empty, or fewer than three values on it: then the widest step of 1, 2 or 5 times a power of ten
// is taken with which the range fills four fifths of the axis.
func newLogGrid(lo, hi float64) logGrid {
	const (
		wide   = 5
		waste  = 1.25
		narrow = 1.01 // below it labels of six digits could be alike
	)
	if hi < lo*narrow {
		lo, hi = lo/math.Sqrt(narrow), hi*math.Sqrt(narrow)
	}
	fits := func(g logGrid) bool {
		n := len(g.values)
		return n >= 3 && math.Log(g.values[n-1]/g.values[0]) <= waste*math.Log(hi/lo)
	}
	g := logGrid{values: roundLog(lo, hi)}
	if hi >= wide*lo || fits(g) {
		return g
	}
	for i := 0; ; i++ { // from one that is as wide as the range
		if g = everyStep(ladder(hi-lo, -i), lo, hi); g.values[0] > 0 && fits(g) {
			return g
		}
	}
}

// roundLog are the values 1, 2 and 5 times powers of ten around and between lo and hi.
func roundLog(lo, hi float64) (vs []float64) {
	for d := math.Floor(math.Log10(lo) - 1e-9); ; d++ {
		for _, m := range []float64{1, 2, 5} {
			v := m * math.Pow(10, d)
			if v <= lo*1.0001 {
				vs = vs[:0] // a later one begins the axis
			}
			vs = append(vs, v)
			if v >= hi*0.9999 {
				return vs
			}
		}
	}
}

// everyStep are the multiples of a step around and between lo and hi.
func everyStep(st, lo, hi float64) logGrid {
	g := logGrid{step: st}
	for i := math.Floor(lo/st + 1e-9); i <= math.Ceil(hi/st-1e-9); i++ {
		g.values = append(g.values, i*st)
	}
	return g
}

// ladder is the n-th of the values 1, 2 and 5 times powers of ten after the last at or below v.
func ladder(v float64, n int) float64 {
	e := math.Floor(math.Log10(v) + 1e-9)
	i := int(e) * 3
	for _, m := range []float64{2, 5} {
		if m*math.Pow(10, e) <= v*1.0001 {
			i++
		}
	}
	i += n
	d := math.Floor(float64(i) / 3)
	return []float64{1, 2, 5}[i-int(d)*3] * math.Pow(10, d)
}

// ticks labels all values if there is room for so many, evenly spaced, else rounder ones. It labels
// three in any case: the ends and the one nearest to their middle, where no rounder ones do.
// Unlabelled ticks are lines of the grid.
func (g *logGrid) ticks(room int) []Tick {
	ts := make([]Tick, len(g.values))
	last := len(ts) - 1
	for i, v := range g.values {
		ts[i].At = v
	}
	span := math.Log(g.values[last] / g.values[0])
	for n := 0; ; n++ {
		named := g.rounder(n)
		if len(named) < 3 {
			named = []int{0, g.nearest(math.Sqrt(g.values[0]) * math.Sqrt(g.values[last])), last}
		} else if least := g.leastGap(named) / span; least < 1/float64(room)-1e-9 {
			continue
		}
		for _, i := range named {
			ts[i].Label = number(ts[i].At)
		}
		return ts
	}
}

// rounder are the places of all values for 0, then of ever rounder ones: of powers of ten, then of
// every second of them and so on; or of multiples of ever wider steps.
func (g *logGrid) rounder(n int) (places []int) {
	first := math.Floor(math.Log10(g.values[0]) + 1e-9)
	for i, v := range g.values {
		round := n == 0
		if g.step > 0 {
			x := v / ladder(g.step, n)
			round = math.Abs(x-math.Round(x)) < 1e-6
		} else if n > 0 {
			d := math.Log10(v)
			round = math.Abs(d-math.Round(d)) < 1e-6 && int(math.Round(d)-first)%n == 0
		}
		if round {
			places = append(places, i)
		}
	}
	return places
}

// leastGap is the smallest distance of neighbours, as a logarithm.
func (g *logGrid) leastGap(places []int) float64 {
	least := math.Inf(1)
	for k := 1; k < len(places); k++ {
		least = min(least, math.Log(g.values[places[k]]/g.values[places[k-1]]))
	}
	return least
}

// nearest is the place of the value nearest to v that is neither end.
func (g *logGrid) nearest(v float64) int {
	best := 1
	for i := 2; i < len(g.values)-1; i++ {
		if math.Abs(math.Log(g.values[i]/v)) < math.Abs(math.Log(g.values[best]/v))-1e-9 { // of two alike the first
			best = i
		}
	}
	return best
}
