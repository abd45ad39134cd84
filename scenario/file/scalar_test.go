package file

import (
	"math"
	"testing"
	"time"
)

func TestScalars(t *testing.T) {
	try := func(what string, good bool, got, want any) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %v, want %v (good %v)", what, got, want, good)
		}
	}
	for text, want := range map[string]time.Duration{
		"250ms": 250 * time.Millisecond, "30s": 30 * time.Second, "1m30s": 90 * time.Second, "1.5h": 90 * time.Minute,
		"7us": 7 * time.Microsecond, "3ns": 3, "0s": 0, "1h1m1s1ms": time.Hour + time.Minute + time.Second + time.Millisecond,
	} {
		got, f := parseDuration(text)
		try(text, true, f == nil, true)
		try(text, true, got, want)
	}
	for _, text := range []string{"", "30", "1.5", "-1s", "1d", "s", "1s ", "1 s", "1e3s", "12:30", "0x1s", "1m30", ".5s", "5.s", "999999999999h", "+1s", "1µs"} {
		_, f := parseDuration(text)
		try("duration "+text, false, f != nil, true)
	}

	for text, want := range map[string]float64{"200/s": 200, "2/m": 2.0 / 60, "1k/s": 1000, "1.5M/s": 1.5e6, "36/h": 0.01, "0.5/s": 0.5, "0/s": 0} {
		got, f := parseRate(text)
		try(text, true, f == nil, true)
		try(text, true, math.Abs(got-want) < 1e-12*max(1, want), true)
	}
	for _, text := range []string{"", "200", "10k", "1/d", "10/sec", "-1/s", "1e3/s", "10 /s", "/s", "K/s", "1K/s", "NaN/s", "Inf/s", "0x10/s", "1_000/s"} {
		_, f := parseRate(text)
		try("rate "+text, false, f != nil, true)
	}

	for text, want := range map[string]float64{"256B": 256, "16KiB": 16384, "1kB": 1000, "1.5KiB": 1536, "2MB": 2e6, "1MiB": 1 << 20, "0B": 0} {
		got, f := parseSize(text)
		try(text, true, f == nil, true)
		try(text, true, got, want)
	}
	for bytes, want := range map[float64]string{0: "0B", 48: "48B", 1024: "1KiB", 11e3: "11kB", 1536: "1536B", 1 << 30: "1GiB", 100 << 30: "100GiB", 5e12 + 1: "5000000000001B", 2.5: "2.5B"} {
		try("size", true, FormatSize(bytes), want)
	}
	for _, text := range []string{"", "256", "256b", "1KB", "1K", "64.5B", "-1B", "1e3B", "lognormal(80,0.8)", "zipf(1.07)", "0x10B", "1 kB"} {
		_, f := parseSize(text)
		try("size "+text, false, f != nil, true)
	}

	for text, want := range map[string]float64{"93%": 0.93, "0%": 0, "100%": 1, "0.01%": 0.0001, "250%": 2.5} {
		got, f := parsePercent(text)
		try(text, true, f == nil, true)
		try(text, true, math.Abs(got-want) < 1e-15, true)
	}
	for _, text := range []string{"", "93", "0.93", "%", "-1%", "1e2%", "5 %", "5%%"} {
		_, f := parsePercent(text)
		try("share "+text, false, f != nil, true)
	}

	for text, want := range map[string]int{"0": 0, "7": 7, "500": 500, "10k": 10_000, "1.5M": 1_500_000, "4.35k": 4350, "0.5k": 500, "1M": 1_000_000} {
		got, f := parseCount(text)
		try(text, true, f == nil, true)
		try(text, true, got, want)
	}
	for _, text := range []string{"", "1e3", "0x10", "010", "12:30", "1_000", "1,000", "-1", "+1", "1.5", "1.0005k", "10K", "k", "1kk", "99999999999999999999", "true", "~", "0o7", "0b1", ".5k", "1 k"} {
		_, f := parseCount(text)
		try("count "+text, false, f != nil, true)
	}

	for text, want := range map[string]Ramp{"0%..100%": {0, 1}, "50%": {0.5, 0.5}, "100%..0%": {1, 0}, "0% .. 50%": {0, 0.5}} {
		got, f := parseRamp(text)
		try(text, true, f == nil, true)
		try(text, true, got, want)
	}
	for _, text := range []string{"", "0..100", "0%..", "..5%", "0%..50%..100%", "50", "0%-100%"} {
		_, f := parseRamp(text)
		try("ramp "+text, false, f != nil, true)
	}

	for _, text := range []string{"", "yes", "no", "on", "off", "True", "1", "y"} {
		_, f := parseBool(text)
		try("bool "+text, false, f != nil, true)
	}
	for _, text := range []string{"", "-1", "0x10", "010", "1e3", "1.5", "18446744073709551616"} {
		_, f := parseSeed(text)
		try("seed "+text, false, f != nil, true)
	}
	if got, f := parseSeed("18446744073709551615"); f != nil || got != math.MaxUint64 {
		t.Errorf("the highest seed: %d, %v", got, f)
	}
}

func TestFormatDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		time.Hour: "1h", 90 * time.Minute: "1h30m", 90 * time.Second: "1m30s", time.Minute: "1m", 1500 * time.Microsecond: "1.5ms",
		50 * time.Second: "50s", 100 * time.Minute: "1h40m", 7 * time.Microsecond: "7us", 0: "0s",
	} {
		got := formatDuration(d)
		if got != want {
			t.Errorf("%v is shown as %s, want %s", int64(d), got, want)
		}
		if back, f := parseDuration(got); f != nil || back != d {
			t.Errorf("%s does not read back: %v, %v", got, back, f)
		}
	}
}

func TestSuggest(t *testing.T) {
	for _, c := range []struct{ word, want string }{
		{"transprot", "transport"},
		{"tranport", "transport"},
		{"Transport", "transport"},
		{"conect", "connect"},
		{"cuont", "count"},
		{"of", "of"},
		{"xyz", ""},
		{"", ""},
		{"nothing_like_it", ""},
	} {
		if got := Suggest(c.word, []string{"transport", "connect", "count", "of", "join"}); got != c.want {
			t.Errorf("Suggest(%q) = %q, want %q", c.word, got, c.want)
		}
	}
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"ab", "ba", 1}, {"abc", "abd", 1}, {"kitten", "sitting", 3}, {"é", "e", 1}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
