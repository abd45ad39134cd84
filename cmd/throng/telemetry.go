package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/throng-io/throng/cmd/throng/internal/telemetry"
	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/result"
)

// watchers are all who are told of the runs of a command while they run: the
// live page, Prometheus, and a collector of OpenTelemetry.
type watchers struct {
	live    *livePage
	metrics *telemetry.Recorder // nil: nobody asks
	export  *telemetry.Exporter
	scraped func()
	stderr  io.Writer
}

// watch begins what the flags and the environment ask for. Close it.
func watch(ctx context.Context, flags runFlags, stderr io.Writer) (*watchers, error) {
	w := &watchers{scraped: func() {}, stderr: stderr}
	var err error
	if w.live, err = openLive(flags.live, flags.liveClient, stderr); err != nil {
		return nil, err
	}
	if flags.metrics == "" && flags.otlp == "" && !telemetry.Wanted(os.Getenv) {
		return w, nil
	}
	w.metrics = telemetry.New(version())
	mux := http.NewServeMux()
	mux.Handle("/metrics", w.metrics.Handler())
	if w.scraped, err = aside(ctx, "--metrics", "metrics", "/metrics", flags.metrics, mux, stderr); err != nil {
		w.live.close()
		return nil, err
	}
	if flags.otlp != "" || telemetry.Wanted(os.Getenv) {
		if w.export, err = w.metrics.Export(ctx, flags.otlp); err != nil {
			w.scraped()
			w.live.close()
			return nil, fmt.Errorf("--otlp: %w", err)
		}
	}
	return w, nil
}

// begin has a run that is about to start tell the watchers of its progress.
func (w *watchers) begin(name string, show progress, opt *scenario.Options) {
	w.live.show(show.board)
	opt.Progress = show.update
	if w.metrics == nil {
		return
	}
	w.metrics.Begin(name)
	opt.Progress = func(p scenario.Progress) {
		w.metrics.Update(p)
		show.update(p)
	}
	opt.Second = func(s *result.Second, latency map[string]*hdrhistogram.Histogram) { w.metrics.Second(s, latency) }
}

// end tells the watchers the outcome of a run whose results are in dir.
func (w *watchers) end(show progress, run *result.Run, dir string) {
	w.live.ended(show.board, run, dir)
	if w.export != nil {
		w.export.Flush()
	}
}

func (w *watchers) close() {
	w.live.close()
	w.scraped()
	if w.export == nil {
		return
	}
	if err := w.export.Close(); err != nil { // the run itself is none the worse for it
		_, _ = fmt.Fprintf(w.stderr, "throng: %v\n", err)
	}
}
