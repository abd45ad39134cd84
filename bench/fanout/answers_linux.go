package main

import (
	"context"
	"time"

	"github.com/throng-io/throng/bench/fanout/internal/load"
)

// answered is a case of events that are answered with their argument.
func answered(event, about string, servers []string, targets ...target) benchCase {
	return benchCase{
		name: event, about: about, entries: each(entry{clients: 1000}, servers...),
		columns: []string{echoMetric, acksMetric, "acks/s", "server cpu %"}, window: 1500 * time.Millisecond, measure: echoOf(event), targets: targets,
	}
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
