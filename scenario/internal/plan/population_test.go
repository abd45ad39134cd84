package plan

import (
	"math"
	"slices"
	"testing"

	"github.com/throng-io/throng/scenario/file"
)

// playOut returns every turn of a plan, in order.
func playOut(p *Population) (all []Turn) {
	for {
		if _, ok := p.Next(); !ok {
			return all
		}
		if t, void := p.Take(); !void {
			all = append(all, t)
		}
	}
}

func groupOf(t *testing.T, text string) (*Timeline, *file.Spec) {
	t.Helper()
	f, err := file.Parse("test.yaml", []byte("version: 1\nname: t\n"+text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return NewTimeline(f.Spec.Phases), f.Spec
}

func TestLeaversAreReplaced(t *testing.T) {
	t.Parallel()
	tl, s := groupOf(t, "groups: {a: {count: 500, life: exp(10s)}}\nphases: [{name: up, for: 1s, clients: 0%..100%, record: false}, {name: hold, for: 100s}, {name: down, for: 1s, clients: 100%..0%}]")
	p := NewPopulation(tl, &s.Groups[0], 1, 0)
	all := playOut(p)
	present := map[uint32]bool{}
	sum, last, went := 0.0, int64(0), 0
	for _, c := range all {
		if c.Due < last {
			t.Fatalf("%v after %d", c, last)
		}
		sum += float64(len(present)) * float64(c.Due-last)
		last = c.Due
		if present[c.Client] == c.Come {
			t.Fatalf("%v, but present is %v", c, present[c.Client])
		}
		if c.Come {
			present[c.Client] = true
		} else {
			delete(present, c.Client)
			went++
		}
	}
	if len(present) > 1 { // the last one goes when the trial ends
		t.Errorf("%d stay after the ramp went down to nothing", len(present))
	}
	// The replacement comes at the same moment, but for the connect rate.
	if mean := sum / float64(last); mean < 485 || mean > 500 {
		t.Errorf("%.1f clients on average, want nearly 500", mean)
	}
	if went < 4500 || went > 6500 { // 500 at the end, 500/10s over 101 s before
		t.Errorf("%d went, want some 5 500", went)
	}
	again := NewPopulation(tl, &s.Groups[0], 1, 0)
	if !slices.Equal(all, playOut(again)) {
		t.Error("one seed gives two plans")
	}
	other := NewPopulation(tl, &s.Groups[0], 2, 0)
	if slices.Equal(all, playOut(other)) {
		t.Error("two seeds give one plan")
	}
}

func TestArrivals(t *testing.T) {
	t.Parallel()
	for _, shape := range []string{"linear", "poisson"} {
		tl, s := groupOf(t, "groups: {a: {arrive: 20/s, life: 5s, connect: {shape: "+shape+"}}}\nphases: [{name: half, for: 20s, clients: 50%}, {name: full, for: 20s}]")
		p := NewPopulation(tl, &s.Groups[0], 1, 0)
		present, most, came := 0, 0, [2]int{}
		for _, c := range playOut(p) {
			if c.Client == NoPlace {
				t.Fatalf("%s: no place left of %d", shape, s.Groups[0].Count)
			}
			if c.Come {
				came[tl.PhaseAt(c.Due)]++
				present++
			} else {
				present--
			}
			most = max(most, present)
		}
		slack := map[string]int{"linear": 1, "poisson": 60}[shape]
		if d := came[0] - 200; d < -slack || d > slack {
			t.Errorf("%s: %d came at half rate, want 200", shape, came[0])
		}
		if d := came[1] - 400; d < -slack || d > slack {
			t.Errorf("%s: %d came, want 400", shape, came[1])
		}
		if most < 100 || most > 150 {
			t.Errorf("%s: %d at once, want some 100", shape, most)
		}
	}
}

// Distributions have the mean that they say, and the quantiles of their kind.
func TestDistributionsDraw(t *testing.T) {
	t.Parallel()
	for text, tail := range map[string]float64{ // the share above twice the mean
		"const(100)": 0, "uniform(50,150)": 0, "exp(100)": math.Exp(-2), "normal(100,20)": 0,
		"lognormal(100,0.5)": 0.0509, "pareto(100,3)": 1.0 / 27,
	} {
		_, s := groupOf(t, "groups: {a: {count: 1, send: [{op: echo, rate: 1/s, size: \""+text+"\"}]}}")
		d := s.Groups[0].Send[0].Sizes
		const n = 200_000
		sum, above := 0.0, 0.0
		for i := range n {
			v := d.At(Unit(Draw(1, ForSize, 0, uint64(i), 0)))
			sum += v
			if v > 2*d.Mean() {
				above++
			}
		}
		if mean := sum / n; math.Abs(mean/d.Mean()-1) > 0.02 {
			t.Errorf("%s: mean %.2f, want %.2f", text, mean, d.Mean())
		}
		if math.Abs(above/n-tail) > 0.003 {
			t.Errorf("%s: %.4f above twice the mean, want %.4f", text, above/n, tail)
		}
	}
}
