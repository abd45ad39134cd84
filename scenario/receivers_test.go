package scenario

import (
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/result"
)

// Two groups listen to one speaker, and the server drops every tenth message to one of them:
// the other's figures do not know.
func TestReceiversAreToldApart(t *testing.T) {
	t.Parallel()
	s := &fakeServer{mangle: func(n int, to *fakeConn, p []byte) []fakePacket {
		if to.header("X-Group") == "poor" && n%10 == 0 {
			return nil
		}
		return []fakePacket{{text: p}}
	}}
	c := play(t, s, `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups:
  fine: {count: 10, connect: {rate: 10k/s}, headers: {X-Group: fine}}
  poor: {count: 5, connect: {rate: 10k/s}, headers: {X-Group: poor}, transport: {websocket: 60%, polling: 40%}}
  speaker: {count: 1, send: [{op: all, rate: 100/s, expect: others, late: 2s}]}
phases:
  - {name: ramp, for: 400ms, clients: 0%..100%, load: 0%, record: false}
  - {name: hold, for: 1s}
slo:
  - loss(delivery{group=fine}) == 0
  - count(delivery{group=fine}) == 1000
  - loss(delivery{group=poor}) == 50
  - loss(delivery{group=poor,transport=polling}) == 10%
  - loss(delivery{from=speaker,group=poor}) == 50
  - count(delivery{group=poor}) == 450
  - count(fanout.last{group=speaker}) == 90
`)
	if c.Verdict != result.Pass {
		t.Errorf("%s: %s", c.Verdict, c.Reason)
	}
	want := result.Ledger{Due: 100, Sent: 100, Expected: 1500, Received: 1450, Lost: 50}
	if c.Ledger != want {
		t.Errorf("ledger %+v, want %+v", c.Ledger, want)
	}
	var sum int64
	for _, r := range c.Receivers {
		if r.Ledger.Sent != 100 || r.Delivery.N != r.Ledger.Received || r.Slow {
			t.Errorf("%+v", r)
		}
		sum += r.Ledger.Expected
	}
	if len(c.Receivers) != 3 || sum != 1500 {
		t.Errorf("%d kinds of receivers with %d deliveries, want 3 with 1500", len(c.Receivers), sum)
	}
}

// Losses, late deliveries and disconnections of slow readers do not change other clients' figures.
func TestSlowReadersAreApart(t *testing.T) {
	t.Parallel()
	var slow atomic.Int64
	s := &fakeServer{mangle: func(n int, to *fakeConn, p []byte) []fakePacket {
		switch {
		case to.cfg.Slow == nil:
			return []fakePacket{{text: p}}
		case n == 0:
			slow.Add(1)
		}
		switch {
		case n == 80 && to.cfg.Transport == client.Polling:
			to.end(client.TransportClose) // the server has had enough of it
			return nil
		case n%10 == 0:
			return nil
		case n == 15:
			return []fakePacket{{text: p, after: 500 * time.Millisecond}}
		}
		return []fakePacket{{text: p}}
	}}
	c := play(t, s, `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups:
  mixed: {count: 20, connect: {rate: 10k/s}, read: {rate: 8KiB/s, share: 25%}}
  slow: {count: 1, connect: {rate: 10k/s}, transport: polling, read: {stall: 1s}}
  speaker: {count: 1, send: [{op: all, rate: 100/s, expect: others, late: 300ms}]}
phases:
  - {name: ramp, for: 400ms, clients: 0%..100%, load: 0%, record: false}
  - {name: hold, for: 1s}
slo:
  - loss(delivery) == 0
  - count(delivery) == 1500
  - count(delivery{group=mixed}) == 1500
  - loss(delivery{read=slow,group=mixed}) == 55
  - late(delivery{read=slow,group=mixed}) == 5
  - count(delivery{group=slow}) == 72
  - count(fanout.last) == 100
  - errors == 0
`)
	if c.Verdict != result.Pass {
		t.Errorf("%s: %s", c.Verdict, c.Reason)
	}
	if slow.Load() != 6 {
		t.Errorf("%d clients read slowly, want 5 of 20 and 1", slow.Load())
	}
	if want := (result.Ledger{Due: 100, Sent: 100, Expected: 1500, Received: 1500}); c.Ledger != want {
		t.Errorf("ledger %+v, want %+v", c.Ledger, want)
	}
	l := c.Slow
	if l == nil || l.Late != 6 || l.Lost+l.Undecided != 50+9 || l.Undecided == 0 || l.Expected != l.Received+l.Late+l.Lost+l.Undecided || l.Expected != 500+81 {
		t.Errorf("the slow readers' ledger %+v", l)
	}
	if c.Clients.Dropped != 0 || c.Clients.SlowDropped != 1 || c.Errors["slow.drop.transport_close"] != 1 {
		t.Errorf("clients %+v, errors %v", c.Clients, c.Errors)
	}
	if d := c.Latency["delivery"]; d.N != 1500 || d.Maxus > 400_000 {
		t.Errorf("delivery %+v", d)
	}
	if d := c.Latency["delivery.slow"]; d == nil || d.N != l.Received+l.Late {
		t.Errorf("delivery.slow %+v", d)
	}
}

