package machine

import (
	"strings"
	"testing"
	"time"
)

func TestAssess(t *testing.T) {
	f := parse(t, `
matrix: {axes: {n: [10, 30, 20]}, repeat: 2, cooldown: 5s}
groups:
  a: {count: "${matrix.n}", connect: {from: [127.0.0.1]}}
  b: {count: 1, send: [{op: all, rate: 10/s, expect: others}]}
phases:
  - {name: ramp, for: 2s, clients: 0%..100%, load: 0%, record: false}
  - {name: hold, for: 4s}
`)
	a := Assess(f, Limits{PortLow: 1, PortHigh: 100, Memory: 1 << 40, Available: 1 << 20}, time.Minute)
	if a.Trials != 6 || a.Trial != 6*time.Second || a.Total != 61*time.Second || a.TotalS != 61 {
		t.Errorf("%d trials of %s, %s in all; want 6, 6s, 61s", a.Trials, a.Trial, a.Total)
	}
	if len(a.Combined) != 3 || a.Heaviest != 1 || a.Combined[1].Clients != 31 || a.Combined[1].DeliveriesPerS != 300 || a.Combined[2].Params["n"] != "20" {
		t.Errorf("combinations %+v, heaviest %d", a.Combined, a.Heaviest)
	}
	if len(a.Phases) != 2 || a.Phases[0].Clients != [2]int{0, 31} || a.Phases[1].DeliveriesPerS != [2]float64{300, 300} || !a.Phases[1].Record {
		t.Errorf("phases %+v", a.Phases)
	}
	if len(a.Sources) != 2 || a.Sources[1] != (Source{"127.0.0.1", 30, 100}) {
		t.Errorf("sources %+v", a.Sources)
	}
	if len(a.Shortages) != 0 || len(a.Warnings) != 1 || !strings.Contains(a.Warnings[0], "1 MiB are free now") {
		t.Errorf("shortages %v, warnings %q", a.Shortages, a.Warnings)
	}
	// What cannot be done at all is no warning.
	if a := Assess(f, Limits{Memory: 1 << 20, Available: 1 << 10}, time.Minute); len(a.Shortages) != 1 || len(a.Warnings) != 0 {
		t.Errorf("shortages %v, warnings %q", a.Shortages, a.Warnings)
	}
}

// A client that stalls for longer than the built-in server's limit is disconnected, and a warning
// says so in advance.
func TestAssessStalls(t *testing.T) {
	const text = `
groups: {a: {count: 1, read: {stall: 2m}}}
phases: [{name: short, for: 30s, fault: {stall: 50%}}, {name: long, for: 70s, fault: {stall: 50%}}]
`
	for more, want := range map[string]int{"": 2, "server: {write_timeout: 90s}": 1, "server: {write_timeout: 2m}": 0, "target: {url: \"http://127.0.0.1:1\"}": 0} {
		if a := Assess(parse(t, text+more), Limits{}, time.Minute); len(a.Warnings) != want || strings.Contains(strings.Join(a.Warnings, ""), "short") {
			t.Errorf("%q: %q, want %d warnings", more, a.Warnings, want)
		}
	}
}
