package compare

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/stats"
)

// Gate is a condition on a comparison under which it fails: p99(delivery) > +10%.
type Gate struct {
	Text   string
	Metric string
	Above  bool    // true for >, false for <
	Limit  float64 // a share: 0.1 for 10 %
}

var reGate = regexp.MustCompile(`^\s*(\S+?)\s*([<>])\s*([+-]?[0-9.]+)\s*%\s*$`)

// ParseGate reads a condition: a metric of the comparison, > or <, and a change in per cent, or for
// a share in percentage points.
func ParseGate(text string) (Gate, error) {
	m := reGate.FindStringSubmatch(text)
	if m == nil {
		return Gate{}, fmt.Errorf("%q is not a condition on a change; write it like 'p99(delivery) > +10%%' or 'efficiency < -5%%'", text)
	}
	limit, err := strconv.ParseFloat(m[3], 64)
	if err != nil {
		return Gate{}, fmt.Errorf("%q: %s is not a number", text, m[3])
	}
	if m[1] != efficiency.name && !slices.ContainsFunc(compared, func(k measure) bool { return k.name == m[1] }) {
		var names []string
		for _, k := range compared {
			names = append(names, k.name)
		}
		return Gate{}, fmt.Errorf("%q: unknown metric %s; comparisons have %s", text, m[1], strings.Join(append(names, efficiency.name), ", "))
	}
	return Gate{Text: strings.TrimSpace(text), Metric: m[1], Above: m[2] == ">", Limit: limit / 100}, nil
}

// tested is the metric whose test decides the gate.
func (g Gate) tested() string {
	if g.Metric == efficiency.name {
		return cpuDelivery
	}
	return g.Metric
}

// Finding is what a gate found in one pair. It holds when it is neither failed nor unjudged.
type Finding struct {
	Gate string `json:"gate"`
	Pair string `json:"pair,omitempty"`
	Text string `json:"text"`
	// Failed: a change is shown, and lies beyond the limit.
	Failed bool `json:"failed"`
	// Unjudged: a change beyond the limit is neither shown nor ruled out, its size is not known as
	// a value is only a lower bound or base is 0, the trials were not interleaved, or the metric is
	// missing. That is no pass.
	Unjudged bool `json:"unjudged"`
	// Needed is about how many pairs of trials it takes to decide it; 0: it is decided, or no
	// number does.
	Needed int `json:"needed,omitempty"`
}

// judge applies the gates to every pair. A gate fails when the trials show a change, after the
// correction for all metrics and gates, and its estimate lies beyond the limit: chance alone breaks
// any in one of twenty comparisons at most. It holds when the interval of the change ends within
// the limit and a change as large as the limit would have been found. Everything else is not
// decided.
func (c *Comparison) judge(gates []Gate) {
	c.gates = gates
	for _, g := range gates {
		for i := range c.Pairs {
			p := &c.Pairs[i]
			f := Finding{Gate: g.Text, Pair: p.Label}
			ch := p.change(g.tested())
			switch {
			case ch == nil:
				f.Unjudged, f.Text = true, "not measured on both sides, or with too few samples"
			case g.Metric == efficiency.name:
				ch.inverse().judge(g, p, &f)
			default:
				ch.judge(g, p, &f)
			}
			f.Text = strings.ReplaceAll(f.Text, layout.Nbsp, " ")
			c.Findings = append(c.Findings, f)
		}
	}
}

// inverse is the change of one divided by the metric. The trials say the same about both.
func (c *Change) inverse() *Change {
	other := *c
	other.of, other.Metric, other.Title, other.Unit = efficiency, efficiency.name, efficiency.title, efficiency.unit
	other.Base, other.New, other.Change = 1e6/c.Base, 1e6/c.New, 1/(1+c.Change)-1
	if c.Interval != nil {
		other.Interval = &stats.Interval{Low: 1/(1+c.Interval.High) - 1, High: 1/(1+c.Interval.Low) - 1}
	}
	return &other
}

