package file

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// near compares what a parser returned with what a text means, but for the rounding of a division.
func near(a, b float64) bool { return math.Abs(a-b) <= 1e-12*max(1, math.Abs(b)) }

// An amount is a kind of scalar with its parser, as a number.
type amount struct {
	name  string
	parse func(string) (float64, *flaw)
	good  map[string]float64
	bad   string            // texts with | between them
	hints map[string]string // message for a text
}

func number[V int | time.Duration | float64](parse func(string) (V, *flaw)) func(string) (float64, *flaw) {
	return func(text string) (float64, *flaw) {
		v, f := parse(text)
		return float64(v), f
	}
}

// never holds texts that no amount takes.
const never = "|-1|+1|1e3|0x10|010x|NaN|Inf|-Inf|inf|nan|1_000|1,000|12:30|true|~|0o7|0b1|1 000|1. 5|1 .5|.5|5.|٣"

var amounts = []amount{
	{
		"duration", number(parseDuration),
		map[string]float64{
			"250ms": 250e6, "30s": 30e9, "1m30s": 90e9, "1.5h": 5400e9, "7us": 7000, "3ns": 3, "0s": 0, "1h1m1s1ms": 3661.001e9,
			"30 s": 30e9, "1m 30s": 90e9, "1 m 30 s": 90e9, " 5 ms ": 5e6,
		},
		"1|30|1S|1sec|-1s|+1s|1e3s|s|1 2s|1s 2|12:30|99999999h|1m30|9223372037s|1µ|NaNs|Infs|1d",
		map[string]string{
			"30": "write 30s, or another of ns us ms s m h", "10 sec": "write 10s", "10MS": "write 10ms", "1d": "write 24h", "0.5 days": "write 12h", "2min": "write 2m", "x": "write it like 250ms, 30s or 1m30s",
		},
	},
	{
		"rate", number(parseRate),
		map[string]float64{"200/s": 200, "2/m": 2.0 / 60, "1k/s": 1000, "1K/s": 1000, "1.5M/s": 1.5e6, "36/h": 0.01, "0.5/s": 0.5, "0/s": 0, "10 /s": 10, "10 / s": 10, "1 k/s": 1000},
		"200|10k|1/d|10/sec|-1/s|1e3/s|/s|K/s|NaN/s|Inf/s|0x10/s|1_000/s|1m/s|1 0/s",
		map[string]string{"200": "write 200/s, or another of /s /m /h", "10k": "write 10k/s, or another of /s /m /h", "often": "write it like 200/s, 2/m or 1k/s", "10/sec": "write 10/s", "10 msg/s": "write 10/s", "1k per minute": "write 1k/m", "100rps": "write 100/s", "10/ms": "write it like 200/s, 2/m or 1k/s", "100ms": "one every 100ms is 10/s", "3s": "one every 3s is 20/m", "7ms": "write it like 200/s, 2/m or 1k/s"},
	},
	{
		"size", number(parseSize),
		map[string]float64{
			"256B": 256, "16KiB": 16384, "1kB": 1000, "1.5KiB": 1536, "2MB": 2e6, "1MiB": 1 << 20, "0B": 0, "1GiB": 1 << 30, "3GB": 3e9,
			"1200KB": 1.2e6, "1200kB": 1.2e6, "1200kb": 1.2e6, "1kib": 1024, "1KIB": 1024, "1kiB": 1024, "256b": 256, "2mb": 2e6, "1gib": 1 << 30, "1 kB": 1000, "1.5 KiB": 1536,
		},
		"256|1K|64.5B|1e3B|lognormal(80,0.8)|zipf(1.07)|0x10B|iB|1iB|1TB|1Mb|1Kb|1Kib|NaNB",
		map[string]string{"256": "write 256B, or another of B kB KiB MB MiB", "8Mb": "sizes are in bytes: write 8MB", "1Kib": "sizes are in bytes: write 1KiB", "64.5B": "write it like 256B, 16KiB or 1MB", "256 bytes": "write 256B", "1K": "write 1kB"},
	},
	{
		"read rate", parseBytesRate,
		map[string]float64{"8KiB/s": 8192, "1MB/s": 1e6, "8kb/s": 8000, "8 KiB/s": 8192, "8 KiB / s": 8192},
		"8KiB|8/s|8KiB/m|8Mb/s|NaN/s|8",
		map[string]string{"8KiB": "write 8KiB/s", "10/s": "write it like 8KiB/s or 1MB/s", "8Mb/s": "sizes are in bytes: write 8MB"},
	},
	{
		"share", parsePercent,
		map[string]float64{"93%": 0.93, "0%": 0, "100%": 1, "0.01%": 0.0001, "250%": 2.5, "5 %": 0.05},
		"93|0.93|%|-1%|1e2%|5%%|NaN%|Inf%",
		map[string]string{
			"0.5": "did you mean 50%? For 0.5 of a hundred write 0.5%", "0.001": "did you mean 0.1%? For 0.001 of a hundred write 0.001%", "1": "did you mean 100%? For 1 of a hundred write 1%",
			"50": "write 50%", "0": "write 0%", "half": "write it like 5% or 99.9%",
		},
	},
	{
		"count", number(parseCount),
		map[string]float64{"0": 0, "7": 7, "500": 500, "10k": 1e4, "10K": 1e4, "1.5M": 1.5e6, "4.35k": 4350, "0.5k": 500, "1M": 1e6, "10 k": 1e4},
		"1.5|1.0005k|k|1kk|99999999999999999999|.5k|10m|010|0010k",
		map[string]string{"1e3": "write digits, with k or M if you like: 500, 10k, 1.5M", "1.0005k": "write a whole number such as 500, 10k or 1.5M", "99999999999999999999": "write a lower one"},
	},
	{
		"factor", parseFactor,
		map[string]float64{"x2": 2, "x1.5": 1.5, "x 2": 2},
		"2|x|xx2|x-1|xNaN|xInf|x1e9|2x",
		map[string]string{"2": "write it like x2 or x1.5"},
	},
}

