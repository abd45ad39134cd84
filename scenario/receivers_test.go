package scenario

import (
	"testing"

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
  speaker: {count: 1, send: [{op: all, rate: 100/s, expect: others, late: 300ms}]}
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
  - count(fanout.last{group=speaker}) == 100
`)
	if c.Verdict != result.Pass {
		t.Errorf("%s: %s", c.Verdict, c.Reason)
	}
	want := result.Ledger{Sent: 100, Expected: 1500, Received: 1450, Lost: 50}
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
