package charts

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/throng-io/throng/reports/internal/draw"
	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/reports/internal/tables"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

func sortSteps(steps []result.HeatStep) {
	slices.SortFunc(steps, func(a, b result.HeatStep) int { return cmp.Compare(a.Low, b.Low) })
}

// faults are lines where something was broken on purpose: at the beginning of each phase with a
// fault, and where a command or request of a rolling fault began later.
func faults(c *result.Cell) (rs []draw.Rule) {
	add := func(at float64) { rs = append(rs, draw.Rule{At: at, Vertical: true}) }
	for _, p := range c.Phases {
		if p.Fault == "" {
			continue
		}
		add(p.StartS)
		for _, a := range c.Acts {
			if a.Phase == p.Name && a.StartS > p.StartS+apart {
				add(a.StartS)
			}
		}
	}
	return rs
}

// apart is how many seconds two moments lie apart that have a line each.
const apart = 0.1

// secondOf is what a check is about in one second, and whether that can be told.
func secondOf(k *result.Check, s *result.Second) (v float64, ok bool) {
	if len(k.Labels) > 0 {
		return 0, false
	}
	q := s.Latency[k.Metric]
	switch {
	case k.Stat == "loss":
		return float64(s.Lost), true
	case k.Metric == metric.CPU && k.Stat == "max":
		return s.CPU, true
	case k.Metric == metric.ServerCPU && k.Stat == "max":
		return s.ServerCPU, s.ServerCPU > 0
	// a result that does not count what was sent by the second
	case k.Metric == metric.Lag && k.Stat == "p99" && q.N == 0:
		return float64(s.LagP99us) / 1e6, s.LagP99us > 0
	case k.Stat == "max":
		return float64(q.Maxus) / 1e6, q.N > 0
	case !selection.Enough(q.N, layout.Quantile(k.Stat)):
		return 0, false
	case k.Stat == "p50":
		return float64(q.P50us) / 1e6, true
	case k.Stat == "p99":
		return float64(q.P99us) / 1e6, true
	case layout.Quantile(k.Stat) > 0:
		return heatQuantile(q.Heat, layout.Quantile(k.Stat))
	}
	return 0, false
}

// heatQuantile reads a percentile of a packed distribution, from the upper end of its step.
func heatQuantile(text string, p float64) (float64, bool) {
	steps := result.HeatOf(text)
	total, below := int64(0), int64(0)
	for _, s := range steps {
		total += s.N
	}
	rank := result.Rank(100*p, total)
	for _, s := range steps {
		if below += s.N; below >= rank {
			return float64(s.High) / 1e6, true
		}
	}
	return 0, false
}

// ruleRow is how a rule fared over time.
type ruleRow struct {
	k         *result.Check
	good, bad int
	boxes     []draw.Box // between 0 and 1
}

// judges tells whether a check is about the second that begins at t.
func judges(c *result.Cell, k *result.Check, t float64) bool {
	p := selection.PhaseAt(c, t)
	switch {
	case p == nil:
		return false
	case k.Phase != "":
		return p.Name == k.Phase
	}
	return p.Record
}

// ruleOverTime judges stretches of so many seconds; one broken second breaks its stretch.
func ruleOverTime(c *result.Cell, k *result.Check, per int) ruleRow {
	r := ruleRow{k: k}
	for j := 0; j < len(c.Timeline); j += per {
		t := c.Timeline[j].T
		b := draw.Box{X0: t, X1: t + float64(per), Y0: 0.4, Y1: 0.6, Fill: draw.Void}
		judged, broken := false, false
		for _, s := range c.Timeline[j:min(j+per, len(c.Timeline))] {
			if v, ok := secondOf(k, &s); ok && judges(c, k, s.T) {
				judged, broken = true, broken || !k.Meets(v)
			}
		}
		switch {
		case broken:
			r.bad++
			b.Fill, b.Y0, b.Y1 = draw.Bad, 0.2, 0.8
		case judged:
			r.good++
			b.Fill, b.Y0, b.Y1 = draw.Good, 0.32, 0.68
		}
		r.boxes = append(r.boxes, b)
	}
	return r
}

