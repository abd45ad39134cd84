package draw

import (
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
)

// scale maps values of one axis to 0..1.
type scale struct {
	min, max float64
	norm     plot.Normalizer
	ticks    []Tick
}

// at is the place of v, kept within the axis: values below a logarithmic axis, zero above all,
// stand at its lower end.
func (s *scale) at(v float64) float64 {
	return s.norm.Normalize(s.min, s.max, math.Max(s.min, math.Min(s.max, v)))
}

// newScale settles range and ticks. values are the data, about how many ticks there is room for.
func newScale(a Axis, values []float64, room int, floor bool) *scale {
	s := &scale{min: a.Min, max: a.Max, norm: plot.LinearScale{}}
	if a.Log {
		s.norm = plot.LogScale{}
	}
	if s.min >= s.max || a.Log && s.min <= 0 {
		s.min, s.max = extent(values, a.Log)
		switch {
		case a.Log:
			s.min, s.max = niceLog(s.min/1.12, s.max*1.05) // a line on the axis is hard to see
		case floor || a.Zero:
			s.min, s.max = math.Min(0, s.min), math.Max(0, s.max)
			s.min, s.max = -niceMax(-s.min, room), niceMax(s.max, room)
		}
	}
	if s.min >= s.max {
		s.max = s.min + 1
	}
	// values beyond what a float can tell apart
	if span := s.max - s.min; !(span > 0) || math.IsInf(span, 0) || a.Log && (s.min < 1e-300 || s.max > 1e300) {
		s.min, s.max = 1, 2
	}
	switch {
	case a.Ticks != nil:
		for _, t := range a.Ticks {
			if t.At >= s.min && t.At <= s.max {
				s.ticks = append(s.ticks, t)
			}
		}
	case a.Log:
		g := newLogGrid(s.min, s.max)
		s.min, s.max = g.values[0], g.values[len(g.values)-1]
		s.ticks = g.ticks(room)
	default:
		s.ticks = linearTicks(s.min, s.max, room)
	}
	return s
}

func extent(values []float64, positive bool) (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) || positive && v <= 0 {
			continue
		}
		lo, hi = math.Min(lo, v), math.Max(hi, v)
	}
	if lo > hi {
		return 0.1, 1
	}
	return lo, hi
}

// step is the tick distance of 1, 2 or 5 times a power of ten that gives at most room ticks over
// span.
func step(span float64, room int) float64 {
	raw := span / float64(max(1, room))
	e := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 5} {
		if m*e >= raw*0.9999 {
			return m * e
		}
	}
	return 10 * e
}

// niceMax is a whole number of ticks with a little room above hi: a line on the edge would be cut
// in half.
func niceMax(hi float64, room int) float64 {
	if hi <= 0 {
		return 0
	}
	st := step(hi, room)
	return math.Ceil(hi*1.01/st) * st
}

// linearTicks are at most room ticks, and two at least: with one alone nobody can read a scale off.
func linearTicks(lo, hi float64, room int) (ts []Tick) {
	for ; len(ts) < 2; room++ {
		ts = ticksEvery(step(hi-lo, room), lo, hi, room)
	}
	return ts
}

func ticksEvery(st, lo, hi float64, room int) []Tick {
	var ts []Tick
	first := math.Ceil(lo/st - 1e-9)
	for i := range room + 2 {
		v := (first + float64(i)) * st
		if v > hi+st*1e-9 {
			break
		}
		ts = append(ts, Tick{At: math.Min(v, hi), Label: number(v)})
	}
	return ts
}

// finite tells the points that have a place on the axes.
func finite(pt Point) bool {
	return !math.IsNaN(pt.X) && !math.IsInf(pt.X, 0) && !math.IsNaN(pt.Y) && !math.IsInf(pt.Y, 0)
}

// number writes a tick: no exponent, thousands apart.
func number(v float64) string {
	if math.Abs(v) < 1e-12 {
		return "0"
	}
	s := strconv.FormatFloat(v, 'g', 6, 64)
	if strings.ContainsRune(s, 'e') {
		if math.Abs(v) >= 1e15 || math.Abs(v) < 1e-6 {
			return s
		}
		s = strconv.FormatFloat(v, 'f', -1, 64)
	}
	whole, frac, dot := strings.Cut(s, ".")
	if len(strings.TrimPrefix(whole, "-")) > 3 {
		for i := len(whole) - 3; i > 0 && whole[i-1] != '-'; i -= 3 {
			whole = whole[:i] + "\u00a0" + whole[i:]
		}
	}
	if dot {
		return whole + "." + frac
	}
	return whole
}
