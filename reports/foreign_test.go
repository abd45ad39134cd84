package reports

import (
	"fmt"
	"strings"
	"testing"

	"github.com/throng-io/throng/reports/internal/draw"
	"github.com/throng-io/throng/reports/internal/reporttest"
	"github.com/throng-io/throng/scenario/result"
)

// TestLongTextsDoNotGrowFigures: with texts as long as a result may hold, the figures stay as small as they are, and so does the time
// that a picture takes.
func TestLongTextsDoNotGrowFigures(t *testing.T) {
	run := reporttest.Sample("fail")
	for name, long := range map[string]string{"a word": strings.Repeat("W", result.MaxText), "words": strings.Repeat("ab ", result.MaxText/3)} {
		run.Scenario, run.Cells[0].Reason = long, long
		run.Cells[0].Warnings = []string{long, long}
		run.Cells[0].Checks[0].Text = long
		run.Cells[0].Phases[0].Name = long
		p, err := build(run)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range p.Figures() {
			svg, err := draw.Inline(&f.Figure, draw.Wide, "")
			if err != nil {
				t.Fatal(err)
			}
			var w, h float64
			if _, err := fmt.Sscanf(svg[strings.Index(svg, "viewBox="):], `viewBox="0 0 %f %f"`, &w, &h); err != nil || h > 900 {
				t.Errorf("%s: %s is %v high (%v)", name, f.Name, h, err)
			}
			if len(svg) > 300_000 {
				t.Errorf("%s: %s has %d bytes", name, f.Name, len(svg))
			}
		}
	}
}
