package main

import (
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/throng-io/throng/bench/internal/delayed"
	"github.com/throng-io/throng/bench/internal/program"
	"github.com/throng-io/throng/scenario/result"
)

// The binary of the tests is the processes as well.
func TestMain(m *testing.M) {
	if !program.Play("starve", roles...) {
		goleak.VerifyTestMain(m)
	}
}

// A runner that is stopped again and again cannot judge, and says so, however fast the machine is.
func TestAStoppedGeneratorIsInvalid(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var may unix.CPUSet
	if err := unix.SchedGetaffinity(0, &may); err != nil {
		t.Fatal(err)
	}
	var cpus []int
	for cpu := 0; len(cpus) < may.Count(); cpu++ {
		if may.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	o := &options{window: 2 * time.Second, pins: pins{server: cpus[len(cpus)-1], generator: cpus[0]}}
	r, err := one(t.Context(), self, o, load{Kind: stops, On: 300 * time.Millisecond, Off: 500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if r.Verdict != result.Invalid || r.Reported.N == 0 || r.Truth.N == 0 {
		t.Errorf("%+v, want it invalid", r)
	}
	if r.Truth.P50 < shortest.Microseconds() {
		t.Errorf("the truth is %+v, with delays of %v at least", r.Truth, shortest)
	}
}

func TestOff(t *testing.T) {
	for name, c := range map[string]struct {
		reported, truth int64
		off             bool
	}{
		"near":                {10_400, 10_000, false},
		"a fifth":             {12_000, 10_000, false},
		"more":                {12_100, 10_000, true},
		"less":                {7_900, 10_000, true},
		"within the floor":    {1_900, 1_000, false},
		"beyond the floor":    {2_100, 1_000, true},
		"a twentieth of much": {105_000, 100_000, false},
	} {
		o := outcome{Verdict: result.Pass, Reported: delayed.Quantiles{P99: c.reported}, Truth: delayed.Quantiles{P99: c.truth}}
		if o.off() != c.off || (verdict([]outcome{o}) != nil) != c.off {
			t.Errorf("%s: off is %v, want %v", name, o.off(), c.off)
		}
		o.Verdict = result.Invalid
		if err := verdict([]outcome{o}); err != nil {
			t.Errorf("%s, but invalid: %v", name, err)
		}
	}
}
