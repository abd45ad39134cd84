package judge

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// trouble adds errors of a class to the evidence, in a phase.
func trouble(e *Evidence, class metric.ErrorClass, phase int, n int64) {
	if n > 0 {
		e.Errors = append(e.Errors, record.ErrorCount{ErrorKey: record.ErrorKey{Class: class, Stream: -1}, Phase: phase, Second: phase, N: n})
	}
}

// Of 60 operations that were due in the recorded phase 57 were sent. Whether that is the target's
// fault, or the generator's, decides between fail and invalid.
func TestWhoseFaultItIsThatOperationsWereNotSent(t *testing.T) {
	full, unconnected := metric.Error(metric.ErrSend, metric.HowBackpressure), metric.Error(metric.ErrSend, metric.HowUnconnected)
	for name, test := range map[string]struct {
		valid  string
		change func(e *Evidence)
		want   result.Verdict
		reason string // "": the rule of valid
	}{
		"nothing was refused":             {want: result.Invalid},
		"all were refused":                {want: result.Fail, change: func(e *Evidence) { trouble(e, full, 1, 3) }},
		"some were":                       {want: result.Invalid, change: func(e *Evidence) { trouble(e, full, 1, 2) }},
		"before the recorded phase":       {want: result.Invalid, change: func(e *Evidence) { trouble(e, full, 0, 3) }},
		"other errors":                    {want: result.Invalid, change: func(e *Evidence) { trouble(e, metric.Error(metric.ErrStamp, metric.HowInvalid), 1, 3) }},
		"their senders were away":         {want: result.Fail, change: unsent(2, 1)},
		"some of their senders were away": {want: result.Invalid, change: unsent(1, 1)},
		"refused and away are not added": {want: result.Invalid, change: func(e *Evidence) {
			trouble(e, unconnected, 1, 2) // those that are dropped are counted as errors, too
			unsent(0, 2)(e)
		}},
		"no ports were left": {want: result.Invalid, change: func(e *Evidence) {
			trouble(e, full, 1, 3)
			trouble(e, metric.Error(metric.ErrConnect, metric.HowPorts), 0, 1)
		}},
		"a rule on the processor": {valid: "max(cpu) < 20%", want: result.Invalid, change: func(e *Evidence) { trouble(e, full, 1, 3) }},
		"no samples, and all refused": {
			valid: "p99(connect.tls) < 1s", want: result.Fail, change: func(e *Evidence) { trouble(e, full, 1, 3); silence(e) },
			reason: "operations sent > 0: 0 (60 were due, and nothing was measured: the target did not hold or did not read",
		},
		"no samples, and nothing refused":     {valid: "p99(connect.tls) < 1s", want: result.Invalid, change: silence},
		"no samples, and some sent":           {valid: "p99(connect.tls) < 1s", want: result.Invalid, change: func(e *Evidence) { trouble(e, full, 1, 3) }},
		"the generator came to them too late": {want: result.Invalid, change: func(e *Evidence) { trouble(e, full, 1, 3); lags(e, 1100, 3) }},
		"it came to them in time":             {want: result.Fail, change: func(e *Evidence) { trouble(e, full, 1, 3); lags(e, 900, 3) }},
		"no samples, and it came too late": {valid: "p99(connect.tls) < 1s", want: result.Invalid, change: func(e *Evidence) {
			trouble(e, full, 1, 3)
			lags(e, 1100, 3)
			silence(e)
		}},
		"no samples, and refused somewhere else": {valid: "p99(connect.tls) < 1s", want: result.Invalid, change: func(e *Evidence) { trouble(e, full, 0, 3); silence(e) }},
	} {
		if test.valid == "" {
			test.valid = "achieved(rate) > 99%"
		}
		e, rules := known(t, "loss < 50, dup < 50, disorder < 50, errors < 50, late < 50, max(delivery) < 1s", test.valid)
		if test.change != nil {
			test.change(e)
		}
		j := Judge(e, rules)
		if j.Verdict != test.want || !strings.HasPrefix(j.Reason, cmp.Or(test.reason, rules.Valid[0].Text)) {
			t.Errorf("%s: %s because %q, want %s", name, j.Verdict, j.Reason, test.want)
		}
		// a table of the rules says the same
		i := slices.IndexFunc(j.Checks, func(r result.Check) bool { return strings.HasPrefix(j.Reason, r.Text+":") })
		if i < 0 {
			t.Errorf("%s: %q is in no check", name, j.Reason)
		} else if decides := j.Checks[i].Kind; (decides == result.KindSLO) != (test.want == result.Fail) {
			t.Errorf("%s: %s because %q, and that rule is one of %q", name, j.Verdict, j.Reason, decides)
		}
	}
}

