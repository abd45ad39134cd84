package scenario

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/peer"
	"github.com/throng-io/throng/scenario/result"
)

// Clients with data channels to the others in their room. A client opens them before it joins the
// room of the contract, so that whoever is owed a message has a way to get it: by a channel, or by
// the server where that could not open.

// peering is what such a client has beside its connection.
type peering struct {
	mesh *peer.Mesh
	// guards what an actor hears: messages come on the goroutines of several channels
	hears sync.Mutex
}

// peerCounts count channels, at both ends, and the messages that came by peers.
type peerCounts struct {
	open, fallback, direct, relayed atomic.Int64
}

// stages of a channel, which have a metric each, in the order of peer.Timings.
var channelNames = [...]string{metric.Channel, metric.ChannelSignalling, metric.ChannelICE, metric.ChannelDTLS, metric.ChannelOpen}

// openPeers begins to open the channels; when they are open, or have failed, the client joins its
// room.
func (a *actor) openPeers() error {
	g, rooms := a.group, a.unjoined()
	if len(rooms) == 0 {
		return nil // it was told to go while it connected, and has left its room
	}
	cfg := peer.Config{
		Room: g.roomName(rooms[0].Room), Emit: peer.Over(a.conn, g.parser, ""), Parser: g.parser, Loopback: true,
		Timeout: g.spec.Peers.Timeout, After: a.t.after, Hidden: plan.Blocked(g.spec.Peers, a.number), MaxMessage: a.t.receives(),
		Message: a.hearPeer, Peer: a.peered, Refused: a.refusedPeer,
		Settled: func(err error) {
			if err != nil {
				a.refusedPeer(err.(*peer.Refusal)) //nolint:errorlint,forcetypeassert // it is the only kind
				a.joinLate()
				return
			}
			if asked, acknowledged := a.t.joinAsked(); !acknowledged {
				a.joinSilently(a.t.life.ctx, asked)
				return
			}
			a.peering.hears.Lock()
			defer a.peering.hears.Unlock()
			a.join()
		},
	}
	mesh, err := peer.New(cfg)
	if err != nil {
		return err
	}
	a.peering.mesh = mesh
	return mesh.Join()
}

// closePeers closes the channels and waits for that.
func (a *actor) closePeers() {
	if a.peering != nil && a.peering.mesh != nil {
		_ = a.peering.mesh.Close() // it is always nil
	}
}

// peered records what became of a peer.
func (a *actor) peered(p peer.Peer) {
	t := a.t
	switch p.State {
	case peer.Open:
		t.count.peers.open.Add(1)
		phase := max(0, t.tl.PhaseAt(t.now()))
		for i, took := range [...]time.Duration{p.Timings.Setup(), p.Timings.Signalling, p.Timings.ICE, p.Timings.DTLS, p.Timings.Channel} {
			a.shard.Add(a.group.channel[a.transport][i], phase, took)
		}
	case peer.Fallback:
		if errors.Is(p.Err, peer.ErrEnded) || t.life.over.Load() {
			return // the peer goes
		}
		t.count.peers.fallback.Add(1)
		a.group.countError(metric.Error(metric.ErrPeer, p.Err.Stage), t.now(), p.Err)
	case peer.Connecting, peer.Gone:
	}
}

func (a *actor) refusedPeer(r *peer.Refusal) {
	a.group.countError(metric.Error(metric.ErrPeer, metric.HowRefused), a.t.now(), r)
}

// hearPeer receives a message of a peer: the list of an event and its arguments.
func (a *actor) hearPeer(m peer.Message) {
	if m.Way == peer.Direct {
		a.t.count.peers.direct.Add(1)
	} else {
		a.t.count.peers.relayed.Add(1)
	}
	a.peering.hears.Lock()
	defer a.peering.hears.Unlock()
	if m.Binary {
		msg := &client.Message{Attachments: [][]byte{m.Data}, At: m.At}
		if scan := a.group.finder.Scan(nil, msg.Attachments); a.hear(msg, &scan) {
			return
		}
	} else if msg := a.peerEvent(m); msg != nil {
		a.heard(msg)
		return
	}
	a.group.countError(metric.Error(metric.ErrStamp, metric.HowInvalid), a.t.moment(m.At), nil)
}

// peerEvent is the event of a text of a peer, with its arguments as the client's parser has them;
// nil: it is none.
func (a *actor) peerEvent(m peer.Message) *client.Message {
	text := append([]byte{'2'}, m.Data...)
	if a.group.parser == socketio.MessagePack {
		packed, err := socketio.AppendRepacked(nil, text)
		if err != nil {
			return nil
		}
		text = packed
	}
	var p socketio.Packet
	if err := a.group.parser.Parse(&p, text); err != nil {
		return nil
	}
	name, args, err := a.group.parser.SplitEvent(p.Data)
	if err != nil {
		return nil
	}
	return &client.Message{Name: name, Args: args, At: m.At}
}

// toPeers sends a message to all peers of a client: the list of an event and its arguments as JSON,
// or bytes. Each peer that it could not be sent to, while others got it, is an error, unless the
// client itself ends; where a stream expects a delivery, the ledger has a loss as well.
func (a *actor) toPeers(message []byte, binary bool) error {
	direct, relayed, failed := a.peering.mesh.Broadcast(message, binary)
	if direct+relayed > 0 {
		for _, err := range failed {
			if errors.Is(err, peer.ErrClosed) || errors.Is(err, client.ErrClosed) {
				continue
			}
			a.group.countError(metric.Error(metric.ErrPeer, howUnsent(err)), a.t.now(), err)
		}
		return nil
	}
	switch err := errors.Join(failed...); {
	case errors.Is(err, peer.ErrClosed):
		return client.ErrClosed
	case errors.Is(err, peer.ErrQueueFull):
		return client.ErrBackpressure
	default:
		return err
	}
}

// howUnsent is why a message was not sent to one of the peers.
func howUnsent(err error) string {
	switch {
	case errors.Is(err, peer.ErrQueueFull):
		return metric.HowFull
	case errors.Is(err, client.ErrBackpressure):
		return metric.HowBackpressure
	}
	return metric.HowOther
}

// channels makes the series of the group's channels.
func (g *group) channels() {
	if g.spec.Peers == nil {
		return
	}
	g.channel = make([][len(channelNames)]int, len(g.t.kinds.transports))
	for i := range g.channel {
		for j, name := range channelNames {
			g.channel[i][j] = g.t.addSeries(record.Series{Metric: name, Group: g.spec.Name, Transport: g.t.kinds.transports[i]})
		}
	}
}

// result returns the counts; nil: no client has peers.
func (c *peerCounts) result(t *trial) *result.Peers {
	clients, rooms := 0, 0
	for _, g := range t.groups {
		if g.spec.Peers != nil {
			clients, rooms = clients+g.spec.Count, rooms+g.spec.Rooms.Of
		}
	}
	if rooms == 0 {
		return nil
	}
	return &result.Peers{
		Open: c.open.Load(), Fallback: c.fallback.Load(), Direct: c.direct.Load(), Relayed: c.relayed.Load(),
		Members: float64(clients) / float64(rooms),
	}
}
