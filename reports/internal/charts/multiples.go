package charts

import (
	"fmt"
	"math"

	"github.com/throng-io/throng/reports/internal/draw"
	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/reports/internal/tables"
	"github.com/throng-io/throng/scenario/result"
)

// maxMultiples is how many combinations are drawn one by one.
const maxMultiples = 24

// Multiples is a small figure for each combination of a matrix, all on the same axes: its
// distribution, and a thin line for each of its trials. They show at a glance which combinations
// are alike, and how far the trials of one agree.
func Multiples(run *result.Run, gs []selection.Group) ([]*Figure, error) {
	metricName := selection.Primary(run)
	if metricName == "" || len(gs) < 2 || len(gs) > maxMultiples {
		return nil, nil
	}
	var fs []*Figure
	high := selection.Highest(gs, metricName)
	tail := selection.Percentiles[high]
	low, top, farthest := math.Inf(1), 0.0, 10.0
	for i, g := range gs {
		var ls []*result.Latency
		p := draw.Panel{}
		for _, c := range g.Valid() {
			l := c.Latency[metricName]
			pts, err := SpectrumPoints(l)
			if err != nil {
				return nil, fmt.Errorf("spectrum of %s, %s: %w", metricName, g.Label, err)
			}
			if len(pts) < 2 {
				continue
			}
			ls = append(ls, l)
			p.Lines = append(p.Lines, draw.Line{Points: pts, Style: draw.Grey, Thin: true})
		}
		if len(ls) == 0 {
			continue
		}
		all, err := result.Merge(ls...)
		if err != nil {
			return nil, fmt.Errorf("spectrum of %s, %s: %w", metricName, g.Label, err)
		}
		pts, err := SpectrumPoints(all)
		if err != nil {
			return nil, fmt.Errorf("spectrum of %s, %s: %w", metricName, g.Label, err)
		}
		if len(ls) == 1 {
			p.Lines = nil
		}
		p.Lines = append(p.Lines, draw.Line{Points: pts, Style: draw.Blue})
		for _, pt := range pts {
			low, top = min(low, pt.Y), max(top, pt.Y)
		}
		farthest = max(farthest, pts[len(pts)-1].X)
		f := &Figure{}
		f.Figure = draw.Figure{Name: fmt.Sprintf("multiple-%02d", i+1), Title: g.Label, Sub: fmt.Sprintf("%s %s %s, %s", tail.Name, metricName, tables.ShowSpread(selection.OverLatency(g.Valid(), metricName, high), layout.Micros), layout.Plural(len(ls), "trial")), Panels: []draw.Panel{p}}
		fs = append(fs, f)
	}
	for _, f := range fs {
		f.Panels[0].X = SpectrumAxis(farthest)
		f.Panels[0].Y = draw.Axis{Label: metricName + ", ms", Log: true, Min: low / 1.2, Max: top * 1.2}
	}
	return fs, nil
}
