package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// lognormal draws trials of a system whose trials scatter by sigma around median.
func lognormal(rnd *rand.Rand, n int, median, sigma float64) []float64 {
	vs := make([]float64, n)
	for i := range vs {
		vs[i] = median * math.Exp(sigma*rnd.NormFloat64())
	}
	return vs
}

// TestHolmPublished holds the correction to published values: the second row is the worked example of the procedure in its common
// description, four hypotheses at 0.01, 0.04, 0.03 and 0.005, the first what p.adjust(1:5/100, "holm") of R prints.
func TestHolmPublished(t *testing.T) {
	tests := []struct{ ps, want []float64 }{
		{[]float64{0.01, 0.02, 0.03, 0.04, 0.05}, []float64{0.05, 0.08, 0.09, 0.09, 0.09}},
		{[]float64{0.01, 0.04, 0.03, 0.005}, []float64{0.03, 0.06, 0.06, 0.02}},
		{[]float64{0.6, 0.7}, []float64{1, 1}},
		{[]float64{0.03}, []float64{0.03}},
		{nil, []float64{}},
	}
	for _, tt := range tests {
		got := Holm(tt.ps, nil)
		if !slices.EqualFunc(got, tt.want, func(a, b float64) bool { return math.Abs(a-b) < 1e-12 }) {
			t.Errorf("holm(%v) = %v, want %v", tt.ps, got, tt.want)
		}
	}
}

// TestTrimmedPublished compares with the two-sided 5 % column of the usual table of critical values of U: the table gives the
// highest U that is rejected, which is one below k.
func TestTrimmedPublished(t *testing.T) {
	table := map[[2]int]int{
		{4, 4}: 0, {4, 5}: 1, {5, 5}: 2, {5, 6}: 3, {6, 6}: 5, {5, 10}: 8, {7, 7}: 8, {8, 8}: 13, {10, 10}: 23, {12, 15}: 49, {15, 15}: 64, {20, 20}: 127,
	}
	for n, critical := range table {
		if got := trimmed(n[0], n[1], Alpha); got != critical+1 {
			t.Errorf("trimmed%v = %d, want %d", n, got, critical+1)
		}
		if a, b := trimmed(n[0], n[1], Alpha), trimmed(n[1], n[0], Alpha); a != b {
			t.Errorf("trimmed%v = %d, the other way round %d", n, a, b)
		}
	}
	for n := range MinTrials {
		if got := trimmed(n, n, Alpha); got != 0 {
			t.Errorf("trimmed(%d, %d) = %d: that few trials bound nothing", n, n, got)
		}
	}
	if a, b := trimmed(exactTrials, exactTrials, Alpha), trimmed(exactTrials+1, exactTrials+1, Alpha); b <= a || b > a+20 {
		t.Errorf("the approximation does not continue the exact values: %d, then %d", a, b)
	}
}

func TestLeastP(t *testing.T) {
	for n, want := range map[int]float64{1: 1, 2: 1.0 / 3, 3: 0.1, 4: 2.0 / 70, 5: 2.0 / 252, 10: 2.0 / 184756} {
		if got := LeastP(n, n); math.Abs(got-want) > 1e-12 {
			t.Errorf("leastP(%d, %d) = %v, want %v", n, n, got, want)
		}
		low, high := make([]float64, n), make([]float64, n)
		for i := range n {
			low[i], high[i] = float64(i), float64(i+100)
		}
		if got := PValue(low, high); math.Abs(got-want) > 1e-9 {
			t.Errorf("p of two samples of %d wholly apart = %v, want %v", n, got, want)
		}
	}
}

// TestFalseAlarms compares a thousand pairs of equal systems. The exact test may be below the level, never above it.
func TestFalseAlarms(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	const comparisons = 1000
	// Five standard errors above 5 %: a right test passes with any seed.
	limit := comparisons*Alpha + 5*math.Sqrt(comparisons*Alpha*(1-Alpha))
	for _, n := range []int{4, 5, 7, 10} {
		alarms, missed := 0, 0
		for range comparisons {
			base, new := lognormal(rnd, n, 1000, 0.1), lognormal(rnd, n, 1000, 0.1)
			if PValue(base, new) <= Alpha {
				alarms++
			}
			if ci := Compare(Apart, base, new).Interval(Alpha); ci.Low > 0 || ci.High < 0 {
				missed++
			}
		}
		if float64(alarms) > limit {
			t.Errorf("%d trials: %d false alarms in %d, at most %.0f are due", n, alarms, comparisons, limit)
		}
		if n >= 7 && alarms < 10 {
			t.Errorf("%d trials: %d false alarms in %d: the test is blind", n, alarms, comparisons)
		}
		if alarms != missed {
			t.Errorf("%d trials: the test rejects %d times, the interval leaves zero out %d times; they must agree", n, alarms, missed)
		}
	}
}

