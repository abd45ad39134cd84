package adapter

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/server/internal/bus"
	"github.com/throng-io/throng/server/internal/wire"
)

// streams is what the links of @socket.io/redis-streams-adapter share: the reader of the streams.
type streams struct {
	bus       *bus.Redis
	positions map[string]*logPosition // by stream

	mu    sync.RWMutex
	links map[string]*streamLink // by namespace
}

// streamLink is the link of one namespace. Broadcasts and changes of rooms are entries of a stream;
// questions and their answers are published.
type streamLink struct {
	*node
	all      *streams
	wire     wire.Cluster
	stream   string
	recovery *recoveryAdapter // nil without recovery
}

// openTime is how long Open waits for a broker: for the last entries of the streams, or for a NATS
// server in this process to listen.
const openTime = 5 * time.Second

func (c *Cluster) openStreams(r *bus.Redis) error {
	all := &streams{bus: r, positions: map[string]*logPosition{}, links: map[string]*streamLink{}}
	named := wire.Streams{Name: c.opts.Stream, Count: c.opts.Streams}
	ctx, cancel := context.WithTimeout(context.Background(), openTime)
	defer cancel()
	last, err := r.Last(ctx, named.All())
	if err != nil {
		_ = r.Close()
		return err
	}
	for name, id := range last {
		at, _ := wire.ParseOffset(id)
		all.positions[name] = &logPosition{at: at}
	}
	r.Follow(last, all.arrived)
	c.link = func(n *node) link {
		return &streamLink{node: n, all: all, wire: wire.Cluster{Prefix: c.opts.Prefix}, stream: named.Of(n.ns.Name())}
	}
	c.recover = func(l link, r *recoveryAdapter) { l.(*streamLink).recover(r) }
	return nil
}

// arrived passes an entry to its namespace.
func (s *streams) arrived(e bus.Entry) {
	at, ok := wire.ParseOffset(e.ID)
	if !ok {
		return // no id of Redis
	}
	defer s.positions[e.Stream].advance(at)
	s.mu.RLock()
	l := s.links[e.Fields["nsp"]]
	s.mu.RUnlock()
	if l == nil || l.stream != e.Stream {
		return
	}
	m := &wire.Message{}
	if err := l.entryOf(e, m); err != nil {
		l.cluster.malformed(l.ns.Name(), fmt.Errorf("entry %s: %w", e.ID, err))
		return
	}
	switch m.Kind {
	case wire.Broadcast, wire.Join, wire.Leave, wire.Disconnect, wire.ServerEvent: // of the emitter
		if l.recovery != nil {
			l.recovery.arrived(at, m, e.Fields["data"])
		} else {
			l.receive(m)
		}
	}
	// Questions in the stream are those of version 0.2, which expects no answers of later ones.
}

func (l *streamLink) entryOf(e bus.Entry, m *wire.Message) error {
	return l.wire.Entry(e.Fields["uid"], e.Fields["nsp"], e.Fields["type"], e.Fields["data"], m)
}

func (l *streamLink) open() {
	ns := l.ns.Name()
	l.all.mu.Lock()
	l.all.links[ns] = l
	l.all.mu.Unlock()
	l.all.bus.Subscribe(l.wire.Everyone(ns), false, l.published)
	l.all.bus.Subscribe(l.wire.Of(ns, l.id), false, l.published)
}

func (l *streamLink) published(_, payload string) {
	var m wire.Message
	if err := l.wire.Message([]byte(payload), &m); err != nil {
		l.cluster.malformed(l.ns.Name(), err)
		return
	}
	l.receive(&m)
}

// inStream reports whether messages of the kind are entries of the stream.
func inStream(k wire.Kind) bool {
	return k == wire.Broadcast || k == wire.Join || k == wire.Leave || k == wire.Disconnect
}

// parser: entries are JSON unless they hold binary values, what is published is MessagePack.
func (l *streamLink) parser(k wire.Kind) (socketio.Parser, bool) {
	if inStream(k) {
		return socketio.JSON, true
	}
	return socketio.MessagePack, true
}

func (l *streamLink) send(m *wire.Message, asker string) {
	item := bus.Item{Channel: l.wire.Everyone(m.Namespace)}
	switch {
	case inStream(m.Kind):
		item, _ = l.entry(m)
	case asker != "":
		item.Channel = l.wire.Of(m.Namespace, asker)
		fallthrough
	default:
		item.Payload = l.wire.AppendBinary(nil, m)
	}
	l.all.bus.Publish(item)
}

func (l *streamLink) count(ctx context.Context) (int, error) {
	n, err := l.all.bus.Count(ctx, l.wire.Everyone(l.ns.Name()))
	return max(0, n-1), err
}

func (l *streamLink) largest() int { return 0 }

func (l *streamLink) close() {
	ns := l.ns.Name()
	l.all.mu.Lock()
	delete(l.all.links, ns)
	l.all.mu.Unlock()
	l.all.bus.Unsubscribe(l.wire.Everyone(ns), false)
	l.all.bus.Unsubscribe(l.wire.Of(ns, l.id), false)
}
