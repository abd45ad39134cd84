package scenario

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// known is a trial of two seconds, of which the second was recorded, in which everything
// has a value that the checks below look up.
func known(t *testing.T, slo, valid string) *findings {
	t.Helper()
	f, err := file.Parse("t.yaml", []byte(`
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
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
	tr := newTrial(&f.Cells()[0], &Endpoint{}, nil, Options{second: time.Second}, place{n: 1})
	c := newCollector(tr)
	c.end = tr.tl.End
	add := func(series, phase int, ms ...int) {
		for _, v := range ms {
			tr.rec.Shard(0).Add(series, phase, time.Duration(v)*time.Millisecond)
		}
	}
	room, echo, tick := tr.streams[0], tr.streams[1], tr.streams[2]
	add(room.delivery[0], 0, 900) // not recorded
	add(tr.groups[0].connect[0][stageAll], 0, 7, 7, 7)
	c.second(1e9)
	add(room.delivery[0], 1, 10, 20, 30, 40)
	add(tick.delivery[0], 1, 100)
	add(echo.ack[0], 1, 5)
	add(room.lag, 1, 1)
	c.second(2e9)
	c.moments = []moment{
		{phase: 0, cpu: 0.9, serverCPU: 0.2, serverRSS: 100, sent: 4, offered: 4},
		{phase: 1, cpu: 0.3, serverCPU: 0.4, rss: 2 << 20, serverRSS: 1 << 20, sent: 9, offered: 10},
	}
	tr.groups[0].attempts[0].Store(5)
	tr.groups[1].attempts[0].Store(5)
	for _, s := range tr.streams {
		s.offered[0].Store(100)
		s.offered[1].Store(20)
		s.sent[1].Store(19)
	}
	tr.errors.Add(record.ErrorKey{Class: metric.Error(metric.ErrConnect, "refused"), Stream: -1, Group: 0}, 5e8, nil)
	tr.errors.Add(record.ErrorKey{Class: metric.Error(metric.ErrConnect, metric.HowTimeout), Stream: -1, Group: 1}, 5e8, nil)
	tr.errors.Add(record.ErrorKey{Class: metric.Error(metric.ErrAck, metric.HowTimeout), Stream: 1, Group: 0}, 5e8, nil) // not recorded
	tr.errors.Add(record.ErrorKey{Class: metric.Error(metric.ErrAck, metric.HowTimeout), Stream: 1, Group: 0}, 15e8, nil)
	rows := make([][]ledger.Row, 3)
	row := func(phase, class int, l result.Ledger) ledger.Row {
		return ledger.Row{Phase: phase, Second: phase, Class: class, Ledger: l}
	}
	rows[0] = []ledger.Row{
		row(0, 0, result.Ledger{Expected: 10, Lost: 10}),
		row(1, ledger.Everybody, result.Ledger{Sent: 20}),
		row(1, 0, result.Ledger{Sent: 20, Expected: 200, Received: 190, Late: 4, Lost: 6, Duplicate: 2, Disorder: 1}),
	}
	rows[2] = []ledger.Row{row(1, ledger.Everybody, result.Ledger{Sent: 20}), row(1, 0, result.Ledger{Sent: 20, Expected: 200, Received: 200})}
	return &findings{t: tr, c: c, rows: rows, end: c.end}
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
		f := known(t, "'"+text+"'", "max(cpu) < 100%")
		c := f.check(f.t.spec.SLO[0])
		if math.IsNaN(want) {
			if !c.NoData || c.Pass || c.Note != "no samples" {
				t.Errorf("%s: %+v, want no samples", text, c)
			}
			continue
		}
		if c.NoData || math.Abs(c.Value-want) > want/1000 {
			t.Errorf("%s: %v (no data: %v), want %v", text, c.Value, c.NoData, want)
		}
		if c.Pass != c.Meets(c.Value) || c.Text != text || c.Kind != result.KindSLO {
			t.Errorf("%s: %+v", text, c)
		}
	}
}

func TestVerdicts(t *testing.T) {
	const fine, broken, silent = "max(delivery) < 1s", "max(delivery) < 50ms", "p99(fanout.last) < 1s"
	const lossy = "loss < 10%, "
	const allow = "errors <= 3, " + lossy
	for name, test := range map[string]struct {
		slo, valid string
		change     func(f *findings)
		end        ending
		want       result.Verdict
		reason     string
	}{
		"all hold":               {slo: allow + fine, valid: "max(cpu) < 80%", want: result.Pass},
		"an objective breaks":    {slo: allow + broken, valid: "max(cpu) < 80%", want: result.Fail, reason: broken + ": 100.03 ms"},
		"one has no samples":     {slo: allow + silent, valid: "max(cpu) < 80%", want: result.Fail, reason: silent + ": no samples"},
		"the generator is unfit": {slo: allow + broken, valid: "max(cpu) < 20%", want: result.Invalid, reason: "max(cpu) < 20%: 30 %"},
		"only the first reason":  {slo: allow + broken + ", max(delivery) < 60ms", valid: "max(cpu) < 80%", want: result.Fail, reason: broken + ": 100.03 ms"},
		"an optional one breaks": {slo: allow + fine + ", {check: " + broken + ", optional: true}", valid: "max(cpu) < 80%", want: result.Pass},
		"achieved by neglect":    {slo: allow + fine, valid: "achieved(rate) > 99%", want: result.Invalid, reason: "achieved(rate) > 99%: 95 %"},
		"achieved, but refused": {
			slo: allow + fine, valid: "achieved(rate) > 99%", want: result.Fail, reason: "the target did not",
			change: func(f *findings) {
				for range 3 {
					f.t.errors.Add(record.ErrorKey{Class: metric.Error(metric.ErrSend, metric.HowBackpressure), Stream: 0, Group: 0}, 15e8, nil)
				}
				f.t.spec.SLO[0].Value = 6
			},
		},
		"achieved, but not connected yet": {
			slo: allow + fine, valid: "achieved(rate) > 99%", want: result.Fail, reason: "clients were still connecting",
			change: func(f *findings) {
				for range 3 {
					f.t.errors.Add(record.ErrorKey{Class: metric.Error(metric.ErrSend, metric.HowUnconnected), Stream: 0, Group: 0}, 15e8, nil)
				}
				f.t.spec.SLO[0].Value = 6
			},
		},
		"nothing to judge, as nothing was refused": {slo: allow + fine, valid: "p99(connect.tls) < 1s", want: result.Invalid, reason: "p99(connect.tls) < 1s: no samples"},
		"nothing to judge, as all was refused": {
			slo: allow + fine, valid: "p99(connect.tls) < 1s", want: result.Fail, reason: "p99(connect.tls) < 1s: no samples",
			change: func(f *findings) {
				f.t.errors.Add(record.ErrorKey{Class: metric.Error(metric.ErrSend, metric.HowBackpressure), Stream: 0, Group: 0}, 15e8, nil)
				for _, s := range f.t.streams {
					for p := range s.sent {
						s.sent[p].Store(0)
					}
				}
				f.t.spec.SLO[0].Value = 6
			},
		},
		"achieved, out of ports": {
			slo: allow + fine, valid: "achieved(rate) > 99%", want: result.Invalid, reason: "95 %",
			change: func(f *findings) {
				f.t.errors.Add(record.ErrorKey{Class: metric.Error(metric.ErrConnect, metric.HowPorts), Stream: -1, Group: 0}, 5e8, nil)
				for range 3 {
					f.t.errors.Add(record.ErrorKey{Class: metric.Error(metric.ErrSend, metric.HowUnconnected), Stream: 0, Group: 0}, 15e8, nil)
				}
				f.t.spec.SLO[0].Value = 7
			},
		},
		"clients failed, unmentioned": {
			slo: lossy + fine, valid: "max(cpu) < 80%", want: result.Fail, reason: "clients failed == 0: 2",
			change: func(f *findings) { f.t.failed.Store(2) },
		},
		"clients failed, allowed": {
			slo: lossy + fine + ", errors(connect) < 50%", valid: "max(cpu) < 80%", want: result.Pass,
			change: func(f *findings) { f.t.failed.Store(2) },
		},
		"deliveries lost, unmentioned": {
			slo: strings.TrimSuffix(allow, lossy) + fine, valid: "max(cpu) < 80%", want: result.Fail, reason: "loss(delivery) == 0: 10",
		},
		"deliveries lost to a fault": {
			slo: strings.TrimSuffix(allow, lossy) + fine, valid: "max(cpu) < 80%", want: result.Pass,
			change: func(f *findings) { f.t.spec.Phases[1].Fault = &file.Fault{} },
		},
		"interrupted": {slo: allow + broken, valid: "max(cpu) < 80%", want: result.Invalid, reason: "interrupted after 2 s of 2 s", end: interrupted},
		"cut short before it began": {
			slo: allow + fine, valid: "max(cpu) < 80%", want: result.Invalid, reason: "before a recorded phase began", end: aborted,
			change: func(f *findings) { f.end = 5e8 },
		},
		"the server ended": {slo: allow + broken, valid: "max(cpu) < 20%", want: result.Fail, reason: "the server ended by itself after 2 s", end: serverGone},
	} {
		f := known(t, test.slo, test.valid)
		if test.change != nil {
			test.change(f)
		}
		checks, got, reason := f.judge(test.end, nil)
		if got != test.want || !strings.Contains(reason, test.reason) || (test.reason == "") != (reason == "") {
			t.Errorf("%s: %s because %q, want %s because %q", name, got, reason, test.want, test.reason)
		}
		if len(checks) < len(f.t.spec.SLO)+len(f.t.spec.Valid) {
			t.Errorf("%s: only %d checks are reported", name, len(checks))
		}
	}
}

// A server that sends to the wrong clients, or twice, is told of even where no rule asks.
func TestWarningsOfDeliveries(t *testing.T) {
	f := known(t, "max(delivery) < 1s", "max(cpu) < 80%")
	cell := &result.Cell{Errors: map[string]int64{}}
	const twice, wrong = "3 deliveries came once more than they should", "2 deliveries came to clients that they were not for"
	if got := strings.Join(f.warnings(cell, ranOut, nil), "; "); strings.Contains(got, "deliveries") {
		t.Errorf("warned of nothing: %s", got)
	}
	cell.Ledger.Duplicate, cell.Errors["delivery.unexpected"] = 3, 2
	if got := strings.Join(f.warnings(cell, ranOut, nil), "; "); !strings.Contains(got, twice) || !strings.Contains(got, wrong) {
		t.Errorf("%q, want %q and %q", got, twice, wrong)
	}
}

// What casts doubt on the numbers comes before what only limits them; what explains them is no warning at all.
func TestWarningsByImportance(t *testing.T) {
	f := known(t, "max(delivery) < 1s", "max(cpu) < 80%")
	f.t.spec.Quick = 0.2
	f.t.away.Store(6)
	f.t.slowDropped.Store(6)
	cell := &result.Cell{Errors: map[string]int64{}, Generator: result.Generator{CPUMax: 0.9}, Rates: result.Rates{OfferedPerS: 10, AchievedPerS: 9}}
	cell.Ledger.Duplicate = 3
	at := -1
	got := f.warnings(cell, ranOut, nil)
	for _, want := range []string{"deliveries came once more", "only 9/s of 10/s operations", "used up to 90 % of all cores", "scaled down to 20%"} {
		i := slices.IndexFunc(got, func(s string) bool { return strings.Contains(s, want) })
		if i <= at {
			t.Errorf("%q is at %d of %q", want, i, got)
		}
		at = i
	}
	notes := f.notes(cell)
	if want := []string{"a fault of the scenario broke 6 connections; 0 times a client was held again after a drop", "6 connections of clients that read slowly were ended"}; !slices.Equal(notes[:2], want) {
		t.Errorf("%q, want %q", notes, want)
	}
	cell.Errors["slow.drop.close"] = 6
	if notes := f.notes(cell); !strings.HasSuffix(notes[1], "were ended: close 6") {
		t.Errorf("%q", notes)
	}
}

// A pause of the generator is worth a word only where the latencies show it.
func TestPauseEffect(t *testing.T) {
	for _, test := range []struct {
		pause, p99, n int64
		want          string
	}{
		{12583, 9000, 1000, "garbage collection paused the generator for up to 12.6 ms, longer than p99(delivery), 9 ms: its highest latencies may be the generator's own"},
		{12583, 20000, 1000, ""},
		{4000, 1000, 1000, ""},
		{12583, 9000, 999, ""},
	} {
		cell := &result.Cell{Generator: result.Generator{GCPauseMaxus: test.pause}, Latency: map[string]*result.Latency{metric.Delivery: {N: test.n, P99us: test.p99}}}
		if got := pauseEffect(cell); got != test.want {
			t.Errorf("%+v: %q", test, got)
		}
	}
}

// A target that does nothing of what it is asked for is told how to be asked; the built-in
// server, or one that answered something, is not.
func TestWarningOfATargetWithoutTheContract(t *testing.T) {
	f := known(t, "max(delivery) < 1s", "max(cpu) < 80%")
	const says = "nothing of what was sent came back"
	for name, test := range map[string]struct {
		cell    result.Cell
		builtIn bool
		warned  bool
	}{
		"nothing came":        {cell: result.Cell{Ledger: result.Ledger{Expected: 5, Lost: 5}}, warned: true},
		"built in":            {cell: result.Cell{Ledger: result.Ledger{Expected: 5, Lost: 5}}, builtIn: true},
		"one came":            {cell: result.Cell{Ledger: result.Ledger{Expected: 5, Late: 1}}},
		"all acks timed out":  {cell: result.Cell{Errors: map[string]int64{"ack.timeout": 3}, Latency: map[string]*result.Latency{"ack": {N: 3}}}, warned: true},
		"one ack came":        {cell: result.Cell{Errors: map[string]int64{"ack.timeout": 3}, Latency: map[string]*result.Latency{"ack": {N: 4}}}},
		"nothing was awaited": {},
	} {
		f.t.builtIn = test.builtIn
		if got := strings.Join(f.warnings(&test.cell, ranOut, nil), "; "); strings.Contains(got, says) != test.warned {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestCallBook(t *testing.T) {
	var b callBook
	for i := range 100 {
		if id := b.open(pendingCall{seq: uint32(i)}); id != uint64(i) {
			t.Fatalf("call %d has the id %d", i, id)
		}
	}
	answer := func(id uint64, want callState) {
		t.Helper()
		c, was := b.answer(id)
		if was != want || was == callOpen && c.seq != uint32(id) {
			t.Errorf("answer to %d: %v, %+v; want %v", id, was, c, want)
		}
	}
	answer(50, callOpen)
	answer(50, callAnswered)
	answer(0, callOpen)
	answer(0, callAnswered)
	answer(100, callUnknown)
	b.expire(func(c *pendingCall) bool { return c.seq < 60 })
	answer(10, callExpired)
	answer(10, callAnswered)
	answer(50, callAnswered)
	answer(60, callOpen)
	for i := uint64(61); i < 100; i++ {
		answer(i, callOpen)
	}
	if b.base != b.next || len(b.ring) != 128 {
		t.Errorf("%d calls are open in a ring of %d", b.next-b.base, len(b.ring))
	}
}
