package scenario

import (
	"fmt"
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// A window evaluates a check on latencies over every stretch of so many seconds, as they
// pass. It keeps the counts of those seconds only, and the worst value found.
type window struct {
	t           *trial
	check       file.Check
	scope       scope
	takesSeries []bool

	seconds [][]count // the last ones, oldest first
	now     []count   // the one under way
	sum     *hdrhistogram.Histogram
	worst   float64 // NaN: none yet
	at      int64   // where the worst one ended
	full    bool    // at least one window was full
}

type count struct{ v, n int64 }

// windowed reports whether a check's windows are evaluated as they pass; the others
// are computed from the timeline afterwards.
func windowed(c *file.Check) bool {
	switch c.Stat {
	case "loss", "dup", "disorder", "late", "errors", "achieved", "ratio":
		return false
	}
	switch c.Metric {
	case "cpu", "rss", "server.cpu", "server.rss", "server.rss_per_client":
		return false
	}
	return true
}

func newWindow(t *trial, c file.Check) *window {
	w := &window{
		t: t, check: c, scope: scope{metric: c.Metric, labels: c.Labels, phase: c.Phase},
		sum: result.NewHistogram(), worst: math.NaN(), takesSeries: make([]bool, len(t.kinds)),
	}
	for i := range t.kinds {
		w.takesSeries[i] = w.scope.series(&t.kinds[i])
	}
	return w
}

func (w *window) takes(series, phase int) bool {
	return w.takesSeries[series] && w.t.phaseIn(&w.scope, phase)
}

// length is the number of seconds in a window.
func (w *window) length() int { return max(1, int(w.check.Over/time.Second)) }

func (w *window) begin() {
	// The oldest second's memory becomes the new one's.
	w.now = nil
	if len(w.seconds) == w.length() {
		w.now = w.seconds[0][:0]
		w.seconds = append(w.seconds[:0], w.seconds[1:]...)
	}
}

func (w *window) add(v, n int64) { w.now = append(w.now, count{v, n}) }

// finish takes the second in. One that does not belong to the check's phases ends the
// stretch, so that a window never reaches over a gap, unless it brought what was due in them:
// the latest arrivals of a phase come after it.
func (w *window) finish(from, until int64) {
	if len(w.now) == 0 && !w.t.phaseIn(&w.scope, w.t.tl.PhaseAt((from+until)/2)) {
		w.settle(from)
		w.seconds = w.seconds[:0]
		return
	}
	w.seconds = append(w.seconds, w.now)
	if len(w.seconds) == w.length() {
		w.full = true
		w.judge(until)
	}
}

// settle judges a stretch that was shorter than a window, when there was no longer one.
func (w *window) settle(until int64) {
	if !w.full && len(w.seconds) > 0 {
		w.judge(until)
	}
}

func (w *window) judge(until int64) {
	w.sum.Reset()
	for _, s := range w.seconds {
		for _, c := range s {
			_ = w.sum.RecordValues(c.v, c.n) // values are clamped to the histogram's range
		}
	}
	length := time.Duration(len(w.seconds)) * time.Second
	v := statOf(&w.check, w.sum, length.Seconds())
	if worse(&w.check, v, w.worst) {
		w.worst, w.at = v, until
	}
}

// note says where the worst window lay.
func (w *window) note() string { return windowNote(w.check.Over, w.at) }

func windowNote(over time.Duration, end int64) string {
	return fmt.Sprintf("worst window: %s up to %s", metric.FormatDuration(over), metric.FormatSeconds(float64(end)/1e9))
}

// worse reports whether a value is further from meeting the check than another. A
// window without samples is never the worst: nothing can be said of it.
func worse(c *file.Check, v, than float64) bool {
	switch {
	case math.IsNaN(v):
		return false
	case math.IsNaN(than):
		return true
	}
	switch c.Op {
	case "<", "<=":
		return v > than
	case ">", ">=":
		return v < than
	}
	return math.Abs(v-c.Value) > math.Abs(than-c.Value)
}

// statOf takes a check's statistic of a histogram, in the check's unit; NaN of an empty one.
func statOf(c *file.Check, h *hdrhistogram.Histogram, seconds float64) float64 {
	if h == nil || h.TotalCount() == 0 {
		return math.NaN()
	}
	const second = 1e6 // in microseconds
	switch c.Stat {
	case "max":
		return float64(h.Max()) / second
	case "min":
		return float64(h.Min()) / second
	case "mean":
		return h.Mean() / second
	case "count":
		return float64(h.TotalCount())
	case "rate":
		if seconds <= 0 {
			return math.NaN()
		}
		return float64(h.TotalCount()) / seconds
	}
	return float64(h.ValueAtPercentile(c.Quantile)) / second
}
