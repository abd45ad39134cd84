//go:build network

// Needs root, or a user namespace that may open /dev/net/tun: make test-network.

package scenario

import (
	"fmt"
	"math"
	"testing"

	"github.com/throng-io/throng/bench/planted"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/result"
)

// people speak and hear each other over TCP.
const people = `
  people: {count: 12, transport: {websocket: 50%, polling: 25%, upgrade: 25%}, reconnect: {min: 50ms, max: 200ms}, send: [{op: all, rate: 2/s, per: client, expect: all, late: 10s}]}`

// withMistakes is a server with mistakes, as the target of a scenario.
func withMistakes(t *testing.T, mistakes planted.Options) (target string) {
	t.Helper()
	s, err := planted.Start(mistakes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return fmt.Sprintf("{url: %q}", s.URL)
}

// overPackets plays a scenario over a network that loses packets. Its clients have the time to join
// before anything is sent: what reaches one that is joining is undecided.
func overPackets(t *testing.T, target, groups, network, fault string) *result.Cell {
	t.Helper()
	f, err := file.Parse("t.yaml", []byte(replaceAll(`
version: 1
name: t
target: TARGET
network: NETWORK
groups: GROUPS
phases:
  - {name: ramp, for: 2s, clients: 0%..100%, load: 0%, record: false}
  - {name: settle, for: 1s, load: 0%, record: false}
  - {name: hold, for: 4s}
  - {name: bad, for: 5s FAULT}
  - {name: after, for: 3s}
valid: [{check: achieved(rate) > 1%, optional: true}]
`, "TARGET", target, "GROUPS", groups, "NETWORK", network, "FAULT", fault)), nil)
	if err != nil {
		t.Fatal(err)
	}
	run, err := Run(t.Context(), f, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &run.Cells[0]
}

// lost are the packets that a direction lost, over all phases, and were sent.
func lost(c *result.Cell, direction string) (lost, packets int64) {
	for _, r := range c.Network.Rows {
		if r.Direction == direction {
			lost, packets = lost+r.Lost, packets+r.Packets
		}
	}
	return lost, packets
}

// Packets are lost at the rate that is asked for, and no message is.
func TestPacketLossLosesNoMessage(t *testing.T) {
	const p = 0.05
	c := overPackets(t, withMistakes(t, planted.Options{}), people, "{delay: 10ms, loss: 5%}", "")
	for _, direction := range []string{"up", "down"} {
		n, of := lost(c, direction)
		if bound := 5 * math.Sqrt(float64(of)*p*(1-p)); of < 500 || math.Abs(float64(n)-p*float64(of)) > bound {
			t.Errorf("%s: %d of %d packets were lost, want 5%% within %.0f", direction, n, of, bound)
		}
	}
	if l := c.Ledger; l.Expected == 0 || l.Received != l.Expected || l.Lost+l.Duplicate+l.Disorder > 0 {
		t.Errorf("%+v", l)
	}
	if d := c.Latency["delivery"]; d == nil || d.P50us < 19_000 || d.Maxus < 100_000 {
		t.Errorf("deliveries took %+v, want 20 ms and more than 100 ms where a packet was sent again", d)
	}
	if c.Clients.Dropped+c.Clients.Failed > 0 || c.Reconnects != nil {
		t.Errorf("%+v, %+v", c.Clients, c.Reconnects)
	}
}

// What the server loses is found behind a bad network as it is without.
func TestLossesOfTheServerAreFoundBehindPacketLoss(t *testing.T) {
	c := overPackets(t, withMistakes(t, planted.Options{Faults: []planted.Fault{{Kind: planted.Loss, Every: 20}}}), people, "{delay: 5ms, loss: 2%}", "")
	if l := c.Ledger; l.Lost == 0 || l.Received+l.Lost != l.Expected {
		t.Errorf("%+v", l)
	}
}

// After an outage with another address the connections are made again, and that is the fault's
// doing.
func TestMovedClientsComeBack(t *testing.T) {
	c := overPackets(t, withMistakes(t, planted.Options{}), people, "{delay: 5ms, loss: 0%}", ", fault: {network: {outage: 500ms, move: 100%}, within: 1s}")
	if r := c.Reconnects; r == nil || r.Lost == 0 || r.Back == 0 || c.Clients.Dropped != 0 {
		t.Errorf("%+v, %+v; errors %v", c.Reconnects, c.Clients, c.Errors)
	}
	out := int64(0)
	for _, r := range c.Network.Rows {
		out += r.Outage
	}
	if out == 0 {
		t.Errorf("nothing was sent into the outage: %+v", c.Network.Rows)
	}
}
