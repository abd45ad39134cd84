package result

import (
	"testing"

	"pgregory.net/rapid"
)

func TestHeatKeepsEverySample(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h Heat
		samples := rapid.SliceOfN(rapid.Int64Range(0, MaxLatency.Microseconds()), 1, 200).Draw(t, "µs")
		for _, us := range samples {
			h.Add(us, 1)
		}
		sum, before := int64(0), int64(0)
		for _, s := range HeatOf(h.Take()) {
			if s.Low < before || s.High <= s.Low || s.N <= 0 {
				t.Fatalf("steps out of order: %+v", s)
			}
			before = s.High
			sum += s.N
		}
		if sum != int64(len(samples)) {
			t.Fatalf("%d samples of %d", sum, len(samples))
		}
	})
}

func TestHeatSteps(t *testing.T) {
	var h Heat
	for _, us := range []int64{0, 1000, 1020, 2100} {
		h.Add(us, 1)
	}
	text := h.Take()
	steps := HeatOf(text)
	if len(steps) != 3 || steps[0].N != 1 || steps[1].N != 2 || steps[1].Low > 1000 || steps[1].High <= 1020 || steps[2].Low > 2100 || steps[2].High <= 2100 {
		t.Errorf("%q: %+v", text, steps)
	}
	if again := h.Take(); again != "" {
		t.Errorf("what was taken is still there: %q", again)
	}
	for _, bad := range []string{"", "3", "x 1", "-1 1", "3 x", "3 -1", "999999 1"} {
		if got := HeatOf(bad); got != nil {
			t.Errorf("%q: %+v", bad, got)
		}
	}
}
