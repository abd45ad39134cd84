package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

// depression is example 3.1 of Hollander and Wolfe, Nonparametric Statistical Methods (1973): a
// depression score of nine patients at the first and the second visit, as in the documentation of
// wilcox.test of R.
var depression = [2][]float64{
	{1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30},
	{0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29},
}

// R gives V = 40 and p = 0.01953 one-sided; the book gives the estimate -0.46 and the interval
// -0.786 to -0.010, whose level is 96.1 %.
func TestSignedRankPublished(t *testing.T) {
	e := Compare(Paired, depression[0], depression[1])
	if math.Abs(*e.P-0.0390625) > 1e-12 || math.Abs(e.Shift+0.46) > 1e-9 {
		t.Errorf("p = %v, shift %v", *e.P, e.Shift)
	}
	if ci := e.Interval(Alpha); math.Abs(ci.Low+0.786) > 1e-9 || math.Abs(ci.High+0.010) > 1e-9 {
		t.Errorf("interval %+v", ci)
	}
}

// TestTrimmedPairsPublished compares with the exact critical values of the signed-rank sum, two-sided
// (McCornack, Journal of the American Statistical Association 60, 1965): the highest sum that is
// rejected, one below k.
func TestTrimmedPairsPublished(t *testing.T) {
	for alpha, table := range map[float64]map[int]int{
		0.05: {6: 0, 7: 2, 8: 3, 9: 5, 10: 8, 11: 10, 12: 13, 13: 17, 14: 21, 15: 25, 16: 29, 17: 34, 18: 40, 19: 46, 20: 52, 25: 89},
		0.01: {8: 0, 9: 1, 10: 3, 11: 5, 12: 7, 13: 9, 14: 12, 15: 15, 16: 19, 17: 23, 18: 27, 19: 32, 20: 37},
	} {
		for n, critical := range table {
			if got := trimmedPairs(n, alpha); got != critical+1 {
				t.Errorf("%d pairs at %v: %d, want %d", n, alpha, got, critical+1)
			}
		}
	}
	for n := range 6 { // five differences of one sign give p = 0.06
		if got := trimmedPairs(n, Alpha); got != 0 {
			t.Errorf("%d pairs bound the interval at %d", n, got)
		}
	}
	if a, b := trimmedPairs(exactPairs, Alpha), trimmedPairs(exactPairs+1, Alpha); b < a+70 || b > a+110 {
		t.Errorf("the approximation does not continue the exact values: %d, then %d", a, b)
	}
}

func TestSignedRankOfZerosAndTies(t *testing.T) {
	if got := SignedRank(make([]float64, 9)); got != 1 {
		t.Errorf("nine zeros give p = %v", got)
	}
	// Zeros take the lowest ranks: 3, 4 and 5 are left, all positive.
	if got := SignedRank([]float64{0, 0, 1, 2, 3}); got != 0.25 {
		t.Errorf("two zeros and three positive ones: p = %v", got)
	}
	if a, b := SignedRank([]float64{math.Log(1.5), -1}), SignedRank([]float64{-math.Log(1 / 1.5), -1}); a != b {
		t.Errorf("the last digit of a logarithm decides: %v, %v", a, b)
	}
}

// Beyond the limit of counting the approximation goes on where counting ends.
func TestSignedRankOfMany(t *testing.T) {
	ds := make([]float64, exactPairs+1)
	for i := range ds {
		ds[i] = float64(i%7) + float64(i)/1000 - 2.5
	}
	many, counted := SignedRank(ds), SignedRank(ds[:exactPairs])
	if many < counted/2 || many > counted*2 {
		t.Errorf("p = %v, and one pair before %v", many, counted)
	}
}

// pairs draws two sides that share what disturbs the machine: 10 % from pair to pair.
func pairs(rnd *rand.Rand, n int, change, scatter float64) (base, new []float64) {
	for range n {
		machine := 0.1 * rnd.NormFloat64()
		base = append(base, machine+scatter*rnd.NormFloat64())
		new = append(new, machine+math.Log1p(change)+scatter*rnd.NormFloat64())
	}
	return base, new
}

// TestPairedFalseAlarms: the test is wrong as often as its level says, and says the same as its
// interval.
func TestPairedFalseAlarms(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	const comparisons = 2000
	limit := comparisons*Alpha + 5*math.Sqrt(comparisons*Alpha*(1-Alpha))
	for _, n := range []int{6, 9, 15} {
		alarms, missed := 0, 0
		for range comparisons {
			base, new := pairs(rnd, n, 0, 0.04)
			e := Compare(Paired, base, new)
			if *e.P <= Alpha {
				alarms++
			}
			if ci := e.Interval(Alpha); ci.Low > 0 || ci.High < 0 {
				missed++
			}
		}
		if float64(alarms) > limit || alarms < comparisons/50 {
			t.Errorf("%d pairs: %d false alarms in %d, at most %.0f are due", n, alarms, comparisons, limit)
		}
		if alarms != missed {
			t.Errorf("%d pairs: the test rejects %d times, the interval leaves zero out %d times", n, alarms, missed)
		}
	}
}

// TestDetectableIsDetected: of changes of just the size that is called detectable, nineteen of twenty
// are found; and of half of it, not even two of three.
func TestDetectableIsDetected(t *testing.T) {
	rnd := rand.New(rand.NewPCG(9, 10))
	const comparisons = 1000
	for _, n := range []int{8, 13, 20} {
		size := 0.0
		for range comparisons {
			base, new := pairs(rnd, n, 0, 0.04)
			size += Compare(Paired, base, new).Detectable(Alpha) / comparisons
		}
		found := func(shift float64) (found int) {
			for range comparisons {
				base, new := pairs(rnd, n, math.Expm1(shift), 0.04)
				if *Compare(Paired, base, new).P <= Alpha {
					found++
				}
			}
			return found
		}
		if got := found(size); got < 920 {
			t.Errorf("%d pairs: of changes of %.3f, which are called detectable, %d of %d are found", n, size, got, comparisons)
		}
		if got := found(size / 2); got > 670 {
			t.Errorf("%d pairs: of changes of half of it %d of %d are found: it could have said less", n, got, comparisons)
		}
	}
}

