package record

import (
	"math"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/throng-io/throng/scenario/result"
)

// counts is a histogram of microseconds with the cells of result.NewHistogram, as cells is, for one
// goroutine and any number of samples. A run has hundreds of them, a few for each kind of client
// and phase, most with few samples: where an HdrHistogram takes 188 KiB from its first sample on,
// this takes 1.4 KiB, and half of one for each part of 128 cells that has any.
type counts struct {
	parts [pageCount * cellsPerPage / cellsPerLeaf]*[cellsPerLeaf]uint32
	over  map[int]int64 // by cell: what its part has no room for
	total int64
}

// add counts n samples of v microseconds, 0 <= v <= maxSample.
func (c *counts) add(v, n int64) {
	cell := cellOf(v)
	part := &c.parts[cell/cellsPerLeaf]
	if *part == nil {
		*part = new([cellsPerLeaf]uint32)
	}
	at := &(*part)[cell%cellsPerLeaf]
	if sum := int64(*at) + n; sum <= math.MaxUint32 {
		*at = uint32(sum)
	} else {
		if c.over == nil {
			c.over = map[int]int64{}
		}
		c.over[cell] += n
	}
	c.total += n
}

// addTo adds all samples to a histogram.
func (c *counts) addTo(h *hdrhistogram.Histogram) {
	for i, part := range c.parts {
		if part == nil {
			continue
		}
		for j, n := range part {
			if n > 0 {
				_ = h.RecordValues(valueOf(i*cellsPerLeaf+j), int64(n)) // values are within its range
			}
		}
	}
	for cell, n := range c.over {
		_ = h.RecordValues(valueOf(cell), n)
	}
}

// Totals are the histograms of a trial, by series and by the phase in which the operation was due,
// in microseconds. One goroutine at a time.
type Totals struct {
	Series []Series
	phases int
	ended  []*counts      // by series, then phase
	never  []*counts      // likewise, of what did not end
	room   result.Samples // of Peek and Each
}

// NewTotals makes totals of the series of a recorder.
func NewTotals(all []Series, phases int) *Totals {
	n := len(all) * phases
	return &Totals{Series: all, phases: phases, ended: make([]*counts, n), never: make([]*counts, n)}
}

// at finds or makes the counts of a series and a phase.
func (t *Totals) at(of []*counts, series, phase int) *counts {
	c := &of[series*t.phases+phase]
	if *c == nil {
		*c = &counts{}
	}
	return *c
}

// Add counts n samples of v microseconds, 0 to those of result.MaxLatency.
func (t *Totals) Add(series, phase int, v, n int64) { t.at(t.ended, series, phase).add(v, n) }

// AddNever counts n samples that had not ended after v microseconds.
func (t *Totals) AddNever(series, phase int, v, n int64) { t.at(t.never, series, phase).add(v, n) }

// Merge adds the samples of a result's histograms.
func (t *Totals) Merge(series, phase int, s result.Samples) {
	add := func(of []*counts, h *hdrhistogram.Histogram) {
		if h == nil || h.TotalCount() == 0 {
			return
		}
		c := t.at(of, series, phase)
		for _, bar := range h.Distribution() {
			if bar.Count > 0 {
				c.add(bar.From, bar.Count)
			}
		}
	}
	add(t.ended, s.Ended)
	add(t.never, s.Never)
}

// Each visits the samples of each series and phase that keep accepts and that has any, in order.
// They are valid during the visit, which must not call Peek.
func (t *Totals) Each(keep func(s *Series, phase int) bool, visit func(series, phase int, s result.Samples)) {
	for key := range t.ended {
		if sum := t.sum(&t.room, key, key+1, keep); sum.Total() > 0 {
			visit(key/t.phases, key%t.phases, sum)
		}
	}
}

// Count is how many samples that keep accepts have ended.
func (t *Totals) Count(keep func(s *Series, phase int) bool) (n int64) {
	for key, c := range t.ended {
		if c != nil && keep(&t.Series[key/t.phases], key%t.phases) {
			n += c.total
		}
	}
	return n
}

// Sum merges the samples that keep accepts. A histogram of the sum is nil when there are none. The
// caller owns it.
func (t *Totals) Sum(keep func(s *Series, phase int) bool) result.Samples {
	return t.sum(&result.Samples{}, 0, len(t.ended), keep)
}

// Peek is Sum in histograms that the next Peek, and Each, use again: they are valid until then. It
// is for a caller that looks every second, for which new ones were megabytes a second.
func (t *Totals) Peek(keep func(s *Series, phase int) bool) result.Samples {
	return t.sum(&t.room, 0, len(t.ended), keep)
}

// sum merges those from one key to another in the histograms of room, and makes what is not there.
func (t *Totals) sum(room *result.Samples, from, to int, keep func(s *Series, phase int) bool) (sum result.Samples) {
	merge := func(into, in **hdrhistogram.Histogram, c *counts) {
		switch {
		case c == nil:
			return
		case *into != nil:
		case *in == nil:
			*in = result.NewHistogram()
		default:
			(*in).Reset()
		}
		*into = *in
		c.addTo(*into)
	}
	for key := from; key < to; key++ {
		if keep(&t.Series[key/t.phases], key%t.phases) {
			merge(&sum.Ended, &room.Ended, t.ended[key])
			merge(&sum.Never, &room.Never, t.never[key])
		}
	}
	return sum
}
