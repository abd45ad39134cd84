package stats

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// The correction of Holm is the closed test of weighted Bonferroni: a hypothesis is rejected when
// every set of hypotheses with it is. This goes through all sets.
func TestHolmIsClosedBonferroni(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 7).Draw(t, "hypotheses")
		ps := rapid.SliceOfN(rapid.SampledFrom([]float64{0, 0.001, 0.004, 0.01, 0.012, 0.03, 0.05, 0.2, 0.7, 1}), n, n).Draw(t, "p")
		weights := rapid.SliceOfN(rapid.Float64Range(0.1, 3), n, n).Draw(t, "weights")
		got, equal := Holm(ps, weights), Holm(ps, nil)
		for i := range ps {
			want, wantEqual := 0.0, 0.0
			for set := range 1 << n {
				if set>>i&1 == 0 {
					continue
				}
				total, size := 0.0, 0.0
				for k := range ps {
					if set>>k&1 == 1 {
						total, size = total+weights[k], size+1
					}
				}
				least, leastEqual := 1.0, 1.0
				for k := range ps {
					if set>>k&1 == 1 {
						least, leastEqual = min(least, ps[k]*total/weights[k]), min(leastEqual, ps[k]*size)
					}
				}
				want, wantEqual = max(want, least), max(wantEqual, leastEqual)
			}
			if math.Abs(got[i]-want) > 1e-9 || math.Abs(equal[i]-wantEqual) > 1e-9 {
				t.Fatalf("hypothesis %d: %v with weights, want %v; %v without, want %v", i, got[i], want, equal[i], wantEqual)
			}
		}
	})
}

// The signed-rank test by its definition, in the words of Pratt: the rank of a difference is how
// many are smaller, and half of those as large with its own, zeros included; then every choice of
// signs of those that are not zero.
func TestSignedRankByDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole := rapid.SliceOfN(rapid.IntRange(-4, 6), 0, 10).Draw(t, "differences")
		var ds, ranks []float64
		for _, d := range whole {
			ds = append(ds, float64(d)/8)
		}
		positive, all := 0.0, 0.0
		for _, d := range ds {
			smaller, alike := 0.0, 0.0
			for _, other := range ds {
				switch a, b := math.Abs(other), math.Abs(d); {
				case a < b:
					smaller++
				case a == b:
					alike++
				}
			}
			if d == 0 {
				continue
			}
			rank := smaller + (alike+1)/2
			ranks, all = append(ranks, rank), all+rank
			if d > 0 {
				positive += rank
			}
		}
		asFar, choices := 0, 1<<len(ranks)
		for signs := range choices {
			sum := 0.0
			for i, r := range ranks {
				if signs>>i&1 == 1 {
					sum += r
				}
			}
			if math.Abs(sum-all/2) >= math.Abs(positive-all/2)-1e-9 {
				asFar++
			}
		}
		if got, want := SignedRank(ds), float64(asFar)/float64(choices); math.Abs(got-want) > 1e-9 {
			t.Fatalf("p = %v, want %v", got, want)
		}
	})
}

// An interval holds the shifts that the test at its level does not reject, and no other.
func TestIntervalInvertsTheTest(t *testing.T) {
	rnd := rand.New(rand.NewPCG(8, 9))
	p := map[Design]func(base, new []float64) float64{
		Apart: PValue,
		Paired: func(base, new []float64) float64 {
			within := make([]float64, len(base))
			for i := range base {
				within[i] = new[i] - base[i]
			}
			return SignedRank(within)
		},
	}
	for range 300 {
		n := 6 + rnd.IntN(8)
		base, new := make([]float64, n), make([]float64, n)
		for i := range base {
			base[i], new[i] = rnd.NormFloat64(), 0.7+rnd.ExpFloat64()
		}
		for design, test := range p {
			ci := Compare(design, base, new).Interval(Alpha)
			for _, edge := range []struct {
				at, inwards float64
			}{{ci.Low, 1e-7}, {ci.High, -1e-7}} {
				shifted := func(by float64) float64 {
					moved := make([]float64, n)
					for i := range base {
						moved[i] = base[i] + edge.at + by
					}
					return test(moved, new)
				}
				if in, out := shifted(edge.inwards), shifted(-edge.inwards); in <= Alpha || out > Alpha {
					t.Fatalf("design %v, %d trials a side: p is %v within the interval at %v, and %v beyond", design, n, in, edge.at, out)
				}
			}
		}
	}
}
