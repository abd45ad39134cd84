package model

import (
	"errors"
	"fmt"
	"math"
)

// Line is a straight line through measurements, by ordinary least squares.
type Line struct {
	Slope     Estimate // value per unit of the level
	Intercept Estimate // value at level 0
	Points    int
	Min, Max  float64 // the levels measured
}

// minLinePoints is how many measurements a line needs: with two the interval would be without end.
const minLinePoints = 3

var errOneLevel = errors.New("all measurements are at the same level; measure several levels")

// FitLine fits a line. It needs three measurements of two levels or more. The intervals are those
// of the normal model: errors of the same size at every level.
func FitLine(points []Point) (*Line, error) {
	if len(points) < minLinePoints {
		return nil, fmt.Errorf("%d measurements are too few; %d or more are needed", len(points), minLinePoints)
	}
	n := float64(len(points))
	l := &Line{Points: len(points), Min: math.Inf(1), Max: math.Inf(-1)}
	mx, my := 0.0, 0.0
	for _, p := range points {
		if math.IsNaN(p.Level) || math.IsInf(p.Level, 0) || math.IsNaN(p.Value) || math.IsInf(p.Value, 0) {
			return nil, fmt.Errorf("%v at level %v is not a measurement", p.Value, p.Level)
		}
		mx, my = mx+p.Level/n, my+p.Value/n
		l.Min, l.Max = min(l.Min, p.Level), max(l.Max, p.Level)
	}
	sxx, sxy := 0.0, 0.0
	for _, p := range points {
		sxx += (p.Level - mx) * (p.Level - mx)
		sxy += (p.Level - mx) * (p.Value - my)
	}
	if l.Max-l.Min <= 0 {
		return nil, errOneLevel
	}
	slope := sxy / sxx
	rest := 0.0
	for _, p := range points {
		d := p.Value - my - slope*(p.Level-mx)
		rest += d * d
	}
	freedom := len(points) - 2
	sd := math.Sqrt(rest / float64(freedom))
	f := &fit{t: student(freedom)}
	l.Slope = f.estimate(slope, sd/math.Sqrt(sxx))
	l.Intercept = f.estimate(my-slope*mx, sd*math.Sqrt(1/n+mx*mx/sxx))
	return l, nil
}

// At is the line's value at a level.
func (l *Line) At(level float64) float64 { return l.Intercept.Value + l.Slope.Value*level }
