package layout

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// Nbsp stands between the groups of a number and before its unit, so that no line ends there. Text
// for terminals gets spaces.
const Nbsp = "\u00a0"

// None is shown for what was not measured, or not often enough.
const None = "-"

// unbroken keeps an amount on one line.
func unbroken(s string) string { return strings.ReplaceAll(s, " ", Nbsp) }

// Significant writes v with three significant digits and no zeros at the end.
func Significant(v float64) string { return unbroken(metric.FormatNumber(v)) }

// Micros writes a duration given in microseconds, in the unit that suits its size.
func Micros(us float64) string { return unbroken(metric.FormatSeconds(us / 1e6)) }

// Count writes a number with its thousands apart.
func Count[T int | int64](n T) string { return unbroken(metric.FormatCount(n)) }

// Seconds writes a number of seconds.
func Seconds(s float64) string { return Significant(s) + Nbsp + "s" }

// Bytesize writes a number of bytes.
func Bytesize(n float64) string { return unbroken(metric.FormatBytes(n)) }

// Share writes 0..1 as per cent.
func Share(v float64) string { return unbroken(metric.FormatShare(v)) }

// Known writes v with f unless it is zero, which stands for "not measured".
func Known[T int64 | float64](v T, f func(float64) string) string {
	if v == 0 {
		return None
	}
	return f(float64(v))
}

// checkValue writes what a check found, or its limit, in the unit of its metric.
func checkValue(c *result.Check, v float64) string {
	return unbroken(metric.Format(v, UnitOf(c)))
}

// CheckFound is the value that was found: "> 500 ms" when it is more than that.
func CheckFound(c *result.Check) string {
	s := checkValue(c, c.Value)
	if c.Beyond {
		s = ">" + Nbsp + s
	}
	return s
}

// CheckName names what a check is about: "p99(delivery{op=room})". A check without a statistic is
// named by its text.
func CheckName(c *result.Check) string {
	if c.Stat == "" {
		return c.Text
	}
	return c.Stat + "(" + metric.Labelled(c.Metric, c.Labels) + ")"
}

// CheckLimit writes the condition of a check: "< 50 ms over 10 s in hold".
func CheckLimit(c *result.Check) string {
	if c.Op == "" {
		return ""
	}
	s := c.Op + Nbsp + checkValue(c, c.Limit)
	if c.OverS > 0 {
		s += " over " + Seconds(c.OverS)
	}
	if c.Phase != "" {
		s += " in " + c.Phase
	}
	return s
}

// UnitOf is the unit of a check's numbers. Results written without one tell it by metric and
// statistic.
func UnitOf(c *result.Check) string {
	switch {
	case c.Unit != "":
		return c.Unit
	case strings.Contains(c.Metric, "rss"):
		return "bytes"
	case strings.HasSuffix(c.Metric, metric.CPU), c.Stat == "achieved":
		return "share"
	case c.Metric != "" && (Quantile(c.Stat) > 0 || slices.Contains([]string{"min", "mean", "max"}, c.Stat)):
		return "s"
	}
	return ""
}

// Quantile is 0.99 for "p99", and 0 for what is no percentile.
func Quantile(stat string) float64 {
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

// UpperFirst makes a clause the start of a sentence. A rule, such as p99(lag) < 1ms, keeps its
// form.
func UpperFirst(s string) string {
	if word, _, _ := strings.Cut(s, " "); s == "" || strings.Contains(word, "(") {
		return s
	}
	r, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[size:]
}

// Plural is "1 client" or "2 clients".
func Plural[T int | int64](n T, noun string) string {
	if n == 1 {
		return "1" + Nbsp + noun
	}
	return Count(n) + Nbsp + noun + "s"
}

// ClockNote says for a table or a figure that shows times between two clients which error the
// clocks of their machines give them, in microseconds; 0: "".
func ClockNote(bound int64) string {
	if bound == 0 {
		return ""
	}
	return "Times from one client to another (delivery, fanout.first, fanout.last) are ±" + Micros(float64(bound)) + ", by the clocks of the load generators: none below that, and no smaller difference, is a fact."
}

// Bounded writes a time between two clients, as shown, with the error of their clocks in
// microseconds; a time below it is no fact.
func Bounded(shown string, us, bound int64) string {
	switch {
	case bound == 0 || shown == None:
		return shown
	case us < bound:
		return "<" + Nbsp + Micros(float64(bound)) + " (clocks ±" + Micros(float64(bound)) + ")"
	}
	return shown + " ±" + Micros(float64(bound))
}