func TestAmounts(t *testing.T) {
	for _, a := range amounts {
		for text, want := range a.good {
			if got, f := a.parse(text); f != nil || !near(got, want) {
				t.Errorf("%s %q: %v, %v; want %v", a.name, text, got, f, want)
			}
		}
		for text := range strings.SplitSeq(a.bad+never, "|") {
			if got, f := a.parse(text); f == nil {
				t.Errorf("%s %q is taken as %v", a.name, text, got)
			} else if f.msg == "" || f.hint == "" {
				t.Errorf("%s %q: %+v says too little", a.name, text, f)
			}
		}
		for text, want := range a.hints {
			if _, f := a.parse(text); f == nil || f.hint != want {
				t.Errorf("%s %q: %v, want the hint %q", a.name, text, f, want)
			}
		}
	}
}

// An amount that is taken is a number that a program can work with, whatever the text.
func TestAmountsAreFinite(t *testing.T) {
	digits := rapid.StringMatching(`[0-9]{1,400}(\.[0-9]{1,400})?`)
	unit := rapid.SampledFrom([]string{"", "ns", "us", "ms", "s", "m", "h", "B", "kB", "KiB", "MB", "GiB", "%", "k", "M", "/s", "/m", "/h", "k/s", "M/h", "KiB/s", "GB/s"})
	free := rapid.StringMatching(`[-+ .,0-9eExXNaInfKkMmGgiBbs/h%_()]{0,12}`)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.Custom(func(t *rapid.T) string { return digits.Draw(t, "number") + unit.Draw(t, "unit") }), free, rapid.Custom(func(t *rapid.T) string { return "x" + digits.Draw(t, "number") })).Draw(t, "text")
		for _, a := range amounts {
			v, f := a.parse(text)
			if f == nil && (math.IsNaN(v) || math.IsInf(v, 0) || v < 0) {
				t.Fatalf("%s %q is taken as %v", a.name, text, v)
			}
			if f != nil && v != 0 {
				t.Fatalf("%s %q is refused and %v", a.name, text, v)
			}
		}
	})
}

