package draw

import (
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

const (
	titleSize  vg.Length = 13
	textSize   vg.Length = 10.5
	lineHeight           = textSize * 1.35
	margin     vg.Length = 8
	tickLength vg.Length = 3.5
	labelGap   vg.Length = 5
	sampleLen  vg.Length = 24 // of a line in the legend
	markRadius vg.Length = 3.2
)

// panel is a Panel with its scales and its place.
type panel struct {
	Panel
	x, y   *scale
	legend []legendRow
	inside bool        // names of the y axis stand above their row, between the axes, for want of room beside them
	area   draw.Canvas // between the axes
}

type legendRow struct{ items []legendItem }

type legendItem struct {
	line Line
	x    vg.Length
}

// prepare settles the scales for a panel of about this size.
func prepare(p Panel, width, height vg.Length) *panel {
	var xs, ys []float64
	for _, l := range p.Lines {
		for _, pt := range l.Points {
			xs, ys = append(xs, pt.X), append(ys, pt.Y)
		}
	}
	for _, r := range p.Rules {
		if r.Vertical {
			xs = append(xs, r.At)
		} else {
			ys = append(ys, r.At*1.02) // so that the line and its label are within
		}
	}
	for _, b := range p.Bands {
		xs = append(xs, b.From, b.To)
	}
	sp := &panel{
		Panel: p,
		x:     newScale(p.X, xs, max(3, int(width/70)), false),
		y:     newScale(p.Y, ys, max(3, int(height/28)), true),
	}
	sp.inside = sp.labelWidth() > width*0.45
	return sp
}

// labelWidth is the room that the labels of the y axis take.
func (p *panel) labelWidth() (w vg.Length) {
	if p.inside {
		return tickLength
	}
	st := sans(textSize, ink, false)
	for _, t := range p.y.ticks {
		w = max(w, st.Width(t.Label))
	}
	return w + labelGap + tickLength
}

// layLegend breaks the legend into rows of the given width. The first row begins after the label of the y axis.
func (p *panel) layLegend(width vg.Length) {
	st := sans(textSize, ink, false)
	x := st.Width(p.Y.Label) + 18
	rows := []legendRow{{}}
	for _, l := range p.Lines {
		if l.Name == "" {
			continue
		}
		w := sampleLen + 5 + st.Width(l.Name)
		if x+w > width && x > 0 {
			rows, x = append(rows, legendRow{}), 0
		}
		last := &rows[len(rows)-1]
		last.items = append(last.items, legendItem{line: l, x: x})
		x += w + 16
	}
	p.legend = rows
}

// headHeight is the room above the axes: y label and legend.
func (p *panel) headHeight() vg.Length { return lineHeight*vg.Length(len(p.legend)) + 5 }

// footHeight is the room below: tick labels and, when there is one, the label of the x axis.
func (p *panel) footHeight() vg.Length {
	h := tickLength + lineHeight + 1
	if p.X.Label != "" {
		h += lineHeight
	}
	return h
}

func (p *panel) px(v float64) vg.Length { return p.area.X(p.x.at(v)) }
func (p *panel) py(v float64) vg.Length { return p.area.Y(p.y.at(v)) }

// draw paints the panel from back to front.
func (p *panel) draw() {
	c := &p.area
	p.drawBands(c)
	p.drawGrid(c)
	for _, l := range p.Lines {
		p.drawLine(c, l)
	}
	p.drawRules(c)
	p.drawAxes(c)
	p.drawHead(c)
}

func (p *panel) drawBands(c *draw.Canvas) {
	for _, b := range p.Bands {
		x0, x1 := p.px(b.From), p.px(b.To)
		if b.Grey {
			c.FillPolygon(shade, box(x0, c.Min.Y, x1, c.Max.Y))
		}
		if x0 > c.Min.X+1 {
			c.StrokeLine2(draw.LineStyle{Color: edge, Width: 0.7}, x0, c.Min.Y, x0, c.Max.Y)
		}
		st := sans(textSize, muted, false)
		if w := st.Width(b.Label); w+8 <= x1-x0 {
			baseline(c, st, (x0+x1)/2, c.Max.Y-lineHeight, b.Label, text.XCenter)
		}
	}
}

func (p *panel) drawGrid(c *draw.Canvas) {
	st := draw.LineStyle{Color: gridInk, Width: 0.6}
	for _, t := range p.y.ticks {
		c.StrokeLine2(st, c.Min.X, p.py(t.At), c.Max.X, p.py(t.At))
	}
	if len(p.Bands) > 0 {
		return // their borders divide the axis already
	}
	for _, t := range p.x.ticks {
		c.StrokeLine2(st, p.px(t.At), c.Min.Y, p.px(t.At), c.Max.Y)
	}
}

func lineStyle(l Line) draw.LineStyle {
	w := vg.Length(1.7)
	if l.Thin {
		w = 0.9
	}
	return draw.LineStyle{Color: series[l.Style], Width: w, Dashes: dashes[l.Style]}
}

func markStyle(s Style) draw.GlyphStyle {
	return draw.GlyphStyle{Color: series[s], Radius: markRadius, Shape: marks[s]}
}

func (p *panel) drawLine(c *draw.Canvas, l Line) {
	if l.Marks {
		for _, pt := range l.Points {
			c.DrawGlyphNoClip(markStyle(l.Style), vg.Point{X: p.px(pt.X), Y: p.py(pt.Y)})
		}
		return
	}
	var run []vg.Point
	flush := func() {
		switch {
		case len(run) > 1:
			c.StrokeLines(lineStyle(l), run)
		case len(run) == 1: // a line of one point is not seen
			c.DrawGlyphNoClip(draw.GlyphStyle{Color: series[l.Style], Radius: 1.6, Shape: draw.CircleGlyph{}}, run[0])
		}
		run = run[:0]
	}
	for i, pt := range l.Points {
		if pt.Gap {
			flush()
		}
		at := vg.Point{X: p.px(pt.X), Y: p.py(pt.Y)}
		if l.Steps && len(run) > 0 && i > 0 {
			run = append(run, vg.Point{X: at.X, Y: run[len(run)-1].Y})
		}
		run = append(run, at)
	}
	flush()
}

func (p *panel) drawRules(c *draw.Canvas) {
	line := draw.LineStyle{Color: limit, Width: 1.2, Dashes: []vg.Length{3, 2}}
	st := sans(textSize, limit, false)
	var taken []vg.Rectangle
	for _, r := range p.Rules {
		w := st.Width(r.Label)
		var at vg.Point // left end of the label's baseline
		if r.Vertical {
			x := p.px(r.At)
			c.StrokeLine2(line, x, c.Min.Y, x, c.Max.Y)
			at = vg.Point{X: min(x+4, c.Max.X-w-3), Y: c.Max.Y - lineHeight}
			if x+4+w > c.Max.X {
				at.X = x - w - 4
			}
		} else {
			y := p.py(r.At)
			c.StrokeLine2(line, c.Min.X, y, c.Max.X, y)
			if r.MarkX > 0 {
				c.DrawGlyphNoClip(draw.GlyphStyle{Color: limit, Radius: 3.6, Shape: draw.TriangleGlyph{}}, vg.Point{X: p.px(r.MarkX), Y: y})
			}
			at = vg.Point{X: c.Min.X + 6, Y: y + 3.5}
			if at.Y+lineHeight > c.Max.Y {
				at.Y = y - lineHeight + 1
			}
		}
		for _, o := range taken { // two limits close to each other: the later label moves right, past the earlier
			if at.Y < o.Max.Y && at.Y+textSize > o.Min.Y && at.X < o.Max.X && at.X+w > o.Min.X && o.Max.X+10+w < c.Max.X {
				at.X = o.Max.X + 10
			}
		}
		taken = append(taken, vg.Rectangle{Min: at, Max: vg.Point{X: at.X + w, Y: at.Y + textSize}})
		c.FillPolygon(paper, box(at.X-2, at.Y-2, at.X+w+2, at.Y+textSize*0.85))
		baseline(c, st, at.X, at.Y, r.Label, text.XLeft)
	}
}

func (p *panel) drawAxes(c *draw.Canvas) {
	axis := draw.LineStyle{Color: ink, Width: 0.9}
	c.StrokeLine2(axis, c.Min.X, c.Min.Y, c.Max.X, c.Min.Y)
	c.StrokeLine2(axis, c.Min.X, c.Min.Y, c.Min.X, c.Max.Y)
	st := sans(textSize, ink, false)
	for _, t := range p.y.ticks {
		if t.Label == "" {
			continue
		}
		y := p.py(t.At)
		if p.inside {
			baseline(c, st, c.Min.X+4, y+5, t.Label, text.XLeft)
			continue
		}
		c.StrokeLine2(axis, c.Min.X-tickLength, y, c.Min.X, y)
		baseline(c, st, c.Min.X-tickLength-labelGap+1, y-textSize*0.36, t.Label, text.XRight)
	}
	free := c.Min.X - 1000 // right end of the label before: labels that would touch are left out
	for _, t := range p.x.ticks {
		if t.Label == "" {
			continue
		}
		x, w := p.px(t.At), st.Width(t.Label)
		c.StrokeLine2(axis, x, c.Min.Y-tickLength, x, c.Min.Y)
		if x-w/2 < free+6 {
			continue
		}
		free = x + w/2
		baseline(c, st, x, c.Min.Y-tickLength-textSize, t.Label, text.XCenter)
	}
	if p.X.Label != "" {
		baseline(c, st, (c.Min.X+c.Max.X)/2, c.Min.Y-tickLength-textSize-lineHeight-1, p.X.Label, text.XCenter)
	}
}

// drawHead writes the label of the y axis and the legend above the axes, at the left edge of the figure.
func (p *panel) drawHead(c *draw.Canvas) {
	st := sans(textSize, ink, false)
	left := c.Min.X - p.left()
	y := c.Max.Y + p.headHeight() - textSize - 1
	baseline(c, st, left, y, p.Y.Label, text.XLeft)
	for _, row := range p.legend {
		for _, it := range row.items {
			x := left + it.x
			mid := y + textSize*0.36
			if it.line.Marks {
				c.DrawGlyphNoClip(markStyle(it.line.Style), vg.Point{X: x + sampleLen/2, Y: mid})
			} else {
				c.StrokeLine2(lineStyle(it.line), x, mid, x+sampleLen, mid)
			}
			baseline(c, st, x+sampleLen+5, y, it.line.Name, text.XLeft)
		}
		y -= lineHeight
	}
}

// left is the distance of the figure's left edge from the y axis; all panels of a figure share it.
func (p *panel) left() vg.Length { return p.area.Min.X - margin }

// baseline writes s with its baseline at y.
func baseline(c *draw.Canvas, st text.Style, x, y vg.Length, s string, align text.XAlignment) {
	st.XAlign = align
	// The handler places a YBottom text with its descent above the point.
	c.FillText(st, vg.Point{X: x, Y: y}, s)
}

func box(x0, y0, x1, y1 vg.Length) []vg.Point {
	return []vg.Point{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}}
}
