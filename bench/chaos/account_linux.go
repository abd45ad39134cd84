package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// judge compares what a run measured with what is expected of the cell.
func (c *cell) judge(o *outcome, r *result.Cell) {
	o.Verdict, o.Reason, o.Ledger, o.Asked = r.Verdict, r.Reason, r.Ledger, r.Clients.Asked
	if x := r.Reconnects; x != nil {
		o.Ended, o.Back, o.Recovered = x.Lost, x.Back, x.Recovered
	}
	o.Starved = starved(r)
	wrong := func(format string, args ...any) { o.Wrong = append(o.Wrong, fmt.Sprintf(format, args...)) }
	late := func(format string, args ...any) { o.Late = append(o.Late, fmt.Sprintf(format, args...)) }
	if r.Verdict != c.want.verdict || !strings.Contains(r.Reason, c.want.says) {
		late("the verdict is %s (%s), want %s (%s)", r.Verdict, r.Reason, c.want.verdict, c.want.says)
	}
	if code := map[result.Verdict]int{result.Pass: 0, result.Fail: 1, result.Invalid: 3}[r.Verdict]; o.Code != code {
		wrong("the verdict is %s, and the exit code %d, want %d", r.Verdict, o.Code, code)
	}
	addsUp(r, wrong)
	begins, ends, over := c.window(r)
	c.losses(r, begins, over, wrong, late)
	if !c.want.cut {
		c.connections(o, r, late)
	}
	o.SlowestS = slowest(r, begins)
	o.RecoveryS, o.IsRecovered = recovery(r, begins, ends)
}

// busy is how late a generator may send and read, before what times decide says nothing.
const busy = 500 * time.Millisecond

// starved says how the machine kept the generator from its schedule; "": it did not.
func starved(r *result.Cell) string {
	for name, l := range map[string]*result.Latency{"sent": r.Generator.Lag, "read": r.Generator.LagReceive} {
		if l != nil && l.P99us > busy.Microseconds() {
			return fmt.Sprintf("it %s %s late (p99)", name, time.Duration(l.P99us)*time.Microsecond)
		}
	}
	for i := range r.Checks {
		k := &r.Checks[i]
		if !k.Pass && k.Kind == result.KindValid && (k.Metric == metric.Lag || k.Metric == metric.LagReceive || k.Stat == metric.StatAchieved) {
			return k.Text + " does not hold"
		}
	}
	return ""
}

// addsUp holds that every message and every delivery is accounted for, once, and in each of the
// ways in which the result counts it.
func addsUp(r *result.Cell, wrong func(string, ...any)) {
	l := r.Ledger
	if l.Expected == 0 || l.Expected != l.Received+l.Late+l.Lost+l.Undecided {
		wrong("expected %d deliveries: %d received, %d late, %d lost, %d undecided", l.Expected, l.Received, l.Late, l.Lost, l.Undecided)
	}
	if m := r.Messages; m.Due != m.Sent+m.Held+m.Dropped {
		wrong("%d messages due: %d sent, %d held, %d dropped", m.Due, m.Sent, m.Held, m.Dropped)
	}
	if l.Duplicate+l.Disorder > 0 {
		wrong("%d deliveries twice, %d out of order", l.Duplicate, l.Disorder)
	}
	for class, n := range r.Errors {
		if slices.Contains([]string{"delivery.unknown", "delivery.unexpected"}, class) || strings.HasPrefix(class, "stamp.") {
			wrong("%d errors %s", n, class)
		}
	}
	came, samples := l.Received+l.Late, int64(0)
	if d := r.Latency[metric.Delivery]; d != nil {
		samples = d.N
	}
	if samples != came {
		wrong("%d deliveries came, and there are %d latencies", came, samples)
	}
	var byKind result.Ledger
	for i := range r.Receivers {
		byKind.Add(r.Receivers[i].Ledger)
	}
	if len(r.Receivers) > 0 && (byKind.Expected != l.Expected || byKind.Received != l.Received || byKind.Lost != l.Lost || byKind.Undecided != l.Undecided) {
		wrong("by kinds of receivers: %+v; in all: %+v", byKind, l)
	}
}