// judge says in f what the gate finds in a change.
func (c *Change) judge(g Gate, p *Pair, f *Finding) {
	f.Text = c.showChange(c.Change)
	switch {
	case !p.Interleaved:
		f.Unjudged = true
		f.Text += ", but " + p.why() + "; run both sides in turn, as throng compare --live does"
		return
	case c.noShare():
		f.Unjudged = true
		f.Text += ": it is 0 in a trial of " + p.Base + ", and a change of that in per cent does not exist"
		return
	case c.Interval == nil:
		f.Unjudged, f.Needed = true, c.needed(g)
		f.Text += fmt.Sprintf(": too few trials (%s) to find a change of any size; %s", layout.Plural(c.BaseN, "pair"), takes(f.Needed))
		return
	}
	f.Text += " (95 % interval " + showInterval(c.Interval, c) + ")"
	shown := c.Outcome == Better || c.Outcome == Worse
	// the ends beyond and within the limit, and in how many trials a value that is only a lower
	// bound leaves them open
	farther, nearer, farOpen, nearOpen := c.Interval.High, c.Interval.Low, c.NewBeyond, c.BaseBeyond
	if !g.Above {
		farther, nearer, farOpen, nearOpen = nearer, farther, nearOpen, farOpen
	}
	switch {
	case shown && g.beyond(c.Change) && !g.beyond(0), g.beyond(0) && g.beyond(nearer) && nearOpen == 0:
		f.Failed = true
	case farOpen > 0, g.beyond(0) && g.beyond(nearer) && nearOpen > 0:
		f.Unjudged = true
		f.Text += "; " + c.bounds() + ": wait longer for it in the scenario, or take a lower percentile"
	case !g.beyond(farther) && shown: // the change is there to see
	case !g.beyond(farther) && c.wouldFind(g):
		f.Text += c.found(g)
	default:
		f.Unjudged, f.Needed = true, c.needed(g)
		f.Text += c.found(g) + "; " + takes(f.Needed)
	}
}

// noShare reports whether a change of the metric in per cent does not exist: base is 0 in a trial.
func (c *Change) noShare() bool { return !c.Relative && c.Unit != "share" }

// hopeless is how many pairs are made of which none has a metric of any condition: further ones
// would not have it either.
const hopeless = 3

// Narrow reports whether there are trials enough: whether a change of until, or where until is 0
// one of the limit of each condition, would have been found in every metric that the comparison is
// about and that was measured. It looks at how far the trials scatter, and not at where they lie:
// stats.Looking makes up for the few false alarms of going on until it holds. A few trials are
// enough, too, where they measure nothing that the comparison is about.
func (c *Comparison) Narrow(until float64) bool {
	found := 0
	for i := range c.Pairs {
		p := &c.Pairs[i]
		if !p.Interleaved {
			return false
		}
		for j := range p.Changes {
			ch := &p.Changes[j]
			if !ch.asked {
				continue
			}
			found++
			if until > 0 && !ch.wouldFind(Gate{Limit: until}) {
				return false
			}
		}
		for _, g := range c.gates {
			if ch := p.change(g.tested()); until == 0 && ch != nil && !ch.wouldFind(g) {
				return false
			}
		}
	}
	return found > 0 || len(c.gates) > 0 && c.TrialPairs() >= hopeless
}

// wouldFind reports whether a change of the gate's limit would have been found; where it does not
// exist, no number of trials finds it.
func (c *Change) wouldFind(g Gate) bool {
	return c.noShare() || c.effect.Detectable(c.level) <= math.Abs(c.scaledChange(g.Limit))+1e-12
}

// found says which change in the direction of the gate would have been found.
func (c *Change) found(g Gate) string {
	switch {
	case c.Detectable == nil:
		return "; there are too few trials to find a change of any size"
	case *c.Detectable == 0: // no trial differs from another
		return ""
	}
	d := c.effect.Detectable(c.level)
	if !g.Above {
		d = -d
	}
	return fmt.Sprintf("; a change of %s or more would have been found", c.showChange(c.unscaled(d)))
}

// needed is about how many pairs of trials it takes to decide the gate, if the sides are equal or,
// where a change is shown, if it is as large as it looks; 0: no number does.
func (c *Change) needed(g Gate) int {
	from := 0.0
	if c.Outcome == Better || c.Outcome == Worse {
		from = c.scaledChange(c.Change)
	}
	way := math.Abs(c.scaledChange(g.Limit) - from)
	if way < 1e-9 || math.IsInf(way, 1) {
		return 0
	}
	needed := c.effect.Needed(way, c.level)
	if c.Interval != nil && needed <= c.BaseN { // it would have found it, and the interval ends beyond
		needed = c.BaseN + (c.BaseN+1)/2
	}
	return needed
}

// maxNeeded is the highest number of pairs that a finding names: nobody makes more.
const maxNeeded = 1000

func takes(needed int) string {
	switch {
	case needed == 0:
		return "no number of trials can decide this limit"
	case needed > maxNeeded:
		return fmt.Sprintf("this limit takes more than %d pairs", maxNeeded)
	}
	return fmt.Sprintf("this limit takes about %s", layout.Plural(needed, "pair"))
}

// beyond reports whether a change meets the gate's condition.
func (g Gate) beyond(change float64) bool {
	const least = 1e-12 // a change of exactly the limit is not beyond it, whatever the rounding
	if g.Above {
		return change-g.Limit > least*math.Max(1, math.Abs(change))
	}
	return g.Limit-change > least*math.Max(1, math.Abs(change))
}
