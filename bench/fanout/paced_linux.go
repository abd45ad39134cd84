package main

import (
	"context"
	"fmt"
	"time"

	"github.com/throng-io/throng/bench/fanout/internal/load"
	"github.com/throng-io/throng/scenario/result"
)

func pacedCase(clients int) benchCase {
	return benchCase{
		name: fmt.Sprintf("paced-%d", clients), about: fmt.Sprintf("10 broadcasts a second to %d clients: from when each was due to its last receiver", clients),
		entries: each(entry{clients: clients}, usual()...),
		columns: []string{p50Metric, p99Metric, costMetric, kernMetric, "server cpu %"}, window: 5 * time.Second, measure: measurePaced,
		targets: []target{
			{metric: p50Metric, of: "throng", to: "floor", limit: 1.4},
			{metric: p99Metric, of: "throng", to: "floor", limit: 1.4},
			{metric: p50Metric, of: "throng", to: "node", limit: 0.6},
			{metric: p99Metric, of: "throng", to: "node", limit: 0.6},
		},
	}
}

func pollingCase() benchCase {
	return benchCase{
		name: "polling", about: "1000 long-polling clients, 10 broadcasts a second",
		entries: each(entry{clients: 1000, polling: true}, usual()...),
		columns: []string{perMetric, costMetric, p50Metric, p99Metric, "server cpu %"}, window: 5 * time.Second, measure: measurePaced,
		targets: []target{{metric: perMetric, of: "throng", to: "node", limit: 3, atLeast: true}},
	}
}

func roomsCase() benchCase {
	return benchCase{
		name: "rooms", about: "10000 clients in rooms, one message per room and second",
		entries: roomsOf("throng", "floor"),
		columns: []string{costMetric, kernMetric, "server cpu %"}, window: 5 * time.Second, measure: measureRooms,
		targets: []target{
			{metric: costMetric, of: "throng 100 x 100", to: "throng 1 x 10000", limit: 1.3},
			{metric: costMetric, of: "throng 1000 x 10", to: "throng 1 x 10000", limit: 1.3},
		},
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

// quantile is in milliseconds.
func quantile(sorted []time.Duration, q float64) float64 {
	return micros(sorted[result.Rank(100*q, int64(len(sorted)))-1]) / 1e3
}
