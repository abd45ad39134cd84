package reports

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/throng-io/throng/reports/internal/charts"
	"github.com/throng-io/throng/reports/internal/draw"
	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/reporttest"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/scenario/result"
)

func figureOf(t *testing.T, run *result.Run, name string) *charts.Figure {
	t.Helper()
	p, err := build(run)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range p.Figures() {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("no figure %s", name)
	return nil
}

func TestSpectrumPassesThroughThePercentiles(t *testing.T) {
	run := reporttest.Sample("pass")
	f := figureOf(t, run, "spectrum")
	p := f.Panels[0]
	l := run.Cells[0].Latency["delivery"]
	got := reporttest.Line(t, p, "delivery (n = 200"+layout.Nbsp+"000)").Points
	for _, c := range []struct {
		x    float64
		want int64
	}{{1, l.Minus}, {10, l.P90us}, {100, l.P99us}, {1000, l.P999us}} {
		i := slices.IndexFunc(got, func(pt draw.Point) bool { return math.Abs(pt.X-c.x) < c.x*1e-6 })
		if i < 0 {
			t.Errorf("no point at %v", c.x)
		} else if math.Abs(got[i].Y*1e3-float64(c.want)) > float64(c.want)*0.002 {
			t.Errorf("at %v: %v ms, want %d µs", c.x, got[i].Y, c.want)
		}
	}
	if !slices.IsSortedFunc(got, func(a, b draw.Point) int { return int(math.Copysign(1, a.Y-b.Y)) }) {
		t.Error("a distribution that falls")
	}
}

func TestSpectrumEndsWhereTenSamplesLieBeyond(t *testing.T) {
	run := reporttest.Sample("pass")
	p := figureOf(t, run, "spectrum").Panels[0]
	for name, n := range map[string]float64{"delivery (n = 200" + layout.Nbsp + "000)": 200000, "fanout.last (n = 500)": 500, "ack (n = 10" + layout.Nbsp + "000)": 10000} {
		pts := reporttest.Line(t, p, name).Points
		if end := pts[len(pts)-1].X; math.Abs(end-n/10) > n*1e-9 {
			t.Errorf("%s ends at 1/(1-p) = %v, want %v", name, end, n/10)
		}
	}
	want := []draw.Rule{{At: 100, Label: "p99(delivery) < 100ms", MarkX: 100}, {At: 400, Label: "p99.9(fanout.last) < 400ms", MarkX: 1000}}
	near := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-6*math.Max(1, math.Abs(a)) })
	if d := cmp.Diff(want, p.Rules, near); d != "" {
		t.Error(d)
	}
}

func TestLatencyTimeline(t *testing.T) {
	run := reporttest.Sample("fail")
	c := &run.Cells[0]
	f := figureOf(t, run, "latency-delivery")
	p := f.Panels[0]
	if d := cmp.Diff([]draw.Band{{To: 10, Label: "ramp", Grey: true}, {From: 10, To: 15, Label: "warm-up", Grey: true}, {From: 15, To: 65, Label: "hold"}}, p.Bands); d != "" {
		t.Error(d)
	}
	high := reporttest.Line(t, p, "p99").Points
	if len(high) != 55 || high[0].X != 10.5 {
		t.Fatalf("%d points from %v", len(high), high[0])
	}
	for _, pt := range high {
		if q := c.Timeline[int(pt.X)].Latency["delivery"]; pt.Y != float64(q.P99us)/1e3 {
			t.Errorf("second %v: %v ms, want %d µs", pt.X, pt.Y, q.P99us)
		}
	}
	if !high[0].Gap || high[1].Gap {
		t.Error("the line must start with a gap and then go on")
	}
	if f.Panels[1].Y.Label != "deliveries per second" || len(f.Panels[1].Lines) != 1 {
		t.Errorf("second panel: %q, %d lines", f.Panels[1].Y.Label, len(f.Panels[1].Lines))
	}
	if f.Alert == "" {
		t.Error("the cell's warning is not on its figure")
	}
}

