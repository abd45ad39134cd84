package budget

import "time"

// Rate is what may be spent: so much at once, and one more after each while. Its zero value is
// full. It is not safe for concurrent use.
type Rate struct {
	spent float64
	then  time.Time
}

// Take spends one of most, of which one comes back after each while, or returns false.
func (r *Rate) Take(now time.Time, most int, each time.Duration) bool {
	r.spent = max(0, r.spent-float64(now.Sub(r.then))/float64(each))
	r.then = now
	if r.spent+1 > float64(most) {
		return false
	}
	r.spent++
	return true
}

// Quiet reports whether nothing has been spent for d.
func (r *Rate) Quiet(now time.Time, d time.Duration) bool { return now.Sub(r.then) > d }
