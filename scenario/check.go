package scenario

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// Findings are what a trial measured, in the form that checks ask of.
type findings struct {
	t    *trial
	c    *collector
	rows [][]ledger.Row // of the ledger, by stream
	end  int64          // of what was measured, since the trial's start
}

// A span of seconds, for windows over what is kept by the second; all means any time.
type seconds struct {
	from, to int
	all      bool
}

func (s seconds) has(second int) bool { return s.all || second >= s.from && second < s.to }

// check evaluates one rule.
func (f *findings) check(k file.Check) result.Check {
	v, note := f.value(&k, true)
	return f.found(&k, v, note)
}

// found is a rule with the value that was found for it; NaN stands for none.
func (f *findings) found(k *file.Check, v float64, note string) result.Check {
	r := result.Check{
		Text: k.Text, Kind: k.Kind, Unit: unitOf(k.Unit), Limit: k.Value, Stat: k.Stat, Metric: k.Metric,
		Labels: k.Labels, Op: k.Op, OverS: k.Over.Seconds(), Phase: k.Phase,
	}
	if math.IsNaN(v) {
		r.NoData, r.Note = true, "no samples"
	} else {
		r.Value, r.Note = v, note
	}
	r.Pass = r.Meets(v)
	r.Optional = k.Optional
	if k.Optional {
		r.Note = strings.TrimPrefix(r.Note+"; optional", "; ")
	}
	return r
}

func unitOf(u string) string {
	if u == file.UnitBytes {
		return "bytes"
	}
	return u
}

// value looks up what a check asks for; NaN when there is nothing to measure it by. At the end
// of a trial, a stretch that was too short for a window is taken for one.
func (f *findings) value(k *file.Check, atEnd bool) (v float64, note string) {
	if windowed(k) {
		sc := scope{metric: k.Metric, labels: k.Labels, phase: k.Phase}
		if k.Over == 0 {
			return statOf(k, f.c.total(sc), f.length(&sc)), ""
		}
		for _, w := range f.c.windows {
			if w.check.Text == k.Text && w.check.Kind == k.Kind {
				if atEnd {
					w.settle(f.c.at)
				}
				return w.worst, w.note()
			}
		}
		return math.NaN(), ""
	}
	if k.Over == 0 {
		return f.within(k, seconds{all: true}), ""
	}
	return f.slide(k)
}

// length is how long the phases of a scope lasted, as far as the trial got.
func (f *findings) length(sc *scope) (sum float64) {
	for i := range f.t.tl.Spans {
		if f.t.phaseIn(sc, i) {
			s := &f.t.tl.Spans[i]
			sum += float64(max(0, min(s.End, f.end)-s.Start)) / 1e9
		}
	}
	return sum
}

// slide evaluates a check in every window within its phases and returns the worst value.
func (f *findings) slide(k *file.Check) (worst float64, note string) {
	worst, width, at := math.NaN(), int(k.Over/time.Second), 0
	sc := scope{metric: k.Metric, phase: k.Phase}
	for i := 0; i < len(f.t.tl.Spans); i++ {
		if !f.t.phaseIn(&sc, i) {
			continue
		}
		first := f.t.tl.Spans[i].Start
		for i+1 < len(f.t.tl.Spans) && f.t.phaseIn(&sc, i+1) {
			i++ // phases in a row are one stretch
		}
		from, to := int(first/1e9), int((f.t.tl.Spans[i].End+1e9-1)/1e9)
		for at0 := from; at0 == from || at0+width <= to; at0++ {
			if v := f.within(k, seconds{from: at0, to: at0 + width}); worse(k, v, worst) {
				worst, at = v, min(at0+width, to)
			}
		}
	}
	return worst, windowNote(k.Over, int64(at)*1e9)
}

// within evaluates a check on what is kept by the second.
func (f *findings) within(k *file.Check, in seconds) float64 {
	switch k.Stat {
	case "achieved":
		sent, offered := f.sent(k, in)
		return ratio(sent, offered)
	case "loss", "dup", "disorder", "late":
		return f.ledgerShare(k, in)
	case "errors":
		return f.errors(k, in)
	case "ratio":
		return f.recoveredShare(&scope{metric: k.Metric, labels: k.Labels, phase: k.Phase})
	}
	return f.sampled(k, in)
}

func ratio(a, b int64) float64 {
	if b == 0 {
		return math.NaN()
	}
	return float64(a) / float64(b)
}

// sent counts the operations sent and offered: those due in the phases, or in the seconds.
func (f *findings) sent(k *file.Check, in seconds) (sent, offered int64) {
	sc := scope{phase: k.Phase}
	if !in.all {
		for i, m := range f.c.moments {
			if in.has(i) && f.t.phaseIn(&sc, m.phase) {
				sent, offered = sent+m.sent, offered+m.offered
			}
		}
		return sent, offered
	}
	for _, s := range f.t.streams {
		for p := range s.offered {
			if f.t.phaseIn(&sc, p) {
				sent, offered = sent+s.sent[p].Load(), offered+s.offered[p].Load()
			}
		}
	}
	return sent, offered
}

