package scenario

import (
	"sync/atomic"

	"github.com/throng-io/throng/scenario/result"
)

// A meter adds up the bytes of the clients of one transport whose connections have ended.
type meter struct{ in, out atomic.Int64 }

// carried is what has passed by a moment, by the trial's transports.
type carried []struct{ in, out int64 }

// ended counts what a client carried whose connection has ended.
func (t *trial) ended(a *actor, in, out uint64) {
	m := &t.meters[a.transport]
	m.in.Add(int64(in))
	m.out.Add(int64(out))
}

// carried adds up the bytes of all clients, ended or not. A connection that ends meanwhile may be missing
// for a moment, and is there the next time.
func (t *trial) carried() carried {
	out := make(carried, len(t.transports))
	for i := range t.meters {
		out[i].in, out[i].out = t.meters[i].in.Load(), t.meters[i].out.Load()
	}
	for _, g := range t.groups {
		for i := range g.actors {
			a := g.actors[i].Load()
			if a == nil {
				continue
			}
			a.mu.Lock()
			if a.conn != nil && !a.metered {
				n, m := a.conn.Bytes()
				out[a.transport].in += int64(n)
				out[a.transport].out += int64(m)
			}
			a.mu.Unlock()
		}
	}
	return out
}

// wire is what each transport carried in the recorded seconds, for each message that arrived:
// deliveries and acknowledgements.
func (f *findings) wire() map[string]*result.Wire {
	t := f.t
	out := map[string]*result.Wire{}
	for i, name := range t.transports {
		w := &result.Wire{}
		for j, m := range f.c.moments {
			if m.carried == nil || !t.phaseIn(&scope{}, m.phase) {
				continue
			}
			var before carried
			if j > 0 {
				before = f.c.moments[j-1].carried
			}
			in, sent := m.carried[i].in, m.carried[i].out
			if before != nil {
				in, sent = in-before[i].in, sent-before[i].out
			}
			w.BytesIn += max(0, in)
			w.BytesOut += max(0, sent)
		}
		for key, h := range f.c.totals {
			s := &t.rec.series[key/t.rec.phases]
			if s.transport == name && !s.hidden && (s.metric == metricDelivery || s.metric == metricAck) && t.phaseIn(&scope{}, key%t.rec.phases) {
				w.Messages += h.TotalCount()
			}
		}
		if w.Messages > 0 {
			w.InPerMessage = float64(w.BytesIn) / float64(w.Messages)
			w.OutPerMessage = float64(w.BytesOut) / float64(w.Messages)
			w.PerMessage = w.InPerMessage + w.OutPerMessage
		}
		out[name] = w
	}
	return out
}
