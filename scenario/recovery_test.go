package scenario

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/result"
)

// whole sums the ledger of all phases; only the replayed part when only is set.
func whole(c *result.Cell, only bool) (sum result.Ledger) {
	for _, r := range c.Evidence.Ledger {
		if r.Class >= 0 && (!only || r.Replayed) {
			l := r.Ledger
			l.Sent = 0
			sum.Add(l)
		}
	}
	return sum
}

// A server's recovery faults are reported with the exact number of messages.
func TestBadReplays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		replay func(missed, all []fakePacket) []fakePacket
		// found is what the ledger should find wrong, of a client that missed so many of so many
		// messages.
		found func(missed, all int64) result.Ledger
	}{
		{"all that was missed", func(missed, _ []fakePacket) []fakePacket { return missed }, func(int64, int64) (l result.Ledger) { return l }},
		{"nothing", func(_, _ []fakePacket) []fakePacket { return nil }, func(missed, _ int64) result.Ledger { return result.Ledger{Lost: missed} }},
		{"everything", func(_, all []fakePacket) []fakePacket { return all }, func(missed, all int64) result.Ledger { return result.Ledger{Duplicate: all - missed} }},
		{"twice", func(missed, _ []fakePacket) []fakePacket { return append(slices.Clone(missed), missed...) }, func(missed, _ int64) result.Ledger { return result.Ledger{Duplicate: missed} }},
		{"all but the first", func(missed, _ []fakePacket) []fakePacket { return missed[min(1, len(missed)):] }, func(missed, _ int64) result.Ledger { return result.Ledger{Lost: min(1, missed)} }},
		{"backwards", func(missed, _ []fakePacket) []fakePacket {
			missed = slices.Clone(missed)
			slices.Reverse(missed)
			for i := range missed {
				missed[i].offset = 0 // the next loss asks for what came after the last that is in order
			}
			return missed
		}, func(missed, _ int64) result.Ledger { return result.Ledger{Disorder: max(0, missed-1)} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var missed atomic.Int64
			var want result.Ledger
			s := &fakeServer{}
			s.recovery = &fakeRecovery{replay: func(miss, all []fakePacket) []fakePacket { // under the server's lock
				missed.Add(int64(len(miss)))
				want.Add(c.found(int64(len(miss)), int64(len(all))))
				return c.replay(miss, all)
			}}
			cell := play(t, s, withFault("{drop: 100%, within: 200ms}", "count(delivery) > 0"))
			got, again := whole(cell, false), whole(cell, true)
			found := result.Ledger{Lost: got.Lost, Duplicate: got.Duplicate, Disorder: got.Disorder}
			if found != want || missed.Load() < 40 {
				t.Errorf("%+v, want %+v; %d were missed", found, want, missed.Load())
			}
			if again.Expected != missed.Load() || got.Undecided > 10 || got.Late > 0 {
				t.Errorf("%d were missed; replayed %+v, all %+v", missed.Load(), again, got)
			}
			if good := c.found(9, 20) == (result.Ledger{}); good != (cell.Verdict == result.Pass) {
				t.Errorf("%s: %s", cell.Verdict, cell.Reason)
			}
			if got.Expected != got.Received+got.Late+got.Lost+got.Undecided {
				t.Errorf("%+v does not add up", got)
			}
			if cell.Clients.Held != 51 || cell.Reconnects.Recovered != 40 || len(cell.Errors) > 0 {
				t.Errorf("clients %+v, errors %v", cell.Clients, cell.Errors)
			}
		})
	}
}

// A replayed message has the label replayed, and its latency counts from when it was due.
func TestReplayedIsALabel(t *testing.T) {
	t.Parallel()
	s := &fakeServer{recovery: &fakeRecovery{}}
	c := play(t, s, replaceAll(withFault("{drop: 100%, within: 200ms}", `"count(delivery{replayed=true}) >= 40", "p99(delivery{replayed=true}) > 20ms", "p50(delivery{replayed=false}) < 20ms", "loss(delivery{replayed=true}) == 0"`), "min: 50ms, max: 100ms, recover", "min: 150ms, max: 200ms, recover"))
	if c.Verdict != result.Pass {
		t.Errorf("%s: %s; errors %v", c.Verdict, c.Reason, c.Errors)
	}
	again, n := whole(c, true), int64(0)
	for _, x := range c.Evidence.Series {
		if x.Replayed && x.Metric == "delivery" {
			n += x.Latency.N
		}
	}
	if n != again.Received || c.Latency["delivery"].N != c.Ledger.Received {
		t.Errorf("%d latencies of %d replayed deliveries; %d of %d in all", n, again.Received, c.Latency["delivery"].N, c.Ledger.Received)
	}
}

// Rooms, and the sender itself, are recovered too: each of those that speak to their rooms loses
// its connection.
func TestSpeakersAreRecovered(t *testing.T) {
	t.Parallel()
	s := &fakeServer{recovery: &fakeRecovery{}}
	c := play(t, s, `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups:
  people:
    count: 12
    connect: {rate: 10k/s}
    rooms: {of: 3, join: 1}
    reconnect: {min: 50ms, max: 100ms, recover: true}
    send:
      - {op: room, rate: 20/s}
      - {op: room, event: tick, rate: 10/s, volatile: true}
phases:
  - {name: ramp, for: 400ms, clients: 0%..100%, load: 0%, record: false}
  - {name: cut, for: 1s, fault: {drop: 100%, within: 200ms}}
  - {name: again, for: 700ms, fault: {half_open: 100%, within: 200ms}}
slo: [loss(delivery) == 0, dup(delivery) == 0, disorder(delivery) == 0, errors == 0]
`)
	if c.Verdict != result.Pass || c.Reconnects.Recovered != 24 {
		t.Errorf("%s: %s; errors %v, %+v", c.Verdict, c.Reason, c.Errors, c.Reconnects)
	}
	l := c.Ledger
	if l.Due != 408 || l.Sent != l.Due || l.Held+l.Dropped != 0 {
		t.Errorf("%+v, want 408 due and all of them sent", l)
	}
	if l.Undecided > l.Expected/50 || l.Expected != l.Received+l.Late+l.Undecided {
		t.Errorf("%+v", l)
	}
}

// The phases may end at the moment in which a client is recovered: under the race detector, each of
// the two must leave alone what the other changes.
func TestTheEndMeetsARecovery(t *testing.T) {
	tr := newIdleTrial(t, `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups: {all: {count: 1, reconnect: {min: 1s, max: 1s, recover: true}, send: [{op: echo, rate: 1/s, ack: 1s}]}}
phases: [{name: hold, for: 10s}]
`)
	g := tr.groups[0]
	a := newActor(tr, g, 0, 0)
	tr.life.ctx, a.session = t.Context(), &client.Session{PID: "p"}
	g.actors[0].Store(a)
	a.state.Store(int32(joining))
	a.hold()
	a.suspend()
	next := a.successor(errRefused)
	if next == nil {
		t.Fatal("it does not reconnect")
	}
	tr.sending.Lock()
	tr.streams[0].keep(next, &plan.Op{Due: -int64(time.Hour)})
	tr.sending.Unlock()
	var both sync.WaitGroup
	both.Go(next.resume)
	both.Go(tr.seal)
	both.Wait()
	if next.Receiver != a.Receiver || tr.errors.Count() != 1 || tr.sending.held != 0 {
		t.Errorf("recovered: %v; %d calls timed out, %d held", next.Receiver == a.Receiver, tr.errors.Count(), tr.sending.held)
	}
}
