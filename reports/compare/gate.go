package compare

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/throng-io/throng/reports/internal/layout"
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
	if !slices.ContainsFunc(compared, func(k measure) bool { return k.name == m[1] }) {
		var names []string
		for _, k := range compared {
			names = append(names, k.name)
		}
		return Gate{}, fmt.Errorf("%q: unknown metric %s; comparisons have %s", text, m[1], strings.Join(names, ", "))
	}
	return Gate{Text: strings.TrimSpace(text), Metric: m[1], Above: m[2] == ">", Limit: limit / 100}, nil
}

// Finding is what a gate found in one pair.
type Finding struct {
	Gate string `json:"gate"`
	Pair string `json:"pair,omitempty"`
	Text string `json:"text"`
	// Failed: the change is shown, and lies beyond the limit.
	Failed bool `json:"failed"`
	// Unjudged: the metric is missing, or there are too few trials to show any change. That is no
	// pass.
	Unjudged bool `json:"unjudged"`
}

// Judge applies the gates to every pair. A gate fails when the trials show a change, after
// correction, and its estimate lies beyond the limit: chance alone breaks it in one of twenty
// comparisons at most.
func (c *Comparison) Judge(gates []Gate) (findings []Finding) {
	for _, g := range gates {
		for i := range c.Pairs {
			p := &c.Pairs[i]
			f := Finding{Gate: g.Text, Pair: p.Label}
			ch := p.change(g.Metric)
			switch {
			case ch == nil:
				f.Unjudged, f.Text = true, "not measured on both sides, or with too few samples"
			case ch.Outcome == Untested:
				f.Unjudged, f.Text = true, fmt.Sprintf("%s, and %d and %d trials are too few to show a change", ch.showChange(ch.Change), ch.BaseN, ch.NewN)
			default:
				f.Failed = ch.Outcome != NotShown && beyond(ch.Change, g)
				f.Text = ch.showChange(ch.Change)
				if ch.Outcome == NotShown {
					f.Text += ", not significant (95 % interval " + showInterval(ch.Interval, ch) + ")"
				}
			}
			f.Text = strings.ReplaceAll(f.Text, layout.Nbsp, " ")
			findings = append(findings, f)
		}
	}
	return findings
}

func beyond(change float64, g Gate) bool {
	const least = 1e-12 // a change of exactly the limit is not beyond it, whatever the rounding
	if g.Above {
		return change-g.Limit > least*math.Max(1, math.Abs(change))
	}
	return g.Limit-change > least*math.Max(1, math.Abs(change))
}
