// Package curves draws measured values over a size, such as messages in flight or processors, each
// with the range that it was seen in.
package curves

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/throng-io/throng/reports/internal/draw"
)

// A Figure is panels above one another over one axis of sizes, with a tick at each.
type Figure struct {
	Title, Sub string
	Alert      string // what a reader must know before believing it
	Sizes      string // what the sizes are
	// Log makes all axes logarithmic, and those of the values alike in all panels; else each begins
	// at 0.
	Log    bool
	Panels []Panel
}

// A Panel is curves on one axis of values.
type Panel struct {
	Name   string // what the values are, and in which unit
	Curves []Curve
}

// A Curve is the values of one series, in ascending order of their sizes.
type Curve struct {
	Name   string // in the legend; "" leaves it out
	Kind   int    // curves of one kind look alike in all panels; below draw.Series
	Guide  bool   // something to compare with, not measured: a thin line
	Points []Point
}

// A Point is a value with its range. All numbers are above 0, and Low <= Value <= High.
type Point struct {
	Size, Value, Low, High float64
	Text                   string // beside the value
}

// axes is the height of the panels' axes in points, of which each gets a little more than half.
const axes = 350

// Write writes the figure as an SVG document of the given width in points, on white.
func Write(w io.Writer, f *Figure, width float64) error {
	sizes, low, high := map[float64]bool{}, math.Inf(1), 0.0
	for _, p := range f.Panels {
		for _, c := range p.Curves {
			if c.Kind < 0 || c.Kind >= draw.Series {
				return fmt.Errorf("panel %q: kind %d is none of the %d that can be told apart", p.Name, c.Kind, draw.Series)
			}
			for _, pt := range c.Points {
				if !(pt.Size > 0 && pt.Low > 0 && pt.Low <= pt.Value && pt.Value <= pt.High) {
					return fmt.Errorf("panel %q, curve %q: %v is not a value within its range above 0", p.Name, c.Name, pt)
				}
				sizes[pt.Size] = true
				low, high = min(low, pt.Low), max(high, pt.High)
			}
		}
	}
	if len(sizes) == 0 {
		return errors.New("a figure without values")
	}
	out := &draw.Figure{Name: "curves", Title: f.Title, Sub: f.Sub, Alert: f.Alert}
	for _, p := range f.Panels {
		panel := p.over(slices.Sorted(maps.Keys(sizes)), f.Log)
		if f.Log {
			panel.Y.Min, panel.Y.Max = low/1.6, high*1.6 // room for texts
		}
		out.Panels = append(out.Panels, panel)
	}
	out.Panels[len(out.Panels)-1].X.Label = f.Sizes
	return draw.SVG(w, out, draw.Size{Width: width, Axes: axes})
}

// over lays a panel out over sizes, with room for marks at the ends of their axis.
func (p *Panel) over(sizes []float64, logarithmic bool) draw.Panel {
	last := sizes[len(sizes)-1]
	out := draw.Panel{X: draw.Axis{Max: last * 1.08}, Y: draw.Axis{Label: p.Name, Log: logarithmic}}
	if logarithmic {
		out.X = draw.Axis{Log: true, Min: sizes[0] / 1.25, Max: last * 1.25}
	}
	for _, s := range sizes {
		out.X.Ticks = append(out.X.Ticks, draw.Tick{At: s, Label: strconv.FormatFloat(s, 'f', -1, 64)})
	}
	for _, c := range p.Curves {
		line := draw.Line{Name: c.Name, Style: draw.Style(c.Kind), Thin: c.Guide}
		if c.Guide {
			line.Style = draw.Grey
		}
		marks := draw.Line{Style: line.Style, Marks: true}
		for _, pt := range c.Points {
			line.Points = append(line.Points, draw.Point{X: pt.Size, Y: pt.Value})
			if !c.Guide {
				marks.Points = append(marks.Points, draw.Point{X: pt.Size, Y: pt.Value, Text: pt.Text})
				out.Lines = append(out.Lines, draw.Line{Style: line.Style, Solid: true, Points: []draw.Point{{X: pt.Size, Y: pt.Low}, {X: pt.Size, Y: pt.High}}})
			}
		}
		out.Lines = append(out.Lines, line, marks)
	}
	return out
}
