package charts

import (
	"slices"
	"strings"
	"testing"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/reporttest"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/reports/internal/sentences"
	"github.com/throng-io/throng/reports/internal/tables"
	"github.com/throng-io/throng/scenario/result"
)

func TestWorks(t *testing.T) {
	run := reporttest.StrategyRun(2)
	for _, w := range selection.Works(run, selection.Groups(run)) {
		if len(w.Of) != 3 || len(w.Of[0].Cells) != 2 || w.Of[2].Label != "batched" {
			t.Errorf("%+v", w)
		}
	}
	f := comparingWorks(selection.Works(run, selection.Groups(run)))
	if len(f) != 5 {
		t.Fatalf("%d figures, want cost, completion, and three receiver curves", len(f))
	}
	p := f[0].Panels[0]
	if len(p.Lines) != 3 || len(p.Lines[0].Points) != 3 || p.Y.Ticks[0].Label != "64B / rooms=1" || p.Lines[2].Points[1].X != 3000.5 {
		t.Errorf("%+v", p)
	}
	if y := p.Lines[1].Points[0].Y; y != p.Y.Ticks[0].At {
		t.Errorf("the one in the middle stands at %v, its row at %v", y, p.Y.Ticks[0].At)
	}
	// One kind of work needs no table of them, nor does a matrix without strategies.
	one := &result.Run{Cells: slices.Clone(reporttest.StrategyRun(1).Cells[:3])}
	other := &result.Run{Cells: []result.Cell{run.Cells[0], run.Cells[3]}}
	for _, run := range []*result.Run{one, other} {
		if ws := selection.Works(run, selection.Groups(run)); ws != nil {
			t.Errorf("%+v", ws)
		}
	}
}

// The percentile that a matrix is compared by is one that all of its combinations have the samples for.
func TestHighestThatAllHave(t *testing.T) {
	run := reporttest.Sample("matrix")
	for i := range run.Cells {
		run.Cells[i].Latency["delivery"].N = 999 // ten beyond p90, and not beyond p99
	}
	gs := selection.Groups(run)
	if q := selection.Highest(gs, "delivery"); q != selection.P90 {
		t.Fatalf("%s", selection.Percentiles[q].Name)
	}
	if got := sentences.MatrixSentence(run); !strings.HasPrefix(got, "p90 delivery: ") {
		t.Error(got)
	}
	if head := tables.OverviewTable(run, gs, nil).Head; !slices.Contains(head, "delivery p90") || slices.Contains(head, "delivery p99") {
		t.Errorf("%q", head)
	}
	if f := tailByGroup(run, gs, "delivery"); f.Title != "p90 delivery by combination" {
		t.Error(f.Title)
	}
	run.Cells[1].Latency["delivery"].N = 99
	if head := tables.OverviewTable(run, gs, nil).Head; slices.Contains(head, "delivery p90") {
		t.Errorf("one has 99 samples: %q", head)
	}
}

// Table and figures of a matrix say by how much one-way times may be wrong, and others do not.
func TestMatrixTellsOfClocks(t *testing.T) {
	run := reporttest.Sample("matrix")
	run.Cells[1].Agents = []result.Agent{{BoundUs: 700}, {BoundUs: 1300}}
	gs := selection.Groups(run)
	const says = "±2 ms, by the clocks"
	if note := strings.ReplaceAll(tables.OverviewTable(run, gs, nil).Note, layout.Nbsp, " "); !strings.Contains(note, says) {
		t.Errorf("the note is %q", note)
	}
	figures, err := Comparing(run, gs, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range figures {
		if told, want := strings.Contains(strings.ReplaceAll(f.Caption, layout.Nbsp, " "), says), f.Name != "efficiency"; told != want {
			t.Errorf("%s: %q", f.Name, f.Caption)
		}
	}
}
