package draw

import (
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

func (p *panel) drawRules(c *draw.Canvas) {
	line := draw.LineStyle{Color: limit, Width: 1.2, Dashes: []vg.Length{3, 2}}
	st := sans(textSize, limit, false)
	data := p.dataPoints(0)
	for _, r := range p.Rules {
		if r.Vertical {
			x := p.px(r.At)
			c.StrokeLine2(line, x, c.Min.Y, x, c.Max.Y)
			continue
		}
		if r.At > p.y.max {
			continue
		}
		y := p.py(r.At)
		from, to := p.stretch(&r)
		c.StrokeLine2(line, from, y, to, y)
		if r.MarkX > 0 {
			c.DrawGlyphNoClip(draw.GlyphStyle{Color: limit, Radius: 3.6, Shape: draw.TriangleGlyph{}}, vg.Point{X: p.px(r.MarkX), Y: y})
		}
	}
	// after all lines, which would strike the labels of their neighbours out
	for _, r := range p.Rules {
		label := r.Label
		if !r.Vertical && r.At > p.y.max {
			label += " (above)"
		}
		label = fit(label, st, c.Max.X-c.Min.X-12)
		w := st.Width(label)
		if r.Vertical {
			baseline(c, st, max(c.Min.X, min(p.px(r.At)-w/2, c.Max.X-w)), c.Max.Y+4, label, text.XLeft)
			continue
		}
		from, to := p.stretch(&r)
		at := p.ruleLabel(c, w, p.py(r.At), from, to, data)
		data = append(data, taken(at, w)...)
		c.FillPolygon(p.behind(at.X+w/2), box(at.X-2, at.Y-2, at.X+w+2, at.Y+textSize*0.85))
		baseline(c, st, at.X, at.Y, label, text.XLeft)
	}
}

// stretch is the part of the x axis along which a horizontal rule applies.
func (p *panel) stretch(r *Rule) (from, to vg.Length) {
	if r.From == r.To {
		return p.area.Min.X, p.area.Max.X
	}
	return p.px(r.From), p.px(r.To)
}

// ruleLabel finds the place along a rule, above or below it, where a label of width w hides the
// fewest points. It returns the left end of the label's baseline. The label of a rule that is
// shorter than it begins at the rule where there is room.
func (p *panel) ruleLabel(c *draw.Canvas, w, y, from, to vg.Length, data []vg.Point) vg.Point {
	free := to - from - w - 12
	from = max(c.Min.X, min(from, c.Max.X-w-12))
	best, fewest := vg.Point{X: from + 6, Y: y + 3.5}, -1
	for _, below := range []bool{false, true} {
		for _, along := range []vg.Length{0, 1, 0.5, 0.25, 0.75} {
			at := vg.Point{X: from + 6 + max(0, free)*along, Y: y + 3.5}
			if below {
				at.Y = y - textSize - 1
			}
			if at.Y+textSize > c.Max.Y || at.Y < c.Min.Y {
				continue
			}
			if hidden := hides(at, w, textSize, data); fewest < 0 || hidden < fewest {
				best, fewest = at, hidden
			}
		}
	}
	return best
}

// hides counts the data under a label of width w and height h whose baseline begins at a place.
func hides(at vg.Point, w, h vg.Length, data []vg.Point) (n int) {
	for _, d := range data {
		if d.X > at.X-3 && d.X < at.X+w+3 && d.Y > at.Y-3 && d.Y < at.Y+h {
			n++
		}
	}
	return n
}

// labelWeight is how many points count as much as a place of a label: more than a curve has
// anywhere, so that a label covers a curve rather than another label.
const labelWeight = 400

// taken makes a label count as much data, so that the next one keeps clear of it.
func taken(at vg.Point, w vg.Length) (pts []vg.Point) {
	for x := at.X; x <= at.X+w; x += 4 {
		pts = append(pts, repeat(vg.Point{X: x, Y: at.Y + textSize*0.4}, labelWeight)...)
	}
	return pts
}

// drawTexts writes what stands beside points: above the highest one of those at the same x, below
// the lowest one, then the others wherever they hide less. The further away, the more must be
// gained.
func (p *panel) drawTexts(c *draw.Canvas) {
	var ends, middle []Point
	var above, below []bool // where the text of an end may stand
	for _, l := range p.Lines {
		for _, pt := range l.Points {
			if pt.Text == "" {
				continue
			}
			higher, lower := p.hasText(func(q Point) bool { return q.X == pt.X && q.Y > pt.Y }), p.hasText(func(q Point) bool { return q.X == pt.X && q.Y < pt.Y })
			if higher && lower {
				middle = append(middle, pt)
				continue
			}
			ends, above, below = append(ends, pt), append(above, !higher), append(below, higher)
		}
	}
	data := p.dataPoints(1.5)
	for i, pt := range ends {
		data = append(data, p.drawText(c, pt, above[i], below[i], data)...)
	}
	for _, pt := range middle {
		data = append(data, p.drawText(c, pt, true, true, data)...)
	}
}

// hasText tells whether a point with a text is as asked.
func (p *panel) hasText(is func(Point) bool) bool {
	return slices.ContainsFunc(p.Lines, func(l Line) bool {
		return slices.ContainsFunc(l.Points, func(q Point) bool { return q.Text != "" && is(q) })
	})
}

// drawText writes the text of a point on the sides that are allowed, and returns the places that it
// takes.
func (p *panel) drawText(c *draw.Canvas, pt Point, above, below bool, data []vg.Point) []vg.Point {
	const (
		near   = markRadius + 4
		height = textSize * 0.75 // of digits
	)
	st := sans(textSize, ink, false)
	w, y := st.Width(pt.Text), p.py(pt.Y)
	x := p.px(pt.X) - w/2
	best, least := vg.Point{X: x, Y: y + near}, math.Inf(1)
	try := func(at vg.Point, cost float64) {
		cost += float64(hides(at, w, height+1, data))
		if at.Y >= c.Min.Y+2 && at.Y+height <= c.Max.Y && cost < least {
			best, least = at, cost
		}
	}
	for step := range 6 { // of half a text's height each
		off := near + vg.Length(step)*height/2
		if above {
			try(vg.Point{X: x, Y: y + off}, float64(step))
		}
		if below {
			try(vg.Point{X: x, Y: y - off - height}, float64(step))
		}
	}
	baseline(c, st, best.X, best.Y, pt.Text, text.XLeft)
	return slices.Concat(taken(best.Sub(vg.Point{Y: height / 2}), w), taken(best, w), taken(best.Add(vg.Point{Y: height / 2}), w))
}

// dataPoints are the places of the values, and some between each two, so that a long stretch of
// line counts too: so far apart, or with 0, five of them.
func (p *panel) dataPoints(apart vg.Length) (pts []vg.Point) {
	for _, l := range p.Lines {
		for i, pt := range l.Points {
			to := vg.Point{X: p.px(pt.X), Y: p.py(pt.Y)}
			if i == 0 || pt.Gap || l.Marks {
				pts = append(pts, to)
				continue
			}
			from, between := vg.Point{X: p.px(l.Points[i-1].X), Y: p.py(l.Points[i-1].Y)}, 6
			if apart > 0 {
				between = max(1, int(math.Hypot(float64(to.X-from.X), float64(to.Y-from.Y))/float64(apart)))
			}
			for k := 1; k <= between; k++ {
				pts = append(pts, from.Add(to.Sub(from).Scale(vg.Length(k)/vg.Length(between))))
			}
		}
	}
	return pts
}

// behind is the colour of the ground at x.
func (p *panel) behind(x vg.Length) color.Color {
	for _, b := range p.Bands {
		if b.Grey && x > p.px(b.From) && x < p.px(b.To) {
			return shade
		}
	}
	return paper
}

func repeat(pt vg.Point, n int) []vg.Point {
	pts := make([]vg.Point, n)
	for i := range pts {
		pts[i] = pt
	}
	return pts
}
