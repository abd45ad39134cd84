package signalling

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/internal/budget"
)

// The events of clients.
const (
	eventJoin   = "p2p:join"
	eventLeave  = "p2p:leave"
	eventSignal = "p2p:signal"
	eventRelay  = "p2p:relay"
)

// A Code says in one word why an event was refused.
type Code string

// The codes of p2p:refused.
const (
	Invalid Code = "invalid" // the event has not the form that it must have
	Absent  Code = "absent"  // the sender is not in the room
	Denied  Code = "denied"  // Options.Authorize does not allow it
	Full    Code = "full"    // the room has as many peers as it may, or the sender as many rooms
	Rate    Code = "rate"    // the sender sends too much
	Size    Code = "size"    // the event is too large
)

// An Action is what a client asks for.
type Action struct {
	Event string // p2p:join, p2p:signal or p2p:relay
	Room  string
	To    string // the id of a peer; "" = all others in the room, or none
}

// A Limit bounds events of one kind of one socket. Zero fields mean the defaults of Options, and a
// negative one is an error.
type Limit struct {
	PerSecond float64 // how many over time
	Burst     int     // how many at once
	Bytes     int     // size of all arguments of one, attachments included
}

// Options are what a signalling allows. The zero value allows everybody to join every room, within
// the default limits.
type Options struct {
	// Authorize decides on each join, signal and relayed message of a socket: an error refuses it,
	// and the client gets its text. It is called on the goroutine that reads the client's
	// connection, and may block. Default: everybody may.
	Authorize func(s *server.Socket, a Action) error
	// Peers is how many peers a room may have, from 2. Of several servers with an adapter that
	// answers within two seconds, those that join at the same moment at different ones may exceed
	// it, once. Default 16: each peer of a mesh has a connection to each other.
	Peers int
	// Rooms is how many rooms a socket may be in at a time. Default 8.
	Rooms int
	// RoomName is the most bytes of the name of a room. Default 128.
	RoomName int
	// Signals bounds p2p:signal, p2p:join and p2p:leave together. Default 50 a second, 1000 at
	// once, 16 KiB.
	Signals Limit
	// Relayed bounds p2p:relay. Default 200 a second, 1000 at once, 1 MiB. The size of messages is
	// bounded by server.Limits as well.
	Relayed Limit
}

// withDefaults returns the options with every field set.
func (o Options) withDefaults() (Options, error) {
	set := func(v *int, name string, least, otherwise int) error {
		if *v == 0 {
			*v = otherwise
		}
		if *v < least {
			return fmt.Errorf("signalling: option %s is %d; it must be %d or more, or 0 for the default %d", name, *v, least, otherwise)
		}
		return nil
	}
	for _, f := range []struct {
		v                *int
		name             string
		least, otherwise int
	}{
		{&o.Peers, "Peers", 2, 16},
		{&o.Rooms, "Rooms", 1, 8},
		{&o.RoomName, "RoomName", 1, 128},
		{&o.Signals.Burst, "Signals.Burst", 1, 1000},
		{&o.Signals.Bytes, "Signals.Bytes", 1, 16 << 10},
		{&o.Relayed.Burst, "Relayed.Burst", 1, 1000},
		{&o.Relayed.Bytes, "Relayed.Bytes", 1, 1 << 20},
	} {
		if err := set(f.v, f.name, f.least, f.otherwise); err != nil {
			return o, err
		}
	}
	for name, v := range map[string]*float64{"Signals": &o.Signals.PerSecond, "Relayed": &o.Relayed.PerSecond} {
		if *v < 0 || *v != *v {
			return o, fmt.Errorf("signalling: option %s.PerSecond is %v; it must be above 0, or 0 for the default", name, *v)
		}
	}
	if o.Signals.PerSecond == 0 {
		o.Signals.PerSecond = 50
	}
	if o.Relayed.PerSecond == 0 {
		o.Relayed.PerSecond = 200
	}
	return o, nil
}