// A blank between number and unit changes nothing.
func TestBlanksInAmounts(t *testing.T) {
	units := map[string][]string{
		"duration": {"ns", "us", "ms", "s", "m", "h"}, "rate": {"/s", "/m", "/h", "k/s", "K/m", "M/h"}, "share": {"%"}, "count": {"k", "K", "M"},
		"size": {"B", "kB", "KB", "kb", "KiB", "MB", "MiB", "GB", "GiB"}, "read rate": {"B/s", "KiB/s", "MB/s"},
	}
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SampledFrom(amounts[:6]).Draw(t, "amount")
		n, unit := fmt.Sprint(rapid.IntRange(0, 9999).Draw(t, "number")), rapid.SampledFrom(units[a.name]).Draw(t, "unit")
		blank := rapid.StringMatching(` {1,3}`)
		text := blank.Draw(t, "before") + n + blank.Draw(t, "between") + strings.ReplaceAll(unit, "/", blank.Draw(t, "slash")+"/"+blank.Draw(t, "behind"))
		want, f := a.parse(n + unit)
		got, g := a.parse(text)
		if f != nil || g != nil || got != want {
			t.Fatalf("%s %q is %v (%v), %q is %v (%v)", a.name, n+unit, want, f, text, got, g)
		}
	})
}

func TestRamps(t *testing.T) {
	for text, want := range map[string]Ramp{"0%..100%": {0, 1}, "50%": {0.5, 0.5}, "100%..0%": {1, 0}, "0% .. 50%": {0, 0.5}, "0 % .. 50 %": {0, 0.5}} {
		if got, f := parseRamp(text); f != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, f)
		}
	}
	for _, text := range []string{"", "0..100", "0%..", "..5%", "0%..50%..100%", "50", "0%-100%", "NaN%..5%", "0%..Inf%"} {
		if got, f := parseRamp(text); f == nil {
			t.Errorf("%q is taken as %v", text, got)
		}
	}
}

func TestBoolsAndSeeds(t *testing.T) {
	for _, text := range []string{"", "yes", "no", "on", "off", "True", "1", "y"} {
		if _, f := parseBool(text); f == nil {
			t.Errorf("bool %q is taken", text)
		}
	}
	for _, text := range []string{"", "-1", "0x10", "010", "1e3", "1.5", "18446744073709551616", "NaN"} {
		if _, f := parseSeed(text); f == nil {
			t.Errorf("seed %q is taken", text)
		}
	}
	if got, f := parseSeed("18446744073709551615"); f != nil || got != math.MaxUint64 {
		t.Errorf("the highest seed: %d, %v", got, f)
	}
}

// Written values read back unchanged.
func TestFormatsReadBack(t *testing.T) {
	for d, want := range map[time.Duration]string{
		time.Hour: "1h", 90 * time.Minute: "1h30m", 90 * time.Second: "1m30s", time.Minute: "1m", 1500 * time.Microsecond: "1.5ms",
		50 * time.Second: "50s", 100 * time.Minute: "1h40m", 7 * time.Microsecond: "7us", 0: "0s",
	} {
		if got := formatDuration(d); got != want {
			t.Errorf("%v is shown as %s, want %s", int64(d), got, want)
		}
	}
	for bytes, want := range map[float64]string{0: "0B", 48: "48B", 1024: "1KiB", 11e3: "11kB", 1536: "1536B", 1 << 30: "1GiB", 100 << 30: "100GiB", 5e12 + 1: "5000000000001B", 2.5: "2.5B"} {
		if got := FormatSize(bytes); got != want {
			t.Errorf("%v bytes are shown as %s, want %s", bytes, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, int64(maxTotal)).Draw(t, "duration"))
		if back, f := parseDuration(formatDuration(d)); f != nil || back != d {
			t.Fatalf("%s is read as %v, %v", formatDuration(d), back, f)
		}
		n := rapid.IntRange(0, 1<<50).Draw(t, "bytes")
		if back, ok := ParseSize(FormatSize(float64(n))); !ok || back != n {
			t.Fatalf("%s is read as %d", FormatSize(float64(n)), back)
		}
		c := rapid.IntRange(0, 1e9).Draw(t, "count")
		if back, f := parseCount(formatCount(c)); f != nil || back != c {
			t.Fatalf("%s is read as %d, %v", formatCount(c), back, f)
		}
	})
}

