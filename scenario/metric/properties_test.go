package metric

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// read is the value of a written amount.
func read(t *rapid.T, text string) float64 {
	units := []struct {
		name string
		is   float64
	}{{" TiB", 1 << 40}, {" GiB", 1 << 30}, {" MiB", 1 << 20}, {" KiB", 1 << 10}, {" B", 1}, {" µs", 1e-6}, {" ms", 1e-3}, {" s", 1}, {" %", 0.01}, {"/s", 1}}
	factor := 1.0
	for _, u := range units {
		if plain, ok := strings.CutSuffix(text, u.name); ok {
			text, factor = plain, u.is
			break
		}
	}
	v, err := strconv.ParseFloat(strings.ReplaceAll(text, " ", ""), 64)
	if err != nil {
		t.Fatalf("%q is no number: %v", text, err)
	}
	return v * factor
}

// shown is the least amount that each unit shows.
var shown = map[string]float64{Seconds: 1e-9, Share: 1e-6, Bytes: 1e-6, PerSecond: 1e-6, Count: 1e-6}

// An amount that is read back is what was written, to three digits; a larger one is not written as a
// smaller one; the sign is kept.
func TestAmountsAreNear(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom([]string{Seconds, Share, Bytes, PerSecond, Count}).Draw(t, "unit")
		v := math.Pow(10, rapid.Float64Range(-5, 14).Draw(t, "exponent"))
		text := Format(v, unit)
		if got := read(t, text); math.Abs(got-v) > 0.0051*v+shown[unit] {
			t.Fatalf("%v %q is written %q", v, unit, text)
		}
		if got := Format(-v, unit); got != "-"+text {
			t.Fatalf("%v is written %q, and its negative %q", v, text, got)
		}
		more := v * (1 + rapid.Float64Range(0, 1).Draw(t, "more"))
		if a, b := read(t, text), read(t, Format(more, unit)); a > b*(1+1e-9) {
			t.Fatalf("%v is written %q and %v %q", v, text, more, Format(more, unit))
		}
		if strings.Contains(strings.TrimLeft(text, "0."), ".0 ") || strings.HasSuffix(text, ".") {
			t.Fatalf("%q ends in zeros", text)
		}
	})
}

// Beside its limit a value is written the shortest way in which the two differ, up to seven digits.
func TestAmountsBesideLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom([]string{Seconds, Share, Bytes, PerSecond, Count}).Draw(t, "unit")
		limit := math.Pow(10, rapid.Float64Range(-3, 6).Draw(t, "exponent"))
		v := limit * (1 + rapid.SampledFrom([]float64{0, 1e-5, -1e-5, 1e-4, -1e-4, 0.003, -0.003, 0.5}).Draw(t, "off"))
		text := FormatBeside(v, limit, unit)
		switch plain := Format(v, unit); {
		case v == limit && text != plain:
			t.Fatalf("the limit %v is written %q beside itself", limit, text)
		case v != limit && plain != Format(limit, unit) && text != plain:
			t.Fatalf("%v is written %q beside %v, and %q would do", v, text, limit, plain)
		case v > limit && read(t, text) < read(t, format(limit, unit, 7))*(1-1e-9) || v < limit && read(t, text) > read(t, format(limit, unit, 7))*(1+1e-9):
			if plain == Format(limit, unit) { // no digit more could tell them apart, or it was not taken
				t.Fatalf("%v is written %q, on the other side of its limit %v", v, text, limit)
			}
		}
		if got := FormatFound(v, limit, true, unit); got != "> "+text {
			t.Fatalf("what is more than %v is written %q", v, got)
		}
		if got := FormatFound(v, limit, false, unit); got != text {
			t.Fatalf("what is %v is written %q", v, got)
		}
	})
}

// The writers of one kind of amount agree.
func TestWritersAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(0, 1<<40).Draw(t, "n")
		v := float64(n)
		for what, pair := range map[string][2]string{
			"a duration":       {FormatDuration(time.Duration(n)), FormatSeconds(time.Duration(n).Seconds())},
			"seconds":          {FormatSeconds(v), Format(v, Seconds)},
			"bytes":            {FormatBytes(n), Format(v, Bytes)},
			"bytes as a float": {FormatBytes(v), Format(v, "bytes")},
			"a share":          {FormatShare(v), Format(v, Share)},
			"a rate":           {FormatRate(v), Format(v, PerSecond)},
			"a number":         {FormatNumber(v), Format(v, Count)},
			"a count":          {strings.ReplaceAll(FormatCount(n), " ", ""), strconv.FormatInt(n, 10)},
		} {
			if pair[0] != pair[1] {
				t.Fatalf("%s of %d is written %q and %q", what, n, pair[0], pair[1])
			}
		}
	})
}
