package charts

import (
	"fmt"
	"slices"

	"github.com/throng-io/throng/reports/internal/draw"
	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// series reads one number of each second; stretches of a long timeline show their highest.
func series(c *result.Cell, f func(result.Second) float64) (pts []draw.Point, top float64) {
	per := stretches(len(c.Timeline))
	for i := 0; i < len(c.Timeline); i += per {
		v := 0.0
		for _, s := range c.Timeline[i:min(i+per, len(c.Timeline))] {
			v = max(v, f(s))
		}
		pts = append(pts, draw.Point{X: c.Timeline[i].T + float64(per)/2, Y: v})
		top = max(top, v)
	}
	return pts, top
}

// validLimits are the rules of the `valid:` checks on a metric, in the panel's unit.
func validLimits(c *result.Cell, metricName string, scale float64) []draw.Rule {
	var rs []draw.Rule
	for i := range c.Checks {
		if k := &c.Checks[i]; k.Kind == result.KindValid && k.Metric == metricName && k.Limit > 0 {
			if r, ok := ruleOverPhase(c, k, scale); ok {
				rs = append(rs, r)
			}
		}
	}
	return rs
}

// generatorHealth says whether the generator may be trusted: its lag, CPU and pauses against the
// limits of `valid:`.
func generatorHealth(name string, c *result.Cell, sub string) *Figure {
	lag, topLag := lagLines(c)
	unread, topUnread := latencyLines(c, metric.LagReceive)
	cpu, topCPU := series(c, func(s result.Second) float64 { return s.CPU * 100 })
	server, topServer := series(c, func(s result.Second) float64 { return s.ServerCPU * 100 })
	gc, topGC := series(c, func(s result.Second) float64 { return Ms(s.GCPauseMaxus) })
	if topLag == 0 && topCPU == 0 && topGC == 0 {
		return nil
	}
	x := draw.Axis{Min: c.Timeline[0].T, Max: c.Timeline[len(c.Timeline)-1].T + 1}
	var panels []draw.Panel
	if topLag > 0 {
		panels = append(panels, draw.Panel{
			X: x, Y: draw.Axis{Label: "send lag, ms"}, Rules: validLimits(c, metric.Lag, 1e3),
			Lines: lag,
		})
	}
	if topUnread > 0 {
		panels = append(panels, draw.Panel{
			X: x, Y: draw.Axis{Label: "unread in the sockets, ms"}, Rules: validLimits(c, metric.LagReceive, 1e3),
			Lines: unread,
		})
	}
	if topCPU > 0 {
		p := draw.Panel{
			X: x, Y: draw.Axis{Label: "CPU, % of usable cores"}, Rules: validLimits(c, metric.CPU, 100),
			Lines: []draw.Line{{Name: "generator", Points: cpu, Style: draw.Blue}},
		}
		if topServer > 0 {
			p.Lines = append(p.Lines, draw.Line{Name: "server", Points: server, Style: draw.Grey})
		}
		panels = append(panels, p)
	}
	if topGC > 0 {
		panels = append(panels, draw.Panel{
			X: x, Y: draw.Axis{Label: "longest GC pause, at most, ms"}, Rules: validLimits(c, "gc", 1e3),
			Lines: []draw.Line{{Name: "generator", Points: gc, Style: draw.Blue}},
		})
	}
	if len(panels) == 0 {
		return nil
	}
	f := &Figure{Caption: "Whether the measurements can be trusted: "}
	if topLag > 0 {
		f.Caption += "how late the generator was, and how much CPU it used"
	} else {
		f.Caption += "how much CPU the generator used"
	}
	if slices.ContainsFunc(panels, func(p draw.Panel) bool { return len(p.Rules) > 0 }) {
		f.Caption += ". Dashed red lines are the limits of the scenario's valid rules; of one far above the values only the name is there"
	}
	f.Caption += phaseNote(c)
	onePhaseAxis(panels, c)
	f.Figure = draw.Figure{Name: name, Title: "Generator health", Sub: sub, Panels: panels}
	f.Data = healthTable(c)
	return f
}

// lagLines are the highest lag of each second, and its p99 where a second has the messages to tell.
func lagLines(c *result.Cell) (lines []draw.Line, top float64) {
	if !slices.ContainsFunc(c.Timeline, func(s result.Second) bool { return s.Latency[metric.Lag].N > 0 }) {
		pts, top := series(c, func(s result.Second) float64 { return Ms(s.LagP99us) })
		return []draw.Line{{Name: "p99", Points: pts, Style: draw.Blue}}, top
	}
	return latencyLines(c, metric.Lag)
}

// latencyLines are the same of any latency.
func latencyLines(c *result.Cell, name string) (lines []draw.Line, top float64) {
	per := stretches(len(c.Timeline))
	var most, high []draw.Point
	for i := 0; i < len(c.Timeline); i += per {
		q, _, _ := stretch(c.Timeline[i:min(i+per, len(c.Timeline))], name)
		x := c.Timeline[i].T + float64(per)/2
		if q.N > 0 {
			most = NextPoint(most, x, max(q.Maxus, 1), float64(per))
		}
		high = NextPoint(high, x, q.P99us, float64(per))
		top = max(top, Ms(q.Maxus))
	}
	lines = []draw.Line{{Name: "max", Points: most, Style: draw.Orange, Thin: true}}
	if len(high) > 0 {
		lines = append(lines, draw.Line{Name: "p99", Points: high, Style: draw.Blue})
	}
	return lines, top
}

// onePhaseAxis names the phases in the first panel and the x axis under the last.
func onePhaseAxis(panels []draw.Panel, c *result.Cell) {
	for i := range panels {
		panels[i].Bands, panels[i].Rules = bands(c), append(panels[i].Rules, faults(c)...)
		if i > 0 {
			unnamed(panels[i].Bands)
		}
		panels[i].Weight = 0.75
	}
	panels[len(panels)-1].X.Label = "seconds since the start"
}

func healthTable(c *result.Cell) layout.Table {
	t := layout.Table{Head: []string{"second", "lag max", "CPU", "GC pause", "server CPU", "server memory"}}
	every := 1 + len(c.Timeline)/60
	for i, s := range c.Timeline {
		if i%every == 0 {
			t.Rows = append(t.Rows, []string{
				layout.Significant(s.T), showLag(&s), layout.Share(s.CPU), layout.Micros(float64(s.GCPauseMaxus)),
				layout.Known(s.ServerCPU, layout.Share), layout.Known(s.ServerRSSBytes, layout.Bytesize),
			})
		}
	}
	if every > 1 {
		t.Note = fmt.Sprintf("One second in %d is shown; result.json has all of them.", every)
	}
	return t
}

// showLag writes the highest lag of a second. A second has too few messages for a percentile;
// results that do not have its highest have one all the same.
func showLag(s *result.Second) string {
	switch lag := s.Latency[metric.Lag]; {
	case lag.N > 0:
		return layout.Micros(float64(lag.Maxus))
	case s.LagP99us > 0:
		return layout.Micros(float64(s.LagP99us)) + " (p99)"
	}
	return layout.None
}

// serverResources is the server's CPU and memory over time.
func serverResources(name string, c *result.Cell, sub string) *Figure {
	cpu, topCPU := series(c, func(s result.Second) float64 { return s.ServerCPU * 100 })
	rss, topRSS := series(c, func(s result.Second) float64 { return float64(s.ServerRSSBytes) / (1 << 20) })
	var held []draw.Point
	for _, s := range staying(c) {
		// the state at the second's end
		held = append(held, draw.Point{X: s.T + 1, Y: float64(s.Held)})
	}
	if topCPU == 0 && topRSS == 0 {
		return nil
	}
	x := draw.Axis{Min: c.Timeline[0].T, Max: c.Timeline[len(c.Timeline)-1].T + 1}
	var panels []draw.Panel
	if topCPU > 0 {
		panels = append(panels, draw.Panel{X: x, Y: draw.Axis{Label: "CPU, % of usable cores"}, Lines: []draw.Line{{Points: cpu, Style: draw.Blue}}})
	}
	if topRSS > 0 {
		panels = append(panels, draw.Panel{X: x, Y: draw.Axis{Label: "memory (RSS), MiB"}, Lines: []draw.Line{{Points: rss, Style: draw.Blue}}})
	}
	if len(held) > 1 {
		panels = append(panels, draw.Panel{X: x, Y: draw.Axis{Label: "clients held"}, Lines: []draw.Line{{Points: held, Style: draw.Grey}}})
	}
	if len(panels) == 0 {
		return nil
	}
	onePhaseAxis(panels, c)
	f := &Figure{Caption: "What the server used, as counted by the operating system", Data: healthTable(c)}
	if len(held) > 1 {
		f.Caption += ", and the clients it held"
	}
	f.Caption += phaseNote(c)
	f.Figure = draw.Figure{Name: name, Title: "Server resources", Sub: sub, Panels: panels}
	return f
}