func TestConnectRamp(t *testing.T) {
	f := figureOf(t, reporttest.Sample("fail"), "connects")
	p := f.Panels[0]
	failed := reporttest.Line(t, p, "failed: 12")
	if !failed.Marks || len(failed.Points) != 3 {
		t.Errorf("failures: %+v", failed)
	}
	held := reporttest.Line(t, p, "held").Points
	if held[0] != (draw.Point{}) || held[len(held)-1].Y != 10000 {
		t.Errorf("held from %v to %v", held[0], held[len(held)-1])
	}
	if p.X.Max > 16 {
		t.Errorf("the ramp of 10 s is drawn to %v s", p.X.Max)
	}
	if len(p.Bands) != 3 || p.Bands[0].Label != "ramp" {
		t.Errorf("phases %+v", p.Bands)
	}
	// Clients that leave when the last phase ends are no part of it.
	run := reporttest.Sample("fail")
	c := &run.Cells[0]
	for i := range c.Timeline {
		if c.Timeline[i].T+1 >= c.Phases[2].EndS {
			c.Timeline[i].Held = 7
		}
	}
	held = reporttest.Line(t, figureOf(t, run, "connects").Panels[0], "held").Points
	if held[len(held)-1].Y != 10000 {
		t.Errorf("held to %v", held[len(held)-1])
	}
	panels := figureOf(t, run, "server").Panels
	if held = panels[len(panels)-1].Lines[0].Points; held[len(held)-1].Y != 10000 || held[0].X != 1 {
		t.Errorf("beside the server's resources: held from %v to %v", held[0], held[len(held)-1])
	}
}

func TestReceiverCurve(t *testing.T) {
	run := reporttest.Sample("pass")
	p := figureOf(t, run, "receivers").Panels[0]
	curve := run.Cells[0].Curve
	for i, pt := range reporttest.Line(t, p, "median broadcast").Points {
		if pt.X != curve[i].Rank*100 || pt.Y != float64(curve[i].P50us)/1e3 {
			t.Errorf("point %d: %v, want %+v", i, pt, curve[i])
		}
	}
	for i := range run.Cells[0].Curve {
		run.Cells[0].Curve[i].N = 999 // too few broadcasts for a p99
	}
	if n := len(figureOf(t, run, "receivers").Panels[0].Lines); n != 1 {
		t.Errorf("%d lines from 999 broadcasts", n)
	}
	if row := figureOf(t, run, "receivers").Data.Rows[0]; row[1] == layout.None || row[2] != layout.None {
		t.Errorf("999 broadcasts: %q", row)
	}
}

func TestGeneratorHealthShowsTheLimits(t *testing.T) {
	run := reporttest.Sample("invalid")
	const reason = "p99(lag) < 1ms: 4.2ms"
	run.Cells[0].Reason = reason
	f := figureOf(t, run, "generator")
	if len(f.Panels) != 3 {
		t.Fatalf("%d panels", len(f.Panels))
	}
	if d := cmp.Diff([]draw.Rule{{At: 1, Label: "p99(lag) < 1ms"}}, f.Panels[0].Rules); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]draw.Rule{{At: 80, Label: "max(cpu) < 80%"}}, f.Panels[1].Rules); d != "" {
		t.Error(d)
	}
	if want := "INVALID, do not use these numbers to judge the server: " + reason; f.Alert != want {
		t.Errorf("alert %q", f.Alert)
	}
	for i := range run.Cells[0].Timeline { // it also says how late it read
		run.Cells[0].Timeline[i].Latency = map[string]result.Quantiles{"lag.receive": {N: 2000, P99us: 3000, Maxus: 7000}}
	}
	f = figureOf(t, run, "generator")
	if p := f.Panels[1]; len(f.Panels) != 4 || p.Y.Label != "unread in the sockets, ms" || len(p.Lines) != 2 || p.Lines[0].Points[0].Y != 7 || p.Lines[1].Points[0].Y != 3 {
		t.Errorf("%d panels, the second %+v", len(f.Panels), p)
	}
}

func TestMatrixLeavesInvalidTrialsOut(t *testing.T) {
	run := reporttest.Sample("large")
	for i := range run.Cells { // an axis like any other
		params := run.Cells[i].Params
		params["server"] = params[selection.Strategies]
		delete(params, selection.Strategies)
	}
	gs := selection.Groups(run)
	if len(gs) != 10 || gs[0].Label != "naive / websocket" || len(gs[0].Cells) != 3 || len(gs[0].Valid()) != 2 {
		t.Fatalf("groups: %d, first %q with %d cells, %d valid", len(gs), gs[0].Label, len(gs[0].Cells), len(gs[0].Valid()))
	}
	p := figureOf(t, run, "tail").Panels[0]
	if n := len(reporttest.Line(t, p, "each trial").Points); n != 28 {
		t.Errorf("%d trials are drawn, want the 28 valid ones", n)
	}
	if n := len(reporttest.Line(t, p, "median of the trials").Points); n != 10 {
		t.Errorf("%d medians", n)
	}
	if got := reporttest.Line(t, p, "median of the trials").Points[0].Y; got != 10 {
		t.Errorf("the first combination is in row %v, want the top one", got)
	}
	if len(p.Rules) != 1 || !p.Rules[0].Vertical || p.Rules[0].At != 100 {
		t.Errorf("rules %+v", p.Rules)
	}
	if n := len(figureOf(t, run, "spectrum").Panels[0].Lines); n != 6 {
		t.Errorf("%d lines in the spectrum, want 6 that can be told apart", n)
	}
	if n := len(figureOf(t, run, "receivers").Panels[0].Lines); n != 6 {
		t.Errorf("%d receiver curves", n)
	}
}

