package adapter

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/internal/bus"
	"github.com/throng-io/throng/server/internal/wire"
)

// pubsub is what a link with channels of rooms needs of a broker.
type pubsub interface {
	Publish(i bus.Item) bool
	Subscribe(channel string, prefix bool, f func(channel, payload string))
	Unsubscribe(channel string, prefix bool)
}

// roomLink is the link of @socket.io/redis-adapter's createShardedAdapter, and of NATS: a channel
// for all, one for the answers to each node, and one for each room that has members here.
type roomLink struct {
	*node
	bus    pubsub
	wire   wire.Cluster
	others func(ctx context.Context) (int, error)
	limit  func() int          // bytes of a message; 0: any number
	heard  func(*wire.Message) // of each message; or nil
	logged func(*wire.Message) // takes messages that are for a log; or nil
	// opening and ending are called after the subscriptions are made, and before they end.
	opening, ending func()

	mu     sync.Mutex
	joined map[string]time.Time // rooms that sockets elsewhere have been asked to join
	swept  time.Time            // when joined was last looked through
}

// joinSettleTime is how long a room is published on the channel for all after sockets of other
// servers were asked to join it: by then these servers have subscribed to it.
const joinSettleTime = 2 * time.Second

// idLength is the length of the ids of sockets. Official servers take a name of this length for an
// id, which has no channel in mode dynamic.
const idLength = 20

func newRoomLink(n *node, b pubsub) *roomLink {
	return &roomLink{
		node: n, bus: b, wire: wire.Cluster{Prefix: n.cluster.opts.Prefix}, joined: map[string]time.Time{},
		limit: func() int { return 0 }, opening: func() {}, ending: func() {},
	}
}

func (l *roomLink) open() {
	ns := l.ns.Name()
	l.bus.Subscribe(l.wire.Everyone(ns), false, l.arrived)
	l.bus.Subscribe(l.wire.Of(ns, l.id), false, l.arrived)
	mode := l.cluster.opts.Subscriptions
	if mode != "static" && l.logged == nil { // broadcasts do not come on channels then
		l.ns.OnRooms(server.RoomHooks{Create: l.subscribe, Delete: l.unsubscribe})
		// In mode dynamic ids have no channel, except those that official servers take for rooms:
		// clients of version 2 have ids of another length in namespaces.
		own := func(s *server.Socket) bool { return mode == "dynamic-private" || len(s.ID()) != idLength }
		l.ns.Watch(server.Watch{
			Connect: func(s *server.Socket) {
				if own(s) {
					l.subscribe(s.ID())
				}
			},
			Disconnect: func(s *server.Socket, _ string) {
				if own(s) {
					l.unsubscribe(s.ID())
				}
			},
		})
	}
	l.opening()
}

func (l *roomLink) subscribe(room string) {
	l.bus.Subscribe(l.wire.Of(l.ns.Name(), room), false, l.arrived)
}

func (l *roomLink) unsubscribe(room string) {
	l.bus.Unsubscribe(l.wire.Of(l.ns.Name(), room), false)
}

func (l *roomLink) arrived(_, payload string) {
	var m wire.Message
	if err := l.wire.Message([]byte(payload), &m); err != nil {
		l.cluster.malformed(l.ns.Name(), err)
		return
	}
	if l.heard != nil && m.Namespace == l.ns.Name() {
		l.heard(&m)
	}
	l.receive(&m)
}

// parser: what holds binary values is MessagePack, all else JSON.
func (l *roomLink) parser(wire.Kind) (socketio.Parser, bool) {
	return socketio.JSON, true
}

func (l *roomLink) send(m *wire.Message, asker string) {
	if l.logged != nil && inStream(m.Kind) {
		l.logged(m)
		return
	}
	channel := l.wire.Everyone(m.Namespace)
	switch {
	case asker != "":
		channel = l.wire.Of(m.Namespace, asker)
	case m.Kind == wire.Broadcast && len(m.To.Rooms) == 1 && l.ownChannel(m.To.Rooms[0]):
		channel = l.wire.Of(m.Namespace, m.To.Rooms[0])
	case m.Kind == wire.Join:
		l.settle(m.Names)
	}
	l.bus.Publish(bus.Item{Channel: channel, Payload: l.payload(m)})
}

func (l *roomLink) payload(m *wire.Message) []byte {
	if m.Parser == socketio.MessagePack {
		return l.wire.AppendBinary(nil, m)
	}
	return l.wire.AppendText(nil, m)
}

// ownChannel reports whether a broadcast to one room goes on the room's channel.
func (l *roomLink) ownChannel(room string) bool {
	switch l.cluster.opts.Subscriptions {
	case "static":
		return false
	case "dynamic":
		if len(room) == idLength {
			return false // it may be the id of a socket
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	at, known := l.joined[room]
	if known && time.Since(at) > joinSettleTime {
		delete(l.joined, room)
		known = false
	}
	return !known
}

// settle notes rooms that sockets elsewhere are asked to join.
func (l *roomLink) settle(rooms []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if now.Sub(l.swept) > joinSettleTime { // and not each time: there may be many
		l.swept = now
		maps.DeleteFunc(l.joined, func(_ string, at time.Time) bool { return now.Sub(at) > joinSettleTime })
	}
	for _, room := range rooms {
		l.joined[room] = now
	}
}

func (l *roomLink) count(ctx context.Context) (int, error) { return l.others(ctx) }

// largest leaves half of a message for what escapes make longer.
func (l *roomLink) largest() int { return l.limit() / 2 }

func (l *roomLink) close() {
	l.ending()
	ns := l.ns.Name()
	l.bus.Unsubscribe(l.wire.Everyone(ns), false)
	l.bus.Unsubscribe(l.wire.Of(ns, l.id), false)
	for room := range l.ns.Rooms() {
		l.unsubscribe(room)
	}
}
