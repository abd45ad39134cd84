package file

import (
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func parsed(t *testing.T, text string) *File {
	t.Helper()
	f, err := Parse("x.yaml", []byte("version: 1\nname: x\n"+text+"\n"), nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return f
}

// The needs of a scenario, calculated by hand.
func TestPlan(t *testing.T) {
	for text, want := range map[string]Plan{
		"groups: {a: {count: 100}}":                                                                                                     {Clients: 100, Sockets: 100},
		"groups: {a: {count: 100, transport: polling}}":                                                                                 {Clients: 100, Sockets: 200},
		"groups: {a: {count: 100, transport: upgrade}}":                                                                                 {Clients: 100, Sockets: 200},
		"groups: {a: {count: 100, transport: {websocket: 50%, polling: 50%}}}":                                                          {Clients: 100, Sockets: 150},
		"groups: {a: {count: 100, transport: plain-websocket}}":                                                                         {Clients: 100, Sockets: 100},
		"groups: {a: {count: 100, transport: webtransport}}":                                                                            {Clients: 100, Sockets: 100},
		"groups: {a: {count: 100, transport: sse}}":                                                                                     {Clients: 100, Sockets: 200},
		"groups: {a: {count: 10, send: [{op: echo, rate: 2/s}]}}":                                                                       {Clients: 10, Sockets: 10, Offered: 20, Deliveries: 20},
		"groups: {a: {count: 10, send: [{op: echo, rate: 2/s, ack: 1s}]}}":                                                              {Clients: 10, Sockets: 10, Offered: 20},
		"groups: {a: {count: 10, send: [{op: echo, rate: 2/s, per: group}]}}":                                                           {Clients: 10, Sockets: 10, Offered: 2, Deliveries: 2},
		"groups: {a: {count: 10, send: [{op: all, rate: 2/s}]}}":                                                                        {Clients: 10, Sockets: 10, Offered: 2, Deliveries: 20},
		"groups: {a: {count: 10, send: [{op: all, rate: 2/s, expect: others}]}}":                                                        {Clients: 10, Sockets: 10, Offered: 2, Deliveries: 18},
		"groups: {a: {count: 10, send: [{op: all, rate: 2/s, expect: none}]}}":                                                          {Clients: 10, Sockets: 10, Offered: 2},
		"groups: {a: {count: 10, send: [{op: emit, rate: 2/s}]}}":                                                                       {Clients: 10, Sockets: 10, Offered: 20},
		"groups: {a: {count: 10, send: [{op: all, rate: 2/s}]}, b: {count: 5}}":                                                         {Clients: 15, Sockets: 15, Offered: 2, Deliveries: 30},
		"groups: {a: {count: 10, send: [{op: all, rate: 2/s}]}, b: {count: 5, namespace: /b}}":                                          {Clients: 15, Sockets: 15, Offered: 2, Deliveries: 20},
		"groups: {a: {count: 10, namespace: [/, /b], send: [{op: all, rate: 2/s, namespace: /b}]}, b: {count: 5, namespace: /b}}":       {Clients: 15, Sockets: 15, Offered: 2, Deliveries: 30},
		"groups: {a: {count: 20, rooms: {of: 4}, send: [{op: room, rate: 1/s}]}}":                                                       {Clients: 20, Sockets: 20, Offered: 20, Deliveries: 100},
		"groups: {a: {count: 20, rooms: {of: 4, join: 2}, send: [{op: room, rate: 1/s, per: room}]}}":                                   {Clients: 20, Sockets: 20, Offered: 4, Deliveries: 40},
		"groups: {a: {count: 20, rooms: {of: 4}, send: [{op: room, rate: 1/s, per: group}]}, b: {count: 8, rooms: {of: 2}}}":            {Clients: 28, Sockets: 28, Offered: 1, Deliveries: 7},
		"groups: {a: {count: 20, rooms: {of: 4}, send: [{op: room, rate: 1/s, per: group}]}, b: {count: 8, rooms: {of: 2, prefix: q}}}": {Clients: 28, Sockets: 28, Offered: 1, Deliveries: 5},
		"groups: {a: {count: 10, send: [{op: echo, rate: 2/s}]}}\nphases: [{name: p, for: 37s, clients: 50%, load: 300%}]":              {Clients: 5, Sockets: 5, Offered: 30, Deliveries: 30},
		"groups: {a: {count: 10, send: [{op: echo, rate: 2/s, scale: false}]}}\nphases: [{name: p, for: 37s, load: 300%}]":              {Clients: 10, Sockets: 10, Offered: 20, Deliveries: 20},
		"groups: {a: {count: 10}}\nphases: [{name: p, for: 37s, clients: 25%}]":                                                         {Clients: 3, Sockets: 3},
		"groups: {a: {count: 0}, b: {count: 1, send: [{op: all, rate: 1/s}]}}":                                                          {Clients: 1, Sockets: 1, Offered: 1, Deliveries: 1},
		"groups: {a: {count: 0, send: [{op: all, rate: 1/s}]}, b: {count: 1}}":                                                          {Clients: 1, Sockets: 1},
	} {
		got := parsed(t, text).Spec.Plan()
		want.Files, want.Duration = want.Sockets+ownFiles, 37*time.Second
		near := math.Abs(got.Offered-want.Offered) < 1e-9 && math.Abs(got.Deliveries-want.Deliveries) < 1e-9
		got.Offered, got.Deliveries = want.Offered, want.Deliveries
		if got != want || !near {
			t.Errorf("%s:\n%+v, want\n%+v", text, parsed(t, text).Spec.Plan(), want)
		}
	}
}

// A plan grows with clients and rates, and the stages never ask for more than the whole.
func TestPlanGrows(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		op := rapid.SampledFrom([]string{"echo", "room", "all", "emit"}).Draw(rt, "op")
		transport := rapid.SampledFrom([]string{"websocket", "polling", "upgrade"}).Draw(rt, "transport")
		ramp := fmt.Sprintf("%d%%..%d%%", rapid.IntRange(0, 100).Draw(rt, "from"), rapid.IntRange(0, 100).Draw(rt, "to"))
		of := func(count, rate int) (*Spec, Plan) {
			s := parsed(t, fmt.Sprintf("groups: {a: {count: %d, transport: %s, connect: {rate: 1M/s}, rooms: {of: 5}, send: [{op: %s, rate: %d/s}]}}\nphases: [{name: p, for: 5s, clients: %s, load: %s}, {name: q, for: 3s}]", count, transport, op, rate, ramp, ramp)).Spec
			return s, s.Plan()
		}
		n, r := rapid.IntRange(1, 1000).Draw(rt, "count"), rapid.IntRange(1, 100).Draw(rt, "rate")
		s, p := of(n, r)
		_, more := of(n+rapid.IntRange(1, 100).Draw(rt, "more"), r)
		_, faster := of(n, r+1)
		if more.Clients <= p.Clients || more.Sockets <= p.Sockets || more.Offered < p.Offered || more.Deliveries < p.Deliveries-1e-9 || faster.Offered <= p.Offered {
			rt.Fatalf("%+v, with more clients %+v, at a higher rate %+v", p, more, faster)
		}
		sum := 0
		for _, src := range s.Sources() {
			sum += src.Sockets
		}
		if sum < p.Sockets || p.Files != p.Sockets+ownFiles {
			rt.Fatalf("%d sockets by source, %d in all", sum, p.Sockets)
		}
		var length time.Duration
		for _, st := range s.Stages() {
			length += st.For
			for _, q := range []Plan{st.From, st.To} {
				if q.Clients > p.Clients || q.Sockets > p.Sockets || q.Offered > p.Offered+1e-9 || q.Deliveries > p.Deliveries+1e-6 {
					rt.Fatalf("the stage %+v is above %+v", q, p)
				}
			}
		}
		if length != p.Duration {
			rt.Fatalf("the stages take %v, the plan says %v", length, p.Duration)
		}
	})
}

