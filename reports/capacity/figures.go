package capacity

import (
	"fmt"
	"math"
	"slices"

	"github.com/throng-io/throng/reports/internal/charts"
	"github.com/throng-io/throng/reports/internal/draw"
	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/reports/internal/stats"
	"github.com/throng-io/throng/reports/model"
	"github.com/throng-io/throng/scenario/result"
)

// Figures are the figures of a search, the first of them the one to look at first.
func Figures(c *Capacity) []*charts.Figure {
	fs := []*charts.Figure{
		latencyAgainstLoad(c), searchJournal(c), achievedAgainstOffered(c), resourcesAgainstLoad(c), memoryPerClient(c), scalability(c),
	}
	return slices.DeleteFunc(fs, func(f *charts.Figure) bool { return f == nil })
}

// levelAxis is the x axis of what is drawn against the load.
func (c *Capacity) levelAxis() draw.Axis {
	a := draw.Axis{Label: c.what(), Zero: true}
	switch c.Unit {
	case "/s":
		a.Label += ", per second"
	case "B":
		a.Label += ", bytes"
	case "%":
		a.Label = "load, %"
	}
	low, high := math.Inf(1), 0.0
	for _, p := range c.Probes {
		low, high = min(low, p.Level), max(high, p.Level)
	}
	if high > 12*low {
		a.Log = true
		a.Label += " (log)"
	}
	return a
}

// place is where a level stands on that axis.
func (c *Capacity) place(level float64) float64 {
	if c.Unit == "%" {
		return level * 100
	}
	return level
}

func (c *Capacity) sub() string {
	valid := 0
	for _, l := range c.levels {
		valid += l.Trials
	}
	return charts.JoinSub(c.run.Scenario, layout.Plural(len(c.levels), "level"), layout.Plural(valid, "valid trial"), oneMachine(c.run))
}

func oneMachine(run *result.Run) string {
	if sameMachine(run) {
		return "client and server on one machine"
	}
	return ""
}

// bracket draws the band between the highest level that held and the lowest that broke, with a rule
// at its lower end.
func (c *Capacity) bracket(p *draw.Panel, named bool) {
	if c.Low <= 0 {
		return
	}
	r := draw.Rule{At: c.place(c.Low), Vertical: true}
	if named {
		r.Label = "holds " + c.show(c.Low)
		if c.High > 0 && c.End != endGenerator {
			r.Label += ", breaks " + c.show(c.High)
		}
	}
	p.Rules = append(p.Rules, r)
	if c.High > 0 && c.End != endGenerator {
		p.Bands = append(p.Bands, draw.Band{From: c.place(c.Low), To: c.place(c.High), Grey: true})
	}
}

// latencyAgainstLoad is p50 and p99 by level.
func latencyAgainstLoad(c *Capacity) *charts.Figure {
	var mid, high, area1, area2, void, knee []draw.Point
	for _, l := range c.levels {
		x := c.place(l.Level)
		if l.P50us > 0 {
			mid = append(mid, draw.Point{X: x, Y: l.P50us / 1e3})
		}
		if l.P99us > 0 {
			high = append(high, draw.Point{X: x, Y: l.P99us / 1e3})
			area1, area2 = append(area1, draw.Point{X: x, Y: l.low99 / 1e3}), append(area2, draw.Point{X: x, Y: l.high99 / 1e3})
			if l.Level == c.Knee {
				knee = append(knee, draw.Point{X: x, Y: l.P99us / 1e3})
			}
		}
	}
	if len(mid)+len(high) == 0 {
		return nil
	}
	for _, p := range c.Probes {
		if p.Verdict == "invalid" && p.Cell > 0 {
			if us, ok := selection.LatencyOf(c.metric, selection.P99)(&c.run.Cells[p.Cell-1]); ok {
				void = append(void, draw.Point{X: c.place(p.Level), Y: us / 1e3})
			}
		}
	}
	p := draw.Panel{X: c.levelAxis(), Y: draw.Axis{Label: "latency, ms", Log: true}, Lines: []draw.Line{
		{Name: "p99 " + c.metric, Points: high, Style: draw.Blue},
		{Name: "p50 " + c.metric, Points: mid, Style: draw.Green},
		{Points: high, Style: draw.Blue, Marks: true},
		{Points: mid, Style: draw.Green, Marks: true},
	}}
	if len(area1) > 1 {
		p.Areas = []draw.Area{{Low: area1, High: area2}}
	}
	if len(void) > 0 {
		p.Lines = append(p.Lines, draw.Line{Name: "p99, invalid: not about the server", Points: void, Style: draw.Ink, Marks: true})
	}
	if len(knee) > 0 {
		p.Lines = append(p.Lines, draw.Line{Name: "knee", Points: knee, Style: draw.Vermillion, Marks: true})
	}
	p.Lines, p.Rules = append(p.Lines, c.ruleLines()...), c.latencyLimits()
	c.bracket(&p, true)
	f := &charts.Figure{Caption: "Where latency begins to rise: " + c.metric + " latency at each level, medians of its valid trials. The blue area is the range of p99 over the trials of a level. "}
	if len(p.Bands) > 0 {
		f.Caption += "The grey band lies between the highest level that held and the lowest that broke. "
	}
	f.Caption += c.KneeNote
	f.Figure = draw.Figure{Name: "latency-load", Title: "Latency against load", Sub: c.sub(), Panels: []draw.Panel{p}}
	f.Data = LevelsTable(c)
	f.Data.Title = ""
	return f
}

