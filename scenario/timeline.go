package scenario

import (
	"cmp"
	"math"
	"slices"

	"github.com/throng-io/throng/scenario/file"
)

// A span is a phase on the clock of its trial.
type span struct {
	name       string
	start, end int64 // nanoseconds since the trial's start
	record     bool
	clients    file.Ramp
	load       file.Ramp
	work       float64 // the integral of load up to start, in seconds at full load
}

// A timeline is the phases of a trial, end to end. Times before zero and after
// its end belong to no phase.
type timeline struct {
	spans []span
	end   int64
}

func newTimeline(phases []file.Phase) *timeline {
	tl := &timeline{}
	work := 0.0
	for _, p := range phases {
		s := span{
			name: p.Name, start: tl.end, end: tl.end + int64(p.For), record: p.Record,
			clients: p.Clients, load: p.Load, work: work,
		}
		work += (p.Load.From + p.Load.To) / 2 * p.For.Seconds()
		tl.spans = append(tl.spans, s)
		tl.end = s.end
	}
	return tl
}

// phaseAt returns the index of the phase that holds t, or -1.
func (tl *timeline) phaseAt(t int64) int {
	if t < 0 || t >= tl.end {
		return -1
	}
	i, _ := slices.BinarySearchFunc(tl.spans, t, func(s span, t int64) int { return cmp.Compare(s.end-1, t) })
	return i
}

// when is the inverse of the integral of the load: the moment at which that
// many seconds of full load have been asked for. ok is false beyond the end.
// hint is where to begin to look: a phase at or before the answer.
//
// Within a phase of d seconds from load a to load b the integral after x
// seconds is y = ax + (b-a)x²/2d; of the two forms of its root the one below does
// not cancel when a and b are close.
func (tl *timeline) when(work float64, hint int) (t int64, phase int, ok bool) {
	for i := hint; i < len(tl.spans); i++ {
		s := &tl.spans[i]
		d := float64(s.end-s.start) / 1e9
		a, b := s.load.From, s.load.To
		y := work - s.work
		if y >= (a+b)/2*d {
			continue // later; also what falls on the edge of a phase without load
		}
		x := 0.0
		if y > 0 {
			x = 2 * y / (a + math.Sqrt(a*a+2*(b-a)*y/d))
		}
		return min(s.start+int64(x*1e9), s.end-1), i, true
	}
	return 0, len(tl.spans), false
}
