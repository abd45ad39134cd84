package scenario

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"time"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
)

const metricReconnect = "reconnect"

// backoff is how long the official client waits before its attempt number n, from 0. r is
// evenly distributed in [0,1).
func backoff(p *file.Reconnect, n int, r float64) time.Duration {
	ms := float64(p.Min/time.Millisecond) * math.Pow(2, float64(min(n, 30)))
	if deviation := math.Floor(r * p.Jitter * ms); int(r*10)%2 == 0 {
		ms -= deviation
	} else {
		ms += deviation
	}
	return min(time.Duration(ms)*time.Millisecond, p.Max)
}

// successor is the client that connects again in this one's place; nil when it does not: the
// group has no such rule, the plan sent the client away, or the server did, which official
// clients take for an answer. A server that is being stopped may say so to everybody: that
// is none.
func (a *actor) successor(err error) *actor {
	t, g := a.t, a.group
	if g.spec.Reconnect == nil || t.over.Load() || t.ctx.Err() != nil {
		return nil
	}
	if ce := (*client.CloseError)(nil); errors.As(err, &ce) && ce.Reason == client.ServerDisconnect {
		if _, fault := t.faulty(t.now()); !fault {
			return nil
		}
	}
	next := newActor(t, g, a.index, a.number)
	next.churned, next.flow = true, a.flow
	next.since, next.tries, next.drops = a.since, a.tries, a.drops
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.leaving || !g.actors[a.index].CompareAndSwap(a, next) {
		return nil
	}
	return next
}

// pause waits for the time of the next attempt. It reports whether there is to be one.
func (a *actor) pause(ctx context.Context) bool {
	r := unit(draw(a.t.spec.Seed, drawBackoff, uint64(a.id), uint64(a.drops), uint64(a.tries)))
	timer := time.NewTimer(backoff(a.group.spec.Reconnect, a.tries, r))
	defer timer.Stop()
	a.tries++
	select {
	case <-ctx.Done():
	case <-timer.C:
		a.mu.Lock()
		defer a.mu.Unlock()
		return !a.leaving
	}
	return false
}

// back notes that the client is held again.
func (a *actor) back() {
	if a.since != 0 {
		a.t.returned.Add(1)
		a.t.record(a.shard, a.group.reconnect[a.transport], a.since, a.t.now())
		a.since, a.tries = 0, 0
	}
}

// missing counts those that have not come back when the phases are over: their time away is
// recorded as far as it got, since leaving it out would flatter the others.
func (t *trial) missing(now int64) {
	for _, g := range t.groups {
		if g.spec.Reconnect == nil {
			continue
		}
		for i := range g.actors {
			if a := g.actors[i].Load(); a != nil && a.away.Load() != 0 && state(a.state.Load()) != held {
				t.record(a.shard, g.reconnect[a.transport], a.away.Load(), now)
				t.errors.add(errorKey{class: "reconnect.never", stream: -1, group: g.index}, a.away.Load(), nil)
			}
		}
	}
}

// A fault breaks connections, or the server, in one phase. It is a source of the pacer.
type fault struct {
	t     *trial
	phase *span
	spec  *file.Fault
	cuts  []cut // in order of time
	at    int
	done  bool // the restart has begun
}

// A cut is the end of one client's connection.
type cut struct {
	due   int64
	group *group
	index int
}

func newFault(t *trial, phase *span, spec *file.Fault) *fault {
	f := &fault{t: t, phase: phase, spec: spec, done: !spec.Restart}
	for _, g := range t.groups {
		if g.spec.Reconnect == nil || spec.Drop == 0 {
			continue
		}
		for i := range g.actors {
			who := uint64(g.first + i)
			if unit(draw(t.spec.Seed, drawFault, who, uint64(phase.start), 0)) < spec.Drop {
				after := unit(draw(t.spec.Seed, drawFault, who, uint64(phase.start), 1)) * float64(spec.Within)
				f.cuts = append(f.cuts, cut{phase.start + int64(after), g, i})
			}
		}
	}
	slices.SortStableFunc(f.cuts, func(a, b cut) int { return cmp.Compare(a.due, b.due) })
	return f
}

func (f *fault) next() (int64, bool) {
	if !f.done {
		return f.phase.start, true
	}
	if f.at == len(f.cuts) {
		return 0, false
	}
	return f.cuts[f.at].due, true
}

func (f *fault) fire(int64) {
	if !f.done {
		f.done = true
		if f.t.restarting.Swap(true) {
			f.t.errors.add(errorKey{class: "fault.overtaken", stream: -1}, f.phase.start, errors.New("the restart before was not over"))
			return
		}
		f.t.wg.Go(f.restart)
		return
	}
	c := f.cuts[f.at]
	f.at++
	a := c.group.actors[c.index].Load()
	if a == nil || state(a.state.Load()) != held {
		return // whoever is not there cannot be cut off
	}
	f.t.wg.Go(a.conn.Cut)
}

// faulty reports whether a fault explains the end of a connection at a moment, and when
// the time away began: at a restart with the restart.
func (t *trial) faulty(now int64) (since int64, is bool) {
	p := t.tl.phaseAt(now)
	if p < 0 || t.spec.Phases[p].Fault == nil {
		return now, false
	}
	if t.spec.Phases[p].Fault.Restart {
		return t.tl.spans[p].start, true
	}
	return now, true
}

// restartWithin bounds how long the old server's address may stay taken.
const restartWithin = 5 * time.Second

// A renewal is what came of a restart.
type renewal struct {
	ep  *Endpoint
	err error
}

// restart ends the built-in server and starts another on the same address.
func (f *fault) restart() {
	t := f.t
	ctx, cancel := context.WithTimeout(t.ctx, stopGrace)
	err := t.ep.Stop(ctx)
	cancel()
	if err != nil {
		t.errors.add(errorKey{class: "fault.stop", stream: -1}, t.now(), err)
	}
	spec := *t.spec.Server
	if u, err := url.Parse(t.ep.URL); err == nil {
		spec.Listen = u.Host
	}
	var r renewal
	for deadline := time.Now().Add(restartWithin); ; {
		if r.ep, r.err = t.opt.Start(t.ctx, &spec); r.err == nil || t.ctx.Err() != nil || time.Now().After(deadline) {
			break
		}
		select {
		case <-t.ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	if r.err != nil {
		r.err = fmt.Errorf("start the built-in server again on %s: %w", spec.Listen, r.err)
	} else {
		t.pid.Store(int64(r.ep.PID))
	}
	t.renewed <- r
}
