package metric

import "testing"

func TestSamplesFor(t *testing.T) {
	for percentile, want := range map[float64]int64{50: 20, 90: 100, 95: 200, 99: 1000, 99.9: 10_000, 99.99: 100_000, 99.9999: 10_000_000} {
		if got := SamplesFor(percentile); got != want {
			t.Errorf("p%v takes %d samples, want %d", percentile, got, want)
		}
	}
}

func TestTakes(t *testing.T) {
	for name, want := range map[string]int64{Ack: 1000, Connect: 1000, Reconnect: 0, ReconnectOpen: 0} {
		if got := Takes(name, 99); got != want {
			t.Errorf("p99(%s) takes %d samples, want %d", name, got, want)
		}
	}
}

func TestStated(t *testing.T) {
	for _, tt := range []struct {
		n          int64
		percentile float64
		us, want   int64
	}{{999, 99, 5, 0}, {1000, 99, 5, 5}, {1000, 99, 0, 1}, {20, 50, 7, 7}, {19, 50, 7, 0}} {
		if got := Stated(tt.n, tt.percentile, tt.us); got != tt.want {
			t.Errorf("p%v of %d samples, %d µs, is stated as %d, want %d", tt.percentile, tt.n, tt.us, got, tt.want)
		}
	}
}
