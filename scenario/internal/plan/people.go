package plan

import (
	"math"

	"github.com/throng-io/throng/scenario/file"
)

// What clients are is spread evenly over them by additive recurrences: every stretch of a ramp has
// its shares, and the whole group keeps them within a few clients. Each property has a step of its
// own, so that none depends on another: the golden ratio's, and the two of the plastic number,
// which spread points evenly over a square.
const (
	goldenStep   = 0.6180339887498949
	plasticStep  = 0.7548776662466927 // 1/p, where p³ = p + 1
	plasticStep2 = 0.5698402909980532 // 1/p²
)

// place is where a recurrence puts a client, 0..1.
func place(step float64, client int) float64 { return math.Mod((float64(client)+0.5)*step, 1) }

// TransportOf is the place of a client's transport among a group's, which have shares.
func TransportOf(shares []file.Share, client int) int {
	x := place(goldenStep, client)
	for i, s := range shares {
		if x -= s.Share; x < 0 {
			return i
		}
	}
	return len(shares) - 1
}

// Blocked reports whether no peer can reach a client of a group.
func Blocked(p *file.Peers, client int) bool {
	return p != nil && place(plasticStep2, client) < p.Blocked
}

// ReadsSlowly reports whether a client is one of those that read slowly.
func ReadsSlowly(r *file.Read, client int) (slowly bool) {
	return r != nil && place(plasticStep, client) < r.Share
}
