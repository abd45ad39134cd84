package scenario

import (
	"cmp"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// An intervalLog writes the histogram logs of a trial. Samples that count in the totals of the
// result stand in intervals without a tag, so that the sum of those is exactly the result's
// histogram; samples of phases that are not recorded stand in intervals tagged with the name of the
// phase in which they were due. One goroutine at a time.
type intervalLog struct {
	w     *result.LogWriter
	tl    *plan.Timeline
	kinds []logKind
	names map[string]bool // of metrics seen so far
	in    map[logKey]*hdrhistogram.Histogram
	none  *hdrhistogram.Histogram // of a metric of which nothing came; it stays empty
	spare []*hdrhistogram.Histogram
	err   error // the first; nothing is written after it
}

type logKey struct{ metric, tag string }

// A logKind is a series, as the logs have it.
type logKind struct {
	names  []string // of its logs
	always bool     // it counts in every phase
}

func newIntervalLog(w *result.LogWriter, tl *plan.Timeline, series []record.Series) *intervalLog {
	l := &intervalLog{w: w, tl: tl, names: map[string]bool{}, in: map[logKey]*hdrhistogram.Histogram{}, none: result.NewHistogram()}
	for i := range series {
		s := &series[i]
		k := logKind{names: []string{s.Interval()}, always: metric.Always(s.Metric)}
		if s.Metric == metric.Step {
			k.names = append(k.names, metric.OfStep(s.Event))
		}
		l.kinds = append(l.kinds, k)
	}
	return l
}

// add counts n samples of v microseconds of a series, which were due in a phase.
func (l *intervalLog) add(series, phase int, v, n int64) {
	k := &l.kinds[series]
	for _, name := range k.names {
		tag := ""
		if !k.always {
			tag = l.tag(phase)
		}
		// values are clamped to the histogram's range
		_ = l.histogram(logKey{name, tag}).RecordValues(v, n)
	}
}

func (l *intervalLog) histogram(k logKey) *hdrhistogram.Histogram {
	h := l.in[k]
	if h == nil {
		if last := len(l.spare) - 1; last >= 0 {
			h, l.spare = l.spare[last], l.spare[:last]
		} else {
			h = result.NewHistogram()
		}
		l.in[k] = h
		l.names[k.metric] = true
	}
	return h
}

// tag is how samples of a phase are marked; "" where they count.
func (l *intervalLog) tag(phase int) string {
	if phase < 0 || l.tl.Spans[phase].Record {
		return ""
	}
	return l.tl.Spans[phase].Name
}

// write ends an interval. A metric of which nothing came gets an empty one.
func (l *intervalLog) write(from, until int64) {
	tag := l.tag(l.tl.PhaseAt((from + until) / 2))
	came := l.keys()
	for name := range l.names {
		if !slices.ContainsFunc(came, func(k logKey) bool { return k.metric == name }) {
			l.in[logKey{name, tag}] = l.none
		}
	}
	for _, k := range l.keys() {
		h := l.in[k]
		if l.err == nil {
			l.err = l.w.Interval(k.metric, k.tag, time.Duration(from), time.Duration(until), h)
		}
		if delete(l.in, k); h != l.none {
			h.Reset()
			l.spare = append(l.spare, h)
		}
	}
	if l.err == nil {
		l.err = l.w.Flush()
	}
}

// keys are the keys of the interval under way, in order.
func (l *intervalLog) keys() []logKey {
	keys := make([]logKey, 0, len(l.in))
	for k := range l.in {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b logKey) int {
		return cmp.Or(cmp.Compare(a.metric, b.metric), cmp.Compare(a.tag, b.tag))
	})
	return keys
}

// close closes the files and returns the first error.
func (l *intervalLog) close() error { return cmp.Or(l.err, l.w.Close()) }
