package sentences

import (
	"strings"
	"testing"

	"github.com/throng-io/throng/reports/internal/reporttest"
	"github.com/throng-io/throng/scenario/result"
)

// Of a trial and its repeat, one counts.
func TestOneTrialThatWasRepeated(t *testing.T) {
	run := reporttest.Trials(1, 2, 2000)
	run.Cells[1].Trial = 1
	run.Cells[0].Verdict, run.Cells[0].Repeated = result.Invalid, true
	if got := MatrixSentence(run); !strings.HasSuffix(got, "The trial passes. 1 invalid trial was repeated.") {
		t.Errorf("%q", got)
	}
}