// TestNeeded: with as many pairs as were said to be needed, the change is detectable, give or take the
// luck of the draw.
func TestNeeded(t *testing.T) {
	rnd := rand.New(rand.NewPCG(11, 12))
	for _, n := range []int{3, 6, 12} {
		sum := 0.0
		const rounds = 200
		for range rounds {
			base, new := pairs(rnd, n, 0, 0.04)
			needed := Compare(Paired, base, new).Needed(0.05, Alpha)
			base, new = pairs(rnd, needed, 0, 0.04)
			sum += math.Min(1, Compare(Paired, base, new).Detectable(Alpha)) / rounds
		}
		if sum < 0.04 || sum > map[int]float64{3: 0.09, 6: 0.065, 12: 0.06}[n] {
			t.Errorf("asked after %d pairs: 0.05 was to be detectable, and %.3f is", n, sum)
		}
	}
	base, new := pairs(rnd, 6, 0, 0)
	if got := Compare(Paired, base, new).Needed(0.05, Alpha/100); got != Paired.Needed(Alpha/100) {
		t.Errorf("without scatter %d pairs are needed", got)
	}
}

// TestStoppingByWidth looks after each pair, and stops when a change of 8 % is detectable in each of
// two metrics that were asked for. Though it looks again and again, equal builds are flagged in any
// of twelve metrics in one of twenty comparisons at most. A change of 10 % is found.
func TestStoppingByWidth(t *testing.T) {
	rnd := rand.New(rand.NewPCG(13, 14))
	const comparisons, metrics, asked, most, until = 1000, 12, 2, 60, 0.08
	weights := make([]float64, metrics)
	for i := range weights {
		weights[i] = 1.0 / 3 / (metrics - asked)
		if i < asked {
			weights[i] = 2.0 / 3 / asked
		}
	}
	level := Alpha * Looking * 2 / 3 / asked
	stop := func(change float64) (flagged, first bool, looks int) {
		var base, new [metrics][]float64
		for n := 1; ; n++ {
			common := rnd.NormFloat64() // what disturbs one metric disturbs the others
			for i := range base {
				b, o := pairs(rnd, 1, change, 0.04)
				base[i], new[i] = append(base[i], b...), append(new[i], o[0]+0.04*common)
			}
			wide := n < most
			if wide {
				wide = false
				for i := range asked {
					wide = wide || Compare(Paired, base[i], new[i]).Detectable(level) > until
				}
			}
			if wide {
				continue
			}
			var ps []float64
			for i := range base {
				ps = append(ps, *Compare(Paired, base[i], new[i]).P)
			}
			corrected := Holm(ps, weights)
			for _, p := range corrected {
				flagged = flagged || p <= Alpha*Looking
			}
			return flagged, corrected[0] <= Alpha*Looking, n
		}
	}
	alarms, found, looks := 0, 0, 0
	for range comparisons {
		flagged, _, n := stop(0)
		if flagged {
			alarms++
		}
		looks += n
	}
	for range comparisons / 4 {
		if _, first, _ := stop(0.1); first {
			found++
		}
	}
	if limit := comparisons*Alpha + 3*math.Sqrt(comparisons*Alpha*(1-Alpha)); float64(alarms) > limit {
		t.Errorf("%d of %d comparisons of equal builds flag a metric, at most %.0f may", alarms, comparisons, limit)
	}
	if mean := looks / comparisons; mean < 10 || mean > most-10 {
		t.Errorf("it stops after %d pairs: nothing is stopped by width here", mean)
	}
	if least := comparisons / 4 * 19 / 20; found < least {
		t.Errorf("a change of 10 %% is found in %d of %d comparisons, want %d", found, comparisons/4, least)
	}
	t.Logf("%d of %d flagged, %d of %d found, %d pairs", alarms, comparisons, found, comparisons/4, looks/comparisons)
}

// TestStoppingByLuck looks at a single metric until a change of one standard deviation is detectable
// in it. Where few pairs scatter little by luck it stops too early, and their test is wrong too
// often: at the level itself in 4.5 % of comparisons instead of 3.3 %.
func TestStoppingByLuck(t *testing.T) {
	rnd := rand.New(rand.NewPCG(15, 16))
	const comparisons, level, most = 4000, Alpha * 2 / 3, 60
	alarms, looks := 0, 0
	for range comparisons {
		var base, new []float64
		for {
			base, new = append(base, 0), append(new, rnd.NormFloat64())
			e := Compare(Paired, base, new)
			if e.Detectable(level*Looking) > 1 && len(new) < most {
				continue
			}
			if e.P != nil && *e.P <= level*Looking {
				alarms++
			}
			looks += len(new)
			break
		}
	}
	limit := comparisons*level + 2.5*math.Sqrt(comparisons*level*(1-level))
	if float64(alarms) > limit || looks/comparisons < 10 || looks/comparisons > most/2 {
		t.Errorf("%d of %d comparisons of equal builds are flagged after %d pairs, at most %.0f may be", alarms, comparisons, looks/comparisons, limit)
	}
	t.Logf("%d of %d flagged, %d pairs", alarms, comparisons, looks/comparisons)
}
