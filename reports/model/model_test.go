package model

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// law gives the throughput at each level of a system, with an error in proportion.
func law(rnd *rand.Rand, gamma, sigma, kappa, noise float64, levels ...float64) (ps []Point) {
	for _, n := range levels {
		x := gamma * n / (1 + sigma*(n-1) + kappa*n*(n-1))
		if noise > 0 {
			x *= 1 + noise*rnd.NormFloat64()
		}
		ps = append(ps, Point{n, x})
	}
	return ps
}

var levels = []float64{1, 2, 4, 8, 12, 16, 24, 32, 48, 64}

func near(a, b, share float64) bool { return math.Abs(a-b) <= share*math.Abs(b) }

func TestUSLRecoversTheLaw(t *testing.T) {
	u, err := FitUSL(law(nil, 950, 0.03, 0.0004, 0, levels...))
	if err != nil {
		t.Fatal(err)
	}
	if u.Shape != Coherency || !near(u.Gamma.Value, 950, 1e-6) || !near(u.Sigma.Value, 0.03, 1e-6) || !near(u.Kappa.Value, 0.0004, 1e-6) {
		t.Errorf("%+v", u)
	}
	if want := math.Sqrt(0.97 / 0.0004); u.Peak == nil || !near(u.Peak.Value, want, 1e-6) {
		t.Errorf("peak %+v, want %v", u.Peak, want)
	}
	if x, ok := u.At(100); !ok || !near(x, 950*100/(1+0.03*99+0.0004*100*99), 1e-6) {
		t.Errorf("at 100: %v %v", x, ok)
	}
	for _, n := range []float64{0, 129, math.NaN(), math.Inf(1)} {
		if _, ok := u.At(n); ok {
			t.Errorf("the model answers for the level %v", n)
		}
	}
	if !near(u.R2, 1, 1e-9) || !strings.Contains(u.Verdict(), "peaks at level 49") {
		t.Errorf("R² %v, %s", u.R2, u.Verdict())
	}
}

// TestUSLIntervals fits a thousand systems with an error of 2 %: the true numbers are inside their intervals in 95 of 100.
func TestUSLIntervals(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	sigma, kappa, peak, named := 0, 0, 0, 0
	want := math.Sqrt(0.97 / 0.0004)
	for range 1000 {
		u, err := FitUSL(law(rnd, 950, 0.03, 0.0004, 0.02, append(levels, levels...)...))
		if err != nil {
			t.Fatal(err)
		}
		if u.Shape == Coherency && u.Sigma.Low <= 0.03 && 0.03 <= u.Sigma.High {
			sigma++
		}
		if u.Kappa.Low <= 0.0004 && 0.0004 <= u.Kappa.High {
			kappa++
		}
		if u.Peak != nil {
			named++
			if u.Peak.Low <= want && want <= u.Peak.High {
				peak++
			}
		}
	}
	const least = 950 - 5*7 // a standard error is 7
	if sigma < least || kappa < least || named < 990 || float64(peak) < 0.915*float64(named) {
		t.Errorf("of 1000: σ inside %d, κ inside %d, peak named %d and inside %d", sigma, kappa, named, peak)
	}
}

// TestUSLRefusesPeaks: without coherency a peak is named in one of forty fits at most, which is what a 95 % interval allows upwards.
func TestUSLRefusesPeaks(t *testing.T) {
	for _, tt := range []struct {
		name  string
		sigma float64
		shape Shape
		least int
		says  string
	}{{"linear", 0, Linear, 880, "linear up to level"}, {"contention", 0.05, Contention, 900, "no peak is visible"}} {
		rnd := rand.New(rand.NewPCG(3, 4))
		shapes := map[Shape]int{}
		for range 1000 {
			u, err := FitUSL(law(rnd, 100, tt.sigma, 0, 0.02, levels...))
			if err != nil {
				t.Fatal(err)
			}
			shapes[u.Shape]++
			if u.Shape == tt.shape && (u.Peak != nil || !strings.Contains(u.Verdict(), tt.says)) {
				t.Fatalf("%s: %s", tt.name, u.Verdict())
			}
		}
		if shapes[tt.shape] < tt.least || shapes[Coherency] > 25+5*5 {
			t.Errorf("%s: shapes %v", tt.name, shapes)
		}
	}
}

