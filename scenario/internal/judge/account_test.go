package judge

import (
	"maps"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// crowd is evidence of two phases with receivers and streams of every kind. Each row of the ledger
// loses a different power of two, so that a sum identifies its rows.
func crowd() *Evidence {
	tl := plan.NewTimeline([]file.Phase{{Name: "ramp", For: 2 * time.Second}, {Name: "hold", For: 3 * time.Second, Record: true}})
	e := &Evidence{
		Timeline: tl, At: tl.End, End: tl.End, Totals: record.NewTotals(nil, len(tl.Spans)), Target: Target{RSSBefore: -1},
		Groups: []Group{{Name: "a", Attempts: []int64{10, 2}}, {Name: "b", Attempts: []int64{5, 0}}},
		Classes: []Class{
			{Group: "a", Transport: "websocket"},
			{Group: "a", Transport: "polling"},
			{Group: "a", Transport: "websocket", Slow: true},
			{Group: "b", Transport: "websocket", Slow: true, AllSlow: true},
		},
		Streams: []Stream{
			{Group: "a", Op: "room", Event: "msg", Late: time.Second, Offered: []int64{7, 100}, Sent: []int64{7, 90}},
			{Group: "b", Op: "all", Event: "tick", Volatile: true, Late: time.Second, Offered: []int64{0, 40}, Sent: []int64{0, 40}},
			{Group: "b", Op: "echo", Event: "echo", Asks: true, Late: time.Second, Offered: []int64{0, 50}, Sent: []int64{0, 50}},
		},
	}
	lost := int64(1)
	row := func(phase, second, class, decile int) ledger.Row {
		r := ledger.Row{Phase: phase, Second: second, Class: class, Decile: decile, Ledger: result.Ledger{Sent: 1, Expected: lost, Lost: lost}}
		lost *= 2
		return r
	}
	e.Ledger = [][]ledger.Row{
		{row(0, 1, 0, 1), row(1, 2, 0, 1), row(1, 2, 1, 10), row(1, 3, 2, 10), row(1, 4, 3, 10)}, // 1 2 4 8 16
		{row(1, 2, 0, 0)}, // 32
		nil,
	}
	return e
}

func TestAccountChooses(t *testing.T) {
	for _, c := range []struct {
		labels map[string]string
		phase  string
		want   int64
	}{
		{nil, "", 2 + 4},
		{nil, "ramp", 1},
		{nil, "hold", 2 + 4},
		{nil, "none", 0},
		{map[string]string{metric.LabelGroup: "a"}, "", 2 + 4},
		{map[string]string{metric.LabelGroup: "b"}, "", 16}, // all of whose clients read slowly
		{map[string]string{metric.LabelFrom: "a"}, "", 2 + 4},
		{map[string]string{metric.LabelFrom: "b"}, "", 0},
		{map[string]string{metric.LabelTransport: "polling"}, "", 4},
		{map[string]string{metric.LabelTransport: "websocket"}, "", 2},
		{map[string]string{metric.LabelRead: "slow"}, "", 8 + 16},
		{map[string]string{metric.LabelRead: "normal"}, "", 2 + 4},
		{map[string]string{metric.LabelRead: "slow", metric.LabelGroup: "a"}, "", 8},
		{map[string]string{metric.LabelRoomDecile: "10"}, "", 4},
		{map[string]string{metric.LabelRoomDecile: "10", metric.LabelRead: "slow"}, "", 8 + 16},
		{map[string]string{metric.LabelEvent: "tick"}, "", 32}, // volatile, and named
		{map[string]string{metric.LabelOp: "all"}, "", 0},      // volatile, and not named
		{map[string]string{metric.LabelEvent: "msg", metric.LabelOp: "all"}, "", 0},
	} {
		if got := crowd().Account(c.labels, c.phase); got.Lost != c.want || got.Expected != c.want {
			t.Errorf("%v in %q: %d lost, want %d", c.labels, c.phase, got.Lost, c.want)
		}
	}
	if got := crowd().Everything(); got.Lost != 1+2+4 {
		t.Errorf("everything: %d lost", got.Lost)
	}
}

// Messages are counted by the rows that stand for all classes, and only there.
func TestAccountCountsMessagesOnce(t *testing.T) {
	e := crowd()
	e.Ledger[0] = append(e.Ledger[0], ledger.Row{Phase: 1, Second: 2, Class: ledger.Everybody, Ledger: result.Ledger{Sent: 70}})
	if got := e.Account(nil, ""); got.Sent != 70 {
		t.Errorf("%d messages, want 70", got.Sent)
	}
	if got := e.Account(map[string]string{metric.LabelTransport: "polling"}, ""); got.Sent != 0 {
		t.Errorf("%d messages of one transport", got.Sent)
	}
}

func TestArrivedCountsSlowReadersToo(t *testing.T) {
	e := crowd()
	for i := range e.Ledger[0] {
		e.Ledger[0][i].Received, e.Ledger[0][i].Late = 10, 1
	}
	if got := e.Arrived(); got != 4*11 {
		t.Errorf("%d arrived, want %d", got, 4*11)
	}
}

// Each rule takes its value of the evidence that its metric, labels, phase and window choose.
func TestValuesOfTheCrowd(t *testing.T) {
	e := crowd()
	count := func(kind metric.ErrorKind, how string, stream, group, second int, n int64) {
		key := record.ErrorKey{Class: metric.Error(kind, how), Stream: stream, Group: group}
		e.Errors = append(e.Errors, record.ErrorCount{ErrorKey: key, Phase: e.Timeline.PhaseAt(int64(second) * 1e9), Second: second, N: n})
	}
	count(metric.ErrConnect, "refused", -1, 0, 0, 1)
	count(metric.ErrConnect, "refused", -1, 1, 2, 2)
	count(metric.ErrDrop, "close", -1, 0, 1, 4)
	count(metric.ErrAck, metric.HowTimeout, 2, 1, 3, 8)
	count(metric.ErrAck, metric.HowTimeout, 2, 1, 1, 16) // before the recorded phase
	count(metric.ErrSend, metric.HowBackpressure, 0, 0, 4, 32)
	count(metric.ErrVolatile, metric.HowSkipped, 1, 1, 3, 64) // no failure
	e.Errors = append(e.Errors, record.ErrorCount{ErrorKey: record.ErrorKey{Class: metric.ErrorClass{Kind: metric.ErrDrop, How: "close", Slow: true}, Stream: -1}, Phase: 1, Second: 3, N: 128})
	e.Returns = []Return{{Group: 0, Phase: 1, Back: 6, Never: 2, Recovered: 4}, {Group: 1, Phase: 0, Back: 9, Recovered: 9}, {Group: 1, Phase: 1, Back: 2}}
	for i := range 5 {
		e.Seconds = append(e.Seconds, Second{
			Phase: e.Timeline.PhaseAt(int64(i)*1e9 + 5e8), Offered: 10, Sent: int64(10 - i), CPU: float64(i) / 10, ServerCPU: -1,
			RSS: int64(100 + 10*i), ServerRSS: int64(i) * 1000, Held: 10 * i,
		})
	}
	for text, want := range map[string]float64{
		"errors <= 1":                         1 + 2 + 4 + 8 + 32,
		"errors <= 1 in ramp":                 1 + 4 + 16,
		"errors(connect) <= 1":                3,
		"errors(connect{group=b}) <= 1":       2,
		"errors(connect) < 1%":                3.0 / 17,
		"errors(ack) <= 1":                    8,
		"errors(ack) < 1%":                    8.0 / 50,
		"errors(ack{event=echo}) <= 1":        8,
		"errors(ack{op=echo,group=b}) < 1%":   8.0 / 50,
		"errors < 1%":                         47.0 / (17 + 190),
		"errors <= 1 over 1s":                 32, // of the seconds of the recorded phase
		"errors(connect) <= 1 over 2s":        2,  // connecting counts always
		"loss(delivery) <= 1 over 1s":         6,
		"loss(delivery) <= 1 over 3s in hold": 6,
		"achieved(rate) > 1%":                 180.0 / 190,
		"achieved(rate) > 1% over 1s":         0.6,
		"achieved(rate) > 1% over 3s":         0.7,
		"achieved(rate) > 1% in ramp":         1,
		"ratio(recovered) > 1%":               4.0 / 10,
		"ratio(recovered{group=b}) > 1%":      0,
		"ratio(recovered) > 1% in ramp":       1,
		"max(cpu) < 1%":                       0.4,
		"min(cpu) < 1%":                       0.2,
		"mean(cpu) < 1%":                      0.3,
		"p50(cpu) < 1%":                       0.3,
		"p99(cpu) < 1% over 2s":               0.4,
		"max(rss) < 1B":                       140,
		"max(server.rss) < 1B in ramp":        1000,
		"growth(rss) < 1%":                    20.0 / 120,
	} {
		f, err := file.Parse("t.yaml", []byte("version: 1\nname: t\nserver: {recovery: 1m}\ngroups:\n  a: {count: 1, rooms: {of: 1}, reconnect: {recover: true}, send: [{op: room, rate: 1/s}]}\n  b: {count: 1, reconnect: {recover: true}, send: [{op: all, event: tick, rate: 1/s}, {op: echo, event: echo, rate: 1/s, ack: 1s}]}\n"+
			"phases: [{name: ramp, for: 2s, record: false}, {name: hold, for: 3s}]\nslo: ['"+text+"']\n"), nil)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if c := Check(e, &f.Spec.SLO[0]); c.NoData || c.Value < want-1e-9 || c.Value > want+1e-9 {
			t.Errorf("%s: %v (no data: %v), want %v", text, c.Value, c.NoData, want)
		}
	}
	want := map[metric.ErrorClass]int64{
		metric.Error(metric.ErrConnect, "refused"): 3, metric.Error(metric.ErrDrop, "close"): 4, metric.Error(metric.ErrAck, metric.HowTimeout): 8,
		metric.Error(metric.ErrSend, metric.HowBackpressure): 32, metric.Error(metric.ErrVolatile, metric.HowSkipped): 64,
		{Kind: metric.ErrDrop, How: "close", Slow: true}: 128,
	}
	if got := e.ErrorsByClass(); !maps.Equal(got, want) {
		t.Errorf("by class %v, want %v", got, want)
	}
}

// A value that the system does not report is ignored, whatever the field contains.
func TestUnknownSamples(t *testing.T) {
	e := crowd()
	e.Seconds = []Second{{Phase: 1, ServerCPU: -1, Held: 0, ServerRSS: 5000}, {Phase: 1, ServerCPU: -1, Held: 10}}
	for _, name := range []string{metric.ServerCPU, metric.ServerRSSPerClient, metric.RSS} {
		if c := Check(e, &file.Check{Stat: metric.StatMax, Metric: name, Op: "<", Value: 1}); !c.NoData || c.Pass {
			t.Errorf("%s: %+v", name, c)
		}
	}
	e.Target.RSSBefore = 1000
	e.Seconds[1].ServerRSS = 6000
	if c := Check(e, &file.Check{Stat: metric.StatMax, Metric: metric.ServerRSSPerClient, Op: "<", Value: 1}); c.Value != 500 {
		t.Errorf("per client: %+v, want 500", c)
	}
	e.Seconds[1].ServerRSS = 900 // less than before the first client
	if c := Check(e, &file.Check{Stat: metric.StatMax, Metric: metric.ServerRSSPerClient, Op: "<", Value: 1}); c.Value != 0 {
		t.Errorf("per client: %+v, want 0", c)
	}
}

// Steps that failed are attempts, too.
func TestStepErrors(t *testing.T) {
	e := crowd()
	series := []record.Series{{Metric: metric.Step, Group: "a", Op: "emit", Event: "login"}, {Metric: metric.Step, Group: "a", Op: "http", Event: "GET /"}}
	e.Totals = record.NewTotals(series, 2)
	e.Totals.Add(0, 1, 1000, 90)
	e.Totals.Add(1, 1, 2000, 5)
	e.Totals.Add(1, 0, 2000, 1000) // not recorded
	e.Errors = []record.ErrorCount{
		{ErrorKey: record.ErrorKey{Class: metric.Error(metric.ErrStep, metric.HowTimeout), Stream: -1}, Phase: 1, Second: 3, N: 4},
		{ErrorKey: record.ErrorKey{Class: metric.Error(metric.ErrStep, metric.HowStatus), Stream: -1}, Phase: 1, Second: 3, N: 5},
	}
	e.Totals.AddNever(0, 1, 3000, 4)
	rule := file.Check{Stat: metric.StatErrors, Metric: metric.Step, Op: "<", Unit: metric.Share, Value: 1}
	if c := Check(e, &rule); c.Value != 9.0/104 {
		t.Errorf("%+v, want 9 of 104", c)
	}
	steps := e.Steps()
	if len(steps) != 2 || steps["step.login"].Count() != 90 || steps["step.GET /"].Count() != 5 {
		t.Errorf("steps %v", steps)
	}
}
