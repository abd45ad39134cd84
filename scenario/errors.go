package scenario

import (
	"sync"
	"sync/atomic"

	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// An errorKey is what an error is counted under.
type errorKey struct {
	class  metric.ErrorClass
	stream int // -1: of no stream
	group  int
}

// An errorCount is how often an error came in one second.
type errorCount struct {
	errorKey
	phase  int // -1: outside of the timeline
	second int
	n      int64
}

// An errorSum is all errors of a class. Text is what the first of them said; it may be empty.
type errorSum struct {
	class metric.ErrorClass
	n     int64
	text  string
}

// An errorBook counts errors by kind and second, and keeps the first text of each class.
type errorBook struct {
	tl    *plan.Timeline
	total atomic.Int64

	mu    sync.Mutex
	rows  map[errorCount]int64 // by all but n
	texts map[metric.ErrorClass]string
	sums  map[metric.ErrorClass]int64
	order []metric.ErrorClass // first seen first
}

func newErrorBook(tl *plan.Timeline) *errorBook {
	return &errorBook{tl: tl, rows: map[errorCount]int64{}, texts: map[metric.ErrorClass]string{}, sums: map[metric.ErrorClass]int64{}}
}

// add counts an error that belongs to a moment: for an operation the one at which it was due.
func (b *errorBook) add(k errorKey, when int64, err error) {
	b.total.Add(1)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rows[errorCount{errorKey: k, phase: b.tl.PhaseAt(when), second: int(when / 1e9)}]++
	b.sums[k.class]++
	if _, known := b.texts[k.class]; !known {
		b.texts[k.class] = ""
		if err != nil {
			b.texts[k.class] = result.Short(err.Error(), result.MaxText) // it may quote the server
		}
		b.order = append(b.order, k.class)
	}
}

// count is how many errors there are, of all classes.
func (b *errorBook) count() int64 { return b.total.Load() }

// counts returns what there is so far, in no order.
func (b *errorBook) counts() []errorCount {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]errorCount, 0, len(b.rows))
	for r, n := range b.rows {
		r.n = n
		all = append(all, r)
	}
	return all
}

// classes returns the sums by class, in the order in which each came first.
func (b *errorBook) classes() []errorSum {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]errorSum, 0, len(b.order))
	for _, class := range b.order {
		all = append(all, errorSum{class, b.sums[class], b.texts[class]})
	}
	return all
}
