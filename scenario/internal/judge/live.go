package judge

import (
	"fmt"
	"math"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// A Live reports once a second how the rules stand while a trial runs. It judges the evidence so
// far: a message counts in the ledger's rules when its late limit has passed, and each window over
// values kept by the second is judged once, when it is full. It gives no verdict: Judge evaluates
// everything again when the trial is over.
type Live struct {
	rules Rules
	all   []file.Check
	worst []reading // by rule, for those over windows; NaN: no window yet
	upTo  []int     // by rule: the end of the last window looked at, in seconds
	since []int64   // by rule that can end the trial: since when it is broken; 0: it is not
}

// NewLive makes one for a trial that is about to begin.
func NewLive(rules Rules) *Live {
	l := &Live{rules: rules, all: rules.All()}
	l.worst, l.upTo, l.since = make([]reading, len(l.all)), make([]int, len(l.all)), make([]int64, len(l.all))
	for i := range l.worst {
		l.worst[i] = nothing
	}
	return l
}

// Look evaluates the rules at the end of a second. The error is not nil when one that can end the
// trial has been broken for as long as it says.
func (l *Live) Look(e *Evidence) (checks []result.Check, abort error) {
	settled := math.MaxInt // the first second of which a message may still be on its way
	for i := range e.Streams {
		settled = min(settled, int((e.At-int64(e.Streams[i].Late))/int64(time.Second)))
	}
	for i := range l.all {
		checks = append(checks, l.find(e, i, settled))
		if err := l.broken(i, &checks[i], e.At); err != nil && abort == nil {
			abort = err
		}
	}
	return append(checks, implied(e, l.rules)...), abort
}

// find evaluates rule i, as far as anything is known.
func (l *Live) find(e *Evidence, i, settled int) result.Check {
	k := &l.all[i]
	if k.Over == 0 || ofSamples(k) {
		r := e.find(k)
		if r.Note = ""; r.Undecided { // there may be enough yet
			r.NoData = true
		}
		return r
	}
	to := int(e.At / int64(time.Second))
	if metric.OfLedger(k.Stat) {
		to = min(to, settled)
	}
	width := int(k.Over / time.Second)
	if to > l.upTo[i] && e.inScope(k, to-width, to) {
		l.upTo[i] = to
		if r := (reading{v: e.within(k, stretch{from: to - width, to: to})}); worse(k, r, l.worst[i]) {
			l.worst[i] = r
		}
	}
	return found(k, l.worst[i], "")
}

// inScope reports whether all of the seconds belong to phases of the rule.
func (e *Evidence) inScope(k *file.Check, from, to int) bool {
	set := e.phases(scopeOf(k))
	for s := from; s < to; s++ {
		if s < 0 || !set.has(e.Timeline.PhaseAt(int64(s)*1e9+5e8)) {
			return false
		}
	}
	return true
}

// broken returns an error when rule i has been broken for as long as the file allows.
func (l *Live) broken(i int, c *result.Check, now int64) error {
	k := &l.all[i]
	switch {
	case k.Abort == 0:
		return nil
	case c.Pass || c.NoData:
		l.since[i] = 0
		return nil
	case l.since[i] == 0:
		l.since[i] = now
	}
	if d := time.Duration(now - l.since[i]); d >= k.Abort {
		return fmt.Errorf("%s was broken for %s", k.Text, metric.FormatDuration(d))
	}
	return nil
}
