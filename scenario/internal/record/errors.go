package record

import (
	"sync"
	"sync/atomic"

	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// An ErrorKey is what an error is counted under.
type ErrorKey struct {
	Class  metric.ErrorClass
	Stream int // -1: of no stream
	Group  int
}

// An ErrorCount is how often an error came in one second.
type ErrorCount struct {
	ErrorKey
	Phase  int // -1: outside of the timeline
	Second int
	N      int64
}

// An ErrorSum is the sum of a class's errors. Text is the first error's message; it may be empty.
type ErrorSum struct {
	Class metric.ErrorClass
	N     int64
	Text  string
}

// Errors counts errors by kind and second, and keeps the first text of each class. Goroutines may
// share it.
type Errors struct {
	tl    *plan.Timeline
	mask  func(string) string
	total atomic.Int64

	mu    sync.Mutex
	rows  map[ErrorCount]int64 // by all but n
	texts map[metric.ErrorClass]string
	sums  map[metric.ErrorClass]int64
	order []metric.ErrorClass // first seen first
}

// NewErrors makes a book of errors that belong to the phases of a timeline. mask keeps secrets out
// of their texts; nil: they stay as they are.
func NewErrors(tl *plan.Timeline, mask func(string) string) *Errors {
	if mask == nil {
		mask = func(text string) string { return text }
	}
	return &Errors{tl: tl, mask: mask, rows: map[ErrorCount]int64{}, texts: map[metric.ErrorClass]string{}, sums: map[metric.ErrorClass]int64{}}
}

// Add counts an error that belongs to a moment: for an operation the one at which it was due.
func (b *Errors) Add(k ErrorKey, when int64, err error) {
	b.total.Add(1)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rows[ErrorCount{ErrorKey: k, Phase: b.tl.PhaseAt(when), Second: int(when / 1e9)}]++
	b.sums[k.Class]++
	if _, known := b.texts[k.Class]; !known {
		b.texts[k.Class] = ""
		if err != nil {
			// it may quote the server
			b.texts[k.Class] = result.Short(b.mask(err.Error()), result.MaxText)
		}
		b.order = append(b.order, k.Class)
	}
}

// Merge counts the errors that another book has of a kind, in the phase and second that it says.
// text is the first one's; "": unknown, or there is none.
func (b *Errors) Merge(e ErrorCount, text string) {
	n := e.N
	e.N = 0
	b.total.Add(n)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rows[e] += n
	b.sums[e.Class] += n
	had, known := b.texts[e.Class]
	if !known {
		b.order = append(b.order, e.Class)
	}
	if had == "" {
		b.texts[e.Class] = result.Short(b.mask(text), result.MaxText)
	}
}

// Count is how many errors there are, of all classes.
func (b *Errors) Count() int64 { return b.total.Load() }

// Counts returns what there is so far, in no order.
func (b *Errors) Counts() []ErrorCount {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]ErrorCount, 0, len(b.rows))
	for r, n := range b.rows {
		r.N = n
		all = append(all, r)
	}
	return all
}

// Classes returns the sums by class, in the order in which each came first.
func (b *Errors) Classes() []ErrorSum {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]ErrorSum, 0, len(b.order))
	for _, class := range b.order {
		all = append(all, ErrorSum{class, b.sums[class], b.texts[class]})
	}
	return all
}
