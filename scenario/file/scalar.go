package file

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The scalars of the format. Each parser takes the text as written, so that
// nothing that YAML readers make of 1e3, 0x10, 010 or 12:30 can slip in.

// flaw is a mistake in a scalar and its remedy.
type flaw struct{ msg, hint string }

func wrong(text, what, hint string) *flaw {
	if text == "" {
		return &flaw{withArticle(what) + " is missing", hint}
	}
	return &flaw{fmt.Sprintf("%q is not %s", clip(text), withArticle(what)), hint}
}

func withArticle(noun string) string {
	if strings.ContainsRune("aeio", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}

var (
	reNumber   = regexp.MustCompile(`^\d+(\.\d+)?$`)
	reDuration = regexp.MustCompile(`^(\d+(\.\d+)?(ns|us|ms|s|m|h))+$`)
	reRate     = regexp.MustCompile(`^(\d+(?:\.\d+)?)([kKM]?)/(s|m|h)$`)
	reSize     = regexp.MustCompile(`^(\d+(?:\.\d+)?)((?:[kKmMgG][iI]?)?[bB])$`)
	rePercent  = regexp.MustCompile(`^(\d+(?:\.\d+)?)%$`)
	reCount    = regexp.MustCompile(`^(0|[1-9]\d*)(?:(\.\d+)?([kKM]))?$`)
)

// multiples are the letters after the number of a count or a rate.
var multiples = map[string]float64{"": 1, "k": 1e3, "K": 1e3, "M": 1e6}

// closeUp removes the blanks inside an amount: 5 ms is 5ms, 1m 30s is 1m30s, 10 /s is 10/s. A blank
// between two digits stays, so that 10 000 is refused and never read as another number.
func closeUp(text string) string {
	out := ""
	for word := range strings.FieldsSeq(text) {
		if out != "" && !joins(out[len(out)-1], word[0]) {
			out += " "
		}
		out += word
	}
	return out
}

// joins reports whether a character may follow another without the blank that stands between them.
func joins(last, next byte) bool {
	digit := func(c byte) bool { return '0' <= c && c <= '9' }
	switch {
	case last == '.' || next == '.':
		return false
	case last == '/' || next == '/':
		return true
	}
	return digit(last) != digit(next)
}

// timeWords are units of time that people write, and ours.
var timeWords = map[string]string{
	"msec": "ms", "millis": "ms", "sec": "s", "secs": "s", "second": "s", "seconds": "s", "min": "m", "mins": "m", "minute": "m", "minutes": "m",
	"hr": "h", "hrs": "h", "hour": "h", "hours": "h", "d": "h", "day": "h", "days": "h",
}

// parseDuration reads 250ms, 30s, 1m30s.
func parseDuration(text string) (time.Duration, *flaw) {
	plain := closeUp(text)
	switch {
	case reNumber.MatchString(plain):
		return 0, &flaw{fmt.Sprintf("the duration %s has no unit", clip(text)), fmt.Sprintf("write %ss, or another of ns us ms s m h", clip(text))}
	case !reDuration.MatchString(plain):
		return 0, wrong(text, "duration", durationHint(plain))
	}
	d, err := time.ParseDuration(plain)
	if err != nil {
		return 0, &flaw{fmt.Sprintf("the duration %s is too long", clip(text)), "write a shorter one"}
	}
	return d, nil
}

func durationHint(text string) string {
	lower := strings.ToLower(text)
	switch {
	case reDuration.MatchString(lower):
		return "write " + lower
	case lower == "true", lower == "yes":
		return "write how long, such as 2s"
	}
	word := strings.TrimLeft(lower, "0123456789.")
	number := strings.TrimSuffix(lower, word)
	if unit, known := timeWords[word]; known && reNumber.MatchString(number) {
		if v, err := strconv.ParseFloat(number, 64); err == nil && word[0] == 'd' {
			number = trimmed(v * 24)
		}
		return "write " + number + unit
	}
	return "write it like 250ms, 30s or 1m30s"
}

// parseRate reads 200/s, 2/m, 1k/s and returns it per second.
func parseRate(text string) (float64, *flaw) {
	m := reRate.FindStringSubmatch(closeUp(text))
	if m == nil {
		if reNumber.MatchString(text) || reCount.MatchString(text) {
			return 0, &flaw{fmt.Sprintf("the rate %s has no unit", clip(text)), fmt.Sprintf("write %s/s, or another of /s /m /h", clip(text))}
		}
		return 0, wrong(text, "rate", rateHint(text))
	}
	v, err := strconv.ParseFloat(m[1], 64)
	if err != nil || math.IsInf(v, 0) {
		return 0, &flaw{fmt.Sprintf("the rate %s is too high", clip(text)), "write a lower one"}
	}
	v *= multiples[m[2]]
	return v / map[string]float64{"s": 1, "m": 60, "h": 3600}[m[3]], nil
}

// rampFrom is the share of a rate at which a ramp to it begins.
func rampFrom(from, to string) string {
	low, f := parseRate(strings.TrimSpace(from))
	high, g := parseRate(strings.TrimSpace(to))
	if f != nil || g != nil || high <= 0 || low > high {
		return "0%"
	}
	return fmt.Sprintf("%.0f%%", 100*low/high)
}

// reRateWords is a rate in words: 10 msg/sec, 10 per second, 10rps.
var reRateWords = regexp.MustCompile(`^(\d+(?:\.\d+)?k?)\s*(?:[a-z]*\s*(?:/|\bper\b)\s*([a-z]+)|(?:rps|qps|tps|hz))$`)

// rateHint says what to write for what is no rate: one with another word for its unit, or the time
// between two.
func rateHint(text string) string {
	lower := strings.ToLower(text)
	if m := reRateWords.FindStringSubmatch(lower); m != nil && !strings.HasPrefix(m[2], "d") { // a rate per day has no unit
		unit := cmp.Or(timeWords[m[2]], m[2], "s")
		if reRate.MatchString(m[1] + "/" + unit) {
			return fmt.Sprintf("write %s/%s", m[1], unit)
		}
	}
	if m := reCall.FindStringSubmatch(lower); m != nil && slices.Contains([]string{"poisson", "exp", "exponential", "constant"}, m[1]) && reRate.MatchString(closeUp(m[2])) {
		if m[1] = "poisson"; strings.HasPrefix(lower, "constant") {
			m[1] = "linear"
		}
		return fmt.Sprintf("write %s: its arrival: of a stream, or connect: {shape: %s} of clients, says how the moments are drawn", m[2], m[1])
	}
	if from, to, is := strings.Cut(strings.ReplaceAll(lower, " to ", ".."), ".."); is && reRate.MatchString(closeUp(to)) {
		return fmt.Sprintf("write %s, and the ramp in a phase, as a share of it: load: of streams, clients: of clients that arrive, such as %s..100%%", to, rampFrom(from, to))
	}
	if d, err := time.ParseDuration(closeUp(lower)); err == nil && d > 0 {
		for _, unit := range []struct {
			long time.Duration
			name string
		}{{time.Second, "s"}, {time.Minute, "m"}, {time.Hour, "h"}} {
			if n := unit.long / d; n > 0 && n*d == unit.long {
				return fmt.Sprintf("one every %s is %d/%s", clip(text), n, unit.name)
			}
		}
	}
	return "write it like 200/s, 2/m or 1k/s"
}

// sizeUnits are the units of sizes, the largest first.
var sizeUnits = []struct {
	name  string
	bytes float64
}{{"GiB", 1 << 30}, {"GB", 1e9}, {"MiB", 1 << 20}, {"MB", 1e6}, {"KiB", 1 << 10}, {"kB", 1e3}, {"B", 1}}

// ParseSize reads a size as scenario files have it, with its unit, and returns bytes. ok is
// false when it is none, or no int.
func ParseSize(text string) (bytes int, ok bool) {
	v, f := parseSize(text)
	if f != nil || v >= 1<<53 {
		return 0, false
	}
	return int(v), true
}

// FormatSize writes bytes as a size, with the largest unit that leaves the number whole.
func FormatSize(bytes float64) string {
	for _, u := range sizeUnits {
		if n := bytes / u.bytes; n >= 1 && n == math.Trunc(n) {
			return strconv.FormatFloat(n, 'f', 0, 64) + u.name
		}
	}
	return strconv.FormatFloat(bytes, 'f', -1, 64) + "B"
}

// reSizeWords is a size with another word for its unit: 256 bytes, 1k.
var reSizeWords = regexp.MustCompile(`(?i)^(\d+(?:\.\d+)?)\s*(?:([kmg])|bytes?)$`)

// parseSize reads 256B, 16KiB, 1MB and returns bytes. The letters of a unit may be of either case,
// but a small b after a capital letter is how bits are written: 8Mb is refused.
func parseSize(text string) (float64, *flaw) {
	const like = "write it like 256B, 16KiB or 1MB"
	m := reSize.FindStringSubmatch(closeUp(text))
	switch {
	case m != nil:
	case reNumber.MatchString(text):
		return 0, &flaw{fmt.Sprintf("the size %s has no unit", clip(text)), fmt.Sprintf("write %sB, or another of B kB KiB MB MiB", clip(text))}
	case reSizeWords.MatchString(text):
		m := reSizeWords.FindStringSubmatch(text)
		return 0, wrong(text, "size", fmt.Sprintf("write %s%sB", m[1], map[string]string{"k": "k", "m": "M", "g": "G"}[strings.ToLower(m[2])]))
	default:
		return 0, wrong(text, "size", like)
	}
	v, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return 0, wrong(text, "size", like)
	}
	unit := m[2]
	if unit != strings.ToLower(unit) && strings.HasSuffix(unit, "b") {
		return 0, &flaw{fmt.Sprintf("the size %s could mean bits", clip(text)), fmt.Sprintf("sizes are in bytes: write %s%sB", clip(m[1]), strings.TrimSuffix(unit, "b"))}
	}
	for _, u := range sizeUnits {
		if strings.EqualFold(u.name, unit) {
			v *= u.bytes
		}
	}
	if v != math.Trunc(v) {
		return 0, &flaw{fmt.Sprintf("the size %s is not a whole number of bytes", clip(text)), like}
	}
	return v, nil
}

