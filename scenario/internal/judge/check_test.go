package judge

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// known is the evidence of a trial of two seconds, of which the second was recorded, in which
// everything has a value that the checks below look up; and the rules of a file of such a trial.
func known(t *testing.T, slo, valid string) (*Evidence, Rules) {
	t.Helper()
	f, err := file.Parse("t.yaml", []byte(`
version: 1
name: t
groups:
  people: {count: 10, rooms: {of: 2}, send: [{op: room, rate: 1/s}, {op: echo, rate: 1/s, ack: 1s}]}
  speaker: {count: 1, send: [{op: all, event: tick, rate: 1/s, expect: others}]}
phases: [{name: ramp, for: 1s, record: false}, {name: hold, for: 1s}]
slo: [`+slo+`]
valid: [`+valid+`]
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	rules := Rules{SLO: f.Spec.SLO, Valid: f.Spec.Valid}
	tl := plan.NewTimeline(f.Spec.Phases)
	people, speaker := Class{Group: "people", Transport: "websocket"}, Class{Group: "speaker", Transport: "websocket"}
	series := []record.Series{
		people.Label(record.Series{Metric: metric.Delivery, From: "people", Op: "room", Event: "msg"}),
		people.Label(record.Series{Metric: metric.Delivery, From: "speaker", Op: "all", Event: "tick"}),
		people.Label(record.Series{Metric: metric.Ack, Op: "echo", Event: "echo"}),
		people.Label(record.Series{Metric: metric.Connect}),
		{Metric: metric.Lag, Group: "people", Op: "room", Event: "msg"},
	}
	e := &Evidence{
		Timeline: tl, At: tl.End, End: tl.End,
		Groups:  []Group{{Name: "people", Attempts: []int64{5, 0}}, {Name: "speaker", Attempts: []int64{5, 0}}},
		Classes: []Class{people, speaker},
		Streams: []Stream{
			{Group: "people", Op: "room", Event: "msg", Late: time.Second, Offered: []int64{100, 20}, Sent: []int64{0, 19}},
			{Group: "people", Op: "echo", Event: "echo", Asks: true, Late: time.Second, Offered: []int64{100, 20}, Sent: []int64{0, 19}},
			{Group: "speaker", Op: "all", Event: "tick", Late: time.Second, Offered: []int64{100, 20}, Sent: []int64{0, 19}},
		},
		Totals: record.NewTotals(series, len(tl.Spans)),
		Seconds: []Second{
			{Phase: 0, CPU: 0.9, ServerCPU: 0.2, ServerRSS: 100, Sent: 4, Offered: 4},
			{Phase: 1, CPU: 0.3, ServerCPU: 0.4, RSS: 2 << 20, ServerRSS: 1 << 20, Sent: 9, Offered: 10, Held: 10},
		},
		Errors: []record.ErrorCount{
			{ErrorKey: record.ErrorKey{Class: metric.Error(metric.ErrConnect, "refused"), Stream: -1, Group: 0}, N: 1},
			{ErrorKey: record.ErrorKey{Class: metric.Error(metric.ErrConnect, metric.HowTimeout), Stream: -1, Group: 1}, N: 1},
			{ErrorKey: record.ErrorKey{Class: metric.Error(metric.ErrAck, metric.HowTimeout), Stream: 1}, N: 1}, // not recorded
			{ErrorKey: record.ErrorKey{Class: metric.Error(metric.ErrAck, metric.HowTimeout), Stream: 1}, Phase: 1, Second: 1, N: 1},
		},
		Target: Target{RSSBefore: 1 << 19},
	}
	row := func(phase, class int, l result.Ledger) ledger.Row {
		return ledger.Row{Phase: phase, Second: phase, Class: class, Ledger: l}
	}
	e.Ledger = [][]ledger.Row{
		{
			row(0, 0, result.Ledger{Expected: 10, Lost: 10}),
			row(1, ledger.Everybody, result.Ledger{Sent: 20}),
			row(1, 0, result.Ledger{Sent: 20, Expected: 200, Received: 190, Late: 4, Lost: 6, Duplicate: 2, Disorder: 1}),
		},
		nil,
		{row(1, ledger.Everybody, result.Ledger{Sent: 20}), row(1, 0, result.Ledger{Sent: 20, Expected: 200, Received: 200})},
	}
	ws := NewWindows(tl, series, rules)
	second := func(phase int, ms [][]int64) {
		ws.Begin()
		for at, values := range ms {
			for _, v := range values {
				e.Totals.Add(at, phase, v*1000, 1)
				ws.Add(at, phase, v*1000, 1)
			}
		}
		ws.Finish(int64(phase)*1e9, int64(phase+1)*1e9)
	}
	second(0, [][]int64{0: {900}, 3: {7, 7, 7}}) // not recorded, but connecting counts
	second(1, [][]int64{0: {10, 20, 30, 40}, 1: {100}, 2: {5}, 4: {1}})
	ws.End(tl.End)
	e.Windows = ws.Found()
	return e, rules
}

func TestChecksFindTheirValue(t *testing.T) {
	for text, want := range map[string]float64{
		"max(delivery) < 1s":                                      0.1,
		"max(delivery{op=room}) < 1s":                             0.04,
		"max(delivery{event=tick}) < 1s":                          0.1,
		"p50(delivery{group=people}) < 1s":                        0.03, // who receives
		"max(delivery{from=people}) < 1s":                         0.04,
		"max(delivery{transport=websocket}) < 1s":                 0.1,
		"max(delivery{phase=ramp}) < 1s":                          0.9,
		"max(ack{group=people,op=echo,transport=websocket}) < 1s": 0.005,
		"loss(delivery{group=people}) <= 10":                      10,
		"loss(delivery{group=people,from=speaker}) == 0":          0,
		"errors(connect{group=speaker}) == 1":                     1,
		"errors(ack{op=echo}) < 50%":                              0.05,
		"max(delivery) < 1s in ramp":                              0.9,
		"min(delivery) < 1s":                                      0.01,
		"mean(delivery{op=room}) < 1s":                            0.025,
		"count(delivery) > 1":                                     5,
		"rate(delivery) > 1/s":                                    5,
		"p99(ack) < 1s":                                           0.005,
		"p99(connect) < 1s":                                       0.007, // of every phase
		"p99(lag) < 1s":                                           0.001,
		"max(cpu) < 50%":                                          0.3,
		"max(cpu) < 50% in ramp":                                  0.9,
		"max(server.cpu) < 50%":                                   0.4,
		"max(server.rss) < 2MiB":                                  1 << 20,
		"max(rss) < 2MiB":                                         2 << 20,
		"growth(rss) < 10%":                                       0,          // one second is no line
		"loss(delivery) < 1%":                                     10.0 / 400, // the late ones too
		"loss(delivery) <= 10":                                    10,
		"loss(delivery{event=tick}) == 0":                         0,
		"late(delivery) <= 4":                                     4,
		"dup(delivery) < 1%":                                      2.0 / 400,
		"disorder(delivery) == 1":                                 1,
		"errors(connect) == 2":                                    2,
		"errors(connect) < 50%":                                   0.2,
		"errors(ack) == 1":                                        1,
		"errors(ack) < 50%":                                       0.05,
		"errors <= 3":                                             3,
		"achieved(rate) > 90%":                                    0.95,
		"max(delivery) < 1s over 1s":                              0.1,
		"max(cpu) < 50% over 1s":                                  0.3,
		"loss(delivery) <= 10 over 1s":                            10,
		"achieved(rate) > 50% over 1s":                            0.9,
		"errors(ack) <= 1 over 1s":                                1,
		"max(delivery) < 1s over 1s in ramp":                      0.9,
		"p99(fanout.last) < 1s":                                   math.NaN(),
		"p99(connect.tls) < 1s over 1s":                           math.NaN(),
	} {
		e, rules := known(t, "'"+text+"'", "max(cpu) < 100%")
		c := Check(e, &rules.SLO[0])
		if math.IsNaN(want) {
			if !c.NoData || c.Pass || c.Note != "no samples" {
				t.Errorf("%s: %+v, want no samples", text, c)
			}
			continue
		}
		if c.NoData || math.Abs(c.Value-want) > want/1000 {
			t.Errorf("%s: %v (no data: %v), want %v", text, c.Value, c.NoData, want)
		}
		thin := rules.SLO[0].Quantile > 0 && !strings.Contains(text, "lag")
		if c.Undecided != thin || c.Pass != (c.Meets(c.Value) && !thin) || c.Text != text || c.Kind != result.KindSLO {
			t.Errorf("%s: %+v", text, c)
		}
	}
}

// A percentile is judged only where ten samples lie beyond it.
func TestThinChecks(t *testing.T) {
	for _, c := range []struct {
		rule      string
		n, slow   int64 // samples of 1 ms, and of 2 s
		undecided bool
		pass      bool
		note      string
	}{
		{"p99(delivery) < 1s", 999, 0, true, false, "not enough samples: 999, and a p99 takes 1 000"},
		{"p99(delivery) < 1s", 1000, 0, false, true, ""},
		{"p99.9(delivery) < 1s", 9999, 0, true, false, "not enough samples: 9 999, and a p99.9 takes 10 000"},
		{"p50(delivery) < 1s", 19, 0, true, false, "not enough samples: 19, and a p50 takes 20"},
		{"p50(delivery) < 1s", 20, 0, false, true, ""},
		{"max(delivery) < 1s", 1, 0, false, true, ""},
		{"p99(step) < 1s", 999, 0, true, false, "not enough samples: 999, and a p99 takes 1 000"},
		{"p99(reconnect) < 1s", 30, 0, false, true, ""},
		{"p99(delivery) < 1s", 100, 9, true, false, "not enough samples: 109, and a p99 takes 1 000"},
		{"p99(delivery) < 1s", 100, 10, false, false, "of 110 samples, fewer than ten beyond it"}, // ten are above the limit
		{"p99(delivery) > 0.99s", 100, 10, false, true, "of 110 samples, fewer than ten beyond it"},
		{"p99(delivery) > 0.99s", 100, 9, true, false, "not enough samples: 109, and a p99 takes 1 000"},
	} {
		k := parsed(t, file.SLO, c.rule)[0]
		e, _ := known(t, "max(delivery) < 1s", "max(cpu) < 80%")
		e.Totals = record.NewTotals([]record.Series{{Metric: k.Metric}}, 2)
		e.Totals.Add(0, 1, 1000, c.n)
		if c.slow > 0 {
			e.Totals.Add(0, 1, 2e6, c.slow)
		}
		r := Check(e, &k)
		if r.Undecided != c.undecided || r.Pass != c.pass || r.Note != c.note || r.NoData {
			t.Errorf("%s of %d and %d: %+v", c.rule, c.n, c.slow, r)
		}
		k.Kind = file.Valid
		if r := Check(e, &k); r.Undecided {
			t.Errorf("%s, of the generator: %+v", c.rule, r)
		}
	}
}
