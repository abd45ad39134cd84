package judge

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// The interval holds the true slope about as often as it says, also of values that depend on those
// before them.
func TestSlopeHolds(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 5))
	const n, runs, truth = 600, 400, 0.02
	for _, c := range []struct {
		depends float64 // of a value on the one before
		misses  float64 // at most, of all
	}{{0, 0.09}, {0.8, 0.12}, {0.95, 0.3}} {
		missed := 0
		for range runs {
			at, vs, noise := make([]float64, n), make([]float64, n), 0.0
			for i := range vs {
				noise = c.depends*noise + rng.NormFloat64()
				at[i], vs[i] = float64(i), 100+truth*float64(i)+noise
			}
			_, low, high, ok := slope(averaged(at, trendPoints), averaged(vs, trendPoints))
			if ok && (truth < low || truth > high) {
				missed++
			}
		}
		if share := float64(missed) / runs; share > c.misses {
			t.Errorf("dependence %g: %.3f of the intervals miss the slope", c.depends, share)
		}
	}
}

// evidenceOf is a trial of so many recorded seconds whose server has that much memory.
func evidenceOf(n int, rss func(i int) float64) *Evidence {
	e := &Evidence{Timeline: plan.NewTimeline([]file.Phase{{Name: "hold", Record: true, For: 1e9 * 7200}})}
	e.End = e.Timeline.End
	for i := range n {
		e.Seconds = append(e.Seconds, Second{ServerRSS: int64(rss(i))})
	}
	return e
}

func TestTrends(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const mb = 1 << 20
	saw := func(i int) float64 { return float64(i%37) * mb / 37 }
	for name, c := range map[string]struct {
		seconds int
		rss     func(i int) float64
		word    string
		perHour float64 // of where it began, within a fifth of it
	}{
		"steady":              {3600, func(i int) float64 { return 100*mb + saw(i) }, result.Steady, 0},
		"a leak in an hour":   {3600, func(i int) float64 { return 100*mb + saw(i) + float64(i)*10*mb/3600 }, result.Grows, 0.1},
		"a leak in 10 min":    {600, func(i int) float64 { return 100*mb + saw(i) + float64(i)*30*mb/3600 }, result.Grows, 0.3},
		"it is given back":    {3600, func(i int) float64 { return 100*mb - float64(i)*20*mb/3600 }, result.Falls, -0.2},
		"noise, too short":    {90, func(int) float64 { return 100*mb + 20*mb*rng.NormFloat64() }, result.Unknown, math.NaN()},
		"a spike":             {3600, func(i int) float64 { return 100*mb + 1e9*math.Floor(float64(i)/3599) }, result.Steady, 0},
		"too few seconds":     {49, func(i int) float64 { return float64(i) * mb }, "", math.NaN()},
		"it is not known":     {3600, func(int) float64 { return 0 }, "", math.NaN()},
		"the same everywhere": {3600, func(int) float64 { return 7 * mb }, result.Steady, 0},
	} {
		trends := evidenceOf(c.seconds, c.rss).Trends()
		if c.word == "" {
			if len(trends) != 0 {
				t.Errorf("%s: %+v", name, trends)
			}
			continue
		}
		if len(trends) != 1 || trends[0].Metric != metric.ServerRSS || trends[0].Unit != "bytes" {
			t.Errorf("%s: %+v", name, trends)
			continue
		}
		r := trends[0]
		if r.Word() != c.word || r.Low > r.PerHour || r.High < r.PerHour {
			t.Errorf("%s: %s, want %s: %+v", name, r.Word(), c.word, r)
		}
		if got := r.PerHour / r.Begin; !math.IsNaN(c.perHour) && math.Abs(got-c.perHour) > 0.2*math.Abs(c.perHour)+0.005 {
			t.Errorf("%s: %g an hour, want %g", name, got, c.perHour)
		}
	}
}

// A rule on the drift is broken by what is certain alone, and undecided by a run that is too short.
func TestDrift(t *testing.T) {
	const mb = 1 << 20
	rule := file.Check{Text: "drift(server.rss) < 5%", Kind: file.SLO, Stat: metric.StatDrift, Metric: metric.ServerRSS, Op: "<", Value: 0.05, Unit: metric.Share}
	for name, c := range map[string]struct {
		seconds         int
		perHour         float64
		pass, undecided bool
	}{
		"it grows":   {seconds: 3600, perHour: 20 * mb},
		"a little":   {seconds: 3600, perHour: 2 * mb, pass: true},
		"it shrinks": {seconds: 3600, perHour: -20 * mb, pass: true},
		"too short":  {seconds: 30, perHour: 20 * mb, undecided: true},
	} {
		r := Check(evidenceOf(c.seconds, func(i int) float64 { return 100*mb + float64(i)/3600*c.perHour + float64(i%7)*mb/10 }), &rule)
		if r.Pass != c.pass || r.Undecided != c.undecided || r.NoData {
			t.Errorf("%s: %+v", name, r)
		}
	}
}
