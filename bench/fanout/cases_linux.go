package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/throng-io/throng/bench/fanout/internal/load"
	"github.com/throng-io/throng/scenario/result"
)

// An entry is one server of a case, and the clients it gets.
type entry struct {
	server     string // throng, before, node, floor, flask or aiohttp
	strategy   string // of throng; "" is its default
	variant    string // what tells it from another entry of the same server
	clients    int
	generators int
	rooms      int
	stalled    int // clients that do not read
	procs      int // processors of the server; 0: the one that all servers have
	polling    bool
	adapter    string // of a cluster of three of these servers, on Redis; "": one server
	generator  string // what plays the clients, if not the own one: see generators_linux.go
	asked      bool   // only measured when its server is named on the command line
}

func (e entry) label() string {
	name := e.server
	if e.strategy != "" {
		name += "/" + e.strategy
	}
	if e.variant != "" {
		name += " " + e.variant
	}
	return name
}

// metrics is what one measurement gave, by name.
type metrics map[string]float64

// A case is one row of what is promised.
type benchCase struct {
	name, about string
	asked       bool // only runs when it is named on the command line
	entries     []entry
	columns     []string      // metrics to print
	window      time.Duration // length of one measurement
	fresh       bool          // each measurement has a server of its own
	measure     func(ctx context.Context, s *subject, window time.Duration) (metrics, error)
	targets     []target
}

// A target says what one metric of an entry may be relative to another one.
type target struct {
	metric, of, to string
	limit          float64
	atLeast        bool
	stretch        bool
}

// each makes one entry for each server, alike but for the server.
func each(e entry, servers ...string) []entry {
	e.generators = max(e.generators, 1)
	var all []entry
	for _, s := range servers {
		e.server, e.asked = s, slices.Contains(python(), s)
		all = append(all, e)
	}
	return all
}

// python lists the peers of bench/peers/python, which need packages of Debian.
func python() []string { return []string{"flask", "aiohttp"} }

const (
	costMetric  = "us/delivery"
	p50Metric   = "p50 ms"
	p99Metric   = "p99 ms"
	acksMetric  = "acks/cpu-s"
	echoMetric  = "us/echo"
	perMetric   = "deliveries/cpu-s"
	pssMetric   = "PSS KiB/conn"
	rssMetric   = "RSS KiB/conn"
	dialsMetric = "us/connect"
)

var floodColumns = []string{costMetric, "deliveries/s", "server cpu %", "generator us/delivery"}

