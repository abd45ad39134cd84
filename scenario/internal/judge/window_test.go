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
		"a percentile":        {file.Check{Stat: "p99", Quantile: 99, Op: "<="}, []int64{10, 20, 30, 0, 40, 50, 60}, 0.06, 7},
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
