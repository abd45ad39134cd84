package judge

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// A stretch is a range of the values kept by the second.
type stretch struct {
	from, to int // to is the first one after it
	all      bool
}

var anyTime = stretch{all: true}

func (s stretch) has(second int) bool { return s.all || second >= s.from && second < s.to }

// Check evaluates one rule over an ended trial.
func Check(e *Evidence, k *file.Check) result.Check {
	if e.lacks(k) {
		r := found(k, nothing, "")
		r.Unsaved, r.Note = true, "not in this result"
		return r
	}
	r := e.find(k)
	if k.Stat == metric.StatLoss && !r.NoData {
		e.boundLoss(k, &r)
	}
	return r
}

// A reading is a value that was looked up for a rule, in the rule's unit; NaN when there is nothing
// to measure it by.
type reading struct {
	v      float64
	beyond bool // it is more than v
}

var nothing = reading{v: math.NaN()}

// found is a rule with the value that was found for it.
func found(k *file.Check, r reading, note string) result.Check {
	c := result.Check{
		Text: k.Text, Kind: k.Kind, Unit: unitOf(k.Unit), Limit: k.Value, Stat: k.Stat, Metric: k.Metric,
		Labels: k.Labels, Op: k.Op, OverS: k.Over.Seconds(), Phase: k.Phase,
	}
	if math.IsNaN(r.v) {
		c.NoData, c.Note = true, "no samples"
	} else {
		c.Value, c.Beyond, c.Note = r.v, r.beyond, note
	}
	c.Pass = c.Meets(r.v)
	c.Optional = k.Optional
	if k.Optional {
		c.Note = strings.TrimPrefix(c.Note+"; optional", "; ")
	}
	return c
}

func unitOf(u string) string {
	if u == metric.Bytes {
		return "bytes"
	}
	return u
}

// ofSamples reports whether a rule takes its statistic from latencies. Windows over latencies are
// judged as they pass; windows of other rules are computed from the values kept by the second.
func ofSamples(k *file.Check) bool {
	m, known := metric.Of(k.Metric)
	return known && m.Kind == metric.Latency && k.Stat != metric.StatErrors && !metric.OfLedger(k.Stat)
}

// find evaluates a rule by the kind of evidence that it needs.
func (e *Evidence) find(k *file.Check) result.Check {
	switch {
	case k.Stat == metric.StatDrift:
		return e.drift(k)
	case ofSamples(k) && k.Over == 0:
		sc := scopeOf(k)
		all := e.Peek(sc)
		r := found(k, statOf(k, all, e.Length(sc)), fewBeyond(k, all))
		if thin(k, all) {
			undecide(&r, shortOf(k, all.Total(), ""))
		}
		return r
	case ofSamples(k):
		return e.worstWindow(k)
	case k.Over == 0:
		return found(k, reading{v: e.within(k, anyTime)}, "")
	}
	v, note := e.slide(k)
	return found(k, v, note)
}

// worstWindow looks up the finding of a rule on latencies over windows.
func (e *Evidence) worstWindow(k *file.Check) result.Check {
	for i := range e.Windows {
		w := &e.Windows[i]
		if w.Text != k.Text || w.Kind != k.Kind {
			continue
		}
		r := found(k, reading{w.Worst, w.Beyond}, windowNote(k.Over, w.End))
		if math.IsNaN(w.Worst) && w.Most > 0 {
			undecide(&r, shortOf(k, w.Most, " in a window"))
		}
		return r
	}
	return found(k, nothing, "")
}

// few reports whether so many samples are too few for the percentile of a rule.
func few(k *file.Check, n int64) bool { return n > 0 && n < k.Takes() }

// thin reports whether there are too few samples to decide a rule on the target. Rules on the
// generator are never thin, because its behaviour is known completely. When as many samples as a
// percentile needs exceed the limit, the percentile does too, however few samples there are in all.
func thin(k *file.Check, all result.Samples) bool {
	if k.Kind == file.Valid || metric.OfGenerator(k.Metric) || !few(k, all.Total()) {
		return false
	}
	above := all.Total() - all.Count() // what never ended
	if all.Ended != nil {
		above += atLeast(all.Ended, k.Value)
	}
	return above < metric.Beyond
}

// undecide withdraws the finding of a rule.
func undecide(r *result.Check, note string) {
	r.Pass, r.NoData, r.Undecided = false, false, true
	r.Note = note
	if r.Optional {
		r.Note += "; optional"
	}
}

// shortOf says how many samples there were of how many a rule takes.
func shortOf(k *file.Check, n int64, where string) string {
	return fmt.Sprintf("not enough samples: %s%s, and a %s takes %s", metric.FormatCount(n), where, k.Stat, metric.FormatCount(k.Takes()))
}

// fewBeyond is a note on a percentile with fewer than ten samples beyond it.
func fewBeyond(k *file.Check, all result.Samples) string {
	n := all.Total()
	if !few(k, n) {
		return ""
	}
	return fmt.Sprintf("of %d samples, fewer than ten beyond it", n)
}

// slide evaluates a rule in every window within its phases and returns the worst value.
func (e *Evidence) slide(k *file.Check) (worst reading, note string) {
	worst, width, at := nothing, int(k.Over/time.Second), 0
	set := e.phases(scopeOf(k))
	spans := e.Timeline.Spans
	for i := 0; i < len(spans); i++ {
		if !set.has(i) {
			continue
		}
		first := spans[i].Start
		for i+1 < len(spans) && set.has(i+1) {
			i++ // phases in a row are one stretch
		}
		from, to := int(first/1e9), int((spans[i].End+1e9-1)/1e9)
		for begin := from; begin == from || begin+width <= to; begin++ {
			// a shorter stretch is one window, without what comes after it
			end := min(begin+width, to)
			if r := (reading{v: e.within(k, stretch{from: begin, to: end})}); worse(k, r, worst) {
				worst, at = r, end
			}
		}
	}
	return worst, windowNote(k.Over, int64(at)*1e9)
}

