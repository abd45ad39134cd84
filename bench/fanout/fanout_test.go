//go:build linux

package main

import (
	"context"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/throng-io/throng/bench/internal/certificate"
	"github.com/throng-io/throng/bench/internal/program"
)

// The test binary is started again as the generator, as the program is.
func TestMain(m *testing.M) {
	if !program.Play("fanout", generatorRole) {
		goleak.VerifyTestMain(m)
	}
}

func TestJudge(t *testing.T) {
	r := &report{
		benchCase: benchCase{name: "n", about: "a", columns: []string{costMetric}, targets: []target{
			{metric: costMetric, of: "throng", to: "node", limit: 0.1},
			{metric: costMetric, of: "throng", to: "floor", limit: 0.2},
			{metric: costMetric, of: "throng", to: "floor", limit: 0.1, stretch: true},
			{metric: acksMetric, of: "throng", to: "node", limit: 3, atLeast: true},
			{metric: costMetric, of: "throng", limit: 2},
			{metric: costMetric, of: "throng", to: "absent", limit: 1},
		}},
		entries: []entry{{server: "throng"}, {server: "node"}, {server: "floor"}},
		samples: map[string][]metrics{
			"throng": {{costMetric: 1, acksMetric: 30}, {costMetric: 9, acksMetric: 30}, {costMetric: 0.5, acksMetric: 30}},
			"node":   {{costMetric: 10, acksMetric: 10}, {costMetric: 12, acksMetric: 10}, {costMetric: 8, acksMetric: 10}},
			"floor":  {{costMetric: 4}, {costMetric: 2}},
		},
	}
	want := []struct {
		value float64
		met   bool
	}{{0.1, true}, {1. / 3, false}, {1. / 3, false}, {3, true}, {1, true}}
	got := r.judge()
	if len(got) != len(want) {
		t.Fatalf("%d findings, want %d: an entry that did not run is not judged", len(got), len(want))
	}
	for i, w := range want {
		if math.Abs(got[i].value-w.value) > 1e-12 || got[i].met != w.met {
			t.Errorf("finding %d: %v %v, want %v %v", i, got[i].value, got[i].met, w.value, w.met)
		}
	}
	if r.missed() != 1 {
		t.Errorf("%d targets missed, want 1: a stretch is not counted", r.missed())
	}
	for _, line := range []string{"throng", "1.00 [0.500..9.00]", "not met", "at least 3.00"} {
		if !strings.Contains(r.table(), line) {
			t.Errorf("the table misses %q:\n%s", line, r.table())
		}
	}
	if n := strings.Count(string(r.lines(header{})), "\n"); n != 1+8+5 {
		t.Errorf("%d lines of JSON, want a header, 8 measurements and 5 findings", n)
	}
}

func TestCasesNameWhatTheyMeasure(t *testing.T) {
	for _, c := range allCases() {
		labels := map[string]bool{"": true}
		for _, e := range c.entries {
			if labels[e.label()] {
				t.Errorf("%s: two entries are called %q", c.name, e.label())
			}
			labels[e.label()] = true
			if e.rooms > 0 && e.clients%e.rooms != 0 || e.clients%e.generators != 0 || e.clients/e.generators > 15000 {
				t.Errorf("%s, %s: %d clients in %d rooms and %d generators", c.name, e.label(), e.clients, e.rooms, e.generators)
			}
		}
		for _, target := range c.targets {
			if !labels[target.of] || !labels[target.to] {
				t.Errorf("%s: a target compares %q with %q", c.name, target.of, target.to)
			}
		}
	}
}

