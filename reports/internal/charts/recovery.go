package charts

import (
	"math"
	"slices"

	"github.com/throng-io/throng/reports/internal/draw"
	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/reports/internal/tables"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// recovery is how the clients came back after each fault, and what those who stayed felt until the
// next one.
func recovery(name string, c *result.Cell, sub string) *Figure {
	back := draw.Panel{
		X: draw.Axis{Log: true, Label: "seconds since the connection was lost (log)"},
		Y: draw.Axis{Label: "connections restored, %", Min: 0, Max: 105}, Rules: []draw.Rule{{At: 100}},
	}
	data := layout.Table{Left: 1, Head: []string{"fault", "fewest held", "connections lost", "restored", "50 % after", "95 % after", "99.9 % after"}}
	var felt []aftermath
	for i := range c.Phases {
		p := &c.Phases[i]
		if p.Fault == "" {
			continue
		}
		label := p.Fault + " at " + layout.Seconds(p.StartS)
		after := aftermath{label: label, style: draw.Style(len(felt) % draw.Series), start: p.StartS, seconds: untilNext(c, i)}
		felt = append(felt, after)
		row := []string{label, after.lowest(c), layout.None, layout.None, layout.None, layout.None, layout.None}
		if r := returnsOf(c, p.Name); r != nil {
			row[2], row[3] = layout.Count(r.Lost), layout.Count(r.Back)
			for j, q := range []float64{0.5, 0.95, 0.999} {
				row[4+j] = tables.Returned(r, q)
			}
			if pts := backCurve(r); len(pts) > 1 {
				back.Lines = append(back.Lines, draw.Line{Name: label, Points: pts, Style: after.style})
			}
		}
		data.Rows = append(data.Rows, row)
	}
	var panels []draw.Panel
	f := &Figure{Data: data, Caption: "How long a fault has an effect: "}
	if len(back.Lines) > 0 {
		panels = append(panels, back)
		f.Caption += "the share of the lost connections that were restored, by the time since each was lost, and below it "
	}
	if slow, ok := feltLatency(felt, len(panels) == 0); ok {
		panels = append(panels, slow)
	} else if len(panels) == 0 {
		return nil
	}
	f.Caption += "the latency of what was delivered, until the next fault."
	f.Figure = draw.Figure{Name: name, Title: "Recovery after a fault", Sub: sub, Panels: panels}
	return f
}

// aftermath is the stretch of the timeline that one fault accounts for: from its beginning to that
// of the next.
type aftermath struct {
	label   string
	style   draw.Style
	start   float64
	seconds []result.Second
}

// untilNext are the seconds from the beginning of a phase with a fault to the next such phase, or
// until the clients leave.
func untilNext(c *result.Cell, phase int) []result.Second {
	from, to := c.Phases[phase].StartS, math.Inf(1)
	for _, p := range c.Phases[phase+1:] {
		if p.Fault != "" {
			to = p.StartS
			break
		}
	}
	return slices.DeleteFunc(slices.Clone(staying(c)), func(s result.Second) bool { return s.T < from || s.T >= to })
}

// lowest is the smallest share of the clients held before the fault that was held at the end of a
// second.
func (a *aftermath) lowest(c *result.Cell) string {
	before := 0
	for _, s := range c.Timeline {
		if s.T+1 <= a.start {
			before = s.Held
		}
	}
	if before == 0 || len(a.seconds) == 0 {
		return layout.None
	}
	fewest := before
	for _, s := range a.seconds {
		fewest = min(fewest, s.Held)
	}
	return layout.Share(float64(fewest) / float64(before))
}

// feltLatency is the latency of deliveries by the second since each fault.
func feltLatency(faults []aftermath, named bool) (p draw.Panel, ok bool) {
	var all [][]result.Second
	for _, a := range faults {
		all = append(all, a.seconds)
	}
	q := selection.OfSeconds(all, metric.Delivery)
	p = draw.Panel{
		X: draw.Axis{Label: "seconds since the fault (log)", Log: true}, Y: draw.Axis{Label: "delivery " + q.Name + ", ms", Log: true}, Weight: 0.8,
	}
	for _, a := range faults {
		var pts []draw.Point
		for _, s := range a.seconds {
			pts = NextPoint(pts, s.T+1-a.start, q.OfSecond(s.Latency[metric.Delivery]), 1)
		}
		l := draw.Line{Points: pts, Style: a.style}
		if named {
			l.Name = a.label
		}
		if len(pts) > 1 {
			p.Lines = append(p.Lines, l)
		}
	}
	return p, len(p.Lines) > 0
}

// returnsOf tells how the clients came back that lost their connection in a phase; nil when nothing
// is known.
func returnsOf(c *result.Cell, phase string) *result.FaultReturns {
	if c.Reconnects == nil {
		return nil
	}
	for i := range c.Reconnects.Faults {
		if f := &c.Reconnects.Faults[i]; f.Phase == phase {
			return f
		}
	}
	return nil
}

// backCurve is the share of the lost connections that was made again, in percent, by the seconds
// since each was lost. It ends where no more were.
func backCurve(f *result.FaultReturns) (pts []draw.Point) {
	for i := range 201 {
		share := float64(i) / 200
		us, ok := f.After(share)
		if !ok {
			break
		}
		pts = append(pts, draw.Point{X: float64(max(us, 1)) / 1e6, Y: 100 * share})
	}
	return pts
}
