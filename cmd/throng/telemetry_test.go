package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/throng-io/throng/cmd/throng/internal/board"
	"github.com/throng-io/throng/cmd/throng/internal/telemetry"
	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/capacity"
	"github.com/throng-io/throng/scenario/result"
)

// A run serves Prometheus while it is in progress, and pushes to a collector, which also gets the
// final values.
func TestRunIsMeasurable(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	exported := ""
	otel := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		exported = string(body) // names and labels stand in it as they are
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(otel.Close)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	wanted := []string{`throng_run_clients{cell="",state="held",trial="1"}`, `throng_run_info{scenario="long"`, `throng_run_latency_seconds_count{cell="",metric="connect"`}
	stderr, answer := scrape(t, cancel, wanted...)
	code := run(ctx, []string{
		"run", "testdata/long.yaml", "--out", filepath.Join(t.TempDir(), "out"), "--target", serveHere(t),
		"--metrics", "127.0.0.1:0", "--otlp", otel.URL, "--live", "127.0.0.1:0", "--set", "report.formats=[json]",
	}, strings.NewReader(""), io.Discard, stderr)
	if code != exitInterrupted {
		t.Errorf("exit code %d", code)
	}
	scraped := answer()
	for _, want := range wanted {
		if !strings.Contains(scraped, want) {
			t.Errorf("%s is missing in\n%s", want, scraped)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	for _, want := range []string{"throng.run.trials", "throng.run.latency", "service.name"} {
		if !strings.Contains(exported, want) {
			t.Errorf("%s was not exported", want)
		}
	}
}

func TestWatchersThatCannotBe(t *testing.T) {
	for _, args := range [][]string{
		{"--live", "7071"},
		{"--metrics", "nowhere"},
		{"--otlp", "localhost:4318"},
		{"--live", "127.0.0.1:0", "--live-client", "testdata"},
	} {
		if _, errs, code := throng(t, append([]string{"run", "quickstart", "--out", t.TempDir()}, args...)...); code != exitUsage || !strings.Contains(errs, args[len(args)-2]) {
			t.Errorf("%v: exit code %d, %s", args, code, errs)
		}
	}
}

// A search is watched trial by trial, each with its level.
func TestSearchIsWatched(t *testing.T) {
	b := board.New("search", "")
	w := &watchers{metrics: telemetry.New("v1")}
	var steps []int
	opt := capacity.Options{Step: func(s capacity.Step) { steps = append(steps, s.N) }}
	w.search("search", b, &opt)
	for i, level := range []string{"1000", "2000"} {
		opt.Step(capacity.Step{N: i + 1, Text: level})
		opt.Run.Progress(scenario.Progress{Cell: 1, Cells: 1, Trial: 1, Phase: "hold", Phases: 1})
		if got := board.Label(b.State().Params, 1); got != "level="+level {
			t.Errorf("trial %d is shown as %q", i+1, got)
		}
		answer := httptest.NewRecorder()
		w.metrics.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		if !strings.Contains(answer.Body.String(), `cell="level=`+level+`"`) {
			t.Errorf("trial %d is measured as\n%s", i+1, answer.Body)
		}
		opt.Run.Progress(scenario.Progress{Cell: 1, Cells: 1, Trial: 1, Done: true, Verdict: result.Pass})
		opt.Step(capacity.Step{N: i + 1, Text: level, Cell: &result.Cell{}})
	}
	if s := b.State(); len(s.Trials) != 2 || board.Label(s.Trials[0].Params, 1) != "level=1000" || len(steps) != 4 {
		t.Errorf("in the end: %+v after %v", s, steps)
	}
}