// Scaling down leaves at least one client of each population and a second of each phase, and makes
// nothing larger.
func TestQuickenMakesNothingLarger(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		count, rooms := rapid.IntRange(1, 5000).Draw(rt, "count"), rapid.IntRange(1, 500).Draw(rt, "rooms")
		join := rapid.IntRange(1, min(rooms, 20)).Draw(rt, "join")
		ms := rapid.IntRange(1, 600_000).Draw(rt, "ms")
		f := parsed(t, fmt.Sprintf("groups: {a: {count: %d, connect: {rate: 1M/s}, reconnect: {}, rooms: {of: %d, join: %d}}}\nphases: [{name: p, for: %dms, fault: {drop: 50%%, within: %dms}}]", count, rooms, join, ms, ms/2))
		f.Quicken(rapid.Float64Range(0.001, 0.999).Draw(rt, "share"))
		g, p := f.Spec.Groups[0], f.Spec.Phases[0]
		was := time.Duration(ms) * time.Millisecond
		switch {
		case g.Count < 1 || g.Count > count, g.Rooms.Of < 1 || g.Rooms.Of > rooms, g.Rooms.Join < 1 || g.Rooms.Join > g.Rooms.Of:
			rt.Fatalf("%d of %d clients, %d of %d rooms, each joins %d of %d", g.Count, count, g.Rooms.Of, rooms, g.Rooms.Join, join)
		case p.For > was || p.For < min(was, time.Second), p.Fault.Within > p.For:
			rt.Fatalf("a phase of %v became one of %v, a fault takes %v", was, p.For, p.Fault.Within)
		}
	})
}

