package main

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// A standing is how a peer did in a contest by one measure.
type standing struct {
	peer   *peer
	rank   int // from 1; those that are not shown to differ share one
	median float64
	// of the best with this one; its interval holds in all comparisons of the table together with
	// 95 %, and is NaN where there are too few rounds
	comparison
}

// A comparison is how many times better one peer is than another.
type comparison struct {
	times       float64
	low, high   float64 // interval
	least, most float64 // of all rounds
	rounds      int     // that both have
}

// leastRounds gives an interval at all.
const leastRounds = 3

// rank sorts peers by the median of a measure. values are by peer and round, NaN where a trial has
// none; peers without any are left out.
//
// Values of the same round are divided by each other, so that what the machine did in a round
// cancels out, and the logarithms of the ratios are taken to be normal: Student's t with the level
// divided by the number of comparisons (Bonferroni). A peer shares the rank of the best of those
// before it unless the interval of their ratio excludes 1.
func rank(peers []*peer, values [][]float64, less bool) []standing {
	var all []standing
	at := map[*peer][]float64{}
	for i, p := range peers {
		if m := medianOf(values[i]); !math.IsNaN(m) {
			all = append(all, standing{peer: p, median: m})
			at[p] = values[i]
		}
	}
	slices.SortStableFunc(all, func(a, b standing) int {
		if less {
			return cmp.Compare(a.median, b.median)
		}
		return cmp.Compare(b.median, a.median)
	})
	comparisons := max(1, len(all)-1)
	head := 0 // the best of the current rank
	for i := range all {
		s := &all[i]
		s.comparison = compare(at[all[0].peer], at[s.peer], less, comparisons)
		if i == 0 {
			s.rank = 1
			continue
		}
		if compare(at[all[head].peer], at[s.peer], less, comparisons).low > 1 { // false for NaN
			head = i
		}
		s.rank = head + 1
	}
	return all
}

// compare says how many times better a is than b, from the rounds that both have. Where less is
// better, that is b divided by a. The interval is one of so many comparisons.
func compare(a, b []float64, less bool, comparisons int) comparison {
	var logs []float64
	for i := range a {
		if math.IsNaN(a[i]) || math.IsNaN(b[i]) || a[i] <= 0 || b[i] <= 0 {
			continue
		}
		d := math.Log(a[i] / b[i])
		if less {
			d = -d
		}
		logs = append(logs, d)
	}
	nan := math.NaN()
	c := comparison{nan, nan, nan, nan, nan, len(logs)}
	if len(logs) == 0 {
		return c
	}
	mean, sd := stat.MeanStdDev(logs, nil)
	c.times, c.least, c.most = math.Exp(mean), math.Exp(slices.Min(logs)), math.Exp(slices.Max(logs))
	if n := float64(len(logs)); len(logs) >= leastRounds {
		t := distuv.StudentsT{Sigma: 1, Nu: n - 1}.Quantile(1 - 0.05/2/float64(comparisons))
		half := t * sd / math.Sqrt(n)
		c.low, c.high = math.Exp(mean-half), math.Exp(mean+half)
	}
	return c
}

// medianOf leaves NaN out, and is NaN of nothing.
func medianOf(values []float64) float64 {
	v := slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	if len(v) == 0 {
		return math.NaN()
	}
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}
