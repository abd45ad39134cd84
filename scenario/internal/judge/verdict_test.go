package judge

import (
	"strings"
	"testing"

	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

func TestVerdicts(t *testing.T) {
	const fine, broken, silent = "max(delivery) < 1s", "max(delivery) < 50ms", "p99(fanout.last) < 1s"
	const lossy = "loss < 10%, "
	const allow = "errors <= 3, " + lossy
	for name, test := range map[string]struct {
		slo, valid string
		change     func(e *Evidence, rules *Rules)
		want       result.Verdict
		reason     string
	}{
		"all hold":               {slo: allow + fine, valid: "max(cpu) < 80%", want: result.Pass},
		"an objective breaks":    {slo: allow + broken, valid: "max(cpu) < 80%", want: result.Fail, reason: broken + ": 100 ms"},
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
			slo: allow + fine, valid: "p99(connect.tls) < 1s", want: result.Fail, reason: "p99(connect.tls) < 1s: no samples",
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
		"clients failed, unmentioned": {
			slo: lossy + fine, valid: "max(cpu) < 80%", want: result.Fail, reason: "clients failed == 0: 2",
			change: func(e *Evidence, rules *Rules) { e.Clients.Failed = 2 },
		},
		"clients failed, allowed": {
			slo: lossy + fine + ", errors(connect) < 50%", valid: "max(cpu) < 80%", want: result.Pass,
			change: func(e *Evidence, rules *Rules) { e.Clients.Failed = 2 },
		},
		"deliveries lost, unmentioned": {
			slo: strings.TrimSuffix(allow, lossy) + fine, valid: "max(cpu) < 80%", want: result.Fail, reason: "loss(delivery) == 0: 10",
		},
		"deliveries lost to a fault": {
			slo: strings.TrimSuffix(allow, lossy) + fine, valid: "max(cpu) < 80%", want: result.Pass,
			change: func(e *Evidence, rules *Rules) { e.Faults = true },
		},
		"interrupted": {slo: allow + broken, valid: "max(cpu) < 80%", want: result.Invalid, reason: "interrupted after 2 s of 2 s", change: func(e *Evidence, _ *Rules) { e.Ending = Interrupted }},
		"cut short before it began": {
			slo: allow + fine, valid: "max(cpu) < 80%", want: result.Invalid, reason: "before a recorded phase began",
			change: func(e *Evidence, rules *Rules) { e.End, e.Ending = 5e8, Aborted },
		},
		"the server ended": {slo: allow + broken, valid: "max(cpu) < 20%", want: result.Fail, reason: "the server ended by itself after 2 s", change: func(e *Evidence, _ *Rules) { e.Ending = ServerGone }},
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
	}
}
