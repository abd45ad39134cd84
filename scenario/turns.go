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
	t, void := g.plan.Take()
	switch {
	case void:
	case t.Client == plan.NoPlace:
		g.countError(metric.Error(metric.ErrConnect, metric.HowPlaces), t.Due, nil)
		g.t.count.failed.Add(1)
	case t.Come:
		g.come(&t)
	default:
		g.send(int(t.Client))
	}
}

func (g *group) come(t *plan.Turn) {
	a := newActor(g.t, g, int(t.Client), t.Number)
	a.churned = t.Late
	g.actors[t.Client].Store(a)
	g.present++
	g.t.count.asked.Add(1)
	g.attempts[max(0, g.t.tl.PhaseAt(t.Due))].Add(1)
	g.t.count.most = max(g.t.count.most, g.t.count.asked.Load())
	due := t.Due
	g.t.life.wg.Go(func() { a.run(g.t.life.ctx, due) })
}

// send sends a client away: its time is over, or the ramp goes down.
func (g *group) send(place int) {
	if a := g.away(place); a != nil {
		g.present--
		g.t.count.asked.Add(-1)
		g.t.life.wg.Go(a.leave)
	}
}
