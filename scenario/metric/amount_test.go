package metric

import (
	"math"
	"testing"
	"time"
)

func TestFormat(t *testing.T) {
	for _, c := range []struct {
		v    float64
		unit string
		want string
	}{
		{0.143, Seconds, "143 ms"},
		{0.1434, Seconds, "143 ms"},
		{1.5, Seconds, "1.5 s"},
		{0.0015, Seconds, "1.5 ms"},
		{0.0000123, Seconds, "12.3 µs"},
		{0.000001, Seconds, "1 µs"},
		{0, Seconds, "0 µs"},
		{0.005075, Seconds, "5.08 ms"},
		{75, Seconds, "75 s"},
		{-0.002, Seconds, "-2 ms"},
		{0.0009996, Seconds, "1 ms"},
		{0.9996, Seconds, "1 s"},
		{3600, Seconds, "3 600 s"},
		{10000, Bytes, "9.77 KiB"},
		{10000, "bytes", "9.77 KiB"},
		{512, Bytes, "512 B"},
		{1 << 20, Bytes, "1 MiB"},
		{1000, Bytes, "1 000 B"},
		{1023 << 10, Bytes, "1 023 KiB"},
		{5e12, Bytes, "4.55 TiB"},
		{0.5, Share, "50 %"},
		{0.99954, Share, "100 %"},
		{0.001234, Share, "0.123 %"},
		{0, Share, "0 %"},
		{1000, PerSecond, "1 000/s"},
		{12.345, PerSecond, "12.3/s"},
		{0.05, PerSecond, "0.05/s"},
		{0, Count, "0"},
		{7, Count, "7"},
		{999.7, Count, "1 000"},
		{1234567, Count, "1 234 567"},
		{-1234, Count, "-1 234"},
		{0.5, Count, "0.5"},
		{math.NaN(), Count, "-"},
		{math.Inf(1), Seconds, "- s"},
		{1e-9, Count, "1e-09"},
		{1e18, Count, "1e+18"},
	} {
		if got := Format(c.v, c.unit); got != c.want {
			t.Errorf("%v %q is written %q, want %q", c.v, c.unit, got, c.want)
		}
	}
	if got := FormatDuration(143 * time.Millisecond); got != "143 ms" {
		t.Errorf("143ms is written %q", got)
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1 000", -100: "-100", -1000: "-1 000", 1234567: "1 234 567"} {
		if got := FormatCount(n); got != want {
			t.Errorf("%d is written %q, want %q", n, got, want)
		}
	}
}

func TestFormatBeside(t *testing.T) {
	for _, c := range []struct {
		v, limit float64
		unit     string
		want     string
	}{
		{0.10003, 0.1, Seconds, "100.03 ms"},
		{0.1, 0.1, Seconds, "100 ms"},
		{0.2, 0.1, Seconds, "200 ms"},
		{0.98996, 0.99, Share, "98.996 %"},
		{1000.4, 1000, PerSecond, "1 000.4/s"},
		{0.1 + 1e-12, 0.1, Seconds, "100 ms"},
	} {
		if got := FormatBeside(c.v, c.limit, c.unit); got != c.want {
			t.Errorf("%v beside %v is written %q, want %q", c.v, c.limit, got, c.want)
		}
	}
}
