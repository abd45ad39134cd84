package scenario

import (
	"sync"

	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// Returns count the clients that lost their connection, by group and by the phase in which they did.
type returns struct {
	mu   sync.Mutex
	rows map[returnKey]*returnRow
}

type returnKey struct{ group, phase int }

type returnRow struct{ back, never, recovered int64 }

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

// comeback counts a client that is held again.
func (t *trial) comeback(a *actor, since int64) {
	t.returns.count(t, a, since, func(r *returnRow) {
		r.back++
		if a.recovered {
			r.recovered++
		}
	})
}

// never counts a client that has not come back.
func (t *trial) never(a *actor, since int64) {
	t.returns.count(t, a, since, func(r *returnRow) { r.never++ })
}

// resume takes the client for the socket that it was before: the server has its rooms.
func (a *actor) resume() {
	a.recovered = true
	list := a.Memberships()
	for _, m := range list[:len(list)-1] {
		a.Receiver.Join(m)
	}
	a.joins = 0
}

// lost sums up who lost the connection in the phases of a check, in a group or in all.
func (f *findings) lost(sc *scope) (sum returnRow) {
	r := &f.t.returns
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, row := range r.rows {
		if name := sc.labels["group"]; name != "" && name != f.t.groups[k.group].spec.Name || !f.t.phaseIn(sc, k.phase) {
			continue
		}
		sum.back += row.back
		sum.never += row.never
		sum.recovered += row.recovered
	}
	return sum
}

// recoveredShare is the share of those who lost the connection that came back as the same socket.
func (f *findings) recoveredShare(sc *scope) float64 {
	l := f.lost(sc)
	return ratio(l.recovered, l.back+l.never)
}

// reconnects tells how the clients came back; nil when nobody lost the connection.
func (f *findings) reconnects() *result.Reconnects {
	all := f.returned("")
	if all.Lost == 0 || all.Away == nil {
		return nil
	}
	r := &result.Reconnects{Lost: all.Lost, Back: all.Back, Recovered: all.Recovered, Recover: f.recovers()}
	for share, to := range map[float64]*int64{0.5: &r.P50us, 0.95: &r.P95us, 0.999: &r.P999us} {
		*to, _ = all.After(share)
	}
	for i := range f.t.spec.Phases {
		if p := &f.t.spec.Phases[i]; p.Fault != nil {
			if row := f.returned(p.Name); row.Lost > 0 && row.Away != nil {
				r.Faults = append(r.Faults, row)
			}
		}
	}
	return r
}

// returned sums up who lost the connection in a phase, or in all that are recorded.
func (f *findings) returned(phase string) result.FaultReturns {
	sc := scope{metric: metric.Reconnect, phase: phase}
	l := f.lost(&sc)
	r := result.FaultReturns{Phase: phase, Lost: l.back + l.never, Back: l.back, Recovered: l.recovered}
	if h := f.c.total(sc); h != nil {
		r.Away = result.FromHistogram(h)
	}
	return r
}

// recovers reports whether any group comes back as the sockets they were.
func (f *findings) recovers() bool {
	for _, g := range f.t.groups {
		if g.spec.Reconnect != nil && g.spec.Reconnect.Recover {
			return true
		}
	}
	return false
}
