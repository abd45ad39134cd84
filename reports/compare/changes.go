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
	work              bool // is CPU time of the server: the machine's own speed is in it
	read              func(*result.Cell) (float64, bool)
	// whether the value is only a lower bound of the truth; nil: it never is
	beyond func(*result.Cell) bool
}

// cpuDelivery is the CPU time of the server divided by the deliveries. Conditions may name its
// inverse.
const cpuDelivery = "cpu(delivery)"

// efficiency is what conditions call the inverse of cpuDelivery.
var efficiency = measure{name: "efficiency", title: "deliveries per CPU second", unit: "per_cpu_s", higher: true, read: selection.Efficiency}

// compared are the metrics of a comparison, in the order of its tables. A trial without samples
// enough for a percentile has no value of it.
var compared = func() []measure {
	var ms []measure
	for _, of := range []string{metric.Delivery, metric.FanoutLast, metric.Ack, metric.Connect} {
		for _, i := range []int{selection.P50, selection.P99, selection.P999} {
			p := selection.Percentiles[i].Name
			ms = append(ms, measure{
				name: p + "(" + of + ")", title: p + " " + of, unit: "us", tail: i == selection.P99,
				read: selection.LatencyOf(of, i), beyond: selection.BeyondOf(of, i),
			})
		}
	}
	return append(ms,
		measure{name: "loss(delivery)", title: "deliveries lost", unit: "share", read: func(c *result.Cell) (float64, bool) {
			return float64(c.Ledger.Lost) / float64(c.Ledger.Expected), c.Ledger.Expected > 0
		}},
		measure{name: "rate(delivery)", title: "deliveries per second", unit: "per_s", higher: true, read: func(c *result.Cell) (float64, bool) {
			return c.Rates.DeliveriesPerS, c.Rates.DeliveriesPerS > 0 || c.Ledger.Expected > 0
		}},
		measure{name: cpuDelivery, title: "CPU per delivery", unit: "us", work: true, read: func(c *result.Cell) (float64, bool) {
			v, ok := selection.Efficiency(c)
			return 1e6 / v, ok
		}},
		measure{name: "memory(client)", title: "memory per client", unit: "bytes", read: func(c *result.Cell) (float64, bool) {
			return float64(c.Server.RSSPerClientBytes), c.Server.RSSPerClientBytes > 0
		}},
		measure{name: "max(server.rss)", title: "memory, peak", unit: "bytes", read: func(c *result.Cell) (float64, bool) {
			return float64(c.Server.RSSPeakBytes), c.Server.RSSPeakBytes > 0
		}},
	)
}()

// farthest bounds what a trial can have measured: sums and squares of less are still numbers, and
// nothing that a run measures is near it.
const farthest = 1e100

// value is what a trial has of the metric, if it has it.
func (m measure) value(c *result.Cell) (v float64, has bool) {
	v, has = m.read(c)
	return v, has && math.Abs(v) < farthest
}

func (m measure) show(v float64) string { return showAmount(m.unit, v) }

// showAmount writes a value of a metric.
func showAmount(unit string, v float64) string {
	switch unit {
	case "us":
		return layout.Micros(v)
	case "share":
		return layout.Share(v)
	case "bytes":
		return layout.Bytesize(v)
	}
	return layout.Significant(v)
}

// showChange writes a change with its sign: in per cent of base, of shares in percentage points,
// and where base is 0, of which there is no per cent, as the difference.
func (c *Change) showChange(v float64) string {
	var s string
	switch a := 100 * math.Abs(v); {
	case !c.Relative && c.Unit != "share":
		s = showAmount(c.Unit, math.Abs(v))
	case !c.Relative:
		s = layout.Significant(a) + layout.Nbsp + "points"
	case a == 0:
		s = "0" + layout.Nbsp + "%"
	case a < 9.95:
		s = fmt.Sprintf("%.1f", a) + layout.Nbsp + "%"
	case a < 1000:
		s = fmt.Sprintf("%.0f", a) + layout.Nbsp + "%"
	default:
		s = layout.Significant(a) + layout.Nbsp + "%"
	}
	switch {
	case v < 0:
		return "-" + s
	case v > 0:
		return "+" + s
	}
	return s
}

