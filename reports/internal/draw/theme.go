package draw

import (
	"fmt"
	"image/color"
	"math"
	"strings"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Every colour of a figure is one of these, and each has a different value: in the SVG for a page
// they are found again and replaced by the variable of the same name.
var (
	paper   = rgb(0xFFFFFF) // background
	ink     = rgb(0x1B1F24) // text and axes
	muted   = rgb(0x57606A) // second text
	gridInk = rgb(0xDFE3E8) // grid lines
	shade   = rgb(0xEEF0F3) // bands that do not count
	edge    = rgb(0xB6BDC6) // borders of bands
	limit   = rgb(0xA4133C) // rules
	series  = [styles]color.RGBA{
		Blue: rgb(0x0072B2), Vermillion: rgb(0xD55E00), Green: rgb(0x009E73), Purple: rgb(0xB5629A),
		Orange: rgb(0xE69F00), Sky: rgb(0x56B4E9), Ink: rgb(0x222222), Grey: rgb(0x8A929B),
	}
	// The scale goes from light to dark in steps of lightness, so that it reads in grey as well.
	// They are smaller at its light end, since the lightest must stand out from the paper.
	boxes = [fills]color.RGBA{
		Heat1: rgb(0xCBE0F0), Heat2: rgb(0xB2D1E8), Heat3: rgb(0x96C1DF), Heat4: rgb(0x76AED3), Heat5: rgb(0x4A90BF), Heat6: rgb(0x2A72A5), Heat7: rgb(0x175586), Heat8: rgb(0x0A3A63),
		Good: rgb(0x7CC7AC), Bad: rgb(0xC8385F), Void: rgb(0xD3D8DE),
	}
)

// variables are the CSS names of the colours.
var variables = func() []string {
	v := []string{}
	add := func(c color.RGBA, name string) {
		v = append(v, hex(c), "var(--fig-"+name+")")
	}
	add(paper, "paper")
	add(ink, "ink")
	add(muted, "muted")
	add(gridInk, "grid")
	add(shade, "shade")
	add(edge, "edge")
	add(limit, "limit")
	for i, c := range series {
		add(c, fmt.Sprint(i))
	}
	for i, c := range boxes {
		add(c, fmt.Sprintf("box%d", i))
	}
	return v
}()

var toVariables = strings.NewReplacer(variables...)

// CSS returns the light values of the colour variables, for a style sheet.
func CSS() string {
	var b strings.Builder
	for i := 0; i < len(variables); i += 2 {
		name := strings.TrimSuffix(strings.TrimPrefix(variables[i+1], "var("), ")")
		fmt.Fprintf(&b, "%s:%s;", name, variables[i])
	}
	return b.String()
}

var dashes = [styles][]vg.Length{
	Blue: nil, Vermillion: {7, 3}, Green: {2, 2}, Purple: {9, 3, 2, 3}, Orange: {4, 2}, Sky: {12, 3, 2, 3, 2, 3}, Ink: {1, 2}, Grey: {5, 4},
}

var marks = [styles]draw.GlyphDrawer{
	Blue: draw.CircleGlyph{}, Vermillion: draw.BoxGlyph{}, Green: draw.PyramidGlyph{}, Purple: cross{},
	Orange: diamond{}, Sky: square{}, Ink: ring{}, Grey: plus{},
}

// These are heavier than gonum's, which are invisible on top of a line.
type (
	cross   struct{}
	plus    struct{}
	square  struct{}
	ring    struct{}
	diamond struct{}
)

func (diamond) DrawGlyph(c *draw.Canvas, sty draw.GlyphStyle, pt vg.Point) {
	r := sty.Radius * 1.3
	c.SetColor(sty.Color)
	var p vg.Path
	p.Move(vg.Point{X: pt.X - r, Y: pt.Y})
	p.Line(vg.Point{X: pt.X, Y: pt.Y + r})
	p.Line(vg.Point{X: pt.X + r, Y: pt.Y})
	p.Line(vg.Point{X: pt.X, Y: pt.Y - r})
	p.Close()
	c.Fill(p)
}

func (cross) DrawGlyph(c *draw.Canvas, sty draw.GlyphStyle, pt vg.Point) {
	st := draw.LineStyle{Color: sty.Color, Width: 2}
	r := sty.Radius * 1.2
	c.StrokeLine2(st, pt.X-r, pt.Y-r, pt.X+r, pt.Y+r)
	c.StrokeLine2(st, pt.X-r, pt.Y+r, pt.X+r, pt.Y-r)
}

func (plus) DrawGlyph(c *draw.Canvas, sty draw.GlyphStyle, pt vg.Point) {
	st := draw.LineStyle{Color: sty.Color, Width: 2}
	r := sty.Radius * 1.4
	c.StrokeLine2(st, pt.X-r, pt.Y, pt.X+r, pt.Y)
	c.StrokeLine2(st, pt.X, pt.Y-r, pt.X, pt.Y+r)
}

func (square) DrawGlyph(c *draw.Canvas, sty draw.GlyphStyle, pt vg.Point) {
	c.SetLineStyle(draw.LineStyle{Color: sty.Color, Width: 1.4})
	r := sty.Radius * 0.9
	p := vg.Path{}
	p.Move(vg.Point{X: pt.X - r, Y: pt.Y - r})
	p.Line(vg.Point{X: pt.X + r, Y: pt.Y - r})
	p.Line(vg.Point{X: pt.X + r, Y: pt.Y + r})
	p.Line(vg.Point{X: pt.X - r, Y: pt.Y + r})
	p.Close()
	c.Stroke(p)
}

func (ring) DrawGlyph(c *draw.Canvas, sty draw.GlyphStyle, pt vg.Point) {
	c.SetLineStyle(draw.LineStyle{Color: sty.Color, Width: 1.2})
	var p vg.Path
	p.Move(vg.Point{X: pt.X + sty.Radius, Y: pt.Y})
	p.Arc(pt, sty.Radius, 0, 2*math.Pi)
	p.Close()
	c.Stroke(p)
}

func rgb(v uint32) color.RGBA {
	return color.RGBA{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v), A: 0xFF}
}

func hex(c color.RGBA) string { return fmt.Sprintf("#%02X%02X%02X", c.R, c.G, c.B) }

// sans is the text style of a size in points. The fonts are compiled in, so text has the same width
// on every machine.
func sans(size vg.Length, c color.Color, bold bool) text.Style {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
	if bold {
		f.Weight = xfont.WeightBold
	}
	return text.Style{Color: c, Font: f, Handler: plot.DefaultTextHandler, XAlign: text.XLeft, YAlign: text.YBottom}
}
