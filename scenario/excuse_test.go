package scenario

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/throng-io/throng/bench/planted"
	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/result"
)

// Some sixty messages a second go to rooms, and the fault begins after a second of them.
const throughFault = `
version: 1
name: t
target: {url: "URL"}
groups:
  people:
    count: 12
    connect: {rate: 100/s}
    reconnect: {min: 50ms, max: 200ms, recover: RECOVER}
    rooms: {of: 2, join: 1}
    send: [{op: room, rate: 5/s, expect: others, late: LATE}]
phases:
  - {name: ramp, for: 1s, clients: 0%..100%, load: 0%, record: false}
  - {name: hold, for: 1s}
  - {name: bad, for: 1s, fault: FAULT}
  - {name: after, for: 4s}
valid: [{check: achieved(rate) > 1%, optional: true}]
`

// through plays that scenario against a real server. pairs are texts to put into it.
func through(t *testing.T, opt planted.Options, pairs ...string) *result.Cell {
	t.Helper()
	s, err := planted.Start(opt)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f, err := file.Parse("t.yaml", []byte(replaceAll(throughFault, append(pairs, "URL", s.URL)...)), nil)
	if err != nil {
		t.Fatal(err)
	}
	run, err := Run(t.Context(), f, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &run.Cells[0]
}

// An honest server passes, whether or not it recovers sessions: what was in flight when a connection
// ended and what was sent while a client was away is not owed, or is sent again.
func TestHonestServersPassThroughFaults(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"{drop: 50%, within: 500ms}", "{half_open: 50%}", "{network: {reset: 50%}, within: 500ms}", "{network: {cut: true}}"} {
		for _, recovers := range []bool{true, false} {
			t.Run(fault, func(t *testing.T) {
				t.Parallel()
				calm(t, func() *result.Cell {
					return through(t, planted.Options{Recovery: recovers}, "FAULT", fault, "RECOVER", map[bool]string{true: "true", false: "false"}[recovers], "LATE", "10s")
				}, func(c *result.Cell) bool {
					ends := c.Evidence.FaultEnds
					return c.Verdict == result.Pass && c.Reconnects != nil && c.Reconnects.Lost > 0 && len(ends) == 1 &&
						slices.ContainsFunc(c.Evidence.Returns, func(r result.EvidenceReturn) bool { return r.BrokeAtS >= 2 && r.BackAtS > r.BrokeAtS-1 })
				})
			})
		}
	}
}

// A server fails that restores sessions and forgets their rooms, or that loses messages to clients
// that stayed, or goes on losing when the fault is long over.
func TestAFaultIsNoExcuseForEver(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		opt    planted.Options
		fault  string
		reason string
	}{
		"rooms are forgotten":             {planted.Options{Recovery: true, Faults: []planted.Fault{{Kind: planted.RoomsForgotten}}}, "{drop: 50%}", "loss(delivery) == 0: "},
		"clients that stayed lose":        {planted.Options{Recovery: true, Faults: []planted.Fault{{Kind: planted.Loss, Every: 5, From: 80}}}, "{drop: 20%}", "loss(delivery) == 0: "},
		"it loses after slow links":       {planted.Options{Faults: []planted.Fault{{Kind: planted.Loss, Every: 5, From: 100}}}, "{network: {delay: 20ms}}", "loss(delivery) == 0: "},
		"all that was missed is lost":     {planted.Options{Recovery: true, Faults: []planted.Fault{{Kind: planted.ReplayNothing}}}, "{drop: 100%, within: 500ms}", "loss(delivery{replayed=true}) == 0: "},
		"connections end that should not": {planted.Options{Faults: []planted.Fault{{Kind: planted.Cut, Every: 5, From: 80}}}, "{drop: 20%}", "clients dropped == 0: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := through(t, test.opt, "FAULT", test.fault, "RECOVER", "true", "LATE", "1s")
			if c.Verdict != result.Fail || !slices.ContainsFunc(c.Checks, func(k result.Check) bool { return strings.HasPrefix(test.reason, k.Text) && !k.Pass }) {
				t.Errorf("%s because %q, want %s; %+v", c.Verdict, c.Reason, test.reason, c.Ledger)
			}
		})
	}
}

// A server that lets nobody in any more fails, although a fault broke the connections.
func TestClientsMustComeBack(t *testing.T) {
	t.Parallel()
	s := &fakeServer{refuse: func(i int) error {
		if i >= 60 {
			return &client.DialError{Stage: "tcp", Class: "refused", Err: errRefused}
		}
		return nil
	}}
	c := play(t, s, replaceAll(withFault("{drop: 100%}", ""), "connect: {rate: 10k/s}", "connect: {rate: 10k/s, timeout: 200ms}"))
	if c.Verdict != result.Fail || !slices.ContainsFunc(c.Checks, func(k result.Check) bool { return k.Text == "errors(reconnect.never) == 0" && k.Value > 30 }) {
		t.Errorf("%s because %q: %+v", c.Verdict, c.Reason, c.Checks)
	}
}

// A drop of some explains nothing that happens to the connections of others.
func TestADropExplainsItsOwn(t *testing.T) {
	t.Parallel()
	var once sync.Once
	s := &fakeServer{}
	s.mangle = func(n int, to *fakeConn, p []byte) []fakePacket { // under the server's lock
		if n >= 50 { // in the phase of the fault
			once.Do(func() {
				for _, c := range s.conns {
					if c != to {
						c.end(client.TransportClose)
					}
				}
			})
		}
		return []fakePacket{{text: p}}
	}
	c := play(t, s, withFault("{drop: 1%}", ""))
	if c.Verdict != result.Fail || c.Clients.Dropped < 30 || !slices.ContainsFunc(c.Checks, func(k result.Check) bool { return k.Text == "clients dropped == 0" }) {
		t.Errorf("%s because %q; clients %+v", c.Verdict, c.Reason, c.Clients)
	}
}
