package reports

import (
	"strings"
	"testing"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/reporttest"
	"github.com/throng-io/throng/scenario/metric"
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

// A generator whose rules are broken was fit where the run counts all the same, as the server had
// ended. Where no rule decides, nothing says whether it was.
func TestWhetherTheGeneratorWasFit(t *testing.T) {
	busy := result.Check{Text: "max(cpu) < 80%", Kind: result.KindValid}
	open := result.Check{Text: "undecided(delivery) < 5%", Stat: metric.StatUndecided, Kind: result.KindValid}
	for _, c := range []struct {
		verdict result.Verdict
		reason  string
		broken  []result.Check
		want    string
	}{
		{result.Pass, "", nil, "CPU 90 %: fit to judge"},
		{result.Fail, "the server exited by itself after 2 s", []result.Check{busy}, "CPU 90 %: fit to judge"},
		{result.Invalid, "max(cpu) < 80%: 90 %", []result.Check{busy}, "CPU 90 %: not fit to judge"},
		{result.Invalid, "undecided(delivery) < 5%: 6 %", []result.Check{open}, "CPU 90 %: fit to judge"},
		{result.Invalid, "the fault in hold did not happen, or not in full: the generator was too far behind its schedule", []result.Check{open}, "CPU 90 %"},
	} {
		cell := &result.Cell{Verdict: c.verdict, Reason: c.reason, Checks: c.broken}
		cell.Generator.CPUMax = 0.9
		if got := strings.ReplaceAll(generatorFact(cell), layout.Nbsp, " "); got != c.want {
			t.Errorf("%s because %q: %q, want %q", c.verdict, c.reason, got, c.want)
		}
	}
}
