package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

// A change is found where it is, and one value alone is none.
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
	for _, tt := range []struct {
		from int
		by   float64
		is   int // of 100, at least
	}{{6, 4, 93}, {n - 2, 6, 93}, {2, 6, 93}} {
		found, there := 0, 0
		for range series {
			if at, p := ChangePoint(draw(tt.from, tt.by)); p <= Alpha {
				found++
				if at >= tt.from-1 && at <= tt.from+1 {
					there++
				}
			}
		}
		if found < series*tt.is/100 || there < found*9/10 {
			t.Errorf("%d of %d changes by %v deviations at %d are found, %d where they are", found, series, tt.by, tt.from, there)
		}
	}
	for _, from := range []int{1, n - 1} {
		alarms := 0
		for range series {
			if _, p := ChangePoint(draw(from, 20)); p <= Alpha {
				alarms++
			}
		}
		if alarms > series/20 {
			t.Errorf("one value beside the others is a change in %d of %d series", alarms, series)
		}
	}
	for _, values := range [][]float64{nil, {1}, {1, 1, 1, 1, 9, 9, 9}, {3, 3, 3, 3, 3, 3, 3, 3}} {
		if at, p := ChangePoint(values); at != 0 || p != 1 {
			t.Errorf("%v: %d, %v", values, at, p)
		}
	}
	for _, values := range [][]float64{{0, 0, 0, 0, 0, 0, 0, 1}, {9, 2, 2, 2, 2, 2, 2, 2}} {
		if _, p := ChangePoint(values); p < 0.1 {
			t.Errorf("%v: one value alone is a change, p %v", values, p)
		}
	}
	if at, p := ChangePoint([]float64{0, 0, 0, 0, 0, 0, 1, 1.2}); at != 6 || p > 0.01 {
		t.Errorf("two values after six equal ones: %d, %v", at, p)
	}
	if at, p := ChangePoint([]float64{1, 1, 1, 1, 2, 2, 2, 2}); at != 4 || p > 0.001 {
		t.Errorf("a step without scatter: %d, %v", at, p)
	}
}

// Of twenty series without a change one is called changed at most, whatever the noise is: with
// heavy tails, rounded, of machines of two kinds, and also where it drifts slowly. Where it drifts
// more, as the manual says, it is one of eight.
func TestChangePointFalseAlarms(t *testing.T) {
	each := func(one func(*rand.Rand) float64) func(*rand.Rand, []float64) {
		return func(rnd *rand.Rand, vs []float64) {
			for i := range vs {
				vs[i] = one(rnd)
			}
		}
	}
	akin := func(correlation float64) func(*rand.Rand, []float64) {
		return func(rnd *rand.Rand, vs []float64) { autoregressive(rnd, vs, correlation) }
	}
	outliers := func(by float64) func(*rand.Rand) float64 {
		return func(rnd *rand.Rand) float64 {
			v := rnd.NormFloat64()
			if rnd.IntN(10) == 0 {
				v *= by
			}
			return v
		}
	}
	kinds := func(share float64) func(*rand.Rand) float64 {
		return func(rnd *rand.Rand) float64 {
			v := 0.2 * rnd.NormFloat64()
			if rnd.Float64() < share {
				v += 2
			}
			return v
		}
	}
	const series = 4000
	for _, noise := range []struct {
		name string
		draw func(*rand.Rand, []float64)
		most float64
	}{
		{"normal", akin(0), 0.05},
		{"skew", each(func(rnd *rand.Rand) float64 { return rnd.ExpFloat64() }), 0.05},
		{"Student's t with two degrees of freedom", each(func(rnd *rand.Rand) float64 {
			return rnd.NormFloat64() / math.Sqrt(rnd.ExpFloat64())
		}), 0.05},
		{"Cauchy", each(func(rnd *rand.Rand) float64 { return rnd.NormFloat64() / rnd.NormFloat64() }), 0.05},
		{"outliers", each(outliers(5)), 0.05},
		{"far outliers", each(outliers(100)), 0.05},
		{"rounded", each(func(rnd *rand.Rand) float64 { return math.Round(rnd.NormFloat64() / 2) }), 0.05},
		{"machines of two kinds", each(kinds(0.5)), 0.05},
		{"machines of two kinds, one rare", each(kinds(0.2)), 0.05},
		{"slow drift", akin(0.2), 0.05},
		{"drift as allowed for", akin(kinship), 0.06}, // the level itself, and the error of 4000 series
		{"more drift", akin(0.5), 0.13},
		{"a walk", func(rnd *rand.Rand, vs []float64) {
			at := 0.0
			for i := range vs {
				vs[i] = at + rnd.NormFloat64()
				at += 0.3 * rnd.NormFloat64()
			}
		}, 0.06},
	} {
		for n := MinSeries; n <= 11; n++ {
			rnd := rand.New(rand.NewPCG(uint64(n), 7))
			values, alarms := make([]float64, n), 0
			for range series {
				noise.draw(rnd, values)
				if _, p := ChangePoint(values); p <= Alpha {
					alarms++
				}
			}
			rate := float64(alarms) / series
			t.Logf("%s, %d values: %.3f", noise.name, n, rate)
			if rate > noise.most {
				t.Errorf("%s: %.1f %% of series of %d values are called changed, want %.0f %% at most", noise.name, 100*rate, n, 100*noise.most)
			}
			if noise.name == "drift as allowed for" && rate < 0.04 {
				t.Errorf("the level is %.1f %% with %d values: changes are missed for nothing", 100*rate, n)
			}
		}
	}
}
