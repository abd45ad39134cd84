package scenario

import (
	"testing"

	"github.com/throng-io/throng/scenario/result"
)

func TestRoomsOfUnequalSize(t *testing.T) {
	t.Parallel()
	c := play(t, &fakeServer{}, `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups:
  people:
    count: 200
    connect: {rate: 10k/s}
    rooms: {of: 40, size: zipf(1.07), join: 2}
    send:
      - {op: room, rate: 25/s, per: room, expect: all}
phases:
  - {name: ramp, for: 400ms, clients: 0%..100%, load: 0%, record: false}
  - {name: hold, for: 1s}
slo:
  - loss(delivery) == 0
  - loss(delivery{room_decile=10}) == 0
  - count(fanout.last{room_decile=1}) == 100
`)
	if c.Verdict != result.Pass {
		t.Errorf("%s: %s; errors %v", c.Verdict, c.Reason, c.Errors)
	}
	if len(c.Rooms) != 10 {
		t.Fatalf("%d tenths of the rooms, want 10", len(c.Rooms))
	}
	var sum result.Ledger
	for i, r := range c.Rooms {
		sum.Add(r.Ledger)
		if r.Decile != i+1 || r.Rooms != 4 || r.Ledger.Sent != 100 || r.Delivery.N != r.Ledger.Received || r.Last.N != 100 {
			t.Errorf("%+v", r)
		}
		if i > 0 && r.MembersMin < c.Rooms[i-1].MembersMax {
			t.Errorf("decile %d begins with rooms of %v members, after %v", r.Decile, r.MembersMin, c.Rooms[i-1].MembersMax)
		}
	}
	if sum != c.Ledger {
		t.Errorf("the rooms have %+v, together there is %+v", sum, c.Ledger)
	}
	if big, small := c.Rooms[9].Ledger.Expected, c.Rooms[0].Ledger.Expected; big < 5*small {
		t.Errorf("%d deliveries in the largest rooms, %d in the smallest", big, small)
	}
}

// Clients change rooms while everybody talks; whatever is on its way then is undecided, and
// nothing is lost, unexpected or counted twice.
func TestMovesLoseNothing(t *testing.T) {
	t.Parallel()
	for name, rule := range map[string]string{"even": "of: 10, join: 2", "zipf": "of: 10, size: zipf(1.07), join: 2", "to and fro": "of: 2, join: 1"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := play(t, &fakeServer{}, `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups:
  people:
    count: 50
    connect: {rate: 10k/s}
    life: exp(3s)
    rooms: {`+rule+`, move: exp(200ms)}
    send:
      - {op: room, rate: 20/s, expect: others}
      - {op: room, event: tick, rate: 20/s, per: room, expect: all}
phases:
  - {name: ramp, for: 400ms, clients: 0%..100%, load: 0%, record: false}
  - {name: hold, for: 1500ms}
slo: [loss(delivery) == 0, dup(delivery) == 0, disorder(delivery) == 0, errors(connect) == 0]
`)
			if c.Verdict != result.Pass {
				t.Errorf("%s: %s; errors %v", c.Verdict, c.Reason, c.Errors)
			}
			if c.Clients.Moved < 200 || c.Ledger.Expected < 1000 || c.Ledger.Received < c.Ledger.Expected/2 || c.Errors["delivery.unexpected"]+c.Errors["delivery.unknown"] > 0 {
				t.Errorf("clients %+v, ledger %+v, errors %v", c.Clients, c.Ledger, c.Errors)
			}
		})
	}
}