// unsent says that of the operations of the first stream some waited to the end, and some were
// given up.
func unsent(held, dropped int64) func(e *Evidence) {
	return func(e *Evidence) { e.Streams[0].Held, e.Streams[0].Dropped = []int64{9, held}, []int64{9, dropped} }
}

// lags says that the generator came so many milliseconds late to n operations.
func lags(e *Evidence, ms, n int64) {
	for at := range e.Totals.Series {
		if e.Totals.Series[at].Metric == metric.Lag {
			e.Totals.Add(at, 1, ms*1000, n)
		}
	}
}

// silence says that nothing was sent.
func silence(e *Evidence) {
	for i := range e.Streams {
		clear(e.Streams[i].Sent)
	}
}

// The note of a schedule that was not kept names the likeliest cause.
func TestWhyOperationsWereNotSent(t *testing.T) {
	const away, early, target = "senders had lost their connection", "clients were still connecting", "the target did not hold"
	for name, test := range map[string]struct {
		held, lost, full, dropped, failed int64
		want                              string
	}{
		"nothing is known":               {want: early},
		"held to the end":                {held: 2, want: away},
		"dropped while away":             {lost: 2, want: away},
		"both":                           {held: 2, lost: 2, want: away},
		"the target does not read":       {full: 1, want: target},
		"it does not, and some are away": {full: 1, held: 1, want: target},
		"clients were dropped":           {dropped: 1, want: target},
		"clients failed":                 {failed: 1, want: target},
		"one of each":                    {full: 1, dropped: 1, want: target},
		"one of each kind of client":     {dropped: 1, failed: 1, want: target},
		"more failed than were dropped":  {full: 1, dropped: 1, failed: 2, want: target},
	} {
		e, _ := known(t, "max(delivery) < 1s", "max(cpu) < 80%")
		unsent(test.held, 0)(e)
		trouble(e, metric.Error(metric.ErrAway, metric.HowDropped), 1, test.lost)
		trouble(e, metric.Error(metric.ErrSend, metric.HowBackpressure), 1, test.full)
		e.Clients = Clients{Dropped: test.dropped, Failed: test.failed}
		if got := e.unsent(); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
	// Another phase helps where joins are slow, not where the server does not know them.
	for mismatch, want := range map[string]string{"": early, "no client was in its rooms": "clients were still waiting for the server to acknowledge their joins"} {
		e, _ := known(t, "max(delivery) < 1s", "max(cpu) < 80%")
		trouble(e, metric.Error(metric.ErrWaiting, metric.HowJoin), 1, 3)
		e.Mismatch = mismatch
		if got := e.unsent(); !strings.HasPrefix(got, want) {
			t.Errorf("mismatch %q: %q, want %q", mismatch, got, want)
		}
	}
}

// Limits of the generator's own system excuse the target from what they explain, and from nothing
// else.
func TestOwnLimitsExplainErrorsOnly(t *testing.T) {
	const few = "dup < 50, disorder < 50, errors(ack) < 50%, "
	ports := func(e *Evidence) { trouble(e, metric.Error(metric.ErrConnect, metric.HowPorts), 0, 1) }
	for name, test := range map[string]struct {
		slo    string
		change func(e *Evidence)
		want   result.Verdict
	}{
		"deliveries were lost":          {few + "errors(connect) < 50, loss == 0", ports, result.Fail},
		"errors without ours":           {few + "loss < 50, errors(connect) <= 1 over 1s", func(e *Evidence) { e.Timeline.Spans[0].Record = true }, result.Fail},
		"errors in a window, with ours": {few + "loss < 50, errors(connect) <= 1 over 1s", func(e *Evidence) { e.Timeline.Spans[0].Record = true; ports(e) }, result.Invalid},
		"nothing was attempted": {few + "loss < 50, errors(connect{group=speaker}) < 50%", func(e *Evidence) {
			clear(e.Groups[1].Attempts)
			e.Errors = append(e.Errors, record.ErrorCount{ErrorKey: record.ErrorKey{Class: metric.Error(metric.ErrConnect, metric.HowFiles), Stream: -1, Group: 1}, N: 1})
		}, result.Fail},
	} {
		e, rules := known(t, quoted(test.slo), "max(cpu) < 95%")
		test.change(e)
		if j := Judge(e, rules); j.Verdict != test.want {
			t.Errorf("%s: %s because %q, want %s", name, j.Verdict, j.Reason, test.want)
		}
	}
}

// What is undecided keeps a run from passing, and not from failing.
func TestUndecidedVerdict(t *testing.T) {
	for _, test := range []struct {
		slo    string
		open   int64 // of 400
		want   result.Verdict
		reason string
	}{
		{"max(delivery) < 1s", 19, result.Pass, ""},
		{"max(delivery) < 1s", 20, result.Invalid, "undecided(delivery) < 5%: 5 %"},
		{"max(delivery) < 50ms", 24, result.Fail, "max(delivery) < 50ms"},
		{"max(delivery) < 1s, undecided < 50", 24, result.Pass, ""},
	} {
		e, rules := known(t, test.slo, "max(cpu) < 80%")
		e.Errors = nil
		ledgerOf(0, 0, 0)(e)
		e.Ledger[0][2].Undecided = test.open
		if j := Judge(e, rules); j.Verdict != test.want || !strings.HasPrefix(j.Reason, test.reason) || (j.Reason == "") != (test.reason == "") {
			t.Errorf("%s, %d undecided: %s because %q, want %s", test.slo, test.open, j.Verdict, j.Reason, test.want)
		}
	}
	for undecided, broken := range map[int64]bool{10: false, 11: true} {
		e, rules := known(t, "max(delivery) < 1s", "max(cpu) < 80%")
		e.Ledger = e.Ledger[:1]
		e.Ledger[0] = e.Ledger[0][2:]
		e.Ledger[0][0].Ledger = result.Ledger{Sent: 1, Expected: 100, Received: 100 - undecided, Undecided: undecided}
		if got := len(e.tooOpen(rules.All())) > 0; got != broken {
			t.Errorf("%d of 100 undecided: too many is %v", undecided, got)
		}
	}
}

// The end of a trial is told with its time and, where it is known, its cause.
func TestEndings(t *testing.T) {
	for _, test := range []struct {
		ending Ending
		cause  string
		want   result.Verdict
		reason string
	}{
		{RanOut, "", result.Pass, ""},
		{Aborted, "loss > 5 % for 10 s", result.Pass, ""}, // its rule is broken, which says more
		{ServerGone, "", result.Fail, "the server exited by itself after 1.5 s"},
		{ServerGone, "exit status 3", result.Fail, "the server exited by itself after 1.5 s: exit status 3"},
		{Interrupted, "", result.Invalid, "interrupted after 1.5 s of 2 s"},
	} {
		e, rules := known(t, "max(delivery) < 1s, loss < 50, dup < 50, disorder < 50, errors < 50", "max(cpu) < 80%")
		e.Ending, e.Cause, e.End = test.ending, test.cause, 15e8
		if j := Judge(e, rules); j.Verdict != test.want || j.Reason != test.reason {
			t.Errorf("%v: %s because %q, want %s because %q", test.ending, j.Verdict, j.Reason, test.want, test.reason)
		}
	}
}
