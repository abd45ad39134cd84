package reports

import (
	"strings"
	"testing"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/reporttest"
	"github.com/throng-io/throng/scenario/result"
)

// Combinations are counted where there are several.
func TestWhatWasMeasured(t *testing.T) {
	for want, run := range map[string]*result.Run{
		"2 trials":                   reporttest.Trials(1, 2, 1000),
		"4 trials in 2 combinations": reporttest.Trials(1, 2, 1000, 2000),
	} {
		if got := factsTable(run).Rows[0]; got[0] != "measured" || strings.ReplaceAll(got[1], layout.Nbsp, " ") != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Where the run counts the generator was fit to judge, whatever its rules say: the server had ended.
func TestWhetherTheGeneratorWasFit(t *testing.T) {
	for verdict, want := range map[result.Verdict]string{result.Fail: ": fit to judge", result.Invalid: ": not fit to judge"} {
		c := &result.Cell{Verdict: verdict, Checks: []result.Check{{Text: "max(cpu) < 80%", Kind: result.KindValid, Value: 0.9}}}
		c.Generator.CPUMax = 0.9
		if got := generatorFact(c); !strings.HasSuffix(got, want) {
			t.Errorf("%s: %q, want %q", verdict, got, want)
		}
	}
}