// latencyRules are the rules about latencies that decide a trial.
func (c *Capacity) latencyRules() (ks []*result.Check) {
	if len(c.run.Cells) == 0 {
		return nil
	}
	for i := range c.run.Cells[0].Checks {
		if k := &c.run.Cells[0].Checks[i]; k.Kind == result.KindSLO && !k.Optional && layout.UnitOf(k) == "s" && k.Limit > 0 {
			ks = append(ks, k)
		}
	}
	return ks
}

func (c *Capacity) latencyLimits() (rs []draw.Rule) {
	for _, k := range c.latencyRules() {
		rs = append(rs, draw.Rule{At: k.Limit * 1e3, Label: k.Text})
	}
	return rs
}

// ruleLines is what the rules found at each level, where p50 and p99 of the metric shown do not say
// it already.
func (c *Capacity) ruleLines() (lines []draw.Line) {
	styles := []draw.Style{draw.Purple, draw.Orange}
	for _, k := range c.latencyRules() {
		same := k.Metric == c.metric && (k.Stat == "p50" || k.Stat == "p99") && k.OverS == 0 && len(k.Labels) == 0 && k.Phase == ""
		if same || len(lines) == 2*len(styles) {
			continue
		}
		var pts []draw.Point
		for _, l := range c.levels {
			s := selection.Over(l.all, func(cell *result.Cell) (float64, bool) {
				for i := range cell.Checks {
					if cell.Checks[i].Text == k.Text && !cell.Checks[i].NoData && !cell.Checks[i].Undecided {
						return cell.Checks[i].Value, true
					}
				}
				return 0, false
			})
			if s.N > 0 {
				pts = append(pts, draw.Point{X: c.place(l.Level), Y: s.Mid * 1e3})
			}
		}
		style := styles[len(lines)/2]
		lines = append(lines, draw.Line{Name: layout.CheckName(k), Points: pts, Style: style}, draw.Line{Points: pts, Style: style, Marks: true})
	}
	return lines
}

