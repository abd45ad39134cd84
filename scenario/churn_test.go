package scenario

import (
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/result"
)

// All clients join and leave continuously; no delivery is lost or duplicated, and the ledger must
// agree. Only messages in flight to leavers are undecided.
func TestChurnLosesNothing(t *testing.T) {
	t.Parallel()
	s := &fakeServer{}
	s.mangle = func(n int, _ *fakeConn, p []byte) []fakePacket {
		return []fakePacket{{text: p, after: time.Duration(n%5) * time.Millisecond}}
	}
	c := play(t, s, `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups:
  people:
    count: 20
    life: exp(200ms)
    connect: {rate: 10k/s}
    rooms: {of: 4, join: 2}
    send: [{op: room, rate: 4/s, expect: all, late: 10s, size: "lognormal(200,0.8)"}]
  guests: {arrive: 50/s, life: exp(100ms), rooms: {of: 4, join: 1}, send: [{op: room, rate: 5/s, expect: others, late: 10s}]}
  speaker: {count: 1, send: [{op: all, rate: 20/s, expect: others, late: 10s}]}
phases: [{name: ramp, for: 200ms, clients: 0%..100%, load: 0%, record: false}, {name: hold, for: 2s}]
slo: [loss(delivery) == 0, dup(delivery) == 0, errors(connect) == 0]
valid: [achieved(rate) > 99%]
`)
	if c.Verdict != result.Pass {
		t.Errorf("verdict %s: %s; errors %v", c.Verdict, c.Reason, c.Errors)
	}
	l := c.Ledger
	if l.Lost != 0 || l.Late != 0 || l.Duplicate != 0 {
		t.Errorf("ledger %+v: nothing was lost, late or twice", l)
	}
	if l.Undecided == 0 || l.Undecided > l.Expected/2 {
		t.Errorf("%d of %d undecided: leavers were owed some, and not much", l.Undecided, l.Expected)
	}
	if n := c.Errors["delivery.unexpected"] + c.Errors["delivery.unknown"] + c.Errors["delivery.stale"]; n != 0 {
		t.Errorf("errors %v", c.Errors)
	}
	if n := c.Latency["connect"].N; n < 150 {
		t.Errorf("%d connects, want hundreds: everybody is replaced", n)
	}
}

// A broadcast that the server loses for one receiver that stays is lost, however many others
// come and go.
func TestChurnHidesNoLoss(t *testing.T) {
	t.Parallel()
	s := &fakeServer{}
	lost := 0
	s.mangle = func(n int, to *fakeConn, p []byte) []fakePacket {
		if to.rooms[`"v0"`] && n%10 == 3 { // the one that stays
			lost++
			return nil
		}
		return []fakePacket{{text: p}}
	}
	c := play(t, s, `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups:
  stays: {count: 1, rooms: {of: 1, prefix: v}}
  people: {count: 40, life: exp(200ms), connect: {rate: 10k/s}}
  speaker: {count: 1, send: [{op: all, rate: 100/s, expect: others, late: 3s}]}
phases: [{name: ramp, for: 200ms, clients: 0%..100%, load: 0%, record: false}, {name: hold, for: 1s}]
slo: [dup(delivery) == 0]
`)
	if lost == 0 || c.Ledger.Lost != int64(lost) {
		t.Errorf("ledger %+v, want %d lost", c.Ledger, lost)
	}
}
