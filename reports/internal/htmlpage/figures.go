package htmlpage

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/throng-io/throng/reports/internal/charts"
	"github.com/throng-io/throng/reports/internal/draw"
)

// PageName and FiguresName are what Write puts into its directory.
const (
	PageName    = "report.html"
	FiguresName = "figures"
)

// drawers write a figure as a file of their format.
var drawers = []struct {
	format string
	draw   func(io.Writer, *draw.Figure, draw.Size) error
}{{"svg", draw.SVG}, {"png", draw.PNG}, {"pdf", draw.PDF}}

// WriteFigures replaces the pictures in the folder of the figures in dir by those of all. Other
// files there are left, so that no figure of another result stays and nothing else is lost.
func WriteFigures(dir string, all []*charts.Figure, formats []string, width float64) error {
	dir = filepath.Join(dir, FiguresName)
	size := draw.Wide
	if width > 0 {
		size = draw.Paper(width)
	}
	for _, d := range drawers {
		old, err := fs.Glob(os.DirFS(dir), "*."+d.format) // the directory's own name is no pattern
		if err != nil {
			return err
		}
		for _, name := range old {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
		if !slices.Contains(formats, d.format) {
			continue
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		for _, f := range all {
			var b bytes.Buffer
			if err := d.draw(&b, &f.Figure, size); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(dir, f.Name+"."+d.format), b.Bytes(), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}
