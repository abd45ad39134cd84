package plan

import (
	"math"

	"github.com/throng-io/throng/scenario/file"
)

// TransportOf is the place of a client's transport among a group's, which have shares. The golden
// ratio spreads them evenly over the clients, so that every stretch of a ramp brings all of them,
// and the whole group keeps the shares within a few clients.
func TransportOf(shares []file.Share, client int) int {
	x := math.Mod((float64(client)+0.5)*(math.Sqrt(5)-1)/2, 1)
	for i, s := range shares {
		if x -= s.Share; x < 0 {
			return i
		}
	}
	return len(shares) - 1
}

// Blocked reports whether no peer can reach a client of a group.
func Blocked(p *file.Peers, client int) bool {
	return p != nil && math.Mod((float64(client)+0.5)*0.7548776662466927, 1) < p.Blocked
}

// ReadsSlowly reports whether a client is one of those that read slowly. The plastic number spreads
// them evenly over the clients, whatever their transports.
func ReadsSlowly(r *file.Read, client int) (slowly bool) {
	return r != nil && math.Mod((float64(client)+0.5)*0.7548776662466927, 1) < r.Share
}
