package scenario

import (
	"container/heap"
	"math"
	"time"

	"github.com/throng-io/throng/scenario/file"
)

// A population is the plan of who comes and goes in a group: a source of calls. Those of the
// ramp are known beforehand. A client whose life is limited brings its going with it, and
// with that the coming of the one that takes its place; clients that arrive come without
// end. All of it is a function of the seed: only who is there matters, never how the server
// answers.
type population struct {
	tl    *timeline
	spec  *file.Group
	seed  uint64
	group uint64

	ramp    []call
	ramped  int
	arrival *arrivals // instead of the ramp; nil: none

	visits visits
	stays  []uint32 // by client, how many stays have ended; nil without lives
	ready  int64    // when the connect rate lets the next replacement come
	places int      // replacements so far
}

// A visit is a coming or going that follows from an earlier one.
type visit struct {
	call
	stay uint32 // which of the client's; another: it is void
}

// visits are in a heap, earliest first.
type visits []visit

func (v visits) Len() int           { return len(v) }
func (v visits) Less(i, j int) bool { return v[i].due < v[j].due }
func (v visits) Swap(i, j int)      { v[i], v[j] = v[j], v[i] }

// Push is of heap.Interface.
func (v *visits) Push(x any) { *v = append(*v, x.(visit)) }

// Pop is of heap.Interface.
func (v *visits) Pop() any {
	last := (*v)[len(*v)-1]
	*v = (*v)[:len(*v)-1]
	return last
}

func newPopulation(tl *timeline, spec *file.Group, seed uint64, group int) population {
	p := population{tl: tl, spec: spec, seed: seed, group: uint64(group)}
	if !spec.Life.IsZero() {
		p.stays = make([]uint32, spec.Count)
	}
	if spec.Arrive > 0 {
		p.arrival = newArrivals(tl, spec, seed, group)
	} else {
		p.ramp = calls(tl, spec, seed, group)
	}
	return p
}

// peek returns the next call; visited says that it is the first of the visits.
func (p *population) peek() (c call, visited, ok bool) {
	switch {
	case p.arrival != nil:
		c, ok = p.arrival.next, p.arrival.more
	case p.ramped < len(p.ramp):
		c, ok = p.ramp[p.ramped], true
	}
	if len(p.visits) > 0 && (!ok || p.visits[0].due <= c.due) && p.visits[0].due < p.tl.end {
		return p.visits[0].call, true, true
	}
	return c, false, ok
}

// take returns the next call and goes on to the one after it. void says that nothing is to be
// done: the plan has sent the client away meanwhile.
func (p *population) take() (c call, void bool) {
	c, visited, _ := p.peek()
	if visited {
		v := heap.Pop(&p.visits).(visit)
		return c, v.stay != p.stays[c.client]
	}
	if p.arrival != nil {
		p.arrival.advance()
		return c, c.client == noPlace
	}
	p.ramped++
	return c, false
}

// came notes that a client has come, and when it will go again. number is that of the person.
func (p *population) came(c call, number int) {
	if p.stays == nil {
		return
	}
	stay := p.stays[c.client]
	u := unit(draw(p.seed, drawLife, p.group, uint64(number), uint64(stay)))
	if p.arrival != nil {
		u = unit(draw(p.seed, drawLife, p.group, uint64(number), 0))
	}
	goes := c.due + int64(p.spec.Life.At(u)*1e9)
	heap.Push(&p.visits, visit{call{goes, c.client, false}, stay})
}

// gone notes that a client has gone at the end of its life or, when the ramp sends it away, before.
// In the first case somebody else takes its place, as soon as the connect rate allows.
func (p *population) gone(c call, ofAge bool) {
	if p.stays == nil {
		return
	}
	p.stays[c.client]++
	switch {
	case p.arrival != nil:
		p.arrival.free = append(p.arrival.free, c.client)
	case ofAge:
		due := max(c.due, p.ready)
		p.ready = due + p.gap()
		heap.Push(&p.visits, visit{call{due, c.client, true}, p.stays[c.client]})
	}
}

// gap is the time that the connect rate puts between two replacements.
func (p *population) gap() int64 {
	g := p.spec.Connect
	if g.Rate <= 0 || g.Shape == "burst" {
		return 0
	}
	p.places++
	mean := float64(time.Second) / g.Rate
	if g.Shape == "poisson" {
		return int64(-math.Log1p(-unit(draw(p.seed, drawConnect, p.group, uint64(p.places), 1))) * mean)
	}
	return int64(mean)
}

