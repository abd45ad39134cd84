package board

import (
	"fmt"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/result"
)

func second(i int) scenario.Progress {
	return scenario.Progress{
		Cell: 1, Cells: 2, Trial: 1, Phase: "hold", Phases: 1, Recording: true, Metric: "delivery", DeliveriesPerS: float64(i % 2 * 100), Seconds: i + 1,
		Second: result.Second{T: float64(i), Held: i, Latency: map[string]result.Quantiles{"delivery": {N: 1000, P50us: 1, P99us: int64(i), Maxus: 7}}},
	}
}

// The lag of a second is its highest: a percentile would take a thousand messages.
func TestLagOfASecond(t *testing.T) {
	for _, tt := range []struct {
		lag  result.Quantiles
		want int64
	}{
		{result.Quantiles{N: 10, P99us: 300, Maxus: 900}, 900},
		{result.Quantiles{N: 10}, 1}, // below a microsecond
		{result.Quantiles{}, 0},      // nothing was sent
	} {
		b := New("x", "")
		p := second(0)
		p.Second.LagP99us, p.Second.Latency["lag"] = tt.lag.P99us, tt.lag
		b.Update(p)
		if got := b.State().Last.Lagus; got != tt.want {
			t.Errorf("%+v: %d µs, want %d", tt.lag, got, tt.want)
		}
	}
}

// A long trial keeps its whole history, coarser and coarser, and no peak is lost.
func TestLongTrials(t *testing.T) {
	b := New("long", "")
	const seconds = 10_000
	for i := range seconds {
		b.Update(second(i))
		b.Update(second(i)) // the runner tells of a second several times
		if n := len(pointsOf(b, -1)); n > MaxPoints {
			t.Fatalf("%d points after %d seconds", n, i+1)
		}
	}
	points := pointsOf(b, -1)
	if len(points) < MaxPoints/2-1 || points[0].T != 0 {
		t.Errorf("%d points, the first at %v", len(points), points[0].T)
	}
	highest := int64(0)
	width := points[1].T - points[0].T
	for i, p := range points {
		highest = max(highest, p.P99us)
		if i > 0 && p.T-points[i-1].T != width {
			t.Fatalf("the point at %v is %v s after the one before, others %v", p.T, p.T-points[i-1].T, width)
		}
		if i < len(points)-1 && (p.Deliveries < 49 || p.Deliveries > 51) {
			t.Fatalf("the point at %v has %v deliveries a second, want 50", p.T, p.Deliveries)
		}
	}
	if highest != seconds-1 || b.State().Last.P99us != seconds-1 {
		t.Errorf("the highest p99 is %d, want %d", highest, seconds-1)
	}
	if got := pointsOf(b, 3); len(got) != 3 || got[2] != points[len(points)-1] {
		t.Errorf("the last three: %+v", got)
	}
}

func TestStages(t *testing.T) {
	b := New("x", "about it")
	if s := b.State(); s.Stage != Starting || s.About != "about it" {
		t.Errorf("%+v", s)
	}
	p := second(0)
	p.Checks = []result.Check{
		{Text: "a", Kind: result.KindSLO, Pass: true, Value: 0.0021, Unit: "s"},
		{Text: "b", Kind: result.KindSLO, Value: 0.125, Unit: "share"},
		{Text: "c", Kind: result.KindValid, NoData: true},
		{Text: "d", Kind: result.KindSLO, NoData: true, Undecided: true},
	}
	p.Classes = []scenario.ErrorClass{{Class: "ack.timeout", N: 3, Text: "no answer"}}
	b.Update(p)
	s := b.State()
	want := []Check{
		{Text: "a", Kind: result.KindSLO, State: Holds, Value: "2.1 ms", Unit: "s"},
		{Text: "b", Kind: result.KindSLO, State: Broken, Value: "12.5 %", Unit: "share"},
		{Text: "c", Kind: result.KindValid, State: Waiting},
		{Text: "d", Kind: result.KindSLO, State: Waiting, Value: "too few samples"},
	}
	if fmt.Sprint(s.Checks) != fmt.Sprint(want) || s.Stage != Recording || len(s.Classes) != 1 {
		t.Errorf("%+v", s)
	}
	p.Phase, p.Recording = "drain", false
	b.Update(p)
	if got := b.State().Stage; got != Draining {
		t.Error(got)
	}
	p.Done, p.Verdict, p.Reason = true, result.Fail, "b: 12.5%"
	b.Update(p)
	s = b.State()
	if s.Stage != Ended || len(s.Trials) != 1 || s.Trials[0].Verdict != result.Fail || s.Trials[0].Reason != "b: 12.5%" {
		t.Errorf("%+v", s)
	}
	// The next trial starts with a clean sheet, also when it is the same cell again.
	next := scenario.Progress{Cell: 1, Cells: 2, Trial: 1, Total: time.Minute, Phase: "ramp", Phases: 1}
	b.Update(next)
	if s := b.State(); len(pointsOf(b, -1)) != 0 || s.Stage != WarmUp || s.Checks != nil || len(s.Trials) != 1 || s.Last != (Point{}) {
		t.Errorf("%+v", s)
	}
	b.Stopping()
	b.End(result.Invalid, "too slow", "out/x/report.html")
	if s := b.State(); !s.Stopping || !s.Done || s.Verdict != result.Invalid || s.Report != "out/x/report.html" {
		t.Errorf("%+v", s)
	}
}

func TestClockAndLabel(t *testing.T) {
	if got := Clock(3725); got != "1:02:05" {
		t.Error(got)
	}
	if got := Label(map[string]string{"b": "2", "a": "1"}, 3); got != "a=1 b=2 trial 3" {
		t.Error(got)
	}
}

func pointsOf(b *Board, n int) []Point {
	_, points := b.Read(n)
	return points
}

// What a report would leave out for want of samples is in no live view either.
func TestTooFewSamples(t *testing.T) {
	for n, want := range map[int64][2]int64{19: {0, 0}, 20: {3, 0}, 999: {3, 0}, 1000: {3, 9}} {
		b, p := New("x", ""), second(0)
		p.Second.Latency = map[string]result.Quantiles{"delivery": {N: n, P50us: 3, P99us: 9, Maxus: 11}}
		b.Update(p)
		if last := b.State().Last; [2]int64{last.P50us, last.P99us} != want || last.Maxus != 11 {
			t.Errorf("%d samples in a second: %+v, want %v", n, last, want)
		}
	}
	for _, tt := range []struct {
		us     int64
		beyond bool
		want   string
	}{{0, false, "-"}, {5_000_000, false, "5 s"}, {5_000_000, true, "> 5 s"}} {
		if got := Amount(tt.us, tt.beyond); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}
