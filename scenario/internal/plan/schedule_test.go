package plan

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/throng-io/throng/scenario/file"
)

func phases(ps ...file.Phase) *Timeline { return NewTimeline(ps) }

func phase(d time.Duration, clients, load file.Ramp) file.Phase {
	return file.Phase{Name: "p", For: d, Record: true, Clients: clients, Load: load}
}

var full = file.Ramp{From: 1, To: 1}

func all(s *Schedule) (ops []Op) {
	for o, ok := s.Next(); ok; o, ok = s.Next() {
		ops = append(ops, o)
	}
	return ops
}

func TestScheduleKeepsTheRate(t *testing.T) {
	tl := phases(phase(20*time.Second, full, full))
	ops := all(NewSchedule(tl, 1, 0, 2, 500, false, true))
	if len(ops) != 20*2*500 {
		t.Fatalf("%d operations, want 20000", len(ops))
	}
	perSource := map[uint32][]int64{}
	last := int64(0)
	for i, o := range ops {
		if o.Due < last || o.N != uint64(i) || o.Phase != 0 {
			t.Fatalf("operation %d is %+v after %d", i, o, last)
		}
		last = o.Due
		perSource[o.Source] = append(perSource[o.Source], o.Due)
	}
	starts := map[int64]bool{}
	for source, dues := range perSource {
		if len(dues) != 40 {
			t.Fatalf("source %d has %d operations, want 40", source, len(dues))
		}
		for i := 1; i < len(dues); i++ {
			if d := dues[i] - dues[i-1]; d < 499_999_998 || d > 500_000_002 {
				t.Fatalf("source %d: %d ns between two operations, want half a second", source, d)
			}
		}
		starts[dues[0]/1e6] = true
	}
	// 500 random phases fall on most of 500 milliseconds; were they not random, on one.
	if len(starts) < 250 {
		t.Errorf("the first sends fall on %d different milliseconds only", len(starts))
	}
}

func TestScheduleFollowsTheLoad(t *testing.T) {
	tl := phases(
		phase(10*time.Second, full, file.Ramp{}),
		phase(10*time.Second, full, file.Ramp{From: 0, To: 1}),
		phase(5*time.Second, full, file.Ramp{}),
		phase(10*time.Second, full, file.Ramp{From: 2, To: 1}),
	)
	ops := all(NewSchedule(tl, 7, 0, 100, 1, false, true))
	counts := make([]int, 4)
	for _, o := range ops {
		counts[o.Phase]++
		if o.Phase != tl.PhaseAt(o.Due) {
			t.Fatalf("%+v is in phase %d", o, tl.PhaseAt(o.Due))
		}
	}
	if counts[0] != 0 || counts[2] != 0 || counts[1] != 500 || counts[3] != 1500 {
		t.Errorf("operations by phase: %v, want 0 500 0 1500", counts)
	}
	// At full load the ramp's middle, 15 s, has passed a quarter of its 500.
	n, _ := slices.BinarySearchFunc(ops, int64(15e9), func(o Op, t int64) int { return int(o.Due - t) })
	if n < 124 || n > 126 {
		t.Errorf("%d operations in the first half of the ramp, want 125", n)
	}
	if got := len(all(NewSchedule(tl, 7, 0, 100, 1, false, false))); got != 3500 {
		t.Errorf("unscaled: %d operations, want 3500", got)
	}
}

func TestPoissonHasItsRateAndItsGaps(t *testing.T) {
	tl := phases(phase(100*time.Second, full, full))
	ops := all(NewSchedule(tl, 3, 0, 10, 20, true, true))
	if n := float64(len(ops)); math.Abs(n-20000) > 5*math.Sqrt(20000) {
		t.Fatalf("%v operations, want 20000 or so", n)
	}
	short := 0
	for i := 1; i < len(ops); i++ {
		if float64(ops[i].Due-ops[i-1].Due) < 5e6*math.Ln2 {
			short++
		}
	}
	// Half of exponential gaps are below the mean times ln 2.
	if share := float64(short) / float64(len(ops)); share < 0.48 || share > 0.52 {
		t.Errorf("%v of the gaps are below their median", share)
	}
}