// within evaluates a rule on the values kept by the second.
func (e *Evidence) within(k *file.Check, in stretch) float64 {
	switch k.Stat {
	case metric.StatAchieved:
		return e.achieved(k, in)
	case metric.StatLoss, metric.StatDup, metric.StatDisorder, metric.StatLate, metric.StatUndecided:
		return e.ledgerShare(k, in)
	case metric.StatErrors:
		return e.errors(k, in)
	case metric.StatRatio:
		l := e.Returned(scopeOf(k))
		return ratio(l.Recovered, l.Back+l.Never)
	}
	return e.sampled(k, in)
}

func ratio(a, b int64) float64 {
	if b == 0 {
		return math.NaN()
	}
	return float64(a) / float64(b)
}

// achieved is the share of the operations that were sent, of those due in the phases or in the
// seconds.
func (e *Evidence) achieved(k *file.Check, in stretch) float64 {
	if in.all {
		return ratio(e.Operations(k.Phase))
	}
	set := e.phases(Scope{Phase: k.Phase})
	sent, offered := int64(0), int64(0)
	for i := range e.Seconds {
		if s := &e.Seconds[i]; in.has(i) && set.has(s.Phase) {
			sent, offered = sent+s.Sent, offered+s.Offered
		}
	}
	return ratio(sent, offered)
}

// ledgerShare counts losses, duplicates and similar, as a share of the expected deliveries or as a
// number. A late delivery counts as lost here: it missed the limit that the stream set.
func (e *Evidence) ledgerShare(k *file.Check, in stretch) float64 {
	sum := e.account(k.Labels, k.Phase, in)
	n := countOf(k.Stat, &sum)
	switch {
	case sum.Expected == 0:
		return math.NaN()
	case k.Unit == metric.Share:
		return ratio(n, sum.Expected)
	}
	return float64(n)
}

// boundLoss says how much the loss is at most: if all that is undecided is lost.
func (e *Evidence) boundLoss(k *file.Check, r *result.Check) {
	sum := e.Account(k.Labels, k.Phase)
	if sum.Undecided == 0 || k.Over > 0 {
		return
	}
	n := countOf(k.Stat, &sum) + sum.Undecided
	r.AtMost = float64(n)
	if k.Unit == metric.Share {
		r.AtMost = ratio(n, sum.Expected)
	}
	r.Note = strings.TrimPrefix(r.Note+"; at most "+metric.FormatBeside(r.AtMost, r.Value, r.Unit)+" with the undecided ones", "; ")
}

// countOf returns the count of a ledger statistic.
func countOf(stat string, l *result.Ledger) int64 {
	switch stat {
	case metric.StatLoss:
		return l.Lost + l.Late
	case metric.StatDup:
		return l.Duplicate
	case metric.StatDisorder:
		return l.Disorder
	case metric.StatLate:
		return l.Late
	case metric.StatUndecided:
		return l.Undecided
	}
	return 0
}

// sampled takes a statistic of the values sampled once a second.
func (e *Evidence) sampled(k *file.Check, in stretch) float64 {
	set := e.phases(Scope{Phase: k.Phase})
	var vs []float64
	for i := range e.Seconds {
		if s := &e.Seconds[i]; in.has(i) && set.has(s.Phase) {
			if v, known := e.sample(k.Metric, s); known {
				vs = append(vs, v)
			}
		}
	}
	if len(vs) == 0 {
		return math.NaN()
	}
	if k.Stat == metric.StatGrowth {
		return growth(vs)
	}
	slices.Sort(vs)
	switch k.Stat {
	case metric.StatMax:
		return vs[len(vs)-1]
	case metric.StatMin:
		return vs[0]
	case metric.StatMean:
		sum := 0.0
		for _, v := range vs {
			sum += v
		}
		return sum / float64(len(vs))
	}
	return vs[result.Rank(k.Quantile, int64(len(vs)))-1]
}

// sample is a metric in one second; known is false when the system did not report it.
func (e *Evidence) sample(name string, s *Second) (v float64, known bool) {
	switch name {
	case metric.CPU:
		return s.CPU, true
	case metric.ServerCPU:
		return s.ServerCPU, s.ServerCPU >= 0
	case metric.RSS:
		return float64(s.RSS), s.RSS > 0
	case metric.ServerRSS:
		return float64(s.ServerRSS), s.ServerRSS > 0
	case metric.Goroutines:
		return float64(s.Goroutines), s.Goroutines > 0
	case metric.Files:
		return float64(s.Files), s.Files > 0
	case metric.ServerGoroutines:
		return float64(s.ServerGoroutines), s.ServerGoroutines > 0
	case metric.ServerFiles:
		return float64(s.ServerFiles), s.ServerFiles > 0
	case metric.Delivery, metric.Ack, metric.Lag: // the tail
		v = s.Tails[slices.Index(tails[:], name)].Seconds()
		return v, v > 0
	case metric.ServerRSSPerClient:
		if s.ServerRSS == 0 || e.Target.RSSBefore < 0 || s.Held == 0 {
			return 0, false
		}
		return float64(max(0, s.ServerRSS-e.Target.RSSBefore) / int64(s.Held)), true
	}
	return 0, false
}