// ledgerShare counts lost and the like, as a share of what was expected or as a number. A
// late delivery counts as lost here: it missed the limit that the stream set.
func (f *findings) ledgerShare(k *file.Check, in seconds) float64 {
	sum := f.account(k.Labels, k.Phase, in)
	n := map[string]int64{"loss": sum.Lost + sum.Late, "dup": sum.Duplicate, "disorder": sum.Disorder, "late": sum.Late}[k.Stat]
	if sum.Expected == 0 {
		return math.NaN()
	}
	if k.Unit == file.UnitShare {
		return ratio(n, sum.Expected)
	}
	return float64(n)
}

func (s *stream) matches(labels map[string]string) bool {
	x := record.Series{Group: s.group.spec.Name, Op: s.spec.Op, Event: s.spec.Event}
	for label, value := range labels {
		if !x.Has(label, value) {
			return false
		}
	}
	return true
}

// errors counts errors of a kind, as a share of what was attempted or as a number.
func (f *findings) errors(k *file.Check, in seconds) float64 {
	sc := scope{phase: k.Phase}
	n := f.countErrors(func(r *record.ErrorCount) bool {
		if r.Class.Blameless() {
			return false
		}
		if k.Metric != "" && string(r.Class.Kind) != k.Metric {
			return false
		}
		own := sc
		own.always = r.Class.Always()
		if !f.t.phaseIn(&own, r.Phase) || !in.has(r.Second) {
			return false
		}
		x := record.Series{Group: f.t.groups[r.Group].spec.Name}
		if r.Stream >= 0 {
			s := f.t.streams[r.Stream]
			x.Op, x.Event = s.spec.Op, s.spec.Event
		}
		for label, value := range k.Labels {
			if !x.Has(label, value) {
				return false
			}
		}
		return true
	})
	attempts := int64(0)
	if k.Metric == metric.Step {
		attempts = f.stepAttempts(k, &sc)
	} else {
		attempts = f.attempts(k, &sc)
	}
	if attempts == 0 {
		return math.NaN()
	}
	if k.Unit == file.UnitShare {
		return ratio(n, attempts)
	}
	return float64(n)
}

// attempts counts what could have gone wrong: connects, calls, or both and every
// other operation.
func (f *findings) attempts(k *file.Check, sc *scope) (n int64) {
	if k.Metric != "ack" {
		own := *sc
		own.always = true
		for _, g := range f.t.groups {
			if name := k.Labels["group"]; name != "" && name != g.spec.Name {
				continue
			}
			for p := range g.attempts {
				if f.t.phaseIn(&own, p) {
					n += g.attempts[p].Load()
				}
			}
		}
	}
	if k.Metric == "connect" {
		return n
	}
	for _, s := range f.t.streams {
		if k.Metric == "ack" && s.spec.Ack == 0 || !s.matches(k.Labels) {
			continue
		}
		for p := range s.offered {
			if f.t.phaseIn(sc, p) {
				n += s.offered[p].Load()
			}
		}
	}
	return n
}

// sampled takes a statistic of what is sampled once a second.
func (f *findings) sampled(k *file.Check, in seconds) float64 {
	sc := scope{phase: k.Phase}
	var vs []float64
	for i, m := range f.c.moments {
		if !in.has(i) || !f.t.phaseIn(&sc, m.phase) {
			continue
		}
		switch {
		case k.Metric == "cpu":
			vs = append(vs, m.cpu)
		case k.Metric == "server.cpu" && m.serverCPU >= 0:
			vs = append(vs, m.serverCPU)
		case k.Metric == "rss" && m.rss > 0:
			vs = append(vs, float64(m.rss))
		case k.Metric == "server.rss_per_client" && m.serverRSS > 0 && f.c.before.ok && f.c.timeline[i].Held > 0:
			vs = append(vs, float64(max(0, m.serverRSS-f.c.before.rss)/int64(f.c.timeline[i].Held)))
		case k.Metric == "server.rss" && m.serverRSS > 0:
			vs = append(vs, float64(m.serverRSS))
		}
	}
	if len(vs) == 0 {
		return math.NaN()
	}
	if k.Stat == "growth" {
		return growth(vs)
	}
	slices.Sort(vs)
	switch k.Stat {
	case "max":
		return vs[len(vs)-1]
	case "min":
		return vs[0]
	case "mean":
		sum := 0.0
		for _, v := range vs {
			sum += v
		}
		return sum / float64(len(vs))
	}
	return vs[max(0, int(math.Ceil(k.Quantile/100*float64(len(vs))))-1)]
}

