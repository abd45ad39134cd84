package plan

import (
	"math"
	"slices"
	"testing"
)

// The rooms have the sizes that the distribution asks for, and each client's are different.
func TestDealKeepsTheShares(t *testing.T) {
	t.Parallel()
	const clients, rooms = 4_000, 100
	weights := make([]float64, rooms)
	sum := 0.0
	for i := range weights {
		weights[i] = math.Pow(float64(i+1), -1.07)
		sum += weights[i]
	}
	d := NewRoomShares(weights)
	for _, join := range []int{1, 2, 60} {
		size := make([]int, rooms)
		for c := range clients {
			own := d.Rooms(1, 0, c, join)
			slices.Sort(own)
			if len(slices.Compact(own)) != join {
				t.Fatalf("client %d is in %v, want %d different rooms", c, own, join)
			}
			for _, r := range own {
				size[r]++
			}
		}
		if !slices.Equal(d.Rooms(1, 0, 7, join), d.Rooms(1, 0, 7, join)) {
			t.Error("two distributions differ")
		}
		if join != 1 {
			if !slices.IsSortedFunc([]int{size[0], size[10], size[50]}, func(a, b int) int { return b - a }) {
				t.Errorf("join %d: sizes %v", join, size)
			}
			continue
		}
		for i, n := range size {
			if want := weights[i] / sum * clients; math.Abs(float64(n)-want) > 4 {
				t.Errorf("room %d has %d members, want %.1f", i, n, want)
			}
		}
	}
}
