package scenario

import (
	"sync/atomic"

	"github.com/throng-io/throng/scenario/result"
)

// A meter adds up the bytes of the clients of one transport whose connections have ended.
type meter struct{ in, out atomic.Int64 }

// carried is what has passed by a moment, by the trial's transports. The messages are those that the
// collector has drained by then: bytes and messages are of the same stretch, whenever it ends.
type carried []struct{ in, out, messages int64 }

// ended counts what a client carried whose connection has ended.
func (t *trial) ended(a *actor, in, out uint64) {
	m := &t.meters[a.transport]
	m.in.Add(int64(in))
	m.out.Add(int64(out))
}

// carried adds up the bytes of all clients, ended or not. A connection that ends meanwhile may be missing
// for a moment, and is there the next time.
func (c *collector) carried() carried {
	t := c.t
	out := make(carried, len(t.transports))
	for i := range t.meters {
		out[i].messages = c.messages[i]
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
			now := m.carried[i]
			if before != nil {
				now.in, now.out, now.messages = now.in-before[i].in, now.out-before[i].out, now.messages-before[i].messages
			}
			w.BytesIn += max(0, now.in)
			w.BytesOut += max(0, now.out)
			w.Messages += now.messages
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
