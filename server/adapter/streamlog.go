package adapter

import (
	"context"
	"time"

	"github.com/throng-io/throng/server/internal/bus"
	"github.com/throng-io/throng/server/internal/wire"
)

// The log of a namespace is its stream, as @socket.io/redis-streams-adapter has it.

// recover makes the link feed r.
func (l *streamLink) recover(r *recoveryAdapter) {
	b := l.all.bus
	r.log, r.store, r.publish, l.recovery = l, sessions{b, l.cluster.opts.SessionPrefix}, b.Publish, r
	if l.position().get() == (wire.Offset{}) {
		// An empty stream has no offset from which a client could come back. Entries without a
		// namespace are read over by all servers.
		b.Publish(bus.Item{Channel: l.stream, Fields: append(bus.Keep(l.cluster.opts.StreamLength), "begin", "1")})
	}
}

// entry implements eventLog.
func (l *streamLink) entry(m *wire.Message) (bus.Item, string) {
	fields := l.wire.AppendEntry(bus.Keep(l.cluster.opts.StreamLength), m)
	return bus.Item{Channel: l.stream, Fields: fields}, fields[len(fields)-1]
}

// position implements eventLog.
func (l *streamLink) position() *logPosition { return l.all.positions[l.stream] }

// has implements log: entries are dropped at the front alone.
func (l *streamLink) has(ctx context.Context, at wire.Offset) (bool, error) {
	first, last, err := l.all.bus.Bounds(ctx, l.stream)
	if err != nil || first == "" {
		return false, err
	}
	begin, _ := wire.ParseOffset(first)
	end, _ := wire.ParseOffset(last)
	return begin.Compare(at) <= 0 && at.Compare(end) <= 0, nil
}

// readAtOnce is how many entries are read at a time.
const readAtOnce = 512

// read implements eventLog.
func (l *streamLink) read(ctx context.Context, from, to wire.Offset, f func(wire.Offset, *wire.Message) bool) error {
	for from.Compare(to) < 0 {
		entries, err := l.all.bus.Range(ctx, l.stream, from.Next().String(), to.String(), readAtOnce)
		if err != nil {
			return err
		}
		for _, e := range entries {
			from, _ = wire.ParseOffset(e.ID)
			m := &wire.Message{}
			if e.Fields["nsp"] != l.ns.Name() || l.entryOf(e, m) != nil {
				continue // of another namespace, or counted when it arrived
			}
			if !f(from, m) {
				return nil
			}
		}
		if len(entries) < readAtOnce {
			return nil
		}
	}
	return nil
}

// sessions are what @socket.io/redis-streams-adapter keeps under keys of their own.
type sessions struct {
	bus    *bus.Redis
	prefix string
}

// keep implements sessionStore.
func (s sessions) keep(pid, session string, within time.Duration, old bool) {
	s.bus.Keep(s.prefix+pid, session, within, old)
}

// extend implements sessionStore.
func (s sessions) extend(pid string, within time.Duration) { s.bus.Extend(s.prefix+pid, within) }

// take implements sessionStore.
func (s sessions) take(ctx context.Context, pid string) (string, error) {
	return s.bus.Take(ctx, s.prefix+pid)
}
