package reports

import (
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/tables"
	"github.com/throng-io/throng/scenario/result"
)

// TestNeverAnswered: where calls were never answered, no percentile among them is shown as a value.
func TestNeverAnswered(t *testing.T) {
	samples := result.Samples{Ended: result.NewHistogram(), Never: result.NewHistogram()}
	for range 950 {
		result.Record(samples.Ended, 10*time.Millisecond)
	}
	for range 50 {
		result.Record(samples.Never, 500*time.Millisecond)
	}
	cell := result.Cell{
		Verdict: result.Fail, Reason: "p99(ack) < 1s: > 500 ms", Latency: map[string]*result.Latency{"ack": samples.Latency()}, Seconds: 1,
		Checks: []result.Check{{Text: "p99(ack) < 1s", Kind: result.KindSLO, Stat: "p99", Metric: "ack", Op: "<", Unit: "s", Value: 0.5, Limit: 1, Beyond: true}},
	}
	s := strings.ReplaceAll(Sentence(&result.Run{Verdict: result.Fail, Cells: []result.Cell{cell}}), layout.Nbsp, " ")
	if !strings.Contains(s, "it was > 500 ms") || !strings.Contains(s, "p99 ack > 500 ms") {
		t.Errorf("it says %q", s)
	}
	row := strings.ReplaceAll(strings.Join(tables.LatencyTable(cell.Latency, []string{"ack"}, 0).Rows[0], "|"), layout.Nbsp, " ")
	if !strings.HasPrefix(row, "ack|10 ms|10 ms|> 500 ms|-|> 500 ms|950 of 1 000 came") {
		t.Errorf("the table has %q", row)
	}
}
