// Package model draws conclusions from a curve of levels: how throughput scales (the Universal
// Scalability Law), where latency bends (the knee), at which load to operate, and how many nodes a
// number of clients needs. It works on plain numbers and knows nothing of results or figures.
//
// Each conclusion has its conditions, and is refused with a reason when the data do not meet them:
// a fit through four points, a peak far beyond the last level measured, or a knee in a straight
// line are not given.
package model

import (
	"errors"
	"fmt"
	"math"
)

// MinLevels is how many different levels a fit or a knee needs.
const MinLevels = 6

// farthest is how many times the highest level measured a model may be asked about.
const farthest = 2

// leastEffect is how much of the throughput at the highest level a term must take to be more than
// rounding: throughput that a fixed schedule makes exact has intervals of no width.
const leastEffect = 0.005

// Point is a measurement: the throughput, or the latency, at a level of load or concurrency.
// Several trials of a level are several points.
type Point struct{ Level, Value float64 }

// Estimate is a fitted number with its 95 % confidence interval.
type Estimate struct{ Value, Low, High float64 }

// spans tells the estimates whose interval holds zero.
func (e Estimate) spans() bool { return e.Low <= 0 && e.High >= 0 }

// Shape is what limits the growth of throughput, as far as the data tell.
type Shape string

// The shapes.
const (
	Linear Shape = "linear" // neither term can be told from zero
	// it flattens: something is waited for; no peak in the range measured
	Contention Shape = "contention"
	Coherency  Shape = "coherency" // it has a peak: parts wait for one another
	// it grows faster than the level: the model does not describe it
	Faster Shape = "faster"
	Unlike Shape = "unlike" // the measurements lie too far from any curve of the model
)

// A fit is refused when a measurement lies further from it than mostResidual of its value, or
// further than someResidual while it explains less of the variance than leastR2: throughput that
// breaks down at once, as behind a full queue, has no peak that such a curve could find. A plateau
// has next to no variance to explain, so that R² alone does not decide.
const (
	leastR2      = 0.9
	someResidual = 0.1
	mostResidual = 0.25
)

// USL is the Universal Scalability Law, X(N) = γN / (1 + σ(N-1) + κN(N-1)), of Gunther (Guerrilla
// Capacity Planning, 2007), fitted to throughput by level.
type USL struct {
	Shape Shape
	Gamma Estimate // throughput at level 1
	Sigma Estimate // contention
	// coherency; with Shape Linear or Contention its interval holds zero and it is not part of the
	// model
	Kappa Estimate
	// level of the highest throughput; nil without a peak, or with one beyond twice the levels
	// measured
	Peak   *Estimate
	R2     float64 // share of the variance of throughput that the model explains
	Levels int
	Points int
	Max    float64 // the highest level measured
}

// FitUSL fits the law by weighted least squares on its linear form N/X = (1 + σ(N-1) + κN(N-1))/γ,
// with weights for an error of X in proportion to X. Intervals are from the linear
// coefficients, carried over by the delta method. It needs MinLevels different levels of one or
// more, and throughput above zero. Where the interval of κ holds zero the law is fitted again
// without it.
func FitUSL(points []Point) (*USL, error) {
	levels := map[float64]bool{}
	for _, p := range points {
		if !(p.Level >= 1) || math.IsInf(p.Level, 0) || !(p.Value > 0) || math.IsInf(p.Value, 0) {
			return nil, fmt.Errorf("scalability fit: %v at level %v: levels must be 1 or more, and throughput above 0", p.Value, p.Level)
		}
		levels[p.Level] = true
	}
	if len(levels) < MinLevels {
		return nil, fmt.Errorf("no scalability fit: %s; measure %d or more", tooFew(len(levels)), MinLevels)
	}
	u := &USL{Levels: len(levels), Points: len(points)}
	for _, p := range points {
		u.Max = max(u.Max, p.Level)
	}
	f, err := leastSquares(points, 3)
	if err != nil {
		return nil, err
	}
	u.take(f)
	bends := func(e Estimate, weight float64) bool { return !e.spans() && math.Abs(e.Value)*weight > leastEffect }
	switch {
	case u.Kappa.Low > 0 && bends(u.Kappa, u.Max*u.Max):
		u.Shape = Coherency
		u.Peak = f.peak()
		if u.Peak != nil && u.Peak.Value > farthest*u.Max {
			u.Peak = nil
		}
	case bends(u.Kappa, u.Max*u.Max):
		u.Shape = Faster
	default:
		kappa := u.Kappa
		if f, err = leastSquares(points, 2); err != nil {
			return nil, err
		}
		u.take(f)
		u.Kappa = kappa
		switch {
		case !bends(u.Sigma, u.Max):
			u.Shape = Linear
		case u.Sigma.High < 0:
			u.Shape = Faster
		default:
			u.Shape = Contention
		}
	}
	u.R2 = u.explained(points)
	if all := u.R2 + u.Sigma.Low + u.Sigma.High + u.Kappa.Low + u.Kappa.High; math.IsNaN(all) || math.IsInf(all, 0) {
		return nil, errNoFit // values so far apart that their squares leave the range of numbers
	}
	if far := u.farthestFrom(points); u.Shape != Faster && (far > mostResidual || far > someResidual && u.R2 < leastR2) {
		u.Shape, u.Peak = Unlike, nil
	}
	return u, nil
}

