package charts

import (
	"fmt"
	"slices"

	"github.com/throng-io/throng/reports/internal/draw"
	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/reports/internal/tables"
	"github.com/throng-io/throng/scenario/result"
)

// comparingWorks are the figures of strategies at several kinds of work.
func comparingWorks(ws []selection.Work) []*Figure {
	cost := dotsByWork(ws, selection.Efficiency, 1, layout.Significant)
	high := selection.Highest(selection.Doers(ws), selection.LastReceiver)
	last := dotsByWork(ws, selection.LatencyOf(selection.LastReceiver, high), 1e-3, layout.Micros)
	var fs []*Figure
	if cost != nil {
		cost.Name, cost.Title, cost.Panels[0].X.Label = "efficiency", "Deliveries per CPU second by work", "deliveries per CPU second of the server (log)"
		cost.Caption = "The cost of each strategy: deliveries for each second of CPU that the server used; right is better. The strategies in a row did the same work; the rows are different work."
		fs = append(fs, cost)
	}
	if last != nil {
		last.Name, last.Title, last.Panels[0].X.Label = "last", selection.Percentiles[high].Name+" of the last receiver by work", selection.Percentiles[high].Name+" until the last receiver has it, ms (log)"
		last.Caption = "The time from when a broadcast was due until its last receiver has it, for the slowest broadcasts; left is better."
		fs = append(fs, last)
	}
	for i, w := range ws {
		if f := curveByGroup(w.Of); f != nil {
			f.Name, f.Title = fmt.Sprintf("receivers-%02d", i+1), "Receiver curve: "+w.Label
			f.Caption = "How each strategy serves the receivers of one broadcast, from the first to the last. With several trials, the middle one is shown."
			fs = append(fs, f)
		}
	}
	return fs
}

// dotsByWork is a row per work on one axis, with a mark for the median of each strategy; nil
// without numbers.
func dotsByWork(ws []selection.Work, value func(*result.Cell) (float64, bool), scale float64, show func(float64) string) *Figure {
	var p draw.Panel
	names := tables.StrategyNames(ws)
	f := &Figure{Data: layout.Table{Left: 1, Head: []string{"work"}}}
	for i, name := range names {
		p.Lines = append(p.Lines, draw.Line{Name: name, Style: draw.Style(i % draw.Series), Marks: true})
	}
	f.Data.Head = append(f.Data.Head, names...)
	drawn := false
	for i, w := range ws {
		y := float64(len(ws) - i) // the first at the top
		p.Y.Ticks = append(p.Y.Ticks, draw.Tick{At: y, Label: w.Label})
		row := append([]string{w.Label}, slices.Repeat([]string{layout.None}, len(names))...)
		for _, g := range w.Of {
			s := selection.Over(g.Valid(), value)
			if s.N == 0 {
				continue
			}
			j := slices.Index(names, g.Label)
			row[1+j] = tables.ShowSpread(s, show)
			// Marks of one row stand a little apart, so that none hides another.
			apart := 0.5 * (float64(j) + 0.5 - float64(len(names))/2) / float64(len(names))
			p.Lines[j].Points = append(p.Lines[j].Points, draw.Point{X: s.Mid * scale, Y: y - apart})
			drawn = true
		}
		f.Data.Rows = append(f.Data.Rows, row)
	}
	if !drawn {
		return nil
	}
	p.X.Log = true
	p.Y.Min, p.Y.Max = 0.4, float64(len(ws))+0.6
	f.Figure = draw.Figure{Sub: tables.TrialsNote(selection.Doers(ws)), Panels: []draw.Panel{p}}
	return f
}
