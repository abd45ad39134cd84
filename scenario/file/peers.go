package file

import (
	"fmt"
	"time"
)

// Clients that open data channels to each other.

var peersTable = object[Peers]{
	what: "peers",
	def:  "peers", about: "Data channels of WebRTC from each client to the others in its room, for streams with op: peers. The server must carry the signalling, as the built-in one does.",
	lone:  alone,
	fresh: func() Peers { return Peers{Timeout: 5 * time.Second} },
	fields: []field[Peers]{
		{key: "timeout", about: "for the channel to a peer to open; after that, messages to it go by the server", is: aDuration, def: "5s", set: func(d *decoder, n *node, p *Peers) {
			p.Timeout = d.duration(n, "timeout", 10*time.Millisecond, maxWait)
		}},
		{key: "blocked", about: "share of the clients that no peer can reach directly: messages to and from them go by the server", is: aShare, def: "0%", set: func(d *decoder, n *node, p *Peers) { p.Blocked = d.share(n, "blocked") }},
	},
}

// checkPeers checks what the data channels of a group need.
func checkPeers(d *decoder, n *node, g *Group) {
	where := at(n, "peers")
	for i := range g.Send {
		if g.Send[i].Op == OpPeers && g.Send[i].Operation == nil && g.Peers == nil && n.get("peers") == nil {
			d.errs.add(at(n.get("send").items[i], "op"), fmt.Sprintf("the clients of the group %s have no data channels to send by", g.Name), "add peers: {} and rooms: {of: 10, join: 1} to the group")
		}
	}
	emissions := d.toPeers
	d.toPeers = nil
	if g.Peers == nil {
		if n.get("peers") == nil {
			for _, to := range emissions {
				d.errs.add(to, fmt.Sprintf("the clients of the group %s have no data channels to send by", g.Name), "add peers: {} and rooms: {of: 10, join: 1} to the group")
			}
		}
		return
	}
	switch {
	case d.framed() || g.Namespace != "/" || g.baseline():
		d.errs.add(where, "peers meet in the main namespace of Socket.IO", "remove peers, or what sets another namespace, protocol or transport")
	case n.get("rooms") == nil || g.Rooms != nil && (g.Rooms.Join != 1 || !g.Rooms.Move.IsZero()):
		d.errs.add(where, "peers are the others in a client's only room, in which it stays", "write rooms: {of: 10, join: 1}, without move")
	case g.Reconnect != nil && g.Reconnect.Recover:
		d.errs.add(where, "a client that comes back as the same socket has left the room of its peers", "remove recover from reconnect")
	case g.Peers.Timeout >= g.Connect.Timeout:
		d.errs.add(where, fmt.Sprintf("a client may take %s for the channels to its peers, and %s to connect and join its room, these included", formatDuration(g.Peers.Timeout), formatDuration(g.Connect.Timeout)), "lower the timeout of peers, or raise that of connect")
	}
}

// checkRoommates checks that clients who share rooms all have channels, or none has: a message to
// peers reaches no other. A link is no part of a channel.
func (d *decoder) checkRoommates(s *Spec) {
	for i := range s.Groups {
		if s.Groups[i].Peers != nil && s.Linked() {
			d.errs.add(at(d.places["group "+s.Groups[i].Name], "peers"), "the network lies between the clients and the target, and data channels go past it", "remove peers, or network")
		}
		for j := range s.Groups {
			a, b := &s.Groups[i], &s.Groups[j]
			if a.Peers != nil && b.Peers == nil && a.Rooms != nil && b.Rooms != nil && a.Rooms.Prefix == b.Rooms.Prefix && a.Namespace == b.Namespace {
				d.errs.add(at(d.places["group "+b.Name], "rooms"), fmt.Sprintf("the group %s is in rooms with the group %s, whose clients have data channels, and has none", b.Name, a.Name), "add peers: {} to it, or another prefix to its rooms")
			}
		}
	}
}

// checkToPeers checks a stream that goes by data channels.
func (d *decoder) checkToPeers(n *node, s *Stream) {
	switch {
	case s.Ack > 0:
		d.errs.add(at(n, "ack"), "a peer does not acknowledge messages", "remove ack: each delivery is in the ledger")
	case s.Volatile:
		d.errs.add(at(n, "volatile"), "the channels between peers are reliable", "remove volatile")
	}
}