// A volatile message may be dropped on the way, and is not sent at all while something waits.
func TestVolatileLossIsNoFailure(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	s := &fakeServer{
		busy: func(*fakeConn) bool { return asked.Add(1)%10 == 0 },
		mangle: func(n int, _ *fakeConn, p []byte) []fakePacket {
			if n%4 == 1 && strings.Contains(string(p), `"cursor"`) {
				return nil
			}
			return []fakePacket{{text: p}}
		},
	}
	c := play(t, s, `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups:
  viewers: {count: 10, connect: {rate: 10k/s}}
  speaker:
    count: 1
    send:
      - {op: all, event: news, rate: 20/s, expect: others, late: 300ms}
      - {op: all, event: cursor, rate: 100/s, expect: others, late: 300ms, volatile: true}
phases:
  - {name: ramp, for: 400ms, clients: 0%..100%, load: 0%, record: false}
  - {name: hold, for: 1s}
slo: [loss(delivery) == 0, "loss(delivery{event=cursor}) > 0", errors == 0, max(delivery) < 1h]
`)
	if c.Verdict != result.Pass {
		t.Errorf("%s: %s", c.Verdict, c.Reason)
	}
	if want := (result.Ledger{Due: 20, Sent: 20, Expected: 200, Received: 200}); c.Ledger != want {
		t.Errorf("ledger %+v, want %+v", c.Ledger, want)
	}
	v, skipped := c.Volatile, c.Errors["volatile.skipped"]
	if v == nil || v.Sent != 90 || skipped != 10 || v.Lost == 0 || v.Expected != v.Sent*10 || v.Received+v.Lost != v.Expected {
		t.Errorf("volatile ledger %+v, %d skipped", v, skipped)
	}
	if c.Latency["delivery"].N != 200+v.Received {
		t.Errorf("delivery %+v", c.Latency["delivery"])
	}
}

// Each operation has an account of its own: every tenth broadcast is lost at one receiver, and one
// message for a room comes to a client that is not in it.
func TestOperationsAreToldApart(t *testing.T) {
	t.Parallel()
	var stray atomic.Pointer[[]byte]
	s := &fakeServer{mangle: func(n int, to *fakeConn, p []byte) []fakePacket {
		out := []fakePacket{{text: p}}
		switch {
		case strings.Contains(string(p), `"talk"`):
			stray.CompareAndSwap(nil, &p)
		case to.header("X-Group") == "outsider":
			if n%10 == 0 {
				return nil
			}
			if p := stray.Load(); p != nil && len(*p) > 0 && stray.CompareAndSwap(p, new([]byte)) {
				out = append(out, fakePacket{text: *p})
			}
		}
		return out
	}}
	c := play(t, s, `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups:
  people:
    count: 4
    connect: {rate: 10k/s}
    rooms: {of: 1}
    send:
      - {op: room, event: talk, rate: 10/s, expect: all, late: 2s}
      - {op: all, event: shout, rate: 50/s, expect: others, late: 2s}
  outsider: {count: 1, connect: {rate: 10k/s}, headers: {X-Group: outsider}}
phases:
  - {name: ramp, for: 400ms, clients: 0%..100%, load: 0%, record: false}
  - {name: hold, for: 1s}
slo:
  - loss(delivery) == 5
  - loss(delivery{op=all}) == 5
  - errors(delivery.unexpected{op=room}) == 1
  - errors(delivery.unexpected) == 1
`)
	if c.Verdict != result.Pass {
		t.Errorf("%s: %s", c.Verdict, c.Reason)
	}
	want := []result.ByOperation{
		{Op: "room", Event: "talk", Ledger: result.Ledger{Due: 40, Sent: 40, Expected: 160, Received: 160}, Unexpected: 1},
		{Op: "all", Event: "shout", Ledger: result.Ledger{Due: 50, Sent: 50, Expected: 200, Received: 195, Lost: 5}},
	}
	for i := range c.ByOperation {
		if d := c.ByOperation[i].Delivery; d == nil || d.N != c.ByOperation[i].Ledger.Received {
			t.Errorf("latency of %s: %+v", c.ByOperation[i].Op, d)
		}
		c.ByOperation[i].Delivery = nil
	}
	if !reflect.DeepEqual(c.ByOperation, want) {
		t.Errorf("got  %+v\nwant %+v", c.ByOperation, want)
	}
}
