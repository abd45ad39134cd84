package judge

import (
	"math"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
)

// countErrors adds up the errors that keep accepts.
func (e *Evidence) countErrors(keep func(r *record.ErrorCount) bool) (n int64) {
	for i := range e.Errors {
		if keep(&e.Errors[i]) {
			n += e.Errors[i].N
		}
	}
	return n
}

// ErrorsByClass counts the errors in the recorded phases; errors of classes that always count, in
// all phases.
func (e *Evidence) ErrorsByClass() map[metric.ErrorClass]int64 {
	out := map[metric.ErrorClass]int64{}
	for i := range e.Errors {
		if r := &e.Errors[i]; r.Class.Always() || e.Recorded(r.Phase) {
			out[r.Class] += r.N
		}
	}
	return out
}

// errors counts the errors that a rule selects, as a share of the attempts or as a number.
func (e *Evidence) errors(k *file.Check, in stretch) float64 {
	return e.errorShare(k, e.errorsOf(k, in, func(metric.ErrorClass) bool { return true }))
}

// errorsOf counts those errors that a rule selects and whose class is one of these.
func (e *Evidence) errorsOf(k *file.Check, in stretch, of func(metric.ErrorClass) bool) int64 {
	set, always := e.phases(Scope{Phase: k.Phase}), e.phases(Scope{Phase: k.Phase, Always: true})
	return e.countErrors(func(r *record.ErrorCount) bool {
		phases := &set
		if r.Class.Always() {
			phases = &always
		}
		return !r.Class.Benign() && of(r.Class) && r.Class.In(k.Metric) && phases.has(r.Phase) && in.has(r.Second) && hasAll(e.labels(r), k.Labels)
	})
}

// errorShare is so many errors in the unit of a rule; NaN when nothing was attempted.
func (e *Evidence) errorShare(k *file.Check, n int64) float64 {
	attempts := e.attempts(k)
	switch {
	case attempts == 0:
		return math.NaN()
	case k.Unit == metric.Share:
		return ratio(n, attempts)
	}
	return float64(n)
}

// labels returns the labels of an error, by which a rule may select.
func (e *Evidence) labels(r *record.ErrorCount) *record.Series {
	x := &record.Series{Group: e.Groups[r.Group].Name}
	if r.Stream >= 0 {
		x.Op, x.Event = e.Streams[r.Stream].Op, e.Streams[r.Stream].Event
	}
	return x
}

func hasAll(x *record.Series, labels map[string]string) bool {
	for label, value := range labels {
		if !x.Has(label, value) {
			return false
		}
	}
	return true
}

// attempts counts what could have gone wrong: connects, calls, steps, operations, or all operations
// and connects.
func (e *Evidence) attempts(k *file.Check) int64 {
	switch metric.ParseErrorClass(k.Metric).Kind {
	case metric.ErrConnect, metric.ErrUpgrade, metric.ErrDrop, metric.ErrReconnect:
		return e.connects(k)
	case metric.ErrAck:
		return e.operations(k, func(s *Stream) bool { return s.Asks })
	case metric.ErrSend:
		return e.operations(k, func(*Stream) bool { return true })
	case metric.ErrStep:
		return e.steps(k)
	default:
		return e.connects(k) + e.operations(k, func(*Stream) bool { return true })
	}
}

func (e *Evidence) connects(k *file.Check) (n int64) {
	set := e.phases(Scope{Phase: k.Phase, Always: true})
	for i := range e.Groups {
		g := &e.Groups[i]
		if name := k.Labels[metric.LabelGroup]; name != "" && name != g.Name {
			continue
		}
		for p, attempts := range g.Attempts {
			if set.has(p) {
				n += attempts
			}
		}
	}
	return n
}

func (e *Evidence) operations(k *file.Check, count func(s *Stream) bool) (n int64) {
	set := e.phases(Scope{Phase: k.Phase})
	for i := range e.Streams {
		s := &e.Streams[i]
		if !count(s) || !hasAll(&record.Series{Group: s.Group, Op: s.Op, Event: s.Event}, k.Labels) {
			continue
		}
		for p, offered := range s.Offered {
			if set.has(p) {
				n += offered
			}
		}
	}
	return n
}

// steps counts the steps that were done, and those that failed.
func (e *Evidence) steps(k *file.Check) (n int64) {
	sc := Scope{Metric: metric.Step, Labels: k.Labels, Phase: k.Phase}
	if done := e.Total(sc).Ended; done != nil {
		n = done.TotalCount()
	}
	set, group := e.phases(sc), k.Labels[metric.LabelGroup]
	return n + e.countErrors(func(r *record.ErrorCount) bool {
		return r.Class.Kind == metric.ErrStep && set.has(r.Phase) &&
			(group == "" || e.Groups[r.Group].Name == group)
	})
}
