package result

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func sample() *Run {
	h := NewHistogram()
	for i := range 5000 {
		Record(h, time.Duration(i)*time.Millisecond/10)
	}
	return &Run{
		Scenario: "broadcast", About: "one to many", Verdict: Pass, Seed: 7, Started: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Throng: "v0.1.0",
		Env: map[string]string{"os": "linux"}, Command: []string{"throng", "run", "broadcast"}, Warnings: []string{"w"},
		Cells: []Cell{{
			Params: map[string]string{"transport": "websocket"}, Trial: 1, Verdict: Pass, Seconds: 20,
			Clients: Clients{Asked: 1001, Held: 1001}, Ledger: Ledger{Sent: 200, Expected: 200000, Received: 200000},
			Rates:   Rates{OfferedPerS: 10, AchievedPerS: 10, DeliveriesPerS: 10000},
			Latency: map[string]*Latency{"delivery": FromHistogram(h), "ack": {}},
			Server:  Server{CPUs: 3.5, RSSPeakBytes: 1 << 20}, Generator: Generator{CPUs: 2, LagP99us: 120, Lag: FromHistogram(h)},
			Errors: map[string]int64{"connect.refused": 0}, Warnings: []string{},
			Checks:   []Check{{Text: "p99(delivery) < 100ms", Value: 0.012, Pass: true, Kind: KindSLO, Metric: "delivery", Stat: "p99", Limit: 0.1, Op: "<"}},
			Phases:   []Phase{{Name: "hold", EndS: 20, Record: true}},
			Timeline: []Second{{T: 0, Asked: 10, Latency: map[string]Quantiles{"delivery": QuantilesOf(h)}}},
			Curve:    []CurvePoint{{Rank: 1, P50us: 900, P99us: 1800, N: 200}},
		}},
	}
}

func TestWriteThenRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "deep")
	r := sample()
	for range 2 { // the second time over the first
		if err := r.Write(dir); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{dir, filepath.Join(dir, FileName)} {
		got, err := Read(path)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(r, got); d != "" {
			t.Errorf("read back from %s (-wrote +read):\n%s", path, d)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left in the directory: %v, %v", entries, err)
	}
}

// The names that other programs read, as the format promises them.
const promised = `{"format": 1, "scenario": "", "verdict": "pass", "seed": 1, "started": "", "throng": "", "env": {},
 "cells": [{"params": {}, "trial": 1, "verdict": "pass", "seconds": 20.0,
   "clients": {"asked": 0, "held": 0, "failed": 0, "dropped": 0},
   "ledger": {"sent": 0, "expected": 0, "received": 0, "lost": 0, "duplicate": 0, "disorder": 0, "late": 0, "undecided": 0},
   "rates": {"offered_per_s": 0, "achieved_per_s": 0, "deliveries_per_s": 0},
   "latency": {"delivery": {"n": 0, "min_us": 0, "mean_us": 0, "p50_us": 0, "p90_us": 0, "p99_us": 0, "p999_us": 0, "max_us": 0, "hdr": ""}, "ack": {}},
   "server": {"cpu_s": 0, "rss_peak_bytes": 0, "rss_per_client_bytes": 0, "deliveries_per_cpu_s": 0, "bytes_out": 0, "bytes_in": 0},
   "generator": {"cpu_s": 0, "rss_peak_bytes": 0, "lag_p99_us": 0, "bytes_in": 0, "bytes_out": 0},
   "errors": {}, "checks": [{"check": "", "value": 0, "pass": true, "kind": ""}], "warnings": []}]}`

func TestPromisedNames(t *testing.T) {
	r := sample()
	r.Format = Format
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var want, got any
	if err := errors.Join(json.Unmarshal([]byte(promised), &want), json.Unmarshal(text, &got)); err != nil {
		t.Fatal(err)
	}
	contains(t, "result", want, got)
}

func contains(t *testing.T, path string, want, got any) {
	t.Helper()
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			t.Errorf("%s is %T, want an object", path, got)
			return
		}
		for k, v := range w {
			if _, ok := g[k]; !ok {
				t.Errorf("%s.%s is missing", path, k)
				continue
			}
			contains(t, path+"."+k, v, g[k])
		}
	case []any:
		g, ok := got.([]any)
		if !ok {
			t.Errorf("%s is %T, want a list", path, got)
		} else if len(w) > 0 {
			contains(t, path+"[0]", w[0], g[0])
		}
	case float64:
		if _, ok := got.(float64); !ok {
			t.Errorf("%s is %T, want a number", path, got)
		}
	}
}