func allCases() []benchCase {
	three := append([]string{"throng", "node", "floor"}, python()...)
	flood := func(name string, inflight, clients, generators int, window time.Duration, targets ...target) benchCase {
		return benchCase{
			name: name, about: fmt.Sprintf("broadcast flat out, %d in flight, %d clients", inflight, clients),
			entries: each(entry{clients: clients, generators: generators}, three...),
			columns: floodColumns, window: window, measure: floodOf("flood", inflight, generators == 1), targets: targets,
		}
	}
	paced := func(clients int) benchCase {
		return benchCase{
			name: fmt.Sprintf("paced-%d", clients), about: fmt.Sprintf("10 broadcasts a second to %d clients: from when each was due to its last receiver", clients),
			entries: each(entry{clients: clients}, three...),
			columns: []string{p50Metric, p99Metric, costMetric, "server cpu %"}, window: 5 * time.Second, measure: measurePaced,
			targets: []target{
				{metric: p50Metric, of: "throng", to: "floor", limit: 1.4},
				{metric: p99Metric, of: "throng", to: "floor", limit: 1.4},
				{metric: p50Metric, of: "throng", to: "node", limit: 0.6},
				{metric: p99Metric, of: "throng", to: "node", limit: 0.6},
			},
		}
	}
	cost := func(to string, limit float64, stretch bool) target {
		return target{metric: costMetric, of: "throng", to: to, limit: limit, stretch: stretch}
	}
	big := flood("flood-18000", 8, 18000, 2, 2*time.Second, cost("throng at 5000", 1.3, false))
	big.entries = append(big.entries, entry{server: "throng", variant: "at 5000", clients: 5000, generators: 1})
	return []benchCase{
		flood("flood-1000", 8, 1000, 1, time.Second, cost("node", 1./10, false), cost("floor", 1/3.5, false), cost("node", 1./14, true), cost("floor", 1./5, true)),
		flood("flood-5000", 8, 5000, 1, 1500*time.Millisecond, cost("node", 1./10, false), cost("floor", 1/3.5, false)),
		big,
		flood("single-1000", 1, 1000, 1, time.Second, cost("floor", 1.15, false), cost("node", 0.4, false)),
		flood("single-5000", 1, 5000, 1, time.Second, cost("floor", 1.2, false), cost("node", 0.4, false)),
		sendersCase(three),
		paced(1000),
		paced(5000),
		answered("echo", "echo with acknowledgement, 1000 clients, one outstanding each", three,
			target{metric: acksMetric, of: "throng", to: "node", limit: 3, atLeast: true},
			target{metric: acksMetric, of: "throng", to: "node", limit: 4, atLeast: true, stretch: true},
			target{metric: echoMetric, of: "throng", to: "floor", limit: 1.2}),
		answered("typed", "the same by a typed handler: the argument is decoded, and encoded anew for the answer", []string{"throng", "node", "floor"},
			target{metric: echoMetric, of: "throng", to: "floor", limit: 1.5}),
		{
			name: "rooms", about: "10000 clients in rooms, one message per room and second",
			entries: roomsOf("throng", "floor"),
			columns: []string{costMetric, "server cpu %"}, window: 5 * time.Second, measure: measureRooms,
			targets: []target{
				{metric: costMetric, of: "throng 100 x 100", to: "throng 1 x 10000", limit: 1.3},
				{metric: costMetric, of: "throng 1000 x 10", to: "throng 1 x 10000", limit: 1.3},
			},
		},
		{
			name: "polling", about: "1000 long-polling clients, 10 broadcasts a second",
			entries: each(entry{clients: 1000, polling: true}, append([]string{"throng", "node"}, python()...)...),
			columns: []string{perMetric, costMetric, p50Metric, p99Metric, "server cpu %"}, window: 5 * time.Second, measure: measurePaced,
			targets: []target{{metric: perMetric, of: "throng", to: "node", limit: 3, atLeast: true}},
		},
		{
			name: "idle", about: "idle websocket connections: slope of the process's memory from 2000 to 10000",
			entries: each(entry{clients: 2000}, three...), columns: []string{rssMetric, pssMetric, "RSS MiB at 10000"}, window: 2 * time.Second, fresh: true, measure: measureIdle,
			targets: []target{
				{metric: rssMetric, of: "throng", to: "node", limit: 0.5},
				{metric: rssMetric, of: "throng", limit: 3, stretch: true},
			},
		},
		heldPolls(),
		{
			name: "connects", about: "server processor time per websocket connect, handshake and namespace included",
			entries: each(entry{clients: 1000}, three...), columns: []string{dialsMetric, "connects/s"}, fresh: true, measure: measureConnects,
			targets: []target{{metric: dialsMetric, of: "throng", to: "node", limit: 1. / 3}},
		},
		stalled(),
		push(),
		processorsFanout(),
		processorsEcho(),
		generators(),
		nodesBroadcast(),
		nodesRooms(),
		nodesRoomFlood(),
		nodesLatency(),
	}
}

// answered is a case of events that are answered with their argument.
func answered(event, about string, servers []string, targets ...target) benchCase {
	return benchCase{
		name: event, about: about, entries: each(entry{clients: 1000}, servers...),
		columns: []string{echoMetric, acksMetric, "acks/s", "server cpu %"}, window: 1500 * time.Millisecond, measure: echoOf(event), targets: targets,
	}
}

func sendersCase(servers []string) benchCase {
	return benchCase{
		name: "senders-5000", about: "broadcast flat out by 8 clients, each with one in flight, 5000 clients",
		entries: each(entry{clients: 5000}, servers...),
		columns: floodColumns, window: 1500 * time.Millisecond, measure: floodOf("senders", 8, true),
		targets: []target{{metric: costMetric, of: "throng", to: "floor", limit: 1. / 5}},
	}
}

