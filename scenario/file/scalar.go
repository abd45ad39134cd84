package file

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The scalars of the format. Each parser takes the text as written, so that
// nothing that YAML readers make of 1e3, 0x10, 010 or 12:30 can slip in.

// flaw is what is wrong with a scalar, and what to write instead.
type flaw struct{ msg, hint string }

func wrong(text, what, hint string) *flaw {
	if text == "" {
		return &flaw{"a " + what + " is missing", hint}
	}
	return &flaw{fmt.Sprintf("%q is not a %s", clip(text), what), hint}
}

var (
	reNumber   = regexp.MustCompile(`^\d+(\.\d+)?$`)
	reDuration = regexp.MustCompile(`^(\d+(\.\d+)?(ns|us|ms|s|m|h))+$`)
	reRate     = regexp.MustCompile(`^(\d+(?:\.\d+)?)([kM]?)/(s|m|h)$`)
	reSize     = regexp.MustCompile(`^(\d+(?:\.\d+)?)(B|kB|MB|GB|KiB|MiB|GiB)$`)
	rePercent  = regexp.MustCompile(`^(\d+(?:\.\d+)?)%$`)
	reCount    = regexp.MustCompile(`^(0|[1-9]\d*)(?:(\.\d+)?([kM]))?$`)
)

// parseDuration reads 250ms, 30s, 1m30s.
func parseDuration(text string) (time.Duration, *flaw) {
	switch {
	case reNumber.MatchString(text):
		return 0, &flaw{fmt.Sprintf("the duration %s has no unit", clip(text)), fmt.Sprintf("write %ss, or another of ns us ms s m h", clip(text))}
	case !reDuration.MatchString(text):
		if plain := strings.ReplaceAll(strings.ToLower(text), " ", ""); reDuration.MatchString(plain) {
			return 0, wrong(text, "duration", "write "+plain)
		}
		return 0, wrong(text, "duration", "write it like 250ms, 30s or 1m30s")
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, &flaw{fmt.Sprintf("the duration %s is too long", clip(text)), "write a shorter one"}
	}
	return d, nil
}

// parseRate reads 200/s, 2/m, 1k/s and returns it per second.
func parseRate(text string) (float64, *flaw) {
	m := reRate.FindStringSubmatch(text)
	if m == nil {
		if reNumber.MatchString(text) || reCount.MatchString(text) {
			return 0, &flaw{fmt.Sprintf("the rate %s has no unit", clip(text)), fmt.Sprintf("write %s/s, or another of /s /m /h", clip(text))}
		}
		return 0, wrong(text, "rate", "write it like 200/s, 2/m or 1k/s")
	}
	v, err := strconv.ParseFloat(m[1], 64)
	if err != nil || math.IsInf(v, 0) {
		return 0, &flaw{fmt.Sprintf("the rate %s is too high", clip(text)), "write a lower one"}
	}
	v *= map[string]float64{"": 1, "k": 1e3, "M": 1e6}[m[2]]
	return v / map[string]float64{"s": 1, "m": 60, "h": 3600}[m[3]], nil
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

// parseSize reads 256B, 16KiB, 1MB and returns bytes.
func parseSize(text string) (float64, *flaw) {
	const like = "write it like 256B, 16KiB or 1MB"
	m := reSize.FindStringSubmatch(text)
	switch {
	case m != nil:
	case reNumber.MatchString(text):
		return 0, &flaw{fmt.Sprintf("the size %s has no unit", clip(text)), fmt.Sprintf("write %sB, or another of B kB KiB MB MiB", clip(text))}
	default:
		return 0, wrong(text, "size", like)
	}
	v, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return 0, wrong(text, "size", like)
	}
	for _, u := range sizeUnits {
		if u.name == m[2] {
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
	m := rePercent.FindStringSubmatch(text)
	if m == nil {
		if reNumber.MatchString(text) {
			return 0, &flaw{fmt.Sprintf("the share %s has no %%", clip(text)), fmt.Sprintf("write %s%%", clip(text))}
		}
		return 0, wrong(text, "share", "write it like 5% or 99.9%")
	}
	v, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return 0, wrong(text, "share", "write it like 5% or 99.9%")
	}
	return v / 100, nil
}

// parseCount reads 500, 10k, 1.5M.
func parseCount(text string) (int, *flaw) {
	m := reCount.FindStringSubmatch(text)
	if m == nil {
		return 0, wrong(text, "count", "write digits, with k or M if you like: 500, 10k, 1.5M")
	}
	v, err := strconv.ParseFloat(m[1]+m[2], 64)
	v *= map[string]float64{"": 1, "k": 1e3, "M": 1e6}[m[3]]
	// The product of a decimal and a power of ten may miss the whole number
	// by a rounding: 4.35k is 4350, and 1.0005k is half a client.
	whole := math.Round(v)
	if err != nil || math.Abs(v-whole) > 1e-6 || whole > 1e15 {
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
	return false, &flaw{fmt.Sprintf("%q is neither true nor false", clip(text)), "write true or false"}
}

func parseSeed(text string) (uint64, *flaw) {
	v, err := strconv.ParseUint(text, 10, 64)
	if err != nil || len(text) > 1 && text[0] == '0' {
		return 0, wrong(text, "seed", "write a whole number from 0, in digits only")
	}
	return v, nil
}