// showSide writes the median of a side, with a sign where it is only a lower bound.
func (c *Change) showSide(median float64, beyond, n int) string {
	s := c.of.show(median)
	if beyond > 0 && 2*beyond >= n {
		s = ">" + layout.Nbsp + s
	}
	return s
}

// bounded reports whether values of the metric are only lower bounds, and so is what is found in
// them: the direction of a change is right, and its size is not known.
func (c *Change) bounded() bool { return c.BaseBeyond+c.NewBeyond > 0 }

// bounds says of how many trials only a lower bound is known, and why; "" of none.
func (c *Change) bounds() string {
	if !c.bounded() {
		return ""
	}
	n := max(c.BaseBeyond, c.NewBeyond)
	return fmt.Sprintf("in %s more never came than the percentile leaves out, so the truth is more than its value", layout.Plural(n, "trial"))
}

func (c *Change) showBase() string { return c.showSide(c.Base, c.BaseBeyond, c.BaseN) }
func (c *Change) showNew() string  { return c.showSide(c.New, c.NewBeyond, c.NewN) }

// measure fills the pair from its trials. The p-values are corrected later, over all pairs.
func (p *Pair) measure() error {
	p.BaseTrials, p.NewTrials = p.base.sift(), p.new.sift()
	p.interleave()
	p.Changes = []Change{}
	for _, m := range compared {
		base, new := p.samples(m)
		if len(base.values) == 0 || len(new.values) == 0 {
			p.lacking(m)
			continue
		}
		ch := newChange(p.design(), m, base.values, new.values)
		if m.work {
			ch = p.evened(ch)
		}
		ch.BaseBeyond, ch.NewBeyond, ch.without = base.beyond, new.beyond, base.without+new.without
		p.Changes = append(p.Changes, ch)
	}
	var err error
	p.Shift, err = shift(p)
	return err
}

// lacking keeps the name of a metric that only one of the sides has.
func (p *Pair) lacking(m measure) {
	base, new := len(collect(p.base.cells, m).values) > 0, len(collect(p.new.cells, m).values) > 0
	switch {
	case base && !new:
		p.lacks[1] = append(p.lacks[1], m.title)
	case new && !base:
		p.lacks[0] = append(p.lacks[0], m.title)
	}
}

// sift leaves the invalid trials out.
func (s *side) sift() Trials {
	s.cells = selection.Group{Cells: s.all}.Valid()
	return Trials{Valid: len(s.cells), Invalid: len(s.all) - len(s.cells)}
}

// sample is what the trials of a side have of a metric.
type sample struct {
	cells   []*result.Cell // that have a value
	values  []float64      // theirs
	beyond  int            // of the values are only lower bounds
	without int            // trials have no value
}

func (s *sample) add(c *result.Cell, m measure, v float64) {
	s.cells, s.values = append(s.cells, c), append(s.values, v)
	if m.beyond != nil && m.beyond(c) {
		s.beyond++
	}
}

// samples are what either side has of a metric; of pairs of trials, those that have it on both
// sides.
func (p *Pair) samples(m measure) (base, new sample) {
	if p.design() == stats.Apart {
		return collect(p.base.cells, m), collect(p.new.cells, m)
	}
	for i, old := range p.base.cells {
		b, ok := m.value(old)
		n, too := m.value(p.new.cells[i])
		if ok && too {
			base.add(old, m, b)
			new.add(p.new.cells[i], m, n)
			continue
		}
		if !ok {
			base.without++
		}
		if !too {
			new.without++
		}
	}
	return base, new
}

func collect(cells []*result.Cell, m measure) (s sample) {
	for _, c := range cells {
		if v, ok := m.value(c); ok {
			s.add(c, m, v)
		} else {
			s.without++
		}
	}
	return s
}

func newChange(d stats.Design, m measure, base, new []float64) Change {
	c := Change{
		Metric: m.name, Title: m.title, Unit: m.unit, Base: stats.Median(base), New: stats.Median(new), BaseN: len(base), NewN: len(new), of: m,
		Relative: m.unit != "share" && slices.Min(base) > 0 && slices.Min(new) >= 0,
		Outcome:  Untested,
	}
	c.effect = stats.Compare(d, scaled(base, c.Relative), scaled(new, c.Relative))
	c.Change, c.P = c.unscaled(c.effect.Shift), c.effect.P
	if ci := c.effect.Interval(stats.Alpha); ci != nil {
		c.Interval = &stats.Interval{Low: c.unscaled(ci.Low), High: c.unscaled(ci.High)}
	}
	return c
}

