package plan

import (
	"math"
	"time"

	"github.com/throng-io/throng/scenario/file"
)

// Backoff is how long the official client waits before its attempt number n, from 0, by a group's
// rules of reconnection. r is evenly distributed in [0,1).
func Backoff(p *file.Reconnect, n int, r float64) time.Duration {
	ms := float64(p.Min/time.Millisecond) * math.Pow(2, float64(min(n, 30)))
	if deviation := math.Floor(r * p.Jitter * ms); int(r*10)%2 == 0 {
		ms -= deviation
	} else {
		ms += deviation
	}
	// whole milliseconds, and no more than a duration holds
	return time.Duration(min(math.Floor(ms)*float64(time.Millisecond), float64(p.Max)))
}
