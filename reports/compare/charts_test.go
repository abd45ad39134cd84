package compare

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/throng-io/throng/reports/internal/charts"
	"github.com/throng-io/throng/reports/internal/draw"
	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/reporttest"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/reports/internal/stats"
	"github.com/throng-io/throng/scenario/result"
)

func relative(title string, outcome Outcome, change float64, ci *stats.Interval) changeRow {
	return changeRow{title, &Change{Title: title, Relative: true, Outcome: outcome, Change: change, Interval: ci}}
}

// pointsOf collects the marks of an outcome.
func pointsOf(f *charts.Figure, name string) (pts []draw.Point) {
	for _, l := range f.Panels[0].Lines {
		if l.Name == name {
			pts = append(pts, l.Points...)
		}
	}
	return pts
}

func same(a, b draw.Point) bool { return math.Abs(a.X-b.X) < 1e-9 && a.Y == b.Y }

func TestShowChange(t *testing.T) {
	c := Change{Relative: true}
	for v, want := range map[float64]string{0: "0 %", 0.0149: "+1.5 %", 0.0994: "+9.9 %", 0.0996: "+10 %", -0.104: "-10 %", 9.991: "+999 %", 19.5: "+1 950 %"} {
		if got := strings.ReplaceAll(c.showChange(v), layout.Nbsp, " "); got != want {
			t.Errorf("%v is written as %q, want %q", v, got, want)
		}
	}
}

