package plan

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// A Schedule says when each operation of a stream is due. Its sources are the
// clients, the rooms, or the one group that the stream's rate is counted per.
//
// With constant arrival each source has a fixed period and a phase of its own, so
// round k of the source with phase f is due when (k+f)/rate seconds of full load have
// passed. Sorted by phase once, the operations of all sources come in order of
// time with no queue. With poisson arrival the superposition of the sources is
// itself a Poisson process of the summed rate, with a random source each. With burst arrival all
// sources have the same phase; a single source brings a second's worth at once. In bursts of a
// given size each source keeps its phase, and so many of its operations are due at once.
// One goroutine at a time.
type Schedule struct {
	tl      *Timeline
	rate    float64 // of one source at full load
	poisson bool
	scaled  bool
	seed    uint64
	stream  uint64
	phases  []float64 // ascending
	order   []uint32  // the source that has each of them
	batch   uint64    // operations of a source that are due at once, at least 1

	n    uint64  // operations so far
	work float64 // poisson: where the last one was due
	span int     // of the last one
}

// NewSchedule plans the stream with that index: rate is one source's, per second. scaled says that
// the load of the phases scales the rate; else it is the same from the trial's start to its end.
func NewSchedule(tl *Timeline, seed uint64, stream int, rate float64, sources int, poisson, scaled bool) *Schedule {
	s := &Schedule{tl: tl, rate: rate, poisson: poisson, scaled: scaled, seed: seed, stream: uint64(stream), batch: 1}
	type place struct {
		at  float64
		src uint32
	}
	places := make([]place, sources)
	for i := range places {
		places[i] = place{Unit(Draw(seed, ForPhase, s.stream, uint64(i), 0)), uint32(i)}
	}
	slices.SortFunc(places, func(a, b place) int {
		if c := cmp.Compare(a.at, b.at); c != 0 {
			return c
		}
		return cmp.Compare(a.src, b.src)
	})
	s.phases, s.order = make([]float64, sources), make([]uint32, sources)
	for i, p := range places {
		s.phases[i], s.order[i] = p.at, p.src
	}
	return s
}

// Burst makes the arrivals come in bursts of n of each source; with 0, of one of all sources, or
// of a second's worth of a single one.
func (s *Schedule) Burst(n int) {
	if n > 0 {
		s.batch = uint64(n)
		return
	}
	if len(s.phases) == 1 {
		s.batch = uint64(max(1, math.Round(s.rate)))
	}
	for i := range s.phases {
		s.phases[i] = s.phases[0]
	}
}

// Period is the time between two operations of one source that are due at about a moment of
// a phase, with constant arrival; 0 when none is due.
func (s *Schedule) Period(due int64, phase int) time.Duration {
	rate := s.rate
	if s.scaled && phase >= 0 {
		rate *= s.tl.loadAt(due, phase)
	}
	if rate <= 0 {
		return 0
	}
	return time.Duration(float64(time.Second) / rate)
}

// An Op is one operation of a schedule.
type Op struct {
	N      uint64 // its number in the stream, from 0
	Source uint32
	Phase  int   // of the timeline
	Due    int64 // nanoseconds since the trial's start
	Row    *Row  // of a replayed log; nil: none. Not changed
}

// Next returns the operations in order of time, until ok is false.
func (s *Schedule) Next() (o Op, ok bool) {
	if len(s.order) == 0 || s.rate <= 0 {
		return Op{}, false
	}
	m := uint64(len(s.order))
	var work float64
	o.N = s.n
	if s.poisson {
		s.work += -math.Log1p(-Unit(Draw(s.seed, ForGap, s.stream, s.n, 0))) / (s.rate * float64(m))
		work = s.work
		o.Source = uint32(Draw(s.seed, ForSource, s.stream, s.n, 0) % m)
	} else {
		j := s.n / s.batch % m
		round := s.n / s.batch / m
		work = (float64(round) + s.phases[j]) * float64(s.batch) / s.rate
		o.Source = s.order[j]
	}
	s.n++
	if !s.scaled {
		o.Due = int64(work * 1e9)
		o.Phase = s.tl.PhaseAt(o.Due)
		return o, o.Phase >= 0
	}
	o.Due, s.span, ok = s.tl.when(work, s.span)
	o.Phase = s.span
	return o, ok
}