// implied are the rules that hold unless the file says something about the matter: a run
// in which clients failed to connect or were dropped is not the run that was asked for, and
// latencies of deliveries say nothing of those that did not come. What a fault on purpose
// loses is for the file to judge.
func (f *findings) implied() []result.Check {
	var connects, any, losses bool
	for i := range f.t.spec.Phases {
		losses = losses || f.t.spec.Phases[i].Fault != nil
	}
	for _, k := range f.t.spec.SLO {
		losses = losses || k.Stat == "loss"
		if k.Stat == "errors" {
			connects = connects || k.Metric == "connect"
			any = any || k.Metric == ""
		}
	}
	rule := func(text string, n int64) result.Check {
		return result.Check{Text: text, Value: float64(n), Pass: n == 0, Kind: result.KindSLO, Op: "==", Note: "implied: the file has no rule for it"}
	}
	var out []result.Check
	if n := f.t.failed.Load(); !connects && !any && n > 0 {
		out = append(out, rule("clients failed == 0", n))
	}
	if n := f.t.dropped.Load(); !any && n > 0 {
		out = append(out, rule("clients dropped == 0", n))
	}
	if sum := f.account(nil, "", seconds{all: true}); !losses && sum.Lost+sum.Late > 0 {
		out = append(out, rule("loss(delivery) == 0", sum.Lost+sum.Late))
	}
	return out
}

// judge evaluates every rule and gives the verdict with its reason. A broken rule about the
// generator makes the trial invalid whatever the others say, with one exception: when
// operations were not sent because the target had refused, dropped or stopped reading
// the connections, the schedule was not the generator's to keep, and the trial fails.
func (f *findings) judge(end ending, why error) (checks []result.Check, v result.Verdict, reason string) {
	v = result.Pass
	lower := func(to result.Verdict, because string) {
		if w := result.Worst(v, to); w != v {
			v, reason = w, because
		}
	}
	if f.length(&scope{}) == 0 {
		lower(result.Invalid, "the trial ended before a recorded phase began")
	}
	for _, k := range f.t.spec.Valid {
		r := f.check(k)
		f.excuse(&k, &r)
		if !r.Pass && !k.Optional {
			if f.targetsFault(&k, &r) {
				r.Note = f.unsent()
				lower(result.Fail, broken(&r))
			} else {
				lower(result.Invalid, broken(&r))
			}
		}
		checks = append(checks, r)
	}
	for _, k := range f.t.spec.SLO {
		r := f.check(k)
		f.excuse(&k, &r)
		if !r.Pass && !k.Optional {
			lower(result.Fail, broken(&r))
		}
		checks = append(checks, r)
	}
	for _, r := range f.implied() {
		lower(result.Fail, broken(&r))
		checks = append(checks, r)
	}
	if end == interrupted {
		v, reason = result.Invalid, fmt.Sprintf("interrupted after %s of %s", metric.FormatSeconds(float64(f.end)/1e9), metric.FormatSeconds(float64(f.t.tl.End)/1e9))
	}
	if end == serverGone {
		// Whatever else is said: this is what there is to know.
		v, reason = result.Fail, fmt.Sprintf("the server ended by itself after %s", metric.FormatSeconds(float64(f.end)/1e9))
		if why != nil {
			reason += ": " + why.Error()
		}
	}
	return checks, v, reason
}

// targetsFault reports whether a broken rule about the generator would hold had the target kept its
// connections: the schedule would have been kept, or there would be something to judge.
func (f *findings) targetsFault(k *file.Check, r *result.Check) bool {
	if k.Stat != "achieved" && !r.NoData {
		return false
	}
	own := f.countErrors(func(r *record.ErrorCount) bool {
		return r.Class.Kind == metric.ErrConnect && (r.Class.How == metric.HowPorts || r.Class.How == metric.HowFiles)
	})
	if own > 0 {
		return false
	}
	sc := scope{phase: k.Phase}
	refused := f.countErrors(func(r *record.ErrorCount) bool {
		return r.Class.Kind == metric.ErrSend && f.t.phaseIn(&sc, r.Phase)
	})
	sent, offered := f.sent(k, seconds{all: true})
	if r.NoData {
		return refused > 0 && sent == 0
	}
	return refused > 0 && f.found(k, ratio(sent+refused, offered), "").Pass
}

// unsent says why operations found no connection to be sent on.
func (f *findings) unsent() string {
	full := f.countErrors(func(r *record.ErrorCount) bool {
		return r.Class == metric.Error(metric.ErrSend, metric.HowBackpressure)
	})
	if full+f.t.dropped.Load()+f.t.failed.Load() == 0 {
		return "clients were still connecting: give them a phase before, with load: 0%"
	}
	return "the target did not hold or did not read the connections"
}

// broken says in one clause how a rule was broken.
func broken(r *result.Check) string {
	if r.NoData {
		return fmt.Sprintf("%s: no samples", r.Text)
	}
	s := fmt.Sprintf("%s: %s", r.Text, metric.FormatBeside(r.Value, r.Limit, r.Unit))
	if r.OverS > 0 || r.Note != "" && r.Kind == result.KindValid {
		s += " (" + r.Note + ")"
	}
	return s
}

// countErrors adds up the errors that keep accepts.
func (f *findings) countErrors(keep func(r *record.ErrorCount) bool) (n int64) {
	for _, r := range f.t.errors.Counts() {
		if keep(&r) {
			n += r.N
		}
	}
	return n
}
