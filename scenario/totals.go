package scenario

import (
	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/throng-io/throng/scenario/result"
)

// Totals are the histograms of a trial, by series and by the phase in which the operation was due, in
// microseconds. One goroutine at a time.
type totals struct {
	series []series
	phases int
	cells  map[int]*hdrhistogram.Histogram // by series, then phase
}

func newTotals(all []series, phases int) *totals {
	return &totals{series: all, phases: phases, cells: map[int]*hdrhistogram.Histogram{}}
}

// add counts n samples of v microseconds.
func (t *totals) add(series, phase int, v, n int64) {
	key := series*t.phases + phase
	h := t.cells[key]
	if h == nil {
		h = result.NewHistogram()
		t.cells[key] = h
	}
	_ = h.RecordValues(v, n) // values are clamped to the histogram's range
}

// each visits the histograms that are not empty, in no order.
func (t *totals) each(visit func(series, phase int, h *hdrhistogram.Histogram)) {
	for key, h := range t.cells {
		visit(key/t.phases, key%t.phases, h)
	}
}

// of returns the histogram of a series and a phase; nil when there is none.
func (t *totals) of(series, phase int) *hdrhistogram.Histogram { return t.cells[series*t.phases+phase] }

// sum merges the histograms that keep accepts; nil when there are none.
func (t *totals) sum(keep func(s *series, phase int) bool) (sum *hdrhistogram.Histogram) {
	t.each(func(series, phase int, h *hdrhistogram.Histogram) {
		if !keep(&t.series[series], phase) {
			return
		}
		if sum == nil {
			sum = result.NewHistogram()
		}
		sum.Merge(h)
	})
	return sum
}
