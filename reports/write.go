package reports

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/throng-io/throng/reports/internal/htmlpage"
	"github.com/throng-io/throng/scenario/result"
)

// PageName and FiguresName are what Write puts into its directory: the page, and the folder of its
// figures.
const (
	PageName    = htmlpage.PageName
	FiguresName = htmlpage.FiguresName
)

// maxDrawnCells is how many cells of a matrix get figures of their own. Beyond it a page would take
// minutes to draw, and nobody would look at them; the comparing figures and all tables are complete
// whatever the number.
const maxDrawnCells = 24

// DrawFormats are the formats that Write draws, and defaultDrawn those that it draws unless told
// otherwise.
var (
	DrawFormats  = []string{"html", "svg", "png", "pdf"}
	defaultDrawn = DrawFormats[:3]
)

// Drawing says what to draw. The zero value is the page, and the figures as SVG and PNG for
// screens.
type Drawing struct {
	Formats []string // of DrawFormats; others are ignored; nil: html, svg and png
	Width   float64  // of the figures' files in points; 0: 600. The page has its own
}

// Drawn are the formats that d asks for.
func (d *Drawing) Drawn() []string {
	if d.Formats == nil {
		return defaultDrawn
	}
	return d.Formats
}

// Write draws run into dir, which is made when missing: report.html, one page that needs no other
// file and no network, and every figure of it as figures/NAME.svg, figures/NAME.png and, when asked
// for, figures/NAME.pdf. The same run gives the same bytes. Figures that the run has no data for
// are left out; figures of an earlier report in the same place are removed.
func Write(dir string, run *result.Run, what Drawing) error {
	p, err := build(run)
	if err != nil {
		return fmt.Errorf("draw report: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if err := htmlpage.WriteFigures(dir, p.Figures(), what.Drawn(), what.Width); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if !slices.Contains(what.Drawn(), "html") {
		return nil
	}
	html, err := p.HTML()
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, htmlpage.PageName), html, 0o644); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// HTML returns the page of run.
func HTML(run *result.Run) ([]byte, error) {
	p, err := build(run)
	if err != nil {
		return nil, fmt.Errorf("draw report: %w", err)
	}
	return p.HTML()
}
