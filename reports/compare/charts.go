package compare

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/throng-io/throng/reports/internal/charts"
	"github.com/throng-io/throng/reports/internal/draw"
	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/stats"
	"github.com/throng-io/throng/reports/internal/tables"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// maxDrawnPairs is how many pairs get figures of their own; the tables and the figures over all
// pairs are complete.
const maxDrawnPairs = 12

// wideChange is the factor from which changes are drawn on a logarithmic axis: in per cent, a third
// and the threefold would not look alike.
const wideChange = 2.5

// changeRow is a line of a figure of changes.
type changeRow struct {
	label string
	*Change
}

// changes draws a row per change: a mark at the estimate, a line along its interval, and a band of
// two per cent around none.
func changes(name, title, sub string, rows []changeRow) *charts.Figure {
	all := slices.DeleteFunc(slices.Clone(rows), func(r changeRow) bool { return r.Change == nil })
	rows = relativeOnly(rows)
	if len(rows) == 0 {
		return nil
	}
	wide := 1.0
	for _, r := range rows {
		for _, v := range r.ends() {
			wide = max(wide, 1+v, 1/(1+v))
		}
	}
	place := func(v float64) float64 { return v * 100 }
	p := draw.Panel{X: draw.Axis{Label: "change from base to new, %", Min: -3, Max: 3}}
	for _, r := range rows {
		for _, v := range r.ends() {
			p.X.Min, p.X.Max = min(p.X.Min, place(v)), max(p.X.Max, place(v))
		}
	}
	room := (p.X.Max - p.X.Min) / 40 // so that no mark stands on the edge
	p.X.Min, p.X.Max = p.X.Min-room, p.X.Max+room
	if wide > wideChange {
		place = func(v float64) float64 { return 1 + v }
		p.X = draw.Axis{Label: "new / base (log): 0.5 is half, 2 is twice", Log: true}
	}
	p.Bands = []draw.Band{{From: place(-0.02), To: place(0.02), Grey: true}}
	marks := map[Outcome]*draw.Line{
		Better:   {Name: "better", Style: draw.Green, Marks: true},
		Worse:    {Name: "worse", Style: draw.Vermillion, Marks: true},
		NotShown: {Name: "no difference shown", Style: draw.Ink, Marks: true},
		Untested: {Name: "too few trials to tell", Style: draw.Grey, Marks: true},
	}
	n := float64(len(rows))
	for i, r := range rows {
		y := n - float64(i)
		p.Y.Ticks = append(p.Y.Ticks, draw.Tick{At: y, Label: r.label})
		m := marks[r.Outcome]
		m.Points = append(m.Points, draw.Point{X: place(r.Change.Change), Y: y})
		if ci := r.Interval; ci != nil {
			p.Lines = append(p.Lines, draw.Line{Style: draw.Blue, Points: []draw.Point{{X: place(ci.Low), Y: y}, {X: place(ci.High), Y: y}}})
		}
	}
	if len(p.Lines) > 0 {
		p.Lines[0].Name = "95" + layout.Nbsp + "% interval"
	}
	for _, o := range []Outcome{Better, Worse, NotShown, Untested} {
		if len(marks[o].Points) > 0 {
			p.Lines = append(p.Lines, *marks[o])
		}
	}
	p.Y.Min, p.Y.Max = 0.4, n+0.6
	with := " with its 95" + layout.Nbsp + "% interval"
	if !slices.ContainsFunc(rows, func(r changeRow) bool { return r.Interval != nil }) {
		with = ""
	}
	f := &charts.Figure{Caption: "The change of each metric" + with + ". The grey band marks changes of up to 2" + layout.Nbsp + "% in either direction."}
	if len(rows) < len(all) {
		f.Caption += " A change without a quotient is in the table only: that of a share, or from zero."
	}
	f.Figure = draw.Figure{Name: name, Title: title, Sub: sub, Panels: []draw.Panel{p}}
	return f
}

// leastQuotient is the smallest quotient that is drawn: beside it all others would be one.
const leastQuotient = 1e-6

// relativeOnly leaves out what has no quotient that could be drawn: shares, and metrics that were
// zero.
func relativeOnly(rows []changeRow) (kept []changeRow) {
	for _, r := range rows {
		if r.Change != nil && r.Relative && slices.Min(r.ends()) > -1+leastQuotient {
			kept = append(kept, r)
		}
	}
	return kept
}

