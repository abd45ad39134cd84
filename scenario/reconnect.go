package scenario

import (
	"context"
	"errors"
	"time"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/metric"
)

// successor returns the client that reconnects in this one's place; nil without reconnection: the
// group does not reconnect, or the plan or the server disconnected the client. Official clients do
// not reconnect after a disconnect by the server. A disconnect sent to all clients by a server that
// is being stopped does not count as one.
func (a *actor) successor(err error) *actor {
	t, g := a.t, a.group
	if g.spec.Reconnect == nil || t.life.over.Load() || t.life.ctx.Err() != nil {
		return nil
	}
	if ce := (*client.CloseError)(nil); errors.As(err, &ce) && ce.Reason == client.ServerDisconnect {
		if _, fault := a.faulty(t.now()); !fault {
			return nil
		}
	}
	if be, ok := errors.AsType[*beforeError](err); ok && be.final() {
		return nil
	}
	if _, ok := errors.AsType[*client.ConnectError](err); ok && !g.spec.Reconnect.Refused {
		return nil
	}
	next := newActorAt(t, g, a.index, a.number, a.nextNode())
	next.flow, next.user = a.flow, a.user
	next.calls.follow(&a.calls)
	next.due, next.late = a.due, a.late
	next.since, next.tries, next.drops, next.session = a.since, a.tries, a.drops, a.session
	next.churned = a.churned || a.since != 0
	next.broken = a.broken
	next.outbox = a.outbox
	next.away.Store(a.since)
	a.mu.Lock()
	defer a.mu.Unlock()
	next.was = a.was // before others can see next: the plan may end it at once
	if a.leaving || !g.actors[a.index].CompareAndSwap(a, next) {
		return nil
	}
	a.was = nil
	return next
}

// pause waits for the time of the next attempt. It reports whether to make one.
func (a *actor) pause(ctx context.Context) bool {
	r := plan.Unit(plan.Draw(a.t.spec.Seed, plan.ForBackoff, uint64(a.id), uint64(a.drops), uint64(a.tries)))
	wait := plan.Backoff(a.group.spec.Reconnect, a.tries, r)
	if s := a.session; s != nil && s.Retry > 0 && a.tries == 0 { // a server of events says how long clients wait
		wait = s.Retry
	}
	timer := time.NewTimer(wait)
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
		a.t.count.heldAgain.Add(1)
		a.t.countReturn(a, a.since)
		a.t.record(a.shard, a.group.reconnect[a.transport][stageAll], a.since, a.t.now())
		a.since, a.tries, a.broken = 0, 0, false
	}
}

// countMissing counts those that have not come back when the phases are over: how long they will be
// away is not known, only for how long they have been.
func (t *trial) countMissing(now int64) {
	for _, g := range t.groups {
		if g.spec.Reconnect == nil {
			continue
		}
		for i := range g.actors {
			if a := g.actors[i].Load(); a != nil && a.away.Load() != 0 && state(a.state.Load()) != held {
				a.shard.AddNever(g.reconnect[a.transport][stageAll], t.tl.PhaseAt(a.away.Load()), time.Duration(now-a.away.Load()))
				t.countNever(a, a.away.Load())
				g.countError(metric.Error(metric.ErrReconnect, metric.HowNever), a.away.Load(), nil)
			}
		}
	}
}
