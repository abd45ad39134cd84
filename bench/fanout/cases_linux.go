package main

import (
	"context"
	"slices"
	"time"
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
	tls        bool
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

// usual lists the servers that nearly every case has.
func usual() []string { return append([]string{"throng", "node", "floor"}, python()...) }

const (
	costMetric  = "us/delivery"
	kernMetric  = "ksoftirqd us/delivery"
	p50Metric   = "p50 ms"
	p99Metric   = "p99 ms"
	acksMetric  = "acks/cpu-s"
	echoMetric  = "us/echo"
	perMetric   = "deliveries/cpu-s"
	pssMetric   = "PSS KiB/conn"
	rssMetric   = "RSS KiB/conn"
	dialsMetric = "us/connect"
)

func allCases() []benchCase {
	return []benchCase{
		floodCase("flood-1000", 8, 1000, 1, time.Second, costTarget("node", 1./10, false), costTarget("floor", 1/3.5, false), costTarget("node", 1./14, true), costTarget("floor", 1./5, true)),
		floodCase("flood-5000", 8, 5000, 1, 1500*time.Millisecond, costTarget("node", 1./10, false), costTarget("floor", 1/3.5, false)),
		floodOfMost(),
		floodCase("single-1000", 1, 1000, 1, time.Second, costTarget("floor", 1.15, false), costTarget("node", 0.4, false)),
		floodCase("single-5000", 1, 5000, 1, time.Second, costTarget("floor", 1.2, false), costTarget("node", 0.4, false)),
		floodCase("flood64-1000", 64, 1000, 1, time.Second, costTarget("node", 1./40, false), costTarget("floor", 1./12, false)),
		floodCase("flood64-5000", 64, 5000, 1, 1500*time.Millisecond, costTarget("node", 1./40, false), costTarget("floor", 1./12, false)),
		sendersCase(),
		pacedCase(1000),
		pacedCase(5000),
		answered("echo", "echo with acknowledgement, 1000 clients, one outstanding each", usual(),
			target{metric: acksMetric, of: "throng", to: "node", limit: 3, atLeast: true},
			target{metric: acksMetric, of: "throng", to: "node", limit: 4, atLeast: true, stretch: true},
			target{metric: echoMetric, of: "throng", to: "floor", limit: 1.2}),
		answered("typed", "the same by a typed handler: the argument is decoded, and encoded anew for the answer", []string{"throng", "node", "floor"},
			target{metric: echoMetric, of: "throng", to: "floor", limit: 1.5}),
		roomsCase(),
		pollingCase(),
		pollingSingle(),
		idle(),
		heldPolls(),
		tlsBroadcast("tls-single", 1, 1.65),
		tlsBroadcast("tls-flood", 8, 0.34),
		tlsEcho(),
		tlsIdle(),
		connects(),
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

// named makes entries run whether their servers are named or not.
func named(all []entry) []entry {
	for i := range all {
		all[i].asked = false
	}
	return all
}

// namesOf lists cases, and the servers that they have.
func namesOf(all []benchCase) (cases, servers []string) {
	for _, c := range all {
		cases = append(cases, c.name)
		for _, e := range c.entries {
			if !slices.Contains(servers, e.server) {
				servers = append(servers, e.server)
			}
		}
	}
	return cases, servers
}

// choose returns the cases with these names, in their order; none: all that run unasked.
func choose(names []string) (chosen []benchCase) {
	all := allCases()
	if len(names) == 0 {
		return slices.DeleteFunc(all, func(c benchCase) bool { return c.asked })
	}
	for _, name := range names {
		chosen = append(chosen, all[slices.IndexFunc(all, func(c benchCase) bool { return c.name == name })])
	}
	return chosen
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
		if b.opts.before != "" || len(b.opts.beforeFlags) > 0 {
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