func TestPeople(t *testing.T) {
	for text, want := range map[string]int{
		"groups: {a: {count: 7, auth: {x: $u.c}}}":                                                                                    7,
		"groups: {a: {count: 7, auth: {x: $u.c}}, b: {count: 5}}":                                                                     7,
		"groups: {a: {count: 7, auth: {x: $u.c}}, b: {count: 5, query: {y: $u.d}}}":                                                   12,
		"groups: {a: {arrive: 2/s, life: 5s, auth: {x: $u.c}}}\nphases: [{name: p, for: 10s}]":                                        21,
		"groups: {a: {arrive: 2/s, life: 5s, auth: {x: $u.c}}}\nphases: [{name: p, for: 10s, clients: 0%..100%}, {name: q, for: 5s}]": 21,
		"contract: {join: {emit: [j, $u.c]}}\ngroups: {a: {count: 7}, b: {count: 5}}":                                                 12,
	} {
		s := parsed(t, "data: {u: {csv: u.csv}}\n"+text).Spec
		if got := s.RowsFor(&s.Data[0]); got != want {
			t.Errorf("%s: %d rows, want %d", text, got, want)
		}
	}
	s := parsed(t, "groups: {a: {arrive: 100/s, life: 5s, connect: {shape: poisson}}}\nphases: [{name: p, for: 100s}]").Spec
	if n := s.People(&s.Groups[0]); n < 10_000+600 || n > 10_000+602 {
		t.Errorf("%d people may arrive, want six standard deviations above 10 000", n)
	}
}

// A network is one of packets where something needs it: a word of its own, or clients over UDP; and
// then in every combination, so that all can be compared.
func TestLinkOfPackets(t *testing.T) {
	for text, want := range map[string]bool{
		"groups: {a: {count: 1, transport: webtransport}}":                                                                                          false,
		"network: {delay: 5ms}\ngroups: {a: {count: 1}}":                                                                                            false,
		"network: {delay: 5ms, loss: 0%}\ngroups: {a: {count: 1}}":                                                                                  true,
		"network: {delay: 5ms}\ngroups: {a: {count: 1, transport: webtransport}}":                                                                   true,
		"network: {rate: 5kB/s}\ngroups: {a: {count: 1}, b: {count: 1, transport: upgrade-webtransport}}":                                           true,
		"groups: {a: {count: 1, transport: webtransport}}\nphases: [{name: a, for: 1s, fault: {network: {delay: 5ms}}}]":                            true,
		"network: {delay: 5ms}\ngroups: {a: {count: 1, transport: \"${matrix.over}\"}}\nmatrix: {axes: {over: [websocket, webtransport, polling]}}": true,
		"network: {delay: 5ms}\ngroups: {a: {count: 1, transport: \"${matrix.over}\"}}\nmatrix: {axes: {over: [websocket, polling]}}":               false,
	} {
		for _, c := range parsed(t, text).Cells() {
			if got := c.Spec.Packets(); got != want {
				t.Errorf("%s, %v: packets %v, want %v", text, c.Spec.Params, got, want)
			}
		}
	}
}
