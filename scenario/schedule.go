package scenario

import (
	"cmp"
	"math"
	"slices"
	"time"

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

// The uses of randomness, so that no two draw the same numbers.
const (
	drawPhase = iota + 1
	drawGap
	drawSource
	drawRoom
	drawRooms
	drawSender
	drawConnect
	drawRun
	drawLife
	drawArrival
	drawSize
	drawBackoff
	drawFault
	drawFeed
	drawFlow
	drawReact
	drawStall
	drawMove
	drawBurst
)

// draw is the only source of randomness: a hash of the seed, what the number is
// for, and up to three coordinates such as group, client and sequence.
func draw(seed uint64, use int, a, b, c uint64) uint64 {
	h := mix(seed + 0x9e3779b97f4a7c15)
	h = mix(h ^ (uint64(use) + 0x9e3779b97f4a7c15))
	h = mix(h ^ (a + 0xbf58476d1ce4e5b9))
	h = mix(h ^ (b + 0x94d049bb133111eb))
	return mix(h ^ (c + 0xd6e8feb86659fd93))
}

// mix is the finaliser of splitmix64 (Steele, Lea, Flood 2014).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// unit turns a draw into a number in [0,1).
func unit(h uint64) float64 { return float64(h>>11) / (1 << 53) }

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

// A call tells a client of a group to come or to go.
type call struct {
	due    int64
	client uint32 // within the group
	come   bool
}

// calls is the plan of a group's population over the timeline, in order of
// time. Client i is asked for when the share of the ramp, times the count,
// first exceeds i; it is sent away when the share falls to i or below. A
// connect rate delays who comes, and those behind, to the rate's pace. Those who go
// are not paced; a client whose turn to go comes first never comes.
func calls(tl *timeline, g *file.Group, seed uint64, group int) []call {
	var out []call
	n, level, ready := g.Count, 0, int64(0)
	gap := func(i int) int64 {
		if g.Connect.Rate <= 0 || g.Connect.Shape == "burst" {
			return 0
		}
		mean := float64(time.Second) / g.Connect.Rate
		if g.Connect.Shape == "poisson" {
			return int64(-math.Log1p(-unit(draw(seed, drawConnect, uint64(group), uint64(i), 0))) * mean)
		}
		return int64(mean)
	}
	arrival := make([]int, n) // where in out a client's last coming stands
	come := func(t int64) {
		t = max(t, ready)
		ready = t + gap(len(out))
		arrival[level] = len(out)
		out = append(out, call{t, uint32(level), true})
		level++
	}
	gone := func(t int64) {
		level--
		if at := arrival[level]; out[at].due >= t {
			out[at].due = -1 // it had not come yet
			return
		}
		out = append(out, call{t, uint32(level), false})
	}
	for i := range tl.spans {
		s := &tl.spans[i]
		from, to := s.clients.From*float64(n), s.clients.To*float64(n)
		cross := func(v float64) int64 {
			if to == from {
				return s.start
			}
			x := min(max((v-from)/(to-from), 0), 1)
			return s.start + int64(x*float64(s.end-s.start))
		}
		for level < ceil(from) { // a step at the phase's start
			come(s.start)
		}
		for level > ceil(from) {
			gone(s.start)
		}
		for level < ceil(to) {
			come(cross(float64(level)))
		}
		for level > ceil(to) {
			gone(cross(float64(level - 1)))
		}
	}
	out = slices.DeleteFunc(out, func(c call) bool { return c.due < 0 || c.due >= tl.end })
	slices.SortStableFunc(out, func(a, b call) int { return cmp.Compare(a.due, b.due) })
	return out
}

// ceil rounds up, but not what is an integer but for rounding errors.
func ceil(v float64) int { return int(math.Ceil(v - 1e-9)) }

// roomsOf returns the rooms, as numbers below of, that a client joins: join of them,
// all different. The first goes round robin; the others follow by a step that is
// co-prime with of and drawn for each lap. So every lap of clients fills every room
// alike, and clients that share one room share few others.
func roomsOf(seed uint64, group, client, of, join int) []int {
	out := make([]int, 0, min(join, of))
	if of <= 0 {
		return out
	}
	at := client % of
	out = append(out, at)
	if join < 2 || of < 2 {
		return out
	}
	step := 1 + int(draw(seed, drawRooms, uint64(group), uint64(client/of), 0)%uint64(of-1))
	for gcd(step, of) != 1 {
		step = step%(of-1) + 1
	}
	for len(out) < min(join, of) {
		at = (at + step) % of
		out = append(out, at)
	}
	return out
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// transportOf deals a group's transports by their shares. The golden ratio
// spreads them evenly over the clients, so that every stretch of a ramp brings all of
// them, and the whole group keeps the shares within a few clients.
func transportOf(shares []file.Share, client int) int {
	x := math.Mod((float64(client)+0.5)*(math.Sqrt(5)-1)/2, 1)
	for i, s := range shares {
		if x -= s.Share; x < 0 {
			return i
		}
	}
	return len(shares) - 1
}
