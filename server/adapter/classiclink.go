package adapter

import (
	"context"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/server/internal/bus"
	"github.com/throng-io/throng/server/internal/wire"
)

// classicLink is the link of @socket.io/redis-adapter's createAdapter.
type classicLink struct {
	*node
	bus  *bus.Redis
	wire wire.Classic
}

func newClassicLink(n *node, b *bus.Redis) *classicLink {
	l := &classicLink{node: n, bus: b, wire: wire.Classic{Prefix: n.cluster.opts.Prefix}}
	n.id = newShortID()
	return l
}

func (l *classicLink) open() {
	ns := l.ns.Name()
	l.bus.Subscribe(wire.Escape(l.wire.Broadcasts(ns)), true, l.broadcast)
	l.bus.Subscribe(l.wire.Requests(ns), false, l.question)
	l.bus.Subscribe(l.wire.Responses(ns), false, l.reply)
	l.bus.Subscribe(l.wire.Response(ns, l.id), false, l.reply)
}

func (l *classicLink) broadcast(channel, payload string) {
	room := channel[len(l.wire.Broadcasts(l.ns.Name())):]
	if room != "" && l.ns.Members(room[:len(room)-1]) == 0 {
		return
	}
	var m wire.Message
	if err := l.wire.Broadcast([]byte(payload), &m); err != nil {
		l.cluster.malformed(l.ns.Name(), err)
		return
	}
	l.receive(&m)
}

func (l *classicLink) question(_, payload string) {
	var m wire.Message
	if err := l.wire.Request(l.ns.Name(), []byte(payload), &m); err != nil {
		l.cluster.malformed(l.ns.Name(), err)
		return
	}
	l.receive(&m)
}

func (l *classicLink) reply(_, payload string) {
	var m wire.Message
	// others' answers may be of any kind
	if l.wire.Answer(l.ns.Name(), []byte(payload), &m) == nil {
		l.receive(&m)
	}
}

// parser: only what is MessagePack as a whole can hold binary values.
func (l *classicLink) parser(k wire.Kind) (socketio.Parser, bool) {
	if k == wire.ServerEvent || k == wire.ServerAnswer {
		return socketio.JSON, false
	}
	return socketio.MessagePack, true
}

func (l *classicLink) send(m *wire.Message, asker string) {
	channel := l.wire.Channel(m)
	if l.cluster.opts.OwnResponses && asker != "" && m.Kind != wire.ServerAnswer {
		channel = l.wire.Response(m.Namespace, asker)
	}
	l.bus.Publish(bus.Item{Channel: channel, Payload: l.wire.Append(nil, m)})
}

func (l *classicLink) count(ctx context.Context) (int, error) {
	n, err := l.bus.Count(ctx, l.wire.Requests(l.ns.Name()))
	return max(0, n-1), err
}

func (l *classicLink) largest() int { return 0 }

func (l *classicLink) close() {
	ns := l.ns.Name()
	l.bus.Unsubscribe(wire.Escape(l.wire.Broadcasts(ns)), true)
	for _, channel := range []string{l.wire.Requests(ns), l.wire.Responses(ns), l.wire.Response(ns, l.id)} {
		l.bus.Unsubscribe(channel, false)
	}
}