// arrivals is an open population: clients come at a rate, whoever is there already. The
// phases' share of clients scales the rate.
type arrivals struct {
	tl      *timeline // with the shares of clients as its load
	rate    float64
	poisson bool
	seed    uint64
	group   uint64

	next call
	more bool
	n    uint64 // arrivals so far, next included
	work float64
	span int
	free []uint32 // places that nobody holds
}

// noPlace marks an arrival for which the group has no place left. The file's reader
// chooses the places so that this all but never happens; it is counted when it does.
const noPlace = math.MaxUint32

func newArrivals(tl *timeline, spec *file.Group, seed uint64, group int) *arrivals {
	phases := make([]file.Phase, len(tl.spans))
	for i, s := range tl.spans {
		phases[i] = file.Phase{For: time.Duration(s.end - s.start), Load: s.clients}
	}
	a := &arrivals{
		tl: newTimeline(phases), rate: spec.Arrive, poisson: spec.Connect.Shape == "poisson",
		seed: seed, group: uint64(group), free: make([]uint32, spec.Count),
	}
	for i := range a.free {
		a.free[i] = uint32(len(a.free) - 1 - i)
	}
	a.draw()
	return a
}

// advance goes on to the next arrival; the one before has taken its place.
func (a *arrivals) advance() {
	if len(a.free) > 0 {
		a.free = a.free[:len(a.free)-1]
	}
	a.draw()
}

func (a *arrivals) draw() {
	gap := 1.0
	if a.poisson {
		gap = -math.Log1p(-unit(draw(a.seed, drawArrival, a.group, a.n, 0)))
	} else if a.n == 0 {
		gap = 0.5
	}
	a.n++
	a.work += gap / a.rate
	a.next.come = true
	a.next.due, a.span, a.more = a.tl.when(a.work, a.span)
	a.next.client = noPlace
}

// churns reports whether clients come and go besides the ramp.
func (g *group) churns() bool { return !g.spec.Life.IsZero() }

func (t *trial) churns() bool {
	for _, g := range t.groups {
		if g.churns() {
			return true
		}
	}
	return false
}

func (g *group) next() (int64, bool) {
	c, _, ok := g.plan.peek()
	return c.due, ok
}

// fire tells the next client of the plan to come or to go.
func (g *group) fire(int64) {
	_, visited, _ := g.plan.peek()
	if a := g.plan.arrival; a != nil && !visited && len(a.free) > 0 {
		a.next.client = a.free[len(a.free)-1]
	}
	c, void := g.plan.take()
	switch {
	case c.client == noPlace:
		g.t.errors.add(errorKey{class: "connect.places", stream: -1, group: g.index}, c.due, nil)
		g.t.failed.Add(1)
	case void:
	case c.come:
		g.come(c, visited)
	default:
		g.send(c, visited)
	}
}

func (g *group) come(c call, replaces bool) {
	number := int(c.client)
	if a := g.plan.arrival; a != nil {
		number = int(a.n - 2) // a.n counts from 1 and stands at the next one
	}
	a := newActor(g.t, g, int(c.client), number)
	a.churned = replaces || g.plan.arrival != nil
	g.actors[c.client].Store(a)
	g.present++
	g.t.asked.Add(1)
	g.attempts[max(0, g.t.tl.phaseAt(c.due))].Add(1)
	g.t.most = max(g.t.most, g.t.asked.Load())
	g.plan.came(c, number)
	g.t.wg.Go(func() { a.run(g.t.ctx, c.due) })
}

// send sends a client away: its time is over, or the ramp goes down.
func (g *group) send(c call, ofAge bool) {
	if a := g.away(int(c.client)); a != nil {
		g.present--
		g.t.asked.Add(-1)
		g.t.wg.Go(a.leave)
	}
	g.plan.gone(c, ofAge)
}

// expected reports whether a client that is not held should be. Who came in another's place
// is given the time that connecting takes, and who connects again the time that this takes.
func (a *actor) expected() bool {
	s := state(a.state.Load())
	if a.group.spec.Reconnect != nil {
		return s == held || !a.churned && s != ended
	}
	return !a.churned || s == held || s == ended
}