// TestFalseAlarmsOfAMatrix compares ten equal systems with one base, a thousand times: the chance of any alarm is that of one test.
func TestFalseAlarmsOfAMatrix(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	const comparisons, size, n = 1000, 10, 8
	corrected, raw := 0, 0
	for range comparisons {
		base := lognormal(rnd, n, 1000, 0.1)
		var ps []float64
		for range size {
			ps = append(ps, PValue(base, lognormal(rnd, n, 1000, 0.1)))
		}
		if slices.Min(ps) <= Alpha {
			raw++
		}
		if slices.Min(Holm(ps, nil)) <= Alpha {
			corrected++
		}
	}
	if limit := comparisons*Alpha + 5*math.Sqrt(comparisons*Alpha*(1-Alpha)); float64(corrected) > limit {
		t.Errorf("%d matrices of %d raise an alarm, at most %.0f are due", corrected, comparisons, limit)
	}
	if raw < 2*corrected || raw < 150 {
		t.Errorf("without correction %d matrices raise an alarm, with it %d: the correction does nothing", raw, corrected)
	}
}

// TestPower looks for a change of 10 % in trials that scatter by 4 %.
func TestPower(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	const comparisons = 1000
	least := map[int]int{5: 765, 7: 936, 10: 988} // 82.5, 96.5 and 99.7 % in 60 000 comparisons with other seeds, less five standard errors
	for n, want := range least {
		found, inside := 0, 0
		for range comparisons {
			base, new := lognormal(rnd, n, 1000, 0.04), lognormal(rnd, n, 1100, 0.04)
			if PValue(base, new) <= Alpha {
				found++
			}
			if ci := Compare(Apart, logs(base), logs(new)).Interval(Alpha); ci.Low <= math.Log(1.1) && math.Log(1.1) <= ci.High {
				inside++
			}
		}
		if found < want {
			t.Errorf("%d trials: found %d of %d changes of 10 %%, want %d", n, found, comparisons, want)
		}
		if least := 950 - 5*7; inside < least { // a standard error is 7
			t.Errorf("%d trials: the interval holds the true change %d times of %d, want %d", n, inside, comparisons, least)
		}
	}
}

func TestMedian(t *testing.T) {
	if got := Median([]float64{9, 1, 5}); got != 5 {
		t.Errorf("median of three: %v", got)
	}
	if got := Median([]float64{9, 1, 5, 2}); got != 3.5 {
		t.Errorf("median of four: %v", got)
	}
	if got := Median(nil); !math.IsNaN(got) {
		t.Errorf("median of nothing: %v", got)
	}
}

// Four trials a side can show a difference, but not at half of the level: what is asked for must be
// enough.
func TestNeededGrowsWithTheFamily(t *testing.T) {
	for family, want := range map[int][2]int{1: {4, 6}, 2: {5, 7}, 6: {5, 8}, 7: {6, 9}, 23: {6, 10}, 24: {7, 10}} {
		if got := [2]int{Apart.Needed(Alpha / float64(family)), Paired.Needed(Alpha / float64(family))}; got != want {
			t.Errorf("a family of %d needs %v trials and pairs, want %v", family, got, want)
		}
	}
	if Apart.Needed(Alpha) != MinTrials {
		t.Error("the least number of trials is not what a single test needs")
	}
}

func logs(values []float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = math.Log(v)
	}
	return out
}

// With weights of four to one, the first of two hypotheses has four fifths of the level while both
// stand, and the other has all of it when the first has fallen (Holm 1979, section 5).
func TestHolmWeights(t *testing.T) {
	for _, tt := range []struct{ ps, weights, want []float64 }{
		{[]float64{0.02, 0.02}, []float64{4, 1}, []float64{0.025, 0.025}},
		{[]float64{0.04, 0.5}, []float64{4, 1}, []float64{0.05, 0.5}},
		{[]float64{0.5, 0.011}, []float64{4, 1}, []float64{0.5, 0.055}},
		{[]float64{0.5, 0.001}, []float64{4, 1}, []float64{0.5, 0.005}},
		{[]float64{0.01, 0.04, 0.03, 0.005}, []float64{3, 3, 3, 3}, []float64{0.03, 0.06, 0.06, 0.02}},
	} {
		if got := Holm(tt.ps, tt.weights); !slices.EqualFunc(got, tt.want, func(a, b float64) bool { return math.Abs(a-b) < 1e-12 }) {
			t.Errorf("%v with the weights %v: %v, want %v", tt.ps, tt.weights, got, tt.want)
		}
	}
}

func TestSlope(t *testing.T) {
	if got := Slope([]float64{1, -2, 3}, []float64{2, -4, 6}); got != 2 {
		t.Errorf("a line through the origin of slope 2 has %v", got)
	}
	if got := Slope([]float64{1, 1}, []float64{0, 2}); got != 1 {
		t.Errorf("the best line between two points has slope %v, not 1", got)
	}
	if got := Slope([]float64{0, 0}, []float64{1, 2}); got != 0 {
		t.Errorf("without any slope to see it is %v", got)
	}
}
