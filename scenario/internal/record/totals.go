package record

import (
	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/throng-io/throng/scenario/result"
)

// Totals are the histograms of a trial, by series and by the phase in which the operation was due,
// in microseconds. One goroutine at a time.
type Totals struct {
	Series []Series
	phases int
	cells  map[int]*hdrhistogram.Histogram // by series, then phase
}

// NewTotals makes totals of the series of a recorder.
func NewTotals(all []Series, phases int) *Totals {
	return &Totals{Series: all, phases: phases, cells: map[int]*hdrhistogram.Histogram{}}
}

// Add counts n samples of v microseconds.
func (t *Totals) Add(series, phase int, v, n int64) {
	key := series*t.phases + phase
	h := t.cells[key]
	if h == nil {
		h = result.NewHistogram()
		t.cells[key] = h
	}
	_ = h.RecordValues(v, n) // values are clamped to the histogram's range
}

// Merge adds a whole histogram.
func (t *Totals) Merge(series, phase int, h *hdrhistogram.Histogram) {
	key := series*t.phases + phase
	if t.cells[key] == nil {
		t.cells[key] = result.NewHistogram()
	}
	t.cells[key].Merge(h)
}

// Each visits the histograms that are not empty, in no order.
func (t *Totals) Each(visit func(series, phase int, h *hdrhistogram.Histogram)) {
	for key, h := range t.cells {
		visit(key/t.phases, key%t.phases, h)
	}
}

// Of returns the histogram of a series and a phase; nil when there is none.
func (t *Totals) Of(series, phase int) *hdrhistogram.Histogram { return t.cells[series*t.phases+phase] }

// Sum merges the histograms that keep accepts; nil when there are none.
func (t *Totals) Sum(keep func(s *Series, phase int) bool) (sum *hdrhistogram.Histogram) {
	t.Each(func(series, phase int, h *hdrhistogram.Histogram) {
		if !keep(&t.Series[series], phase) {
			return
		}
		if sum == nil {
			sum = result.NewHistogram()
		}
		sum.Merge(h)
	})
	return sum
}
