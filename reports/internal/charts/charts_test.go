package charts

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/throng-io/throng/reports/internal/draw"
	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/reporttest"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/scenario/result"
)

func TestSpectrumAxis(t *testing.T) {
	want := []draw.Tick{{At: 1, Label: "0 %"}, {At: 2, Label: "50 %"}, {At: 10, Label: "90 %"}, {At: 100, Label: "99 %"}, {At: 1000, Label: "99.9 %"}, {At: 10000, Label: "99.99 %"}, {At: 100000, Label: "99.999 %"}}
	for i := range want {
		want[i].Label = want[i].Label[:len(want[i].Label)-2] + layout.Nbsp + "%"
	}
	if d := cmp.Diff(want, SpectrumAxis(100000).Ticks); d != "" {
		t.Error(d)
	}
	for farthest := 1.0; farthest < 1e7; farthest *= 1.03 { // few samples, or many that never came
		a := SpectrumAxis(farthest)
		if last := a.Ticks[len(a.Ticks)-1].At; len(a.Ticks) < 3 || a.Max < farthest || last > a.Max {
			t.Errorf("up to %v there are ticks at %v, to %v", farthest, a.Ticks, a.Max)
		}
	}
}

func TestLongTimelineKeepsTheWorst(t *testing.T) {
	c := &result.Cell{}
	for i := range 10000 {
		c.Timeline = append(c.Timeline, result.Second{T: float64(i), Received: 2, Latency: map[string]result.Quantiles{"delivery": {N: 2, P50us: 100, P99us: 200, Maxus: 300}}})
	}
	c.Timeline[7777].Latency["delivery"] = result.Quantiles{N: 2, P50us: 100, P99us: 5000, Maxus: 90000}
	f := latencyTimeline("x", "delivery", c, "")
	pts := reporttest.Line(t, f.Panels[0], "max").Points
	if len(pts) > maxSeconds {
		t.Errorf("%d points", len(pts))
	}
	if worst := top(pts); worst != 90 {
		t.Errorf("the spike of 90 ms shows as %v", worst)
	}
	if got := f.Panels[1].Lines[0].Points[5].Y; got != 2 {
		t.Errorf("rate %v, want the mean 2", got)
	}
}

