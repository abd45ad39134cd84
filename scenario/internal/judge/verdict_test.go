package judge

import (
	"strings"
	"testing"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

func TestVerdicts(t *testing.T) {
	const fine, broken, silent = "max(delivery) < 1s", "max(delivery) < 50ms", "p99(fanout.last) < 1s"
	const lossy = "loss < 10%, dup <= 2, disorder <= 1, "
	const allow = "errors <= 3, " + lossy
	fail := func(e *Evidence, how string, n int64) { // to connect
		e.Errors = append(e.Errors, record.ErrorCount{ErrorKey: record.ErrorKey{Class: metric.Error(metric.ErrConnect, how), Stream: -1}, N: n})
	}
	for name, test := range map[string]struct {
		slo, valid string
		change     func(e *Evidence, rules *Rules)
		want       result.Verdict
		reason     string
	}{
		"all hold":            {slo: allow + fine, valid: "max(cpu) < 80%", want: result.Pass},
		"an objective breaks": {slo: allow + broken, valid: "max(cpu) < 80%", want: result.Fail, reason: broken + ": 100 ms"},
		"nobody came": {
			slo: allow + fine, valid: "max(cpu) < 80%", want: result.Invalid, reason: "no client was due",
			change: func(e *Evidence, _ *Rules) {
				for i := range e.Groups {
					clear(e.Groups[i].Attempts)
				}
			},
		},
		"one has no samples":     {slo: allow + silent, valid: "max(cpu) < 80%", want: result.Fail, reason: silent + ": no samples"},
		"the generator is unfit": {slo: allow + broken, valid: "max(cpu) < 20%", want: result.Invalid, reason: "max(cpu) < 20%: 30 %"},
		"only the first reason":  {slo: allow + broken + ", max(delivery) < 60ms", valid: "max(cpu) < 80%", want: result.Fail, reason: broken + ": 100 ms"},
		"an optional one breaks": {slo: allow + fine + ", {check: " + broken + ", optional: true}", valid: "max(cpu) < 80%", want: result.Pass},
		"achieved by neglect":    {slo: allow + fine, valid: "achieved(rate) > 99%", want: result.Invalid, reason: "achieved(rate) > 99%: 95 %"},
		"achieved, but refused": {
			slo: allow + fine, valid: "achieved(rate) > 99%", want: result.Fail, reason: "the target did not",
			change: func(e *Evidence, rules *Rules) {
				e.Errors = append(e.Errors, record.ErrorCount{ErrorKey: record.ErrorKey{Class: metric.Error(metric.ErrSend, metric.HowBackpressure), Stream: 0}, Phase: 1, Second: 1, N: 3})
				rules.SLO[0].Value = 6
			},
		},
		"achieved, but not connected yet": {
			slo: allow + fine, valid: "achieved(rate) > 99%", want: result.Fail, reason: "clients were still connecting",
			change: func(e *Evidence, rules *Rules) {
				e.Errors = append(e.Errors, record.ErrorCount{ErrorKey: record.ErrorKey{Class: metric.Error(metric.ErrSend, metric.HowUnconnected), Stream: 0}, Phase: 1, Second: 1, N: 3})
				rules.SLO[0].Value = 6
			},
		},
		"nothing to judge, as nothing was refused": {slo: allow + fine, valid: "p99(connect.tls) < 1s", want: result.Invalid, reason: "p99(connect.tls) < 1s: no samples"},
		"nothing to judge, as all was refused": {
			slo: allow + fine, valid: "p99(connect.tls) < 1s", want: result.Fail, reason: "operations sent > 0: 0 (60 were due",
			change: func(e *Evidence, rules *Rules) {
				e.Errors = append(e.Errors, record.ErrorCount{ErrorKey: record.ErrorKey{Class: metric.Error(metric.ErrSend, metric.HowBackpressure), Stream: 0}, Phase: 1, Second: 1, N: 1})
				for i := range e.Streams {
					clear(e.Streams[i].Sent)
				}
				rules.SLO[0].Value = 6
			},
		},
		"achieved, out of ports": {
			slo: allow + fine, valid: "achieved(rate) > 99%", want: result.Invalid, reason: "95 %",
			change: func(e *Evidence, rules *Rules) {
				e.Errors = append(e.Errors, record.ErrorCount{ErrorKey: record.ErrorKey{Class: metric.Error(metric.ErrConnect, metric.HowPorts), Stream: -1}, Phase: 0, Second: 0, N: 1})
				e.Errors = append(e.Errors, record.ErrorCount{ErrorKey: record.ErrorKey{Class: metric.Error(metric.ErrSend, metric.HowUnconnected), Stream: 0}, Phase: 1, Second: 1, N: 3})
				rules.SLO[0].Value = 7
			},
		},
		"out of ports": {
			slo: allow + broken, valid: "max(cpu) < 80%", want: result.Invalid, reason: "errors <= 3: 6 (the generator had no port or no file left",
			change: func(e *Evidence, _ *Rules) { fail(e, metric.HowPorts, 3) },
		},
		"out of files, and refused": {
			slo: allow + fine, valid: "max(cpu) < 80%", want: result.Fail, reason: "errors <= 3: 7",
			change: func(e *Evidence, _ *Rules) { fail(e, metric.HowFiles, 3); fail(e, "refused", 1) },
		},
		"out of files, as a share": {
			slo: lossy + "errors(ack) < 50%, errors(connect) <= 30%", valid: "max(cpu) < 80%", want: result.Invalid, reason: "errors(connect) <= 30%: 40 % (the generator had",
			change: func(e *Evidence, _ *Rules) { fail(e, metric.HowFiles, 2) },
		},
		"out of ports, in a window": {
			slo: lossy + "errors(ack) < 50%, errors(connect) <= 2 over 1s", valid: "max(cpu) < 95%", want: result.Invalid, reason: "errors(connect) <= 2 over 1s: 3",
			change: func(e *Evidence, _ *Rules) { fail(e, metric.HowPorts, 1); e.Timeline.Spans[0].Record = true },
		},
		"out of ports, unmentioned": {
			slo: lossy + broken, valid: "max(cpu) < 80%", want: result.Invalid, reason: "errors(connect.ports) == 0: 1",
			change: func(e *Evidence, _ *Rules) { fail(e, metric.HowPorts, 1); e.Clients.Failed = 1 },
		},
		"clients failed, unmentioned": {
			slo: lossy + fine, valid: "max(cpu) < 80%", want: result.Fail, reason: "clients failed == 0: 2",
			change: func(e *Evidence, rules *Rules) { e.Clients.Failed = 2 },
		},
		"clients failed, allowed": {
			slo: lossy + fine + ", errors(connect) < 50%, errors(ack) < 50%", valid: "max(cpu) < 80%", want: result.Pass,
			change: func(e *Evidence, rules *Rules) { e.Clients.Failed = 2 },
		},
		"deliveries lost, unmentioned": {
			slo: strings.Replace(allow, "loss < 10%, ", "", 1) + fine, valid: "max(cpu) < 80%", want: result.Fail, reason: "loss(delivery) == 0: 10",
		},
		"deliveries lost to a fault": {
			slo: strings.Replace(allow, "loss < 10%, ", "", 1) + fine, valid: "max(cpu) < 80%", want: result.Pass,
			change: func(e *Evidence, rules *Rules) { e.Faults = []Fault{endless(0)} },
		},
		"nothing was sent, as nobody was connected yet": {
			slo: allow + fine, valid: "max(cpu) < 80%", want: result.Fail,
			reason: "operations sent > 0: 0 (60 were due, and nothing was measured: clients were still connecting",
			change: func(e *Evidence, _ *Rules) { sendNothing(e, 0, 1, 2) },
		},
		"nothing was sent, as a fault kept everybody away": {
			slo: allow + fine, valid: "max(cpu) < 80%", want: result.Invalid,
			reason: "operations sent > 0: 0 (60 were due, and nothing was measured: no recorded phase is long enough",
			change: func(e *Evidence, _ *Rules) { sendNothing(e, 0, 1, 2); e.Faults = []Fault{endless(1)} },
		},
		"nothing was sent, as there was nobody to send to": {
			slo: "errors <= 30, " + lossy + fine, valid: "max(cpu) < 80%", want: result.Invalid,
			reason: "operations sent > 0: 0 (60 were due, and nothing was measured: no other client",
			change: func(e *Evidence, _ *Rules) {
				sendNothing(e, 0, 1, 2)
				e.Errors = append(e.Errors, record.ErrorCount{ErrorKey: record.ErrorKey{Class: metric.Error(metric.ErrSend, metric.HowPeer), Stream: 0}, Phase: 1, N: 20})
			},
		},
		"nothing was sent of one stream": {
			slo: allow + fine, valid: "achieved(rate) > 50%", want: result.Fail, reason: "operations sent{event=tick,group=speaker} > 0: 0 (20 were due",
			change: func(e *Evidence, _ *Rules) { sendNothing(e, 2) },
		},
		"nothing was sent of an event by one of two groups": {
			slo: allow + fine, valid: "achieved(rate) > 50%", want: result.Fail, reason: "operations sent{event=msg,group=speaker} > 0: 0 (20 were due",
			change: func(e *Evidence, _ *Rules) { sendNothing(e, 2); e.Streams[2].Event = "msg" },
		},
		"a few were not sent of one stream": {
			slo: allow + fine, valid: "achieved(rate) > 50%", want: result.Pass,
			change: func(e *Evidence, _ *Rules) { sendNothing(e, 2); e.Streams[2].Offered[1] = undecidedFew },
		},
		"one has no samples, and one breaks": {slo: allow + silent + ", " + broken, valid: "max(cpu) < 80%", want: result.Fail, reason: broken + ": 100 ms"},
		"one has no samples, and one that is implied breaks": {
			slo: lossy + silent + ", errors(ack) < 50%", valid: "max(cpu) < 80%", want: result.Fail, reason: "clients failed == 0: 2",
			change: func(e *Evidence, _ *Rules) { e.Clients.Failed = 2 },
		},
		"one of the generator has no samples, and one of the target breaks": {
			slo: allow + broken, valid: "p99(connect.tls) < 1s", want: result.Invalid, reason: "p99(connect.tls) < 1s: no samples",
		},
		"too few samples": {
			slo: allow + "p99(ack) < 1s", valid: "max(cpu) < 80%", want: result.Invalid, reason: "p99(ack) < 1s: not enough samples: 1, and a p99 takes 1 000",
		},
		"too few samples, and one breaks":        {slo: allow + "p99(ack) < 1s, " + broken, valid: "max(cpu) < 80%", want: result.Fail, reason: broken + ": 100 ms"},
		"too few samples, optional":              {slo: allow + "{check: p99(ack) < 1s, optional: true}", valid: "max(cpu) < 80%", want: result.Pass},
		"too few samples, scaled down":           {slo: allow + "p99(ack) < 1s", valid: "max(cpu) < 80%", want: result.Pass, change: func(e *Evidence, _ *Rules) { e.ScaledDown = true }},
		"too few samples, of the generator only": {slo: allow + fine, valid: "p99(lag) < 1s", want: result.Pass},
		"interrupted":                            {slo: allow + broken, valid: "max(cpu) < 80%", want: result.Invalid, reason: "interrupted after 2 s of 2 s", change: func(e *Evidence, _ *Rules) { e.Ending = Interrupted }},
		"the contract does not fit": {
			slo: "loss == 0, " + broken, valid: "max(cpu) < 20%", want: result.Invalid, reason: "the contract does not fit: no `a` event came",
			change: func(e *Evidence, _ *Rules) { e.Mismatch = "no `a` event came" },
		},
		"cut short before it began": {
			slo: allow + fine, valid: "max(cpu) < 80%", want: result.Invalid, reason: "before a recorded phase began",
			change: func(e *Evidence, rules *Rules) { e.End, e.Ending = 5e8, Aborted },
		},
		"the generator stood still, and it fails": {
			slo: allow + broken, valid: "max(cpu) < 80%", want: result.Invalid, reason: "the generator's longest standstill: 31 s (this machine was paused",
			change: func(e *Evidence, _ *Rules) { e.Standstill = 31e9 },
		},
		"it stood still for as long as it may": {
			slo: allow + broken, valid: "max(cpu) < 80%", want: result.Fail, reason: broken,
			change: func(e *Evidence, _ *Rules) { e.Standstill = 5e9 },
		},
		"it stood still for longer than the server waits, and clients were dropped": {
			slo: allow + broken, valid: "max(cpu) < 80%", want: result.Invalid, reason: "the generator's longest standstill: 3 s",
			change: func(e *Evidence, _ *Rules) {
				e.Standstill, e.Patience = 3e9, 2e9
				e.Errors = append(e.Errors, record.ErrorCount{ErrorKey: record.ErrorKey{Class: metric.Error(metric.ErrDrop, "transport_close"), Stream: -1}, N: 1})
			},
		},
		"it stood still for longer than the server waits, and none was dropped": {
			slo: allow + broken, valid: "max(cpu) < 80%", want: result.Fail, reason: broken,
			change: func(e *Evidence, _ *Rules) { e.Standstill, e.Patience = 3e9, 2e9 },
		},
		"it stood still, and all hold": {slo: allow + fine, valid: "max(cpu) < 80%", want: result.Pass, change: func(e *Evidence, _ *Rules) { e.Standstill = 31e9 }},
		"the server ended":             {slo: allow + broken, valid: "max(cpu) < 20%", want: result.Fail, reason: "the server exited by itself after 2 s", change: func(e *Evidence, _ *Rules) { e.Ending = ServerGone }},
	} {
		e, rules := known(t, test.slo, test.valid)
		if test.change != nil {
			test.change(e, &rules)
		}
		j := Judge(e, rules)
		if j.Verdict != test.want || !strings.Contains(j.Reason, test.reason) || (test.reason == "") != (j.Reason == "") {
			t.Errorf("%s: %s because %q, want %s because %q", name, j.Verdict, j.Reason, test.want, test.reason)
		}
		if len(j.Checks) < len(rules.All()) {
			t.Errorf("%s: only %d checks are reported", name, len(j.Checks))
		}
		for _, r := range j.Checks { // the generator was not fit, whichever list has the rule
			if r.Note == ownNote && r.Kind != result.KindValid {
				t.Errorf("%s: %s was broken by the generator, and decides %q", name, r.Text, r.Kind)
			}
		}
	}
}

// sendNothing makes streams send nothing of what was due.
func sendNothing(e *Evidence, streams ...int) {
	for _, i := range streams {
		clear(e.Streams[i].Sent)
	}
}

// A rule that found nothing is excused where nothing was due, for the target only when the run is
// scaled down.
func TestNothingWasDue(t *testing.T) {
	for _, c := range []struct {
		name, slo, valid string
		scaled, due      bool
		want             result.Verdict
	}{
		{"the generator's schedule was empty", "max(cpu) < 100%", "achieved(rate) > 99%, p99(lag) < 1s", false, false, result.Pass},
		{"the generator's schedule was not", "max(cpu) < 100%", "p99(lag{op=echo}) < 1s", false, true, result.Invalid},
		{"deliveries, at its size", "p99(delivery{event=none}) < 1s", "max(cpu) < 100%", false, false, result.Fail},
		{"deliveries, scaled down", "p99(delivery{event=none}) < 1s", "max(cpu) < 100%", true, false, result.Pass},
		{"acknowledgements, scaled down", "p99(ack.service) < 1s", "max(cpu) < 100%", true, false, result.Pass},
		{"acknowledgements were due", "p99(ack.service) < 1s", "max(cpu) < 100%", true, true, result.Fail},
		{"connecting is always due", "p99(connect.tls) < 1s", "max(cpu) < 100%", true, false, result.Fail},
	} {
		e, _ := known(t, "max(delivery) < 1s", "max(cpu) < 80%")
		rules := Rules{SLO: parsed(t, file.SLO, c.slo), Valid: parsed(t, file.Valid, c.valid)}
		e.ScaledDown, e.Ledger, e.Errors = c.scaled, make([][]ledger.Row, len(e.Streams)), nil
		if !c.due {
			e.Totals = record.NewTotals(nil, 2)
			for i := range e.Streams {
				clear(e.Streams[i].Offered)
				clear(e.Streams[i].Sent)
			}
		}
		if j := Judge(e, rules); j.Verdict != c.want {
			t.Errorf("%s: %s because %q, want %s", c.name, j.Verdict, j.Reason, c.want)
		}
	}
}

// parsed reads rules that no stream of a file needs to fit.
func parsed(t *testing.T, kind, text string) (out []file.Check) {
	t.Helper()
	for rule := range strings.SplitSeq(text, ", ") {
		call, comparison, _ := strings.Cut(rule, " ")
		stat, of, _ := strings.Cut(strings.TrimSuffix(call, ")"), "(")
		name, labels, _ := strings.Cut(of, "{")
		k := file.Check{Text: rule, Kind: kind, Stat: stat, Metric: name, Op: "<", Value: 1}
		if s, known := metric.StatOf(stat); known {
			k.Quantile = s.Quantile
		}
		if m, known := metric.Of(name); known {
			k.Unit = m.Unit
		}
		if strings.HasPrefix(comparison, ">") {
			k.Op, k.Value = ">", 0.99
		}
		if labels != "" {
			label, value, _ := strings.Cut(strings.TrimSuffix(labels, "}"), "=")
			k.Labels = map[string]string{label: value}
		}
		out = append(out, k)
	}
	return out
}