// hub is the signalling of one namespace.
type hub struct {
	ns   *server.Namespace
	opts Options

	mu    sync.Mutex
	rooms map[string]map[string]bool // ids of the peers on this server, by room
	peers map[string]*peer           // by id
}

// peer is a socket that has joined a room at some time. What is not the hub's is of the goroutine
// that reads its connection.
type peer struct {
	rooms           map[string]bool // guarded by the hub
	signals, relays budget.Rate
}

// New puts the signalling on a namespace, by handlers of the events above and a function that hears
// of sockets that leave. Call it before the server is served. It starts nothing, and what it keeps
// of a socket ends with the socket. The error names the option that is wrong.
func New(ns *server.Namespace, opts Options) error {
	opts, err := opts.withDefaults()
	if err != nil {
		return err
	}
	h := &hub{ns: ns, opts: opts, rooms: map[string]map[string]bool{}, peers: map[string]*peer{}}
	ns.On(eventJoin, h.join)
	ns.On(eventLeave, h.leave)
	ns.On(eventSignal, h.signal)
	ns.On(eventRelay, h.relay)
	ns.OnConnect(h.connected)
	ns.OnDisconnect(func(s *server.Socket, _ string) { h.gone(s) })
	return nil
}

// everyone is the room of the server for the peers of a room, and alone the one that a peer has for
// itself in it: an event for it reaches the peer on whatever server, as long as it is in the room.
// The id is what a client says: its length keeps it from being taken for another id and the
// beginning of another room.
func everyone(room string) string  { return "p2p:" + room }
func alone(room, id string) string { return fmt.Sprintf("p2p=%d:%s:%s", len(id), id, room) }

// connected takes a socket that has come back out of the rooms that it had.
func (h *hub) connected(s *server.Socket) {
	if !s.Recovered() {
		return
	}
	for _, room := range s.Rooms() {
		if len(room) > 4 && (room[:4] == "p2p:" || room[:4] == "p2p=") {
			s.Leave(room)
		}
	}
}

// gone forgets a socket that has left the server.
func (h *hub) gone(s *server.Socket) {
	h.mu.Lock()
	p := h.peers[s.ID()]
	delete(h.peers, s.ID())
	var left []string
	if p != nil {
		for room := range p.rooms {
			left = append(left, room)
			h.drop(s.ID(), p, room)
		}
	}
	h.mu.Unlock()
	for _, room := range left {
		h.tell(s, room, "p2p:left")
	}
}

// drop takes a peer out of a room. h is locked.
func (h *hub) drop(id string, p *peer, room string) {
	delete(p.rooms, room)
	delete(h.rooms[room], id)
	if len(h.rooms[room]) == 0 {
		delete(h.rooms, room)
	}
}

// tell informs the others in a room of a peer.
func (h *hub) tell(s *server.Socket, room, event string) {
	_ = s.To(everyone(room)).Emit(event, roomAndPeer{room, s.ID()}) // plain data: it can be encoded
}

type roomAndPeer struct {
	Room string `json:"room"`
	Peer string `json:"peer"`
}

// peerOf returns what is kept of a socket. The reading goroutine of the socket calls it.
func (h *hub) peerOf(s *server.Socket) *peer {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.peers[s.ID()]
	if p == nil {
		p = &peer{rooms: map[string]bool{}}
		h.peers[s.ID()] = p
	}
	return p
}

// lookUpTime is how long other servers may take to say who is in a room.
const lookUpTime = 2 * time.Second

// elsewhere lists the peers of a room on other servers. A server that does not answer in time
// leaves its peers out: they hear of the newcomer and may call it.
func (h *hub) elsewhere(room string) (ids []string) {
	ctx, cancel := context.WithTimeout(context.Background(), lookUpTime)
	defer cancel()
	list, _ := h.ns.To(everyone(room)).Fetch(ctx)
	for i := range list {
		if list[i].Socket == nil {
			ids = append(ids, list[i].ID)
		}
	}
	return ids
}
