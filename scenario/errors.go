package scenario

import (
	"cmp"
	"slices"
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

type errorRow struct {
	errorKey
	phase, second int
}

// An errorBook counts errors by kind and second, and keeps the first text of each class.
type errorBook struct {
	tl    *plan.Timeline
	total atomic.Int64

	mu    sync.Mutex
	rows  map[errorRow]int64
	texts map[metric.ErrorClass]string
	sums  map[metric.ErrorClass]int64
	order []metric.ErrorClass // first seen first
}

func newErrorBook(tl *plan.Timeline) *errorBook {
	return &errorBook{tl: tl, rows: map[errorRow]int64{}, texts: map[metric.ErrorClass]string{}, sums: map[metric.ErrorClass]int64{}}
}

// add counts an error that belongs to a moment: for an operation the one at which it was due.
func (b *errorBook) add(k errorKey, when int64, err error) {
	b.total.Add(1)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rows[errorRow{k, b.tl.PhaseAt(when), int(when / 1e9)}]++
	b.sums[k.class]++
	if _, known := b.texts[k.class]; !known {
		b.texts[k.class] = ""
		if err != nil {
			b.texts[k.class] = result.Short(err.Error(), result.MaxText) // it may quote the server
		}
		b.order = append(b.order, k.class)
	}
}

// sum adds up the errors that keep accepts.
func (b *errorBook) sum(keep func(*errorRow) bool) (n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for r, count := range b.rows {
		if keep(&r) {
			n += count
		}
	}
	return n
}

// classes returns the sums by class, the largest first.
func (b *errorBook) classes() []ErrorClass {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]ErrorClass, 0, len(b.order))
	for _, class := range b.order {
		all = append(all, ErrorClass{Class: class.String(), N: b.sums[class], Text: b.texts[class]})
	}
	slices.SortStableFunc(all, func(x, y ErrorClass) int { return cmp.Compare(y.N, x.N) })
	return all
}

// latest returns the classes seen last, at most n.
func (b *errorBook) latest(n int) (out []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, class := range b.order[max(0, len(b.order)-n):] {
		out = append(out, class.String())
	}
	return out
}

// complain counts an error of one of the group's clients that is of no stream.
func (g *group) complain(class metric.ErrorClass, when int64, err error) {
	g.t.errors.add(errorKey{class: class, stream: -1, group: g.index}, when, err)
}
