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
)

// A run tells Prometheus, which asks while it goes, and a collector, which gets the last word.
func TestRunIsMeasurable(t *testing.T) {
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
	url, scraped := "", ""
	stderr := writerFunc(func(b []byte) {
		text := string(b)
		if _, after, ok := strings.Cut(text, "metrics on "); ok {
			url = strings.TrimSpace(after)
		}
		if !strings.HasPrefix(text, "hold") || scraped != "" {
			return
		}
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		answer, err := client.Get(url)
		if err != nil {
			t.Errorf("scraping %q: %v", url, err)
			return
		}
		all, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		scraped = string(all)
		cancel()
	})
	code := run(ctx, []string{
		"run", "testdata/long.yaml", "--out", filepath.Join(t.TempDir(), "out"), "--target", serveHere(t),
		"--metrics", "127.0.0.1:0", "--otlp", otel.URL, "--live", "127.0.0.1:0",
	}, strings.NewReader(""), io.Discard, stderr)
	if code != exitInterrupted {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{`throng_run_clients{cell="",state="held",trial="1"}`, `throng_run_info{scenario="long"`, `throng_run_latency_seconds_count{cell="",metric="connect"`} {
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
