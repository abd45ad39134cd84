package judge

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestGrowth(t *testing.T) {
	series := func(n int, f func(i int) float64) []float64 {
		vs := make([]float64, n)
		for i := range vs {
			vs[i] = f(i)
		}
		return vs
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for name, c := range map[string]struct {
		vs         []float64
		want, near float64
	}{
		"nothing":       {nil, 0, 0},
		"one value":     {[]float64{5}, 0, 0},
		"flat":          {series(60, func(int) float64 { return 7 }), 0, 0},
		"from nothing":  {series(60, func(i int) float64 { return float64(i) }), 0, 0},
		"half as much":  {series(101, func(i int) float64 { return 200 + float64(i) }), 0.5, 1e-9},
		"shrinks":       {series(101, func(i int) float64 { return 200 - float64(i) }), -0.5, 1e-9},
		"a long line":   {series(30_000, func(i int) float64 { return 1e6 + 10*float64(i) }), 0.3, 0.001},
		"saw teeth":     {series(600, func(i int) float64 { return 100 + float64(i%37) }), 0, 0.03},
		"a spike":       {series(600, func(i int) float64 { return 100 + 1e6*math.Floor(float64(i)/599) }), 0, 0},
		"noise, a leak": {series(600, func(i int) float64 { return 100 + float64(i)/30 + 5*rng.Float64() }), 20 / 102.5, 0.01},
	} {
		if got := growth(c.vs); math.IsNaN(got) || math.Abs(got-c.want) > c.near {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
