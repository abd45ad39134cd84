package reports

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/reporttest"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/reports/internal/tables"
	"github.com/throng-io/throng/scenario/result"
)

func TestChoice(t *testing.T) {
	run := reporttest.StrategyRun(5)
	got := tables.ChoiceTable(selection.Works(run, selection.Groups(run)))
	want := [][]string{
		{"64B / rooms=1", "batched, serial 1.05x", "naive 1.98x", "202 (200 – 204)", "100 µs", "500 µs", "900 µs", "2 ms", "30 MiB"},
		{"rooms=25", "batched", "serial 3x, naive 29.4x", "3 002 (3 000 – 3 004)", "100 µs", "500 µs", "900 µs", "2 ms", "30 MiB"},
		// naive would do by its CPU, but takes more than half as much memory again
		{"16KiB", "serial, batched 1.42x", "naive 1.11x (100 MiB)", "102 (100 – 104)", "100 µs", "500 µs", "900 µs", "2 ms", "30 MiB"},
	}
	for _, row := range got.Rows {
		for i := range row {
			row[i] = strings.ReplaceAll(row[i], layout.Nbsp, " ")
		}
	}
	if d := cmp.Diff(want, got.Rows); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if strings.Contains(got.Note, "tested") || got.Title != "Which strategy when" {
		t.Errorf("five trials each: %q, %q", got.Title, got.Note)
	}
	if got, want := Sentence(run), "Recommended by the server's CPU and memory: batched at 3 of 3 kinds of work, serial at 2. All 45 trials pass."; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// One trial each shows what was measured, and recommends nothing.
func TestNoChoiceByOneTrial(t *testing.T) {
	run := reporttest.StrategyRun(1)
	gs := selection.Groups(run)
	ws := selection.Works(run, gs)
	got := tables.ChoiceTable(ws)
	if got.Title != "The cost of each strategy" || slices.Contains(got.Head, "use") || !strings.Contains(got.Note, "none is marked best") {
		t.Errorf("%q %q: %s", got.Title, got.Head, got.Note)
	}
	if got, want := Sentence(run), "3 strategies were compared at 3 kinds of work, with one trial each: too few to recommend one. Run with --set matrix.repeat=5. All 9 cells pass."; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	all := tables.OverviewTable(run, gs, ws)
	for _, row := range all.Rows {
		if strings.Contains(strings.Join(row, " "), "best") {
			t.Errorf("%q", row)
		}
	}
	if all.Marks != nil {
		t.Errorf("colours by rank: %v", all.Marks)
	}
}

// Values of an axis go by the words that the scenario has for them.
func TestWorksInWords(t *testing.T) {
	run := reporttest.StrategyRun(1)
	for i := range run.Cells {
		c := &run.Cells[i]
		c.ParamNames = map[string]string{"rooms": map[string]string{"1": "one room", "25": "rooms by the dozen"}[c.Params["rooms"]]}
	}
	var got []string
	for _, w := range selection.Works(run, selection.Groups(run)) {
		got = append(got, w.Label)
	}
	if want := []string{"64B / one room", "rooms by the dozen", "16KiB"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if s, err := cellSection(run, 3, selection.Varying(run)); err != nil || s.Heading != "Cell 04: naive / 64B / rooms by the dozen, trial 1" {
		t.Errorf("%v %q", err, s.Heading)
	}
}

// What cannot be told apart from the cheapest says so, and what is invalid says nothing.
func TestChoiceLeavesOut(t *testing.T) {
	run := reporttest.StrategyRun(5)
	for i := range run.Cells {
		c := &run.Cells[i]
		switch {
		case c.Params["rooms"] == "25":
			c.Verdict = result.Invalid
		case c.Params["fanout"] == "serial" && c.Params["message"] == "64B":
			c.Server.DeliveriesPerCPUs = 201.5 + float64(i%2)
		}
	}
	got := tables.ChoiceTable(selection.Works(run, selection.Groups(run)))
	if len(got.Rows) != 2 || !strings.HasSuffix(got.Rows[0][1], "~") {
		t.Errorf("%q", got.Rows)
	}
}

// What the trials cannot tell apart is not told as an order.
func TestSentenceTellsWhatIsAlike(t *testing.T) {
	run := &result.Run{Verdict: result.Pass}
	for i := range 5 {
		for transport, us := range map[string]int64{"a": 1000 + int64(i), "b": 1003 - int64(i), "c": 9000 + int64(i)} {
			run.Cells = append(run.Cells, result.Cell{
				Params: map[string]string{"transport": transport}, Trial: i + 1, Verdict: result.Pass, Latency: map[string]*result.Latency{"delivery": {N: 5000, P99us: us}},
			})
		}
	}
	got := Sentence(run)
	if strings.Count(got, "(no difference shown)") != 1 || !strings.Contains(got, "9 ms with c (medians of 5 trials each)") {
		t.Error(got)
	}
}

// The wire table of a matrix is of valid trials, and stands with the overview.
func TestWireOfAMatrix(t *testing.T) {
	run := reporttest.Sample("matrix")
	for i := range run.Cells {
		run.Cells[i].Wire = map[string]*result.Wire{run.Cells[i].Params["transport"]: {Messages: 100, BytesIn: 1000, BytesOut: 1000}}
	}
	run.Cells[0].Verdict = result.Invalid // of two with websocket
	p, err := build(run)
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, row := range p.Wire.Rows {
		rows = append(rows, row[0]+" "+row[1])
	}
	if want := []string{"upgrade 200", "polling 200", "websocket 100"}; !slices.Equal(rows, want) {
		t.Errorf("%q, want %q", rows, want)
	}
}
