package compare

import (
	"fmt"
	"math"
	"slices"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/stats"
	"github.com/throng-io/throng/scenario/result"
)

// evenPairs is how many pairs of trials it takes before the machine's speed is taken out of them.
const evenPairs = 6

// evened is a change of CPU times from which the machine's own speed is taken out: where machines
// are shared, CPU times rise and fall together with that of a fixed piece of work in the same
// trial. How far they follow it is the slope of a regression, through the origin, of the quotients
// within the pairs on those of the work (analysis of covariance; for experiments on services Deng
// et al., Improving the Sensitivity of Online Controlled Experiments, WSDM 2013). Exchanging the
// sides of some pairs does not change that slope, so that the signed-rank test stays exact.
func (p *Pair) evened(plain Change) Change {
	if p.design() != stats.Paired || !plain.Relative || plain.BaseN < evenPairs {
		return plain
	}
	base, new := p.samples(plain.of)
	workBase, timed := workOf(base.cells)
	workNew, too := workOf(new.cells)
	if !timed || !too {
		return plain
	}
	// A build that slows the machine down for others slows the work: that is its own doing.
	if *stats.Compare(stats.Paired, scaled(workBase, true), scaled(workNew, true)).P <= stats.Alpha {
		return plain
	}
	evenOut(base.values, new.values, workBase, workNew)
	even := newChange(stats.Paired, plain.of, base.values, new.values)
	// A large change of the builds beside small ones of the work passes for a slope: then the
	// pairs scatter more than before, and nothing is gained. To choose by the scatter, which does
	// not know where the values lie, raises no false alarms (TestWorkThatSaysNothing).
	if even.effect.Spread() >= plain.effect.Spread() {
		return plain
	}
	even.even = map[*result.Cell]float64{}
	for _, s := range []sample{base, new} {
		for i, c := range s.cells {
			even.even[c] = s.values[i]
		}
	}
	work := slices.Concat(workBase, workNew)
	p.even = fmt.Sprintf("%s is at one speed of the machine: a fixed piece of work took %s to %s of CPU time in these trials, and what follows it is taken out. The pairs scatter by %s so, and by %s otherwise.",
		plain.Title, layout.Micros(slices.Min(work)), layout.Micros(slices.Max(work)), layout.Share(even.effect.Spread()), layout.Share(plain.effect.Spread()))
	return even
}

// workOf is the CPU time of the fixed piece of work in each trial, unless it was not timed in all
// of them on the server's machine.
func workOf(cells []*result.Cell) (work []float64, timed bool) {
	for _, c := range cells {
		if c.Generator.WorkUS <= 0 || !c.Server.SameMachine {
			return nil, false
		}
		work = append(work, c.Generator.WorkUS)
	}
	return work, true
}

// value is the value of the metric in a trial, as it was compared.
func (c *Change) value(trial *result.Cell) (float64, bool) {
	if v, known := c.even[trial]; known {
		return v, true
	}
	return c.of.value(trial)
}

// evenOut takes out of the values of pairs what follows the work of the same trials.
func evenOut(base, new, workBase, workNew []float64) {
	usual := stats.Median(slices.Concat(workBase, workNew))
	var work, change []float64
	sum, squares := 0.0, 0.0
	for i := range base {
		w := math.Log(workNew[i] / workBase[i])
		work, change = append(work, w), append(change, math.Log(new[i]/base[i]))
		sum, squares = sum+w, squares+w*w
	}
	slope := stats.Slope(work, change)
	// The slope takes a part of a change that is in all pairs with it: that much is given back. The
	// same factor for all changes no rank. It is far from zero where the work is on no side more.
	keeps := 1.0
	if squares > 0 {
		keeps -= sum * sum / float64(len(work)) / squares
	}
	for i := range base {
		middle := math.Log(base[i]*new[i])/2 - slope*math.Log(workBase[i]*workNew[i]/usual/usual)/2
		half := (change[i] - slope*work[i]) / 2 / keeps
		base[i], new[i] = math.Exp(middle-half), math.Exp(middle+half)
	}
}
