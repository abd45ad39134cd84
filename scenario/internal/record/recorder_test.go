package record

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/throng-io/throng/scenario/result"
)

// The recorder's cells equal the histograms' cells: each count moves to the same cell that
// recording the sample there would have chosen.
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

// What is rare takes memory once and not in each shard: long latencies, and all of a series of
// which few come. All of it is drained.
func TestRareLatenciesShareCells(t *testing.T) {
	r := NewRecorder([]Series{{Metric: "a"}}, 1)
	n := int64(0)
	drain := func() {
		r.Drain(func(_, _ int, _, k int64) { n += k })
	}
	var want int64
	for i, c := range []struct {
		each   int // samples of a shard
		shares bool
	}{{1, true}, {few, true}, {1, false}} {
		for shard := range uint32(len(r.shards)) {
			for range c.each {
				r.Shard(shard).Add(0, 0, time.Millisecond)
			}
			r.Shard(shard).Add(0, 0, time.Second)
			want += int64(c.each) + 1
		}
		for shard, s := range r.shards[1:] {
			pages := 0
			if own := s.cells[0].Load(); own != nil {
				for j := range own.pages {
					if own.pages[j].Load() != nil {
						pages++
					}
				}
			}
			if c.shares != (pages == 0) || pages > 1 {
				t.Errorf("step %d: shard %d has %d pages of its own", i, shard+1, pages)
			}
		}
		if drain(); n != want {
			t.Errorf("step %d: %d samples, want %d", i, n, want)
		}
	}
}

func TestRecorderLosesNothingWhileDrained(t *testing.T) {
	r := NewRecorder([]Series{{Metric: "a"}, {Metric: "b"}}, 2)
	var wg sync.WaitGroup
	const clients, each = 8, 20000
	for i := range uint32(clients) {
		wg.Go(func() {
			s := r.Shard(i)
			for n := range each {
				s.Add(int(i)%2, n%2, time.Duration(n)*time.Microsecond)
			}
		})
	}
	counts := map[[2]int]int64{}
	drain := func() {
		r.Drain(func(series, phase int, _, n int64) { counts[[2]int{series, phase}] += n })
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
	r := NewRecorder([]Series{{Metric: "a"}}, 1)
	s := r.Shard(0)
	for _, d := range []time.Duration{-time.Second, 0, time.Hour, 2 * time.Hour} {
		s.Add(0, 0, d)
	}
	s.Add(0, -1, time.Second) // due outside of the timeline
	h := result.NewHistogram()
	r.Drain(func(_, _ int, v, n int64) { _ = h.RecordValues(v, n) })
	if h.TotalCount() != 4 || r.clamped.Load() != 2 {
		t.Errorf("%d samples, %d clamped", h.TotalCount(), r.clamped.Load())
	}
}

func TestRecordingCostsNoAllocation(t *testing.T) {
	r := NewRecorder([]Series{{Metric: "a"}}, 1)
	s := r.Shard(3)
	s.Add(0, 0, time.Millisecond)
	if n := testing.AllocsPerRun(100, func() { s.Add(0, 0, time.Millisecond) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Latencies that lie far from one another take little memory, however many series have some.
func TestRareSamplesTakeLittleMemory(t *testing.T) {
	r := NewRecorder([]Series{{Metric: "delivery"}}, 1)
	sh := r.Shard(0)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n := 0
	for us := int64(1); us < maxSample; us *= 2 {
		sh.Add(0, 0, time.Duration(us)*time.Microsecond)
		n++
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / uint64(n); each > 1<<10 {
		t.Errorf("a sample takes %d bytes", each)
	}
}
