// Package dots draws named values as dots in rows, each with the range that it was seen in: servers
// beside each other, for several contests above one another on one scale.
package dots

import (
	"errors"
	"io"
	"math"

	"github.com/throng-io/throng/reports/internal/draw"
)

// A Figure is panels of rows on one logarithmic axis.
type Figure struct {
	Title, Sub string // one line each
	Axis       string // what the values are, and in which unit
	Panels     []Panel
	Kinds      []string // of rows, as the legend has them; at most draw.Series
}

// A Panel is rows, the first one on top.
type Panel struct {
	Name string
	Rows []Row
}

// A Row is a value with its range. Low <= Value <= High, all above 0.
type Row struct {
	Name             string
	Value, Low, High float64
	Kind             int // place in the figure's Kinds, which have a colour and a mark each
}

// Write writes the figure as an SVG document of the given width in points, on white.
func Write(w io.Writer, f *Figure, width float64) error {
	if len(f.Kinds) > draw.Series {
		return errors.New("more kinds of rows than there are colours")
	}
	low, high := math.Inf(1), math.Inf(-1)
	for _, p := range f.Panels {
		for _, r := range p.Rows {
			low, high = min(low, r.Low), max(high, r.High)
		}
	}
	if !(low > 0) || math.IsInf(high, 0) {
		return errors.New("a row without a value above 0, or no rows")
	}
	// Marks keep clear of the ends, and what differs by a hundredth is not blown up.
	room := max(math.Pow(high/low, 0.03), 1.01)
	out := &draw.Figure{Name: "dots", Title: f.Title, Sub: f.Sub}
	for i, p := range f.Panels {
		panel := draw.Panel{X: draw.Axis{Log: true, Min: low / room, Max: high * room}}
		panel.Y = draw.Axis{Label: p.Name, Min: 0.4, Max: float64(len(p.Rows)) + 0.6}
		if i == len(f.Panels)-1 {
			panel.X.Label = f.Axis
		}
		named := map[int]bool{}
		for j, r := range p.Rows {
			y := float64(len(p.Rows) - j)
			panel.Y.Ticks = append(panel.Y.Ticks, draw.Tick{At: y, Label: r.Name})
			style := draw.Style(r.Kind)
			dot := draw.Line{Points: []draw.Point{{X: r.Value, Y: y}}, Style: style, Marks: true}
			if i == 0 && !named[r.Kind] {
				dot.Name, named[r.Kind] = f.Kinds[r.Kind], true
			}
			panel.Lines = append(panel.Lines, draw.Line{Points: []draw.Point{{X: r.Low, Y: y}, {X: r.High, Y: y}}, Style: style, Solid: true}, dot)
		}
		out.Panels = append(out.Panels, panel)
	}
	return draw.SVG(w, out, draw.Size{Width: width, Axes: draw.Wide.Axes})
}
