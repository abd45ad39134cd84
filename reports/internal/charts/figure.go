package charts

import (
	"fmt"
	"slices"
	"strings"

	"github.com/throng-io/throng/reports/internal/draw"
	"github.com/throng-io/throng/reports/internal/layout"
)

// Figure is a chart as data, with the words and numbers that stand below it.
type Figure struct {
	draw.Figure
	Caption string
	Data    layout.Table
}

// JoinSub joins the parts of a subtitle that are not empty.
func JoinSub(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " · ")
}

// Ms converts µs to ms.
func Ms(us int64) float64 { return float64(us) / 1e3 }

// Anchor is the id of a figure on the page.
func (f *Figure) Anchor() string { return fmt.Sprintf("figure-%s", f.Name) }