// window is when the fault began, when it was over, and from when on nothing may be lost by
// it: in seconds since the start of the trial.
func (c *cell) window(r *result.Cell) (begins, ends, over float64) {
	i := slices.IndexFunc(r.Phases, func(p result.Phase) bool { return p.Name == "fault" })
	if i < 0 {
		return math.Inf(1), math.Inf(1), math.Inf(1)
	}
	begins, ends = r.Phases[i].StartS, r.Phases[i].EndS
	over = ends + 2 // connections that end with the phase are made again
	if c.fault.ends > 0 {
		ends = begins + c.fault.ends.Seconds()
	}
	for _, a := range r.Acts {
		ends = max(ends, a.EndS)
	}
	return begins, ends, over
}

// losses holds that nothing was lost, or only what was due around a fault that may lose
// something.
func (c *cell) losses(r *result.Cell, begins, over float64, wrong, late func(string, ...any)) {
	if r.Ledger.Lost > 0 && !c.want.loses {
		wrong("%d of %d deliveries are lost; this fault explains none", r.Ledger.Lost, r.Ledger.Expected)
		return
	}
	if r.Evidence == nil {
		wrong("the result has no evidence")
		return
	}
	var outside, all int64
	for i := range r.Evidence.Ledger {
		row := &r.Evidence.Ledger[i]
		if row.Class < 0 || row.Phase < 0 || !r.Phases[row.Phase].Record {
			continue
		}
		all += row.Lost
		if at := float64(row.Second); at+1 < begins-1 || at > over {
			outside += row.Lost
		}
	}
	if all != r.Ledger.Lost {
		wrong("%d deliveries are lost, by seconds %d", r.Ledger.Lost, all)
	}
	if outside > 0 {
		late("%d lost deliveries were due more than a second before the fault, or after it", outside)
	}
}

// connections holds that as many connections ended as the fault ends, and that all clients are
// back.
func (c *cell) connections(o *outcome, r *result.Cell, late func(string, ...any)) {
	switch ended, clients := o.Ended, int64(o.Asked); {
	case c.want.ends == none && ended > 0:
		late("%d connections ended, and the fault ends none", ended)
	case c.want.ends == some && (ended == 0 || ended >= 2*clients):
		late("%d connections of %d clients ended, want some", ended, clients)
	case c.want.ends == all && ended < clients:
		late("%d connections of %d clients ended, want all", ended, clients)
	}
	if o.Back != o.Ended || r.Clients.Held != r.Clients.Asked {
		late("%d connections ended, %d were made again, and of %d clients %d are there in the end", o.Ended, o.Back, r.Clients.Asked, r.Clients.Held)
	}
	if c.want.recovered && o.Recovered != o.Back {
		late("%d of %d clients that came back were recovered, want all", o.Recovered, o.Back)
	}
}

// slowest is the longest time that a delivery took since the fault began, in seconds.
func slowest(r *result.Cell, begins float64) float64 {
	most := int64(0)
	for i := range r.Timeline {
		if t := &r.Timeline[i]; t.T+1 > begins {
			most = max(most, t.Latency[metric.Delivery].Maxus)
		}
	}
	return float64(most) / 1e6
}

// usual is how long deliveries may take before it counts as part of the fault.
const usual = 400 * time.Millisecond

// recovery is how long after the end of the fault users still noticed it: clients were away,
// deliveries took long, or something was lost or failed. Seconds are not divided, and the last
// one is left out: clients leave at its end. ok is false when they did until then.
func recovery(r *result.Cell, begins, ends float64) (seconds float64, ok bool) {
	limit, last := usual.Microseconds(), 0.0
	for i := range r.Timeline {
		if t := &r.Timeline[i]; t.T+1 <= begins {
			limit = max(limit, 3*t.Latency[metric.Delivery].P99us)
		}
	}
	until := 0.0
	for i := range r.Phases {
		until = max(until, r.Phases[i].EndS)
	}
	for i := range r.Timeline {
		t := &r.Timeline[i]
		if t.T+1 <= begins || t.T+1.5 > until {
			continue
		}
		if t.Held < t.Asked || t.Lost+t.Errors > 0 || t.Latency[metric.Delivery].Maxus > limit {
			last = t.T + 1
		}
	}
	return max(0, last-ends), last+1.5 < until
}
