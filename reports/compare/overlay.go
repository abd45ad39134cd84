package compare

import (
	"fmt"
	"slices"

	"github.com/throng-io/throng/reports/internal/charts"
	"github.com/throng-io/throng/reports/internal/draw"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/scenario/result"
)

// overlaid is how many trials of a side an overlay draws: more lines hide each other.
const overlaid = 8

// sides calls line for each trial of a pair that an overlay draws, with the looks of its side. Only
// the first of a side has a name.
func (p *Pair) sides(line func(c *result.Cell, like draw.Line)) {
	names := [2]string{p.Base, p.New}
	if p.Base == p.New {
		names = [2]string{p.Base + " (base)", p.New + " (new)"}
	}
	for i, s := range []side{p.base, p.new} {
		for j, c := range s.cells {
			if j == overlaid {
				break
			}
			like := draw.Line{Style: []draw.Style{draw.Grey, draw.Blue}[i], Thin: j > 0}
			if j == 0 {
				like.Name = names[i]
			}
			line(c, like)
		}
	}
}

// timeOverlay lays the seconds of both sides over each other, trial by trial: latency, what was
// delivered, or sent where nothing was to be delivered, and what it cost where that was read.
func timeOverlay(name string, p *Pair) *charts.Figure {
	if p.Shift == nil {
		return nil
	}
	metricName := p.Shift.Metric
	var all [][]result.Second
	p.sides(func(c *result.Cell, _ draw.Line) { all = append(all, c.Timeline) })
	q := selection.OfSeconds(all, metricName)
	latency := draw.Panel{Y: draw.Axis{Label: q.Name + " " + metricName + ", ms", Log: true}, Weight: 1.6}
	rate, of := draw.Panel{Y: draw.Axis{Label: "deliveries/s"}}, func(s *result.Second) int64 { return s.Received }
	if !slices.ContainsFunc(all, func(t []result.Second) bool { return some(t, of) }) {
		rate.Y.Label, of = "messages sent/s", func(s *result.Second) int64 { return s.Sent }
	}
	cpu := draw.Panel{Y: draw.Axis{Label: "server CPU, % of usable cores"}}
	lines, cost := 0, false
	p.sides(func(c *result.Cell, like draw.Line) {
		l, r, u := like, like, like
		r.Name, u.Name = "", ""
		for i := range c.Timeline {
			s := &c.Timeline[i]
			l.Points = charts.NextPoint(l.Points, s.T, q.OfSecond(s.Latency[metricName]), 1)
			r.Points = append(r.Points, draw.Point{X: s.T, Y: float64(of(s))})
			u.Points = append(u.Points, draw.Point{X: s.T, Y: s.ServerCPU * 100})
			cost = cost || s.ServerCPU > 0
		}
		if len(l.Points) < 2 {
			return
		}
		lines++
		latency.Lines, rate.Lines, cpu.Lines = append(latency.Lines, l), append(rate.Lines, r), append(cpu.Lines, u)
	})
	if lines < 2 || latency.Lines[0].Style == latency.Lines[lines-1].Style {
		return nil // one side has no timeline
	}
	latency.X = draw.Axis{Label: "seconds since the trial's start"}
	rate.X, cpu.X = latency.X, latency.X
	f := &charts.Figure{Caption: fmt.Sprintf("Both sides second by second, one line per trial, at most %d per side. Unrecorded phases are included.", overlaid)}
	f.Figure = draw.Figure{Name: name, Title: "Both sides over time", Sub: pairSub(p), Panels: []draw.Panel{latency, rate, cpu}}
	if !cost { // the server is on another machine
		f.Panels = f.Panels[:2]
	}
	return f
}

// some reports whether a number is above zero in any second.
func some(timeline []result.Second, of func(*result.Second) int64) bool {
	for i := range timeline {
		if of(&timeline[i]) > 0 {
			return true
		}
	}
	return false
}

// curveOverlay lays the receiver curves of both sides over each other.
func curveOverlay(name string, p *Pair) *charts.Figure {
	panel := draw.Panel{
		X: draw.Axis{Label: "receivers reached, %", Min: 0, Max: 100},
		Y: draw.Axis{Label: "ms since the broadcast was due, median broadcast"},
	}
	p.sides(func(c *result.Cell, like draw.Line) {
		for _, at := range c.Curve {
			if selection.Enough(at.N, 0.5) {
				like.Points = append(like.Points, draw.Point{X: at.Rank * 100, Y: charts.Ms(at.P50us)})
			}
		}
		if len(like.Points) > 1 {
			panel.Lines = append(panel.Lines, like)
		}
	})
	if n := len(panel.Lines); n < 2 || panel.Lines[0].Style == panel.Lines[n-1].Style {
		return nil
	}
	f := &charts.Figure{Caption: "When the first, the middle and the last receiver of the median broadcast received it, one line per trial. Lower and flatter is better."}
	f.Figure = draw.Figure{Name: name, Title: "Receiver curves", Sub: pairSub(p), Panels: []draw.Panel{panel}}
	return f
}
