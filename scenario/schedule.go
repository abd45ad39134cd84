package scenario

import (
	"cmp"
	"math"
	"slices"
)

// A schedule says when each operation of a stream is due. Its sources are the
// clients, the rooms, or the one group that the stream's rate is counted per.
//
// With constant arrival each source has a fixed period and a phase of its own, so
// round k of the source with phase f is due when (k+f)/rate seconds of full load have
// passed. Sorted by phase once, the operations of all sources come in order of
// time with no queue. With poisson arrival the superposition of the sources is
// itself a Poisson process of the summed rate, with a random source each. With burst arrival all
// sources have the same phase; a single source brings a second's worth at once. In bursts of a
// given size each source keeps its phase, and so many of its operations are due at once.
type schedule struct {
	tl      *timeline
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

func newSchedule(tl *timeline, seed uint64, stream int, rate float64, sources int, poisson, scaled bool) *schedule {
	s := &schedule{tl: tl, rate: rate, poisson: poisson, scaled: scaled, seed: seed, stream: uint64(stream), batch: 1}
	type place struct {
		at  float64
		src uint32
	}
	places := make([]place, sources)
	for i := range places {
		places[i] = place{unit(draw(seed, drawPhase, s.stream, uint64(i), 0)), uint32(i)}
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

// clump makes the arrivals come in bursts of n of each source; with 0, of one of all sources, or
// of a second's worth of a single one.
func (s *schedule) clump(n int) {
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

// An op is one operation of a schedule.
type op struct {
	n      uint64 // its number in the stream
	source uint32
	phase  int // of the timeline
	due    int64
}

// next returns the operations in order of time, until ok is false.
func (s *schedule) next() (o op, ok bool) {
	if len(s.order) == 0 || s.rate <= 0 {
		return op{}, false
	}
	m := uint64(len(s.order))
	var work float64
	o.n = s.n
	if s.poisson {
		s.work += -math.Log1p(-unit(draw(s.seed, drawGap, s.stream, s.n, 0))) / (s.rate * float64(m))
		work = s.work
		o.source = uint32(draw(s.seed, drawSource, s.stream, s.n, 0) % m)
	} else {
		j := s.n / s.batch % m
		round := s.n / s.batch / m
		work = (float64(round) + s.phases[j]) * float64(s.batch) / s.rate
		o.source = s.order[j]
	}
	s.n++
	if !s.scaled {
		o.due = int64(work * 1e9)
		o.phase = s.tl.phaseAt(o.due)
		return o, o.phase >= 0
	}
	o.due, s.span, ok = s.tl.when(work, s.span)
	o.phase = s.span
	return o, ok
}
