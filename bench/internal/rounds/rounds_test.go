package rounds

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/throng-io/throng/scenario/result"
)

// Values of known noise give it back, whatever things and rounds differ by, and with gaps.
func TestNoise(t *testing.T) {
	const things, turns, sd = 40, 6, 0.1
	rng := rand.New(rand.NewPCG(1, 2))
	values := make([][]float64, things)
	round := make([]float64, turns)
	for i := range round {
		round[i] = rng.NormFloat64()
	}
	missing := 0
	for i := range values {
		own := rng.NormFloat64()
		for r := range round {
			v := math.Exp(own + round[r] + sd*rng.NormFloat64())
			if rng.IntN(10) == 0 {
				v = math.NaN()
				missing++
			}
			values[i] = append(values[i], v)
		}
	}
	values = append(values, []float64{math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN()})
	n := NewNoise(values)
	if want := things*turns - missing - things - turns + 1; n.Freedom != want {
		t.Errorf("%d degrees of freedom, want %d", n.Freedom, want)
	}
	if n.SD < 0.85*sd || n.SD > 1.15*sd {
		t.Errorf("noise of %v is told as %v", sd, n.SD)
	}
	if n := NewNoise(values[:1]); n != (Noise{}) {
		t.Errorf("one thing alone tells %+v", n)
	}
	two := [][]float64{{1, 2}, {1, 3}, {2, 3}}
	if n := NewNoise(two); n != (Noise{}) {
		t.Errorf("two rounds tell %+v", n)
	}
	if n := NewNoise(nil); n != (Noise{}) {
		t.Errorf("nothing tells %+v", n)
	}
}

// The interval of a pair covers the true ratio as often as it says, is much narrower when others
// tell the noise, and as wide as a pair's own rounds ask where these vary more.
func TestComparisonWithNoise(t *testing.T) {
	const tries, turns = 2000, 3
	rng := rand.New(rand.NewPCG(3, 4))
	covered, narrower := 0, 0
	for range tries {
		values := make([][]float64, 10)
		for i := range values {
			for range turns {
				values[i] = append(values[i], math.Exp(0.2*float64(i)+0.1*rng.NormFloat64()))
			}
		}
		c := NewNoise(values).Compare(values[1], values[0], false, 1)
		if c.Low <= math.Exp(0.2) && math.Exp(0.2) <= c.High {
			covered++
		}
		if alone := Compare(values[1], values[0], false, 1); c.High/c.Low < alone.High/alone.Low {
			narrower++
		}
	}
	if share := float64(covered) / tries; share < 0.94 {
		t.Errorf("intervals of 95 %% cover %.1f %%", 100*share)
	}
	if share := float64(narrower) / tries; share < 0.7 {
		t.Errorf("the noise of ten things narrows only %.0f %% of intervals", 100*share)
	}
	wild, calm := []float64{1, 10, 0.1}, []float64{1, 1, 1}
	if c := (Noise{SD: 0.001, Freedom: 18}).Compare(wild, calm, false, 1); c.High/c.Low < 10 {
		t.Errorf("what varies a hundredfold is told to be certain: %+v", c)
	}
	known := Noise{SD: 0.1, Freedom: 18}
	if c := known.Compare([]float64{2, math.NaN()}, calm[:2], false, 1); c.Rounds != 1 || !(c.Low > 1.3 && c.Low < c.Times && c.High < 3) {
		t.Errorf("one round with known noise gives %+v", c)
	}
	if c := Compare(wild[:2], calm[:2], false, 1); !math.IsNaN(c.Low) || c.Rounds != 2 {
		t.Errorf("two rounds alone give an interval: %+v", c)
	}
}

func TestMeans(t *testing.T) {
	nan := math.NaN()
	if m := Mean([]float64{2, nan, 8}); math.Abs(m-4) > 1e-12 {
		t.Errorf("the geometric mean of 2 and 8 is %v", m)
	}
	if m := Median([]float64{9, nan, 1, 2}); m != 2 {
		t.Errorf("the median of 1, 2, 9 is %v", m)
	}
	if !math.IsNaN(Mean([]float64{nan})) || !math.IsNaN(Median(nil)) {
		t.Error("nothing has a mean")
	}
}

// A percentile with fewer than ten samples beyond it is none.
func TestMillisecondsTakesSamples(t *testing.T) {
	for _, tt := range []struct {
		percent  int
		n, never int64
		want     float64 // 0: none
	}{{50, 19, 0, 0}, {50, 20, 0, 2}, {99, 999, 0, 0}, {99, 1000, 0, 9}, {99, 990, 10, 9}} {
		c := &result.Cell{Latency: map[string]*result.Latency{"ack": {N: tt.n, Never: tt.never, P50us: 2000, P99us: 9000}}}
		if v, ok := Milliseconds("answer", "ack", tt.percent).Of(c); ok != (tt.want > 0) || v != tt.want {
			t.Errorf("p%d of %d answers and %d that never came is %v, want %v", tt.percent, tt.n, tt.never, v, tt.want)
		}
	}
	c := &result.Cell{Latency: map[string]*result.Latency{"reconnect": {N: 500, P99us: 9000}}}
	if v, ok := Milliseconds("back", "reconnect", 99).Of(c); !ok || v != 9 {
		t.Errorf("of all 500 that were away: %v", v)
	}
	if _, ok := Milliseconds("answer", "ack", 50).Of(&result.Cell{}); ok {
		t.Error("nothing has a median")
	}
}
