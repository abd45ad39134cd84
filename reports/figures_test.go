package reports

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/throng-io/throng/reports/internal/draw"
	"github.com/throng-io/throng/scenario/result"
)

func TestHeatMapHoldsEverySample(t *testing.T) {
	run := sample("pass")
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
	if want := "n = " + count(c.Latency["delivery"].N); !strings.Contains(f.Sub, want) {
		t.Errorf("%q, want %q", f.Sub, want)
	}
	if keys := f.Panels[0].Lines; len(keys) < 4 || keys[0].Name != "1+ samples in a cell" || keys[len(keys)-1].Fill != draw.Heat8 {
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

// twoFaults is a run whose clients are dropped at 20 s and again by a restart at 30 s, and all come back between one and two seconds.
func twoFaults() *result.Run {
	run := sample("rooms")
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
			result.Record(h, micro(1e6+1e6*float64(i+1)/float64(lost)))
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
		pts := line(t, back, name).Points
		if last := pts[len(pts)-1]; last.Y != 100 || math.Abs(last.X-2) > 0.01 {
			t.Errorf("%s ends at %v", name, last)
		}
		if mid := pts[len(pts)/2]; math.Abs(mid.X-1.5) > 0.01 || mid.Y != 50 {
			t.Errorf("%s: half are back at %v", name, mid)
		}
	}
	want := [][]string{
		{"drop at 20 s", "66.7 %", "300", "300", "1.5 s", "1.95 s", "2 s"},
		{"restart at 30 s", "0 %", "900", "900", "1.5 s", "1.95 s", "2 s"},
	}
	for i, row := range f.Data.Rows {
		for j := range row {
			row[j] = strings.ReplaceAll(row[j], nbsp, " ")
		}
		if !slices.Equal(row, want[i]) {
			t.Errorf("%q, want %q", row, want[i])
		}
	}
	if pts := f.Panels[1].Lines[0].Points; len(pts) != 10 || pts[9].X != 10 {
		t.Errorf("the latency after the first fault does not end with the second: %v", pts)
	}
	got := strings.ReplaceAll(strings.Join(reconnectLines(run), "\n"), nbsp, " ")
	if want := "reconnects in network: lost: 300  back: 300  50% back after: 1.5 s  95%: 1.95 s  99.9%: 2 s  recovered: 300 (100 %)\n" +
		"reconnects in deploy: lost: 900  back: 900  50% back after: 1.5 s  95%: 1.95 s  99.9%: 2 s  recovered: 0 (0 %)"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// The sentence of a run with faults says how soon they were over.
func TestSentenceOfFaults(t *testing.T) {
	run := twoFaults()
	if got, want := Sentence(run), "95 % of the lost connections were made again within 1.95 s in network, within 1.95 s in deploy."; !strings.Contains(got, want) {
		t.Errorf("%s; want %s", got, want)
	}
	run.Cells[0].Reconnects.Faults[1].Back = 800
	if got, want := Sentence(run), "made again within 1.95 s in network, not in deploy."; !strings.Contains(got, want) {
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

// A percentile needs ten samples beyond it, in a second as in a whole run.
func TestSecondsNeedSamples(t *testing.T) {
	c := &result.Cell{Phases: []result.Phase{{Name: "hold", EndS: 5, Record: true}}}
	for i, n := range []int64{19, 20, 999, 1000, 5000} {
		c.Timeline = append(c.Timeline, result.Second{T: float64(i), Latency: map[string]result.Quantiles{
			"delivery": {N: n, P50us: 1000, P99us: 9000, Maxus: 20000, Heat: ""}, "connect": {N: n, P50us: 1000, P99us: 9000},
		}})
	}
	f := latencyTimeline("x", "delivery", c, "")
	for name, want := range map[string][]float64{"max": {0.5, 1.5, 2.5, 3.5, 4.5}, "p50": {1.5, 2.5, 3.5, 4.5}, "p99": {3.5, 4.5}} {
		var got []float64
		for _, pt := range line(t, f.Panels[0], name).Points {
			got = append(got, pt.X)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s at %v, want %v", name, got, want)
		}
	}
	if row := f.Data.Rows[0]; row[2] != none || row[3] != none || row[4] == none {
		t.Errorf("19 samples: %q", row)
	}
	for stat, want := range map[string]int{"p50": 4, "p99": 2, "p99.9": 0, "max": 5} {
		k := result.Check{Stat: stat, Metric: "delivery", Op: "<", Limit: 1}
		if r := ruleOverTime(c, &k, 1); r.good+r.bad != want {
			t.Errorf("%s judged in %d seconds, want %d", stat, r.good+r.bad, want)
		}
	}
	slow, ok := connectLatency(c.Timeline[2:], draw.Axis{})
	if !ok || slow.Y.Label != "p99 of the second, ms" || len(slow.Lines[0].Points) != 2 {
		t.Errorf("%+v", slow)
	}
	if slow, _ = connectLatency(c.Timeline[:3], draw.Axis{}); slow.Y.Label != "p50 of the second, ms" || len(slow.Lines[0].Points) != 2 {
		t.Errorf("%+v", slow)
	}
}

// The lag of a second is its highest, and its p99 where the generator sent often enough in it.
func TestLagOfSeconds(t *testing.T) {
	c := &result.Cell{}
	for i, n := range []int64{10, 1000, 999} {
		c.Timeline = append(c.Timeline, result.Second{T: float64(i), LagP99us: 4000, Latency: map[string]result.Quantiles{"lag": {N: n, P99us: 4000, Maxus: 9000}}})
	}
	lines, top := lagLines(c)
	if top != 9 || len(lines) != 2 || lines[0].Name != "max" || len(lines[0].Points) != 3 || len(lines[1].Points) != 1 || lines[1].Points[0].X != 1.5 {
		t.Errorf("%v %+v", top, lines)
	}
	k := result.Check{Stat: "p99", Metric: "lag", Op: "<", Limit: 1}
	for i, want := range []bool{false, true, false} {
		if _, ok := secondOf(&k, &c.Timeline[i]); ok != want {
			t.Errorf("second %d judged: %v", i, ok)
		}
	}
	c.Generator = result.Generator{LagP99us: 4000, Lag: &result.Latency{N: 120, P90us: 2000, P99us: 4000}}
	if name, us := lagOf(c); name != "p90" || us != 2000 {
		t.Errorf("of 120 messages: %s %d", name, us)
	}
}

// A rule of one phase is judged and drawn there, and nowhere else.
func TestRulesOfAPhase(t *testing.T) {
	run := sample("rooms")
	c := &run.Cells[0]
	c.Checks = []result.Check{{Text: "p99(delivery) < 100ms in hold", Stat: "p99", Metric: "delivery", Op: "<", Unit: "s", Limit: 0.1, Kind: "slo", Phase: "hold", Pass: true}}
	for _, b := range figureOf(t, run, "rules").Panels[0].Boxes {
		if judged := b.Fill != draw.Void; judged != (b.X0 >= 10 && b.X1 <= 30) {
			t.Errorf("%+v", b)
		}
	}
	c.Checks = append(c.Checks, result.Check{Text: "p99(lag) < 1ms in hold", Stat: "p99", Metric: "lag", Op: "<", Unit: "s", Limit: 0.001, Kind: "valid", Phase: "hold", Pass: true})
	if r := figureOf(t, run, "generator").Panels[0].Rules; len(r) != 1 || r[0].From != 10 || r[0].To != 30 || r[0].At != 1 {
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
	markRanks(r, &tab, 0, []int{0, 1, 2, 3})
	if tab.Rows[0][0] != "b ~" || tab.Rows[1][0] != "a best" || tab.Rows[2][0] != "c" || tab.Marks[[2]int{2, 0}] != "rank5" || tab.Rows[3][0] != "-" {
		t.Errorf("%v %v", tab.Rows, tab.Marks)
	}
	if r = rank(gs[:1], latencyOf("delivery", p99), false); r.tested || ranksNote(r) != "" {
		t.Errorf("one group: %+v", r)
	}
	if r = rank([]group{of("a", 1, 2), of("b", 5, 6)}, latencyOf("delivery", p99), false); r.tested || !strings.Contains(ranksNote(r), "nothing is called best") {
		t.Errorf("two trials: %+v", r)
	}
	tab = table{Rows: [][]string{{"a"}, {"b"}}}
	if markRanks(r, &tab, 0, []int{0, 1}); tab.Rows[0][0] != "a" || tab.Marks != nil {
		t.Errorf("what was not tested is marked: %v %v", tab.Rows, tab.Marks)
	}
}
