package reports

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/throng-io/throng/reports/internal/draw"
	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/reporttest"
	"github.com/throng-io/throng/reports/internal/sentences"
	"github.com/throng-io/throng/scenario/result"
)

func TestHeatMapHoldsEverySample(t *testing.T) {
	run := reporttest.Sample("pass")
	c := &run.Cells[0]
	f := figureOf(t, run, "heat-delivery")
	for _, s := range c.Timeline {
		for _, step := range result.HeatOf(s.Latency["delivery"].Heat) {
			found := false
			for _, b := range f.Panels[0].Boxes {
				found = found || b.X0 == s.T && b.X1 == s.T+1 && b.Y0 == float64(step.Low)/1e3 && b.Y1 == float64(step.High)/1e3
			}
			if !found {
				t.Fatalf("second %v has no box for %+v", s.T, step)
			}
		}
	}
	// n is the same as in every other figure: what warm-up measured is drawn, and not counted.
	if want := "n = " + layout.Count(c.Latency["delivery"].N); !strings.Contains(f.Sub, want) {
		t.Errorf("%q, want %q", f.Sub, want)
	}
	if keys := f.Panels[0].Lines; len(keys) < 4 || keys[0].Name != "1+ samples in a cell" || keys[len(keys)-1].Fill != draw.Heat8 {
		t.Errorf("legend %+v", keys)
	}
}

