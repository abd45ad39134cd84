package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/bench/internal/delayed"
	"github.com/throng-io/throng/bench/internal/program"
)

// The binary of the tests is the server as well.
func TestMain(m *testing.M) {
	if !program.Play("accuracy", server) {
		os.Exit(m.Run())
	}
}

// How near the two are is for the program to say; here every broadcast must be counted on both
// sides, and the delay be there.
func TestBothSidesMeasure(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o := &options{receivers: 5, rate: 20, window: time.Second, busy: true}
	reported, truth, err := compare(t.Context(), self, 20*time.Millisecond, o)
	if err != nil {
		t.Fatal(err)
	}
	// The phases meet within a broadcast, and when the machine is slow receivers may come while
	// some are under way.
	if 5*truth.N < reported.N {
		t.Errorf("the server delayed %d broadcasts, and %d deliveries to 5 receivers were reported", truth.N, reported.N)
	}
	if truth.P50 < 20_000 || reported.P50 < 20_000*998/1000 {
		t.Errorf("p50 is %d us at the server and %d us outside, with a delay of 20 ms", truth.P50, reported.P50)
	}
}

func TestReport(t *testing.T) {
	us := func(n int64) delayed.Quantiles { return delayed.Quantiles{N: 10, P50: n, P99: 2 * n} }
	good := []row{{0, us(5), us(205)}, {time.Millisecond, us(1050), us(1300)}, {100 * time.Millisecond, us(100_100), us(100_600)}}
	var out bytes.Buffer
	if err := report(&out, good); err != nil {
		t.Errorf("good rows: %v", err)
	}
	if !strings.Contains(out.String(), "processes: 200 us") {
		t.Errorf("the floor is not 200 us:\n%s", &out)
	}
	for name, bad := range map[string]row{
		"too much":   {10 * time.Millisecond, us(10_000), us(10_600)},
		"too little": {10 * time.Millisecond, us(10_000), us(9_900)},
	} {
		if err := report(&out, []row{good[0], bad}); err == nil || !strings.Contains(err.Error(), "10ms") {
			t.Errorf("%s: %v, want an error that names the delay", name, err)
		}
	}
}
