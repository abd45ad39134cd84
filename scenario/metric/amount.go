package metric

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Amounts are written here and nowhere else, so that one value looks the same in a warning, on the
// terminal and in a report: three significant digits without zeros at the end, thousands apart, and
// a space before the unit. None of it is meant to be read back; the amounts of scenario files are.

// Format writes a value in one of the units. The unit of bytes is also "bytes", as results have it.
func Format(v float64, unit string) string { return format(v, unit, digits) }

// FormatBeside writes a value that stands beside its limit: with as many digits more as it takes,
// up to seven, for the two not to look the same when they are not.
func FormatBeside(v, limit float64, unit string) string {
	n := digits
	for v != limit && n < 7 && format(v, unit, n) == format(limit, unit, n) {
		n++
	}
	return format(v, unit, n)
}

// FormatFound writes a value that stands beside its limit, and that the truth is more than it when
// beyond says so: > 500 ms.
func FormatFound(v, limit float64, beyond bool, unit string) string {
	s := FormatBeside(v, limit, unit)
	if beyond {
		s = "> " + s
	}
	return s
}

const digits = 3

func format(v float64, unit string, digits int) string {
	switch unit {
	case Seconds:
		return seconds(v, digits)
	case Share:
		return number(v*100, digits) + " %"
	case Bytes, "bytes":
		return bytes(v, digits)
	case PerSecond:
		return number(v, digits) + "/s"
	}
	return number(v, digits)
}

// FormatNumber writes a number with three significant digits, or all digits before the point:
// 0.0123, 1.5, 12 346. A number that is not finite is "-".
func FormatNumber(v float64) string { return number(v, digits) }

func number(v float64, digits int) string {
	abs := math.Abs(v)
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "-"
	case v == 0:
		return "0"
	case abs >= 1e15 || abs < 1e-6:
		return strconv.FormatFloat(v, 'g', digits, 64)
	}
	decimals := max(0, digits-1-int(math.Floor(math.Log10(abs))))
	whole, part, _ := strings.Cut(strconv.FormatFloat(v, 'f', decimals, 64), ".")
	if part = strings.TrimRight(part, "0"); part != "" {
		part = "." + part
	}
	return thousands(whole) + part
}

// thousands puts a space between groups of three digits.
func thousands(s string) string {
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}

// FormatCount writes a whole number, with its thousands apart.
func FormatCount[T ~int | ~int32 | ~int64 | ~uint32](n T) string {
	return thousands(strconv.FormatInt(int64(n), 10))
}

// FormatDuration writes a time in the unit that suits it: 12 µs, 1.5 ms, 143 ms, 75 s.
func FormatDuration(d time.Duration) string { return seconds(d.Seconds(), digits) }

// FormatSeconds writes a time given in seconds, likewise.
func FormatSeconds(s float64) string { return seconds(s, digits) }

func seconds(s float64, digits int) string {
	ns := math.Round(s * 1e9) // so that 5.075 ms is not a little less
	switch abs := math.Abs(ns); {
	case abs < 999.5e3:
		return number(ns/1e3, digits) + " µs"
	case abs < 999.5e6:
		return number(ns/1e6, digits) + " ms"
	}
	return number(ns/1e9, digits) + " s"
}

// FormatBytes writes a number of bytes in units of 1024.
func FormatBytes[T ~int | ~int64 | ~float64](n T) string { return bytes(float64(n), digits) }

func bytes(v float64, digits int) string {
	unit := "B"
	for _, next := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if math.Abs(v) < 1023.5 { // more is written as 1 024
			break
		}
		v, unit = v/1024, next
	}
	return number(v, digits) + " " + unit
}

// FormatShare writes a share, of which 1 is the whole, as per cent.
func FormatShare(v float64) string { return number(v*100, digits) + " %" }

// FormatRate writes a number per second.
func FormatRate(v float64) string { return number(v, digits) + "/s" }
