// Package rounds compares what was measured in turn: values of the same round stand beside each
// other, so that what the machine did in a round cancels out.
package rounds

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// A Comparison is how many times better one thing is than another.
type Comparison struct {
	Times       float64
	Low, High   float64 // interval; NaN where there are fewer than Least rounds
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
	if n := float64(len(logs)); len(logs) >= Least {
		t := distuv.StudentsT{Sigma: 1, Nu: n - 1}.Quantile(1 - 0.05/2/float64(comparisons))
		half := t * sd / math.Sqrt(n)
		c.Low, c.High = math.Exp(mean-half), math.Exp(mean+half)
	}
	return c
}

// Median leaves NaN out, and is NaN of nothing.
func Median(values []float64) float64 {
	v := slices.DeleteFunc(slices.Clone(values), math.IsNaN)
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
