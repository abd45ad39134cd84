package tables

import (
	"slices"
	"strings"
	"testing"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/scenario/result"
)

// What crossing costs is given for the combinations that have several nodes, over their valid
// trials.
func TestCrossingOverview(t *testing.T) {
	cell := func(verdict result.Verdict, across int64) *result.Cell {
		c := &result.Cell{Verdict: verdict, Ledger: result.Ledger{Received: 900, Late: 100}, Server: result.Server{CPUs: 0.02, BrokerCPUs: 0.005}}
		c.Nodes = &result.Nodes{
			Same:   result.Way{Delivery: &result.Latency{N: 1000, P50us: 300}},
			Across: result.Way{Delivery: &result.Latency{N: 1000, P50us: across}, Ledger: result.Ledger{Expected: 1000, Received: 900, Lost: 100}},
		}
		return c
	}
	got := CrossingOverview([]selection.Group{
		{Label: "alone", Cells: []*result.Cell{{Verdict: result.Pass, Ledger: result.Ledger{Received: 5}}}},
		{Label: "nats", Cells: []*result.Cell{cell(result.Pass, 500), cell(result.Pass, 500), cell(result.Invalid, 9000)}},
	})
	want := []string{"nats", "300 µs", "500 µs", "200 µs", "90 %", "20 µs", "5 µs"}
	for i, text := range got.Rows[0] {
		got.Rows[0][i] = strings.ReplaceAll(text, layout.Nbsp, " ")
	}
	if len(got.Rows) != 1 || !slices.Equal(got.Rows[0], want) {
		t.Errorf("got %q, want one row %q", got.Rows, want)
	}
}
