package server

import (
	"container/list"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/throng-io/throng/server/internal/fanout"
)

// Namespace is a channel over the clients' connections with its own sockets, rooms, handlers and
// middleware. Its methods are safe for concurrent use. Set its handlers before the server is
// served: otherwise events of sockets that are already connected may be dropped.
type Namespace struct {
	server  *Server
	name    string
	raw     []byte     // name
	hub     fanout.Hub // of the sockets on this server
	local   *memory    // reaches these
	adapter Adapter    // reaches all; local, if there are no other servers
	ackIDs  atomic.Uint64

	recoverer Recoverer // adapter, if that keeps what sockets miss; else nil

	logged  *source // nil until a line of the log is about it
	roomLog roomLog
	group   *group     // of a pattern of namespaces, nil of a namespace itself
	pattern *Namespace // that this one is a child of, nil if none

	// Of a child, guarded by Server.mu.
	place *list.Element // among the children of the pattern
	users int           // sockets in it, and joins under way

	edit     sync.Mutex // serialises changes to handlers
	handlers atomic.Pointer[handlers]
}

// Name returns the namespace's name, which begins with a slash.
func (n *Namespace) Name() string { return n.name }

// Emit sends an event to all sockets of the namespace. See Target.Emit.
func (n *Namespace) Emit(event string, args ...any) error {
	return n.Everyone().Emit(event, args...)
}

// Send sends a prepared message to all sockets of the namespace.
func (n *Namespace) Send(m *Message) { n.Everyone().Send(m) }

// To returns the sockets of a room; To and Except on the result go on from there. A socket's id is
// a room of its own.
func (n *Namespace) To(room string) Target { return n.Everyone().To(room) }

// Except returns all sockets that are not in the room.
func (n *Namespace) Except(room string) Target { return n.Everyone().Except(room) }

// Volatile returns all sockets, for messages that may be lost.
func (n *Namespace) Volatile() Target { return n.Everyone().Volatile() }

// Compress returns all sockets, for messages that may, or may not, be compressed. See
// Target.Compress.
func (n *Namespace) Compress(on bool) Target { return n.Everyone().Compress(on) }

// Local returns the sockets on this server.
func (n *Namespace) Local() Target { return n.Everyone().Local() }

// Everyone returns all sockets of the namespace.
func (n *Namespace) Everyone() Target { return Target{ns: n} }

// Socket returns the socket on this server with an id, or nil.
func (n *Namespace) Socket(id string) *Socket {
	if h := n.hub.Lookup(id); h != nil {
		return socketOf(h)
	}
	return nil
}

// socketOf returns the socket behind a handle. The hub knows a member a moment before the socket
// knows its handle: the connection's lock is held meanwhile.
func socketOf(h *fanout.Handle) *Socket {
	s := (*Socket)(h.Member().(*member))
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	return s
}

// Sockets returns the sockets that are connected to this server, in no order. Fetch also lists
// sockets of other servers.
func (n *Namespace) Sockets() []*Socket { return n.Everyone().Sockets() }

// Rooms returns the rooms that have members on this server and how many. The rooms that every
// socket has by its id are left out.
func (n *Namespace) Rooms() map[string]int {
	rooms := map[string]int{}
	n.hub.Sizes(func(room string, members int) { rooms[room] = members })
	return rooms
}

// Members returns how many sockets of this server are in a room; 1 or 0 for the id of a socket.
func (n *Namespace) Members(room string) int { return n.hub.Size(room) }

// close closes the adapter of the namespace, which is not used any more.
func (n *Namespace) close() {
	if err := n.adapter.Close(); err != nil {
		n.server.logs.write(nil, slog.LevelError, "adapter was not closed in order", "namespace", n.name, "error", err)
	}
}