func TestUSLDoesNotLookFar(t *testing.T) {
	u, err := FitUSL(law(nil, 100, 0.01, 0.00001, 0, levels...))
	if err != nil {
		t.Fatal(err)
	}
	if u.Shape != Coherency || u.Peak != nil || !strings.Contains(u.Verdict(), "too far above level 64") {
		t.Errorf("a peak at 315 of levels up to 64: %+v: %s", u.Peak, u.Verdict())
	}
	u, err = FitUSL(law(nil, 100, -0.004, 0, 0, levels...))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := u.At(10); ok || u.Shape != Faster || !strings.Contains(u.Verdict(), "does not cover") {
		t.Errorf("faster than linear: %+v", u)
	}
}

// TestUSLOfAnExactLine: what a fixed schedule makes proportional is linear, whatever the last digits say.
func TestUSLOfAnExactLine(t *testing.T) {
	var ps []Point
	for _, n := range levels {
		ps = append(ps, Point{n, math.Floor(4.9999*n*1000) / 1000})
	}
	if u, err := FitUSL(ps); err != nil || u.Shape != Linear {
		t.Errorf("%+v, %v", u, err)
	}
}

// Throughput that grows in a line and then breaks down is no curve of the law, and a peak of such a fit is no fact. A plateau is one.
func TestUSLRefusesWhatItDoesNotDescribe(t *testing.T) {
	var collapse, plateau []Point
	for _, n := range []float64{500, 1000, 2000, 3000, 4000, 5000, 6000} {
		x := 5 * n
		if n > 4000 {
			x = 6000
		}
		collapse = append(collapse, Point{n, x})
		plateau = append(plateau, Point{n, 10000 + 100*math.Sin(n)})
	}
	u, err := FitUSL(collapse)
	if err != nil || u.Shape != Unlike || u.Peak != nil || !strings.Contains(u.Verdict(), "does not fit") {
		t.Fatalf("%+v, %v", u, err)
	}
	if _, ok := u.At(3000); ok {
		t.Error("a model that does not fit answers")
	}
	if u, err = FitUSL(plateau); err != nil || u.Shape != Contention && u.Shape != Coherency {
		t.Errorf("a plateau: %+v, %v", u, err)
	}
}

// A peak that nobody measured is told as one of the fit.
func TestUSLPeakBeyondTheLevels(t *testing.T) {
	u, err := FitUSL(law(nil, 950, 0.03, 0.0004, 0, 1, 2, 4, 8, 16, 32))
	if err != nil || u.Peak == nil || !strings.Contains(u.Verdict(), "coherency (κ = 0.0004) would make throughput peak at level 49") || !strings.HasSuffix(u.Verdict(), "above the highest level measured, 32.") {
		t.Errorf("%v, %+v: %s", err, u, u.Verdict())
	}
}