func TestMatrixMergesHistograms(t *testing.T) {
	run := reporttest.Sample("matrix")
	gs := selection.Groups(run)
	l, err := result.Merge(gs[0].Cells[0].Latency["delivery"], gs[0].Cells[1].Latency["delivery"])
	if err != nil {
		t.Fatal(err)
	}
	pts := reporttest.Line(t, figureOf(t, run, "spectrum").Panels[0], "websocket").Points
	i := slices.IndexFunc(pts, func(pt draw.Point) bool { return math.Abs(pt.X-100) < 1e-4 })
	if i < 0 || pts[i].Y != float64(l.P99us)/1e3 {
		t.Errorf("p99 of the merged trials is not on the line: %d", l.P99us)
	}
}

// Whatever a result holds, a report comes of it, or an error: never a panic, never a number that is none.
func TestAnyRunBuilds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		run := anyRun(t)
		p, err := build(run)
		if err != nil {
			t.Fatalf("build: %v", err)
		}
		for _, f := range p.Figures() {
			for _, panel := range f.Panels {
				for _, l := range panel.Lines {
					if len(l.Points) == 0 {
						t.Fatalf("%s: an empty line", f.Name)
					}
				}
			}
		}
		if _, err := p.HTML(); err != nil {
			t.Fatal(err)
		}
	})
}

func anyRun(t *rapid.T) *result.Run {
	small := rapid.Int64Range(0, 2000)
	word := rapid.SampledFrom([]string{"", "a", "delivery", "ack", "connect", "p99", "max", "fanout.last", "a rather long name for a value"})
	fraction := rapid.SampledFrom([]float64{0, 0.001, 1, 99, 1e9, 1e300, -5, math.NaN(), math.Inf(1)})
	run := &result.Run{Verdict: result.Verdict(word.Draw(t, "verdict")), Interrupted: rapid.Bool().Draw(t, "interrupted")}
	for range rapid.IntRange(0, 3).Draw(t, "cells") {
		c := result.Cell{
			Params: map[string]string{"p": word.Draw(t, "param")}, Seconds: fraction.Draw(t, "seconds"),
			Verdict: rapid.SampledFrom([]result.Verdict{result.Pass, result.Fail, result.Invalid, ""}).Draw(t, "cell verdict"), Latency: map[string]*result.Latency{},
		}
		for range rapid.IntRange(0, 3).Draw(t, "metrics") {
			h := result.NewHistogram()
			if err := h.RecordValues(small.Draw(t, "value"), small.Draw(t, "n")); err != nil {
				t.Fatal(err)
			}
			c.Latency[word.Draw(t, "metric")] = result.FromHistogram(h)
		}
		for i := range rapid.IntRange(0, 4).Draw(t, "length") {
			c.Timeline = append(c.Timeline, result.Second{
				T: fraction.Draw(t, "t"), Asked: i, Held: int(small.Draw(t, "held")), Failed: i % 2, Received: small.Draw(t, "received"), LagP99us: small.Draw(t, "lag"),
				CPU: fraction.Draw(t, "cpu"), ServerCPU: fraction.Draw(t, "server cpu"), Latency: map[string]result.Quantiles{"delivery": {N: small.Draw(t, "sn"), P99us: small.Draw(t, "p99")}},
			})
			c.Phases = append(c.Phases, result.Phase{Name: word.Draw(t, "phase"), StartS: float64(i), EndS: fraction.Draw(t, "end")})
			c.Curve = append(c.Curve, result.CurvePoint{Rank: fraction.Draw(t, "rank"), P50us: small.Draw(t, "curve"), N: small.Draw(t, "broadcasts")})
			c.Checks = append(c.Checks, result.Check{
				Text: word.Draw(t, "check"), Metric: word.Draw(t, "check metric"), Stat: word.Draw(t, "stat"),
				Limit: fraction.Draw(t, "limit"), Value: fraction.Draw(t, "found"), Kind: rapid.SampledFrom([]string{"slo", "valid"}).Draw(t, "kind"),
			})
		}
		run.Cells = append(run.Cells, c)
	}
	return run
}
