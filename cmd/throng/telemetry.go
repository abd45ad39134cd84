package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/spf13/pflag"

	"github.com/throng-io/throng/cmd/throng/internal/board"
	"github.com/throng-io/throng/cmd/throng/internal/telemetry"
	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/capacity"
	"github.com/throng-io/throng/scenario/result"
)

// watchers are the receivers of progress while a command's runs are in progress: the live page,
// Prometheus, and a collector of OpenTelemetry.
type watchers struct {
	live    *livePage
	metrics *telemetry.Recorder // may be nil
	export  *telemetry.Exporter
	scraped func()
	stderr  io.Writer
}

// watchFlags are the flags for observing a command.
type watchFlags struct {
	live, liveClient, metrics, otlp string
}

func (w *watchFlags) add(f *pflag.FlagSet) {
	f.StringVar(&w.live, "live", "", "show the run live on a web page at this `ADDR`, such as :7071 (loopback interface only) or 0.0.0.0:7071")
	f.StringVar(&w.liveClient, "live-client", "", "take the browser client for the page of --live from this `DIR`: dist of the npm package socket.io-client (default a built-in script)")
	f.StringVar(&w.metrics, "metrics", "", "serve Prometheus metrics of the run at this `ADDR`, such as :9091 (loopback interface only)")
	f.StringVar(&w.otlp, "otlp", "", "send metrics of the run to the OpenTelemetry collector at this `URL`, such as http://localhost:4318 (default $OTEL_EXPORTER_OTLP_ENDPOINT)")
}

// watch starts the outputs selected by the flags and the environment. The caller must close it.
func watch(ctx context.Context, flags watchFlags, stderr io.Writer) (*watchers, error) {
	w := &watchers{scraped: func() {}, stderr: stderr}
	var err error
	if w.live, err = openLive(flags.live, flags.liveClient, stderr); err != nil {
		return nil, err
	}
	if flags.metrics == "" && flags.otlp == "" && !telemetry.Wanted(os.Getenv) {
		return w, nil
	}
	w.metrics = telemetry.New(result.Version())
	if w.scraped, err = offerMetrics(ctx, w.metrics.Handler, flags.metrics, nil, stderr); err != nil {
		w.live.close()
		return nil, err
	}
	if flags.otlp != "" || telemetry.Wanted(os.Getenv) {
		if w.export, err = w.metrics.Export(ctx, flags.otlp); err != nil {
			w.scraped()
			w.live.close()
			return nil, err
		}
	}
	return w, nil
}

// begin connects a run that is about to start to the watchers, which receive its progress.
func (w *watchers) begin(name string, b *board.Board, show func(scenario.Progress), opt *scenario.Options) {
	w.live.show(b)
	opt.Progress = show
	if w.metrics == nil {
		return
	}
	w.metrics.Begin(name)
	opt.Progress = func(p scenario.Progress) {
		w.metrics.Update(p)
		show(p)
	}
	opt.Second = func(s *result.Second, latency map[string]*hdrhistogram.Histogram) { w.metrics.Second(s, latency) }
}

// search connects a search to the watchers, which receive each trial with its level.
func (w *watchers) search(name string, b *board.Board, opt *capacity.Options) {
	w.begin(name, b, b.Update, &opt.Run)
	tell, step := opt.Run.Progress, opt.Step
	var level atomic.Pointer[map[string]string]
	opt.Step = func(s capacity.Step) {
		if s.Cell == nil {
			level.Store(&map[string]string{result.ParamLevel: s.Text})
		}
		if step != nil {
			step(s)
		}
	}
	opt.Run.Progress = func(p scenario.Progress) {
		if l := level.Load(); l != nil {
			p.Params = *l
		}
		tell(p)
	}
}

// end sends the watchers the outcome of a run whose results are in dir.
func (w *watchers) end(b *board.Board, run *result.Run, dir string) {
	w.live.ended(b, run, dir)
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
	if err := w.export.Close(); err != nil { // the run itself is not affected
		// it may quote the collector
		_, _ = fmt.Fprintf(w.stderr, "throng: %s\n", result.Short(err.Error(), result.MaxText))
	}
}
