package scenario

import (
	"math"
	"slices"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/result"
)

// A standing tells once a second how the checks stand, for showing it. It judges by what is known
// by then: a message enters the ledger's checks when its late limit has passed, and a check over
// windows of what is kept by the second looks at each window once, when it is full. The verdict
// is none of its business: findings.judge looks at everything again when the trial is over.
type standing struct {
	f     findings
	rules []file.Check
	worst []float64 // by rule, for those over windows; NaN: no window yet
	upTo  []int     // by rule: the end of the last window looked at, in seconds
	since []int64   // by rule that can end the trial: since when it is broken; 0: it is not
}

func newStanding(c *collector) *standing {
	s := &standing{f: findings{t: c.t, c: c}, rules: slices.Concat(c.t.spec.Valid, c.t.spec.SLO)}
	s.worst, s.upTo = make([]float64, len(s.rules)), make([]int, len(s.rules))
	for i := range s.worst {
		s.worst[i] = math.NaN()
	}
	return s
}

// look is called by the collector at the end of a second.
func (s *standing) look() (result.Ledger, []result.Check) {
	f := &s.f
	f.end = min(f.c.at, f.t.tl.End)
	f.rows = f.t.ledger.SoFar(f.rows[:0])
	settled := math.MaxInt // the first second of which a message may still be on its way
	for _, str := range f.t.streams {
		settled = min(settled, int((f.c.at-int64(str.spec.Late))/int64(time.Second)))
	}
	checks := make([]result.Check, len(s.rules))
	for i := range s.rules {
		checks[i] = f.found(&s.rules[i], s.value(i, settled), "")
	}
	return f.everything(), append(checks, f.implied()...)
}

// value is what rule i asks for, as far as it is known; NaN when nothing is.
func (s *standing) value(i, settled int) float64 {
	k, f := &s.rules[i], &s.f
	if k.Over == 0 || windowed(k) {
		v, _ := f.value(k, false)
		return v
	}
	to := int(f.c.at / int64(time.Second))
	switch k.Stat {
	case "loss", "dup", "disorder", "late":
		to = min(to, settled)
	}
	width := int(k.Over / time.Second)
	if to > s.upTo[i] && f.inScope(k, to-width, to) {
		s.upTo[i] = to
		if v := f.within(k, seconds{from: to - width, to: to}); worse(k, v, s.worst[i]) {
			s.worst[i] = v
		}
	}
	return s.worst[i]
}

// inScope reports whether all of the seconds belong to phases of the check.
func (f *findings) inScope(k *file.Check, from, to int) bool {
	sc := scope{metric: k.Metric, phase: k.Phase}
	for s := from; s < to; s++ {
		if s < 0 || !f.t.phaseIn(&sc, f.t.tl.PhaseAt(int64(s)*1e9+5e8)) {
			return false
		}
	}
	return true
}

// plannedPhases is the timeline as a result shows it.
func plannedPhases(tl *plan.Timeline) []result.Phase {
	var out []result.Phase
	for _, s := range tl.Spans {
		out = append(out, result.Phase{Name: s.Name, StartS: float64(s.Start) / 1e9, EndS: float64(s.End) / 1e9, Record: s.Record})
	}
	return out
}