func TestUSLErrors(t *testing.T) {
	good := law(nil, 100, 0.01, 0.001, 0, levels...)
	for want, ps := range map[string][]Point{
		"5 levels are too few":  append(good[:5:5], good[:5]...),
		"no level was measured": nil,
		"above 0":               append(good[:6:6], Point{9, 0}),
		"1 or more":             append(good[:6:6], Point{0.5, 9}),
		"NaN":                   append(good[:6:6], Point{7, math.NaN()}),
	} {
		if _, err := FitUSL(ps); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func TestKnee(t *testing.T) {
	curve := func(f func(x float64) float64, levels ...float64) (ps []Point) {
		for _, x := range levels {
			ps = append(ps, Point{x, f(x)})
		}
		return ps
	}
	steps := []float64{10, 20, 30, 40, 50, 60, 70, 80, 90, 100}
	stick := curve(func(x float64) float64 { return 5 + max(0, x-70)*3 }, steps...)
	if got, err := Knee(stick); err != nil || got != 70 {
		t.Errorf("a hockey stick bent at 70: %v, %v", got, err)
	}
	// 1/(1-ρ) up to 0.95: the sag x - y is greatest where the slope is that of the line between the ends, at 1-√(0.05·0.95) = 0.782.
	var queue []Point
	for x := 0.05; x < 0.951; x += 0.05 {
		queue = append(queue, Point{x, 1 / (1 - x)})
	}
	if got, err := Knee(queue); err != nil || math.Abs(got-0.782) > 0.026 {
		t.Errorf("a queue: %v, %v", got, err)
	}
	// One level that was lucky, trials that scatter, and any order change nothing.
	rnd := rand.New(rand.NewPCG(5, 6))
	var noisy []Point
	for range 5 {
		for _, p := range stick {
			noisy = append(noisy, Point{p.Level, p.Value * (1 + 0.05*rnd.NormFloat64())})
		}
	}
	rnd.Shuffle(len(noisy), func(i, j int) { noisy[i], noisy[j] = noisy[j], noisy[i] })
	if got, err := Knee(noisy); err != nil || got != 70 {
		t.Errorf("with noise: %v, %v", got, err)
	}
	for name, ps := range map[string][]Point{
		"a line":    curve(func(x float64) float64 { return x }, steps...),
		"flat":      curve(func(float64) float64 { return 3 }, steps...),
		"falling":   curve(func(x float64) float64 { return -x }, steps...),
		"flattened": curve(math.Sqrt, steps...),
	} {
		if got, err := Knee(ps); !errors.Is(err, ErrNoKnee) {
			t.Errorf("%s has a knee at %v (%v)", name, got, err)
		}
	}
	if _, err := Knee(stick[:5]); err == nil || !strings.Contains(err.Error(), "too few") {
		t.Errorf("of five levels: %v", err)
	}
	if _, err := Knee(append(stick[:9:9], Point{3, math.NaN()})); err == nil {
		t.Error("of nothing measured")
	}
}

// TestNoKneeInNoise draws a thousand straight lines with an error of 5 %.
func TestNoKneeInNoise(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	found := 0
	for range 1000 {
		var ps []Point
		for x := 10.0; x <= 100; x += 10 {
			ps = append(ps, Point{x, (20 + x) * (1 + 0.05*rnd.NormFloat64())})
		}
		if _, err := Knee(ps); err == nil {
			found++
		}
	}
	if found > 10 {
		t.Errorf("%d of 1000 straight lines have a knee", found)
	}
}

func TestOperating(t *testing.T) {
	for _, tt := range []struct{ capacity, knee, want float64 }{{1000, 0, 700}, {1000, 900, 700}, {1000, 500, 500}} {
		if got := OperatingPoint(tt.capacity, tt.knee); got != tt.want {
			t.Errorf("capacity %v, knee %v: %v, want %v", tt.capacity, tt.knee, got, tt.want)
		}
	}
	for _, tt := range []struct {
		load, at float64
		spare    int
		want     int
	}{{100_000, 28_000, 0, 4}, {84_000, 28_000, 0, 3}, {84_001, 28_000, 1, 5}, {0, 10, 0, 0}} {
		if got, err := Nodes(tt.load, tt.at, tt.spare); err != nil || got != tt.want {
			t.Errorf("%v at %v: %v, %v, want %d", tt.load, tt.at, got, err, tt.want)
		}
	}
	for _, bad := range [][2]float64{{-1, 1}, {1, 0}, {math.NaN(), 1}, {1, math.NaN()}, {1e18, 1e-3}} {
		if n, err := Nodes(bad[0], bad[1], 0); err == nil {
			t.Errorf("%v nodes for %v", n, bad)
		}
	}
}

// TestStudent holds the table, and what continues it, to published quantiles.
func TestStudent(t *testing.T) {
	for freedom, want := range map[int]float64{1: 12.706, 7: 2.365, 30: 2.042, 40: 2.021, 60: 2.000, 120: 1.980} {
		if got := student(freedom); math.Abs(got-want) > 0.004 {
			t.Errorf("t of %d degrees: %v, want %v", freedom, got, want)
		}
	}
}

// TestFitOfHugeValues: what leaves the range of numbers is no fit, and no NaN.
func TestFitOfHugeValues(t *testing.T) {
	points := []Point{{Level: 1, Value: 1e308}}
	for level := 2.0; level <= 9; level++ {
		points = append(points, Point{Level: level, Value: level * 1000})
	}
	if u, err := FitUSL(points); err == nil {
		t.Errorf("%+v", u)
	}
}
