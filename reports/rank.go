package reports

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/throng-io/throng/scenario/result"
)

// ranks is how the combinations of a matrix stand in one number: their place, and which cannot be told apart from the best.
type ranks struct {
	place  []int // by group, from 1; 0: no number
	alike  []bool
	tested bool // there were trials enough to tell apart
	n      int  // groups with a number
}

// rank orders the groups by the medians of their valid trials. A group is alike the best when the Mann-Whitney test over their trials,
// corrected after Holm for the number of groups, shows no difference.
func rank(gs []group, value func(*result.Cell) (float64, bool), higher bool) ranks {
	r := ranks{place: make([]int, len(gs)), alike: make([]bool, len(gs)), tested: true}
	values := make([][]float64, len(gs))
	var order []int
	for i, g := range gs {
		for _, c := range g.valid() {
			if v, ok := value(c); ok {
				values[i] = append(values[i], v)
			}
		}
		if len(values[i]) > 0 {
			order = append(order, i)
			r.tested = r.tested && len(values[i]) >= minTrials
		}
	}
	r.n = len(order)
	if r.n < 2 {
		r.tested = false
		return r
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if higher {
			a, b = b, a
		}
		return cmp.Compare(median(values[a]), median(values[b]))
	})
	for place, i := range order {
		r.place[i] = place + 1
	}
	if !r.tested {
		return r
	}
	var ps []float64
	for _, i := range order[1:] {
		ps = append(ps, pValue(values[order[0]], values[i]))
	}
	for k, p := range holm(ps) {
		r.alike[order[k+1]] = p >= alpha
	}
	return r
}

// rankColours is how many colours there are, from best to worst.
const rankColours = 5

// markRanks writes the ranks into a column of a table, the i-th group's into rows[i]: a colour on the page, and words that stand for it
// everywhere. An order that was not tested is not marked: it may be chance.
func markRanks(r ranks, t *table, column int, rows []int) {
	if !r.tested {
		return
	}
	for i, place := range r.place {
		if place == 0 {
			continue
		}
		if t.Marks == nil {
			t.Marks = map[[2]int]string{}
		}
		at := rows[i]
		t.Marks[[2]int{at, column}] = fmt.Sprintf("rank%d", 1+(place-1)*(rankColours-1)/(r.n-1))
		switch {
		case place == 1:
			t.Rows[at][column] += " best"
		case r.alike[i]:
			t.Rows[at][column] += " ~"
		}
	}
}

// ranksNote explains the marks of markRanks.
func ranksNote(r ranks) string {
	switch {
	case r.n < 2:
		return ""
	case r.tested:
		return "best: the first in its column; ~: not told apart from it (Mann-Whitney over the trials, corrected after Holm)."
	}
	return tooFewTrials()
}

// tooFewTrials says why nothing is called best.
func tooFewTrials() string {
	return fmt.Sprintf("With fewer than %d trials of each, no difference is tested and nothing is called best: run it with --set matrix.repeat=%d.", minTrials, minTrials+1)
}
