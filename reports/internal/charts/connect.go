package charts

import (
	"slices"

	"github.com/throng-io/throng/reports/internal/draw"
	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// connectRamp is how the population came up: asked, open, held, and the seconds in which connects
// failed.
func connectRamp(name string, c *result.Cell, sub string) *Figure {
	var asked, open, held, failed []draw.Point
	end, failures := 0, 0
	timeline := staying(c)
	for i, s := range timeline {
		if i == 0 || s.Asked != timeline[i-1].Asked || s.Open != timeline[i-1].Open || s.Held != timeline[i-1].Held || s.Failed > 0 {
			end = i
		}
	}
	// a little of what follows, or all of it where that is no more
	if end = min(len(timeline), end+2+end/5); 2*end > len(timeline) {
		end = len(timeline)
	}
	data := layout.Table{Head: []string{"second", "asked", "open", "held", "failed"}}
	every := 1 + end/60
	for i, s := range timeline[:end] {
		x := s.T + 1 // the state at the second's end
		asked = append(asked, draw.Point{X: x, Y: float64(s.Asked)})
		open = append(open, draw.Point{X: x, Y: float64(s.Open)})
		held = append(held, draw.Point{X: x, Y: float64(s.Held)})
		if s.Failed > 0 {
			failed = append(failed, draw.Point{X: x, Y: float64(s.Held)})
			failures += s.Failed
		}
		if i%every == 0 {
			data.Rows = append(data.Rows, []string{layout.Significant(x), layout.Count(s.Asked), layout.Count(s.Open), layout.Count(s.Held), layout.Count(s.Failed)})
		}
	}
	if end == 0 || timeline[end-1].Asked == 0 {
		return nil
	}
	start := draw.Point{X: timeline[0].T}
	from := func(pts []draw.Point) []draw.Point { return append([]draw.Point{start}, pts...) }
	p := draw.Panel{
		X: draw.Axis{Label: "seconds since the start", Min: start.X, Max: timeline[end-1].T + 1},
		Y: draw.Axis{Label: "clients"}, Bands: bands(c), Rules: until(faults(c), timeline[end-1].T+1),
		Lines: []draw.Line{
			{Name: "asked", Points: from(asked), Style: draw.Grey},
			{Name: "transport open", Points: from(open), Style: draw.Orange},
			{Name: "held", Points: from(held), Style: draw.Blue},
		},
	}
	if failures > 0 {
		p.Lines = append(p.Lines, draw.Line{Name: "failed: " + layout.Count(failures), Points: failed, Style: draw.Purple, Marks: true})
	}
	panels := []draw.Panel{p}
	if slow, ok := connectLatency(timeline[:end], p.X); ok {
		panels[0].X.Label, slow.Bands, slow.Rules = "", unnamed(bands(c)), p.Rules
		panels = append(panels, slow)
	}
	f := &Figure{Data: data, Caption: "How the clients connected: asked to connect, transport open, connected to their namespace"}
	if failures == 0 {
		f.Caption += "; no connect failed"
	} else {
		f.Caption += "; crosses mark seconds with failed connects"
	}
	f.Caption += phaseNoteUntil(c, p.X.Max)
	f.Figure = draw.Figure{Name: name, Title: "Connect ramp", Sub: sub, Panels: panels}
	return f
}

// until leaves out the lines after a moment.
func until(lines []draw.Rule, end float64) []draw.Rule {
	return slices.DeleteFunc(lines, func(r draw.Rule) bool { return r.At > end })
}

// staying are the seconds of the timeline before the clients leave: those that ended before the
// last phase did.
func staying(c *result.Cell) []result.Second {
	n := len(c.Phases)
	if n == 0 {
		return c.Timeline
	}
	return slices.DeleteFunc(slices.Clone(c.Timeline), func(s result.Second) bool { return s.T+1 >= c.Phases[n-1].EndS })
}

// connectLatency is how long the connects of each second took, as a whole and by stage.
func connectLatency(timeline []result.Second, x draw.Axis) (p draw.Panel, ok bool) {
	q := selection.OfSeconds([][]result.Second{timeline}, metric.Connect)
	p = draw.Panel{X: x, Y: draw.Axis{Label: q.Name + " of the second, ms", Log: true}, Weight: 0.7}
	for i, metricName := range []string{metric.Connect, metric.ConnectTCP, metric.ConnectQUIC, metric.ConnectOpen, metric.ConnectNamespace} {
		var pts []draw.Point
		for _, s := range timeline {
			pts = NextPoint(pts, s.T+0.5, q.OfSecond(s.Latency[metricName]), 1)
		}
		if len(pts) > 1 {
			p.Lines = append(p.Lines, draw.Line{Name: metricName, Points: pts, Style: []draw.Style{draw.Blue, draw.Green, draw.Sky, draw.Orange, draw.Purple}[i]})
		}
	}
	return p, len(p.Lines) > 0
}
