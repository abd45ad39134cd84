package plan

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/throng-io/throng/scenario/file"
)

// randomTimeline has phases with ramps of the load, some of them without any.
func randomTimeline(t *rapid.T) *Timeline {
	share := rapid.SampledFrom([]float64{0, 0, 0.25, 0.5, 1})
	var ps []file.Phase
	for range rapid.IntRange(1, 6).Draw(t, "phases") {
		ps = append(ps, file.Phase{
			For:  time.Duration(rapid.Int64Range(1, 60_000).Draw(t, "ms")) * time.Millisecond,
			Load: file.Ramp{From: share.Draw(t, "from"), To: share.Draw(t, "to")},
		})
	}
	return NewTimeline(ps)
}

// integral is the load up to a moment, added up in small steps.
func integral(tl *Timeline, until int64) (work float64) {
	for i := range tl.Spans {
		s := &tl.Spans[i]
		end := min(until, s.End)
		if end <= s.Start {
			break
		}
		mid := (s.Start + end) / 2
		work += tl.loadAt(mid, i) * float64(end-s.Start) / 1e9 // a line: its middle is its mean
	}
	return work
}

// The moment at which some work has been asked for is the one up to which the load adds up to it,
// and later work is not due earlier.
func TestWhenInvertsTheLoad(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tl := randomTimeline(t)
		all := integral(tl, tl.End)
		last, hint := int64(0), 0
		for i := range 20 {
			work := all * float64(i) / 19
			at, phase, ok := tl.when(work, hint)
			if !ok {
				if work < all*(1-1e-9) {
					t.Fatalf("work %v of %v is never due", work, all)
				}
				return
			}
			if at < last || phase < hint || at < tl.Spans[phase].Start || at >= tl.Spans[phase].End {
				t.Fatalf("work %v is due at %d in phase %d, after %d in %d", work, at, phase, last, hint)
			}
			if got := integral(tl, at); math.Abs(got-work) > 1e-6*math.Max(1, all) {
				t.Fatalf("at %d the load has added up to %v, want %v", at, got, work)
			}
			if tl.PhaseAt(at) != phase {
				t.Fatalf("%d is in phase %d, not %d", at, tl.PhaseAt(at), phase)
			}
			last, hint = at, phase
		}
	})
}

func TestPeriodFollowsTheLoad(t *testing.T) {
	tl := phases(phase(10*time.Second, full, file.Ramp{From: 0, To: 1}), phase(10*time.Second, full, full))
	scaled, fixed := NewSchedule(tl, 1, 0, 4, 10, false, true), NewSchedule(tl, 1, 0, 4, 10, false, false)
	for _, c := range []struct {
		due         int64
		phase       int
		scaled, not time.Duration
	}{
		{0, 0, 0, 250 * time.Millisecond},
		{5e9, 0, 500 * time.Millisecond, 250 * time.Millisecond},
		{15e9, 1, 250 * time.Millisecond, 250 * time.Millisecond},
		{25e9, -1, 250 * time.Millisecond, 250 * time.Millisecond},
	} {
		if got := scaled.Period(c.due, c.phase); got != c.scaled {
			t.Errorf("at %d: %v, want %v", c.due, got, c.scaled)
		}
		if got := fixed.Period(c.due, c.phase); got != c.not {
			t.Errorf("at %d, not scaled: %v, want %v", c.due, got, c.not)
		}
	}
	if got := NewSchedule(tl, 1, 0, 0, 10, false, false).Period(0, 0); got != 0 {
		t.Errorf("of no rate: %v", got)
	}
}
