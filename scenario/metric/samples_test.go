package metric

import "testing"

func TestSamplesFor(t *testing.T) {
	for percentile, want := range map[float64]int64{50: 20, 90: 100, 95: 200, 99: 1000, 99.9: 10_000, 99.99: 100_000, 99.9999: 10_000_000} {
		if got := SamplesFor(percentile); got != want {
			t.Errorf("p%v takes %d samples, want %d", percentile, got, want)
		}
	}
}
