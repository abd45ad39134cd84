package sentences

import (
	"strings"
	"testing"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/scenario/result"
)

func TestSummaryTellsWhatIsKeptApart(t *testing.T) {
	run := &result.Run{Cells: []result.Cell{{
		Clients:  result.Clients{SlowDropped: 3},
		Slow:     &result.Ledger{Expected: 100, Received: 40, Late: 10, Lost: 50},
		Volatile: &result.Ledger{Sent: 7, Expected: 70, Received: 70},
		Reconnects: &result.Reconnects{
			Lost: 2000, Back: 1990, Recover: true, Recovered: 1900, P50us: 1_056_767, P95us: 1_489_919,
		},
	}}}
	got := LedgerLine(run)
	for _, want := range []string{
		"slow readers, apart: expected: 100  received: 40  late: 10  lost: 50  undecided: 0  connections ended: 3",
		"volatile messages, apart: sent: 7  expected: 70  received: 70",
		"reconnects: lost: 2" + layout.Nbsp + "000  back: 1" + layout.Nbsp + "990  50% back after: 1.06" + layout.Nbsp + "s  95%: 1.49" + layout.Nbsp + "s  99.9%: never  recovered: 1" + layout.Nbsp + "900 (95 %)",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q has no %q", got, want)
		}
	}
	run.Cells[0] = result.Cell{}
	if got := LedgerLine(run); strings.Contains(got, "apart") || strings.Contains(got, "reconnects") {
		t.Errorf("%q tells of what was not there", got)
	}
}
