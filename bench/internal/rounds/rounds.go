// Package rounds compares what was measured in turn: values of the same round stand beside each
// other, so that what the machine did in a round cancels out.
package rounds

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// A Comparison is how many times better one thing is than another.
type Comparison struct {
	Times       float64
	Low, High   float64 // interval; NaN where there are fewer than Least rounds and nothing tells the noise
	Least, Most float64 // of all rounds
	Rounds      int     // that both have
}

// Least is how many rounds give an interval.
const Least = 3

// Compare says how many times better a is than b, by round, with NaN where there is no value. Where
// less is better, that is b divided by a. The interval holds with 95 % in so many comparisons
// together: the logarithms of the ratios are taken to be normal, and Student's t to have the level
// divided by the comparisons (Bonferroni).
func Compare(a, b []float64, less bool, comparisons int) Comparison {
	return Noise{}.Compare(a, b, less, comparisons)
}

// Noise is how much one thing varies from round to round, beyond what a round did to all of them.
// Where many things are measured in the same few rounds, all of them together tell it better than
// any two do: with three rounds a pair has two degrees of freedom, ten things have eighteen. Its
// zero value knows nothing.
type Noise struct {
	SD      float64 // of logarithms
	Freedom int     // degrees of freedom
}

// NewNoise learns from values by thing and round, with NaN where there is none: what remains of
// their logarithms when the mean of each thing and of each round has been taken away (the residual
// of a randomised complete block design; Montgomery, Design and Analysis of Experiments, ch. 4).
// Fewer than Least rounds tell nothing.
func NewNoise(values [][]float64) Noise {
	var rest [][]float64
	count, blocks := 0, map[int]bool{}
	for _, row := range values {
		logs, some := make([]float64, len(row)), false
		for i, v := range row {
			logs[i] = math.NaN()
			if v > 0 { // false for NaN
				logs[i], some, blocks[i] = math.Log(v), true, true
				count++
			}
		}
		if some {
			rest = append(rest, logs)
		}
	}
	freedom := count - len(rest) - len(blocks) + 1
	if len(blocks) < Least || freedom < 1 {
		return Noise{}
	}
	const passes = 50 // one is enough where nothing is missing
	for range passes {
		for _, logs := range rest {
			subtractMean(len(logs), func(i int) *float64 { return &logs[i] })
		}
		for round := range blocks {
			subtractMean(len(rest), func(i int) *float64 { return &rest[i][round] })
		}
	}
	sum := 0.0
	for _, logs := range rest {
		for _, v := range logs {
			if !math.IsNaN(v) {
				sum += v * v
			}
		}
	}
	return Noise{SD: math.Sqrt(sum / float64(freedom)), Freedom: freedom}
}

// subtractMean takes the mean of n values away from each; NaN stays.
func subtractMean(n int, at func(i int) *float64) {
	sum, count := 0.0, 0
	for i := range n {
		if v := *at(i); !math.IsNaN(v) {
			sum += v
			count++
		}
	}
	for i := range n {
		*at(i) -= sum / float64(count)
	}
}

// Compare is as the function of that name, with what is known of the noise: two things are taken to
// vary as all do, or as their own rounds show where these vary more.
func (n Noise) Compare(a, b []float64, less bool, comparisons int) Comparison {
	var logs []float64
	for i := range a {
		if math.IsNaN(a[i]) || math.IsNaN(b[i]) || a[i] <= 0 || b[i] <= 0 {
			continue
		}
		d := math.Log(a[i] / b[i])
		if less {
			d = -d
		}
		logs = append(logs, d)
	}
	nan := math.NaN()
	c := Comparison{nan, nan, nan, nan, nan, len(logs)}
	if len(logs) == 0 {
		return c
	}
	mean, sd := stat.MeanStdDev(logs, nil)
	c.Times, c.Least, c.Most = math.Exp(mean), math.Exp(slices.Min(logs)), math.Exp(slices.Max(logs))
	if len(logs) >= Least || n.Freedom > 0 {
		freedom, shared := len(logs)-1, math.Sqrt2*n.SD
		if n.Freedom > freedom {
			freedom = n.Freedom
			if len(logs) == 1 || shared > sd {
				sd = shared
			}
		}
		t := distuv.StudentsT{Sigma: 1, Nu: float64(freedom)}.Quantile(1 - 0.05/2/float64(comparisons))
		half := t * sd / math.Sqrt(float64(len(logs)))
		c.Low, c.High = math.Exp(mean-half), math.Exp(mean+half)
	}
	return c
}

// known is the values that are there.
func known(values []float64) []float64 {
	return slices.DeleteFunc(slices.Clone(values), math.IsNaN)
}

// Mean is the geometric mean; NaN is left out, and is the mean of nothing.
func Mean(values []float64) float64 {
	if v := known(values); len(v) > 0 {
		return stat.GeometricMean(v, nil)
	}
	return math.NaN()
}

// Median leaves NaN out, and is NaN of nothing.
func Median(values []float64) float64 {
	v := known(values)
	if len(v) == 0 {
		return math.NaN()
	}
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// String prints a comparison with its interval, if there is one.
func (c Comparison) String() string {
	if math.IsNaN(c.Low) {
		return Figure(c.Times) + "x"
	}
	return fmt.Sprintf("%sx [%s, %s]", Figure(c.Times), Figure(c.Low), Figure(c.High))
}

// Facts prints what is known of a machine on a line.
func Facts(env map[string]string) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+" "+env[name])
	}
	return strings.Join(list, "; ")
}

// Figure prints three digits that count.
func Figure(v float64) string {
	switch a := math.Abs(v); {
	case a >= 100, a == 0:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	case a >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3f", v)
}
