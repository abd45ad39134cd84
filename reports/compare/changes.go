package compare

import (
	"fmt"
	"math"
	"slices"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/reports/internal/stats"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// measure is a number that each trial gives.
type measure struct {
	name, title, unit string
	higher            bool // is better
	tail              bool // the percentile p99, by which a sentence compares
	value             func(*result.Cell) (float64, bool)
}

// compared are the metrics of a comparison, in the order of its tables. A trial without samples
// enough for a percentile has no value of it.
var compared = func() []measure {
	var ms []measure
	for _, of := range []string{metric.Delivery, metric.FanoutLast, metric.Ack, metric.Connect} {
		for _, i := range []int{selection.P50, selection.P99, selection.P999} {
			p := selection.Percentiles[i].Name
			ms = append(ms, measure{name: p + "(" + of + ")", title: p + " " + of, unit: "us", value: selection.LatencyOf(of, i), tail: i == selection.P99})
		}
	}
	return append(ms,
		measure{name: "loss(delivery)", title: "deliveries lost", unit: "share", value: func(c *result.Cell) (float64, bool) {
			return float64(c.Ledger.Lost) / float64(c.Ledger.Expected), c.Ledger.Expected > 0
		}},
		measure{name: "rate(delivery)", title: "deliveries per second", unit: "per_s", higher: true, value: func(c *result.Cell) (float64, bool) {
			return c.Rates.DeliveriesPerS, c.Rates.DeliveriesPerS > 0
		}},
		measure{name: "efficiency", title: "deliveries per CPU second", unit: "per_cpu_s", higher: true, value: selection.Efficiency},
		measure{name: "memory(client)", title: "memory per client", unit: "bytes", value: func(c *result.Cell) (float64, bool) {
			return float64(c.Server.RSSPerClientBytes), c.Server.RSSPerClientBytes > 0
		}},
		measure{name: "max(server.rss)", title: "memory, peak", unit: "bytes", value: func(c *result.Cell) (float64, bool) {
			return float64(c.Server.RSSPeakBytes), c.Server.RSSPeakBytes > 0
		}},
	)
}()

func (m measure) show(v float64) string {
	switch m.unit {
	case "us":
		return layout.Micros(v)
	case "share":
		return layout.Share(v)
	case "bytes":
		return layout.Bytesize(v)
	}
	return layout.Significant(v)
}

// showChange writes a change with its sign: in per cent of base, or in percentage points.
func (c *Change) showChange(v float64) string {
	unit := layout.Nbsp + "%"
	if !c.Relative {
		unit = layout.Nbsp + "points"
	}
	v *= 100
	s := layout.Significant(math.Abs(v))
	switch a := math.Abs(v); {
	case a == 0:
		return "0" + unit
	case c.Relative && a < 10:
		s = fmt.Sprintf("%.1f", a)
	case c.Relative && a < 1000:
		s = fmt.Sprintf("%.0f", a)
	}
	if v < 0 {
		return "-" + s + unit
	}
	return "+" + s + unit
}

// measure fills the pair from its trials. The p-values are corrected later, over all pairs.
func (p *Pair) measure() error {
	p.BaseTrials, p.NewTrials = p.base.sift(), p.new.sift()
	for _, m := range compared {
		base, new := collect(p.base.cells, m), collect(p.new.cells, m)
		if len(base) == 0 || len(new) == 0 {
			continue
		}
		p.Changes = append(p.Changes, newChange(m, base, new))
	}
	var err error
	p.Shift, err = shift(p)
	return err
}

// sift leaves the invalid trials out.
func (s *side) sift() Trials {
	s.cells = selection.Group{Cells: s.all}.Valid()
	return Trials{Valid: len(s.cells), Invalid: len(s.all) - len(s.cells)}
}

func collect(cells []*result.Cell, m measure) (vs []float64) {
	for _, c := range cells {
		if v, ok := m.value(c); ok {
			vs = append(vs, v)
		}
	}
	return vs
}

func newChange(m measure, base, new []float64) Change {
	c := Change{
		Metric: m.name, Title: m.title, Unit: m.unit, Base: stats.Median(base), New: stats.Median(new), BaseN: len(base), NewN: len(new), of: m,
		Relative: m.unit != "share" && slices.Min(base) > 0 && slices.Min(new) > 0,
		Outcome:  Untested,
	}
	all := stats.Contrasts(base, new, c.Relative)
	c.Change = stats.Median(all)
	c.Interval = stats.ConfidenceInterval(all, len(base), len(new))
	if len(base) > 1 && len(new) > 1 {
		p := stats.PValue(base, new)
		c.P = &p
	}
	return c
}

// correct applies Holm's procedure to each metric over all pairs, and settles the outcomes.
func (c *Comparison) correct() {
	for _, m := range compared {
		var tested []*Change
		var ps []float64
		for i := range c.Pairs {
			for j := range c.Pairs[i].Changes {
				if ch := &c.Pairs[i].Changes[j]; ch.Metric == m.name && ch.P != nil {
					tested, ps = append(tested, ch), append(ps, *ch.P)
				}
			}
		}
		for i, p := range stats.Holm(ps) {
			tested[i].PHolm = &p
			tested[i].settle(len(ps))
		}
	}
}

func (c *Change) settle(family int) {
	switch {
	case *c.PHolm <= stats.Alpha && c.Change != 0:
		c.Outcome = Worse
		if c.of.higher == (c.Change > 0) {
			c.Outcome = Better
		}
	case stats.LeastP(c.BaseN, c.NewN)*float64(family) > stats.Alpha:
		c.Outcome = Untested
	default:
		c.Outcome = NotShown
	}
}

// change finds a metric of the pair.
func (p *Pair) change(name string) *Change {
	for i := range p.Changes {
		if p.Changes[i].Metric == name {
			return &p.Changes[i]
		}
	}
	return nil
}

// trialNotes say in plain words what the number of trials does not allow.
func (c *Comparison) trialNotes() (notes []string) {
	single, few, family, invalid, empty := 0, 0, 0, 0, 0
	for i := range c.Pairs {
		p := &c.Pairs[i]
		invalid += p.NewTrials.Invalid
		if i == 0 {
			invalid += p.BaseTrials.Invalid
		}
		least := min(p.BaseTrials.Valid, p.NewTrials.Valid)
		switch {
		case least == 0:
			empty++
		case least == 1:
			single++
		case stats.LeastP(p.BaseTrials.Valid, p.NewTrials.Valid) > stats.Alpha:
			few++
		case stats.LeastP(p.BaseTrials.Valid, p.NewTrials.Valid)*float64(len(c.Pairs)) > stats.Alpha:
			family++
		}
	}
	const repeat = " Repeat each side at least five times (matrix: {repeat: 5})."
	if empty > 0 {
		notes = append(notes, "One side has no valid trial, so nothing can be compared.")
	}
	if single > 0 {
		notes = append(notes, "One side has a single trial, so no test can show that the sides differ. A trial is one sample, however many messages it has."+repeat)
	}
	if few > 0 {
		notes = append(notes, fmt.Sprintf("With fewer than %d trials on a side, no difference can be shown at the %s level, however large it is.", stats.MinTrials, layout.Share(stats.Alpha))+repeat)
	}
	if family > 0 {
		notes = append(notes, fmt.Sprintf("With %d pairs compared, a difference can only be shown from %d trials on each side.", len(c.Pairs), stats.NeededTrials(len(c.Pairs))))
	}
	if invalid > 0 {
		notes = append(notes, fmt.Sprintf("%s left out: the load generator could not keep its schedule, or the trial did not finish.", layout.Plural(invalid, "invalid trial")))
	}
	return notes
}
