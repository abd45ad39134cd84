package draw

import (
	"math"
	"slices"

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
	rowPitch   vg.Length = 25 // of rows with names beside them
	// insidePitch leaves room between the rows: names stand there, above boxes that reach 0.3 of a
	// row up and down.
	insidePitch vg.Length = 36
	// insideLines is how many lines such a name may take.
	insideLines = 3
)

// panel is a Panel with its scales and its place.
type panel struct {
	Panel
	x, y   *scale
	xs     []float64 // what stands along x, until settle
	legend []legendRow
	// names of the y axis stand above their row, between the axes, for want of room beside them
	inside bool
	pitch  vg.Length   // from row to row, where the y axis has names
	area   draw.Canvas // between the axes
}

type legendRow struct{ items []legendItem }

type legendItem struct {
	line Line
	x    vg.Length
}

// prepare settles what does not depend on how wide the axes are.
func prepare(p Panel, width, height vg.Length) *panel {
	var xs, ys []float64
	p.Lines = slices.Clone(p.Lines)
	for i, l := range p.Lines {
		p.Lines[i].Points = slices.DeleteFunc(slices.Clone(l.Points), func(pt Point) bool { return !finite(pt) })
	}
	for _, l := range p.Lines {
		for _, pt := range l.Points {
			xs, ys = append(xs, pt.X), append(ys, pt.Y)
		}
	}
	for _, a := range p.Areas {
		for _, pt := range append(slices.Clip(a.Low), a.High...) {
			xs, ys = append(xs, pt.X), append(ys, pt.Y)
		}
	}
	for _, b := range p.Boxes {
		xs, ys = append(xs, b.X0, b.X1), append(ys, b.Y0, b.Y1)
	}
	far := p.farFrom(ys)
	for _, r := range p.Rules {
		switch {
		case r.Vertical:
			xs = append(xs, r.At)
		case r.At <= far:
			ys = append(ys, r.At*1.02) // so that the line and its label are within
		}
	}
	for _, b := range p.Bands {
		xs = append(xs, b.From, b.To)
	}
	perTick := vg.Length(28) // with gaps between the labels
	if p.Y.Log {
		perTick = 18 // of the closest two: the others are further apart
	}
	p.clip(width)
	sp := &panel{Panel: p, xs: xs, y: newScale(p.Y, ys, max(2, int(height/perTick)), true)}
	sp.inside = sp.labelWidth() > width*0.45
	return sp
}

// farFrom is from which value on a rule would leave the data less than a quarter of a linear axis.
// It is not drawn, and only its label stands at the upper end.
func (p *Panel) farFrom(ys []float64) float64 {
	if _, top := extent(ys, true); len(ys) > 0 && !p.Y.Log && slices.Max(ys) > 0 {
		return 4 * top
	}
	return math.Inf(1)
}

// settle settles the x axis, which is about this wide.
func (p *panel) settle(width vg.Length) {
	const perTick = 50 // of some eight digits, with a gap
	p.x, p.xs = newScale(p.X, p.xs, max(3, int(width/perTick)), false), nil
}

