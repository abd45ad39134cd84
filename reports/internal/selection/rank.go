package selection

import (
	"cmp"
	"slices"

	"github.com/throng-io/throng/reports/internal/stats"
	"github.com/throng-io/throng/scenario/result"
)

// Ranks is how the combinations of a matrix stand in one number: their place, and which cannot be
// told apart from the best.
type Ranks struct {
	Place  []int // by group, from 1; 0: no number
	Alike  []bool
	Tested bool // there were trials enough to tell apart
	N      int  // groups with a number
}

// Rank orders the groups by the medians of their valid trials. A group is alike the best when the
// Mann-Whitney test over their trials, corrected after Holm for the number of groups, shows no
// difference.
func Rank(gs []Group, value func(*result.Cell) (float64, bool), higher bool) Ranks {
	r := Ranks{Place: make([]int, len(gs)), Alike: make([]bool, len(gs)), Tested: true}
	values := make([][]float64, len(gs))
	var order []int
	for i, g := range gs {
		for _, c := range g.Valid() {
			if v, ok := value(c); ok {
				values[i] = append(values[i], v)
			}
		}
		if len(values[i]) > 0 {
			order = append(order, i)
			r.Tested = r.Tested && len(values[i]) >= stats.MinTrials
		}
	}
	r.N = len(order)
	if r.N < 2 {
		r.Tested = false
		return r
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if higher {
			a, b = b, a
		}
		return cmp.Compare(stats.Median(values[a]), stats.Median(values[b]))
	})
	for place, i := range order {
		r.Place[i] = place + 1
	}
	if !r.Tested {
		return r
	}
	var ps []float64
	for _, i := range order[1:] {
		ps = append(ps, stats.PValue(values[order[0]], values[i]))
	}
	for k, p := range stats.Holm(ps, nil) {
		r.Alike[order[k+1]] = p >= stats.Alpha
	}
	return r
}