func TestSchedulesAreDeterministic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tl := phases(
			phase(time.Duration(rapid.IntRange(1, 5000).Draw(t, "first"))*time.Millisecond, full, file.Ramp{From: rapid.Float64Range(0, 3).Draw(t, "a"), To: rapid.Float64Range(0, 3).Draw(t, "b")}),
			phase(time.Duration(rapid.IntRange(1, 5000).Draw(t, "second"))*time.Millisecond, full, file.Ramp{From: rapid.Float64Range(0, 3).Draw(t, "c"), To: rapid.Float64Range(0, 3).Draw(t, "d")}),
		)
		seed, sources, rate := rapid.Uint64().Draw(t, "seed"), rapid.IntRange(1, 50).Draw(t, "sources"), rapid.Float64Range(0.1, 50).Draw(t, "rate")
		poisson := rapid.Bool().Draw(t, "poisson")
		a := all(NewSchedule(tl, seed, 1, rate, sources, poisson, true))
		b := all(NewSchedule(tl, seed, 1, rate, sources, poisson, true))
		if !slices.Equal(a, b) {
			t.Fatal("two schedules of one seed differ")
		}
		work := tl.Spans[1].work + (tl.Spans[1].load.From+tl.Spans[1].load.To)/2*float64(tl.Spans[1].End-tl.Spans[1].Start)/1e9
		if want := work * rate * float64(sources); !poisson && math.Abs(float64(len(a))-want) > float64(sources) {
			t.Fatalf("%d operations, the load asks for %v", len(a), want)
		}
		for i := 1; i < len(a); i++ {
			if a[i].Due < a[i-1].Due || a[i].Due >= tl.End {
				t.Fatalf("operation %d is due at %d after %d", i, a[i].Due, a[i-1].Due)
			}
		}
	})
}

func TestCallsFollowRampAndRate(t *testing.T) {
	ramp := phases(phase(5*time.Second, file.Ramp{From: 0, To: 1}, full), phase(time.Second, full, full))
	g := &file.Group{Count: 1000, Connect: file.Connect{Rate: 1000}}
	cs := rampTurns(ramp, g, 1, 0)
	if len(cs) != 1000 {
		t.Fatalf("%d calls", len(cs))
	}
	for i, c := range cs {
		if want := int64(i) * 5e6; c.Client != uint32(i) || !c.Come || c.Due < want-1000 || c.Due > want+1000 {
			t.Fatalf("call %d is %+v, want due %d", i, c, want)
		}
	}
	// The rate caps a ramp that asks for more, and a start with everybody.
	g.Connect.Rate = 100
	if cs := rampTurns(phases(phase(20*time.Second, full, full)), g, 1, 0); len(cs) != 1000 || cs[999].Due != 9_990_000_000 {
		t.Errorf("the last of 1000 at 100/s is %+v", cs[len(cs)-1])
	}
	if cs := rampTurns(ramp, g, 1, 0); len(cs) != 600 {
		t.Errorf("%d clients come within 6 s at 100/s, want 600", len(cs))
	}
	g.Connect.Shape = "burst"
	if cs := rampTurns(phases(phase(time.Second, full, full)), g, 1, 0); len(cs) != 1000 || cs[999].Due != 0 {
		t.Errorf("a burst ends with %+v", cs[999])
	}
	g.Connect.Shape = "poisson"
	if cs := rampTurns(phases(phase(60*time.Second, full, full)), g, 1, 0); len(cs) != 1000 || cs[999].Due < 8e9 || cs[999].Due > 12e9 {
		t.Errorf("poisson at 100/s ends with %+v", cs[len(cs)-1])
	}
}

func TestCallsGoDownAndUpAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var ps []file.Phase
		for range rapid.IntRange(1, 5).Draw(t, "phases") {
			share := rapid.Float64Range(0, 1)
			ps = append(ps, phase(time.Second, file.Ramp{From: share.Draw(t, "from"), To: share.Draw(t, "to")}, full))
		}
		tl := NewTimeline(ps)
		g := &file.Group{Count: rapid.IntRange(0, 40).Draw(t, "count"), Connect: file.Connect{Shape: "burst"}}
		here, at := map[uint32]bool{}, 0
		cs := rampTurns(tl, g, 1, 0)
		for i, s := range tl.Spans {
			for at < len(cs) && cs[at].Due < s.End {
				c := cs[at]
				if here[c.Client] == c.Come {
					t.Fatalf("call %+v, but the client is there: %v", c, !c.Come)
				}
				if here[c.Client] = c.Come; !c.Come {
					delete(here, c.Client)
				}
				at++
			}
			want := s.clients.To * float64(g.Count)
			if n := float64(len(here)); n < want-1.001 || n > want+1.001 {
				t.Fatalf("after phase %d there are %v clients, want %v", i, n, want)
			}
		}
	})
}