// resourcesAgainstLoad shows what runs out first.
func resourcesAgainstLoad(c *Capacity) *charts.Figure {
	type resource struct {
		label string
		of    func(*result.Cell) float64
		other func(*result.Cell) float64
	}
	generatorCores := func(x *result.Cell) float64 {
		if x.Seconds == 0 {
			return 0
		}
		return x.Generator.CPUs / x.Seconds
	}
	rs := []resource{
		{"CPU, cores", func(x *result.Cell) float64 { v, _ := selection.ServerCores(x); return v }, generatorCores},
		{"memory (RSS), MiB", func(x *result.Cell) float64 { return float64(x.Server.RSSPeakBytes) / (1 << 20) }, func(x *result.Cell) float64 { return float64(x.Generator.RSSPeakBytes) / (1 << 20) }},
		{"generator: send lag p99, ms", lagP99, nil},
		{"generator: longest GC pause, at most, ms", func(x *result.Cell) float64 { return charts.Ms(x.Generator.GCPauseMaxus) }, nil},
	}
	f := &charts.Figure{Caption: "Which resource runs out first: what the server and the generator used at each level. A mark is a trial; the line joins the medians.", Data: resourceLevels(c)}
	f.Figure = draw.Figure{Name: "resources-load", Title: "Resources against load", Sub: c.sub()}
	for _, r := range rs {
		line, marks, top := byLevel(c, r.of)
		if top == 0 {
			continue
		}
		p := draw.Panel{X: c.levelAxis(), Y: draw.Axis{Label: r.label}, Weight: 0.8, Lines: []draw.Line{{Points: line, Style: draw.Blue}, {Points: marks, Style: draw.Blue, Marks: true}}}
		if r.other != nil {
			p.Lines[0].Name = "server"
			own, _, _ := byLevel(c, r.other)
			p.Lines = append(p.Lines, draw.Line{Name: "generator", Points: own, Style: draw.Grey})
		}
		c.bracket(&p, len(f.Panels) == 0)
		f.Panels = append(f.Panels, p)
	}
	for i := range f.Panels[:max(0, len(f.Panels)-1)] {
		f.Panels[i].X.Label = ""
	}
	if len(f.Panels) == 0 {
		return nil
	}
	return f
}

// lagP99 is in ms; NaN where a trial sent too seldom to say.
func lagP99(c *result.Cell) float64 {
	if us, ok := selection.LagP99(c); ok {
		return us / 1e3
	}
	return math.NaN()
}

// byLevel reads a number of every valid trial that has one, and its median by level.
func byLevel(c *Capacity, of func(*result.Cell) float64) (line, marks []draw.Point, top float64) {
	for _, l := range c.levels {
		var vs []float64
		for _, cell := range l.all {
			v := of(cell)
			if math.IsNaN(v) {
				continue
			}
			vs = append(vs, v)
			marks = append(marks, draw.Point{X: c.place(l.Level), Y: v})
			top = max(top, v)
		}
		if len(vs) > 0 {
			line = append(line, draw.Point{X: c.place(l.Level), Y: stats.Median(vs)})
		}
	}
	return line, marks, top
}

func resourceLevels(c *Capacity) layout.Table {
	t := layout.Table{Left: 1, Head: []string{"level", "server cores", "server memory", "generator CPU max", "generator memory", "lag p99", "GC pause max"}, Note: "Medians of the valid trials of a level."}
	for _, l := range c.levels {
		mid := func(f func(*result.Cell) float64) float64 {
			return selection.Over(l.all, func(x *result.Cell) (float64, bool) { return f(x), true }).Mid
		}
		t.Rows = append(t.Rows, []string{
			c.show(l.Level), layout.Known(l.ServerCores, layout.Significant),
			layout.Known(mid(func(x *result.Cell) float64 { return float64(x.Server.RSSPeakBytes) }), layout.Bytesize),
			layout.Known(mid(func(x *result.Cell) float64 { return x.Generator.CPUMax }), layout.Share),
			layout.Known(mid(func(x *result.Cell) float64 { return float64(x.Generator.RSSPeakBytes) }), layout.Bytesize),
			layout.Known(selection.Over(l.all, selection.LagP99).Mid, layout.Micros),
			layout.Known(mid(func(x *result.Cell) float64 { return float64(x.Generator.GCPauseMaxus) }), layout.Micros),
		})
	}
	return t
}

const mebibyte = 1 << 20

// memoryPerClient is the server's memory by clients, with the slope that says how many fit.
func memoryPerClient(c *Capacity) *charts.Figure {
	points := memoryPoints(c.levels)
	line, err := model.FitLine(points)
	if err != nil || c.raisesNodes() { // the clients came with further nodes
		return nil
	}
	var marks []draw.Point
	data := layout.Table{Head: []string{"clients held", "server memory, peak", "by the line"}}
	slices.SortFunc(points, func(a, b model.Point) int { return int(a.Level - b.Level) })
	for _, p := range points {
		marks = append(marks, draw.Point{X: p.Level, Y: p.Value / mebibyte})
		data.Rows = append(data.Rows, []string{layout.Count(int64(p.Level)), layout.Bytesize(p.Value), layout.Bytesize(line.At(p.Level))})
	}
	fit := []draw.Point{{X: line.Min, Y: line.At(line.Min) / mebibyte}, {X: line.Max, Y: line.At(line.Max) / mebibyte}}
	p := draw.Panel{X: draw.Axis{Label: "clients held", Zero: true}, Y: draw.Axis{Label: "server memory (RSS), MiB"}, Lines: []draw.Line{
		{Name: fmt.Sprintf("%s per client, 95 %% interval %s to %s", layout.Bytesize(line.Slope.Value), layout.Bytesize(line.Slope.Low), layout.Bytesize(line.Slope.High)), Points: fit, Style: draw.Vermillion},
		{Name: "trial", Points: marks, Style: draw.Blue, Marks: true},
	}}
	f := &charts.Figure{Data: data, Caption: "How many clients fit: the peak of the server's resident memory against the clients it held. The slope is the memory per client under this load, without the kernel's socket buffers."}
	f.Figure = draw.Figure{Name: "memory-clients", Title: "Memory per client", Sub: c.sub(), Panels: []draw.Panel{p}}
	return f
}

