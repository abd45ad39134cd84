package compare

import (
	"fmt"
	"math"
	"slices"

	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/reports/internal/stats"
	"github.com/throng-io/throng/scenario/result"
)

// Shift says where in a distribution a change happened: how much longer or shorter each percentile
// of a metric became.
type Shift struct {
	Metric string       `json:"metric"`
	Points []ShiftPoint `json:"points"` // in order of the percentile
}

// ShiftPoint is one percentile. Base and New are medians over the trials, Change is that of
// a metric.
type ShiftPoint struct {
	Percentile float64         `json:"percentile"` // 0..100
	Base       float64         `json:"base_us"`
	New        float64         `json:"new_us"`
	Change     float64         `json:"change"`
	Interval   *stats.Interval `json:"interval,omitempty"` // 95 %, for each percentile separately
}

// shiftSteps is how many percentiles there are to each further nine.
const shiftSteps = 8

// shift compares the percentiles of the metric that the pair is about, up to where every trial has
// ten samples beyond, and none has a percentile among what never came.
func shift(p *Pair) (*Shift, error) {
	var cells []result.Cell
	for _, c := range append(slices.Clip(p.base.cells), p.new.cells...) {
		cells = append(cells, *c)
	}
	name := selection.Primary(&result.Run{Cells: cells})
	base, next := p.having(name)
	if len(base) == 0 || len(next) == 0 {
		return nil, nil
	}
	least := int64(math.MaxInt64)
	for _, l := range append(slices.Clip(base), next...) {
		least = min(least, l.N)
	}
	at := shiftPercentiles(least)
	old, known, err := percentilesOf(base, at)
	if err != nil {
		return nil, fmt.Errorf("percentiles of %s: %w", p.Base, err)
	}
	changed, also, err := percentilesOf(next, at)
	if err != nil {
		return nil, fmt.Errorf("percentiles of %s: %w", p.New, err)
	}
	for i, ls := range [][]*result.Latency{base, next} {
		if p.spectra[i], err = result.Merge(ls...); err != nil {
			return nil, err
		}
	}
	s := &Shift{Metric: name, Points: []ShiftPoint{}}
	for i, percentile := range at[:min(known, also)] {
		c := newChange(p.design(), measure{unit: "us"}, old[i], changed[i])
		s.Points = append(s.Points, ShiftPoint{Percentile: percentile, Base: c.Base, New: c.New, Change: c.Change, Interval: c.Interval})
	}
	return s, nil
}

// having are the distributions with samples enough for a median; of pairs of trials, those that
// both have.
func (p *Pair) having(metricName string) (base, next []*result.Latency) {
	of := func(c *result.Cell) *result.Latency {
		if l := c.Latency[metricName]; l != nil && l.N >= selection.Percentiles[selection.P50].N {
			return l
		}
		return nil
	}
	for i := range max(len(p.base.cells), len(p.new.cells)) {
		var b, n *result.Latency
		if i < len(p.base.cells) {
			b = of(p.base.cells[i])
		}
		if i < len(p.new.cells) {
			n = of(p.new.cells[i])
		}
		if p.Interleaved && (b == nil || n == nil) {
			continue
		}
		if b != nil {
			base = append(base, b)
		}
		if n != nil {
			next = append(next, n)
		}
	}
	return base, next
}

// shiftPercentiles are even steps on the axis 1/(1-p), from the fifth percentile up to the one
// beyond which ten of n samples lie.
func shiftPercentiles(n int64) []float64 {
	at := []float64{5, 10, 25}
	end := math.Log10(float64(n) / 10)
	for i := 0; ; i++ {
		x := math.Log10(2) + float64(i)*(1-math.Log10(2))/3 // 50 to 90 in three steps
		if i > 3 {
			x = 1 + float64(i-3)/shiftSteps
		}
		if x > end+1e-9 {
			return at
		}
		at = append(at, 100*(1-math.Pow(10, -x)))
	}
}

// percentilesOf gives for each percentile the value in every trial. Beyond the first known ones it
// is how long was waited for what never came, in some trial.
func percentilesOf(ls []*result.Latency, at []float64) (vs [][]float64, known int, err error) {
	vs, known = make([][]float64, len(at)), len(at)
	for _, l := range ls {
		all, err := l.Samples()
		if err != nil {
			return nil, 0, err
		}
		for i, p := range at {
			us, beyond := all.Percentile(p)
			if beyond {
				known = min(known, i)
			}
			vs[i] = append(vs[i], float64(max(us, 1)))
		}
	}
	return vs, known, nil
}