// parsePercent reads 5% as 0.05.
func parsePercent(text string) (float64, *flaw) {
	const like = "write it like 5% or 99.9%"
	m := rePercent.FindStringSubmatch(closeUp(text))
	if m == nil {
		if reNumber.MatchString(text) {
			return 0, noPercent(text)
		}
		return 0, wrong(text, "share", like)
	}
	v, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return 0, wrong(text, "share", like)
	}
	return v / 100, nil
}

// noPercent reports a share that is a bare number. Up to 1 it was probably meant as a part of the
// whole: 0.5 as 50%.
func noPercent(text string) *flaw {
	msg := fmt.Sprintf("the share %s has no %%", clip(text))
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || v > 1 || v == 0 {
		return &flaw{msg, fmt.Sprintf("write %s%%", clip(text))}
	}
	return &flaw{msg, fmt.Sprintf("did you mean %s%%? For %[2]s of a hundred write %[2]s%%", trimmed(v*100), clip(text))}
}

// parseCount reads 500, 10k, 1.5M.
func parseCount(text string) (int, *flaw) {
	m := reCount.FindStringSubmatch(closeUp(text))
	if m == nil {
		return 0, wrong(text, "count", "write digits, with k or M if you like: 500, 10k, 1.5M")
	}
	v, err := strconv.ParseFloat(m[1]+m[2], 64)
	v *= multiples[m[3]]
	// The product of a decimal and a power of ten may miss the whole number
	// by a rounding: 4.35k is 4350, and 1.0005k is half a client.
	whole := math.Round(v)
	if whole > 1e15 {
		return 0, &flaw{fmt.Sprintf("the count %s is too high", clip(text)), "write a lower one"}
	}
	if err != nil || math.Abs(v-whole) > 1e-6 {
		return 0, wrong(text, "count", "write a whole number such as 500, 10k or 1.5M")
	}
	return int(whole), nil
}

// parseRamp reads 0%..100% or 50%.
func parseRamp(text string) (Ramp, *flaw) {
	from, to, isRamp := strings.Cut(text, "..")
	if !isRamp {
		to = from
	}
	a, f := parsePercent(strings.TrimSpace(from))
	b, g := parsePercent(strings.TrimSpace(to))
	if !isRamp && reNumber.MatchString(closeUp(text)) {
		return Ramp{}, f
	}
	if f != nil || g != nil {
		return Ramp{}, wrong(text, "ramp", "write it like 0%..100% or 50%")
	}
	return Ramp{a, b}, nil
}

func parseBool(text string) (bool, *flaw) {
	switch text {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	hint := "write true or false"
	switch strings.ToLower(text) {
	case "true", "yes", "on", "y":
		hint = "write true"
	case "false", "no", "off", "n":
		hint = "write false"
	}
	return false, &flaw{fmt.Sprintf("%q is neither true nor false", clip(text)), hint}
}

func parseSeed(text string) (uint64, *flaw) {
	v, err := strconv.ParseUint(text, 10, 64)
	if err != nil || len(text) > 1 && text[0] == '0' {
		return 0, wrong(text, "seed", "write a whole number from 0, in digits only")
	}
	return v, nil
}