// clip cuts what is written to the width of the figure: names come from scenarios and servers.
func (p *Panel) clip(width vg.Length) {
	st := sans(textSize, ink, false)
	p.X.Label, p.Y.Label = fit(p.X.Label, st, width), fit(p.Y.Label, st, width)
	for i := range p.Lines { // a copy already
		p.Lines[i].Name = fit(p.Lines[i].Name, st, width-sampleLen-5)
	}
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

// layLegend breaks the legend into rows of the given width. The first row begins after the label of
// the y axis.
func (p *panel) layLegend(width vg.Length) {
	st := sans(textSize, ink, false)
	x := vg.Length(0)
	if p.Y.Label != "" {
		x = st.Width(p.Y.Label) + 18
	}
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

// headHeight is the room above the axes: y label and legend, then the strip with the names of
// bands.
func (p *panel) headHeight() vg.Length {
	return lineHeight*vg.Length(len(p.legend)) + 9 + p.stripHeight()
}

// stripHeight is the room for the names of bands and of vertical rules, which stand above the axes
// so that no line crosses them.
func (p *panel) stripHeight() vg.Length {
	for _, b := range p.Bands {
		if b.Label != "" {
			return lineHeight
		}
	}
	for _, r := range p.Rules {
		if r.Vertical {
			return lineHeight
		}
	}
	return 0
}

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
	p.drawAreas(c)
	p.drawGrid(c)
	p.drawBoxes(c)
	for _, l := range p.Lines {
		p.drawLine(c, l)
	}
	p.drawRules(c)
	p.drawTexts(c)
	p.drawAxes(c)
	p.drawHead(c)
}

func (p *panel) drawBands(c *draw.Canvas) {
	for _, b := range p.Bands {
		x0, x1 := p.px(b.From), p.px(b.To)
		top := c.Max.Y
		if b.Label != "" { // a box without a name would cover the names of others
			top += p.stripHeight()
		}
		if b.Grey {
			c.FillPolygon(shade, box(x0, c.Min.Y, x1, top))
		}
		if follows(p.Bands, b) {
			c.StrokeLine2(draw.LineStyle{Color: edge, Width: 0.7}, x0, c.Min.Y, x0, top)
		}
		st := sans(textSize, muted, false)
		if w := st.Width(b.Label); w+8 <= x1-x0 {
			baseline(c, st, (x0+x1)/2, c.Max.Y+3.5, b.Label, text.XCenter)
		}
	}
}

// follows reports whether a band begins where another ends: an edge parts the two. One line at the
// side of a lone band would pass for a value.
func follows(bands []Band, b Band) bool {
	return slices.ContainsFunc(bands, func(other Band) bool { return other.To == b.From })
}

func (p *panel) drawAreas(c *draw.Canvas) {
	for _, a := range p.Areas {
		var outline []vg.Point
		for _, pt := range a.Low {
			outline = append(outline, vg.Point{X: p.px(pt.X), Y: p.py(pt.Y)})
		}
		for _, pt := range slices.Backward(a.High) {
			outline = append(outline, vg.Point{X: p.px(pt.X), Y: p.py(pt.Y)})
		}
		if len(outline) > 2 {
			c.FillPolygon(boxes[Heat1], outline)
			c.StrokeLines(draw.LineStyle{Color: boxes[Heat3], Width: 0.8}, append(outline, outline[0]))
		}
	}
}

// drawBoxes fills all boxes of a colour as one shape: a heat map has thousands.
func (p *panel) drawBoxes(c *draw.Canvas) {
	for fill := range fills {
		var path vg.Path
		for _, b := range p.Boxes {
			x0, x1, y0, y1 := p.px(b.X0), p.px(b.X1), p.py(b.Y0), p.py(b.Y1)
			if b.Fill != fill || !(x1 > x0) || !(y1 > y0) {
				continue
			}
			path.Move(vg.Point{X: x0, Y: y0})
			path.Line(vg.Point{X: x1, Y: y0})
			path.Line(vg.Point{X: x1, Y: y1})
			path.Line(vg.Point{X: x0, Y: y1})
			path.Close()
		}
		if len(path) > 0 {
			c.SetColor(boxes[fill])
			c.Fill(path)
		}
	}
	st := sans(textSize, ink, false)
	for _, b := range p.Boxes {
		x0, x1, y0, y1 := p.px(b.X0), p.px(b.X1), p.py(b.Y0), p.py(b.Y1)
		w := st.Width(b.Text)
		if b.Text == "" || w+8 > x1-x0 || textSize+4 > y1-y0 {
			continue
		}
		x, y := (x0+x1)/2, (y0+y1)/2-textSize*0.35
		// ink is not readable on every fill
		c.FillPolygon(paper, box(x-w/2-3, y-3, x+w/2+3, y+textSize*0.9))
		baseline(c, st, x, y, b.Text, text.XCenter)
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
	if l.Solid {
		return draw.LineStyle{Color: series[l.Style], Width: w}
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
			p.nameRow(c, st, y, t.Label)
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
		w := st.Width(p.X.Label) // below the middle of the axis; a long one begins further left
		x := max(c.Min.X-p.left(), min((c.Min.X+c.Max.X-w)/2, c.Max.X-w))
		baseline(c, st, x, c.Min.Y-tickLength-textSize-lineHeight-1, p.X.Label, text.XLeft)
	}
}

// nameRow writes the name of the row at y above it, on its own ground: lines across it would strike
// it out.
func (p *panel) nameRow(c *draw.Canvas, st text.Style, y vg.Length, name string) {
	y += 0.3*p.pitch + 3
	for _, s := range slices.Backward(wrap(name, st, c.Max.X-c.Min.X-4, insideLines)) {
		w := st.Width(s)
		c.FillPolygon(p.behind(c.Min.X+4+w/2), box(c.Min.X+3, y-1, c.Min.X+5+w, y+textSize-1))
		baseline(c, st, c.Min.X+4, y, s, text.XLeft)
		y += lineHeight * 0.8
	}
}

// setPitch settles how far the rows of a named y axis are apart, and returns the height of the
// axes.
func (p *panel) setPitch(width vg.Length) (height vg.Length) {
	p.pitch = rowPitch
	if p.inside {
		st, most := sans(textSize, ink, false), 1
		for _, t := range p.y.ticks {
			most = max(most, len(wrap(t.Label, st, width-tickLength-4, insideLines)))
		}
		p.pitch = insidePitch + 14*vg.Length(most-1) // of which 0.6 is boxes
	}
	return 16 + p.pitch*vg.Length(len(p.Y.Ticks))
}

// drawHead writes the label of the y axis and the legend above the axes, at the left edge of the
// figure.
func (p *panel) drawHead(c *draw.Canvas) {
	st := sans(textSize, ink, false)
	left := c.Min.X - p.left()
	y := c.Max.Y + p.headHeight() - textSize - 1
	baseline(c, st, left, y, p.Y.Label, text.XLeft)
	for _, row := range p.legend {
		for _, it := range row.items {
			x := left + it.x
			mid := y + textSize*0.36
			switch {
			case it.line.Key:
				c.FillPolygon(boxes[it.line.Fill], box(x, y-1, x+sampleLen, y+textSize*0.8))
			case it.line.Marks:
				c.DrawGlyphNoClip(markStyle(it.line.Style), vg.Point{X: x + sampleLen/2, Y: mid})
			default:
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
	c.FillText(st, vg.Point{X: x, Y: y}, s)
}

func box(x0, y0, x1, y1 vg.Length) []vg.Point {
	return []vg.Point{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}}
}