// sloStrip is a row per rule over time: where it was met, where not, and where nothing counts.
func sloStrip(name string, c *result.Cell, sub string) *Figure {
	per := stretches(len(c.Timeline))
	var rows []ruleRow
	for i := range c.Checks {
		if c.Checks[i].NoData {
			continue
		}
		if r := ruleOverTime(c, &c.Checks[i], max(per, 1)); r.good+r.bad > 0 {
			rows = append(rows, r)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	p := draw.Panel{
		X: draw.Axis{Label: "seconds since the start", Min: c.Timeline[0].T, Max: c.Timeline[len(c.Timeline)-1].T + 1}, Bands: bands(c), Rules: faults(c),
		Lines: []draw.Line{{Name: "met", Key: true, Fill: draw.Good}, {Name: "broken", Key: true, Fill: draw.Bad}, {Name: "not judged", Key: true, Fill: draw.Void}},
	}
	n := float64(len(rows))
	data := layout.Table{Left: 2, Head: []string{"rule", "as a whole", "seconds met", "seconds broken", "met"}}
	for i, r := range rows {
		y := n - float64(i)
		p.Y.Ticks = append(p.Y.Ticks, draw.Tick{At: y, Label: r.k.Text})
		for _, b := range r.boxes {
			b.Y0, b.Y1 = y-0.5+b.Y0, y-0.5+b.Y1
			p.Boxes = append(p.Boxes, b)
		}
		whole := tables.Met
		switch {
		case r.k.Undecided:
			whole = tables.NotDecided
		case !r.k.Pass:
			whole = tables.NotMet
		}
		data.Rows = append(data.Rows, []string{r.k.Text, whole, layout.Count(r.good), layout.Count(r.bad), layout.Share(float64(r.good) / float64(r.good+r.bad))})
	}
	p.Y.Min, p.Y.Max = 0.4, n+0.6
	f := &Figure{Data: data, Caption: "When and how often each rule was broken. Each second is judged separately, and a tall bar is a broken second. The verdict uses the rule's own window, which is often longer, so a broken second does not always break the rule. A second is not judged if fewer than ten samples lie above the rule's percentile, or if it is outside the rule's phase."}
	if per > 1 {
		f.Caption += fmt.Sprintf(" Each bar covers %d seconds and is broken if one of them is.", per)
	}
	f.Figure = draw.Figure{Name: name, Title: "Rules over time", Sub: sub, Panels: []draw.Panel{p}}
	return f
}

// ledgerWaterfall takes what was expected apart: received, and where the others went.
func ledgerWaterfall(name string, c *result.Cell, sub string) *Figure {
	l := c.Ledger
	if l.Expected <= 0 {
		return nil
	}
	type bar struct {
		name     string
		from, n  int64
		fill     draw.Fill
		optional bool
	}
	bars := []bar{
		{"expected", 0, l.Expected, draw.Heat5, false},
		{"received in time", 0, l.Received, draw.Good, false},
		{"late", l.Received, l.Late, draw.Bad, true},
		{"lost", l.Received + l.Late, l.Lost, draw.Bad, false},
		{"undecided", l.Received + l.Late + l.Lost, l.Undecided, draw.Void, true},
		{"duplicate, besides", 0, l.Duplicate, draw.Bad, true},
		{"out of order, among the received", 0, l.Disorder, draw.Bad, true},
	}
	bars = slices.DeleteFunc(bars, func(b bar) bool { return b.optional && b.n == 0 })
	p := draw.Panel{X: draw.Axis{Label: "deliveries", Zero: true}}
	n := float64(len(bars))
	for i, b := range bars {
		y := n - float64(i)
		text := b.name + ": " + layout.Count(b.n)
		if i > 0 && b.n > 0 {
			text += " (" + layout.Share(float64(b.n)/float64(l.Expected)) + ")"
		}
		p.Y.Ticks = append(p.Y.Ticks, draw.Tick{At: y, Label: text})
		p.Boxes = append(p.Boxes, draw.Box{X0: float64(b.from), X1: float64(b.from + b.n), Y0: y - 0.3, Y1: y + 0.3, Fill: b.fill})
	}
	p.Y.Min, p.Y.Max = 0.4, n+0.6
	f := &Figure{Data: tables.LedgerTable(c), Caption: "What became of the deliveries that the room memberships called for."}
	f.Data.Title = ""
	f.Figure = draw.Figure{Name: name, Title: "Ledger of deliveries", Sub: sub, Panels: []draw.Panel{p}}
	return f
}
