package draw

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image/color"
	"image/png"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/recorder"
)

func sample() *Figure {
	return &Figure{
		Name: "f", Title: `Latency & <"loss">`, Sub: "n = 12", Alert: "INVALID",
		Panels: []Panel{
			{
				X: Axis{Label: "seconds", Min: 0, Max: 10}, Y: Axis{Label: "latency, ms", Log: true},
				Bands: []Band{{From: 0, To: 4, Label: "ramp", Grey: true}, {From: 4, To: 10, Label: "hold"}},
				Rules: []Rule{{At: 100, Label: "p99 < 100ms", MarkX: 5}},
				Lines: []Line{
					{Name: "p99", Points: []Point{{X: 1, Y: 20}, {X: 2, Y: 0}, {X: 5, Y: 400, Gap: true}}},
					{Name: "failed", Points: []Point{{X: 3, Y: 30}}, Style: Purple, Marks: true},
				},
			},
			{X: Axis{Label: "seconds", Min: 0, Max: 10}, Y: Axis{Label: "per second"}, Lines: []Line{{Points: []Point{{X: 0, Y: 1}, {X: 9, Y: 4}}, Steps: true}}},
		},
	}
}

func wellFormed(s string) (elements int, err error) {
	d := xml.NewDecoder(strings.NewReader(s))
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return elements, nil
		}
		if err != nil {
			return elements, err
		}
		if _, ok := t.(xml.StartElement); ok {
			elements++
		}
	}
}

func TestSVG(t *testing.T) {
	var a, b bytes.Buffer
	if err := errors.Join(SVG(&a, sample(), Wide), SVG(&b, sample(), Wide)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("the same figure gives different bytes")
	}
	n, err := wellFormed(a.String())
	if err != nil || n < 40 {
		t.Errorf("%d elements, %v", n, err)
	}
	for _, want := range []string{"<title>Latency &amp; &lt;&#34;loss&#34;&gt;</title>", ">p99 &lt; 100ms</text>", ">ramp</text>", ">latency, ms</text>", ">INVALID</text>", "Arial"} {
		if !strings.Contains(a.String(), want) {
			t.Errorf("no %q in the picture", want)
		}
	}
	if strings.Contains(a.String(), "NaN") {
		t.Error("NaN in the picture")
	}
}

func TestInlineUsesVariables(t *testing.T) {
	s, err := Inline(sample(), Narrow, "narrow")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := wellFormed(s); err != nil || n < 40 {
		t.Errorf("%d elements, %v", n, err)
	}
	if !strings.HasPrefix(s, `<svg class="narrow" role="img" viewBox="0 0 290 `) {
		t.Errorf("starts with %.120s", s)
	}
	if strings.Contains(s, "#") && strings.Contains(s, "fill:#") {
		t.Error("a fixed colour in the inline picture")
	}
	for _, want := range []string{"var(--fig-ink)", "var(--fig-limit)", "var(--fig-0)", "var(--fig-paper)"} {
		if !strings.Contains(s, want) {
			t.Errorf("no %s", want)
		}
		if name := strings.TrimSuffix(strings.TrimPrefix(want, "var("), ")"); !strings.Contains(CSS(), name+":#") {
			t.Errorf("%s has no value", name)
		}
	}
}

func TestPNG(t *testing.T) {
	var a, b bytes.Buffer
	if err := errors.Join(PNG(&a, sample(), Wide), PNG(&b, sample(), Wide)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("the same figure gives different bytes")
	}
	img, err := png.Decode(&a)
	if err != nil {
		t.Fatal(err)
	}
	if img.Bounds().Dx() != 1600 {
		t.Errorf("%d pixels wide, want 1600", img.Bounds().Dx())
	}
	colours := map[[3]uint32]int{}
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			r, g, b, _ := img.At(x, y).RGBA()
			colours[[3]uint32{r >> 8, g >> 8, b >> 8}]++
		}
	}
	for name, c := range map[string][3]uint32{"line": {0, 0x72, 0xB2}, "rule": {0xA4, 0x13, 0x3C}, "band": {0xEE, 0xF0, 0xF3}} {
		if colours[c] < 50 {
			t.Errorf("the %s is hardly there: %d pixels", name, colours[c])
		}
	}
}

