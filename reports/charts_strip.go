package reports

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/throng-io/throng/reports/internal/draw"
	"github.com/throng-io/throng/scenario/result"
)

func sortSteps(steps []result.HeatStep) {
	slices.SortFunc(steps, func(a, b result.HeatStep) int { return cmp.Compare(a.Low, b.Low) })
}

// faults are ticks where something was broken on purpose.
func faults(c *result.Cell) (rs []draw.Rule) {
	for _, p := range c.Phases {
		if p.Fault != "" {
			rs = append(rs, draw.Rule{At: p.StartS, Vertical: true})
		}
	}
	return rs
}

// secondOf is what a check is about in one second, and whether that can be told.
func secondOf(k *result.Check, s *result.Second) (v float64, ok bool) {
	if len(k.Labels) > 0 {
		return 0, false
	}
	q := s.Latency[k.Metric]
	switch {
	case k.Stat == "loss":
		return float64(s.Lost), true
	case k.Metric == "cpu" && k.Stat == "max":
		return s.CPU, true
	case k.Metric == "server.cpu" && k.Stat == "max":
		return s.ServerCPU, s.ServerCPU > 0
	case k.Metric == "lag" && k.Stat == "p99":
		return float64(s.LagP99us) / 1e6, s.LagP99us > 0
	case q.N == 0:
		return 0, false
	case k.Stat == "p50":
		return float64(q.P50us) / 1e6, true
	case k.Stat == "p99":
		return float64(q.P99us) / 1e6, true
	case k.Stat == "max":
		return float64(q.Maxus) / 1e6, true
	case quantile(k.Stat) > 0:
		return heatQuantile(q.Heat, quantile(k.Stat))
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
	for _, s := range steps {
		if below += s.N; float64(below) >= p*float64(total) {
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

func recordedAt(c *result.Cell, t float64) bool {
	for _, p := range c.Phases {
		if t >= p.StartS && t < p.EndS {
			return p.Record
		}
	}
	return false
}

// ruleOverTime judges stretches of so many seconds; one broken second breaks its stretch.
func ruleOverTime(c *result.Cell, k *result.Check, per int) ruleRow {
	r := ruleRow{k: k}
	for j := 0; j < len(c.Timeline); j += per {
		t := c.Timeline[j].T
		b := draw.Box{X0: t, X1: t + float64(per), Y0: 0.35, Y1: 0.65, Fill: draw.Void}
		judged, broken := false, false
		for _, s := range c.Timeline[j:min(j+per, len(c.Timeline))] {
			if v, ok := secondOf(k, &s); ok && recordedAt(c, s.T) {
				judged, broken = true, broken || !k.Meets(v)
			}
		}
		switch {
		case broken:
			r.bad++
			b.Fill, b.Y0, b.Y1 = draw.Bad, 0.08, 0.92
		case judged:
			r.good++
			b.Fill, b.Y0, b.Y1 = draw.Good, 0.25, 0.75
		}
		r.boxes = append(r.boxes, b)
	}
	return r
}

// sloStrip is a row per rule over time: where it was met, where not, and where nothing counts.
func sloStrip(name string, c *result.Cell, sub string) *figure {
	per := stretches(len(c.Timeline))
	var rows []ruleRow
	for i := range c.Checks {
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
	data := table{Left: 2, Head: []string{"rule", "as a whole", "seconds met", "seconds broken", "met"}}
	for i, r := range rows {
		y := n - float64(i)
		p.Y.Ticks = append(p.Y.Ticks, draw.Tick{At: y, Label: r.k.Text})
		for _, b := range r.boxes {
			b.Y0, b.Y1 = y-0.5+b.Y0, y-0.5+b.Y1
			p.Boxes = append(p.Boxes, b)
		}
		whole := met
		if !r.k.Pass {
			whole = notMet
		}
		data.Rows = append(data.Rows, []string{r.k.Text, whole, count(r.good), count(r.bad), share(float64(r.good) / float64(r.good+r.bad))})
	}
	p.Y.Min, p.Y.Max = 0.4, n+0.6
	f := &figure{Data: data, Caption: "How often and when: each second judged by itself, tall where the rule was broken in it. The verdict goes by the rule's own window, which is often longer: a broken second need not break the rule."}
	if per > 1 {
		f.Caption += fmt.Sprintf(" Each stretch stands for %d seconds, and is broken when one of them is.", per)
	}
	f.Figure = draw.Figure{Name: name, Title: "Rules over time", Sub: sub, Panels: []draw.Panel{p}}
	return f
}

// ledgerWaterfall takes what was expected apart: received, and where the others went.
func ledgerWaterfall(name string, c *result.Cell, sub string) *figure {
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
		{"out of order, of the received", 0, l.Disorder, draw.Bad, true},
	}
	bars = slices.DeleteFunc(bars, func(b bar) bool { return b.optional && b.n == 0 })
	p := draw.Panel{X: draw.Axis{Label: "deliveries", Zero: true}}
	n := float64(len(bars))
	for i, b := range bars {
		y := n - float64(i)
		text := b.name + ": " + count(b.n)
		if i > 0 && b.n > 0 {
			text += " (" + share(float64(b.n)/float64(l.Expected)) + ")"
		}
		p.Y.Ticks = append(p.Y.Ticks, draw.Tick{At: y, Label: text})
		p.Boxes = append(p.Boxes, draw.Box{X0: float64(b.from), X1: float64(b.from + b.n), Y0: y - 0.3, Y1: y + 0.3, Fill: b.fill})
	}
	p.Y.Min, p.Y.Max = 0.4, n+0.6
	f := &figure{Data: ledgerTable(c), Caption: "Where the deliveries went: what the membership of rooms called for, and what became of it."}
	f.Data.Title = ""
	f.Figure = draw.Figure{Name: name, Title: "Ledger of deliveries", Sub: sub, Panels: []draw.Panel{p}}
	return f
}

// recovery is how the clients came back after each fault, and what those who stayed felt.
func recovery(name string, c *result.Cell, sub string) *figure {
	var back, slow draw.Panel
	data := table{Left: 1, Head: []string{"fault", "lowest", "half are back after", "95 % after", "99.9 % after"}}
	for i, p := range c.Phases {
		if p.Fault == "" {
			continue
		}
		before := 0
		lowest := math.MaxInt
		var held, p99s []draw.Point
		for _, s := range c.Timeline {
			if s.T+1 > c.Phases[len(c.Phases)-1].EndS { // they leave then
				break
			}
			since := s.T + 1 - p.StartS // the state at the second's end
			switch {
			case since <= 0:
				before = s.Held
			case before > 0 && (i+1 == len(c.Phases) || c.Phases[i+1].Fault == "" || s.T < p.EndS):
				lowest = min(lowest, s.Held)
				held = append(held, draw.Point{X: since, Y: 100 * float64(s.Held) / float64(before)})
				if q := s.Latency["delivery"]; q.N > 0 {
					p99s = append(p99s, draw.Point{X: since, Y: ms(max(q.P99us, 1))})
				}
			}
		}
		if len(held) < 2 {
			continue
		}
		style := draw.Style(len(back.Lines) % draw.Series)
		label := fmt.Sprintf("%s at %s", p.Fault, seconds(p.StartS))
		back.Lines = append(back.Lines, draw.Line{Name: label, Points: held, Style: style})
		slow.Lines = append(slow.Lines, draw.Line{Points: p99s, Style: style})
		data.Rows = append(data.Rows, []string{label, share(float64(lowest) / float64(before)), returned(held, 50), returned(held, 95), returned(held, 99.9)})
	}
	if len(back.Lines) == 0 {
		return nil
	}
	back.X, back.Y = draw.Axis{Log: true}, draw.Axis{Label: "clients held, % of before", Min: 0, Max: 105}
	back.Rules = []draw.Rule{{At: 100}}
	panels := []draw.Panel{back}
	if slices.ContainsFunc(slow.Lines, func(l draw.Line) bool { return len(l.Points) > 1 }) {
		slow.X, slow.Y, slow.Weight = draw.Axis{Log: true}, draw.Axis{Label: "delivery p99, ms", Log: true}, 0.8
		panels = append(panels, slow)
	}
	panels[len(panels)-1].X.Label = "seconds since the fault (log)"
	f := &figure{Data: data, Caption: "How long is a deploy felt: the share of the clients that are connected again, and the latency of what was delivered meanwhile. By the second, so a return within one second shows as none."}
	f.Figure = draw.Figure{Name: name, Title: "Recovery after a fault", Sub: sub, Panels: panels}
	return f
}

// returned is when a share of the clients was back for good: the end of the last second with fewer.
func returned(held []draw.Point, share float64) string {
	at := "1" + nbsp + "s or less"
	for i, p := range held {
		if p.Y < share {
			if i+1 == len(held) {
				return "not within the run"
			}
			at = seconds(held[i+1].X)
		}
	}
	return at
}
