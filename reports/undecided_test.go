package reports

import (
	"strings"
	"testing"

	"github.com/throng-io/throng/reports/capacity"
	"github.com/throng-io/throng/reports/internal/reporttest"
	"github.com/throng-io/throng/reports/internal/tables"
	"github.com/throng-io/throng/scenario/result"
)

// TestUndecided: a rule with too few samples is neither met nor broken, and the generator is not
// blamed.
func TestUndecided(t *testing.T) {
	run := reporttest.Undecided()
	s := Sentence(run)
	if !strings.HasPrefix(s, "Not decided: p99.9(ack) < 1s: not enough samples: 4 000, and a p99.9 takes 10 000. p99 delivery") || strings.Contains(s, "No number") || strings.Contains(s, "broken") {
		t.Errorf("it says %q", s)
	}
	rows := tables.ChecksTable(&run.Cells[0]).Rows
	if last := rows[len(rows)-1]; last[1] != "not decided" || !strings.Contains(last[3], "takes 10 000") {
		t.Errorf("the table has %q", last)
	}
	if all := capacity.Criteria(&run.Cells[0]); !strings.HasPrefix(all[len(all)-1], "UNDECIDED [p99.9(ack)") {
		t.Errorf("criteria %q", all)
	}
	run.Cells[0].Checks = append(run.Cells[0].Checks, result.Check{Text: "max(cpu) < 90%", Kind: result.KindValid, Value: 0.95, Limit: 0.9, Unit: "share"})
	if s := Sentence(run); !strings.Contains(s, "No number of this run says anything about the server") {
		t.Errorf("with an unfit generator it says %q", s)
	}
}

// TestSearchThatCannotDecide does not blame the generator either.
func TestSearchThatCannotDecide(t *testing.T) {
	run := reporttest.Sample("search")
	last := len(run.Cells) - 1
	run.Cells[last].Checks, run.Cells[last].Reason = reporttest.Undecided().Cells[0].Checks, reporttest.Undecided().Cells[0].Reason
	run.Capacity.End, run.Capacity.High, run.Capacity.Probes[last].Reason = "generator", 3000, run.Cells[last].Reason
	if s := capacity.Of(run).Line; !strings.Contains(s, "Trials at 3 000 viewers cannot be decided: p99.9(ack) < 1s: not enough samples") || strings.Contains(s, "generator") {
		t.Errorf("it says %q", s)
	}
}
