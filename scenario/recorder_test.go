package scenario

import (
	"math"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/result"
)

// The recorder's cells are those of the histograms: each count moves to the same cell
// that recording the sample there would have chosen.
func TestCellsAreThoseOfTheHistogram(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		vs := rapid.SliceOfN(rapid.Int64Range(0, maxSample), 1, 200).Draw(t, "samples")
		var c cells
		direct, moved := result.NewHistogram(), result.NewHistogram()
		for _, v := range vs {
			c.add(v)
			if err := direct.RecordValue(v); err != nil {
				t.Fatal(err)
			}
		}
		c.drain(func(v, n int64) {
			if err := moved.RecordValues(v, n); err != nil {
				t.Fatal(err)
			}
		})
		if !direct.Equals(moved) {
			t.Fatalf("%v: the histograms differ", vs)
		}
		c.drain(func(v, n int64) { t.Fatalf("%d samples of %d are left after a drain", n, v) })
	})
}

func TestEveryCellHasItsPlace(t *testing.T) {
	last := -1
	for v := int64(0); v <= maxSample; v += 1 + v/3000 {
		cell := cellOf(v)
		if cell < last || cell >= pageCount*cellsPerPage {
			t.Fatalf("cellOf(%d) = %d after %d", v, cell, last)
		}
		if low := valueOf(cell); low > v || float64(v-low) > float64(v)/1000 {
			t.Fatalf("%d is counted as %d", v, low)
		}
		last = cell
	}
}

func TestRecorderLosesNothingWhileDrained(t *testing.T) {
	r := newRecorder([]series{{metric: "a"}, {metric: "b"}}, 2)
	var wg sync.WaitGroup
	const clients, each = 8, 20000
	for i := range uint32(clients) {
		wg.Go(func() {
			s := r.shard(i)
			for n := range each {
				s.add(int(i)%2, n%2, time.Duration(n)*time.Microsecond)
			}
		})
	}
	counts := map[[2]int]int64{}
	drain := func() {
		r.drain(func(series, phase int, _, n int64) { counts[[2]int{series, phase}] += n })
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for alive := true; alive; {
		select {
		case <-done:
			alive = false
		default:
		}
		drain()
	}
	for series := range 2 {
		for phase := range 2 {
			if n := counts[[2]int{series, phase}]; n != clients*each/4 {
				t.Errorf("series %d, phase %d: %d samples, want %d", series, phase, n, clients*each/4)
			}
		}
	}
}

func TestRecorderClamps(t *testing.T) {
	r := newRecorder([]series{{metric: "a"}}, 1)
	s := r.shard(0)
	for _, d := range []time.Duration{-time.Second, 0, time.Hour, 2 * time.Hour} {
		s.add(0, 0, d)
	}
	s.add(0, -1, time.Second) // due outside of the timeline
	h := result.NewHistogram()
	r.drain(func(_, _ int, v, n int64) { _ = h.RecordValues(v, n) })
	if h.TotalCount() != 4 || r.clamped.Load() != 2 {
		t.Errorf("%d samples, %d clamped", h.TotalCount(), r.clamped.Load())
	}
}

func TestRecordingCostsNoAllocation(t *testing.T) {
	r := newRecorder([]series{{metric: "a"}}, 1)
	s := r.shard(3)
	s.add(0, 0, time.Millisecond)
	if n := testing.AllocsPerRun(100, func() { s.add(0, 0, time.Millisecond) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

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
		w := newWindow(&trial{tl: tl, kinds: []series{{metric: "delivery"}}}, k)
		for i, ms := range test.ms {
			at := int64(i) * 1e9
			w.begin()
			if ms > 0 && w.takes(0, tl.PhaseAt(at)) {
				w.add(ms*1000, 1)
			}
			w.finish(at, at+1e9)
		}
		if math.Abs(w.worst-test.want) > test.want/1000 || w.at != test.at*1e9 {
			t.Errorf("%s: %v up to second %v, want %v up to %v", name, w.worst, w.at/1e9, test.want, test.at)
		}
	}
}

func TestAWindowLongerThanThePhaseIsThePhase(t *testing.T) {
	tl := plan.NewTimeline([]file.Phase{{Name: "a", For: 2 * time.Second, Record: true}})
	w := newWindow(&trial{tl: tl, kinds: []series{{metric: "delivery"}}}, file.Check{Stat: "max", Op: "<", Metric: "delivery", Over: 5 * time.Second})
	for i := range int64(2) {
		w.begin()
		w.add(1000*(i+1), 1)
		w.finish(i*1e9, (i+1)*1e9)
	}
	if w.settle(2e9); math.Abs(w.worst-0.002) > 1e-5 {
		t.Errorf("worst %v", w.worst)
	}
}