func heldPolls() benchCase {
	return benchCase{
		name: "idle-polling", about: "idle long-polling clients, each with its poll held: slope of the process's memory from 2000 to 10000",
		entries: each(entry{clients: 2000, polling: true}, "throng", "node"), columns: []string{rssMetric, pssMetric, "RSS MiB at 10000"},
		window: 2 * time.Second, fresh: true, measure: measureIdle,
		targets: []target{
			{metric: rssMetric, of: "throng", to: "node", limit: 0.5},
			{metric: rssMetric, of: "throng", limit: 5, stretch: true},
		},
	}
}

func stalled() benchCase {
	return benchCase{
		name: "stalled", about: "20 broadcasts a second to 1000 clients, beside 10 that have stopped reading: to the last of the 1000",
		entries: []entry{
			{server: "throng", variant: "all read", clients: 1000, generators: 1},
			{server: "throng", variant: "10 stalled", clients: 1010, stalled: 10, generators: 1},
		},
		columns: []string{p50Metric, p99Metric, costMetric, "server cpu %", "RSS MiB"}, window: 5 * time.Second, measure: measureStalled,
		targets: []target{
			{metric: p50Metric, of: "throng 10 stalled", to: "throng all read", limit: 1.2},
			{metric: p99Metric, of: "throng 10 stalled", to: "throng all read", limit: 1.2},
		},
	}
}

func push() benchCase {
	return benchCase{
		name: "push", about: "one client is pushed an event every millisecond", asked: true,
		entries: named(each(entry{clients: 1}, append([]string{"throng", "node"}, python()...)...)),
		columns: []string{"events/s", "gap p50 ms", "gap p99 ms", "us/event"}, window: 3 * time.Second, measure: measurePush,
	}
}

// roomsOf deals 10 000 clients to rooms of three sizes.
func roomsOf(servers ...string) []entry {
	var all []entry
	for _, server := range servers {
		for _, n := range []int{1, 100, 1000} {
			all = append(all, entry{server: server, variant: fmt.Sprintf("%d x %d", n, 10000/n), clients: 10000, rooms: n, generators: 1})
		}
	}
	return all
}

// named makes entries run whether their servers are named or not.
func named(all []entry) []entry {
	for i := range all {
		all[i].asked = false
	}
	return all
}

func choose(names []string) ([]benchCase, error) {
	all := allCases()
	if len(names) == 0 {
		return slices.DeleteFunc(all, func(c benchCase) bool { return c.asked }), nil
	}
	var chosen []benchCase
	for _, name := range names {
		at := slices.IndexFunc(all, func(c benchCase) bool { return c.name == name })
		if at < 0 {
			return nil, fmt.Errorf("there is no case %q; --list prints them", name)
		}
		chosen = append(chosen, all[at])
	}
	return chosen, nil
}

// field chooses the entries of a case by the command line.
func (b *bench) field(c benchCase) []entry {
	var all []entry
	for _, e := range c.entries {
		if !b.wants(e.server) || e.asked && len(b.opts.servers) == 0 {
			continue
		}
		all = append(all, e)
		if e.server != "throng" {
			continue
		}
		if b.opts.before != "" {
			e.server = "before"
			all = append(all, e)
			e.server = "throng"
		}
		for _, s := range b.opts.strategies {
			e.strategy = s
			all = append(all, e)
		}
	}
	return all
}

// floodOf measures in a closed loop. The generator stays busy where it has its processor to itself;
// two of them would only take it from each other.
func floodOf(mode string, inflight int, busy bool) func(context.Context, *subject, time.Duration) (metrics, error) {
	return func(_ context.Context, s *subject, window time.Duration) (metrics, error) {
		if _, err := s.do(load.Command{Do: mode, Busy: busy, N: inflight, Duration: window / 3}); err != nil {
			return nil, err
		}
		r, err := s.do(load.Command{Do: mode, Busy: busy, N: inflight, Duration: window})
		if err != nil {
			return nil, err
		}
		return deliveries(r), nil
	}
}