func TestWriteKeepsARunWithBadNumbers(t *testing.T) {
	r := sample()
	r.Cells[0].Rates.OfferedPerS = math.NaN()
	r.Cells[0].Latency["delivery"].Meanus = math.Inf(1)
	r.Cells[0].Checks[0].Value = math.Inf(-1)
	dir := t.TempDir()
	if err := r.Write(dir); err != nil {
		t.Fatal(err)
	}
	got, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"w",
		"cells[0].rates.offered_per_s was NaN, which JSON cannot hold; it is written as 0",
		"cells[0].latency.delivery.mean_us was +Inf, which JSON cannot hold; it is written as 0",
		"cells[0].checks[0].value was -Inf, which JSON cannot hold; it is written as 0",
	}
	if d := cmp.Diff(want, got.Warnings); d != "" {
		t.Error(d)
	}
	if got.Cells[0].Rates.OfferedPerS != 0 {
		t.Error("offered_per_s is not 0")
	}
}

func TestWriteTellsWhy(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := sample().Write(filepath.Join(file, "sub")); err == nil || !strings.HasPrefix(err.Error(), "write result: ") {
		t.Errorf("got %v", err)
	}
}

func TestReadTellsWhatToDo(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"not JSON", "hello", "not a throng result"},
		{"empty", "", "not a throng result"},
		{"other JSON", `{"a":1}`, `"format" or "cells" is missing`},
		{"list", `[1]`, "not a throng result: it is JSON of another kind: array"},
		{"cut off", `{"format": 1, "cells": [{"tri`, "cut off after 29 bytes"},
		{"no cells", `{"format":1}`, `"format" or "cells" is missing`},
		{"newer", `{"format":2,"cells":[]}`, "format 2 is newer than this throng, which reads up to 1; use the version that wrote it"},
		{"damaged", `{"format":1,"cells":[{"trial":"x"}]}`, "damaged result: cells.trial cannot be string (at byte "},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), FileName)
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Read(path)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v, want the path and %q", err, c.want)
			}
		})
	}
	if _, err := Read(t.TempDir()); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "throng run") {
		t.Errorf("empty directory: %v", err)
	}
}

func TestReadLeavesOutNullLatencies(t *testing.T) {
	r, err := Parse("x", []byte(`{"format":1,"later":true,"cells":[{"latency":{"ack":null,"delivery":{}}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if l := r.Cells[0].Latency; len(l) != 1 || l["delivery"] == nil {
		t.Errorf("got %v", l)
	}
}

func TestWorst(t *testing.T) {
	for _, c := range []struct{ a, b, want Verdict }{
		{Pass, Pass, Pass},
		{Pass, Fail, Fail},
		{Fail, Pass, Fail},
		{Fail, Invalid, Invalid},
		{Invalid, Pass, Invalid},
		{"", Pass, Invalid},
		{Pass, "odd", Invalid},
	} {
		if got := Worst(c.a, c.b); got != c.want {
			t.Errorf("Worst(%q, %q) = %q, want %q", c.a, c.b, got, c.want)
		}
	}
}

func TestEnvironment(t *testing.T) {
	env := Environment()
	for _, k := range []string{"os", "arch", "cores", "gomaxprocs", "go", "throng"} {
		if env[k] == "" {
			t.Errorf("%s is missing", k)
		}
	}
	host, err := os.Hostname()
	for k, v := range env {
		if v == "" {
			t.Errorf("%s is empty", k)
		}
		if err == nil && len(host) > 3 && strings.Contains(v, host) {
			t.Errorf("%s names the machine: %q", k, v)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(promised))
	f.Add([]byte(`{"format":1,"cells":[{"latency":{"a":{"n":3,"hdr":"AAAA"}}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Parse("x", text)
		if (r == nil) == (err == nil) {
			t.Fatalf("result %v with error %v", r, err)
		}
		if err != nil {
			return
		}
		if _, err := json.Marshal(r); err != nil {
			t.Fatalf("read, but cannot be written: %v", err)
		}
		for _, c := range r.Cells {
			for _, l := range c.Latency {
				if h, err := l.Histogram(); err == nil && l.N > 0 && h.TotalCount() != l.N {
					t.Fatal("histogram and summary differ")
				}
			}
		}
	})
}

func TestMeets(t *testing.T) {
	for _, c := range []struct {
		op            string
		below, at, up bool
	}{
		{"<", true, false, false},
		{"<=", true, true, false},
		{">", false, false, true},
		{">=", false, true, true},
		{"==", false, true, false},
	} {
		check := Check{Op: c.op, Limit: 2}
		if got := [...]bool{check.Meets(1), check.Meets(2), check.Meets(3)}; got != [...]bool{c.below, c.at, c.up} {
			t.Errorf("1, 2, 3 %s 2: %v", c.op, got)
		}
		if check.Meets(math.NaN()) {
			t.Errorf("nothing measured %s 2 is met", c.op)
		}
	}
	if new(Check).Meets(0) {
		t.Error("a check without an operator is met")
	}
}

func TestRevisionAbbreviated(t *testing.T) {
	long := "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"
	for want, r := range map[string]Revision{"": {Modified: true}, "0a1b2c3d4e5f": {ID: long}, "0a1b2c3d4e5f+changes": {ID: long, Modified: true}, "0a1b": {ID: "0a1b"}} {
		if got := r.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
