package model

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestLine is held to a fit worked out by hand: the points 1,2 2,3 3,5 have the slope 1.5, and its standard error is 1/(2√3).
func TestLine(t *testing.T) {
	l, err := FitLine([]Point{{1, 2}, {2, 3}, {3, 5}})
	if err != nil {
		t.Fatal(err)
	}
	half := 12.706 / (2 * math.Sqrt(3))
	if !near(l.Slope.Value, 1.5, 1e-9) || !near(l.Slope.High-l.Slope.Value, half, 1e-6) || !near(l.Intercept.Value, 1.0/3, 1e-6) || !near(l.At(4), 1.0/3+6, 1e-6) {
		t.Errorf("%+v", l)
	}
	for want, ps := range map[string][]Point{"too few": {{1, 2}, {2, 3}}, "same level": {{1, 2}, {1, 3}, {1, 4}}, "not a measurement": {{1, math.NaN()}, {2, 3}, {3, 4}}} {
		if _, err := FitLine(ps); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// TestLineIntervals: of a thousand lines with noise, the true slope lies inside the interval in about 95 of 100.
func TestLineIntervals(t *testing.T) {
	rnd := rand.New(rand.NewPCG(9, 10))
	inside := 0
	for range 1000 {
		var ps []Point
		for x := 1.0; x <= 8; x++ {
			ps = append(ps, Point{x, 3 + 7*x + rnd.NormFloat64()})
		}
		l, err := FitLine(ps)
		if err != nil {
			t.Fatal(err)
		}
		if l.Slope.Low <= 7 && 7 <= l.Slope.High {
			inside++
		}
	}
	if inside < 950-5*7 || inside > 950+5*7 {
		t.Errorf("the slope is inside %d of 1000 intervals", inside)
	}
}
