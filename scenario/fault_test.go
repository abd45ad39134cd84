package scenario

import (
	"sync/atomic"
	"testing"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/result"
)

const dropped = `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups:
  viewers: {count: 40, connect: {rate: 10k/s}, reconnect: {min: 50ms, max: 100ms, recover: true}}
  others: {count: 10, connect: {rate: 10k/s}, reconnect: {min: 50ms, max: 100ms}}
  speaker: {count: 1, send: [{op: all, rate: 50/s, expect: others, late: 5s}]}
phases:
  - {name: ramp, for: 400ms, clients: 0%..100%, load: 0%, record: false}
  - {name: warm, for: 600ms, record: false}
  - {name: cut, for: 1s, fault: FAULT}
  - {name: after, for: 500ms}
slo: [CHECKS]
`

func withFault(fault, checks string) string {
	return replaceAll(dropped, "FAULT", fault, "CHECKS", checks)
}

// The server recovers the sessions of three in four clients that lose the connection.
func TestRecoveryIsCounted(t *testing.T) {
	t.Parallel()
	var offered atomic.Int64
	s := &fakeServer{recovery: &fakeRecovery{refuse: func(client.Session) bool { return offered.Add(1)%4 == 0 }}}
	c := play(t, s, withFault("{drop: 100%, within: 200ms}", `ratio(recovered) > 50%, ratio(recovered) > 50% in cut, "ratio(recovered{group=viewers}) >= 60%", "ratio(recovered{group=viewers}) <= 90%", loss(delivery) == 0`))
	if c.Verdict != result.Pass {
		t.Errorf("%s: %s; errors %v", c.Verdict, c.Reason, c.Errors)
	}
	r := c.Reconnects
	if r == nil || r.Lost != 50 || r.Back != 50 || !r.Recover || offered.Load() != 40 || r.Recovered < 25 || r.Recovered > 35 {
		t.Fatalf("%+v, %d asked to be recovered", r, offered.Load())
	}
	if r.P50us == 0 || r.P95us < r.P50us || r.P999us < r.P95us {
		t.Errorf("%+v", r)
	}
	// The only fault accounts for everything, and says the same of it.
	if len(r.Faults) != 1 {
		t.Fatalf("faults %+v", r.Faults)
	}
	f := r.Faults[0]
	p50, _ := f.After(0.5)
	p999, ok := f.After(0.999)
	if f.Phase != "cut" || f.Lost != r.Lost || f.Back != r.Back || f.Recovered != r.Recovered || f.Away.N != r.Lost || p50 != r.P50us || p999 != r.P999us || !ok {
		t.Errorf("fault %+v: %d, %d; in all %+v", f, p50, p999, r)
	}
}

// Clients that vanish come back while their old connections are still open; those are closed in the
// end.
func TestHalfOpen(t *testing.T) {
	t.Parallel()
	s := &fakeServer{}
	c := play(t, s, withFault("{half_open: 50%}", "errors == 0"))
	if c.Verdict != result.Pass || c.Clients.Held != 51 || c.Clients.Dropped != 0 {
		t.Errorf("%s: %s; clients %+v, errors %v", c.Verdict, c.Reason, c.Clients, c.Errors)
	}
	if r := c.Reconnects; r == nil || r.Lost != s.closedVanished.Load() || r.Lost < 15 || r.Lost > 35 {
		t.Errorf("%+v, and %d were closedVanished", r, s.closedVanished.Load())
	}
}

// Clients that stall get late what they would have got in time, until the phase ends.
func TestStallFault(t *testing.T) {
	t.Parallel()
	c := play(t, &fakeServer{}, withFault("{stall: 100%}", "loss(delivery) == 0, max(delivery) > 500ms in cut, p99(delivery) < 400ms in after"))
	if c.Verdict != result.Pass || c.Reconnects != nil {
		t.Errorf("%s: %s; reconnects %+v, errors %v", c.Verdict, c.Reason, c.Reconnects, c.Errors)
	}
}

// Clients that never reconnect count in the figures: the 99.9 % reconnect time is then unknown.
func TestWhoNeverComesBack(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	s := &fakeServer{refuse: func(i int) error {
		if i == 60 {
			down.Store(true)
		}
		if down.Load() {
			return &client.DialError{Stage: "tcp", Class: "refused", Err: errRefused}
		}
		return nil
	}}
	c := play(t, s, withFault("{drop: 100%}", "errors(connect) == 0"))
	r := c.Reconnects
	if r == nil || r.Lost < 40 || r.Back != 8 || r.Recovered != 0 || r.P50us != 0 || r.P999us != 0 {
		t.Errorf("%+v, want 8 of 50 back", r)
	}
	if us, ok := r.Faults[0].After(0.1); !ok || us == 0 {
		t.Errorf("a tenth were back, after %d µs, %v", us, ok)
	}
	if us, ok := r.Faults[0].After(0.5); ok {
		t.Errorf("half were back after %d µs, and only 8 of %d were", us, r.Lost)
	}
	if c.Errors["reconnect.never"] != r.Lost-8 {
		t.Errorf("errors %v", c.Errors)
	}
}
