package scenario

import (
	"strings"
	"testing"

	"github.com/throng-io/throng/bench/planted"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/result"
)

// calm plays until a cell holds to what is expected, or fails to although the generator kept its
// times: what a busy machine prevents, such as that all clients are connected when a fault begins,
// is no finding.
func calm(t *testing.T, play func() *result.Cell, holds func(c *result.Cell) bool) {
	t.Helper()
	var c *result.Cell
	for range 10 {
		if c = play(); holds(c) {
			return
		}
		if c.Generator.Lag != nil && c.Generator.Lag.Maxus < 20_000 && c.Clients.Failed == 0 {
			break
		}
	}
	t.Errorf("%+v, %+v; lag %+v; errors %v", c.Reconnects, c.Clients, c.Generator.Lag, c.Errors)
}

// linked plays a scenario with a fault of the network against a real server, over every transport.
// Sixty messages a second are sent, the fault begins with the 60th and ends with the 180th.
func linked(t *testing.T, fault, late, checks string, mistakes ...planted.Fault) *result.Cell {
	t.Helper()
	s, err := planted.Start(planted.Options{Faults: mistakes})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f, err := file.Parse("t.yaml", []byte(replaceAll(`
version: 1
name: t
target: {url: "URL"}
groups:
  people: {count: 12, transport: {websocket: 50%, polling: 25%, upgrade: 25%}, reconnect: {min: 50ms, max: 200ms}, send: [{op: all, rate: 5/s, per: client, expect: all, late: LATE}]}
phases:
  - {name: ramp, for: 1s, clients: 0%..100%, load: 0%, record: false}
  - {name: hold, for: 1s}
  - {name: bad, for: 2s, fault: {network: FAULT}}
  - {name: after, for: 1s}
slo: [CHECKS]
valid: [{check: achieved(rate) > 1%, optional: true}]
`, "URL", s.URL, "FAULT", fault, "LATE", late, "CHECKS", checks)), nil)
	if err != nil {
		t.Fatal(err)
	}
	run, err := Run(t.Context(), f, Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := &run.Cells[0]
	if !strings.Contains(strings.Join(c.Notes, "\n"), "all connections went through a link of this process") {
		t.Errorf("notes %q", c.Notes)
	}
	return c
}

// value is what a check of a cell found.
func value(t *testing.T, c *result.Cell, text string) float64 {
	t.Helper()
	for _, k := range c.Checks {
		if k.Text == text {
			return k.Value
		}
	}
	t.Fatalf("no check %s in %+v", text, c.Checks)
	return 0
}

// A delay is felt in its phase, once each way, and loses nothing.
func TestLinkDelays(t *testing.T) {
	t.Parallel()
	c := linked(t, "{delay: 200ms, jitter: 10ms}", "10s", `"max(delivery) >= 0s in bad"`)
	if v := value(t, c, "max(delivery) >= 0s in bad"); v < 0.38 {
		t.Errorf("no delivery took more than %g s, want twice 200 ms", v)
	}
	if c.Ledger.Lost != 0 || c.Clients.Dropped != 0 || c.Reconnects != nil {
		t.Errorf("%+v, %+v, %+v", c.Ledger, c.Clients, c.Reconnects)
	}
}

// All connections of a link that is cut are lost and made again, and that is the fault's doing.
func TestLinkIsCut(t *testing.T) {
	t.Parallel()
	calm(t, func() *result.Cell { return linked(t, "{cut: true}", "1s", "") }, func(c *result.Cell) bool {
		r := c.Reconnects
		return r != nil && r.Lost >= 12 && r.Back > 0 && c.Clients.Dropped == 0
	})
}

// Of the connections some are reset and some fall silent, which clients notice at the latest when
// the phase ends.
func TestLinkResetsAndFallsSilent(t *testing.T) {
	t.Parallel()
	calm(t, func() *result.Cell { return linked(t, "{reset: 40%, half_open: 40%}", "1s", "") }, func(c *result.Cell) bool {
		r := c.Reconnects
		return r != nil && r.Lost > 0 && r.Back > 0 && c.Clients.Dropped == 0
	})
}

// A narrow network explains no message that the server does not send to a client which gets those
// that follow.
func TestALinkExplainsNothingThatIsSkipped(t *testing.T) {
	t.Parallel()
	for name, mistakes := range map[string][]planted.Fault{"honest": nil, "it skips one": {{Kind: planted.Loss, Every: 1 << 30, From: 120}}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calm(t, func() *result.Cell { return linked(t, "{rate: 100kB/s}", "5s", "", mistakes...) }, func(c *result.Cell) bool {
				return hasCheck(c, "loss(delivery) == 0") == (mistakes != nil) && c.Ledger.Lost == int64(len(mistakes))
			})
		})
	}
}
