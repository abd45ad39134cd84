package scenario

import (
	"slices"
	"sync"
	"time"

	"github.com/throng-io/throng/scenario/internal/judge"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// Meters add up the bytes of the clients whose connections have ended, by the trial's transports.
// The lock is held while a connection goes over from the clients to the meters, and while all are
// added up: each is counted once.
type meters struct {
	sync.Mutex

	ended   []struct{ in, out int64 }
	leaving map[*actor]struct{} // no longer in their places, and not yet ended
}

// carried counts bytes and messages up to a moment, by the trial's transports. The messages are
// those that the collector has drained by then: bytes and messages are of the same stretch,
// whenever it ends.
type carried []struct{ in, out, messages int64 }

// since is what came after an earlier moment; nil: from the start on.
func (c carried) since(before carried) carried {
	out := slices.Clone(c)
	for i, b := range before {
		out[i].in, out[i].out, out[i].messages = c[i].in-b.in, c[i].out-b.out, c[i].messages-b.messages
	}
	return out
}

// spent is what the recorded seconds took.
type spent struct {
	own, server, broker time.Duration // of processors
	carried             carried
}

// add adds what another second took.
func (s *spent) add(o spent) {
	s.own, s.server, s.broker = s.own+o.own, s.server+o.server, s.broker+o.broker
	for i, m := range o.carried {
		to := &s.carried[i]
		to.in, to.out, to.messages = to.in+m.in, to.out+m.out, to.messages+m.messages
	}
}

// ended counts the bytes of a client whose connection has ended.
func (t *trial) ended(a *actor, in, out uint64) {
	t.meters.Lock()
	defer t.meters.Unlock()
	a.mu.Lock()
	a.metered = true
	a.mu.Unlock()
	delete(t.meters.leaving, a)
	m := &t.meters.ended[a.transport]
	m.in += int64(in)
	m.out += int64(out)
}

// away takes the client from its place, if there is one.
func (g *group) away(place int) *actor {
	m := &g.t.meters
	m.Lock()
	defer m.Unlock()
	a := g.actors[place].Swap(nil)
	if a != nil && a.carries() {
		if m.leaving == nil {
			m.leaving = map[*actor]struct{}{}
		}
		m.leaving[a] = struct{}{}
	}
	return a
}

// carries reports whether the client has a connection that is not in the meters.
func (a *actor) carries() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.conn != nil && !a.metered
}

// carried adds up the bytes of all clients, ended or not.
func (c *collector) carried() carried {
	t := c.t
	out := make(carried, len(t.kinds.transports))
	if c.fleet != nil {
		c.fleet.carried(out)
		return out
	}
	t.meters.Lock()
	defer t.meters.Unlock()
	for i, m := range t.meters.ended {
		out[i].messages = c.messages[i]
		out[i].in, out[i].out = m.in, m.out
	}
	add := func(a *actor) {
		if a != nil && a.carries() {
			n, m := a.conn.Bytes()
			out[a.transport].in += int64(n)
			out[a.transport].out += int64(m)
		}
	}
	for _, g := range t.groups {
		for i := range g.actors {
			add(g.actors[i].Load())
		}
	}
	for a := range t.meters.leaving {
		add(a)
	}
	return out
}

// wire is what each transport carried in the recorded seconds, for each message that arrived in
// them: deliveries and acknowledgements.
func (c *collector) wire(e *judge.Evidence) map[string]*result.Wire {
	t := c.t
	out := map[string]*result.Wire{}
	for i, name := range t.kinds.transports {
		now := c.spent.carried[i]
		w := &result.Wire{BytesIn: now.in, BytesOut: now.out, Messages: now.messages}
		if w.Messages > 0 {
			w.InPerMessage = float64(w.BytesIn) / float64(w.Messages)
			w.OutPerMessage = float64(w.BytesOut) / float64(w.Messages)
			w.PerMessage = w.InPerMessage + w.OutPerMessage
		}
		w.Messages = messages(e, name)
		out[name] = w
	}
	return out
}

// messages is how many deliveries and acknowledgements came over a transport, of those due in the
// recorded phases: the numbers of the ledger, to which the seconds of the bytes come close.
func messages(e *judge.Evidence, transport string) int64 {
	return e.Totals.Count(func(s *record.Series, phase int) bool {
		return !s.Hidden && s.Transport == transport && (s.Metric == metric.Delivery || s.Metric == metric.Ack) && e.Recorded(phase)
	})
}