func deliveries(r *load.Result) metrics {
	n := float64(r.Deliveries)
	return metrics{
		costMetric: micros(r.Server) / n, "deliveries/s": n / r.Wall.Seconds(), perMetric: n / r.Server.Seconds(),
		"server cpu %": 100 * r.Server.Seconds() / r.Wall.Seconds(), "generator us/delivery": micros(r.Own) / n,
	}
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

func measurePaced(_ context.Context, s *subject, window time.Duration) (metrics, error) {
	return paceAt(s, 10, window)
}

// measureStalled broadcasts first what fills the kernel's buffers of those who do not read: from
// then on they have outboxes. They do not reach the limit of these, where the server closes them
// and they would be gone.
func measureStalled(_ context.Context, s *subject, window time.Duration) (metrics, error) {
	if _, err := s.do(load.Command{Do: "paced", Rate: 500, N: 500}); err != nil {
		return nil, err
	}
	m, err := paceAt(s, 20, window)
	if err != nil {
		return nil, err
	}
	rss, _, err := s.server.memory()
	m["RSS MiB"] = rss / 1024
	return m, err
}

func paceAt(s *subject, rate float64, window time.Duration) (metrics, error) {
	if _, err := s.do(load.Command{Do: "paced", Rate: rate, N: int(rate)}); err != nil { // warm
		return nil, err
	}
	r, err := s.do(load.Command{Do: "paced", Rate: rate, N: max(1, int(rate*window.Seconds()))})
	if err != nil {
		return nil, err
	}
	m := deliveries(r)
	m[p50Metric], m[p99Metric] = quantile(r.Last, 0.5), quantile(r.Last, 0.99)
	return m, nil
}

// quantile is in milliseconds.
func quantile(sorted []time.Duration, q float64) float64 {
	return micros(sorted[result.Rank(100*q, int64(len(sorted)))-1]) / 1e3
}

// echoOf measures the answers to an event.
func echoOf(event string) func(context.Context, *subject, time.Duration) (metrics, error) {
	return func(_ context.Context, s *subject, window time.Duration) (metrics, error) {
		if _, err := s.do(load.Command{Do: "echo", Event: event, Busy: true, Duration: window / 3}); err != nil {
			return nil, err
		}
		r, err := s.do(load.Command{Do: "echo", Event: event, Busy: true, Duration: window})
		if err != nil {
			return nil, err
		}
		n := float64(r.Acks)
		return metrics{
			echoMetric: micros(r.Server) / n, acksMetric: n / r.Server.Seconds(),
			"acks/s": n / r.Wall.Seconds(), "server cpu %": 100 * r.Server.Seconds() / r.Wall.Seconds(),
		}, nil
	}
}

func measureRooms(_ context.Context, s *subject, window time.Duration) (metrics, error) {
	if _, err := s.do(load.Command{Do: "rooms", N: 1}); err != nil {
		return nil, err
	}
	r, err := s.do(load.Command{Do: "rooms", N: max(1, int(window.Seconds()))})
	if err != nil {
		return nil, err
	}
	return deliveries(r), nil
}

// measurePush is the claim of many a tutorial: a thousand events a second, one at a time.
func measurePush(_ context.Context, s *subject, window time.Duration) (metrics, error) {
	const period = time.Millisecond
	r, err := s.do(load.Command{Do: "push", Duration: period, N: int(window / period)})
	if err != nil {
		return nil, err
	}
	n := float64(r.Deliveries)
	return metrics{
		"events/s": (n - 1) / r.Wall.Seconds(), "gap p50 ms": quantile(r.Last, 0.5), "gap p99 ms": quantile(r.Last, 0.99), "us/event": micros(r.Server) / n,
	}, nil
}

func measureIdle(_ context.Context, s *subject, window time.Duration) (metrics, error) {
	const more = 8000
	memory := func() (rss, pss float64, err error) {
		if _, err := s.do(load.Command{Do: "rest", Duration: window}); err != nil {
			return 0, 0, err
		}
		return s.server.memory()
	}
	rss, pss, err := memory()
	if err != nil {
		return nil, err
	}
	if _, err := s.do(load.Command{Do: "more", N: more}); err != nil {
		return nil, err
	}
	rss2, pss2, err := memory()
	if err != nil {
		return nil, err
	}
	return metrics{rssMetric: (rss2 - rss) / more, pssMetric: (pss2 - pss) / more, "RSS MiB at 10000": rss2 / 1024}, nil
}

func measureConnects(_ context.Context, s *subject, _ time.Duration) (metrics, error) {
	const more = 3000
	r, err := s.do(load.Command{Do: "more", N: more})
	if err != nil {
		return nil, err
	}
	return metrics{dialsMetric: micros(r.Server) / more, "connects/s": more / r.Wall.Seconds()}, nil
}
