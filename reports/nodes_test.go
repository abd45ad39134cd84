package reports

import (
	"strings"
	"testing"

	"github.com/throng-io/throng/reports/internal/draw"
	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/reporttest"
	"github.com/throng-io/throng/scenario/result"
)

// threeNodes is a run over three targets, of which the last shares nothing with the others, and from
// the first to the second a little is lost.
func threeNodes() *result.Run {
	run := reporttest.Sample("rooms")
	n := &result.Nodes{}
	for _, url := range []string{"http://10.0.0.1:3000", "http://10.0.0.2:3000", "http://10.0.0.3:3000"} {
		n.List = append(n.List, result.Node{URL: url, Held: 300, Connected: 310})
	}
	for from := range 3 {
		for to := range 3 {
			p := result.NodePair{From: from, To: to, Expected: 1000, Received: 1000}
			switch {
			case from != to && (from == 2 || to == 2):
				p.Received, p.Lost = 0, 1000
			case from == 0 && to == 1:
				p.Received, p.Lost = 900, 100
			case from == 2:
				p.Expected, p.Received = 0, 0
			}
			n.Pairs = append(n.Pairs, p)
		}
	}
	n.Same.Ledger = result.Ledger{Expected: 2000, Received: 2000}
	n.Across.Ledger = result.Ledger{Expected: 6000, Received: 1900, Lost: 4100}
	run.Cells[0].Nodes = n
	return run
}

func TestReachOfTargets(t *testing.T) {
	run := threeNodes()
	f := figureOf(t, run, "reach")
	type square struct {
		text string
		fill draw.Fill
	}
	want := map[[2]float64]square{ // by the middle: senders to the right, receivers downwards
		{0.5, 2.5}: {"100 %", draw.Good}, {1.5, 2.5}: {"100 %", draw.Good}, {2.5, 2.5}: {"0 %", draw.Bad},
		{0.5, 1.5}: {"90 %", draw.Bad}, {1.5, 1.5}: {"100 %", draw.Good}, {2.5, 1.5}: {"0 %", draw.Bad},
		{0.5, 0.5}: {"0 %", draw.Bad}, {1.5, 0.5}: {"0 %", draw.Bad}, {2.5, 0.5}: {"", draw.Void},
	}
	for _, b := range f.Panels[0].Boxes {
		at := [2]float64{(b.X0 + b.X1) / 2, (b.Y0 + b.Y1) / 2}
		if got := (square{strings.ReplaceAll(b.Text, layout.Nbsp, " "), b.Fill}); got != want[at] {
			t.Errorf("at %v %+v, want %+v", at, got, want[at])
		}
		delete(want, at)
	}
	if len(want) > 0 || len(f.Data.Rows) != 9 {
		t.Errorf("missing: %v; %d rows", want, len(f.Data.Rows))
	}
	var text strings.Builder
	if err := Summary(&text, run); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"0: http://10.0.0.1:3000           300          310     3 000  66.7 %",
		"across targets                                         6 000  31.7 %",
	} {
		if !strings.Contains(text.String(), line) {
			t.Errorf("the summary lacks %q:\n%s", line, text.String())
		}
	}
	run.Cells[0].Nodes = nil
	if p, err := build(run); err != nil || len(p.Figures()) == 0 {
		t.Error(err)
	} else {
		for _, f := range p.Figures() {
			if f.Name == "reach" {
				t.Error("a single target has a figure of reach")
			}
		}
	}
}
