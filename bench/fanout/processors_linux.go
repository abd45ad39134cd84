package main

import (
	"context"
	"fmt"
	"time"
)

// processorCounts is in ascending order, from one.
var processorCounts = []int{1, 2, 4}

// onCount is the variant of an entry on so many processors.
func onCount(n int) string { return fmt.Sprintf("on %d", n) }

func processorsFanout() benchCase {
	return onProcessors("processors", "broadcast flat out, 8 in flight, 5000 clients, to a server on 1, 2, 4 processors",
		5000, floodOf("flood", 8, false), costMetric, "deliveries/s")
}

func processorsEcho() benchCase {
	return onProcessors("processors-echo", "echo with acknowledgement, 1000 clients, one outstanding each, by a server on 1, 2, 4 processors",
		1000, echoOf("echo"), echoMetric, "acks/s")
}

// onProcessors measures our server on one processor and on more. More than the machine has are
// asked of Go all the same: that shows what the waste is.
func onProcessors(name, about string, clients int, measure func(context.Context, *subject, time.Duration) (metrics, error), columns ...string) benchCase {
	c := benchCase{name: name, about: about, asked: true, columns: append(columns, "server cpu %"), window: 1500 * time.Millisecond, measure: measure}
	for _, n := range processorCounts {
		c.entries = append(c.entries, entry{server: "throng", variant: onCount(n), procs: n, clients: clients, generators: 1})
	}
	c.targets = []target{{metric: columns[0], of: "throng on 2", to: "throng on 1", limit: 1.1}}
	return c
}

// serve starts a server on its processor, or on as many as an entry says.
func (b *bench) serve(ctx context.Context, procs int, command []string) (*child, error) {
	if procs == 0 {
		return start(ctx, b.serverCPU, nil, command...)
	}
	cpus, err := serverCPUs(b.serverCPU, b.generatorCPU, procs)
	if err != nil {
		return nil, err
	}
	return startOn(ctx, cpus, []string{fmt.Sprintf("GOMAXPROCS=%d", procs)}, nil, command...)
}

// serverCPUs are the processors of a server that gets n of them. The generator's comes last: it is
// shared only where there are no others.
func serverCPUs(first, generator, n int) ([]int, error) {
	allowed, err := allowedCPUs()
	if err != nil {
		return nil, err
	}
	cpus := []int{first}
	for _, cpu := range append(allowed, generator) {
		if len(cpus) < n && cpu != first && (cpu != generator || len(cpus) >= len(allowed)-1) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus, nil
}