func TestSpectrumTellsItsLinesApart(t *testing.T) {
	names := []string{"delivery", "fanout.last", "fanout.first", "fanout.spread", "ack"}
	of := map[string]*result.Latency{}
	for _, name := range names {
		h := result.NewHistogram()
		for v := range int64(200) {
			_ = h.RecordValue(1000 + v)
		}
		of[name] = result.FromHistogram(h)
	}
	f, err := spectrum("spectrum", &result.Cell{Latency: of}, names, "")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[draw.Style]string{}
	for _, l := range f.Panels[0].Lines {
		if other := seen[l.Style]; other != "" {
			t.Errorf("%s looks like %s", l.Name, other)
		}
		seen[l.Style] = l.Name
	}
	if len(seen) != len(names) {
		t.Errorf("%d lines for %d metrics", len(seen), len(names))
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
		for _, pt := range reporttest.Line(t, f.Panels[0], name).Points {
			got = append(got, pt.X)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s at %v, want %v", name, got, want)
		}
	}
	if row := f.Data.Rows[0]; row[2] != layout.None || row[3] != layout.None || row[4] == layout.None {
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
	c.Timeline = append(c.Timeline, result.Second{T: 3, LagP99us: 4000}, result.Second{T: 4})
	for i, want := range []string{"9 ms", "9 ms", "9 ms", "4 ms (p99)", layout.None} {
		if got := strings.ReplaceAll(healthTable(c).Rows[i][1], layout.Nbsp, " "); got != want {
			t.Errorf("the lag of second %d is shown as %s, want %s", i, got, want)
		}
	}
	if lines, _ := latencyLines(c, "lag"); len(lines[0].Points) != 3 {
		t.Errorf("seconds in which nothing was sent have a lag: %v", lines[0].Points)
	}
	c.Generator = result.Generator{LagP99us: 4000, Lag: &result.Latency{N: 120, P90us: 2000, P99us: 4000}}
	if name, us := selection.LagOf(c); name != "p90" || us != 2000 {
		t.Errorf("of 120 messages: %s %d", name, us)
	}
}

// A processor that is hardly used is seen to be: its axis ends with the values, not with all cores.
func TestAxesFollowTheValues(t *testing.T) {
	c := &result.Cell{Checks: []result.Check{{Kind: result.KindValid, Stat: "max", Metric: "cpu", Limit: 0.9, Text: "max(cpu) < 90%"}}}
	for i := range 5 {
		c.Timeline = append(c.Timeline, result.Second{T: float64(i), CPU: 0.02, ServerCPU: 0.01, ServerRSSBytes: 1 << 20})
	}
	c.Phases = []result.Phase{{Name: "cut", EndS: 5, Record: true, Fault: "drop"}}
	for _, f := range []*Figure{generatorHealth("g", c, ""), serverResources("s", c, "")} {
		for _, p := range f.Panels {
			if p.Y.Max != 0 {
				t.Errorf("%s: %q ends at %v", f.Name, p.Y.Label, p.Y.Max)
			}
		}
		if !strings.Contains(f.Caption, "Vertical lines are the moments of faults.") {
			t.Errorf("%s: %s", f.Name, f.Caption)
		}
	}
}

// A caption speaks of what the figure shows, and of nothing else.
func TestCaptions(t *testing.T) {
	c := &reporttest.Sample("pass").Cells[0]
	c.Phases = append(c.Phases, result.Phase{Name: "cut", StartS: 60, EndS: 70, Record: true, Fault: "drop"})
	whole, ramp := serverResources("server", c, ""), connectRamp("connects", c, "")
	for _, f := range []*Figure{whole, ramp} {
		f.Caption = strings.ReplaceAll(f.Caption, layout.Nbsp, " ")
	}
	if n := len(whole.Panels); n != 3 || !strings.Contains(whole.Caption, "the clients it held. Phases: ramp 0 to 10 s,") || !strings.Contains(whole.Caption, "cut 60 to 70 s. Grey phases are not recorded: the summary leaves them out. Vertical lines") {
		t.Errorf("%d panels: %s", n, whole.Caption)
	}
	if end := ramp.Panels[0].X.Max; end > 15 || strings.Contains(ramp.Caption, "hold") || strings.Contains(ramp.Caption, "Vertical") || !strings.Contains(ramp.Caption, "ramp 0 to 10 s") {
		t.Errorf("to %v s: %s", end, ramp.Caption)
	}
	c.Timeline, c.Phases = c.Timeline[:2], []result.Phase{{Name: "hold", EndS: 2, Record: true}}
	if f := serverResources("server", c, ""); len(f.Panels) != 2 || strings.Contains(f.Caption, "held") {
		t.Errorf("%d panels: %s", len(f.Panels), f.Caption)
	}
	if f := generatorHealth("generator", c, ""); !strings.Contains(f.Caption, "how late") || !strings.Contains(f.Caption, "Dashed") {
		t.Error(f.Caption)
	}
	for i := range c.Timeline {
		c.Timeline[i].LagP99us, c.Timeline[i].Latency = 0, nil
	}
	c.Checks = nil
	if f := generatorHealth("generator", c, ""); !strings.Contains(f.Caption, "trusted: how much CPU the generator used. Phases") || strings.Contains(f.Caption, "late") || strings.Contains(f.Caption, "Dashed") {
		t.Error(f.Caption)
	}
}

// A rule without data was met in no second.
func TestRulesOverTimeWithoutData(t *testing.T) {
	c := &reporttest.Sample("pass").Cells[0]
	for i := range c.Checks {
		c.Checks[i].NoData = c.Checks[i].Stat == "loss"
	}
	f := sloStrip("rules", c, "")
	for _, row := range f.Data.Rows {
		if strings.HasPrefix(row[0], "loss") {
			t.Errorf("%q", row)
		}
	}
	if len(f.Data.Rows) == 0 {
		t.Error("no rules")
	}
}

// Of many combinations the lowest and the highest are shown, by a percentile that all of them have.
func TestShownOfManyGroups(t *testing.T) {
	for n, name := range map[int]string{50: "p50", 100: "p90", 1000: "p99"} {
		var gs []selection.Group
		for i, us := range []int64{50, 10, 80, 30, 70, 20, 60, 40} {
			h := result.NewHistogram()
			for range n + i {
				_ = h.RecordValue(us)
			}
			c := &result.Cell{Verdict: result.Pass, Latency: map[string]*result.Latency{"delivery": result.FromHistogram(h)}}
			gs = append(gs, selection.Group{Label: layout.Count(us), Cells: []*result.Cell{c}})
		}
		kept, note := shown(gs, "delivery")
		var got []string
		for _, g := range kept {
			got = append(got, g.Label)
		}
		if want := []string{"10", "20", "30", "60", "70", "80"}; !slices.Equal(got, want) || !strings.HasSuffix(note, "the 3 with the highest "+name) {
			t.Errorf("of %d samples %q, %s", n, got, note)
		}
	}
}