func TestRulesOverTime(t *testing.T) {
	run := reporttest.Sample("fail") // every delivery is too slow, and nothing was lost in any second
	f := figureOf(t, run, "rules")
	want := map[string][]string{"p99(delivery) < 100ms": {"broken", "0", "50", "0 %"}, "loss(delivery) == 0": {"met", "50", "0", "100 %"}, "p99(lag) < 1ms": {"met", "50", "0", "100 %"}}
	for _, row := range f.Data.Rows {
		w, ok := want[row[0]]
		if !ok {
			continue
		}
		delete(want, row[0])
		for i := range w {
			if strings.ReplaceAll(row[i+1], layout.Nbsp, " ") != w[i] {
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
	f := figureOf(t, reporttest.Sample("fail"), "ledger")
	b := f.Panels[0].Boxes
	if len(b) != 4 || b[0].X1 != 5e6 || b[1].X1 != 5e6-12 || b[2].X0 != 5e6-12 || b[2].X1 != 5e6+28 || b[3].X1-b[3].X0 != 12 {
		t.Errorf("%+v", b)
	}
	if l := f.Panels[0].Y.Ticks[3].Label; !strings.HasPrefix(l, "lost: 12 (0.0002") {
		t.Errorf("%q", l)
	}
}

// twoFaults is a run whose clients are dropped at 20 s and again by a restart at 30 s, and all come back between one and two seconds.
func twoFaults() *result.Run {
	run := reporttest.Sample("rooms")
	c := &run.Cells[0]
	c.Phases = []result.Phase{
		{Name: "ramp", EndS: 5},
		{Name: "hold", StartS: 5, EndS: 20, Record: true},
		{Name: "network", StartS: 20, EndS: 28, Record: true, Fault: "drop"},
		{Name: "between", StartS: 28, EndS: 30, Record: true},
		{Name: "deploy", StartS: 30, EndS: 50, Record: true, Fault: "restart"},
	}
	for i := range c.Timeline {
		c.Timeline[i].Held = 900
		switch c.Timeline[i].T {
		case 20:
			c.Timeline[i].Held = 600
		case 30, 31:
			c.Timeline[i].Held = 0
		}
	}
	c.Reconnects = &result.Reconnects{Lost: 1200, Back: 1200, Recover: true, Recovered: 300, P50us: 1_500_000, P95us: 1_900_000, P999us: 2_000_000}
	for phase, lost := range map[string]int{"network": 300, "deploy": 900} {
		h := result.NewHistogram()
		for i := range lost {
			result.Record(h, reporttest.Micro(1e6+1e6*float64(i+1)/float64(lost)))
		}
		c.Reconnects.Faults = append(c.Reconnects.Faults, result.FaultReturns{Phase: phase, Lost: int64(lost), Back: int64(lost), Away: result.FromHistogram(h)})
	}
	slices.SortFunc(c.Reconnects.Faults, func(a, b result.FaultReturns) int { return strings.Compare(b.Phase, a.Phase) })
	c.Reconnects.Faults[0].Recovered = 300
	return run
}

// A fault is accounted for until the next one, and figure, table and summary say the same of it.
func TestRecovery(t *testing.T) {
	run := twoFaults()
	f := figureOf(t, run, "recovery")
	back := f.Panels[0]
	for _, name := range []string{"drop at 20\u00a0s", "restart at 30\u00a0s"} {
		pts := reporttest.Line(t, back, name).Points
		if last := pts[len(pts)-1]; last.Y != 100 || math.Abs(last.X-2) > 0.01 {
			t.Errorf("%s ends at %v", name, last)
		}
		if mid := pts[len(pts)/2]; math.Abs(mid.X-1.5) > 0.01 || mid.Y != 50 {
			t.Errorf("%s: half are back at %v", name, mid)
		}
	}
	want := [][]string{
		{"drop at 20 s", "66.7 %", "300", "300", "1.5 s", "1.95 s", "-"},
		{"restart at 30 s", "0 %", "900", "900", "1.5 s", "1.95 s", "-"},
	}
	for i, row := range f.Data.Rows {
		for j := range row {
			row[j] = strings.ReplaceAll(row[j], layout.Nbsp, " ")
		}
		if !slices.Equal(row, want[i]) {
			t.Errorf("%q, want %q", row, want[i])
		}
	}
	if pts := f.Panels[1].Lines[0].Points; len(pts) != 10 || pts[9].X != 10 {
		t.Errorf("the latency after the first fault does not end with the second: %v", pts)
	}
	got := strings.ReplaceAll(strings.Join(sentences.ReconnectLines(run), "\n"), layout.Nbsp, " ")
	if want := "reconnects in network: lost: 300  back: 300  50% back after: 1.5 s  95%: 1.95 s  99.9%: -  recovered: 300 (100 %)\n" +
		"reconnects in deploy: lost: 900  back: 900  50% back after: 1.5 s  95%: 1.95 s  99.9%: -  recovered: 0 (0 %)"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// The sentence of a run with faults says how soon they were over.
func TestSentenceOfFaults(t *testing.T) {
	run := twoFaults()
	if got, want := Sentence(run), "95 % of the lost connections were restored within 1.95 s in network, within 1.95 s in deploy."; !strings.Contains(got, want) {
		t.Errorf("%s; want %s", got, want)
	}
	run.Cells[0].Reconnects.Faults[1].Back = 800
	if got, want := Sentence(run), "restored within 1.95 s in network, not in deploy."; !strings.Contains(got, want) {
		t.Errorf("%s; want %s", got, want)
	}
	few := &run.Cells[0].Reconnects.Faults[0]
	few.Lost, few.Back = 30, 30
	if got, want := Sentence(run), "All lost connections were restored within 2 s in network, not in deploy."; !strings.Contains(got, want) {
		t.Errorf("%s; want %s", got, want)
	}
	if got, want := strings.ReplaceAll(sentences.ReconnectLines(run)[0], layout.Nbsp, " "), "50% back after: 1.5 s  95%: -  99.9%: -"; !strings.Contains(got, want) {
		t.Errorf("%s; want %s", got, want)
	}
}

// Where a third never came back, the curve ends at two thirds, and the times of more are not known.
func TestRecoveryOfSome(t *testing.T) {
	run := twoFaults()
	run.Cells[0].Reconnects.Faults[0].Back = 200
	f := figureOf(t, run, "recovery")
	pts := f.Panels[0].Lines[0].Points
	if last := pts[len(pts)-1]; last.Y != 66.5 {
		t.Errorf("it ends at %v", last)
	}
	if row := f.Data.Rows[0]; row[4] == "never" || row[5] != "never" || row[6] != "never" {
		t.Errorf("%q", row)
	}
}

// Every chart over time has the moments of the faults, those of each target of a rolling one too.
func TestMomentsOfFaults(t *testing.T) {
	run := twoFaults()
	c := &run.Cells[0]
	c.Phases[4].Fault = "rolling"
	for _, at := range []float64{30.02, 36, 42} {
		c.Acts = append(c.Acts, result.FaultAct{Phase: "deploy", Kind: "rolling", Text: "restart", StartS: at, EndS: at + 2})
	}
	for _, name := range []string{"latency-delivery", "heat-delivery", "rules", "generator", "server"} {
		for i, p := range figureOf(t, run, name).Panels {
			var got []float64
			for _, r := range p.Rules {
				if r.Vertical {
					got = append(got, r.At)
				}
			}
			if !slices.Equal(got, []float64{20, 30, 36, 42}) {
				t.Errorf("panel %d of %s has them at %v", i, name, got)
			}
		}
	}
	for _, p := range figureOf(t, run, "connects").Panels {
		for _, r := range p.Rules {
			if r.At > p.X.Max {
				t.Errorf("the ramp ends at %g, and has a line at %g", p.X.Max, r.At)
			}
		}
	}
}

// A rule of one phase is judged and drawn there, and nowhere else.
func TestRulesOfAPhase(t *testing.T) {
	run := reporttest.Sample("rooms")
	c := &run.Cells[0]
	c.Checks = []result.Check{{Text: "p99(delivery) < 100ms in hold", Stat: "p99", Metric: "delivery", Op: "<", Unit: "s", Limit: 0.1, Kind: "slo", Phase: "hold", Pass: true}}
	for _, b := range figureOf(t, run, "rules").Panels[0].Boxes {
		if judged := b.Fill != draw.Void; judged != (b.X0 >= 10 && b.X1 <= 30) {
			t.Errorf("%+v", b)
		}
	}
	c.Checks = append(c.Checks, result.Check{Text: "p99(lag) < 1ms in hold", Stat: "p99", Metric: "lag", Op: "<", Unit: "s", Limit: 0.001, Kind: "valid", Phase: "hold", Pass: true})
	if r := figureOf(t, run, "generator").Panels[0].Rules; len(r) != 2 || r[0].From != 10 || r[0].To != 30 || r[0].At != 1 || !r[1].Vertical {
		t.Errorf("%+v", r)
	}
	for _, name := range []string{"latency-delivery", "heat-delivery"} {
		r := figureOf(t, run, name).Panels[0].Rules[0]
		if r.From != 10 || r.To != 30 || r.At != 100 {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if rs := figureOf(t, run, "spectrum").Panels[0].Rules; len(rs) != 0 {
		t.Errorf("the distribution is of two phases, and the rule of one: %+v", rs)
	}
	c.Phases[3].Record = false
	if rs := figureOf(t, run, "spectrum").Panels[0].Rules; len(rs) != 1 {
		t.Errorf("only the rule's phase was recorded: %+v", rs)
	}
}

func TestRoomFigures(t *testing.T) {
	run := reporttest.Sample("rooms")
	f := figureOf(t, run, "completion")
	if pts := reporttest.Line(t, f.Panels[0], "p50").Points; len(pts) != 10 || pts[9].Y != float64(run.Cells[0].Rooms[9].Last.P50us)/1e3 {
		t.Errorf("%v", pts)
	}
	if !strings.Contains(strings.ReplaceAll(f.Caption, layout.Nbsp, " "), "µs per receiver") {
		t.Errorf("ten microseconds a receiver: %s", f.Caption)
	}
	if f = figureOf(t, run, "room-size"); len(f.Panels[0].Boxes) != 20 || f.Panels[0].Boxes[1].Y1 != float64(run.Cells[0].Rooms[0].Delivery.P99us)/1e3 {
		t.Errorf("%+v", f.Panels[0].Boxes)
	}
}
