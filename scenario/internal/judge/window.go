package judge

import (
	"fmt"
	"math"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// A Window is the worst stretch that was found for a rule on latencies over windows.
type Window struct {
	Text, Kind string  // of the rule
	Worst      float64 // in the rule's unit; NaN: none yet
	Beyond     bool    // it was more than that
	End        int64   // when that stretch ended, in nanoseconds since the trial's start
	Most       int64   // samples in the fullest stretch
}

// Windows evaluates the rules on latencies over windows, in every stretch of so many seconds, as
// they pass. It keeps the counts of those seconds only. One goroutine at a time. For each second
// call Begin, Add for all that was recorded in it, and Finish.
type Windows struct {
	tl  *plan.Timeline
	all []*window
}

// NewWindows takes the rules out of those that are on latencies over windows. The series are those
// that Add counts by.
func NewWindows(tl *plan.Timeline, series []record.Series, rules Rules) *Windows {
	ws := &Windows{tl: tl}
	for _, k := range rules.All() {
		if k.Over > 0 && ofSamples(&k) {
			ws.all = append(ws.all, newWindow(tl, series, k))
		}
	}
	for _, k := range netRules(rules) {
		ws.all = append(ws.all, newWindow(tl, series, k))
	}
	return ws
}

// Begin begins a second.
func (ws *Windows) Begin() {
	for _, w := range ws.all {
		w.begin()
	}
}

// Add takes in n samples of v microseconds of a series, which were due in a phase.
func (ws *Windows) Add(series, phase int, v, n int64) {
	for _, w := range ws.all {
		if w.takes(series, phase) {
			w.now = append(w.now, count{v, n, false})
		}
	}
}

// AddNever takes in n samples that had not ended after v microseconds.
func (ws *Windows) AddNever(series, phase int, v, n int64) {
	for _, w := range ws.all {
		if w.takes(series, phase) {
			w.now = append(w.now, count{v, n, true})
		}
	}
}

// Finish ends a second, which lasted from one moment until another.
func (ws *Windows) Finish(from, until int64) {
	for _, w := range ws.all {
		w.finish(ws.tl, from, until)
	}
}

// End says that there are no more seconds: a stretch that was too short for a window is taken for
// one.
func (ws *Windows) End(at int64) {
	for _, w := range ws.all {
		w.endStretch(at)
	}
}

// Found returns the findings so far.
func (ws *Windows) Found() []Window {
	out := make([]Window, len(ws.all))
	for i, w := range ws.all {
		out[i] = Window{Text: w.check.Text, Kind: w.check.Kind, Worst: w.worst.v, Beyond: w.worst.beyond, End: w.at, Most: w.most}
	}
	return out
}

// A window evaluates one rule.
type window struct {
	check  file.Check
	phases phaseSet
	series []bool

	seconds [][]count // the last ones, oldest first
	now     []count   // the one under way
	sum     result.Samples
	worst   reading
	most    int64 // samples in the fullest one
	at      int64 // where the worst one ended
	full    bool  // at least one window was full
}

type count struct {
	v, n  int64
	never bool
}

func newWindow(tl *plan.Timeline, series []record.Series, k file.Check) *window {
	sc := scopeOf(&k)
	w := &window{
		check: k, phases: phasesOf(tl, sc), worst: nothing, series: make([]bool, len(series)),
		sum: result.Samples{Ended: result.NewHistogram(), Never: result.NewHistogram()},
	}
	for i := range series {
		w.series[i] = series[i].Metric == sc.Metric && series[i].Chosen(sc.Labels)
	}
	return w
}

func (w *window) takes(series, phase int) bool { return w.series[series] && w.phases.has(phase) }

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

// finish adds the second. A second outside the rule's phases ends the stretch, so that a window
// never spans a gap, unless messages due in those phases arrived in it: the latest arrivals of a
// phase come after its end.
func (w *window) finish(tl *plan.Timeline, from, until int64) {
	if len(w.now) == 0 && !w.phases.has(tl.PhaseAt((from+until)/2)) {
		w.endStretch(from)
		w.seconds = w.seconds[:0]
		return
	}
	w.seconds = append(w.seconds, w.now)
	if len(w.seconds) == w.length() {
		w.full = true
		w.judge(until)
	}
}

// endStretch judges a stretch that was shorter than a window, when there was no longer one.
func (w *window) endStretch(until int64) {
	if !w.full && len(w.seconds) > 0 {
		w.judge(until)
	}
}

func (w *window) judge(until int64) {
	w.sum.Ended.Reset()
	w.sum.Never.Reset()
	for _, s := range w.seconds {
		for _, c := range s {
			to := w.sum.Ended
			if c.never {
				to = w.sum.Never
			}
			_ = to.RecordValues(c.v, c.n) // values are clamped to the histogram's range
		}
	}
	w.most = max(w.most, w.sum.Total())
	if thin(&w.check, w.sum) {
		return
	}
	length := time.Duration(len(w.seconds)) * time.Second
	if r := statOf(&w.check, w.sum, length.Seconds()); worse(&w.check, r, w.worst) {
		w.worst, w.at = r, until
	}
}

// windowNote says where the worst window lay.
func windowNote(over time.Duration, end int64) string {
	return fmt.Sprintf("worst window: %s up to %s", metric.FormatDuration(over), metric.FormatSeconds(float64(end)/1e9))
}

// worse reports whether a value is further from meeting the check than another. A
// window without samples is never the worst: nothing can be said of it.
func worse(c *file.Check, r, than reading) bool {
	switch {
	case math.IsNaN(r.v):
		return false
	case math.IsNaN(than.v):
		return true
	}
	v, w := r.v, than.v
	if r.beyond != than.beyond { // a value with "beyond" exceeds every other value
		if v = 0; r.beyond {
			v = math.Inf(1)
		}
		if w = 0; than.beyond {
			w = math.Inf(1)
		}
	}
	switch c.Op {
	case "<", "<=":
		return v > w
	case ">", ">=":
		return v < w
	}
	return math.Abs(v-c.Value) > math.Abs(w-c.Value)
}

// statOf takes a check's statistic of samples, in the check's unit. What never ended is no answer,
// so that counts are without it; it is slower than everything that did.
func statOf(c *file.Check, s result.Samples, seconds float64) reading {
	const second = 1e6 // in microseconds
	if s.Total() == 0 {
		return nothing
	}
	in := func(us int64, beyond bool) reading { return reading{float64(us) / second, beyond} }
	switch c.Stat {
	case metric.StatMax:
		return in(s.Percentile(100))
	case metric.StatMin:
		return in(s.Percentile(0))
	case metric.StatMean:
		us, beyond := s.Mean()
		return reading{us / second, beyond}
	case metric.StatCount:
		return reading{v: float64(s.Count())}
	case metric.StatRate:
		if seconds <= 0 {
			return nothing
		}
		return reading{v: float64(s.Count()) / seconds}
	}
	return in(s.Percentile(c.Quantile))
}