// Nothing may stand outside the picture: every text's start and, by its measured width, its end.
func TestNoTextIsClipped(t *testing.T) {
	f := sample()
	f.Title = "A title that is much longer than a narrow figure is wide and so must be broken"
	f.Panels[0].Lines = append(f.Panels[0].Lines, Line{Name: "a series with quite a long name, too", Points: []Point{{X: 1, Y: 1}, {X: 10, Y: 123456}}, Style: Green})
	f.Panels = append(f.Panels, Panel{
		X:     Axis{Label: "p99, ms", Log: true},
		Y:     Axis{Min: 0.4, Max: 2.6, Ticks: []Tick{{1, "a combination with a long name / and another"}, {2, "short"}}},
		Lines: []Line{{Points: []Point{{X: 3, Y: 1}, {X: 80, Y: 2}}, Marks: true}}, Rules: []Rule{{At: 100, Label: "p99(delivery) < 100ms", Vertical: true}},
	})
	long := strings.Repeat("W", 5000)
	f.Sub, f.Alert = long, strings.Repeat("many words ", 500)
	f.Panels[0].Rules = append(f.Panels[0].Rules, Rule{At: 50, Label: long})
	f.Panels[0].Lines = append(f.Panels[0].Lines, Line{Name: long, Points: []Point{{X: 1, Y: 1}}, Style: Sky})
	f.Panels[0].Bands = append(f.Panels[0].Bands, Band{From: 0, To: 10, Label: long})
	f.Panels[1].X.Label, f.Panels[1].Y.Label = long, long
	f.Panels[2].Y.Ticks[1].Label = long
	for _, size := range []Size{Wide, Narrow} {
		s, err := svg(f, size)
		if err != nil {
			t.Fatal(err)
		}
		d := xml.NewDecoder(strings.NewReader(s))
		texts := 0
		for {
			tok, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			el, ok := tok.(xml.StartElement)
			if !ok || el.Name.Local != "text" {
				continue
			}
			texts++
			var at struct {
				X     float64 `xml:"x,attr"`
				Style string  `xml:"style,attr"`
				Text  string  `xml:",chardata"`
			}
			if err := d.DecodeElement(&at, &el); err != nil {
				t.Fatal(err)
			}
			st := sans(textSize, ink, strings.Contains(at.Style, "bold"))
			if strings.Contains(at.Style, "font-size:13px") {
				st.Font.Size = titleSize
			}
			if end := at.X + st.Width(at.Text).Points(); at.X < 0 || end > size.Width {
				t.Errorf("width %v: %q stands at %.1f..%.1f", size.Width, at.Text, at.X, end)
			}
		}
		if texts < 30 {
			t.Errorf("only %d texts", texts)
		}
	}
}

