package judge

import (
	"fmt"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
)

// hours is evidence of a trial with one processor load for each second, in phases that last so many
// seconds; those with a minus are not recorded.
func hours(phases []int, cpu ...float64) *Evidence {
	tl := &plan.Timeline{}
	at := int64(0)
	for i, n := range phases {
		span := plan.Span{Name: fmt.Sprintf("p%d", i), Start: at, End: at + int64(max(n, -n))*1e9, Record: n > 0}
		tl.Spans = append(tl.Spans, span)
		at = span.End
	}
	tl.End = at
	e := &Evidence{Timeline: tl, At: at, End: at}
	for i, v := range cpu {
		e.Seconds = append(e.Seconds, Second{Phase: tl.PhaseAt(int64(i)*1e9 + 5e8), CPU: v})
	}
	return e
}

// A rule over windows slides over each stretch of its phases, second by second, and never over a
// gap between two.
func TestSlidingWindows(t *testing.T) {
	for name, c := range map[string]struct {
		phases []int
		cpu    []float64
		over   int
		op     string
		want   float64
		end    string // of the worst window
	}{
		"one stretch":                  {[]int{5}, []float64{1, 2, 9, 7, 1}, 2, "<", 8, "4 s"},
		"the first window":             {[]int{5}, []float64{9, 9, 1, 1, 1}, 2, "<", 9, "2 s"},
		"the last window":              {[]int{5}, []float64{1, 1, 1, 9, 9}, 2, "<", 9, "5 s"},
		"the lowest":                   {[]int{5}, []float64{5, 5, 1, 2, 5}, 2, ">", 1.5, "4 s"},
		"phases in a row are one":      {[]int{2, 2, 1}, []float64{1, 9, 9, 1, 1}, 2, "<", 9, "3 s"},
		"a gap parts them":             {[]int{2, -1, 2}, []float64{1, 9, 100, 9, 1}, 2, "<", 5, "2 s"},
		"a gap at the beginning":       {[]int{-2, 3}, []float64{100, 100, 1, 2, 4}, 2, "<", 3, "5 s"},
		"a gap at the end":             {[]int{3, -2}, []float64{1, 2, 4, 100, 100}, 2, "<", 3, "3 s"},
		"shorter than a window":        {[]int{2}, []float64{1, 3}, 5, "<", 2, "2 s"},
		"as long as a window":          {[]int{2}, []float64{1, 3}, 2, "<", 2, "2 s"},
		"a short stretch, a long one":  {[]int{1, -1, 3}, []float64{6, 0, 1, 1, 4}, 3, "<", 6, "1 s"},
		"windows of one second":        {[]int{4}, []float64{1, 8, 2, 3}, 1, "<", 8, "2 s"},
		"nothing is recorded":          {[]int{-3}, []float64{1, 2, 3}, 2, "<", -1, ""},
		"the worst of two that differ": {[]int{2, -1, 2}, []float64{2, 2, 0, 3, 3}, 2, "<", 3, "5 s"},
	} {
		e := hours(c.phases, c.cpu...)
		k := file.Check{Text: name, Kind: file.SLO, Stat: metric.StatMean, Metric: metric.CPU, Op: c.op, Value: 1000, Over: time.Duration(c.over) * time.Second}
		r := Check(e, &k)
		if c.end == "" {
			if !r.NoData {
				t.Errorf("%s: %+v, want no samples", name, r)
			}
			continue
		}
		if note := fmt.Sprintf("worst window: %d s up to %s", c.over, c.end); r.Value != c.want || r.Note != note {
			t.Errorf("%s: %v, %q; want %v, %q", name, r.Value, r.Note, c.want, note)
		}
	}
}

// Windows of latencies belong to the rule with their text and kind.
func TestWindowOfARule(t *testing.T) {
	e := hours([]int{5})
	e.Windows = []Window{
		{Text: "a", Kind: file.Valid, Worst: 1, End: 1e9}, {Text: "b", Kind: file.SLO, Worst: 2, End: 2e9}, {Text: "a", Kind: file.SLO, Worst: 3, Beyond: true, End: 3e9},
	}
	for name, want := range map[string]string{"a": "3 true worst window: 1 s up to 3 s", "b": "2 false worst window: 1 s up to 2 s"} {
		k := file.Check{Text: name, Kind: file.SLO, Stat: metric.StatMax, Metric: metric.Delivery, Op: "<", Value: 10, Over: time.Second}
		if r := Check(e, &k); fmt.Sprint(r.Value, r.Beyond)+" "+r.Note != want {
			t.Errorf("%s: %+v, want %s", name, r, want)
		}
	}
	k := file.Check{Text: "c", Kind: file.SLO, Stat: metric.StatMax, Metric: metric.Delivery, Op: "<", Value: 10, Over: time.Second}
	if r := Check(e, &k); !r.NoData || r.Pass {
		t.Errorf("a rule without a window: %+v", r)
	}
}