func TestRoomsFillEvenly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		of := rapid.IntRange(1, 30).Draw(t, "of")
		join, laps := rapid.IntRange(1, of).Draw(t, "join"), rapid.IntRange(1, 5).Draw(t, "laps")
		sizes := make([]int, of)
		for c := range of * laps {
			rooms := EvenRooms(9, 0, c, of, join)
			if len(rooms) != join {
				t.Fatalf("client %d joins %v, want %d", c, rooms, join)
			}
			seen := map[int]bool{}
			for _, r := range rooms {
				if seen[r] {
					t.Fatalf("client %d joins %v", c, rooms)
				}
				seen[r] = true
				sizes[r]++
			}
		}
		for r, n := range sizes {
			if n != join*laps {
				t.Fatalf("room %d has %d members, want %d", r, n, join*laps)
			}
		}
	})
}

func TestTransportsAreDealtByShare(t *testing.T) {
	shares := []file.Share{{Name: "websocket", Share: 0.93}, {Name: "upgrade", Share: 0.05}, {Name: "polling", Share: 0.02}}
	for _, n := range []int{100, 1000, 20000} {
		got := make([]int, 3)
		for c := range n {
			got[TransportOf(shares, c)]++
		}
		for i, s := range shares {
			if want := s.Share * float64(n); math.Abs(float64(got[i])-want) > 3 {
				t.Errorf("of %d clients %d use %s, want %v", n, got[i], s.Name, want)
			}
		}
	}
}

func TestPhaseAt(t *testing.T) {
	tl := phases(phase(time.Second, full, full), phase(2*time.Second, full, full))
	for at, want := range map[int64]int{-1: -1, 0: 0, 999_999_999: 0, 1e9: 1, 2_999_999_999: 1, 3e9: -1} {
		if got := tl.PhaseAt(at); got != want {
			t.Errorf("phaseAt(%d) = %d, want %d", at, got, want)
		}
	}
}

func TestBurstsComeAtOnce(t *testing.T) {
	tl := NewTimeline([]file.Phase{{For: 3 * time.Second, Load: file.Ramp{From: 1, To: 1}}})
	crowd := NewSchedule(tl, 1, 0, 2, 50, false, true)
	crowd.Burst(0)
	dues := map[int64]int{}
	for _, o := range all(crowd) {
		dues[o.Due]++
	}
	if len(dues) != 6 {
		t.Errorf("fifty clients with two messages a second send in %d moments of three seconds, want 6", len(dues))
	}
	for at, n := range dues {
		if n != 50 {
			t.Errorf("%d at %d, want all 50", n, at)
		}
	}
	one := NewSchedule(tl, 1, 0, 30, 1, false, true)
	one.Burst(0)
	dues = map[int64]int{}
	for _, o := range all(one) {
		dues[o.Due]++
	}
	if len(dues) != 3 {
		t.Errorf("a group's 30 messages a second come in %v, want one moment a second", dues)
	}
}

func TestBurstsOfASize(t *testing.T) {
	tl := NewTimeline([]file.Phase{{For: 4 * time.Second, Load: file.Ramp{From: 1, To: 1}}})
	rooms := NewSchedule(tl, 1, 0, 16, 5, false, true)
	rooms.Burst(8)
	moments := map[Op]int{}
	last := int64(0)
	for _, o := range all(rooms) {
		if o.Due < last {
			t.Fatalf("due at %d after %d", o.Due, last)
		}
		last = o.Due
		moments[Op{Source: o.Source, Due: o.Due}]++
	}
	if len(moments) != 5*8 {
		t.Errorf("five rooms with two bursts a second have %d in four seconds, want 40", len(moments))
	}
	for m, n := range moments {
		if n != 8 {
			t.Errorf("%d of room %d at %d, want 8", n, m.Source, m.Due)
		}
	}
	for a := range moments {
		for b := range moments {
			if a.Source != b.Source && a.Due == b.Due {
				t.Fatalf("rooms %d and %d have their bursts at the same time", a.Source, b.Source)
			}
		}
	}
}