// nothing stands for 0 on a scale of logarithms: far below any value of a metric, so that a build
// which delivers nothing has a change of -100 %, and near enough that its inverse is a number.
const nothing = 1e-9

// scaled puts values on the scale on which they are compared: of logarithms where quotients count.
func scaled(values []float64, relative bool) []float64 {
	if !relative {
		return values
	}
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = math.Log(math.Max(v, nothing))
	}
	return out
}

// unscaled makes a shift on that scale a change.
func (c *Change) unscaled(shift float64) float64 {
	if c.Relative {
		return math.Expm1(shift)
	}
	return shift
}

// scaledChange is the shift that makes a change.
func (c *Change) scaledChange(change float64) float64 {
	if c.Relative {
		return math.Log1p(max(change, -1))
	}
	return change
}

// askedShare is the share of the level that the metrics share which were asked for; the others
// share the rest. What a comparison is about keeps most of its power that way, and still one of
// twenty comparisons of equal systems at most flags anything.
const askedShare = 2.0 / 3

// correct applies Holm's procedure to all metrics of all pairs, as one family, and settles the
// outcomes. Metrics in which no trial differs from another cannot raise a false alarm, and take no
// part.
func (c *Comparison) correct(gates []Gate) {
	asked := map[string]bool{}
	for _, g := range gates {
		asked[g.tested()] = true
		for i := range c.Pairs {
			c.Pairs[i].conditions = append(c.Pairs[i].conditions, g.tested())
		}
	}
	if len(gates) == 0 {
		for _, m := range headlines(c) {
			asked[m.name] = true
		}
	}
	var family []*Change
	var ps []float64
	n := map[bool]int{}
	for i := range c.Pairs {
		for j := range c.Pairs[i].Changes {
			ch := &c.Pairs[i].Changes[j]
			ch.asked = asked[ch.Metric]
			if ch.P != nil && !ch.effect.Constant() {
				family, ps = append(family, ch), append(ps, *ch.P)
				n[ch.asked]++
			}
		}
	}
	share := func(asked bool) float64 {
		switch {
		case n[!asked] == 0:
			return 1 / float64(max(1, n[asked]))
		case asked:
			return askedShare / float64(max(1, n[true]))
		}
		return (1 - askedShare) / float64(max(1, n[false]))
	}
	var weights []float64
	for _, ch := range family {
		weights = append(weights, share(ch.asked))
	}
	left := c.left()
	for i, p := range stats.Holm(ps, weights) {
		p = min(1, p/left)
		family[i].PHolm = &p
	}
	c.askedLevel = stats.Alpha * left * share(true)
	for i := range c.Pairs {
		for j := range c.Pairs[i].Changes {
			ch := &c.Pairs[i].Changes[j]
			ch.settle(stats.Alpha * left * share(ch.asked))
		}
	}
}

// left is the share of the level that is left to test at: of builds that ran in turn until the
// intervals were narrow enough, less than all of it.
func (c *Comparison) left() float64 {
	if slices.ContainsFunc(c.Pairs, func(p Pair) bool { return p.builds() }) {
		return stats.Looking
	}
	return 1
}

// builds reports whether the sides are the two builds of one run, whatever the inputs are called.
func (p *Pair) builds() bool {
	sides := [2]string{p.base.all[0].Params[result.AxisBuild], p.new.all[0].Params[result.AxisBuild]}
	return sameRun(p.base.run, p.new.run) && // and no axis of a scenario
		(sides == [2]string{result.BuildBase, result.BuildHead} || sides == [2]string{result.BuildHead, result.BuildBase})
}

// settle decides what a change is, of which the first step of the correction tests at a level.
func (c *Change) settle(level float64) {
	if c.P != nil && c.PHolm == nil {
		c.PHolm = c.P // constant: 1
	}
	if d := c.effect.Detectable(level); !math.IsInf(d, 1) {
		d = c.unscaled(d)
		c.Detectable = &d
	}
	c.level = level
	switch {
	case c.P == nil:
		c.Outcome = Untested
	case *c.PHolm <= stats.Alpha && c.Change != 0:
		c.Outcome = Worse
		if c.of.higher == (c.Change > 0) {
			c.Outcome = Better
		}
	case c.effect.LeastP() > level*(1+1e-12):
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
