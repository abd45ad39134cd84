package main

import (
	"context"
	"fmt"
	"time"

	"github.com/throng-io/throng/bench/fanout/internal/load"
)

var floodColumns = []string{costMetric, kernMetric, "deliveries/s", "server cpu %", "generator us/delivery"}

// floodCase is a closed loop of one sender.
func floodCase(name string, inflight, clients, generators int, window time.Duration, targets ...target) benchCase {
	return benchCase{
		name: name, about: fmt.Sprintf("broadcast flat out, %d in flight, %d clients", inflight, clients),
		entries: each(entry{clients: clients, generators: generators}, usual()...),
		columns: floodColumns, window: window, measure: floodOf("flood", inflight, generators == 1), targets: targets,
	}
}

// costTarget limits what a delivery of ours may cost beside another entry's.
func costTarget(to string, limit float64, stretch bool) target {
	return target{metric: costMetric, of: "throng", to: to, limit: limit, stretch: stretch}
}

func floodOfMost() benchCase {
	c := floodCase("flood-18000", 8, 18000, 2, 2*time.Second, costTarget("throng at 5000", 1.3, false))
	c.entries = append(c.entries, entry{server: "throng", variant: "at 5000", clients: 5000, generators: 1})
	return c
}

func sendersCase() benchCase {
	return benchCase{
		name: "senders-5000", about: "broadcast flat out by 8 clients, each with one in flight, 5000 clients",
		entries: each(entry{clients: 5000}, usual()...),
		columns: floodColumns, window: 1500 * time.Millisecond, measure: floodOf("senders", 8, true),
		targets: []target{{metric: costMetric, of: "throng", to: "floor", limit: 1. / 5}},
	}
}

// pollingSingle is a broadcast to clients that poll: each has to ask anew for every message.
func pollingSingle() benchCase {
	return benchCase{
		name: "polling-single", about: "broadcast flat out to 1000 long-polling clients, 1 in flight",
		entries: each(entry{clients: 1000, polling: true}, usual()...),
		columns: floodColumns, window: time.Second, measure: floodOf("flood", 1, true),
		targets: []target{costTarget("floor", 1.3, false)},
	}
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
	m := metrics{
		costMetric: micros(r.Server) / n, "deliveries/s": n / r.Wall.Seconds(), perMetric: n / r.Server.Seconds(),
		"server cpu %": 100 * r.Server.Seconds() / r.Wall.Seconds(), "generator us/delivery": micros(r.Own) / n,
	}
	if r.Softirqd >= 0 {
		m[kernMetric] = micros(r.Softirqd) / n
	}
	return m
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }
