package compare

import (
	"math"

	"github.com/throng-io/throng/reports/internal/charts"
	"github.com/throng-io/throng/reports/internal/draw"
	"github.com/throng-io/throng/reports/internal/layout"
)

// maxRatios is how many metrics get a panel of the figure of pairs.
const maxRatios = 4

// ratios draws the quotients within the pairs of trials, in the order of time, with the estimate
// and its interval: one panel for each metric that the comparison is about. nil: the trials were
// not interleaved.
func ratios(name string, p *Pair) *charts.Figure {
	if !p.Interleaved || len(p.base.cells) < 2 {
		return nil
	}
	f := &charts.Figure{Caption: "Each mark is one pair of trials that ran next to each other, by which side ran first. " +
		"The line is the estimate, the blue area its 95" + layout.Nbsp + "% interval. Marks that rise or fall from left to right would be a drift that the pairs do not cancel."}
	for i := range p.Changes {
		if ch := &p.Changes[i]; ch.asked && len(relativeOnly([]changeRow{{Change: ch}})) > 0 && !ch.effect.Constant() && len(f.Panels) < maxRatios {
			f.Panels = append(f.Panels, ratioPanel(p, ch))
		}
	}
	if len(f.Panels) == 0 {
		return nil
	}
	for i := range f.Panels[1:] { // the legend stands once
		for k := range f.Panels[i+1].Lines {
			f.Panels[i+1].Lines[k].Name = ""
		}
	}
	f.Figure = draw.Figure{Name: name, Title: "Change within each pair of trials", Sub: pairSub(p), Panels: f.Panels}
	return f
}

func ratioPanel(p *Pair, ch *Change) draw.Panel {
	wide := math.Max(ch.Change, 1/(1+ch.Change)-1) > wideChange-1
	place := func(change float64) float64 { return change * 100 }
	panel := draw.Panel{X: draw.Axis{Label: "pair of trials"}, Y: draw.Axis{Label: ch.Title + ", %"}}
	if wide {
		place = func(change float64) float64 { return 1 + change }
		panel.Y = draw.Axis{Label: ch.Title + ", new / base", Log: true}
	}
	marks := [2]draw.Line{{Name: p.Base + " first", Style: draw.Blue, Marks: true}, {Name: p.New + " first", Style: draw.Vermillion, Marks: true}}
	for i := range p.base.cells {
		b, ok := ch.value(p.base.cells[i])
		n, too := ch.value(p.new.cells[i])
		if !ok || !too || wide && n == 0 { // which a logarithmic axis does not have
			continue
		}
		side := &marks[0]
		if p.newFirst(i) {
			side = &marks[1]
		}
		side.Points = append(side.Points, draw.Point{X: float64(i + 1), Y: place(n/b - 1)})
	}
	last := float64(len(p.base.cells)) + 0.5
	across := func(y float64) []draw.Point { return []draw.Point{{X: 0.5, Y: y}, {X: last, Y: y}} }
	panel.X.Min, panel.X.Max = 0.5, last
	if ci := ch.Interval; ci != nil {
		panel.Areas = []draw.Area{{Low: across(place(ci.Low)), High: across(place(ci.High))}}
	}
	panel.Lines = []draw.Line{
		{Style: draw.Grey, Thin: true, Name: "no change", Points: across(place(0))},
		{Style: draw.Ink, Name: "estimate", Points: across(place(ch.Change))},
	}
	for _, m := range marks {
		if len(m.Points) > 0 {
			panel.Lines = append(panel.Lines, m)
		}
	}
	if !wide {
		panel.Y.Min, panel.Y.Max = around(panel.Lines)
	}
	return panel
}

// around is the range of lines with some room, so that no mark stands on an edge.
func around(lines []draw.Line) (low, high float64) {
	for _, l := range lines {
		for _, p := range l.Points {
			low, high = min(low, p.Y), max(high, p.Y)
		}
	}
	room := max((high-low)/12, 0.1)
	return low - room, high + room
}

// newFirst reports whether the new side ran first in pair i.
func (p *Pair) newFirst(i int) bool { return p.place[p.new.cells[i]] < p.place[p.base.cells[i]] }
