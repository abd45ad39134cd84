package main

import (
	"fmt"
	"time"
)

// This file has the cases of clients with TLS. Their servers stand beside a floor with TLS and one
// without: the difference of the floors is what records cost by themselves.

// secured makes entries with TLS, and the floor without.
func secured(e entry) []entry {
	e.tls = true
	all := each(e, "throng", "node", "floor")
	e.tls, e.variant = false, "plain"
	return append(all, each(e, "floor")...)
}

// tlsBroadcast is a broadcast that may cost so many times one without TLS by the floor.
func tlsBroadcast(name string, inflight int, plain float64) benchCase {
	return benchCase{
		name: name, about: fmt.Sprintf("broadcast flat out with TLS, %d in flight, 500 clients", inflight),
		entries: secured(entry{clients: 500}), columns: floodColumns, window: time.Second, measure: floodOf("flood", inflight, true),
		targets: []target{costTarget("floor plain", plain, false)},
	}
}

func tlsEcho() benchCase {
	c := answered("echo", "echo with acknowledgement over TLS, 1000 clients, one outstanding each", nil,
		target{metric: echoMetric, of: "throng", to: "floor plain", limit: 2.05},
		target{metric: echoMetric, of: "throng", to: "floor", limit: 1.2})
	c.name, c.entries = "tls-echo", secured(entry{clients: 1000})
	return c
}

func tlsIdle() benchCase {
	return benchCase{
		name: "idle-tls", about: "idle websocket connections with TLS: slope of the process's memory from 2000 to 10000",
		entries: each(entry{clients: 2000, tls: true}, "throng", "node", "floor"), columns: []string{rssMetric, pssMetric, "RSS MiB at 10000"},
		window: 2 * time.Second, fresh: true, measure: measureIdle,
		targets: []target{
			{metric: rssMetric, of: "throng", to: "node", limit: 0.4},
			{metric: rssMetric, of: "throng", limit: 16},
		},
	}
}
