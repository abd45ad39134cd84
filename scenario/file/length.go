package file

import (
	"fmt"
	"regexp"
	"strconv"
)

var reLength = regexp.MustCompile(`^(\d+(?:\.\d+)?)(mm|cm|in|pt|px)$`)

// points are the units of length on paper; a pixel is a CSS pixel, 96 to the inch.
var points = map[string]float64{"mm": 72 / 25.4, "cm": 72 / 2.54, "in": 72, "pt": 1, "px": 0.75}

// The widths that a figure can have. A narrower one has no room for its axes beside text that can
// be read.
const (
	minFigure = 40 * 72 / 25.4
	maxFigure = 1000 * 72 / 25.4
)

// ParseFigureWidth reads the width of a figure, such as 84mm, 8.4cm, 3.3in, 238pt or 600px, in
// points of 1/72 inch.
func ParseFigureWidth(text string) (float64, error) {
	v, f := parseFigureWidth(text)
	if f != nil {
		return 0, fmt.Errorf("%s; %s", f.msg, f.hint)
	}
	return v, nil
}

func parseFigureWidth(text string) (float64, *flaw) {
	m := reLength.FindStringSubmatch(closeUp(text))
	if m == nil {
		return 0, wrong(text, "width", "write it like 84mm, 8.4cm, 3.3in, 238pt or 600px")
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if w := n * points[m[2]]; err == nil && w >= minFigure && w <= maxFigure {
		return w, nil
	}
	return 0, &flaw{fmt.Sprintf("a figure %s wide is out of range", clip(text)), "write 40mm to 1000mm"}
}
