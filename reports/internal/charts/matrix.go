package charts

import (
	"fmt"
	"slices"
	"sort"

	"github.com/throng-io/throng/reports/internal/draw"
	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/reports/internal/tables"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// Comparing builds the figures that set the combinations of a matrix side by side.
func Comparing(run *result.Run, gs []selection.Group, ws []selection.Work) ([]*Figure, error) {
	if len(ws) > 0 {
		return comparingWorks(ws), nil
	}
	metricName := selection.Primary(run)
	var fs []*Figure
	if metricName != "" {
		f, err := spectrumByGroup(run, gs, metricName)
		if err != nil {
			return nil, err
		}
		fs = append(fs, f, tailByGroup(run, gs, metricName))
	}
	curve := curveByGroup(gs)
	if note := layout.ClockNote(selection.ClockBoundOf(gs)); note != "" {
		for _, f := range append(slices.Clone(fs), curve) {
			if f != nil && (f == curve || metric.OneWay(metricName)) {
				f.Caption += " " + note
			}
		}
	}
	block, err := blocking(run, gs, metricName)
	if err != nil {
		return nil, err
	}
	fs = append(fs, block, mesh(run, gs), efficiencyByGroup(gs), curve)
	return slices.DeleteFunc(fs, func(f *Figure) bool { return f == nil }), nil
}

// shown picks the groups that a chart of lines can tell apart: all of them, or those with the
// lowest and the highest p99, or which percentile all of them have the samples for.
func shown(gs []selection.Group, metricName string) (kept []selection.Group, note string) {
	var withData []selection.Group
	for _, g := range gs {
		if selection.Over(g.Valid(), func(c *result.Cell) (float64, bool) {
			l := c.Latency[metricName]
			return 0, l != nil && l.N >= selection.Percentiles[selection.P50].N
		}).N > 0 {
			withData = append(withData, g)
		}
	}
	if len(withData) <= draw.Series-1 {
		return withData, ""
	}
	q := selection.Highest(withData, metricName)
	of := selection.LatencyOf(metricName, q)
	sorted := slices.Clone(withData)
	sort.SliceStable(sorted, func(i, j int) bool {
		return selection.Over(sorted[i].Valid(), of).Mid < selection.Over(sorted[j].Valid(), of).Mid
	})
	const low, high = 3, 3
	note = fmt.Sprintf("%d of %d combinations: the %d with the lowest and the %d with the highest %s", low+high, len(withData), low, high, selection.Percentiles[q].Name)
	return append(sorted[:low:low], sorted[len(sorted)-high:]...), note
}

// spectrumByGroup lays the distributions of one metric over each other, the trials of a group
// merged.
func spectrumByGroup(run *result.Run, gs []selection.Group, metricName string) (*Figure, error) {
	kept, note := shown(gs, metricName)
	p := draw.Panel{Y: draw.Axis{Label: metricName + ", ms", Log: true}}
	farthest := 10.0
	merged := map[string]*result.Latency{}
	var names []string
	total := int64(0)
	for i, g := range kept {
		var ls []*result.Latency
		for _, c := range g.Valid() {
			ls = append(ls, c.Latency[metricName])
		}
		l, err := result.Merge(ls...)
		if err != nil {
			return nil, fmt.Errorf("spectrum of %s, %s: %w", metricName, g.Label, err)
		}
		pts, err := SpectrumPoints(l)
		if err != nil {
			return nil, fmt.Errorf("spectrum of %s, %s: %w", metricName, g.Label, err)
		}
		if len(pts) < 2 {
			continue
		}
		merged[g.Label] = l
		names = append(names, g.Label)
		total += l.N
		p.Lines = append(p.Lines, draw.Line{Name: g.Label, Points: pts, Style: draw.Style(i % draw.Series)})
		farthest = max(farthest, pts[len(pts)-1].X)
	}
	if len(p.Lines) == 0 {
		return nil, nil
	}
	p.X = SpectrumAxis(farthest)
	p.Rules = limits(&run.Cells[0], []string{metricName}, farthest)
	f := &Figure{Caption: "The distributions of " + metricName + " of each combination; the samples of its trials are merged. Lower is better; a line that stays flat to the right has a short tail."}
	f.Figure = draw.Figure{Name: "spectrum", Title: layout.UpperFirst(metricName) + " by percentile", Sub: JoinSub(note, tables.TrialsNote(kept), "n = "+layout.Count(total)), Panels: []draw.Panel{p}}
	f.Data = tables.LatencyTable(merged, names, 0)
	f.Data.Title, f.Data.Head[0] = "", "combination"
	return f, nil
}

// dots is a row per group on one axis: a ring per trial, a disc at their median.
func dots(gs []selection.Group, value func(*result.Cell) (float64, bool), scale float64) (p draw.Panel, drawn bool) {
	var each, mids draw.Line
	var ticks []draw.Tick
	n := 0
	for _, g := range gs {
		s := selection.Over(g.Valid(), value)
		if s.N == 0 {
			continue
		}
		n++
		ticks = append(ticks, draw.Tick{At: float64(n), Label: g.Label})
		mids.Points = append(mids.Points, draw.Point{X: s.Mid * scale, Y: float64(n)})
		if s.N > 1 {
			for _, c := range g.Valid() {
				if v, ok := value(c); ok {
					each.Points = append(each.Points, draw.Point{X: v * scale, Y: float64(n)})
				}
			}
		}
	}
	for i := range ticks { // the first group at the top
		ticks[i].At = float64(n+1) - ticks[i].At
	}
	for _, l := range []*draw.Line{&each, &mids} {
		for i := range l.Points {
			l.Points[i].Y = float64(n+1) - l.Points[i].Y
		}
		l.Marks = true
	}
	mids.Style, each.Style = draw.Blue, draw.Ink
	p.Y = draw.Axis{Min: 0.4, Max: float64(n) + 0.6, Ticks: ticks}
	p.Lines = []draw.Line{mids}
	if len(each.Points) > 0 {
		each.Name, p.Lines[0].Name = "each trial", "median of the trials"
		p.Lines = append(p.Lines, each)
	}
	return p, n > 0
}

// tailByGroup is the highest percentile of each combination that all of them have the samples for.
func tailByGroup(run *result.Run, gs []selection.Group, metricName string) *Figure {
	q := selection.Highest(gs, metricName)
	p, drawn := dots(gs, selection.LatencyOf(metricName, q), 1e-3)
	if !drawn {
		return nil
	}
	tail := selection.Percentiles[q].Name + " " + metricName
	p.X = draw.Axis{Label: tail + ", ms (log)", Log: true}
	for i := range run.Cells[0].Checks {
		if k := &run.Cells[0].Checks[i]; k.Stat == selection.Percentiles[q].Name && limiting(k, []string{metricName}) {
			p.Rules = append(p.Rules, draw.Rule{At: k.Limit * 1e3, Label: k.Text, Vertical: true})
		}
	}
	f := &Figure{Caption: "The " + tail + " of each combination; left is better. Where the trials of two rows overlap, the difference may be chance."}
	f.Figure = draw.Figure{Name: "tail", Title: tail + " by combination", Sub: tables.TrialsNote(gs), Panels: []draw.Panel{p}}
	f.Data = groupTable(gs, tail, func(cells []*result.Cell) selection.Spread { return selection.OverLatency(cells, metricName, q) }, layout.Micros)
	return f
}

func efficiencyByGroup(gs []selection.Group) *Figure {
	p, drawn := dots(gs, selection.Efficiency, 1)
	if !drawn {
		return nil
	}
	p.X = draw.Axis{Label: "deliveries per CPU second of the server", Zero: true}
	f := &Figure{Caption: "The cost: deliveries for each second of CPU that the server used; right is better."}
	f.Figure = draw.Figure{Name: "efficiency", Title: "Deliveries per CPU second by combination", Sub: tables.TrialsNote(gs), Panels: []draw.Panel{p}}
	f.Data = groupTable(gs, "deliveries per CPU s", func(cells []*result.Cell) selection.Spread { return selection.Over(cells, selection.Efficiency) }, layout.Significant)
	return f
}

func groupTable(gs []selection.Group, head string, over func([]*result.Cell) selection.Spread, show func(float64) string) layout.Table {
	t := layout.Table{Left: 1, Head: []string{"combination", head + ": median", "lowest", "highest", "trials"}}
	for _, g := range gs {
		s := over(g.Valid())
		row := []string{g.Label, layout.None, layout.None, layout.None, layout.Count(s.N)}
		if s.N > 0 {
			row[1], row[2], row[3] = tables.ShowMedian(s, show), show(s.Low), show(s.Top)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func curveByGroup(gs []selection.Group) *Figure {
	var withCurve []selection.Group
	for _, g := range gs {
		if g.Middle() != nil {
			withCurve = append(withCurve, g)
		}
	}
	if len(withCurve) == 0 {
		return nil
	}
	note := ""
	if len(withCurve) > draw.Series-1 {
		note = fmt.Sprintf("%d of %d combinations: fastest and slowest to the last receiver", draw.Series-1, len(withCurve))
		last := func(g selection.Group) int64 { c := g.Middle(); return c.Curve[len(c.Curve)-1].P50us }
		sort.SliceStable(withCurve, func(i, j int) bool { return last(withCurve[i]) < last(withCurve[j]) })
		withCurve = append(withCurve[:3:3], withCurve[len(withCurve)-(draw.Series-4):]...)
	}
	p := draw.Panel{X: draw.Axis{Label: "receivers reached, %", Min: 0, Max: 100}, Y: draw.Axis{Label: "median broadcast, ms since due", Log: true}}
	data := layout.Table{Left: 1, Head: []string{"combination", "first receiver", "half of them", "last receiver", "broadcasts"}}
	for i, g := range withCurve {
		c := g.Middle()
		var pts []draw.Point
		for _, pt := range c.Curve {
			pts = append(pts, draw.Point{X: pt.Rank * 100, Y: Ms(max(pt.P50us, 1))})
		}
		p.Lines = append(p.Lines, draw.Line{Name: g.Label, Points: pts, Style: draw.Style(i % draw.Series)})
		at := func(rank float64) string {
			j := min(len(c.Curve)-1, sort.Search(len(c.Curve), func(j int) bool { return c.Curve[j].Rank >= rank }))
			return layout.Micros(float64(c.Curve[j].P50us))
		}
		data.Rows = append(data.Rows, []string{g.Label, at(0), at(0.5), at(1), layout.Count(c.Curve[len(c.Curve)-1].N)})
	}
	f := &Figure{Data: data, Caption: "How each combination serves the receivers of one broadcast, from the first to the last. With several trials, the middle one is shown."}
	f.Figure = draw.Figure{Name: "receivers", Title: "Receiver curve by combination", Sub: note, Panels: []draw.Panel{p}}
	return f
}
