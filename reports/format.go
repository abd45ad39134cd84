package reports

import (
	"slices"
	"strconv"
	"strings"

	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// nbsp stands between the groups of a number and before its unit, so that no line ends there. Text for terminals gets spaces.
const nbsp = "\u00a0"

// none is shown for what was not measured, or not often enough.
const none = "-"

// unbroken keeps an amount on one line.
func unbroken(s string) string { return strings.ReplaceAll(s, " ", nbsp) }

// significant writes v with three significant digits and no zeros at the end.
func significant(v float64) string { return unbroken(metric.FormatNumber(v)) }

// micros writes a duration given in microseconds, in the unit that suits its size.
func micros(us float64) string { return unbroken(metric.FormatSeconds(us / 1e6)) }

// count writes a number with its thousands apart.
func count[T int | int64](n T) string { return unbroken(metric.FormatCount(n)) }

func seconds(s float64) string { return significant(s) + nbsp + "s" }

func bytesize(n float64) string { return unbroken(metric.FormatBytes(n)) }

// share writes 0..1 as per cent.
func share(v float64) string { return unbroken(metric.FormatShare(v)) }

// known writes v with f unless it is zero, which stands for "not measured".
func known[T int64 | float64](v T, f func(float64) string) string {
	if v == 0 {
		return none
	}
	return f(float64(v))
}

// checkValue writes what a check found, or its limit, in the unit of its metric.
func checkValue(c *result.Check, v float64) string {
	return unbroken(metric.Format(v, unitOf(c)))
}

// checkFound is the value that was found: "> 500 ms" when it is more than that.
func checkFound(c *result.Check) string {
	s := checkValue(c, c.Value)
	if c.Beyond {
		s = ">" + nbsp + s
	}
	return s
}

// unitOf is the unit of a check's numbers. Results written without one tell it by metric and statistic.
func unitOf(c *result.Check) string {
	switch {
	case c.Unit != "":
		return c.Unit
	case strings.Contains(c.Metric, "rss"):
		return "bytes"
	case strings.HasSuffix(c.Metric, metric.CPU), c.Stat == "achieved":
		return "share"
	case c.Metric != "" && (quantile(c.Stat) > 0 || slices.Contains([]string{"min", "mean", "max"}, c.Stat)):
		return "s"
	}
	return ""
}

// quantile is 0.99 for "p99", and 0 for what is no percentile.
func quantile(stat string) float64 {
	rest, ok := strings.CutPrefix(stat, "p")
	if !ok {
		return 0
	}
	p, err := strconv.ParseFloat(rest, 64)
	if err != nil || p <= 0 || p >= 100 {
		return 0
	}
	return p / 100
}

// upperFirst makes a clause the start of a sentence.
func upperFirst(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// plural is "1 client" or "2 clients".
func plural[T int | int64](n T, noun string) string {
	if n == 1 {
		return "1" + nbsp + noun
	}
	return count(n) + nbsp + noun + "s"
}
