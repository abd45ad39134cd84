package tables

import (
	"strings"
	"testing"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/scenario/result"
)

// A one-way time is shown with the error of the clocks, and is no fact below it; others are not.
func TestClocksAreInOneWayTimes(t *testing.T) {
	l := &result.Latency{N: 100_000, P50us: 900, P90us: 1500, P99us: 5000, P999us: 9000, Maxus: 20_000}
	of := map[string]*result.Latency{"delivery": l, "ack": l}
	agents := []result.Agent{{BoundUs: 700}, {BoundUs: 300}, {BoundUs: 1300, OffsetUs: -4000}}
	cell := &result.Cell{Agents: agents, Latency: of}
	if got := cell.ClockBoundUs(); got != 2000 {
		t.Fatalf("two clocks differ by %d us at most, want 2000", got)
	}
	text := func(bound int64) string {
		var rows []string
		for _, r := range LatencyTable(of, []string{"delivery", "ack"}, bound).Rows {
			rows = append(rows, strings.ReplaceAll(strings.Join(r, "|"), layout.Nbsp, " "))
		}
		return strings.Join(rows, "; ")
	}
	if got, want := text(cell.ClockBoundUs()), "delivery|< 2 ms (clocks ±2 ms)|< 2 ms (clocks ±2 ms)|5 ms ±2 ms|9 ms ±2 ms|20 ms ±2 ms|100 000; ack|900 µs|1.5 ms|5 ms|9 ms|20 ms|100 000"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if got := text(0); strings.Contains(got, "±") {
		t.Errorf("one clock: %s", got)
	}
}

// Each agent has its row, and one that was lost says so.
func TestAgentTable(t *testing.T) {
	lost := 12.0
	cell := &result.Cell{Agents: []result.Agent{
		{Name: "a", Health: &result.AgentHealth{Held: 5000, CPUMean: 0.4, CPUMax: 0.62, RSSPeakBytes: 100 << 20, Lag: &result.Latency{N: 10_000, P99us: 300}}},
		{Name: "b", OffsetUs: -4000, BoundUs: 50, Health: &result.AgentHealth{LostAtS: &lost, Lost: "killed"}},
		{Name: "c"},
	}}
	table := AgentTable(cell)
	var rows []string
	for _, r := range table.Rows {
		rows = append(rows, strings.ReplaceAll(strings.Join(r, "|"), layout.Nbsp, " "))
	}
	if got, want := strings.Join(rows, "; "), "a|5 000|300 µs|-|40 %|62 %|100 MiB|-|shared|-; b (lost after 12 s)|0|-|-|0 %|0 %|-|-|-4 ms ±50 µs|-; c|0|-|-|0 %|0 %|-|-|shared|-"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if !strings.Contains(table.Note, "agree to ±50") {
		t.Errorf("note %q", table.Note)
	}
	if len(AgentTable(&result.Cell{}).Rows) != 0 {
		t.Error("agents of one process")
	}
}
