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

// Dist is a distribution of a length of time, in seconds, or of a size, in
// bytes:
//
//	const(x)          always x
//	uniform(lo,hi)    every value between the two is as likely
//	exp(mean)         exponential: the remaining time does not depend on the elapsed time
//	normal(mean,sd)   negative values count as 0
//	lognormal(m,s)    m is the median, s the standard deviation of the logarithm
//	pareto(min,a)     a heavy tail; a is the shape, with an infinite mean up to 1
//
// The zero value is not a distribution.
type Dist struct {
	Text string // as written
	Kind string // as above; "" for the zero value
	A, B float64
}

// IsZero reports whether there is not a distribution.
func (d Dist) IsZero() bool { return d.Kind == "" }

// At returns the value below which the share u of all values lies, 0 <= u < 1. With
// evenly distributed u the results follow the distribution. They are finite
// and never negative.
func (d Dist) At(u float64) float64 {
	u = min(max(u, 1e-12), 1-1e-12)
	v := d.A
	switch d.Kind {
	case "uniform":
		v = d.A + float64((d.B-d.A)*u) // rounded, not fused: the same on all processors
	case "exp":
		v = -d.A * math.Log1p(-u)
	case "normal":
		v = d.A + float64(d.B*deviate(u))
	case "lognormal":
		v = d.A * math.Exp(d.B*deviate(u))
	case "pareto":
		v = d.A * math.Pow(1-u, -1/d.B)
	}
	return min(max(v, 0), maxValue)
}

// Mean returns the mean, +Inf where there is none.
func (d Dist) Mean() float64 {
	switch d.Kind {
	case "uniform":
		return (d.A + d.B) / 2
	case "lognormal":
		return d.A * math.Exp(d.B*d.B/2)
	case "pareto":
		if d.B <= 1 {
			return math.Inf(1)
		}
		return d.A * d.B / (d.B - 1)
	}
	return d.A
}

// maxValue keeps a tail within what a duration can hold.
const maxValue = 1e9

// deviate is the quantile function of the standard normal distribution.
func deviate(u float64) float64 { return math.Sqrt2 * math.Erfinv(2*u-1) }

// distKinds are the distributions with what their arguments are: a value of
// the quantity (v), or a plain number (n).
var distKinds = map[string]string{
	"const": "v", "uniform": "vv", "exp": "v", "normal": "vv", "lognormal": "vn", "pareto": "vn",
}

var distNames = []string{"const", "uniform", "exp", "normal", "lognormal", "pareto"}

var reCall = regexp.MustCompile(`^([a-z]+)\(([^()]*)\)$`)

// parseDist reads exp(6m), lognormal(80,0.8) or lognormal(80 0.8). arg reads
// one value of the quantity, like shows some.
func parseDist(text string, arg func(string) (float64, *flaw), like string) (Dist, *flaw) {
	m := reCall.FindStringSubmatch(text)
	if m == nil {
		return Dist{}, wrong(text, "distribution", "write it like "+like)
	}
	kinds, known := distKinds[m[1]]
	if !known {
		if m[1] == "zipf" {
			return Dist{}, &flaw{"zipf gives ranks, not lengths or sizes", "write pareto(min,shape) for a heavy tail, or another of " + strings.Join(distNames, ", ")}
		}
		return Dist{}, checkWord(m[1], "distribution", distNames)
	}
	args := arguments(m[2])
	if len(args) != len(kinds) {
		return Dist{}, &flaw{fmt.Sprintf("%s has %d values, and takes %d", m[1], len(args), len(kinds)), "write it like " + like}
	}
	d := Dist{Text: text, Kind: m[1]}
	for i, a := range args {
		a = strings.TrimSpace(a)
		to := []*float64{&d.A, &d.B}[i]
		var f *flaw
		if kinds[i] == 'v' {
			*to, f = arg(a)
		} else if *to = 0; !reNumber.MatchString(a) {
			f = wrong(a, "number", "write it like "+like)
		} else {
			*to, _ = strconv.ParseFloat(a, 64) // the expression admits digits only
		}
		if f != nil {
			return Dist{}, f
		}
		if *to > maxValue {
			return Dist{}, &flaw{fmt.Sprintf("%s in %s is too large", a, clip(text)), "write a smaller value"}
		}
	}
	return d, d.flaw()
}

// arguments splits the values of a distribution at commas or, without any, at blanks. A blank
// before a unit belongs to its value: exp(6 m) has one, uniform(1 s 5 s) two.
func arguments(text string) []string {
	if strings.Contains(text, ",") {
		return strings.Split(text, ",")
	}
	var args []string
	for word := range strings.FieldsSeq(text) {
		if n := len(args); n > 0 && (word[0] < '0' || word[0] > '9') {
			args[n-1] += word
			continue
		}
		args = append(args, word)
	}
	return args
}

