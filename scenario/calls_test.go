package scenario

import (
	"slices"
	"testing"
	"time"
)

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
	b.expire(func(_ uint64, c *pendingCall) bool { return c.seq < 60 })
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

// A client that reconnects continues its ids: an answer to an earlier call is late, and never
// matches another call.
func TestCallBookFollows(t *testing.T) {
	var before, after callBook
	for range 3 {
		before.open(pendingCall{})
	}
	before.answer(1)
	after.follow(&before)
	if id := after.open(pendingCall{}); id != 3 {
		t.Errorf("the first call has the id %d, want 3", id)
	}
	for id, want := range []callState{callExpired, callExpired, callExpired, callOpen, callUnknown} {
		if _, was := after.answer(uint64(id)); was != want {
			t.Errorf("answer to %d: %v, want %v", id, was, want)
		}
	}
}

// A call that is given up without an answer takes no place any more, and its answer is a late one.
func TestCallBookGivesUp(t *testing.T) {
	var b callBook
	given := 0
	for id := range uint64(1000) { // of which every second one is never answered
		b.open(pendingCall{})
		if id%2 == 0 {
			b.answer(id)
		} else {
			b.giveUp(id, func() { given++ })
		}
	}
	if b.base != b.next || len(b.ring) > 2 {
		t.Errorf("%d calls are open in a ring of %d", b.next-b.base, len(b.ring))
	}
	b.giveUp(7, func() { given++ })
	b.giveUp(5000, func() { given++ })
	if given != 500 {
		t.Errorf("%d calls were given up, want 500", given)
	}
	for id, want := range map[uint64]callState{7: callExpired, 8: callAnswered, 1000: callUnknown} {
		if _, was := b.answer(id); was != want {
			t.Errorf("answer to %d: %v, want %v", id, was, want)
		}
	}
}

// An overdue call was ignored when one that was made after its limit was answered, and it was not.
func TestIgnoredCalls(t *testing.T) {
	var b callBook
	for i := range int64(4) {
		b.open(pendingCall{sent: 10 * i})
	}
	b.expire(func(id uint64, c *pendingCall) bool {
		if id < 3 {
			b.overdue = append(b.overdue, overdueCall{id: id, limit: c.sent + 15})
		}
		return id < 3
	})
	b.answer(1) // late
	b.answer(3) // it was made at 30, after the limit of the first one alone and of the second
	if list := b.ignored(); len(list) != 1 || list[0].id != 0 {
		t.Errorf("ignored: %+v, want the first call", list)
	}
	if list := b.ignored(); list != nil {
		t.Errorf("counted again: %+v", list)
	}
}

// A server has the whole limit for a call that was held until its sender was back, and need not
// answer for a peer that may be gone.
func TestWhichCallsAreOverdue(t *testing.T) {
	t.Parallel()
	tr := newIdleTrial(t, `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
contract:
  operations:
    ask: {emit: [ask, 1], to: none, ack: true}
    ring: {emit: [ring, {sid: "${peer.sid}", text: "${payload}"}], to: peer, deliver: ring, ack: true}
groups: {people: {count: 2, reconnect: {min: 50ms, max: 200ms}, send: [{op: ask, rate: 1/s, ack: 1s}, {op: ring, rate: 1/s, ack: 1s}]}}
phases: [{name: hold, for: 10s}, {name: bad, for: 10s, fault: {drop: 50%, within: 500ms}}]
`)
	const second = int64(time.Second)
	a := newActor(tr, tr.groups[0], 0, 0)
	for _, c := range []pendingCall{{sent: second}, {sent: 2*second - 1}, {sent: second, stream: 1}} {
		c.due = second
		a.calls.open(c)
	}
	a.expireCalls(3 * second)
	var limits []int64
	for _, c := range a.calls.overdue {
		limits = append(limits, c.limit)
	}
	if want := []int64{2 * second, 3*second - 1}; !slices.Equal(limits, want) {
		t.Errorf("the limits of overdue calls are %v, want %v", limits, want)
	}
}