// At is the throughput that the model gives for a level. It is false below 1 and beyond twice the
// highest level measured, where the model is a guess, and for a Shape that it does not describe.
func (u *USL) At(level float64) (throughput float64, ok bool) {
	if !(level >= 1) || level > farthest*u.Max || u.Shape == Faster || u.Shape == Unlike {
		return 0, false
	}
	return u.at(level), true
}

func (u *USL) at(n float64) float64 {
	d := 1 + u.Sigma.Value*(n-1)
	if u.Shape == Coherency || u.Shape == Faster {
		d += u.Kappa.Value * n * (n - 1)
	}
	return u.Gamma.Value * n / d
}

// Verdict says in a sentence what the fit shows, and what it does not.
func (u *USL) Verdict() string {
	switch u.Shape {
	case Linear:
		return fmt.Sprintf("Throughput is linear up to level %.0f, the highest measured: the fit shows neither contention nor coherency costs.", u.Max)
	case Contention:
		return fmt.Sprintf("Contention flattens throughput (σ = %.3g, 95 %% interval %.3g to %.3g); no peak is visible up to level %.0f.", u.Sigma.Value, u.Sigma.Low, u.Sigma.High, u.Max)
	case Unlike:
		return fmt.Sprintf("The scalability law does not fit the throughput measured up to level %.0f (R² = %.2g), so contention, coherency and a peak cannot be derived.", u.Max, u.R2)
	case Faster:
		return fmt.Sprintf("Throughput grows faster than the level up to %.0f; the scalability law does not cover that.", u.Max)
	}
	if u.Peak == nil {
		return fmt.Sprintf("Coherency bends throughput (κ = %.3g, 95 %% interval %.3g to %.3g); its peak lies too far above level %.0f to be estimated.", u.Kappa.Value, u.Kappa.Low, u.Kappa.High, u.Max)
	}
	if u.Peak.Value > u.Max {
		return fmt.Sprintf("By the fit, coherency (κ = %.3g) would make throughput peak at level %.0f (95 %% interval %.0f to %.0f), above the highest level measured, %.0f.", u.Kappa.Value, u.Peak.Value, u.Peak.Low, u.Peak.High, u.Max)
	}
	return fmt.Sprintf("Throughput peaks at level %.0f (95 %% interval %.0f to %.0f) because of coherency (κ = %.3g).", u.Peak.Value, u.Peak.Low, u.Peak.High, u.Kappa.Value)
}

func (u *USL) explained(points []Point) float64 {
	mean, rest, all := 0.0, 0.0, 0.0
	for _, p := range points {
		mean += p.Value / float64(len(points))
	}
	for _, p := range points {
		d := p.Value - u.at(p.Level)
		rest += d * d
		all += (p.Value - mean) * (p.Value - mean)
	}
	if all == 0 {
		return 0
	}
	return 1 - rest/all
}

// farthestFrom is the largest distance of a measurement from the model, as a share of the model's
// value.
func (u *USL) farthestFrom(points []Point) (share float64) {
	for _, p := range points {
		share = max(share, math.Abs(p.Value/u.at(p.Level)-1))
	}
	return share
}

// take turns the linear coefficients a, b, c into γ = 1/a, σ = b/a and κ = c/a.
func (u *USL) take(f *fit) {
	a := f.coef[0]
	sd := math.Sqrt(f.cov[0][0]) / (a * a)
	u.Gamma = f.estimate(1/a, sd)
	ratio := func(i int) Estimate {
		r := f.coef[i] / a
		v := (f.cov[i][i] - 2*r*f.cov[0][i] + r*r*f.cov[0][0]) / (a * a)
		return f.estimate(r, math.Sqrt(max(0, v)))
	}
	u.Sigma = ratio(1)
	if len(f.coef) > 2 {
		u.Kappa = ratio(2)
	}
}

