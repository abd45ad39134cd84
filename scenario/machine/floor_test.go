package machine

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"
)

func TestSpread(t *testing.T) {
	samples := make([]time.Duration, 1000)
	for i := range samples {
		samples[i] = time.Duration(1000 - i)
	}
	if got, want := spread(samples), (Spread{N: 1000, P50: 500, P99: 990, P999: 999, Max: 1000}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got, want := spread([]time.Duration{7}), (Spread{N: 1, P50: 7, P99: 7, P999: 7, Max: 7}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := spread(nil); got != (Spread{}) {
		t.Errorf("of nothing: %+v", got)
	}
}

// How long things take decides nothing here: only that all of it was measured.
func TestMeasure(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	f, err := Measure(t.Context(), 400*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]Spread{"pacer": f.Pacer, "timer": f.Timer, "round trip": f.RoundTrip, "echo": f.Echo} {
		if s.N == 0 || s.P50 < 0 || s.P50 > s.P99 || s.P99 > s.P999 || s.P999 > s.Max {
			t.Errorf("%s: %+v", name, s)
		}
	}
	if f.RoundTrip.P50 <= 0 || f.RoundTrip.N != f.Echo.N || f.Echo.Max < f.RoundTrip.P50 {
		t.Errorf("round trip %+v, echo %+v", f.RoundTrip, f.Echo)
	}
	if f.Busy < 0 || f.Busy > 1 || f.Steal < 0 || f.Steal > 1 || f.Seconds <= 0 {
		t.Errorf("busy %g, steal %g, %g s", f.Busy, f.Steal, f.Seconds)
	}
	if after := runtime.GOMAXPROCS(0); after != before {
		t.Errorf("GOMAXPROCS was %d and is %d", before, after)
	}
}

func TestMeasureStops(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	// An hour, if the context did not end it: the test's own limit would.
	if _, err := Measure(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}
