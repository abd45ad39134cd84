package sentences

import (
	"strings"
	"testing"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/tables"
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
		"slow readers (counted separately): expected: 100  received: 40  late: 10  lost: 50  undecided: 0  connections ended: 3",
		"volatile messages (counted separately): sent: 7  expected: 70  received: 70",
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

// A trial that was invalid and made again counts once in the sums.
func TestSumsLeaveOutRepeatedTrials(t *testing.T) {
	first := result.Cell{
		Repeated: true,
		Clients:  result.Clients{Asked: 201, Held: 200, Waiting: 1, SlowDropped: 3},
		Messages: result.Operations{Due: 90, Sent: 80, Dropped: 10},
		Ledger:   result.Ledger{Sent: 80, Expected: 800, Received: 700, Undecided: 100},
		Slow:     &result.Ledger{Expected: 5, Received: 5},
		Volatile: &result.Ledger{Sent: 7, Expected: 70, Received: 70},
	}
	last := result.Cell{
		Clients: result.Clients{Asked: 201, Held: 201}, Messages: result.Operations{Due: 90, Sent: 90}, Ledger: result.Ledger{Sent: 90, Expected: 900, Received: 900},
	}
	got := LedgerLine(&result.Run{Cells: []result.Cell{first, last}})
	if want := LedgerLine(&result.Run{Cells: []result.Cell{last}}); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// What was due and not sent is told where there is any, in the summary and in the tables.
func TestUnsentMessagesAreTold(t *testing.T) {
	c := result.Cell{Messages: result.Operations{Due: 1800, Sent: 1434, Held: 6, Dropped: 360}, Ledger: result.Ledger{Due: 1700, Sent: 1400, Held: 5, Dropped: 295}}
	run := &result.Run{Cells: []result.Cell{c, c}}
	want := "messages: due: 3" + layout.Nbsp + "600  sent: 2" + layout.Nbsp + "868  held to the end: 12  dropped: 720\nledger: "
	if got := LedgerLine(run); !strings.HasPrefix(got, want) {
		t.Errorf("%q, want %q at first", got, want)
	}
	rows := func(of ...layout.Table) (out string) {
		for _, t := range of {
			for _, r := range t.Rows {
				out += r[0] + "=" + r[1] + ";"
			}
		}
		return out
	}
	got := rows(tables.LedgerTable(&c), tables.LoadTable(&c))
	for _, want := range []string{"due=1" + layout.Nbsp + "700;held to the end=5;dropped=295;sent=1" + layout.Nbsp + "400;", "due=1" + layout.Nbsp + "800;sent=1" + layout.Nbsp + "434;held to the end=6;dropped=360;"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q has no %q", got, want)
		}
	}
	c = result.Cell{Messages: result.Operations{Due: 5, Sent: 5}, Ledger: result.Ledger{Due: 5, Sent: 5}}
	if got := rows(tables.LedgerTable(&c), tables.LoadTable(&c)); strings.Contains(got, "due") {
		t.Errorf("%q tells of what was not there", got)
	}
}