// A loss is an interval when some deliveries are undecided, whichever unit it is in.
func TestLossIsAnInterval(t *testing.T) {
	for rule, want := range map[string]struct {
		undecided int64
		atMost    float64
		note      string
	}{
		"loss(delivery) < 5":          {0, 0, ""},
		"loss(delivery) < 5 ":         {4, 14, "at most 14 with the undecided ones"},
		"loss(delivery) < 5%":         {4, 14.0 / 400, "at most 3.5 % with the undecided ones"},
		"late(delivery) < 5":          {4, 0, ""},
		"undecided(delivery) < 5":     {4, 0, ""},
		"loss(delivery) < 50 over 1s": {4, 0, "worst window: 1 s up to 2 s"},
	} {
		e, rules := known(t, rule, "max(cpu) < 80%")
		e.Ledger[0][2].Undecided = want.undecided
		if r := Check(e, &rules.SLO[0]); r.AtMost != want.atMost || r.Note != want.note || r.NoData {
			t.Errorf("%s: at most %v, %q; want %v, %q", rule, r.AtMost, r.Note, want.atMost, want.note)
		}
	}
	e, rules := known(t, "loss(delivery) < 5", "max(cpu) < 80%")
	e.Ledger = make([][]ledger.Row, len(e.Streams))
	if r := Check(e, &rules.SLO[0]); !r.NoData || r.AtMost != 0 || r.Note != "no samples" {
		t.Errorf("of nothing: %+v", r)
	}
}

// Errors are a share of what could have gone wrong: of connects, calls, operations or steps, of the
// group or stream that a rule names.
func TestErrorsAreAShareOfTheAttempts(t *testing.T) {
	e, _ := known(t, "max(delivery) < 1s", "max(cpu) < 80%")
	e.Totals = record.NewTotals([]record.Series{{Metric: metric.Step, Group: "people"}, {Metric: metric.Step, Group: "speaker"}}, 2)
	e.Totals.Add(0, 0, 1000, 4)
	e.Totals.Add(0, 1, 1000, 30)
	e.Totals.Add(1, 1, 1000, 7)
	step := metric.Error(metric.ErrStep, metric.HowTimeout)
	for group, n := range []int64{2, 5} {
		for phase := range 2 {
			e.Errors = append(e.Errors, record.ErrorCount{ErrorKey: record.ErrorKey{Class: step, Stream: -1, Group: group}, Phase: phase, Second: phase, N: n + int64(phase)})
		}
	}
	trouble(e, metric.Error(metric.ErrSend, metric.HowBackpressure), 1, 1)
	for _, c := range []struct {
		metric string
		labels map[string]string
		phase  string
		want   int64
	}{
		{"connect", nil, "", 10},
		{"connect", map[string]string{"group": "people"}, "", 5},
		{"connect", map[string]string{"group": "nobody"}, "", 0},
		{"connect.refused", nil, "hold", 0},
		{"drop", nil, "", 10},
		{"ack", nil, "", 20},
		{"ack", nil, "ramp", 100},
		{"ack", map[string]string{"op": "room"}, "", 0},
		{"send", nil, "", 60},
		{"send", map[string]string{"event": "tick"}, "", 20},
		{"", nil, "", 10 + 60},
		{"stamp", nil, "", 10 + 60},
	} {
		k := file.Check{Stat: metric.StatErrors, Metric: c.metric, Labels: c.labels, Phase: c.phase}
		if got := e.attempts(&k); got != c.want {
			t.Errorf("errors(%s)%v in %q are of %d, want %d", c.metric, c.labels, c.phase, got, c.want)
		}
	}
	always := metric.Always(metric.Step)
	for labels, want := range map[string]int64{"": 37 + 9, "people": 30 + 3, "speaker": 7 + 6} {
		k := file.Check{Stat: metric.StatErrors, Metric: "step"}
		if labels != "" {
			k.Labels = map[string]string{"group": labels}
		}
		if always {
			want += map[string]int64{"": 4 + 7, "people": 4 + 2, "speaker": 5}[labels]
		}
		if got := e.attempts(&k); got != want {
			t.Errorf("steps of %q: %d, want %d", labels, got, want)
		}
		k.Phase = "ramp"
		if got, want := e.attempts(&k), map[string]int64{"": 4 + 7, "people": 4 + 2, "speaker": 5}[labels]; got != want {
			t.Errorf("steps of %q in the ramp: %d, want %d", labels, got, want)
		}
	}
	if x := e.labels(&record.ErrorCount{ErrorKey: record.ErrorKey{Stream: 0, Group: 0}}); x.Op != "room" || x.Event != "msg" || x.Group != "people" {
		t.Errorf("the first stream's error: %+v", x)
	}
}