// ends are the values that a figure of the change must hold.
func (c *Change) ends() []float64 {
	if c.Interval == nil {
		return []float64{c.Change}
	}
	return []float64{c.Change, c.Interval.Low, c.Interval.High}
}

// shiftFigure draws how each percentile changed, with its interval.
func shiftFigure(name string, p *Pair) *charts.Figure {
	if p.Shift == nil || len(p.Shift.Points) < 2 {
		return nil
	}
	pts := p.Shift.Points
	wide := 1.0
	for _, pt := range pts {
		wide = max(wide, 1+pt.Change, 1/(1+pt.Change))
	}
	place := func(v float64) float64 { return v * 100 }
	panel := draw.Panel{Y: draw.Axis{Label: "change of the percentile, %"}}
	none := 0.0
	if wide > wideChange {
		place = func(v float64) float64 { return 1 + v }
		panel.Y = draw.Axis{Label: "new / base", Log: true}
		none = 1
	}
	x := func(pt ShiftPoint) float64 { return 1 / (1 - pt.Percentile/100) }
	var line draw.Line
	var area draw.Area
	data := layout.Table{Left: 1, Head: []string{"percentile", p.Base, p.New, "change", "95" + layout.Nbsp + "% interval"}}
	for i, pt := range pts {
		line.Points = append(line.Points, draw.Point{X: x(pt), Y: place(pt.Change)})
		if ci := pt.Interval; ci != nil {
			area.Low = append(area.Low, draw.Point{X: x(pt), Y: place(ci.Low)})
			area.High = append(area.High, draw.Point{X: x(pt), Y: place(ci.High)})
		}
		if i%2 == 0 || i == len(pts)-1 {
			c := Change{Relative: true}
			row := []string{"p" + percentileName(pt.Percentile), layout.Micros(pt.Base), layout.Micros(pt.New), c.showChange(pt.Change), showInterval(pt.Interval, &c)}
			data.Rows = append(data.Rows, row)
		}
	}
	farthest := x(pts[len(pts)-1])
	line.Style, line.Name = draw.Blue, fmt.Sprintf("%s against %s", p.New, p.Base)
	even := draw.Line{Style: draw.Grey, Thin: true, Name: "no change", Points: []draw.Point{{X: 1, Y: none}, {X: farthest, Y: none}}}
	panel.Lines = []draw.Line{even, line}
	panel.X = charts.SpectrumAxis(max(farthest, 10))
	f := &charts.Figure{Data: data, Caption: "Where in the distribution of " + p.Shift.Metric + " the change is. Above the line a percentile is higher than in the base, below it lower."}
	if len(area.Low) > 1 {
		panel.Areas = []draw.Area{area}
		f.Caption += " The blue area is the 95" + layout.Nbsp + "% interval over the trials, separately for each percentile."
	} else {
		f.Caption += " There are too few trials for an interval, so the difference may be chance."
	}
	f.Figure = draw.Figure{Name: name, Title: layout.UpperFirst(p.Shift.Metric) + ": change by percentile", Sub: pairSub(p), Panels: []draw.Panel{panel}}
	return f
}

// overlayFigure lays the two distributions over each other, the trials of a side merged.
func overlayFigure(name string, p *Pair) *charts.Figure {
	if p.Shift == nil || p.spectra[0] == nil || p.spectra[1] == nil {
		return nil
	}
	panel := draw.Panel{Y: draw.Axis{Label: p.Shift.Metric + ", ms", Log: true}}
	farthest, merged := 10.0, map[string]*result.Latency{}
	names := []string{p.Base, p.New}
	if p.Base == p.New {
		names = []string{p.Base + " (base)", p.New + " (new)"}
	}
	for i, l := range p.spectra {
		merged[names[i]] = l
		pts, err := charts.SpectrumPoints(l)
		if err != nil || len(pts) < 2 {
			return nil // measure has read these histograms already
		}
		farthest = max(farthest, pts[len(pts)-1].X)
		style := []draw.Style{draw.Grey, draw.Blue}[i]
		panel.Lines = append(panel.Lines, draw.Line{Name: fmt.Sprintf("%s (n = %s)", names[i], layout.Count(l.N)), Points: pts, Style: style})
	}
	panel.X = charts.SpectrumAxis(farthest)
	f := &charts.Figure{Caption: "The distributions of both sides. The samples of all trials of a side are merged, so a slow trial has more weight here than in the medians of the table. Lower is better."}
	f.Data = tables.LatencyTable(merged, names, 0)
	f.Data.Title, f.Data.Head[0] = "", "side"
	f.Figure = draw.Figure{Name: name, Title: layout.UpperFirst(p.Shift.Metric) + " by percentile", Sub: pairSub(p), Panels: []draw.Panel{panel}}
	return f
}

