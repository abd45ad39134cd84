package judge

import (
	"math"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/internal/record"
)

// Two recorded phases of 3 s with an unrecorded second between: windows of two seconds must
// find the worst pair and never reach over the gap.
func TestWindowsSlideWithinTheirPhases(t *testing.T) {
	tl := plan.NewTimeline([]file.Phase{
		{Name: "a", For: 3 * time.Second, Record: true}, {Name: "gap", For: time.Second}, {Name: "b", For: 3 * time.Second, Record: true},
	})
	for name, test := range map[string]struct {
		check file.Check
		ms    []int64 // one sample in each second; 0: none
		want  float64
		at    int64
	}{
		"the worst pair":      {file.Check{Stat: "mean", Op: "<"}, []int64{10, 10, 40, 999, 90, 10, 10}, 0.05, 6},
		"in one phase":        {file.Check{Stat: "mean", Op: "<", Phase: "a"}, []int64{10, 10, 40, 999, 90, 10, 10}, 0.025, 3},
		"the least":           {file.Check{Stat: "count", Op: ">"}, []int64{10, 10, 0, 10, 10, 10, 10}, 1, 3},
		"silence is no value": {file.Check{Stat: "max", Op: "<"}, []int64{10, 0, 0, 0, 0, 0, 10}, 0.01, 2},
		"a percentile":        {file.Check{Stat: "p99", Quantile: 99, Op: "<=", Kind: file.Valid}, []int64{10, 20, 30, 0, 40, 50, 60}, 0.06, 7},
	} {
		k := test.check
		k.Metric, k.Over = "delivery", 2*time.Second
		ws := NewWindows(tl, []record.Series{{Metric: "delivery"}}, Rules{SLO: []file.Check{k}})
		for i, ms := range test.ms {
			at := int64(i) * 1e9
			ws.Begin()
			if ms > 0 {
				ws.Add(0, tl.PhaseAt(at), ms*1000, 1)
			}
			ws.Finish(at, at+1e9)
		}
		if w := ws.Found()[0]; math.Abs(w.Worst-test.want) > test.want/1000 || w.End != test.at*1e9 {
			t.Errorf("%s: %v up to second %v, want %v up to %v", name, w.Worst, w.End/1e9, test.want, test.at)
		}
	}
}

func TestAWindowLongerThanThePhaseIsThePhase(t *testing.T) {
	tl := plan.NewTimeline([]file.Phase{{Name: "a", For: 2 * time.Second, Record: true}})
	rule := file.Check{Stat: "max", Op: "<", Metric: "delivery", Over: 5 * time.Second}
	ws := NewWindows(tl, []record.Series{{Metric: "delivery"}}, Rules{SLO: []file.Check{rule}})
	for i := range int64(2) {
		ws.Begin()
		ws.Add(0, 0, 1000*(i+1), 1)
		ws.Finish(i*1e9, (i+1)*1e9)
	}
	ws.End(2e9)
	if w := ws.Found()[0]; math.Abs(w.Worst-0.002) > 1e-5 {
		t.Errorf("worst %v", w.Worst)
	}
}

// TestThinWindows: a window with too few samples is no worst one, unless ten of them are above the
// limit; a rule that found no other is undecided.
func TestThinWindows(t *testing.T) {
	tl := plan.NewTimeline([]file.Phase{{Name: "a", For: 6 * time.Second, Record: true}})
	rule := file.Check{Text: "r", Kind: file.SLO, Stat: "p90", Quantile: 90, Op: "<", Value: 0.1, Metric: "delivery", Unit: "s", Over: 2 * time.Second}
	for name, c := range map[string]struct {
		n, slow   []int64 // samples of 10 ms and of 1 s, by the second
		undecided bool
		pass      bool
		note      string
	}{
		"all full":                {n: []int64{50, 50, 50, 50, 50, 50}, pass: true},
		"one is full":             {n: []int64{60, 60, 1, 1, 1, 1}, slow: []int64{0, 0, 0, 1, 1, 1}, pass: true},
		"none is full":            {n: []int64{49, 50, 10, 10, 10, 10}, undecided: true, note: "not enough samples: 99 in a window, and a p90 takes 100"},
		"a stall in a thin one":   {n: []int64{60, 60, 0, 0, 0, 60}, slow: []int64{0, 0, 0, 6, 4, 0}},
		"a few late in thin ones": {n: []int64{60, 60, 0, 0, 0, 60}, slow: []int64{0, 0, 0, 5, 4, 0}, pass: true},
	} {
		ws := NewWindows(tl, []record.Series{{Metric: "delivery"}}, Rules{SLO: []file.Check{rule}})
		for i := range c.n {
			ws.Begin()
			ws.Add(0, 0, 10_000, c.n[i])
			if c.slow != nil && c.slow[i] > 0 {
				ws.Add(0, 0, 1_000_000, c.slow[i])
			}
			ws.Finish(int64(i)*1e9, int64(i+1)*1e9)
		}
		ws.End(6e9)
		e := &Evidence{Timeline: tl, Windows: ws.Found()}
		r := Check(e, &rule)
		if r.Undecided != c.undecided || r.Pass != c.pass || c.note != "" && r.Note != c.note {
			t.Errorf("%s: %+v", name, r)
		}
	}
}
