package scenario

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

func (g *group) next() (int64, bool) { return g.plan.next() }

// fire makes the next client of the plan come or go.
func (g *group) fire(int64) {
	t, void := g.plan.take()
	switch {
	case void:
	case t.client == noPlace:
		g.t.errors.add(errorKey{class: "connect.places", stream: -1, group: g.index}, t.due, nil)
		g.t.failed.Add(1)
	case t.come:
		g.come(&t)
	default:
		g.send(int(t.client))
	}
}

func (g *group) come(t *turn) {
	a := newActor(g.t, g, int(t.client), t.number)
	a.churned = t.late
	g.actors[t.client].Store(a)
	g.present++
	g.t.asked.Add(1)
	g.attempts[max(0, g.t.tl.phaseAt(t.due))].Add(1)
	g.t.most = max(g.t.most, g.t.asked.Load())
	due := t.due
	g.t.wg.Go(func() { a.run(g.t.ctx, due) })
}

// send sends a client away: its time is over, or the ramp goes down.
func (g *group) send(place int) {
	if a := g.away(place); a != nil {
		g.present--
		g.t.asked.Add(-1)
		g.t.wg.Go(a.leave)
	}
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
