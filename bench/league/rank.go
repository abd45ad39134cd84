package main

import (
	"cmp"
	"math"
	"slices"

	"github.com/throng-io/throng/bench/internal/rounds"
)

// A standing is how a peer did in a contest by one measure.
type standing struct {
	peer *peer
	rank int     // from 1; those that are not shown to differ share one
	mean float64 // the geometric mean of the rounds
	// of the best with this one; its interval holds in all comparisons of the table together with
	// 95 %, and is NaN where there are too few rounds
	rounds.Comparison
}

// rank sorts peers by the mean of a measure. values are by peer and round, NaN where a trial has
// none; peers without any are left out.
//
// Values of the same round are divided by each other, so that what the machine did in a round
// cancels out, and the logarithms of the ratios are taken to be normal, with the noise that all
// peers show together ([rounds.Noise]): Student's t with the level divided by the number of
// comparisons (Bonferroni). A peer shares the rank of the best of those before it unless the
// interval of their ratio excludes 1.
func rank(peers []*peer, values [][]float64, less bool) []standing {
	var all []standing
	at := map[*peer][]float64{}
	for i, p := range peers {
		if m := rounds.Mean(values[i]); !math.IsNaN(m) {
			all = append(all, standing{peer: p, mean: m})
			at[p] = values[i]
		}
	}
	slices.SortStableFunc(all, func(a, b standing) int {
		if less {
			return cmp.Compare(a.mean, b.mean)
		}
		return cmp.Compare(b.mean, a.mean)
	})
	noise := rounds.NewNoise(values)
	comparisons := max(1, len(all)-1)
	head := 0 // the best of the current rank
	for i := range all {
		s := &all[i]
		s.Comparison = noise.Compare(at[all[0].peer], at[s.peer], less, comparisons)
		if i == 0 {
			s.rank = 1
			continue
		}
		if noise.Compare(at[all[head].peer], at[s.peer], less, comparisons).Low > 1 { // false for NaN
			head = i
		}
		s.rank = head + 1
	}
	return all
}
