package scenario

import (
	"slices"
	"sync"

	"github.com/throng-io/throng/scenario/internal/judge"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// Returns count the clients that lost their connection, by group and by the phase in which they
// did.
type returns struct {
	mu   sync.Mutex
	rows map[returnKey]*returnRow
}

type returnKey struct{ group, phase int }

type returnRow struct{ back, never, recovered, brokeAt, backAt int64 }

func (r *returns) count(t *trial, a *actor, since int64, add func(*returnRow)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rows == nil {
		r.rows = map[returnKey]*returnRow{}
	}
	k := returnKey{a.group.index, t.tl.PhaseAt(since)}
	if r.rows[k] == nil {
		r.rows[k] = &returnRow{}
	}
	add(r.rows[k])
}

// replace sets what there is.
func (r *returns) replace(rows map[returnKey]*returnRow) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows = rows
}

// countReturn counts a client that is held again.
func (t *trial) countReturn(a *actor, since int64) {
	t.returns.count(t, a, since, func(r *returnRow) {
		r.back++
		if a.recovered {
			r.recovered++
		}
		if a.broken {
			r.backAt = max(r.backAt, t.now())
		}
	})
}

// countBroken notes that a fault has broken the connection of a client that was held.
func (t *trial) countBroken(a *actor, since int64) {
	t.returns.count(t, a, since, func(r *returnRow) { r.brokeAt = max(r.brokeAt, t.now()) })
}

// countNever counts a client that has not come back.
func (t *trial) countNever(a *actor, since int64) {
	t.returns.count(t, a, since, func(r *returnRow) { r.never++ })
}

// suspend keeps the client's place in the ledger after its connection is lost, where the server may
// take the next one for the same socket.
func (a *actor) suspend() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s := a.session; s == nil || s.PID == "" && s.Offset == "" || a.leaving || a.offline || a.t.life.over.Load() {
		return
	}
	a.was = a.Receiver
	a.t.ledger.Suspend(a.was)
}

// resume makes the client the socket that it was before: the server kept its rooms and owes it the
// messages that it missed.
func (a *actor) resume() {
	a.recovered = true
	a.mu.Lock()
	if a.was != nil && !a.leaving {
		spaces := a.Spaces()
		a.Receiver, a.was = a.was, nil
		a.t.ledger.Resume(a.Receiver, spaces)
	}
	a.mu.Unlock()
	a.joins = len(a.unjoined())
}

// forget gives up the place in the ledger that suspend has kept: the client is another socket now,
// or none.
func (a *actor) forget() {
	a.mu.Lock()
	was := a.was
	a.was = nil
	a.mu.Unlock()
	if was != nil {
		a.t.ledger.Leave(was)
	}
}

// counts returns what there is so far, in no order.
func (r *returns) counts() (out []judge.Return) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, row := range r.rows {
		out = append(out, judge.Return{Group: k.group, Phase: k.phase, Back: row.back, Never: row.never, Recovered: row.recovered, BrokeAt: row.brokeAt, BackAt: row.backAt})
	}
	return out
}

// reconnects summarizes the clients' reconnections; nil when no client lost its connection.
func (t *trial) reconnects(e *judge.Evidence) *result.Reconnects {
	all := returned(e, "")
	if all.Lost == 0 || all.Away == nil {
		return nil
	}
	r := &result.Reconnects{Lost: all.Lost, Back: all.Back, Recovered: all.Recovered, Recover: t.recovers()}
	for share, to := range map[float64]*int64{0.5: &r.P50us, 0.95: &r.P95us, 0.999: &r.P999us} {
		*to, _ = all.After(share)
	}
	for i := range t.spec.Phases {
		if p := &t.spec.Phases[i]; p.Fault != nil {
			if row := returned(e, p.Name); row.Lost > 0 && row.Away != nil {
				r.Faults = append(r.Faults, row)
			}
		}
	}
	return r
}

// returned sums up the clients that lost their connection in a phase, or in all.
func returned(e *judge.Evidence, phase string) result.FaultReturns {
	sc := judge.Scope{Metric: metric.Reconnect, Phase: phase}
	l := e.Returned(sc)
	r := result.FaultReturns{Phase: phase, Lost: l.Back + l.Never, Back: l.Back, Recovered: l.Recovered}
	if all := e.Total(sc); all.Total() > 0 {
		r.Away = all.Latency()
	}
	return r
}

// recovers reports whether any group comes back as the sockets they were.
func (t *trial) recovers() bool { return slices.ContainsFunc(t.groups, (*group).recovers) }

func (g *group) recovers() bool { return g.spec.Reconnect != nil && g.spec.Reconnect.Recover }