// fit is a linear least-squares fit with the covariance of its coefficients.
type fit struct {
	coef []float64
	cov  [][]float64
	t    float64 // quantile for 95 %
}

func (f *fit) estimate(v, sd float64) Estimate { return Estimate{v, v - f.t*sd, v + f.t*sd} }

// peak is √((1-σ)/κ) = √((a-b)/c).
func (f *fit) peak() *Estimate {
	a, b, c := f.coef[0], f.coef[1], f.coef[2]
	if a <= b || c <= 0 {
		return nil
	}
	square := (a - b) / c
	grad := []float64{1 / c, -1 / c, -square / c}
	v := 0.0
	for i := range grad {
		for j := range grad {
			v += grad[i] * grad[j] * f.cov[i][j]
		}
	}
	n := math.Sqrt(square)
	e := f.estimate(n, math.Sqrt(max(0, v))/(2*n))
	e.Low = max(1, e.Low)
	return &e
}

var errNoFit = errors.New("scalability fit: the levels do not determine the model")

// leastSquares fits N/X to the first k of 1, N-1, N(N-1).
func leastSquares(points []Point, k int) (*fit, error) {
	scale := []float64{1, 1, 1} // columns of like size keep the digits
	for _, p := range points {
		scale[1], scale[2] = max(scale[1], p.Level-1), max(scale[2], p.Level*(p.Level-1))
	}
	normal, right := make([][]float64, k), make([]float64, k)
	for i := range normal {
		normal[i] = make([]float64, k)
	}
	row := func(p Point) []float64 {
		return []float64{1, (p.Level - 1) / scale[1], p.Level * (p.Level - 1) / scale[2]}[:k]
	}
	for _, p := range points {
		x, y := row(p), p.Level/p.Value
		w := 1 / (y * y)
		for i := range k {
			for j := range k {
				normal[i][j] += w * x[i] * x[j]
			}
			right[i] += w * x[i] * y
		}
	}
	inverse, ok := invert(normal)
	if !ok {
		return nil, errNoFit
	}
	f := &fit{coef: make([]float64, k), cov: inverse}
	for i := range k {
		for j := range k {
			f.coef[i] += inverse[i][j] * right[j]
		}
	}
	rest := 0.0
	for _, p := range points {
		y, model := p.Level/p.Value, 0.0
		for i, x := range row(p) {
			model += f.coef[i] * x
		}
		rest += (y - model) * (y - model) / (y * y)
	}
	freedom := len(points) - k
	f.t = student(freedom)
	for i := range k {
		f.coef[i] /= scale[i]
		for j := range k {
			f.cov[i][j] *= rest / float64(freedom) / (scale[i] * scale[j])
		}
	}
	if f.coef[0] <= 0 {
		return nil, errNoFit
	}
	return f, nil
}

// invert is Gauss-Jordan elimination with partial pivoting.
func invert(m [][]float64) ([][]float64, bool) {
	n := len(m)
	a, inv := make([][]float64, n), make([][]float64, n)
	for i := range m {
		a[i] = append([]float64(nil), m[i]...)
		inv[i] = make([]float64, n)
		inv[i][i] = 1
	}
	for c := range n {
		best := c
		for r := c + 1; r < n; r++ {
			if math.Abs(a[r][c]) > math.Abs(a[best][c]) {
				best = r
			}
		}
		if math.Abs(a[best][c]) < 1e-13*math.Abs(m[0][0]) {
			return nil, false
		}
		a[c], a[best], inv[c], inv[best] = a[best], a[c], inv[best], inv[c]
		pivot := a[c][c]
		for j := range n {
			a[c][j] /= pivot
			inv[c][j] /= pivot
		}
		for r := range n {
			if factor := a[r][c]; r != c && factor != 0 {
				for j := range n {
					a[r][j] -= factor * a[c][j]
					inv[r][j] -= factor * inv[c][j]
				}
			}
		}
	}
	return inv, true
}

// student is the 97.5 % quantile of Student's t.
func student(freedom int) float64 {
	table := []float64{
		12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
		2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
	}
	if freedom <= len(table) {
		return table[max(1, freedom)-1]
	}
	return 1.960 + 2.5/float64(freedom)
}
