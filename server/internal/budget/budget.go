// Package budget bounds what many share, and how often something may happen.
package budget

import "sync/atomic"

// Budget is an amount that many take from and give back to. Its methods may be called from any
// goroutine; on nil they do nothing and refuse nothing.
type Budget struct {
	limit int64
	used  atomic.Int64
}

// New returns a budget of n.
func New(n int) *Budget { return &Budget{limit: int64(n)} }

// Take takes n, or takes nothing and returns false if there is not so much left.
func (b *Budget) Take(n int) bool {
	if b == nil {
		return true
	}
	if b.used.Add(int64(n)) > b.limit {
		b.used.Add(-int64(n))
		return false
	}
	return true
}

// Give gives back n of what was taken.
func (b *Budget) Give(n int) {
	if b != nil {
		b.used.Add(-int64(n))
	}
}

// Used returns what is taken now.
func (b *Budget) Used() int {
	if b == nil {
		return 0
	}
	return int(b.used.Load())
}