func TestDistributions(t *testing.T) {
	try := func(key, text string) *flaw {
		errs := &errorList{}
		n := &node{text: text}
		d := newDecoder(errs, &node{kind: dict}, nil, &reading{})
		switch key {
		case "size of rooms":
			d.roomSize(n)
		case "join":
			d.roomJoins(n, &Rooms{})
		case "size":
			d.sizes(n, &Stream{})
		default:
			d.lengths(n, key)
		}
		if len(errs.all) == 0 {
			return nil
		}
		return &flaw{errs.all[0].err.Msg, errs.all[0].err.Hint}
	}
	for key, texts := range map[string]string{
		"life":          "6m|5m - 30s|5m-30s|exp(6m)|exp(6 m)|uniform(1s,5s)|uniform(1s 5s)|uniform(1 s 5 s)|uniform(1 s, 5 s)|normal(5s,0s)|lognormal(1s,0.8)|pareto(1s 1.5)|const(1s)",
		"size":          "80B|lognormal(80,0.8)|lognormal(80 0.8)|uniform(64B,1KiB)|exp(0.5 KiB)|const(80)",
		"size of rooms": "zipf(0)|zipf(5)|zipf( 1.07 )|uniform(5,50)|const(20)|uniform(5 50)",
		"join":          "3|uniform(1,5)|exp(2)",
	} {
		for text := range strings.SplitSeq(texts, "|") {
			if f := try(key, text); f != nil {
				t.Errorf("%s: %s: %+v", key, text, f)
			}
		}
	}
	odd := []string{"NaN", "Inf", "-Inf", "+Inf", "-1", "+1", "1e3", "1e-400", "1e400", "0x1p4", "1_0", "", " ", "0x10", strings.Repeat("9", 400)}
	for key, forms := range map[string]string{
		"life":          "%s|%ss|exp(%ss)|uniform(1s,%ss)|uniform(%ss,5s)|normal(%ss,1s)|normal(5s,%ss)|lognormal(%ss,1)|lognormal(5s,%s)|pareto(%ss,2)|pareto(1s,%s)|const(%ss)|exp(%s)",
		"size":          "%sB|exp(%s)|exp(%sB)|uniform(1,%s)|uniform(%s,500)|normal(%s,1)|normal(5,%s)|lognormal(%s,1)|lognormal(5,%s)|pareto(%s,2)|pareto(1,%s)|const(%s)",
		"size of rooms": "zipf(%s)|zipf(%s|uniform(%s,5)|uniform(1,%s)|const(%s)|exp(%s)|pareto(1,%s)|lognormal(1,%s)",
		"join":          "%s.5|uniform(1,%s)|uniform(%s,5)|exp(%s)|const(%s)",
	} {
		for form := range strings.SplitSeq(forms, "|") {
			for _, v := range odd {
				if f := try(key, fmt.Sprintf(form, v)); f == nil {
					t.Errorf("%s: %s is taken", key, fmt.Sprintf(form, v))
				}
			}
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
	word := rapid.StringMatching(`[a-zé]{0,8}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := word.Draw(t, "a"), word.Draw(t, "b"), word.Draw(t, "c")
		if d := distance(a, b); d != distance(b, a) || (d == 0) != (a == b) || d > distance(a, c)+distance(c, b)+1 {
			t.Fatalf("distance(%q, %q) = %d", a, b, d)
		}
	})
}
