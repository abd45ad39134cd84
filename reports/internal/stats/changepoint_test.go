package stats

import (
	"math/rand/v2"
	"testing"
)

// The level holds, and a change of three standard deviations is found where it is.
func TestChangePoint(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	const series, n = 1000, 11
	draw := func(from int, by float64) []float64 {
		vs := make([]float64, n)
		for i := range vs {
			vs[i] = 100 + rnd.NormFloat64()
			if i >= from {
				vs[i] += by
			}
		}
		return vs
	}
	alarms, found, there := 0, 0, 0
	for range series {
		if _, p := ChangePoint(draw(0, 0)); p <= Alpha {
			alarms++
		}
		if at, p := ChangePoint(draw(6, 3)); p <= Alpha {
			found++
			if at >= 5 && at <= 7 {
				there++
			}
		}
	}
	if alarms > 85 || alarms < 25 {
		t.Errorf("%d alarms in %d series without a change", alarms, series)
	}
	if found < 900 || there < found*9/10 {
		t.Errorf("%d of %d changes are found, %d where they are", found, series, there)
	}
	// One value after the change is enough when it is far away.
	last := 0
	for range 200 {
		if at, p := ChangePoint(draw(n-1, 8)); p <= Alpha && at == n-1 {
			last++
		}
	}
	if last < 180 {
		t.Errorf("a last value eight deviations off is found %d times of 200", last)
	}
	for _, values := range [][]float64{nil, {1}, {1, 1, 9, 9}, {3, 3, 3, 3, 3, 3}} {
		if at, p := ChangePoint(values); at != 0 || p != 1 {
			t.Errorf("%v: %d, %v", values, at, p)
		}
	}
	// One value beside equal ones is no change: nothing says how far values scatter. Two of them
	// are.
	for _, values := range [][]float64{{0, 0, 0, 0, 0, 1}, {9, 2, 2, 2, 2, 2}} {
		if at, p := ChangePoint(values); at != 0 || p != 1 {
			t.Errorf("%v: %d, %v", values, at, p)
		}
	}
	if at, p := ChangePoint([]float64{0, 0, 0, 0, 0, 1, 1.2}); at != 5 || p > 0.01 {
		t.Errorf("two values after five equal ones: %d, %v", at, p)
	}
	if at, p := ChangePoint([]float64{1, 1, 1, 2, 2, 2}); at != 3 || p > 0.001 {
		t.Errorf("a step without scatter: %d, %v", at, p)
	}
}
