package plan

import "testing"

// Every turn takes each target once, and neither the place within a turn nor the number of rooms
// that clients join in turn says which.
func TestNodesInTurn(t *testing.T) {
	const clients = 1200
	for _, n := range []int{1, 2, 3, 5} {
		for _, rooms := range []int{n, n * n, 2 * n, 7} {
			met := map[[2]int]int{} // clients by room and target
			for turn := range clients / n {
				seen := map[int]bool{}
				for at := range n {
					node := NodeOf(1, 2, turn*n+at, n)
					seen[node] = true
					met[[2]int{(turn*n + at) % rooms, node}]++
				}
				if len(seen) != n || seen[n] || seen[-1] {
					t.Fatalf("turn %d of %d takes the targets %v", turn, n, seen)
				}
			}
			if len(met) != rooms*n {
				t.Errorf("with %d targets and %d rooms, clients met in %d of %d places", n, rooms, len(met), rooms*n)
			}
			for place, k := range met {
				if even := clients / (rooms * n); k < even/2 || k > 2*even {
					t.Errorf("with %d targets and %d rooms, %d clients are at %v", n, rooms, k, place)
				}
			}
		}
	}
}