func TestChangesFigure(t *testing.T) {
	share := relative("loss", Worse, 0.5, nil)
	share.Relative = false
	rows := []changeRow{
		relative("p50", Worse, 0.2, &stats.Interval{Low: 0.1, High: 0.3}),
		share,
		relative("p99", NotShown, -0.05, &stats.Interval{Low: -0.2, High: 0.1}),
		{"missing", nil},
		relative("memory", Better, -0.1, nil),
	}
	f := changes("c", "Changes", "", rows)
	p := f.Panels[0]
	if len(p.Y.Ticks) != 3 || p.Y.Ticks[0].Label != "p50" || p.Y.Ticks[0].At != 3 || p.X.Log {
		t.Errorf("axes %+v %+v", p.X, p.Y)
	}
	for name, want := range map[string]draw.Point{"worse": {X: 20, Y: 3}, "no difference shown": {X: -5, Y: 2}, "better": {X: -10, Y: 1}} {
		if got := pointsOf(f, name); len(got) != 1 || !same(got[0], want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	if len(p.Bands) != 1 || p.Bands[0].From != -2 || p.Bands[0].To != 2 {
		t.Errorf("the band of two per cent: %+v", p.Bands)
	}
	if p.X.Min >= -20 || p.X.Max <= 30 {
		t.Errorf("the axis from %v to %v hides an interval", p.X.Min, p.X.Max)
	}
	with := f.Caption
	if !strings.Contains(with, "in the table only") {
		t.Errorf("the share is not drawn: %q", with)
	}
	// A third and the threefold lie equally far from no change.
	f = changes("c", "Changes", "", []changeRow{relative("a", Worse, 2, nil), relative("b", Better, -2.0/3, nil)})
	if x := f.Panels[0].X; !x.Log {
		t.Errorf("large changes on the axis %+v", x)
	}
	if !strings.Contains(with, "interval") || strings.Contains(f.Caption, "interval") || strings.Contains(f.Caption, "only") {
		t.Errorf("with intervals %q, and without any %q", with, f.Caption)
	}
	if worse, better := pointsOf(f, "worse"), pointsOf(f, "better"); !same(worse[0], draw.Point{X: 3, Y: 2}) || math.Abs(better[0].X-1.0/3) > 1e-9 {
		t.Errorf("worse at %v, better at %v", worse, better)
	}
	if changes("c", "", "", []changeRow{share}) != nil {
		t.Error("a figure of nothing is drawn")
	}
}

func TestShiftFigure(t *testing.T) {
	p := &Pair{Base: "a", New: "b", Shift: &Shift{Metric: "delivery", Points: []ShiftPoint{
		{Percentile: 50, Base: 1000, New: 1100, Change: 0.1, Interval: &stats.Interval{Low: 0.05, High: 0.15}},
		{Percentile: 90, Base: 2000, New: 2600, Change: 0.3, Interval: &stats.Interval{Low: 0.2, High: 0.4}},
		{Percentile: 99, Base: 4000, New: 6000, Change: 0.5, Interval: &stats.Interval{Low: 0.3, High: 0.7}},
	}}}
	f := shiftFigure("s", p)
	line := pointsOf(f, "b against a")
	for i, want := range []draw.Point{{X: 2, Y: 10}, {X: 10, Y: 30}, {X: 100, Y: 50}} {
		if math.Abs(line[i].X-want.X) > 1e-6 || math.Abs(line[i].Y-want.Y) > 1e-9 {
			t.Errorf("point %d is %v, want %v", i, line[i], want)
		}
	}
	if a := f.Panels[0].Areas; len(a) != 1 || len(a[0].Low) != 3 || math.Abs(a[0].High[2].Y-70) > 1e-9 {
		t.Errorf("the area %+v", a)
	}
	if got := strings.Join(f.Data.Rows[1], " "); got != "p99 4"+layout.Nbsp+"ms 6"+layout.Nbsp+"ms +50"+layout.Nbsp+"% +30"+layout.Nbsp+"% to +70"+layout.Nbsp+"%" {
		t.Errorf("the row of p99 is %q", got)
	}
	for i := range p.Shift.Points {
		p.Shift.Points[i].Interval = nil
	}
	if f := shiftFigure("s", p); len(f.Panels[0].Areas) != 0 || !strings.Contains(f.Caption, "too few trials") {
		t.Errorf("without intervals: %q", f.Caption)
	}
	p.Shift.Points[2].Change = 9
	if f := shiftFigure("s", p); !f.Panels[0].Y.Log || f.Panels[0].Lines[0].Points[0].Y != 1 {
		t.Errorf("the tenfold is drawn on the axis %+v", f.Panels[0].Y)
	}
}

func TestOverlayMergesTheTrials(t *testing.T) {
	c := two(t, reporttest.Trials(1, 5, 2000), reporttest.Trials(2, 5, 2400))
	f := overlayFigure("o", &c.Pairs[0])
	if f == nil || len(f.Panels[0].Lines) != 2 || !strings.Contains(f.Panels[0].Lines[0].Name, "20"+layout.Nbsp+"000") {
		t.Fatalf("overlay %+v", f)
	}
	if f.Data.Rows[0][0] != "before" || f.Data.Rows[1][0] != "after" {
		t.Errorf("rows %q", f.Data.Rows)
	}
}

func TestPercentileNames(t *testing.T) {
	for p, want := range map[float64]string{5: "5", 50: "50", 90: "90", 99.9: "99.9", 99.99: "99.99", 92.5: "92.5", 99: "99"} {
		if got := percentileName(p); got != want {
			t.Errorf("%v is named %s", p, got)
		}
	}
}

// TestSentenceWithoutTail: where no pair has samples enough for a p99, the overview speaks of the p50.
func TestSentenceWithoutTail(t *testing.T) {
	run := reporttest.Trials(1, 6, 2000, 1000)
	for i := range run.Cells {
		l := run.Cells[i].Latency["delivery"]
		l.N, l.HDR = 500, ""
	}
	if _, err := Inputs([]Input{{Name: "x", Run: run}}, Options{By: "kind"}); err == nil || !strings.Contains(err.Error(), "no histogram") {
		t.Errorf("without histograms: %v", err)
	}
	run = reporttest.Trials(1, 9, 2000, 2000, 1000)
	for i := range run.Cells {
		run.Cells[i].Latency["delivery"].P99us = 0
	}
	c := compare(t, Options{By: "kind"}, Input{Name: "x", Run: run})
	for i := range c.Pairs {
		c.Pairs[i].Changes = append(c.Pairs[i].Changes[:1:1], c.Pairs[i].Changes[2:]...)
	}
	if s := c.Sentence(); s != "Against kind a, the p50 delivery is better with kind c; no difference shown with kind b." {
		t.Error(s)
	}
}

// The word of a comparison is about all of its metrics when the first shows nothing.
func TestVerdictElsewhere(t *testing.T) {
	of := func(outcomes ...Outcome) (cs []Change) {
		for _, o := range outcomes {
			cs = append(cs, Change{Outcome: o})
		}
		return cs
	}
	for _, test := range []struct {
		changes     []Change
		word, class string
	}{
		{of(NotShown, NotShown), "no difference shown", "even"},
		{of(NotShown, Worse, Worse), "worse in 2 of 3", "fail"},
		{of(NotShown, Better, Untested), "better in 1 of 3", "pass"},
		{of(NotShown, Better, Worse), "1 better, 1 worse", "even"},
	} {
		if word, class := elsewhere(test.changes); word != test.word || class != test.class {
			t.Errorf("%v: %q %q, want %q %q", test.changes, word, class, test.word, test.class)
		}
	}
}

// By the second, trials are laid over each other by a percentile that their seconds have the samples for.
func TestOverlayNeedsSamples(t *testing.T) {
	of := func(n int64) [][]result.Second {
		return [][]result.Second{{{Latency: map[string]result.Quantiles{"delivery": {N: n}}}, {Latency: map[string]result.Quantiles{"delivery": {N: 5}}}, {}}}
	}
	for n, want := range map[int64]string{999: "p50", 1000: "p99"} {
		if got := selection.OfSeconds(of(n), "delivery").Name; got != want {
			t.Errorf("%d samples: %s, want %s", n, got, want)
		}
	}
}

// What was not measured is no line at zero: the CPU time of a server on another machine, and deliveries where there are
// acknowledgements alone.
func TestTimeOverlayOfWhatWasMeasured(t *testing.T) {
	a, b := reporttest.Trials(1, 5, 2000), reporttest.Trials(2, 5, 2000)
	seconds := func(received int64, cpu float64) {
		for _, run := range []*result.Run{a, b} {
			for i := range run.Cells {
				run.Cells[i].Timeline = nil
				for s := range 4 {
					run.Cells[i].Timeline = append(run.Cells[i].Timeline, result.Second{
						T: float64(s), Sent: 20, Received: received, ServerCPU: cpu, Latency: map[string]result.Quantiles{"delivery": {N: 2000, P50us: 900, P99us: 4000, Maxus: 9000}},
					})
				}
			}
		}
	}
	for _, tt := range []struct {
		received int64
		cpu      float64
		labels   []string
		rate     float64
	}{
		{0, 0, []string{"p99 delivery, ms", "messages sent/s"}, 20},
		{300, 0.25, []string{"p99 delivery, ms", "deliveries/s", "server CPU, % of usable cores"}, 300},
	} {
		seconds(tt.received, tt.cpu)
		c := two(t, a, b)
		f := timeOverlay("time", &c.Pairs[0])
		var labels []string
		for _, p := range f.Panels {
			labels = append(labels, p.Y.Label)
		}
		if !slices.Equal(labels, tt.labels) || f.Panels[1].Lines[0].Points[0].Y != tt.rate {
			t.Errorf("panels %q, %v; want %q, %v", labels, f.Panels[1].Lines[0].Points[0].Y, tt.labels, tt.rate)
		}
	}
}
