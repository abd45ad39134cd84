package scenario

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
)

// A fault breaks connections, or the server, in one phase. It is a source of the pacer.
type fault struct {
	t     *trial
	phase *plan.Span
	spec  *file.Fault
	cuts  []cut // in order of time
	at    int
	begun bool // a restart, a command, a request, or a fault of the network has
}

// The kinds of cuts.
const (
	cutDrop     = iota // the connection breaks, and both sides know
	cutHalfOpen        // the client is gone, and the server is not told
	cutStall           // the client reads nothing until the phase ends
)

// A cut is the effect of a fault on one client's connection.
type cut struct {
	due   int64
	kind  int
	group *group
	index int
}

func newFault(t *trial, phase *plan.Span, spec *file.Fault) *fault {
	f := &fault{t: t, phase: phase, spec: spec, begun: !spec.Restart && spec.Act == nil && spec.Network == nil}
	switch {
	case t.controls():
		return f // its agents have the clients
	case t.share != nil:
		f.begun = true // what is done to the server, the controller does
	}
	for _, g := range t.groups {
		for kind, share := range [...]float64{cutDrop: spec.Drop, cutHalfOpen: spec.HalfOpen, cutStall: spec.Stall} {
			if share > 0 && (g.spec.Reconnect != nil || kind == cutStall) {
				f.choose(g, kind, share)
			}
		}
	}
	slices.SortStableFunc(f.cuts, func(a, b cut) int { return cmp.Compare(a.due, b.due) })
	return f
}

// choose draws which of a group's clients meet a kind of end, and when.
func (f *fault) choose(g *group, kind int, share float64) {
	seed, start := f.t.spec.Seed, f.phase.Start
	for i := range g.actors {
		who, use := uint64(g.first+i), uint64(2*kind)
		if plan.Unit(plan.Draw(seed, plan.ForFault, who, uint64(start), use)) < share {
			after := plan.Unit(plan.Draw(seed, plan.ForFault, who, uint64(start), use+1)) * float64(f.spec.Within)
			f.cuts = append(f.cuts, cut{start + int64(after), kind, g, i})
		}
	}
}

func (f *fault) next() (int64, bool) {
	if !f.begun {
		return f.phase.Start, true
	}
	if f.at == len(f.cuts) {
		return 0, false
	}
	return f.cuts[f.at].due, true
}

func (f *fault) fire(int64) {
	if !f.begun {
		f.begun = true
		switch {
		case f.spec.Act != nil:
			f.t.life.wg.Go(f.act)
			return
		case f.spec.Network != nil:
			f.t.life.wg.Go(f.network)
			return
		}
		if f.t.server.restarting.Swap(true) {
			f.t.errors.Add(record.ErrorKey{Class: metric.Error(metric.ErrFault, metric.HowOvertaken), Stream: -1}, f.phase.Start, errors.New("the previous restart had not finished"))
			return
		}
		f.t.life.wg.Go(f.restart)
		return
	}
	c := f.cuts[f.at]
	f.at++
	a := c.group.actors[c.index].Load()
	if a == nil || state(a.state.Load()) != held {
		return // the client is not connected
	}
	if c.kind != cutStall {
		a.cut.Store(true)
	}
	switch c.kind {
	case cutHalfOpen:
		f.t.life.keepVanished(a.conn)
		f.t.life.wg.Go(a.conn.Vanish)
	case cutStall:
		a.stalled.Store(f.phase.End + healingSlow)
		a.Stalls(f.phase.End + healingSlow)
		a.conn.Stall(time.Duration(f.phase.End - f.t.now()))
	default:
		f.t.life.wg.Go(a.conn.Cut)
	}
}

// skip notes that the fault, or a part of it, did not happen: the pacer did not come to it before
// the end.
func (f *fault) skip(int64) {
	f.t.acts.miss(f.phase.Name)
	if f.begun {
		f.at++
	}
	f.begun = true
}

// stalls reports whether a fault of the scenario makes clients stop reading.
func (t *trial) stalls() bool {
	return slices.ContainsFunc(t.spec.Phases, func(p file.Phase) bool { return p.Fault != nil && p.Fault.Stall > 0 })
}

// choosesClients reports whether the fault ends or disturbs connections of its own choice, and does
// nothing to the server or the network.
func choosesClients(f *file.Fault) bool { return !f.Restart && f.Act == nil && f.Network == nil }

// faulty reports whether a fault explains the end of the client's connection at a moment, and when
// the time away began: at a restart with the restart. A fault that chooses clients explains nothing
// that happens to the others, and one of the network nothing that happens long after it is over.
// The last phase's explains also what comes after it, while messages are on their way, and a
// restart what comes until it is done, however long its phase.
func (a *actor) faulty(now int64) (since int64, is bool) {
	t := a.t
	p, f := t.tl.PhaseAt(min(now, t.tl.End-1)), (*file.Fault)(nil)
	if p >= 0 {
		f = t.spec.Phases[p].Fault
	}
	own := a.cut.Load() || now < a.stalled.Load() || t.healed(p, now)
	switch {
	case f != nil && f.Restart:
		return t.tl.Spans[p].Start, true
	case own:
		return now, true
	case t.server.restarting.Load():
		return t.restartBefore(p), true
	case f == nil, choosesClients(f):
		return now, false
	case f.Network != nil:
		over, _ := overAt(t.spec, &t.tl.Spans[p], p, 0)
		return now, now < over+healing
	}
	return now, true
}

// restartBefore is when the last restart before a phase began.
func (t *trial) restartBefore(phase int) int64 {
	for ; phase > 0; phase-- {
		if f := t.spec.Phases[phase].Fault; f != nil && f.Restart {
			break
		}
	}
	return t.tl.Spans[max(phase, 0)].Start
}
