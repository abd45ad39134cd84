package budget

import "time"

// Rate is a token bucket. Its zero value is full. It is not safe for concurrent use.
type Rate struct {
	spent float64   // tokens, as of then
	then  time.Time // of the last Take
}

// Take takes one of most tokens, of which one comes back each interval, and returns false if there
// is none.
func (r *Rate) Take(now time.Time, most int, each time.Duration) bool {
	r.spent = max(0, r.spent-float64(now.Sub(r.then))/float64(each))
	r.then = now
	if r.spent+1 > float64(most) {
		return false
	}
	r.spent++
	return true
}

// Quiet reports whether Take has not been called for longer than d.
func (r *Rate) Quiet(now time.Time, d time.Duration) bool { return now.Sub(r.then) > d }
