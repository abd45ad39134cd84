package main

import (
	"context"
	"time"

	"github.com/throng-io/throng/bench/fanout/internal/load"
)

func idle() benchCase {
	return benchCase{
		name: "idle", about: "idle websocket connections: slope of the process's memory from 2000 to 10000",
		entries: each(entry{clients: 2000}, usual()...), columns: []string{rssMetric, pssMetric, "RSS MiB at 10000"},
		window: 2 * time.Second, fresh: true, measure: measureIdle,
		targets: []target{
			{metric: rssMetric, of: "throng", to: "node", limit: 0.5},
			{metric: rssMetric, of: "throng", limit: 3, stretch: true},
		},
	}
}

func heldPolls() benchCase {
	return benchCase{
		name: "idle-polling", about: "idle long-polling clients, each with its poll held: slope of the process's memory from 2000 to 10000",
		entries: each(entry{clients: 2000, polling: true}, "throng", "node", "floor"), columns: []string{rssMetric, pssMetric, "RSS MiB at 10000"},
		window: 2 * time.Second, fresh: true, measure: measureIdle,
		targets: []target{
			{metric: rssMetric, of: "throng", to: "node", limit: 0.5},
			{metric: rssMetric, of: "throng", limit: 5, stretch: true},
		},
	}
}

func connects() benchCase {
	return benchCase{
		name: "connects", about: "server processor time per websocket connect, handshake and namespace included",
		entries: each(entry{clients: 1000}, usual()...), columns: []string{dialsMetric, "connects/s"}, fresh: true, measure: measureConnects,
		targets: []target{{metric: dialsMetric, of: "throng", to: "node", limit: 1. / 3}},
	}
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
