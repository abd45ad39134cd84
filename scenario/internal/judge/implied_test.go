package judge

import (
	"strings"
	"testing"

	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
)

// Each kind of trouble breaks a rule of its own that no file needs to state, until the file says
// something about it.
func TestImpliedRules(t *testing.T) {
	wrong := func(kind metric.ErrorKind, how string, phase, n int) func(e *Evidence) {
		return func(e *Evidence) {
			key := record.ErrorKey{Class: metric.Error(kind, how), Stream: -1}
			if kind == metric.ErrAck {
				key.Stream = 1
			}
			e.Errors = append(e.Errors, record.ErrorCount{ErrorKey: key, Phase: phase, Second: phase, N: int64(n)})
		}
	}
	const clean = "loss == 0, dup == 0, disorder == 0" // of evidence that has none of it
	for name, test := range map[string]struct {
		slo    string
		faults []int
		change func(e *Evidence)
		want   string // the broken rules and their values, in order
	}{
		"nothing wrong":               {slo: clean},
		"calls without an answer":     {slo: clean, change: wrong(metric.ErrAck, metric.HowTimeout, 1, 200), want: "errors(ack.timeout) == 0: 200"},
		"outside of what is recorded": {slo: clean, change: wrong(metric.ErrAck, metric.HowTimeout, 0, 200)},
		"the file allows some":        {slo: clean + ", errors(ack.timeout) < 5", change: wrong(metric.ErrAck, metric.HowTimeout, 1, 200)},
		"the file allows the kind":    {slo: clean + ", errors(ack) < 5", change: wrong(metric.ErrAck, metric.HowTimeout, 1, 200)},
		"the file allows all errors":  {slo: clean + ", errors < 5", change: wrong(metric.ErrAck, metric.HowTimeout, 1, 200)},
		"the file allows another":     {slo: clean + ", errors(ack.dropped) < 5", change: wrong(metric.ErrAck, metric.HowTimeout, 1, 200), want: "errors(ack.timeout) == 0: 200"},
		"of another group":            {slo: clean + ", errors(drop{group=speaker}) < 5", change: wrong(metric.ErrDrop, "ping_timeout", 1, 2), want: "errors(drop.ping_timeout) == 0: 2"},
		"of the group":                {slo: clean + ", errors(drop{group=people}) < 5", change: wrong(metric.ErrDrop, "ping_timeout", 1, 2)},
		"of another phase":            {slo: clean + ", errors(ack) < 5 in ramp", change: wrong(metric.ErrAck, metric.HowTimeout, 1, 2), want: "errors(ack.timeout) == 0: 2"},
		"answered twice":              {slo: clean, change: wrong(metric.ErrAck, metric.HowUnexpected, 1, 1), want: "errors(ack.unexpected) == 0: 1"},
		"connections refused at first": {
			slo: clean, change: wrong(metric.ErrConnect, "refused", 0, 7), want: "errors(connect.refused) == 0: 7",
		},
		"clients that failed count once": {
			slo: clean, want: "clients failed == 0: 2",
			change: func(e *Evidence) {
				e.Clients.Failed = 2
				wrong(metric.ErrConnect, "refused", 0, 7)(e)
			},
		},
		"each matter for itself": {
			slo: "errors(ack) < 90%", want: "clients failed == 0: 2; clients dropped == 0: 3; loss(delivery) == 0: 6",
			change: func(e *Evidence) {
				e.Clients = Clients{Failed: 2, Dropped: 3}
				ledgerOf(6, 0, 0)(e)
			},
		},
		"the generator has no more ports": {
			slo: clean, faults: []int{0}, want: "clients failed == 0: 4; errors(connect.ports) == 0: 4 (" + ownNote + ")",
			change: func(e *Evidence) {
				e.Clients.Failed = 4
				wrong(metric.ErrConnect, metric.HowPorts, 0, 4)(e)
			},
		},
		"the generator has no more files": {slo: clean, change: wrong(metric.ErrReconnect, metric.HowFiles, 1, 4), want: "errors(reconnect.files) == 0: 4 (" + ownNote + ")"},
		"no port for an upgrade":          {slo: clean, change: wrong(metric.ErrUpgrade, metric.HowPorts, 0, 4), want: "errors(upgrade.ports) == 0: 4 (" + ownNote + ")"},
		"no port for a request":           {slo: clean, faults: []int{0}, change: wrong(metric.ErrStep, metric.HowPorts, 0, 4), want: "errors(step.ports) == 0: 4 (" + ownNote + ")"},
		"the file allows for few ports":   {slo: clean + ", errors(connect) < 5", change: wrong(metric.ErrConnect, metric.HowPorts, 0, 4)},
		"an upgrade failed":               {slo: clean, change: wrong(metric.ErrUpgrade, metric.HowTimeout, 0, 3), want: "errors(upgrade.timeout) == 0: 3"},
		"a flow failed while it began":    {slo: clean, change: wrong(metric.ErrStep, metric.HowTimeout, 0, 10), want: "errors(step.timeout) == 0: 10"},
		"a stranger got a message":        {slo: clean, change: wrong(metric.ErrDelivery, metric.HowUnexpected, 1, 1), want: "errors(delivery.unexpected) == 0: 1"},
		"nobody sent it":                  {slo: clean, change: wrong(metric.ErrDelivery, metric.HowUnknown, 1, 1), want: "errors(delivery.unknown) == 0: 1"},
		"again when all had long had it":  {slo: clean, change: wrong(metric.ErrDelivery, metric.HowStale, 1, 1), want: "errors(delivery.stale) == 0: 1"},
		"after it was counted as lost":    {slo: clean, change: wrong(metric.ErrDelivery, metric.HowOverdue, 1, 1)},
		"a stamp is damaged":              {slo: clean, change: wrong(metric.ErrStamp, metric.HowInvalid, 1, 1), want: "errors(stamp.invalid) == 0: 1"},
		"what a fault breaks":             {slo: clean, faults: []int{0}, change: wrong(metric.ErrAck, metric.HowDropped, 1, 9)},
		"wrong in spite of a fault":       {slo: clean, faults: []int{0}, change: wrong(metric.ErrAck, metric.HowUnexpected, 1, 1), want: "errors(ack.unexpected) == 0: 1"},
		"generator's own trouble":         {slo: clean, change: wrong(metric.ErrSend, metric.HowBackpressure, 1, 1)},
		"of several, in order": {
			slo: clean, want: "errors(ack.timeout) == 0: 5; errors(ack.dropped) == 0: 2; errors(stamp.invalid) == 0: 1",
			change: func(e *Evidence) {
				wrong(metric.ErrStamp, metric.HowInvalid, 1, 1)(e)
				wrong(metric.ErrAck, metric.HowDropped, 1, 2)(e)
				wrong(metric.ErrAck, metric.HowTimeout, 1, 5)(e)
			},
		},
		"the ledger":               {change: ledgerOf(3, 2, 1), want: "loss(delivery) == 0: 3; dup(delivery) == 0: 2; disorder(delivery) == 0: 1"},
		"the ledger under a fault": {faults: []int{0}, change: ledgerOf(3, 2, 1), want: "dup(delivery) == 0: 2; disorder(delivery) == 0: 1"},
		"what a server that recovers clients owes them": {
			faults: []int{0}, want: "disorder(delivery) == 0: 1; loss(delivery{replayed=true}) == 0: 3",
			change: func(e *Evidence) {
				ledgerOf(3, 0, 1)(e)
				e.Ledger[0][2].Replayed = true
			},
		},
		"the file allows that loss": {
			faults: []int{0}, slo: "loss < 5", want: "disorder(delivery) == 0: 1",
			change: func(e *Evidence) {
				ledgerOf(3, 0, 1)(e)
				e.Ledger[0][2].Replayed = true
			},
		},
		"the file allows the loss":    {slo: "loss < 5", change: ledgerOf(3, 2, 1), want: "dup(delivery) == 0: 2; disorder(delivery) == 0: 1"},
		"it speaks of another stream": {slo: "loss(delivery{event=tick}) < 5, dup < 5, disorder < 5", change: ledgerOf(3, 2, 1), want: "loss(delivery) == 0: 3"},
		"it speaks of this stream":    {slo: "loss(delivery{op=room}) < 5, dup < 5, disorder < 5", change: ledgerOf(3, 2, 1)},
		"nothing of a volatile stream came": {
			change: volatileOf(0, 11), want: "loss(delivery{event=msg}) < 100%: 100 %",
		},
		"too few were sent to tell":         {change: volatileOf(0, 10)},
		"one of its messages came":          {change: volatileOf(1, 400)},
		"nothing came, and the file allows": {slo: "loss(delivery{event=msg}) <= 100%", change: volatileOf(0, 400)},
		"nothing came, under a fault":       {faults: []int{0}, change: volatileOf(0, 400)},
		"nothing came to slow readers": {change: func(e *Evidence) {
			volatileOf(0, 400)(e)
			e.Classes[e.Ledger[0][2].Class].Slow = true
		}},
		"too much is undecided": {
			slo: clean, want: "undecided(delivery) < 5%: 6 % (implied: whether 24 deliveries were lost is unknown, since their receivers or senders came, went or changed rooms meanwhile)",
			change: func(e *Evidence) { e.Ledger[0][2].Undecided = 24 },
		},
		"a little is undecided":      {slo: clean, change: func(e *Evidence) { e.Ledger[0][2].Undecided = 19 }},
		"it speaks of another phase": {slo: "loss(delivery) < 5 in ramp, dup < 5, disorder < 5", change: ledgerOf(3, 2, 1), want: "loss(delivery) == 0: 3"},
	} {
		e, rules := known(t, quoted(test.slo), "max(cpu) < 80%")
		e.Errors = nil
		for _, phase := range test.faults {
			e.Faults = append(e.Faults, endless(phase))
		}
		ledgerOf(0, 0, 0)(e)
		if test.change != nil {
			test.change(e)
		}
		var got []string
		for _, c := range implied(e, rules) {
			got = append(got, broken(&c))
			if c.Pass || c.NoData || c.Note == "" {
				t.Errorf("%s: %+v", name, c)
			}
		}
		if text := strings.Join(got, "; "); text != test.want {
			t.Errorf("%s: %q, want %q", name, text, test.want)
		}
	}
}

// ledgerOf changes what became of the room's messages in the recorded phase.
func ledgerOf(lost, twice, disorder int64) func(e *Evidence) {
	return func(e *Evidence) {
		l := &e.Ledger[0][2].Ledger
		l.Lost, l.Late, l.Duplicate, l.Disorder = lost, 0, twice, disorder
		l.Received = l.Expected - lost
	}
}

// volatileOf makes the room's messages volatile, of which so many deliveries came and were lost in
// the recorded phase.
func volatileOf(received, lost int64) func(e *Evidence) {
	return func(e *Evidence) {
		e.Streams[0].Volatile = true
		l := &e.Ledger[0][2].Ledger
		l.Expected, l.Received, l.Lost, l.Late = received+lost, received, lost, 0
	}
}

// quoted keeps rules with labels whole inside of a list.
func quoted(slo string) string {
	if slo == "" {
		return ""
	}
	return `"` + strings.ReplaceAll(slo, ", ", `", "`) + `"`
}
