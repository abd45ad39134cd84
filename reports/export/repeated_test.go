package export

import (
	"bytes"
	"encoding/xml"
	"strings"
	"testing"

	"github.com/throng-io/throng/reports"
	"github.com/throng-io/throng/reports/internal/reporttest"
	"github.com/throng-io/throng/scenario/result"
)

// An invalid trial that was repeated is told and reddens nothing.
func TestRepeatedTrial(t *testing.T) {
	run := reporttest.Trials(1, 4, 2000)
	first := run.Cells[1]
	first.Verdict, first.Repeated, first.Reason = result.Invalid, true, "max(lag) < 1ms: 7 ms"
	first.Checks = []result.Check{{Text: "max(lag) < 1ms", Kind: result.KindValid, Value: 0.007, Unit: "s"}}
	run.Cells = append(run.Cells, run.Cells[1])
	run.Cells[1] = first
	var b bytes.Buffer
	if err := reports.Summary(&b, run); err != nil {
		t.Fatal(err)
	}
	if got := plain(b.String()); !strings.Contains(got, "verdict: pass") || !strings.Contains(got, "All 4 trials pass. 1 invalid trial was repeated.") {
		t.Errorf("the summary:\n%s", got)
	}
	var suites junitSuites
	if err := xml.Unmarshal(format(t, "junit", run), &suites); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, s := range suites.Suites {
		names[s.Name] = true
	}
	if suites.Errors != 0 || suites.Failures != 0 || len(names) != 5 || suites.Suites[1].Skipped != 2 {
		t.Errorf("%d errors, %d failures, suites %v", suites.Errors, suites.Failures, names)
	}
}