// flaw says why the values make no distribution, nil when they do.
func (d Dist) flaw() *flaw {
	switch {
	case d.A <= 0 && d.Kind != "uniform":
		return &flaw{clip(d.Text) + " is always 0", "write a first value above 0"}
	case d.Kind == "uniform" && d.B <= d.A:
		return &flaw{clip(d.Text) + " must go from a lower value to a higher one", "write uniform(lowest,highest)"}
	case d.Kind == "pareto" && d.B <= 0:
		return &flaw{clip(d.Text) + " has no shape", "write a second value above 0, such as 1.5"}
	case d.Kind == "lognormal" && d.B > 5:
		return &flaw{clip(d.Text) + " spreads over more than twenty orders of magnitude", "write a second value of at most 5"}
	}
	return nil
}

// reRange is a range of durations as other programs write it: 1s..3s, 1-3s, 1s to 3s.
var reRange = regexp.MustCompile(`^(\d+(?:\.\d+)?)\s*(ns|us|ms|s|m|h|)\s*(\.\.\.?|-|to)\s*(\d+(?:\.\d+)?)\s*(ns|us|ms|s|m|h)$`)

// asUniform says what to write for a range of durations: 1s..3s, [1s, 3s], {min: 1s, max: 3s}; ""
// for anything else, such as 5m - 30s.
func (n *node) asUniform() string {
	text := n.text
	switch {
	case n.kind == list && len(n.items) == 2:
		text = n.items[0].text + ".." + n.items[1].text
	case n.kind == dict && n.get("min") != nil && n.get("max") != nil:
		text = n.get("min").text + ".." + n.get("max").text
	}
	m := reRange.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	from, to := m[1]+cmp.Or(m[2], m[5]), m[4]+m[5]
	if m[3] == "-" {
		low, f := parseDuration(from)
		high, g := parseDuration(to)
		if f == nil && g == nil && low >= high { // a difference
			return ""
		}
	}
	return fmt.Sprintf("write uniform(%s %s)", from, to)
}

// lengths reads a duration or a distribution of them.
func (d *decoder) lengths(n *node, what string) Dist {
	const like = "exp(6m) or uniform(1s,5s)"
	if hint := n.asUniform(); hint != "" {
		d.errs.add(n.at, what+" is a duration or a distribution, not a range", hint)
		return Dist{}
	}
	parse := func(text value) (Dist, *flaw) {
		if !strings.Contains(text.text(), "(") || isArithmetic(text.whole) {
			v, f := durationValue(text)
			d := Dist{Text: text.text(), Kind: "const", A: v.Seconds()}
			if isArithmetic(text.whole) {
				d.Text = formatDuration(v)
			}
			return d, f
		}
		return parseDist(text.text(), func(a string) (float64, *flaw) {
			v, f := parseDuration(a)
			return v.Seconds(), f
		}, like)
	}
	lowest := time.Millisecond
	return compute(d, n, what, parse, func(v Dist) *flaw {
		if v.Mean() < lowest.Seconds() {
			return &flaw{fmt.Sprintf("%s is out of range: %s", what, v.Text), "write at least " + formatDuration(lowest)}
		}
		return nil
	})
}

// sizes reads a size or a distribution of sizes, whose values are bytes with
// or without a unit.
func (d *decoder) sizes(n *node, s *Stream) {
	v, ok := d.scalar(n, "size")
	if !ok || !slices.Contains(append(distNames, "zipf"), beforeParen(v.text())) {
		s.Size = d.size(n, 1, maxSize)
		return
	}
	s.Sizes = read(d, n, "size", func(text string) (Dist, *flaw) {
		return parseDist(text, func(a string) (float64, *flaw) {
			if reNumber.MatchString(a) {
				b, err := strconv.ParseFloat(a, 64)
				if err != nil {
					return 0, wrong(a, "number of bytes", "write it like 80 or 1KiB")
				}
				return b, nil
			}
			return parseSize(a)
		}, "lognormal(80,0.8) or uniform(64B,1KiB)")
	}, nil)
	if !s.Sizes.IsZero() {
		s.Size = bytesWithin(s.Sizes.Mean(), maxSize)
	}
}

func beforeParen(text string) string {
	name, _, isCall := strings.Cut(text, "(")
	if !isCall {
		return ""
	}
	return name
}

// Bytes is At for sizes: whole bytes, from MinSize to most.
func (d Dist) Bytes(u float64, most int) int { return bytesWithin(d.At(u), most) }

func bytesWithin(v float64, most int) int {
	return int(min(max(math.Round(v), MinSize), float64(most)))
}