// showInterval writes an interval of a change.
func showInterval(ci *stats.Interval, c *Change) string {
	if ci == nil {
		return layout.None
	}
	return c.showChange(ci.Low) + " to " + c.showChange(ci.High)
}

// percentileName writes a percentile with as many digits as tell it from its neighbours.
func percentileName(p float64) string {
	if p <= 90 {
		return fmt.Sprintf("%.0f", p)
	}
	decimals := max(1, int(math.Ceil(-math.Log10(1-p/100)-1e-9))-1)
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.*f", decimals, p), "0"), ".")
}

func pairSub(p *Pair) string {
	head := p.Base + " → " + p.New
	if p.Label != "" && p.Label != p.New {
		head = p.Label + ", base " + p.Base
	}
	if p.Interleaved {
		return charts.JoinSub(head, layout.Plural(len(p.base.cells), "pair")+" of trials")
	}
	return charts.JoinSub(head, fmt.Sprintf("%d + %d trials", p.BaseTrials.Valid, p.NewTrials.Valid))
}

// compareFigures are the figures over all pairs, and the figures of each pair.
func compareFigures(c *Comparison) (overall []*charts.Figure, each [][]*charts.Figure) {
	if len(c.Pairs) > 1 {
		for _, m := range headlines(c) {
			var rows []changeRow
			for i := range c.Pairs {
				rows = append(rows, changeRow{c.Pairs[i].Label, c.Pairs[i].change(m.name)})
			}
			if f := changes("all-"+fileName(m.name), startWith(m.title)+" against "+c.Base, fmt.Sprintf("%d pairs", len(c.Pairs)), rows); f != nil {
				overall = append(overall, f)
			}
		}
	}
	for i := range c.Pairs {
		each = append(each, nil)
		if i >= maxDrawnPairs {
			continue
		}
		p := &c.Pairs[i]
		suffix := ""
		if len(c.Pairs) > 1 {
			suffix = fmt.Sprintf("-%02d", i+1)
		}
		var rows []changeRow
		for j := range p.Changes {
			rows = append(rows, changeRow{p.Changes[j].Title, &p.Changes[j]})
		}
		for _, f := range []*charts.Figure{changes("changes"+suffix, "Change by metric", pairSub(p), rows), ratios("pairs"+suffix, p), overlayFigure("spectrum"+suffix, p), shiftFigure("shift"+suffix, p), timeOverlay("time"+suffix, p), curveOverlay("receivers"+suffix, p)} {
			if f != nil {
				each[i] = append(each[i], f)
			}
		}
	}
	return overall, each
}

// headlines are the metrics that an overview of many pairs shows: the middle and the tail of what
// the runs are about, and the cost.
func headlines(c *Comparison) (ms []measure) {
	about := metric.Delivery
	for i := range c.Pairs {
		if s := c.Pairs[i].Shift; s != nil {
			about = cmp.Or(s.Metric, about)
			break
		}
	}
	wanted := []string{"p50(" + about + ")", "p99(" + about + ")", cpuDelivery, "memory(client)"}
	for _, name := range wanted {
		for _, m := range compared {
			if m.name != name {
				continue
			}
			for i := range c.Pairs {
				if c.Pairs[i].change(name) != nil {
					ms = append(ms, m)
					break
				}
			}
		}
	}
	return ms
}

// fileName makes a metric's name fit for a file.
func fileName(s string) string {
	out := []rune{}
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			out = append(out, r)
		case r == '(' || r == '.':
			out = append(out, '-')
		}
	}
	return string(out)
}
