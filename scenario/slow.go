package scenario

import (
	"math"

	"github.com/throng-io/throng/scenario/file"
)

// slowShare is the share of the group's clients that read slowly.
func (g *group) slowShare() float64 {
	if g.spec.Read == nil {
		return 0
	}
	return g.spec.Read.Share
}

// reads reports whether a client is one of those that read slowly. The plastic number spreads them
// evenly over the clients, whatever their transports.
func reads(r *file.Read, client int) (slowly bool) {
	return r != nil && math.Mod((float64(client)+0.5)*0.7548776662466927, 1) < r.Share
}