// The generator's reading lateness is nobody's rule to miss; every other rule without samples is
// judged by what was due.
func TestUndueRules(t *testing.T) {
	for _, c := range []struct {
		rule   string
		kind   string
		scaled bool
		due    bool // were operations
		want   bool
	}{
		{"p99(lag.receive) < 1s", file.Valid, false, true, true},
		{"p99(lag) < 1s", file.Valid, false, false, true},
		{"p99(lag) < 1s", file.Valid, false, true, false},
		{"p99(lag) < 1s", file.SLO, false, false, false},
		{"achieved(rate) > 99%", file.Valid, false, false, true},
		{"achieved(rate) > 99%", file.Valid, false, true, false},
		{"max(cpu) < 1", file.Valid, false, false, false},
		{"errors(ack) < 1", file.SLO, true, false, true},
		{"errors(ack) < 1", file.SLO, true, true, false},
		{"errors(ack.timeout) < 1", file.SLO, true, false, true},
		{"errors(connect) < 1", file.SLO, true, false, false},
	} {
		e, _ := known(t, "max(delivery) < 1s", "max(cpu) < 80%")
		if !c.due {
			for i := range e.Streams {
				clear(e.Streams[i].Offered)
			}
		}
		e.ScaledDown = c.scaled
		k := parsed(t, c.kind, c.rule)[0]
		if got := e.notDue(&k); got != c.want {
			t.Errorf("%s, as %s, scaled down %v, due %v: notDue is %v", c.rule, c.kind, c.scaled, c.due, got)
		}
	}
}

// The excuse of a fault begins with it, and covers what could be on its way at that moment.
func TestExcuseOfAFault(t *testing.T) {
	e, _ := known(t, "max(delivery) < 1s", "max(cpu) < 80%")
	e.Timeline = hours([]int{3, 3, 3}).Timeline
	series := []record.Series{
		{Metric: metric.Delivery}, {Metric: metric.Ack}, {Metric: metric.Connect}, {Metric: metric.Delivery, Slow: true}, {Metric: metric.Delivery, Replayed: true},
	}
	e.Totals = record.NewTotals(series, 3)
	e.Totals.Add(0, 0, 100_000, 1)
	e.Totals.Add(1, 0, 200_000, 1)
	for other := 2; other < len(series); other++ {
		e.Totals.Add(other, 0, 900_000, 1)
	}
	e.Totals.Add(0, 1, 900_000, 1) // with the fault
	for _, c := range []struct {
		faults        []Fault
		phase, second int
		want          bool
	}{
		{nil, 2, 8, false},
		{[]Fault{endless(9)}, 2, 8, false},
		{[]Fault{endless(1)}, 1, 3, true},
		{[]Fault{endless(1)}, 2, 8, true},
		{[]Fault{endless(1)}, 0, 2, true}, // it ends when the fault begins
		{[]Fault{endless(1)}, 0, 1, false},
		{[]Fault{endless(2)}, 1, 5, true},
		{[]Fault{{Phase: 1, Over: 4e9}}, 1, 4, true}, // until 5 s: the late limit is 1 s
		{[]Fault{{Phase: 1, Over: 4e9}}, 1, 5, false},
		{[]Fault{{Phase: 0, Over: 1e9}, {Phase: 2, Over: 7e9}}, 1, 3, false},
		{[]Fault{{Phase: 0, Over: 1e9}, {Phase: 2, Over: 7e9}}, 1, 4, true}, // in flight for as long as the late limit allows
		{[]Fault{{Phase: 0, Over: 1e9}, {Phase: 2, Over: 7e9}}, 2, 7, true},
		{[]Fault{{Phase: 0, Over: 1e9}, {Phase: 2, Over: 7e9}}, 2, 8, false},
	} {
		e.Faults = c.faults
		row := ledger.Row{Phase: c.phase, Second: c.second}
		if got := e.explainsLost(e.excuses(), &row); got != c.want {
			t.Errorf("faults %+v: the losses of second %d of phase %d are explained: %v", c.faults, c.second, c.phase, got)
		}
	}
	e.Faults = []Fault{endless(1)}
	x := e.excuses()
	if len(x) != 1 || x[0].from != 3e9 || x[0].inFlight < 2*200_000_000 || x[0].inFlight > 2*201_000_000+flightMargin {
		t.Errorf("%+v: want twice 200 ms in flight, and the margin", x)
	}
	e.Faults = []Fault{endless(1), endless(2)}
	if x := e.excuses(); x[1].inFlight != x[0].inFlight {
		t.Errorf("%d in flight before the second fault, %d before the first: what took long under a fault says nothing", x[1].inFlight, x[0].inFlight)
	}
	if flightMargin != 10_000_000 {
		t.Errorf("the margin is %d ns", flightMargin)
	}
	if x.note(true) != uncountedNote || (excuses{}).note(false) != uncountedNote {
		t.Errorf("%q, %q", x.note(true), (excuses{}).note(false))
	}
	if got, want := x.note(false), uncountedNote+", and no fault explains them: one explains what was due from 3 s"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	e.Faults = []Fault{{Phase: 1, Over: 3.5e9, Lossless: true}, {Phase: 2, Over: 7e9}}
	if got, want := e.excuses().note(false), uncountedNote+", and no fault explains them: one explains what was due from 3 s to 4.5 s and from 6 s to 8 s, but, where it only ends connections or delays, no loss of clients whose connections stayed"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	e.Faults[0].Silences = true
	if got, want := lostNote(e.excuses()), ", but, where it silences connections, no loss of clients that later got something else"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
