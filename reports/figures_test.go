package reports

import (
	"math"
	"strings"
	"testing"

	"github.com/throng-io/throng/reports/internal/draw"
	"github.com/throng-io/throng/scenario/result"
)

func TestHeatMapHoldsEverySample(t *testing.T) {
	run := sample("pass")
	c := &run.Cells[0]
	f := figureOf(t, run, "heat-delivery")
	total := int64(0)
	for _, s := range c.Timeline {
		for _, step := range result.HeatOf(s.Latency["delivery"].Heat) {
			total += step.N
			found := false
			for _, b := range f.Panels[0].Boxes {
				found = found || b.X0 == s.T && b.X1 == s.T+1 && b.Y0 == float64(step.Low)/1e3 && b.Y1 == float64(step.High)/1e3
			}
			if !found {
				t.Fatalf("second %v has no box for %+v", s.T, step)
			}
		}
	}
	if want := "n = " + count(total); !strings.Contains(f.Sub, want) {
		t.Errorf("%q, want %q", f.Sub, want)
	}
	if keys := f.Panels[0].Lines; len(keys) < 4 || keys[0].Name != "from 1" || keys[len(keys)-1].Fill != draw.Heat8 {
		t.Errorf("legend %+v", keys)
	}
}

func TestShades(t *testing.T) {
	for _, tt := range []struct {
		n, most int64
		want    int
	}{{1, 1000, 0}, {1000, 1000, 7}, {31, 1000, 3}, {1, 1, 7}} {
		if got := shadeOf(tt.n, tt.most); got != tt.want {
			t.Errorf("%d of %d: shade %d, want %d", tt.n, tt.most, got, tt.want)
		}
	}
}

func TestRulesOverTime(t *testing.T) {
	run := sample("fail") // every delivery is too slow, and nothing was lost in any second
	f := figureOf(t, run, "rules")
	want := map[string][]string{"p99(delivery) < 100ms": {"broken", "0", "50", "0 %"}, "loss(delivery) == 0": {"met", "50", "0", "100 %"}, "p99(lag) < 1ms": {"met", "50", "0", "100 %"}}
	for _, row := range f.Data.Rows {
		w, ok := want[row[0]]
		if !ok {
			continue
		}
		delete(want, row[0])
		for i := range w {
			if strings.ReplaceAll(row[i+1], nbsp, " ") != w[i] {
				t.Errorf("%q, want %q", row, w)
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("rules without a row: %v", want)
	}
	n := map[draw.Fill]int{}
	for _, b := range f.Panels[0].Boxes {
		n[b.Fill]++
	}
	if rows := len(f.Data.Rows); n[draw.Void] != 15*rows || n[draw.Good]+n[draw.Bad] != 50*rows {
		t.Errorf("boxes %v of %d rules", n, rows)
	}
}

func TestLedgerWaterfall(t *testing.T) {
	f := figureOf(t, sample("fail"), "ledger")
	b := f.Panels[0].Boxes
	if len(b) != 4 || b[0].X1 != 5e6 || b[1].X1 != 5e6-12 || b[2].X0 != 5e6-12 || b[2].X1 != 5e6+28 || b[3].X1-b[3].X0 != 12 {
		t.Errorf("%+v", b)
	}
	if l := f.Panels[0].Y.Ticks[3].Label; !strings.HasPrefix(l, "lost: 12 (0.0002") {
		t.Errorf("%q", l)
	}
}

func TestRecovery(t *testing.T) {
	f := figureOf(t, sample("rooms"), "recovery")
	pts := f.Panels[0].Lines[0].Points
	if len(pts) != 20 || pts[0].X != 1 || math.Abs(pts[0].Y-100*600.0/900) > 0.01 || pts[10].Y != 100 {
		t.Errorf("%v", pts)
	}
	row := f.Data.Rows[0]
	for i, want := range []string{"drop at 30 s", "66.7 %", "1 s or less", "10 s", "11 s"} {
		if got := strings.ReplaceAll(row[i], nbsp, " "); got != want {
			t.Errorf("%s: %q, want %q", f.Data.Head[i], got, want)
		}
	}
}

func TestRoomFigures(t *testing.T) {
	run := sample("rooms")
	f := figureOf(t, run, "completion")
	if pts := line(t, f.Panels[0], "p50").Points; len(pts) != 10 || pts[9].Y != float64(run.Cells[0].Rooms[9].Last.P50us)/1e3 {
		t.Errorf("%v", pts)
	}
	if !strings.Contains(strings.ReplaceAll(f.Caption, nbsp, " "), "µs a receiver") {
		t.Errorf("ten microseconds a receiver: %s", f.Caption)
	}
	if f = figureOf(t, run, "room-size"); len(f.Panels[0].Boxes) != 20 || f.Panels[0].Boxes[1].Y1 != float64(run.Cells[0].Rooms[0].Delivery.P99us)/1e3 {
		t.Errorf("%+v", f.Panels[0].Boxes)
	}
}

// TestRank: what four trials cannot tell apart from the best is marked so, what lies wholly apart is not.
func TestRank(t *testing.T) {
	of := func(label string, p99s ...int64) group {
		g := group{Label: label}
		for _, v := range p99s {
			g.Cells = append(g.Cells, &result.Cell{Verdict: result.Pass, Latency: map[string]*result.Latency{"delivery": {N: 5000, P99us: v}}})
		}
		return g
	}
	gs := []group{of("b", 21, 22, 25, 23, 26), of("a", 20, 24, 22, 21, 23), of("c", 90, 91, 95, 92, 93), {Label: "none"}}
	r := rank(gs, latencyOf("delivery", p99), false)
	if !r.tested || r.place[1] != 1 || r.place[0] != 2 || r.place[2] != 3 || r.place[3] != 0 || !r.alike[0] || r.alike[2] {
		t.Errorf("%+v", r)
	}
	tab := table{Rows: [][]string{{"b"}, {"a"}, {"c"}, {"-"}}}
	r.mark(&tab, 0, []int{0, 1, 2, 3})
	if tab.Rows[0][0] != "b ~" || tab.Rows[1][0] != "a best" || tab.Rows[2][0] != "c" || tab.Marks[[2]int{2, 0}] != "rank5" || tab.Rows[3][0] != "-" {
		t.Errorf("%v %v", tab.Rows, tab.Marks)
	}
	if r = rank(gs[:1], latencyOf("delivery", p99), false); r.tested || r.note() != "" {
		t.Errorf("one group: %+v", r)
	}
	if r = rank([]group{of("a", 1, 2), of("b", 5, 6)}, latencyOf("delivery", p99), false); r.tested || !strings.Contains(r.note(), "may be chance") {
		t.Errorf("two trials: %+v", r)
	}
}