// The same binary can stand beside itself with other flags.
func TestBeforeFlags(t *testing.T) {
	o, err := parse([]string{"--before-flags=--no-io-uring --fanout serial"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{opts: o, throng: "/t"}
	if all := b.field(allCases()[0]); len(all) < 2 || all[1].server != "before" {
		t.Fatalf("entries %+v", all)
	}
	want := append(b.command(entry{server: "throng"}), "--no-io-uring", "--fanout", "serial")
	if got := b.command(entry{server: "before"}); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	o.before = "/b"
	if got := b.command(entry{server: "before"}); got[0] != "/b" || !slices.Equal(got[1:], want[1:]) {
		t.Errorf("got %q", got)
	}
}

// What is not on every machine is measured for who asks for it by name.
func TestPeersOfPythonAreAskedFor(t *testing.T) {
	for _, c := range choose(nil) {
		for _, e := range (&bench{opts: &options{}}).field(c) {
			if slices.Contains(python(), e.server) {
				t.Errorf("%s: %s is measured unasked", c.name, e.label())
			}
		}
		if got := (&bench{opts: &options{servers: python()}}).field(c); len(got) > 0 && !slices.Contains(python(), got[0].server) {
			t.Errorf("%s: %s is measured instead", c.name, got[0].label())
		}
	}
}

func TestParse(t *testing.T) {
	for _, args := range [][]string{{"--repeats", "0"}, {"--quick", "--cases", "echo"}, {"--quick", "--servers", "node"}, {"more"}, {"--no"}} {
		if _, err := parse(args, io.Discard); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
	for _, flag := range []string{"cases", "servers", "strategies"} {
		if _, err := parse([]string{"--" + flag, "nothing"}, io.Discard); err == nil || !strings.Contains(err.Error(), `there is no "nothing"; there are `) {
			t.Errorf("--%s: %v", flag, err)
		}
	}
}

// The floor, as a process, under the generator, as a process: everything between the two ends of a
// measurement.
func TestFloorUnderTheGenerator(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	b := &bench{opts: &options{}, dir: t.TempDir(), root: filepath.Join("..", ".."), self: os.Args[0], log: io.Discard}
	var err error
	if b.serverCPU, b.generatorCPU, err = processors(&options{serverCPU: -1, generatorCPU: -1}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if b.floor, err = program.Build(ctx, b.dir, "bench/floor"); err != nil {
		t.Fatal(err)
	}
	if b.cert, b.key, err = certificate.Write(b.dir); err != nil {
		t.Fatal(err)
	}
	for _, e := range []entry{{tls: true}, {polling: true}} {
		e.server, e.clients, e.generators = "floor", 12, 1
		s, err := b.open(ctx, e)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := floodOf("flood", 3, true)(ctx, s, 30*time.Millisecond); err != nil || m[costMetric] <= 0 {
			t.Errorf("flood, TLS %v, polling %v: %v, %v", e.tls, e.polling, m, err)
		}
		if e.tls {
			if m, err := echoOf("echo")(ctx, s, 30*time.Millisecond); err != nil || m[echoMetric] <= 0 {
				t.Errorf("echo with TLS: %v, %v", m, err)
			}
		}
		s.close()
	}
	for _, generators := range []int{1, 2} {
		s, err := b.open(ctx, entry{server: "floor", clients: 12, generators: generators})
		if err != nil {
			t.Fatal(err)
		}
		m, err := floodOf("flood", 4, generators == 1)(ctx, s, 30*time.Millisecond)
		if err != nil || m[costMetric] <= 0 {
			t.Errorf("flood with %d generators: %v, %v", generators, m, err)
		}
		if generators == 1 {
			for _, event := range []string{"echo", "typed"} {
				if m, err = echoOf(event)(ctx, s, 30*time.Millisecond); err != nil || m[echoMetric] <= 0 {
					t.Errorf("%s: %v, %v", event, m, err)
				}
			}
			if rss, pss, err := s.server.memory(); err != nil || rss <= 0 || pss <= 0 || pss > rss {
				t.Errorf("memory: RSS %v KiB, PSS %v KiB, %v", rss, pss, err)
			}
		}
		s.close()
		if s.server.cmd.ProcessState == nil || s.gens[0].cmd.ProcessState == nil {
			t.Error("a child is left behind")
		}
	}
}
