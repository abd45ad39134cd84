package plan

import (
	"cmp"
	"math"
	"slices"

	"github.com/throng-io/throng/scenario/file"
)

// A Span is a phase on the clock of its trial.
type Span struct {
	Name       string
	Start, End int64     // nanoseconds since the trial's start
	Record     bool      // counts in the totals
	clients    file.Ramp // share of the clients that are there
	load       file.Ramp // share of the rates
	work       float64   // the integral of load up to start, in seconds at full load
}

// A Timeline is the phases of a trial, end to end. Times before zero and after
// its end belong to no phase. It does not change, so goroutines may share it.
type Timeline struct {
	Spans []Span
	End   int64
}

// NewTimeline puts the phases end to end, from the trial's start on.
func NewTimeline(phases []file.Phase) *Timeline {
	tl := &Timeline{}
	work := 0.0
	for _, p := range phases {
		s := Span{
			Name: p.Name, Start: tl.End, End: tl.End + int64(p.For), Record: p.Record,
			clients: p.Clients, load: p.Load, work: work,
		}
		// rounded, not fused into one operation, as on other processors: agents plan alike
		work += float64((p.Load.From + p.Load.To) / 2 * p.For.Seconds())
		tl.Spans = append(tl.Spans, s)
		tl.End = s.End
	}
	return tl
}

// PhaseAt returns the index of the phase that holds t, or -1.
func (tl *Timeline) PhaseAt(t int64) int {
	if t < 0 || t >= tl.End {
		return -1
	}
	i, _ := slices.BinarySearchFunc(tl.Spans, t, func(s Span, t int64) int { return cmp.Compare(s.End-1, t) })
	return i
}

// Recorded reports whether what is due in a phase counts; -1, for no phase, does not.
func (tl *Timeline) Recorded(phase int) bool {
	return phase >= 0 && phase < len(tl.Spans) && tl.Spans[phase].Record
}

// Constant reports whether clients and load stay the same throughout a phase.
func (tl *Timeline) Constant(phase int) bool {
	s := &tl.Spans[phase]
	return s.clients.From == s.clients.To && s.load.From == s.load.To
}

// loadAt is the load at a moment of a phase.
func (tl *Timeline) loadAt(t int64, phase int) float64 {
	s := &tl.Spans[phase]
	return s.load.From + (s.load.To-s.load.From)*float64(t-s.Start)/float64(s.End-s.Start)
}

// when is the inverse of the integral of the load: the moment at which that
// many seconds of full load have been asked for. ok is false beyond the end.
// hint is where to begin to look: a phase at or before the answer.
//
// Within a phase of d seconds from load a to load b the integral after x
// seconds is y = ax + (b-a)x²/2d; of the two forms of its root the one below does
// not cancel when a and b are close.
func (tl *Timeline) when(work float64, hint int) (t int64, phase int, ok bool) {
	for i := hint; i < len(tl.Spans); i++ {
		s := &tl.Spans[i]
		d := float64(s.End-s.Start) / 1e9
		a, b := s.load.From, s.load.To
		y := work - s.work
		if y >= (a+b)/2*d {
			continue // later; also times on the edge of a phase without load
		}
		x := 0.0
		if y > 0 {
			x = 2 * y / (a + math.Sqrt(float64(a*a)+float64(2*(b-a)*y/d))) // not fused, as above
		}
		return min(s.Start+int64(x*1e9), s.End-1), i, true
	}
	return 0, len(tl.Spans), false
}
