package plan

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Each stretch of clients is divided in proportion to the weights, whoever computes it.
func TestShareKeepsTheWeights(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.Float64Range(0.1, 10), 1, 12).Draw(t, "weights")
		count := rapid.IntRange(0, 400).Draw(t, "count")
		seed := rapid.Uint64().Draw(t, "seed")
		s := NewShare(seed, []Clients{{Count: count}}, weights, 0)
		sum := 0.0
		for _, w := range weights {
			sum += w
		}
		got := make([]int, len(weights))
		for c := range count {
			got[s.Owner(0, c)]++
			for a, w := range weights {
				if off := float64(got[a]) - w/sum*float64(c+1); math.Abs(off) > float64(len(weights)) {
					t.Fatalf("after %d clients agent %d of %v is off by %.1f", c+1, a, weights, off)
				}
			}
		}
		if other := NewShare(seed, []Clients{{Count: count}}, weights, len(weights)-1); !slices.EqualFunc(s.owners, other.owners, slices.Equal) {
			t.Fatal("two agents divide differently")
		}
		if !slices.Equal(s.Counts(0, len(weights)), got) {
			t.Fatalf("counts %v, want %v", s.Counts(0, len(weights)), got)
		}
	})
}

// Groups of one client lie on different agents, placed groups on theirs, and rooms that clients
// join in turn on several.
func TestShareSpreads(t *testing.T) {
	s := NewShare(1, []Clients{{Count: 1}, {Count: 1}, {Count: 1}, {Count: 50, Among: []int{1}}, {Count: 300}}, []float64{1, 1, 1}, 2)
	seen := map[int]bool{}
	for g := range 3 {
		seen[s.Owner(g, 0)] = true
	}
	if len(seen) != 3 {
		t.Errorf("three groups of one client lie on %d agents", len(seen))
	}
	for c := range 50 {
		if s.Owner(3, c) != 1 {
			t.Fatalf("client %d of a placed group lies on agent %d", c, s.Owner(3, c))
		}
	}
	room := map[int]int{}
	for c := 0; c < 300; c += 3 { // of the first of three rooms
		room[s.Owner(4, c)]++
	}
	if len(room) != 3 || s.Counts(4, 3)[0] != 100 {
		t.Errorf("the members of a room by agent: %v; the group's: %v", room, s.Counts(4, 3))
	}
	if own := (*Share)(nil); !own.Has(7, 7) || s.Has(3, 0) {
		t.Error("has")
	}
}
