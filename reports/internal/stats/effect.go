package stats

import (
	"math"
	"slices"
)

// Design is how the trials of two sides were made, which decides how they are compared.
type Design int

// The designs.
const (
	// Apart: one side after the other, or nobody knows. Mann-Whitney over all trials.
	Apart Design = iota
	// Paired: trial i of one side ran next to trial i of the other, so that what slowly changes in
	// the machine is in both. Signed ranks of the differences within the pairs.
	Paired
)

// LeastP is the smallest p-value that n and m trials can give; of pairs, n.
func (d Design) LeastP(n, m int) float64 {
	if d == Paired {
		return math.Min(1, math.Ldexp(1, 1-n))
	}
	return LeastP(n, m)
}

// Needed is how many trials each side needs, or how many pairs, before any difference can be shown
// at the level alpha.
func (d Design) Needed(alpha float64) int {
	n := 1
	for d.LeastP(n, n) > alpha*(1+1e-12) {
		n++
	}
	return n
}

// Effect is what the trials of two sides say about the shift from one to the other.
type Effect struct {
	Shift float64  // the estimate of Hodges and Lehmann
	P     *float64 // two-sided; nil: with fewer than two trials on a side there is no test

	design    Design
	n, m      int
	contrasts []float64 // sorted
	spread    float64   // standard deviation of a difference between two trials
	constant  bool      // no two trials differ
}

// Compare estimates the shift from base to new (Hodges and Lehmann, Annals of Mathematical
// Statistics 34, 1963). Of pairs, both have the same length and order. Neither may be empty.
func Compare(d Design, base, new []float64) *Effect {
	e := &Effect{design: d, n: len(base), m: len(new)}
	p := 1.0
	if d == Paired {
		within := make([]float64, len(base))
		for i := range base {
			within[i] = new[i] - base[i]
		}
		for i := range within {
			for j := range i + 1 {
				e.contrasts = append(e.contrasts, (within[i]+within[j])/2)
			}
		}
		e.spread = deviation(within)
		e.constant = !slices.ContainsFunc(within, func(v float64) bool { return v != 0 })
		p = SignedRank(within)
	} else {
		for _, n := range new {
			for _, b := range base {
				e.contrasts = append(e.contrasts, n-b)
			}
		}
		e.spread = math.Hypot(deviation(base), deviation(new))
		e.constant = !slices.ContainsFunc(e.contrasts, func(v float64) bool { return v != 0 })
		if min(e.n, e.m) > 1 {
			p = PValue(base, new)
		}
	}
	slices.Sort(e.contrasts)
	e.Shift = Median(e.contrasts)
	if min(e.n, e.m) > 1 {
		e.P = &p
	}
	return e
}

// Constant reports whether no trial differs from another, so that the test could not show anything
// whatever the sides are: such a test needs no correction for it (Tarone, Biometrics 46, 1990).
func (e *Effect) Constant() bool { return e.constant }

// Spread is the standard deviation of a difference between two trials, or of those within pairs.
func (e *Effect) Spread() float64 { return e.spread }

// LeastP is the smallest p-value that so many trials can give.
func (e *Effect) LeastP() float64 { return e.design.LeastP(e.n, e.m) }

// Interval is the confidence interval of the shift at the level 1-alpha that belongs to the test:
// the shifts which it would not reject. It is nil where there are too few trials to bound it.
func (e *Effect) Interval(alpha float64) *Interval {
	k := 0
	if e.design == Paired {
		k = trimmedPairs(e.n, alpha)
	} else {
		k = trimmed(e.n, e.m, alpha)
	}
	if k < 1 {
		return nil
	}
	return &Interval{e.contrasts[k-1], e.contrasts[len(e.contrasts)-k]}
}

// missed is how often a difference of the size of Detectable is not found: once in twenty times.
const missed = 0.05

// Detectable is the shift from which on a test at the level alpha would have found one, in nineteen
// of twenty comparisons with trials like these: half of the width of the interval at that level,
// and of the one that is wrong on either side once in twenty times. It depends on how far the
// trials scatter, and not on where they lie. Infinite with too few trials.
func (e *Effect) Detectable(alpha float64) float64 {
	test, power := e.Interval(alpha), e.Interval(2*missed)
	if test == nil || power == nil {
		return math.Inf(1)
	}
	return (test.High - test.Low + power.High - power.Low) / 2
}

// Needed is about how many trials each side, or pairs, takes until a shift of this size is
// detectable at the level alpha: the width of an interval falls with the root of their number.
func (e *Effect) Needed(shift, alpha float64) int {
	least := e.design.Needed(alpha)
	n := float64(min(e.n, e.m))
	root := e.Detectable(alpha) / shift * math.Sqrt(n)
	if math.IsInf(root, 1) { // too few for an interval, but perhaps not for their scatter
		root = (normal(alpha) + normal(2*missed)) * e.spread / shift
	}
	const most = 1e6
	return max(least, int(math.Ceil(math.Min(root*root, most))))
}

// Slope is that of the line through the origin which fits ys over xs best, by least squares; 0
// where all xs are 0. Both have the same length.
func Slope(xs, ys []float64) float64 {
	xy, xx := 0.0, 0.0
	for i, x := range xs {
		xy, xx = xy+x*ys[i], xx+x*x
	}
	if xx == 0 {
		return 0
	}
	return xy / xx
}

// deviation is the standard deviation of a sample; 0 for one value.
func deviation(values []float64) float64 {
	if len(values) < 2 {
		return 0
	}
	mean, sum := 0.0, 0.0
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		sum += (v - mean) * (v - mean)
	}
	return math.Sqrt(sum / float64(len(values)-1))
}