// scalability is the fit of the Universal Scalability Law over what was measured, and what the fit
// leaves.
func scalability(c *Capacity) *charts.Figure {
	if c.USL == nil {
		return nil
	}
	var marks, rest, fit, beyond []draw.Point
	data := layout.Table{Head: []string{c.what(), "throughput/s", "by the fit", "difference"}}
	first, last := math.Inf(1), 0.0
	for _, l := range c.levels {
		model, ok := c.USL.At(l.Level)
		for _, cell := range l.all {
			x := selection.Throughput(cell)
			if x <= 0 {
				continue
			}
			first, last = min(first, l.Level), max(last, l.Level)
			marks = append(marks, draw.Point{X: l.Level, Y: x})
			if ok {
				rest = append(rest, draw.Point{X: l.Level, Y: (x/model - 1) * 100})
				data.Rows = append(data.Rows, []string{layout.Count(int64(l.Level)), layout.Significant(x), layout.Significant(model), layout.Share(x/model - 1)})
			}
		}
	}
	const steps = 60
	for i := range steps + 1 {
		n := first + (1.5*last-first)*float64(i)/steps
		if x, ok := c.USL.At(n); ok {
			if n <= last {
				fit = append(fit, draw.Point{X: n, Y: x})
			} else {
				beyond = append(beyond, draw.Point{X: n, Y: x})
			}
		}
	}
	if len(fit) == 0 {
		return nil
	}
	top := draw.Panel{X: draw.Axis{Zero: true}, Y: draw.Axis{Label: "throughput per second"}, Lines: []draw.Line{
		{Name: "fit", Points: fit, Style: draw.Vermillion}, {Name: "beyond the measured range", Points: beyond, Style: draw.Grey}, {Name: "trial", Points: marks, Style: draw.Blue, Marks: true},
	}}
	if p := c.USL.Peak; p != nil {
		top.Rules = []draw.Rule{{At: p.Value, Label: "peak " + layout.Count(int64(p.Value)), Vertical: true}}
	}
	widest := 0.95 // a perfect fit leaves rounding, which is no slope
	for _, p := range rest {
		widest = max(widest, math.Abs(p.Y))
	}
	under := draw.Panel{X: draw.Axis{Label: c.what(), Min: 0, Max: 1.5 * last}, Y: draw.Axis{Label: "trial − fit, %", Min: -1.1 * widest, Max: 1.1 * widest}, Weight: 0.6, Lines: []draw.Line{{Points: rest, Style: draw.Blue, Marks: true}}}
	top.X.Min, top.X.Max = 0, 1.5*last
	f := &charts.Figure{Data: data, Caption: fmt.Sprintf("Contention or coherency: the Universal Scalability Law, fitted to the throughput of each level. σ = %s, κ = %s, R² = %.3f. %s", estimate(c.USL.Sigma), estimate(c.USL.Kappa), c.USL.R2, c.USLNote)}
	f.Figure = draw.Figure{Name: "scalability", Title: "Scalability", Sub: c.sub(), Panels: []draw.Panel{top, under}}
	return f
}

func estimate(e model.Estimate) string {
	const rounding = 1e-12
	if math.Abs(e.Low) < rounding && math.Abs(e.High) < rounding {
		return "0"
	}
	return fmt.Sprintf("%.3g (%.3g to %.3g)", e.Value, e.Low, e.High)
}
