package adapter

import (
	"context"
	"time"

	"github.com/throng-io/throng/server/internal/bus"
	"github.com/throng-io/throng/server/internal/wire"
)

// The log of a namespace is its stream, and the sockets that have left are under keys of their own,
// as @socket.io/redis-streams-adapter has it.

// recover makes the link feed r.
func (l *streamed) recover(r *recovering) {
	r.log, r.publish, l.kept = l, l.all.bus.Publish, r
	if l.place().get() == (wire.Offset{}) {
		// An empty stream has no place from which a client could come back. Entries without a
		// namespace are read over by all servers.
		l.all.bus.Publish(bus.Item{Channel: l.stream, Fields: append(bus.Keep(l.cluster.opts.StreamLength), "begin", "1")})
	}
}

// entry implements log.
func (l *streamed) entry(m *wire.Message) (bus.Item, string) {
	fields := l.wire.AppendEntry(bus.Keep(l.cluster.opts.StreamLength), m)
	return bus.Item{Channel: l.stream, Fields: fields}, fields[len(fields)-1]
}

// place implements log.
func (l *streamed) place() *place { return l.all.places[l.stream] }

// has implements log: entries are dropped at the front alone.
func (l *streamed) has(ctx context.Context, at wire.Offset) (bool, error) {
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

// read implements log.
func (l *streamed) read(ctx context.Context, from, to wire.Offset, f func(wire.Offset, *wire.Message) bool) error {
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

// keep implements log.
func (l *streamed) keep(pid, session string, within time.Duration) {
	l.all.bus.Publish(bus.Item{Channel: l.key(pid), Payload: []byte(session), For: within})
}

// take implements log.
func (l *streamed) take(ctx context.Context, pid string) (string, error) {
	return l.all.bus.Take(ctx, l.key(pid))
}

func (l *streamed) key(pid string) string { return l.cluster.opts.SessionPrefix + pid }
