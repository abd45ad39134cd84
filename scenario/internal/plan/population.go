package plan

import (
	"container/heap"
	"math"
	"time"

	"github.com/throng-io/throng/scenario/file"
)

// A Turn is a client's coming or going.
type Turn struct {
	Due    int64  // nanoseconds since the trial's start
	Client uint32 // its place within the group, or NoPlace
	Come   bool
	Number int  // number of the arriving user: the place, or how many arrived before
	Late   bool // comes in another's place, or arrives: it is not expected to be held at once
}

// NoPlace marks an arrival for which the group has no place left. The file's reader
// chooses the places so that this all but never happens; it is counted when it does.
const NoPlace = math.MaxUint32

// A Population is the plan of a group's comings and goings. The turns of the ramp are known
// beforehand. A client whose life is limited brings its going with it, and with that the coming of
// the client that takes its place; clients that arrive come without end. All of it is a function of
// the seed: how the server answers changes nothing. One goroutine at a time.
type Population struct {
	tl    *Timeline
	spec  *file.Group
	seed  uint64
	group uint64

	ramp    []Turn
	ramped  int
	arrival *arrivals // instead of the ramp; nil: none

	follow agenda
	stays  []uint32 // by client, how many stays have ended; nil without lives
	ready  int64    // when the connect rate lets the next replacement come
	places int      // replacements so far
}

// A follow-up is a turn that follows from an earlier one.
type followUp struct {
	Turn
	stay uint32 // of the client: when another one has begun, the follow-up is void
}

// An agenda is a heap of sequels, earliest first.
type agenda []followUp

func (a agenda) Len() int           { return len(a) }
func (a agenda) Less(i, j int) bool { return a[i].Due < a[j].Due }
func (a agenda) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }

// Push is of heap.Interface.
func (a *agenda) Push(x any) { *a = append(*a, x.(followUp)) }

// Pop is of heap.Interface.
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

// NewPopulation plans the clients of the group with that index.
func NewPopulation(tl *Timeline, spec *file.Group, seed uint64, group int) *Population {
	p := &Population{tl: tl, spec: spec, seed: seed, group: uint64(group)}
	if !spec.Life.IsZero() {
		p.stays = make([]uint32, spec.Count)
	}
	if spec.Arrive > 0 {
		p.arrival = newArrivals(tl, spec, seed, group)
	} else {
		p.ramp = rampTurns(tl, spec, seed, group)
	}
	return p
}

// peek returns the next turn; follows says that it is the first of the agenda.
func (p *Population) peek() (t Turn, follows, ok bool) {
	switch {
	case p.arrival != nil:
		t, ok = p.arrival.next, p.arrival.more
	case p.ramped < len(p.ramp):
		t, ok = p.ramp[p.ramped], true
	}
	if len(p.follow) > 0 && (!ok || p.follow[0].Due <= t.Due) && p.follow[0].Due < p.tl.End {
		return p.follow[0].Turn, true, true
	}
	return t, false, ok
}

// Next says when the next turn is due; ok is false when there is none left.
func (p *Population) Next() (due int64, ok bool) {
	t, _, ok := p.peek()
	return t.Due, ok
}

// Take returns the next turn and goes on to the one after it. void: the plan has disconnected the
// client meanwhile, and the turn has no effect.
func (p *Population) Take() (t Turn, void bool) {
	t, follows, _ := p.peek()
	switch {
	case follows:
		s := heap.Pop(&p.follow).(followUp)
		if s.stay != p.stays[t.Client] {
			return t, true
		}
	case p.arrival != nil:
		t = p.arrival.take()
	default:
		p.ramped++
	}
	switch {
	case t.Client == NoPlace:
	case t.Come:
		p.came(&t)
	default:
		p.gone(&t, follows)
	}
	return t, false
}

// came plans when a client that has come will go again.
func (p *Population) came(t *Turn) {
	if p.stays == nil {
		return
	}
	stay := p.stays[t.Client]
	u := Unit(Draw(p.seed, ForLife, p.group, uint64(t.Number), uint64(stay)))
	if p.arrival != nil {
		u = Unit(Draw(p.seed, ForLife, p.group, uint64(t.Number), 0))
	}
	goes := t.Due + int64(p.spec.Life.At(u)*1e9)
	heap.Push(&p.follow, followUp{Turn{Due: goes, Client: t.Client}, stay})
}

// gone notes that a client has gone at the end of its life or, when the ramp sends it away, before.
// In the first case another takes its place, as soon as the connect rate allows.
func (p *Population) gone(t *Turn, ofAge bool) {
	if p.stays == nil {
		return
	}
	p.stays[t.Client]++
	switch {
	case p.arrival != nil:
		p.arrival.free = append(p.arrival.free, t.Client)
	case ofAge:
		due := max(t.Due, p.ready)
		p.ready = due + p.gap()
		next := Turn{Due: due, Client: t.Client, Come: true, Number: int(t.Client), Late: true}
		heap.Push(&p.follow, followUp{next, p.stays[t.Client]})
	}
}

// gap is the time that the connect rate puts between two replacements.
func (p *Population) gap() int64 {
	if c := &p.spec.Connect; c.Rate > 0 && c.Shape != "burst" {
		p.places++
	}
	return connectGap(&p.spec.Connect, p.seed, p.group, uint64(p.places), 1)
}

// connectGap is the time that a connect rate puts between two clients; a, b and c choose the draw.
func connectGap(spec *file.Connect, seed, a, b, c uint64) int64 {
	if spec.Rate <= 0 || spec.Shape == "burst" {
		return 0
	}
	mean := float64(time.Second) / spec.Rate
	if spec.Shape == "poisson" {
		return int64(-math.Log1p(-Unit(Draw(seed, ForConnect, a, b, c))) * mean)
	}
	return int64(mean)
}

// arrivals is an open population: clients come at a rate, however many are there already. The
// phases' share of clients scales the rate.
type arrivals struct {
	tl      *Timeline // with the shares of clients as its load
	rate    float64
	poisson bool
	seed    uint64
	group   uint64

	next Turn
	more bool
	n    uint64 // arrivals so far, next included
	work float64
	span int
	free []uint32 // free places
}

func newArrivals(tl *Timeline, spec *file.Group, seed uint64, group int) *arrivals {
	phases := make([]file.Phase, len(tl.Spans))
	for i, s := range tl.Spans {
		phases[i] = file.Phase{For: time.Duration(s.End - s.Start), Load: s.clients}
	}
	a := &arrivals{
		tl: NewTimeline(phases), rate: spec.Arrive, poisson: spec.Connect.Shape == "poisson",
		seed: seed, group: uint64(group), free: make([]uint32, spec.Count),
	}
	for i := range a.free {
		a.free[i] = uint32(len(a.free) - 1 - i)
	}
	a.draw()
	return a
}

// take gives the next arrival a free place, if there is one, and goes on to the one after it.
func (a *arrivals) take() Turn {
	t := a.next
	if n := len(a.free); n > 0 {
		t.Client, a.free = a.free[n-1], a.free[:n-1]
	}
	a.draw()
	return t
}

func (a *arrivals) draw() {
	gap := 1.0
	if a.poisson {
		gap = -math.Log1p(-Unit(Draw(a.seed, ForArrival, a.group, a.n, 0)))
	} else if a.n == 0 {
		gap = 0.5
	}
	a.work += gap / a.rate
	a.next = Turn{Client: NoPlace, Come: true, Number: int(a.n), Late: true}
	a.next.Due, a.span, a.more = a.tl.when(a.work, a.span)
	a.n++
}
