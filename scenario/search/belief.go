package search

import "math"

// The model: below the capacity a trial holds, above it one breaks. Two things blur that. A share
// of the trials, the noise, has the opposite outcome at any level; and near the capacity outcomes
// vary: the probability of holding falls like a logistic curve whose scale is the softness, a share
// of the capacity. Before the first trial the capacity is taken to lie anywhere from one step of
// growth below the first level to one above the last, on a logarithmic scale, and the others to be
// small.
var (
	noises = [...]guess{{0.002, 0.40}, {0.01, 0.20}, {0.03, 0.14}, {0.06, 0.09}, {0.1, 0.07}, {0.15, 0.05}, {0.2, 0.03}, {0.3, 0.02}}
	softs  = []guess{{0, 0.6}, {0.007, 0.2}, {0.02, 0.15}, {0.05, 0.05}}
)

// A guess is a value with how probable it is.
type guess struct{ value, weight float64 }

// sure is how probable a statement about a level must be before it counts as confirmed.
const sure = 0.99

// points are the places at which the capacity is looked at between two levels.
const points = 4

// belief is the posterior distribution after the trials, by Bayes' rule.
type belief struct {
	levels []level
	// by level: how probable it is that the capacity is above it; falls from level to level
	above []float64
	noise float64 // the share of trials that come out the wrong way round, as expected
}

func (p *Plan) belief(levels []level) belief {
	n := len(levels)
	b := belief{levels: levels, above: make([]float64, n)}
	if n == 0 {
		return b
	}
	edges := []float64{math.Log(p.From / p.Grow)}
	for i := range levels {
		edges = append(edges, math.Log(levels[i].at))
	}
	edges = append(edges, math.Log(p.To*p.Grow))

	type term struct {
		segment      int
		weight, logs float64
		noise        float64
	}
	terms := make([]term, 0, len(softs)*len(noises)*points*(n+1))
	most := math.Inf(-1)
	for _, soft := range softs {
		for j, noise := range noises {
			for k := range n + 1 {
				width := (edges[k+1] - edges[k]) / points
				for i := range points {
					v := likelihood(levels, edges[1:n+1], edges[k]+(float64(i)+0.5)*width, soft.value, j)
					most = math.Max(most, v)
					terms = append(terms, term{k, soft.weight * noise.weight * width, v, noise.value})
				}
			}
		}
	}
	mass, sum := make([]float64, n+1), 0.0
	for _, t := range terms {
		m := t.weight * math.Exp(t.logs-most)
		mass[t.segment] += m
		sum += m
		b.noise += m * t.noise
	}
	b.noise /= sum
	for i, over := n-1, 0.0; i >= 0; i-- {
		over += mass[i+1]
		b.above[i] = over / sum
	}
	return b
}

// likelihood is the logarithm of how probable the trials are, were the capacity there. Places are
// logarithms.
func likelihood(levels []level, places []float64, capacity, soft float64, noise int) (sum float64) {
	odds := &odds[noise]
	for i := range levels {
		as, other := levels[i].held, levels[i].broke // the model says that it holds
		d := capacity - places[i]
		if d < 0 {
			as, other, d = other, as, -d
		}
		at := farOff
		if d < blurTo*soft {
			at = int(d / soft * (farOff / blurTo))
		}
		sum += float64(as)*odds[at].right + float64(other)*odds[at].wrong
	}
	return sum
}

// odds are the logarithms of how probable it is that a trial comes out as the model says and the
// other way round, by noise and by the distance from the capacity in steps of blurTo/farOff times
// the softness. Beyond the last step the softness counts no more.
const (
	farOff = 200
	blurTo = 5
)

var odds = func() (all [len(noises)][farOff + 1]struct{ right, wrong float64 }) {
	for j, noise := range noises {
		for i := range farOff + 1 {
			off := noise.value
			if i < farOff {
				off += (1 - 2*noise.value) / (1 + math.Exp((float64(i)+0.5)*blurTo/farOff))
			}
			all[j][i].right, all[j][i].wrong = math.Log(1-off), math.Log(off)
		}
	}
	return all
}()

// chance is how probable it is that the capacity lies above a level between levels i-1 and i, which
// cuts their distance in half; i may be one beyond the last.
func (b *belief) chance(i int) float64 {
	low, high := 1.0, 0.0
	if i > 0 {
		low = b.above[i-1]
	}
	if i < len(b.above) {
		high = b.above[i]
	}
	return (low + high) / 2
}

// holds and breaks report the current assumption about a level.
func (b *belief) holds(i int) bool  { return b.above[i] >= 0.5 }
func (b *belief) breaks(i int) bool { return b.above[i] < 0.5 }

// sure reports whether it is settled on which side of the capacity a level lies.
func (b *belief) sure(i int) bool { return b.above[i] >= sure || b.above[i] <= 1-sure }

// confirmed reports whether a level has its votes, most of its trials agree with the assumption,
// and the belief is certain enough.
func (b *belief) confirmed(p *Plan, i int) bool {
	l := &b.levels[i]
	lead := l.held - l.broke
	if b.breaks(i) {
		lead = -lead
	}
	return b.sure(i) && l.votes >= p.Confirm && lead > 0
}

// split reports whether so many trials left a level open that more are in vain: the system does now
// this and now that there.
func (b *belief) split(p *Plan, i int) bool {
	l := &b.levels[i]
	return l.held+l.broke >= splitAfter*p.Confirm && !b.confirmed(p, i)
}

const splitAfter = 4 // times the confirming trials
