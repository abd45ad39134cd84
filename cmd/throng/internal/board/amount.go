package board

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Amount writes a check's value in its unit: "s", "share", "bytes", "/s" or "" for a count.
func Amount(v float64, unit string) string {
	switch unit {
	case "s":
		return Latency(time.Duration(v * float64(time.Second)))
	case "share":
		return strconv.FormatFloat(v*100, 'g', 3, 64) + " %"
	case "bytes":
		return Bytes(int64(v))
	case "/s":
		return Count(int64(math.Round(v))) + "/s"
	}
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return Count(int64(v))
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

// Latency writes a time with three digits.
func Latency(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.2f ms", d.Seconds()*1000)
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%.1f ms", d.Seconds()*1000)
	case d < 10*time.Second:
		return fmt.Sprintf("%.0f ms", d.Seconds()*1000)
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// Count writes a number with spaces between thousands.
func Count(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}

// Bytes writes an amount of memory.
func Bytes(n int64) string {
	v, unit := float64(n), "B"
	for _, next := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if v < 1024 {
			break
		}
		v, unit = v/1024, next
	}
	if unit == "B" || v >= 100 {
		return fmt.Sprintf("%.0f %s", v, unit)
	}
	return fmt.Sprintf("%.1f %s", v, unit)
}

// Clock writes seconds as minutes and seconds, or with hours in front.
func Clock(seconds float64) string {
	s := int(math.Max(0, seconds))
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// Label names a trial of a matrix: its parameters in alphabetic order, and its number from the second on.
func Label(params map[string]string, trial int) string {
	var all []string
	for k, v := range params {
		all = append(all, k+"="+v)
	}
	slices.Sort(all)
	if trial > 1 {
		all = append(all, fmt.Sprintf("trial %d", trial))
	}
	return strings.Join(all, " ")
}
