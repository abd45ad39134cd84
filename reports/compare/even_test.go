package compare

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/throng-io/throng/reports/internal/stats"
	"github.com/throng-io/throng/scenario/result"
)

// shared is pairs of trials on a machine whose speed changes by a sixth from trial to trial: CPU
// times follow it by three fifths of that, and the fixed piece of work wholly.
func shared(rnd *rand.Rand, pairs int, change float64) *Pair {
	trial := func(change float64) *result.Cell {
		slow := math.Exp(0.15 * rnd.NormFloat64())
		cost := 8e-6 * (1 + change) * math.Pow(slow, 0.6) * math.Exp(0.02*rnd.NormFloat64())
		return &result.Cell{
			Server:    result.Server{SameMachine: true, DeliveriesPerCPUs: 1 / cost, CPUs: cost * 1e4},
			Generator: result.Generator{WorkUS: 100 * slow * math.Exp(0.02*rnd.NormFloat64())},
		}
	}
	p := &Pair{Interleaved: true}
	for range pairs {
		p.base.cells, p.new.cells = append(p.base.cells, trial(0)), append(p.new.cells, trial(change))
	}
	return p
}

// ofCPU is what a pair says of the CPU time per delivery.
func (p *Pair) ofCPU() Change {
	i := slices.IndexFunc(compared, func(m measure) bool { return m.name == cpuDelivery })
	base, new := p.samples(compared[i])
	return p.evened(newChange(p.design(), compared[i], base.values, new.values))
}

// The machine's speed is taken out of CPU times, by as much as they follow it: a change of 6 % is
// found that would not be otherwise, equal builds are flagged as often as the level says, and the
// sides may be exchanged.
func TestCPUTimesAtOneSpeed(t *testing.T) {
	rnd := rand.New(rand.NewPCG(17, 18))
	const comparisons, pairs = 400, 12
	found, plainly, alarms, sum := 0, 0, 0, 0.0
	for range comparisons {
		p := shared(rnd, pairs, 0.06)
		ch := p.ofCPU()
		sum += ch.Change / comparisons
		if *ch.P <= stats.Alpha {
			found++
		}
		p.base, p.new = p.new, p.base
		if back := p.ofCPU(); math.Abs((1+back.Change)*(1+ch.Change)-1) > 1e-9 || *back.P != *ch.P || back.Outcome != ch.Outcome {
			t.Fatalf("%+v, and with the sides exchanged %+v", ch, back)
		}
		p.base.cells[0].Generator.WorkUS = 0 // of one trial it is not known
		if *p.ofCPU().P <= stats.Alpha {
			plainly++
		}
		if *shared(rnd, pairs, 0).ofCPU().P <= stats.Alpha {
			alarms++
		}
	}
	if found < comparisons*19/20 || plainly > comparisons/2 {
		t.Errorf("of %d changes %d are found, and %d where the speed is not known", comparisons, found, plainly)
	}
	if math.Abs(sum-0.06) > 0.003 {
		t.Errorf("a change of 6 %% is estimated as %.2f %%", 100*sum)
	}
	if limit := comparisons*stats.Alpha + 4*math.Sqrt(comparisons*stats.Alpha); float64(alarms) > limit {
		t.Errorf("%d of %d comparisons of equal builds flag it, at most %.0f may", alarms, comparisons, limit)
	}
}

// Where the yardstick says nothing of the server's processor, or there are too few pairs to know
// how far CPU times follow it, they are compared as they are.
func TestCPUTimesAsTheyAre(t *testing.T) {
	rnd := rand.New(rand.NewPCG(19, 20))
	for name, change := range map[string]func(*Pair){
		"another machine": func(p *Pair) { p.new.cells[2].Server.SameMachine = false },
		"not timed":       func(p *Pair) { p.base.cells[1].Generator.WorkUS = 0 },
		"few pairs": func(p *Pair) {
			p.base.cells, p.new.cells = p.base.cells[:evenPairs-1], p.new.cells[:evenPairs-1]
		},
		"one build slows the machine": func(p *Pair) {
			for _, c := range p.new.cells {
				c.Generator.WorkUS *= 2
			}
		},
		"apart": func(p *Pair) { p.Interleaved = false },
	} {
		p := shared(rnd, 12, 0)
		change(p)
		if p.ofCPU(); p.even != "" {
			t.Errorf("%s: %s", name, p.even)
		}
	}
	p := shared(rnd, evenPairs, 0)
	if p.ofCPU(); p.even == "" {
		t.Error("nothing says that the machine's speed was taken out")
	}
}

// Where CPU times do not follow the work, taking it out would only add scatter: a large change that
// meets work which is by chance more on one side stays as sure as it was. Equal builds are flagged
// no more often for the choice.
func TestWorkThatSaysNothing(t *testing.T) {
	rnd := rand.New(rand.NewPCG(21, 22))
	pair := func(change float64) *Pair {
		p := shared(rnd, 9, change)
		for _, c := range slices.Concat(p.base.cells, p.new.cells) {
			c.Generator.WorkUS = 100 * math.Exp(0.05*rnd.NormFloat64())
		}
		return p
	}
	const comparisons = 1000
	alarms := 0
	for range comparisons {
		p := pair(0.3)
		plain := *p
		plain.base.cells = slices.Clone(plain.base.cells)
		untimed := *plain.base.cells[0]
		untimed.Generator.WorkUS = 0
		plain.base.cells[0] = &untimed
		if even, as := p.ofCPU().effect.Spread(), plain.ofCPU().effect.Spread(); even > as {
			t.Fatalf("the pairs scatter by %.3f, and by %.3f as they were measured", even, as)
		}
		if *pair(0).ofCPU().P <= stats.Alpha {
			alarms++
		}
	}
	if limit := comparisons*stats.Alpha + 4*math.Sqrt(comparisons*stats.Alpha); float64(alarms) > limit {
		t.Errorf("%d of %d comparisons of equal builds flag it, at most %.0f may", alarms, comparisons, limit)
	}
	t.Logf("%d of %d flagged", alarms, comparisons)
}
