package judge

import (
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// late is a trial of some seconds in which so many deliveries took `took`, of which `sent` was how
// late the generator wrote them, and the others 3 ms.
type late struct {
	n, others  int64
	took, sent time.Duration
	probes     time.Duration // read lateness of the echo, for a generator without arrival times
}

func (l late) evidence(t *testing.T, slo, valid string) (*Evidence, Rules) {
	t.Helper()
	text := `
version: 1
name: t
groups: {people: {count: 10, send: [{op: all, rate: 1/s}]}}
phases: [{name: hold, for: 10s}]
slo: [` + slo + `]
`
	if valid != "" {
		text += "valid: [" + valid + "]\n"
	}
	f, err := file.Parse("t.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	rules := Rules{SLO: f.Spec.SLO, Valid: f.Spec.Valid}
	tl := plan.NewTimeline(f.Spec.Phases)
	people := Class{Group: "people", Transport: "websocket"}
	base := people.Label(record.Series{Metric: metric.Delivery, From: "people", Op: "all", Event: "msg"})
	net := base
	net.Metric, net.Hidden = net.Metric+metric.NetSuffix, true
	series := []record.Series{base, net, {Metric: metric.Lag, Group: "people"}, {Metric: metric.LagReceive}, people.Label(record.Series{Metric: metric.LagReceive})}
	e := &Evidence{
		Timeline: tl, At: tl.End, End: tl.End, Groups: []Group{{Name: "people", Attempts: []int64{10}}}, Classes: []Class{people},
		Streams: []Stream{{Group: "people", Op: "all", Event: "msg", Late: time.Second, Offered: []int64{100}, Sent: []int64{100}}},
		Seconds: []Second{{CPU: 0.1, Sent: 100, Offered: 100}}, Totals: record.NewTotals(series, 1),
		Target: Target{RSSBefore: -1},
	}
	ws := NewWindows(tl, series, rules)
	ws.Begin()
	add := func(at int, d time.Duration, n int64) {
		if n > 0 {
			e.Totals.Add(at, 0, d.Microseconds(), n)
			ws.Add(at, 0, d.Microseconds(), n)
		}
	}
	add(0, 3*time.Millisecond, l.others)
	add(0, l.took, l.n)
	add(1, 3*time.Millisecond, l.others)
	add(1, l.took-l.sent, l.n)
	add(2, 100*time.Microsecond, l.others)
	add(2, l.sent, l.n)
	add(4, 40*time.Millisecond, l.others) // how late they were read is in none of the latencies
	if l.probes > 0 {
		add(3, l.probes, 1000)
	}
	ws.Finish(0, 1e9)
	ws.End(1e9)
	e.Windows = ws.Found()
	return e, rules
}

func TestOwnLateness(t *testing.T) {
	const ms = time.Millisecond
	// A process that was stopped for 1 s of 230, and one stopped for 50 ms of 10 s.
	second, short := late{n: 500, others: 100_000, took: 769 * ms, sent: 746 * ms}, late{n: 120, others: 10_000, took: 27 * ms, sent: 24 * ms}
	for name, c := range map[string]struct {
		late       late
		slo, valid string
		want       result.Verdict
		reason     string
	}{
		"stopped for a second":         {second, "p99.9(delivery) < 100ms", "", result.Invalid, "the generator's own part of p99.9(delivery): 746 ms (769 ms with it, 23 ms without; allowed: a tenth, or 1 ms)"},
		"the rule is met all the same": {second, "p99.9(delivery) < 1s", "", result.Invalid, "own part of p99.9(delivery): 746 ms"},
		"beyond what is judged":        {second, "p99(delivery) < 100ms", "", result.Pass, ""},
		"stopped for 50 ms":            {short, "p99(delivery) < 100ms", "", result.Invalid, "own part of p99(delivery): 24 ms"},
		"in a window":                  {short, "p99(delivery) < 100ms over 1s", "", result.Invalid, "own part of p99(delivery) over 1 s: 24 ms"},
		"the headline, without rules":  {short, "loss(delivery) == 0", "", result.Invalid, "own part of p99(delivery): 24 ms"},
		"the target's tail":            {late{n: 120, others: 10_000, took: 30 * ms, sent: 2 * ms}, "p99(delivery) < 100ms", "", result.Pass, ""},
		"its fault":                    {late{n: 120, others: 10_000, took: 30 * ms, sent: 2 * ms}, "p99(delivery) < 10ms", "", result.Fail, "p99(delivery) < 10ms: 30 ms"},
		"within the floor":             {late{n: 120, others: 10_000, took: 3900 * time.Microsecond, sent: 900 * time.Microsecond}, "p99(delivery) < 100ms", "", result.Pass, ""},
		"a maximum that decides":       {late{n: 1, others: 10_000, took: 80 * ms, sent: 70 * ms}, "max(delivery) < 50ms", "", result.Invalid, "own part of max(delivery): 70.1 ms"},
		"a maximum that does not":      {late{n: 1, others: 10_000, took: 80 * ms, sent: 70 * ms}, "max(delivery) < 1s", "", result.Pass, ""},
		"limits for lag only":          {short, "p99(delivery) < 100ms", "p99(lag) < 10s", result.Invalid, "own part of p99(delivery): 24 ms"},
		"limits for both":              {short, "p99(delivery) < 100ms", "p99(lag) < 10s, p99(lag.receive) < 10s", result.Pass, ""},
		"a limit that is broken":       {short, "p99(delivery) < 100ms", "p99(lag) < 10s, p99(lag.receive) < 5ms", result.Invalid, "p99(lag.receive) < 5ms: 40 ms"},
		"reads that nobody can time":   {late{others: 10_000, probes: 2 * ms}, "p99(delivery) < 100ms", "", result.Invalid, "own part of p99(delivery): 2 ms (3 ms with it, 1 ms without"},
	} {
		e, rules := c.late.evidence(t, c.slo, c.valid)
		got := Judge(e, rules)
		if got.Verdict != c.want || !strings.Contains(got.Reason, c.reason) || (c.reason == "") != (got.Reason == "") {
			t.Errorf("%s: %s, %q; want %s, %q", name, got.Verdict, got.Reason, c.want, c.reason)
		}
	}
}

// The generator's own lateness in connecting excuses the target from a rule that is broken by it. It
// does not spoil a rule that is met with it.
func TestOwnLatenessInConnecting(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		took, own time.Duration
		slo       string
		want      result.Verdict
		reason    string
	}{
		"it breaks the rule":    {300 * ms, 270 * ms, "p99(connect) < 100ms", result.Invalid, "own part of p99(connect): 270 ms"},
		"the rule is met":       {300 * ms, 270 * ms, "p99(connect) < 1s", result.Pass, ""},
		"the target breaks it":  {300 * ms, 100 * ms, "p99(connect) < 100ms", result.Fail, "p99(connect) < 100ms: 300 ms"},
		"of one attempt":        {300 * ms, 270 * ms, "max(connect.attempt) < 100ms", result.Invalid, "own part of max(connect.attempt): 270 ms"},
		"by transport":          {300 * ms, 270 * ms, "p99(connect{transport=websocket}) < 100ms", result.Invalid, "own part of p99(connect{transport=websocket}): 270 ms"},
		"a stage has none":      {300 * ms, 270 * ms, "p99(connect.tcp) < 100ms", result.Fail, "p99(connect.tcp) < 100ms: 300 ms"},
		"less than may be, and": {101 * ms, 2 * ms, "p99(connect) < 100ms", result.Fail, "p99(connect) < 100ms: 101 ms"},
	} {
		e, rules := late{others: 10_000}.evidence(t, quoted(c.slo), "max(cpu) < 80%")
		var series []record.Series
		for _, name := range []string{metric.Connect, metric.ConnectAttempt, metric.ConnectTCP} {
			x := e.Classes[0].Label(record.Series{Metric: name})
			net := x
			net.Metric, net.Hidden = name+metric.NetSuffix, true
			series = append(series, x, net)
		}
		e.Totals = record.NewTotals(series, 1)
		for i := range series {
			took := c.took
			if series[i].Hidden {
				took -= c.own
			}
			if series[i].Metric != metric.ConnectTCP+metric.NetSuffix {
				e.Totals.Add(i, 0, took.Microseconds(), 1000)
			}
		}
		got := Judge(e, rules)
		if got.Verdict != c.want || !strings.Contains(got.Reason, c.reason) || (c.reason == "") != (got.Reason == "") {
			t.Errorf("%s: %s, %q; want %s, %q", name, got.Verdict, got.Reason, c.want, c.reason)
		}
	}
}

// The part of the generator in the tail is counted, message by message.
func TestTail(t *testing.T) {
	const ms = time.Millisecond
	e, _ := late{n: 97, others: 9_900, took: 53 * ms, sent: 50 * ms}.evidence(t, "loss(delivery) == 0", "")
	for range 13 { // the target's own
		e.Totals.Add(0, 0, 53_000, 1)
		e.Totals.Add(1, 0, 53_000, 1)
	}
	tail, ok := e.Tail()
	if !ok || tail.Slowest != 110 || tail.Late != 97 || tail.Stat != "p99" || tail.With < 0.052 || tail.Without > 0.0031 {
		t.Errorf("%+v, %v", tail, ok)
	}
	e, _ = late{n: 97, others: 9_900, took: 53 * ms, sent: ms}.evidence(t, "loss(delivery) == 0", "")
	if tail, ok := e.Tail(); ok {
		t.Errorf("a tail of the target's is said to be the generator's: %+v", tail)
	}
}

// What the generator did is kept with the result, so that it can be judged again.
func TestOwnLatenessIsKept(t *testing.T) {
	const ms = time.Millisecond
	e, rules := late{n: 120, others: 10_000, took: 28 * ms, sent: 25 * ms}.evidence(t, "p99(delivery) < 100ms", "")
	cell := &result.Cell{Phases: []result.Phase{{Name: "hold", EndS: 10, Record: true}}, Evidence: Keep(e)}
	again, err := Recall(cell, rules, func(string) []result.Interval { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if got := again.lateness(rules); len(got) != 1 || got[0].Value < 0.0249 || got[0].Value > 0.0251 {
		t.Errorf("%+v, want 25 ms of p99(delivery)", got)
	}
}
