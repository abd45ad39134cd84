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
	ended  map[int]*hdrhistogram.Histogram // by series, then phase
	never  map[int]*hdrhistogram.Histogram // likewise, of what did not end
	room   result.Samples                  // of Peek
}

// NewTotals makes totals of the series of a recorder.
func NewTotals(all []Series, phases int) *Totals {
	return &Totals{Series: all, phases: phases, ended: map[int]*hdrhistogram.Histogram{}, never: map[int]*hdrhistogram.Histogram{}}
}

// at finds or makes a histogram.
func (t *Totals) at(of map[int]*hdrhistogram.Histogram, series, phase int) *hdrhistogram.Histogram {
	key := series*t.phases + phase
	if of[key] == nil {
		of[key] = result.NewHistogram()
	}
	return of[key]
}

// Add counts n samples of v microseconds.
func (t *Totals) Add(series, phase int, v, n int64) {
	// values are clamped to the histogram's range
	_ = t.at(t.ended, series, phase).RecordValues(v, n)
}

// AddNever counts n samples that had not ended after v microseconds.
func (t *Totals) AddNever(series, phase int, v, n int64) {
	_ = t.at(t.never, series, phase).RecordValues(v, n) // likewise
}

// Merge adds the samples of another total.
func (t *Totals) Merge(series, phase int, s result.Samples) {
	if s.Ended != nil && s.Ended.TotalCount() > 0 {
		t.at(t.ended, series, phase).Merge(s.Ended)
	}
	if s.Never != nil && s.Never.TotalCount() > 0 {
		t.at(t.never, series, phase).Merge(s.Never)
	}
}

// Each visits the samples of each series and phase that has any, in no order.
func (t *Totals) Each(visit func(series, phase int, s result.Samples)) {
	for key, h := range t.ended {
		visit(key/t.phases, key%t.phases, result.Samples{Ended: h, Never: t.never[key]})
	}
	for key, h := range t.never {
		if t.ended[key] == nil {
			visit(key/t.phases, key%t.phases, result.Samples{Never: h})
		}
	}
}

// Of returns the completed samples of a series and a phase; nil when there are none.
func (t *Totals) Of(series, phase int) *hdrhistogram.Histogram {
	return t.ended[series*t.phases+phase]
}

// Sum merges the samples that keep accepts. A histogram of the sum is nil when there are none. It
// may be one of the totals' own: do not change it, and do not keep it beyond the next Add.
func (t *Totals) Sum(keep func(s *Series, phase int) bool) result.Samples {
	return t.sum(&result.Samples{}, keep)
}

// Peek is Sum in histograms that the next Peek uses again: they are valid until then. It is for a
// caller that looks every second, for which new ones were megabytes a second.
func (t *Totals) Peek(keep func(s *Series, phase int) bool) result.Samples {
	return t.sum(&t.room, keep)
}

// sum merges in the histograms of room, and makes those that are not there.
func (t *Totals) sum(room *result.Samples, keep func(s *Series, phase int) bool) (sum result.Samples) {
	merge := func(to, in **hdrhistogram.Histogram, h *hdrhistogram.Histogram) {
		switch {
		case h == nil:
			return
		case *to != nil:
		case *in == nil:
			*in = result.NewHistogram()
		default:
			(*in).Reset()
		}
		*to = *in
		(*to).Merge(h)
	}
	one, n := result.Samples{}, 0
	t.Each(func(series, phase int, s result.Samples) {
		if !keep(&t.Series[series], phase) {
			return
		}
		if n++; n == 1 { // a histogram takes 100 KB: what is of one series is not copied
			one = s
			return
		}
		if n == 2 {
			merge(&sum.Ended, &room.Ended, one.Ended)
			merge(&sum.Never, &room.Never, one.Never)
		}
		merge(&sum.Ended, &room.Ended, s.Ended)
		merge(&sum.Never, &room.Never, s.Never)
	})
	if n == 1 {
		return one
	}
	return sum
}
