package scenario

import (
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/metric"
)

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

func (g *group) next() (int64, bool) { return g.plan.Next() }

// fire makes the next client of the plan come or go.
func (g *group) fire(int64) {
	g.turn(func(a *actor, due int64) {
		g.t.life.wg.Go(func() { a.run(g.t.life.ctx, due) })
	})
}

// skip accounts for it: the pacer did not come to it before the end.
func (g *group) skip(now int64) {
	g.turn(func(a *actor, due int64) { a.cameTooLate(due, now) })
}

// turn takes the next client of the plan that comes, of which come is called, or goes.
func (g *group) turn(come func(a *actor, due int64)) {
	t, void := g.plan.Take()
	switch {
	case void:
	case t.Client == plan.NoPlace:
		if s := g.t.share; s == nil || s.Self == 0 { // one of the agents counts it
			g.countError(metric.Error(metric.ErrConnect, metric.HowPlaces), t.Due, nil)
			g.t.count.failed.Add(1)
		}
	case t.Come:
		if a := g.enter(&t); a != nil {
			come(a, t.Due)
		}
	default:
		g.send(int(t.Client))
	}
}

// enter makes the client that is due to come; nil: another agent does.
func (g *group) enter(t *plan.Turn) *actor {
	g.present++
	g.t.count.called++
	g.t.count.most.Store(max(g.t.count.most.Load(), g.t.count.called))
	if !g.has(int(t.Client)) {
		g.elsewhere[t.Client] = true
		return nil
	}
	a := newActor(g.t, g, int(t.Client), t.Number)
	a.churned = t.Late
	g.actors[t.Client].Store(a)
	g.t.count.asked.Add(1)
	g.attempts[max(0, g.t.tl.PhaseAt(t.Due))].Add(1)
	return a
}

// send sends a client away: its time is over, or the ramp goes down.
func (g *group) send(place int) {
	if !g.has(place) {
		if g.elsewhere[place] {
			g.elsewhere[place] = false
			g.present--
			g.t.count.called--
		}
		return
	}
	if a := g.away(place); a != nil {
		g.present--
		g.t.count.called--
		g.t.count.asked.Add(-1)
		g.t.life.wg.Go(a.leave)
	}
}
