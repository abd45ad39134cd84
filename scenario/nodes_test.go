package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/result"
)

// Two targets: ten clients take them in turn, and each sends to all ten messages a second for a
// second.
const twoNodes = `
version: 1
name: t
targets: {urls: ["http://a:1", "http://b:2"], spread: SPREAD}
groups:
  people: {count: 10, connect: {rate: 10k/s}, send: [{op: all, rate: 10/s, per: client, expect: all, late: 300ms}]}
phases:
  - {name: ramp, for: 400ms, clients: 0%..100%, load: 0%, record: false}
  - {name: hold, for: 1s}
slo: [CHECKS]
`

// nodesAt dials a server for each address.
func nodesAt(servers map[string]*fakeServer) func(*Options) {
	return func(o *Options) {
		o.Target = ""
		o.dial = func(ctx context.Context, cfg *client.Config) (dialed, error) { return servers[cfg.URL].dial(ctx, cfg) }
	}
}

func TestNodesThatShareTheirBroadcasts(t *testing.T) {
	t.Parallel()
	one := &fakeServer{}
	c := play(t, nil, replaceAll(twoNodes, "SPREAD", "round-robin", "CHECKS", `"loss(delivery{cross=true}) == 0", "count(delivery{cross=true}) == 500", "count(delivery{cross=false}) == 500", "count(delivery{node=1}) == 500", "max(delivery{cross=true}) < 1s"`),
		nodesAt(map[string]*fakeServer{"http://a:1": one, "http://b:2": one}))
	if c.Verdict != result.Pass || c.Ledger.Received != 1000 || len(c.Receivers) != 0 {
		t.Errorf("%s: %s; %+v, %+v", c.Verdict, c.Reason, c.Ledger, c.Receivers)
	}
	n := c.Nodes
	if n == nil || len(n.List) != 2 || n.List[0].Held != 5 || n.List[1].Held != 5 || n.List[0].Connected != 5 || n.List[1].URL != "http://b:2" || n.List[1].Delivery == nil {
		t.Fatalf("%+v", n)
	}
	for _, p := range n.Pairs {
		if share, ok := p.Reach(); p.Expected != 250 || p.Received != 250 || share != 1 || !ok {
			t.Errorf("%+v", p)
		}
	}
	if n.Same.Ledger.Received != 500 || n.Across.Ledger.Received != 500 || n.Across.Delivery == nil || n.Across.Delivery.N != 500 || n.Same.Delivery.N != 500 {
		t.Errorf("%+v, %+v", n.Same, n.Across)
	}
}

// Nodes without an adapter reach their own clients alone: half of all deliveries, and none across.
func TestNodesWithoutAnAdapter(t *testing.T) {
	t.Parallel()
	c := play(t, nil, replaceAll(twoNodes, "SPREAD", "round-robin", "CHECKS", `"loss(delivery{cross=false}) == 0", "loss(delivery{cross=true}) == 100%", "loss(delivery{node=0}) == 50%"`),
		nodesAt(map[string]*fakeServer{"http://a:1": {}, "http://b:2": {}}))
	if c.Verdict != result.Pass || c.Ledger.Expected != 1000 || c.Ledger.Received != 500 || c.Ledger.Lost != 500 {
		t.Errorf("%s: %s; %+v", c.Verdict, c.Reason, c.Ledger)
	}
	want := "[{0 0 250 250 0 0} {0 1 250 0 250 0} {1 0 250 0 250 0} {1 1 250 250 0 0}]"
	if got := fmt.Sprint(c.Nodes.Pairs); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	const named = "messages of one target never arrived at another in 2 of 2 pairs, http://a:1 at http://b:2, http://b:2 at http://a:1: the nodes do not share their broadcasts; check the adapter between them"
	if len(c.Warnings) == 0 || c.Warnings[0] != named {
		t.Errorf("%q, want first %q", c.Warnings, named)
	}
}

// The spread says where clients go at first, and each attempt that fails leads to the next target.
func TestSpreadOverTargets(t *testing.T) {
	t.Parallel()
	const text = `
version: 1
name: t
targets: {urls: ["http://a:1", "http://b:2", "http://c:3"], spread: SPREAD}
groups:
  one: {count: 6, connect: {rate: 10k/s}, reconnect: {min: 50ms, max: 100ms}}
  two: {count: 3, connect: {rate: 10k/s}, reconnect: {min: 50ms, max: 100ms}}
phases:
  - {name: ramp, for: 400ms, clients: 0%..100%, record: false}
  - {name: hold, for: 600ms, fault: FAULT}
  - {name: after, for: 1s}
`
	for name, test := range map[string]struct {
		spread, fault string
		down          string // an address that refuses connections from the second phase on
		held          []int64
		connected     []int64
	}{
		"in turn":         {spread: "round-robin", fault: "{stall: 1%}", held: []int64{3, 3, 3}, connected: []int64{3, 3, 3}},
		"the first":       {spread: "first", fault: "{stall: 1%}", held: []int64{9, 0, 0}, connected: []int64{9, 0, 0}},
		"by group":        {spread: "by group", fault: "{stall: 1%}", held: []int64{6, 3, 0}, connected: []int64{6, 3, 0}},
		"back to its own": {spread: "round-robin", fault: "{drop: 100%}", held: []int64{3, 3, 3}, connected: []int64{6, 6, 6}},
		"to the next":     {spread: "round-robin", fault: "{drop: 100%}", down: "http://b:2", held: []int64{3, 0, 6}, connected: []int64{6, 3, 9}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			dials := map[string]int{}
			one := &fakeServer{}
			c := play(t, nil, replaceAll(text, "SPREAD", test.spread, "FAULT", test.fault), func(o *Options) {
				o.Target = ""
				o.dial = func(ctx context.Context, cfg *client.Config) (dialed, error) {
					mu.Lock()
					dials[cfg.URL]++
					refused := cfg.URL == test.down && dials[cfg.URL] > 4 // after the probe and the three clients
					mu.Unlock()
					if refused {
						return dialed{}, &client.DialError{Stage: "tcp", Class: "refused", Err: errRefused}
					}
					return one.dial(ctx, cfg)
				}
			})
			var held, connected []int64
			for _, n := range c.Nodes.List {
				held, connected = append(held, n.Held), append(connected, n.Connected)
			}
			if !slices.Equal(held, test.held) || !slices.Equal(connected, test.connected) {
				t.Errorf("held %v, want %v; connected %v, want %v", held, test.held, connected, test.connected)
			}
		})
	}
}

// A target that does not answer is named, whichever it is.
func TestTargetsAreProbed(t *testing.T) {
	t.Parallel()
	ownClock(t, func(t *testing.T) {
		f, err := file.Parse("test.yaml", []byte(replaceAll(twoNodes, "SPREAD", "first", "CHECKS", "")), nil)
		if err != nil {
			t.Fatal(err)
		}
		one := &fakeServer{}
		_, err = Run(t.Context(), f, Options{dial: func(ctx context.Context, cfg *client.Config) (dialed, error) {
			if cfg.URL == "http://b:2" {
				return dialed{}, &client.DialError{Stage: "tcp", Class: "refused", Err: errRefused}
			}
			return one.dial(ctx, cfg)
		}})
		if te, ok := errors.AsType[*TargetError](err); !ok || te.URL != "http://b:2" || !strings.Contains(err.Error(), "the target http://b:2 cannot be reached") {
			t.Errorf("%v", err)
		}
	})
}