func TestOddFigures(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, p := range map[string]Panel{
		"nothing":       {},
		"one point":     {Lines: []Line{{Points: []Point{{X: 5, Y: 5}}}}},
		"all the same":  {Lines: []Line{{Points: []Point{{X: 1, Y: 7}, {X: 1, Y: 7}}}}, Y: Axis{Log: true}},
		"zeros on log":  {Lines: []Line{{Points: []Point{{}, {}}}}, X: Axis{Log: true}, Y: Axis{Log: true}},
		"not numbers":   {Lines: []Line{{Points: []Point{{X: nan, Y: 1}, {X: 1, Y: inf}, {X: 2, Y: 3}}}}},
		"huge":          {Lines: []Line{{Points: []Point{{X: 1e300, Y: 1e300}, {X: -1e300, Y: 2}}}}},
		"tiny":          {Lines: []Line{{Points: []Point{{X: 1e-12, Y: 1e-12}, {X: 2e-12, Y: 3e-9}}}}, Y: Axis{Log: true}},
		"far and close": {Lines: []Line{{Points: []Point{{X: 1e17, Y: 1}, {X: 1e17 + 64, Y: 2}}}}},
		"bad log range": {X: Axis{Log: true, Min: -1, Max: 5}, Lines: []Line{{Points: []Point{{X: 1, Y: 1}}}}},
		"wide range":    {Y: Axis{Log: true}, Lines: []Line{{Points: []Point{{X: 1, Y: 1e-6}, {X: 2, Y: 1e9}}}}},
		"negative":      {Lines: []Line{{Points: []Point{{X: -1, Y: -5}, {X: 1, Y: 5}}}}},
		"empty band":    {Bands: []Band{{From: 3, To: 3, Label: "x", Grey: true}}, Lines: []Line{{Points: []Point{{X: 1, Y: 1}}}}},
	} {
		var b bytes.Buffer
		f := &Figure{Name: name, Title: name, Panels: []Panel{p}}
		if err := SVG(&b, f, Narrow); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := wellFormed(b.String()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(b.String(), "NaN") || strings.Contains(b.String(), "Inf") {
			t.Errorf("%s: the picture holds a number that is none", name)
		}
	}
	if err := SVG(io.Discard, &Figure{Name: "f"}, Wide); err == nil {
		t.Error("a figure without panels was drawn")
	}
}

func TestTicks(t *testing.T) {
	labels := func(ts []Tick) (s []string) {
		for _, t := range ts {
			s = append(s, t.Label)
		}
		return s
	}
	log := func(lo, hi float64, room int) []Tick {
		g := newLogGrid(lo, hi)
		return g.ticks(room)
	}
	for _, c := range []struct {
		name string
		got  []Tick
		want []string
	}{
		{"linear", linearTicks(0, 100, 5), []string{"0", "20", "40", "60", "80", "100"}},
		{"not from zero", linearTicks(7, 33, 4), []string{"10", "20", "30"}},
		{"thousands", linearTicks(0, 10000, 2), []string{"0", "5\u00a0000", "10\u00a0000"}},
		{"log with room", log(0.5, 20, 9), []string{"0.5", "1", "2", "5", "10", "20"}},
		{"log without", log(0.5, 20, 3), []string{"0.5", "", "2", "", "", "20"}},
		{"less than a factor of two", log(0.8, 1.3, 10), []string{"0.8", "1", "1.2", "1.4"}},
		{"so with less room", log(0.73, 1.43, 7), []string{"", "0.8", "", "1", "", "1.2", "", "1.4", ""}},
		{"so with little", log(0.73, 1.43, 3), []string{"0.7", "", "", "1", "", "", "", "", "1.5"}},
		{"hardly any", log(1000, 1001, 5), []string{"994", "", "", "1\u00a0000", "", "", "1\u00a0006"}},
		{"widened", log(2.1, 10.5, 9), []string{"2", "5", "10", "20"}},
		{"many decades", log(0.001, 1000, 3), []string{"0.001", "", "", "", "", "", "0.1", "", "", "", "", "", "10", "", "", "", "", "", "1\u00a0000"}},
	} {
		if d := cmp.Diff(c.want, labels(c.got)); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

func TestRanges(t *testing.T) {
	for _, c := range []struct{ lo, hi, min, max float64 }{
		{3, 42, 2, 50}, {1, 10, 1, 10}, {6, 7, 5, 50}, {0.15, 900, 0.1, 1000},
	} {
		if lo, hi := niceLog(c.lo, c.hi); math.Abs(lo-c.min) > 1e-9 || math.Abs(hi-c.max) > 1e-9 {
			t.Errorf("niceLog(%v, %v) = %v, %v, want %v, %v", c.lo, c.hi, lo, hi, c.min, c.max)
		}
	}
}

// A scale has two labelled ticks at least, a logarithmic one three, whatever the room and the range.
func TestEnoughTicks(t *testing.T) {
	check := func(a Axis, least int) {
		t.Helper()
		for room := 2; room < 12; room++ {
			s := newScale(a, nil, room, true)
			var at []float64
			words := map[string]bool{}
			for i, tick := range s.ticks {
				if tick.At < s.min || tick.At > s.max || i > 0 && tick.At <= s.ticks[i-1].At {
					t.Errorf("%+v in the room of %d: tick %d of %v, from %v to %v", a, room, i, s.ticks, s.min, s.max)
				}
				if tick.Label != "" {
					at, words[tick.Label] = append(at, s.at(tick.At)), true
				}
			}
			if len(at) < least || len(words) != len(at) {
				t.Errorf("%+v in the room of %d: labels of %v", a, room, s.ticks)
			}
			if !a.Log {
				continue
			}
			for i := 1; i < len(at); i++ {
				if gap := at[i] - at[i-1]; gap < 1/float64(room)-1e-6 && (len(at) > 3 || gap < 0.25) {
					t.Errorf("%+v in the room of %d: labels %.3f of the axis apart in %v", a, room, gap, s.ticks)
				}
			}
			from, to := s.at(a.Min), s.at(a.Max)
			if a.Max > 1.05*a.Min && to-from < 0.45 || s.min > a.Min*1.0002 || s.max < a.Max*0.9998 {
				t.Errorf("%+v is drawn from %.2f to %.2f of %v to %v", a, from, to, s.min, s.max)
			}
		}
	}
	for _, a := range []Axis{{Min: -1.1, Max: 1.1}, {Min: 0, Max: 1.4}, {Min: 3.1, Max: 7.9}} {
		check(a, 2)
	}
	for exponent := -9; exponent <= 12; exponent += 7 {
		for m := 1.0; m < 10; m *= 1.07 {
			low := m * math.Pow10(exponent)
			for _, ratio := range []float64{1.0001, 1.01, 1.05, 1.2, 1.5, 1.7, 1.99, 2, 2.5, 3, 4, 4.99, 5, 7, 9.9, 10, 25, 100, 3e4, 1e7, 1e12} {
				check(Axis{Log: true, Min: low, Max: low * ratio}, 3)
			}
		}
	}
}

// A line at a round value does not lie on the edge, where half of it is cut off.
func TestHeadroom(t *testing.T) {
	if s := newScale(Axis{}, []float64{20000}, 5, true); s.max != 25000 || s.min != 0 {
		t.Errorf("%v to %v", s.min, s.max)
	}
	if s := newScale(Axis{}, []float64{-0.4, 0.9}, 4, true); s.min != -0.5 || s.max != 1 {
		t.Errorf("%v to %v", s.min, s.max)
	}
}

// A limit far above the data leaves the linear axis to them, and is named; one nearby is drawn.
func TestFarRuleLeavesTheAxisAlone(t *testing.T) {
	for _, tt := range []struct {
		rule  float64
		log   bool
		most  float64 // of the axis
		label string
	}{
		{500, false, 5, "p99(lag) < 500ms (above)"},
		{8, false, 10, "p99(lag) < 500ms"},
		{500, true, 1000, "p99(lag) < 500ms"},
	} {
		f := &Figure{Name: "f", Panels: []Panel{{
			X: Axis{Min: 0, Max: 10}, Y: Axis{Log: tt.log}, Rules: []Rule{{At: tt.rule, Label: "p99(lag) < 500ms"}},
			Lines: []Line{{Points: []Point{{X: 1, Y: 1}, {X: 9, Y: 4}}}},
		}}}
		l, err := f.layout(Wide)
		if err != nil {
			t.Fatal(err)
		}
		if got := l.panels[0].y.max; got > tt.most {
			t.Errorf("with a limit of %v the axis reaches %v, want %v at most", tt.rule, got, tt.most)
		}
		var c recorder.Canvas
		l.draw(draw.NewCanvas(&c, l.width, l.height))
		named := false
		for _, a := range c.Actions {
			s, ok := a.(*recorder.FillString)
			named = named || ok && s.String == tt.label && s.Point.Y+textSize < l.panels[0].area.Max.Y+1
		}
		if !named {
			t.Errorf("the limit of %v is not named %q within the axes", tt.rule, tt.label)
		}
	}
}

// Only bands with a name reach into the strip of names, where a line would strike out what stands there.
func TestBandsLeaveTheLabelsAlone(t *testing.T) {
	f := &Figure{Name: "f", Panels: []Panel{{
		X: Axis{Min: 0, Max: 10}, Y: Axis{Min: 0, Max: 10}, Bands: []Band{{From: 4, To: 8, Grey: true}},
		Rules: []Rule{{At: 4, Vertical: true, Label: "holds 4, breaks 8"}}, Lines: []Line{{Points: []Point{{X: 1, Y: 1}, {X: 9, Y: 9}}}},
	}}}
	l, err := f.layout(Wide)
	if err != nil {
		t.Fatal(err)
	}
	var c recorder.Canvas
	l.draw(draw.NewCanvas(&c, l.width, l.height))
	top := l.panels[0].area.Max.Y
	strokes := 0
	for _, a := range c.Actions {
		if stroke, ok := a.(*recorder.Stroke); ok {
			strokes++
			for _, part := range stroke.Path {
				if part.Pos.Y > top+0.1 {
					t.Errorf("a line reaches %v, above the axes at %v", part.Pos.Y, top)
				}
			}
		}
	}
	if strokes < 10 {
		t.Errorf("%d lines", strokes)
	}
}

// Long names of rows take several lines above their row, and the label of the first tick has room to the left of the axis.
func TestRowsOnAPhone(t *testing.T) {
	f := &Figure{Name: "f", Panels: []Panel{{
		X: Axis{Label: "per second", Log: true, Min: 10000, Max: 2e6},
		Y: Axis{Min: 0.4, Max: 2.6, Ticks: []Tick{{At: 2, Label: "one message at a time / 64B / one room / of one size / all read fast"}, {At: 1, Label: "bursts of 8"}}},
	}}}
	l, err := f.layout(Narrow)
	if err != nil {
		t.Fatal(err)
	}
	p := l.panels[0]
	if !p.inside || p.pitch <= insidePitch {
		t.Errorf("inside %v, rows %v apart", p.inside, p.pitch)
	}
	if half := sans(textSize, ink, false).Width("10\u00a0000") / 2; l.left < half {
		t.Errorf("half of the first label takes %v, and %v are left of the axis", half, l.left)
	}
	var b bytes.Buffer
	if err := SVG(&b, f, Narrow); err != nil || strings.Contains(b.String(), "…") || !strings.Contains(b.String(), "all read fast") {
		t.Errorf("%v; the name is cut", err)
	}
}

// TestAreaLiesBetweenItsLines: an area widens the axes like data, and is filled between its bounds.
func TestAreaLiesBetweenItsLines(t *testing.T) {
	area := Area{Low: []Point{{X: 1, Y: -40}, {X: 2, Y: -30}}, High: []Point{{X: 1, Y: 50}, {X: 2, Y: 60}}}
	p := Panel{Lines: []Line{{Points: []Point{{X: 1, Y: 1}, {X: 2, Y: 2}}}}, Areas: []Area{area}}
	q := prepare(p, 300, 200)
	if q.y.min > -40 || q.y.max < 60 {
		t.Errorf("the axis from %v to %v hides the area", q.y.min, q.y.max)
	}
	var with, without strings.Builder
	for w, panel := range map[*strings.Builder]Panel{&with: p, &without: {Lines: p.Lines, Y: Axis{Min: q.y.min, Max: q.y.max}}} {
		if err := SVG(w, &Figure{Name: "a", Title: "t", Panels: []Panel{panel}}, Wide); err != nil {
			t.Fatal(err)
		}
	}
	if n, m := strings.Count(with.String(), hex(boxes[Heat1])), strings.Count(without.String(), hex(boxes[Heat1])); n != 1 || m != 0 {
		t.Errorf("%d filled areas are drawn, %d without the area", n, m)
	}
}

// Marks are seen without looking for them: none is a hair of ink.
func TestMarksAreSeen(t *testing.T) {
	for s := range styles {
		const ink = 40 // pixels, of which a point of the figure has seven
		f := &Figure{Name: "marks", Title: "t", Panels: []Panel{{Lines: []Line{{Style: s, Marks: true, Points: []Point{{X: 1, Y: 1}, {X: 2, Y: 2}}}}}}}
		var b bytes.Buffer
		if err := PNG(&b, f, Size{Width: 150, Axes: 60}); err != nil {
			t.Fatal(err)
		}
		picture, err := png.Decode(&b)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for y := range picture.Bounds().Dy() {
			for x := range picture.Bounds().Dx() {
				if r, g, b, _ := picture.At(x, y).RGBA(); (color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), 0xFF}) == series[s] {
					n++
				}
			}
		}
		t.Logf("%d: %d pixels a mark", s, n/2)
		if n/2 < ink {
			t.Errorf("a mark of style %d is %d pixels", s, n/2)
		}
	}
}

// TestTextKeepsItsWidth: every text of a picture says how wide it was laid out, for machines that draw it with another font.
func TestTextKeepsItsWidth(t *testing.T) {
	s, err := svg(sample(), Narrow)
	if err != nil {
		t.Fatal(err)
	}
	elements := regexp.MustCompile(`(?s)<text [^>]*>[^<]+</text>`).FindAllString(s, -1)
	if len(elements) < 20 {
		t.Fatalf("only %d texts", len(elements))
	}
	for _, e := range elements {
		if !strings.Contains(e, `lengthAdjust="spacingAndGlyphs"`) {
			t.Errorf("no length: %s", e)
		}
	}
	want := fmt.Sprintf(`textLength="%.5g"`, sans(textSize, ink, false).Width("p99 < 100ms").Points())
	if !strings.Contains(s, want) {
		t.Errorf("the label of the rule is not %s", want)
	}
	bold := fmt.Sprintf(`textLength="%.5g"`, sans(titleSize, ink, true).Width(`Latency & <"loss">`).Points())
	if !strings.Contains(s, bold) {
		t.Errorf("the title is not %s", bold)
	}
}

func TestPDF(t *testing.T) {
	f := sample()
	f.Sub = "n\u00a0=\u00a012 · µs ≤ 5, привет" // the last two are not in the code page of the library
	var a, b, latin bytes.Buffer
	if err := errors.Join(PDF(&a, f, Wide), PDF(&b, f, Wide)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("the same figure gives different bytes")
	}
	f.Sub = "n = 12"
	if err := PDF(&latin, f, Paper(84*72/25.4)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"%PDF-1.", "/MediaBox [0 0 600.00 ", "/BaseFont /LiberationSans", "/FontFile2"} {
		if !bytes.Contains(a.Bytes(), []byte(want)) {
			t.Errorf("no %q in the file", want)
		}
	}
	if !bytes.Contains(latin.Bytes(), []byte("/MediaBox [0 0 238.11 ")) {
		t.Error("the figure for a column is not 84 mm wide")
	}
	if bytes.Contains(a.Bytes(), []byte("/Subtype /Image")) {
		t.Error("there is a bitmap in it")
	}
}

// TestPaper: text on paper is of 8 points in a column and never larger than on a screen; a figure has the width that was asked for.
func TestPaper(t *testing.T) {
	for _, c := range []struct{ width, text float64 }{{113, 8}, {238.11, 8}, {456, 8}, {520, 9.12}, {600, 10.5}, {1000, 10.5}} {
		size := Paper(c.width)
		if got := size.Width * size.Scale; math.Abs(got-c.width) > 0.01 {
			t.Errorf("%v points: %v wide", c.width, got)
		}
		if got := float64(textSize) * size.Scale; math.Abs(got-c.text) > 0.01 {
			t.Errorf("%v points: text of %v, want %v", c.width, got, c.text)
		}
		var s, p bytes.Buffer
		if err := errors.Join(SVG(&s, sample(), size), PNG(&p, sample(), size)); err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf(`<svg width="%.2fpt" height=`, c.width); !strings.Contains(s.String(), want) {
			t.Errorf("no %s in %.200s", want, s.String())
		}
		img, err := png.DecodeConfig(&p)
		if err != nil || math.Abs(float64(img.Width)-c.width/72*600) > 0.01*c.width/72*600 {
			t.Errorf("%v points: %d pixels (%v)", c.width, img.Width, err)
		}
	}
}

// TestOutline: characters that the library for PDF cannot write are shapes of the same width.
func TestOutline(t *testing.T) {
	st := sans(textSize, ink, false)
	face := font.DefaultCache.Lookup(st.Font, st.Font.Size)
	path := outline(face, vg.Point{X: 100, Y: 50}, "привет ≤")
	left, right := vg.Length(math.Inf(1)), vg.Length(math.Inf(-1))
	for _, c := range path {
		if c.Type != vg.CloseComp {
			left, right = min(left, c.Pos.X), max(right, c.Pos.X)
		}
	}
	if w := st.Width("привет ≤"); left < 100 || left > 102 || math.Abs(float64(right-100-w)) > 2 {
		t.Errorf("from %v to %v, and the text is %v wide", left, right, w)
	}
}

// Texts of points at one x stand apart from each other and within the axes, however close the
// points are.
func TestTextsOfPointsStandApart(t *testing.T) {
	for name, ys := range map[string][]float64{
		"apart": {1, 10, 100}, "two alike": {3, 3.1, 20}, "all alike": {5, 5.1, 5.2}, "at the ends": {1, 1.01, 100},
	} {
		f := &Figure{Name: "texts", Panels: []Panel{{X: Axis{Log: true, Min: 0.5, Max: 10}, Y: Axis{Log: true, Min: 0.5, Max: 200}}}}
		for i, y := range ys {
			f.Panels[0].Lines = append(f.Panels[0].Lines, Line{Marks: true, Points: []Point{{X: 1, Y: y, Text: strings.Repeat("8", i+5)}}})
		}
		s, err := svg(f, Wide)
		if err != nil {
			t.Fatal(err)
		}
		var at []float64
		for i := range ys {
			m := regexp.MustCompile(`y="([-0-9.]+)"[^>]*>` + strings.Repeat("8", i+5) + `<`).FindStringSubmatch(s)
			if m == nil {
				t.Fatalf("%s: a text is missing:\n%s", name, s)
			}
			y, err := strconv.ParseFloat(m[1], 64)
			if err != nil {
				t.Fatal(err)
			}
			for _, other := range at {
				if math.Abs(y-other) < float64(textSize)*0.75 {
					t.Errorf("%s: texts stand %.1f points apart", name, math.Abs(y-other))
				}
			}
			at = append(at, y)
		}
	}
}

// An edge parts two bands; a lone band has none, which would pass for a value.
func TestEdgeBetweenBands(t *testing.T) {
	two := []Band{{From: 1, To: 2, Grey: true}, {From: 2, To: 4}}
	if follows(two, two[0]) || !follows(two, two[1]) {
		t.Error("the edge of two bands is not between them")
	}
}
