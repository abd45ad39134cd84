package server

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/server/internal/fanout"
)

// Handler takes an event of a client. For one socket it is called for one event
// at a time, in the order in which they were sent, on the goroutine that reads
// the connection: a handler that blocks holds its own client up and nobody
// else. e is valid until the handler returns; Event.Clone keeps it.
//
// An error is logged and changes nothing else. A panic is logged and closes the
// socket's connection.
type Handler func(s *Socket, e *Event) error

// Namespace is a channel of its own over the clients' connections: with its
// sockets, rooms, handlers and middleware. Its methods are safe for concurrent
// use. Set the handlers up before the server is served: a socket that is
// connected already may miss events otherwise.
type Namespace struct {
	server *Server
	name   string
	raw    []byte // name
	hub    fanout.Hub
	ackIDs atomic.Uint64

	edit     sync.Mutex // serialises changes to handlers
	handlers atomic.Pointer[handlers]
}

// handlers is never changed, but replaced by a changed copy, so that looking a
// handler up takes no lock.
type handlers struct {
	events       map[string]Handler
	any          []Handler
	use          []func(*Socket) error
	connect      []func(*Socket)
	disconnect   []func(*Socket, string)
	disconnected []func(*Socket, string)
}

func (n *Namespace) change(edit func(*handlers)) {
	n.edit.Lock()
	defer n.edit.Unlock()
	old := n.handlers.Load()
	h := &handlers{
		events: maps.Clone(old.events), any: slices.Clone(old.any), use: slices.Clone(old.use),
		connect: slices.Clone(old.connect), disconnect: slices.Clone(old.disconnect), disconnected: slices.Clone(old.disconnected),
	}
	edit(h)
	n.handlers.Store(h)
}

// Name returns the namespace's name, which begins with a slash.
func (n *Namespace) Name() string { return n.name }

// On sets the handler of an event, in place of an earlier one. It panics for
// the names that the protocol reserves, since no client can send them.
func (n *Namespace) On(event string, h Handler) {
	if socketio.Reserved(event) {
		panic(fmt.Sprintf("server: event name %q is reserved by the protocol", event))
	}
	n.change(func(all *handlers) {
		if all.events == nil {
			all.events = map[string]Handler{}
		}
		all.events[event] = h
	})
}

// OnAny adds a handler that gets every event, before the event's own.
func (n *Namespace) OnAny(h Handler) {
	n.change(func(all *handlers) { all.any = append(all.any, h) })
}

// Use adds a middleware, which decides whether a client may join: an error
// refuses it, and the client gets its text as a connect_error, with data if it
// is a *ConnectError. Middlewares run in order, before OnConnect, on the
// connection's reading goroutine. The socket may be sent events already.
func (n *Namespace) Use(allow func(*Socket) error) {
	n.change(func(all *handlers) { all.use = append(all.use, allow) })
}

// OnConnect adds a function that is called for each new socket, before its
// first event.
func (n *Namespace) OnConnect(f func(*Socket)) {
	n.change(func(all *handlers) { all.connect = append(all.connect, f) })
}

// OnDisconnecting adds a function that is called when a socket is about to
// leave, while Socket.Rooms still tells its rooms.
func (n *Namespace) OnDisconnecting(f func(s *Socket, reason string)) {
	n.change(func(all *handlers) { all.disconnect = append(all.disconnect, f) })
}

// OnDisconnect adds a function that is called once for each socket that has
// left, after its last event. The reasons are those of the official server, and
// "slow consumer" for a client that let its queue overflow.
func (n *Namespace) OnDisconnect(f func(s *Socket, reason string)) {
	n.change(func(all *handlers) { all.disconnected = append(all.disconnected, f) })
}

// ConnectError refuses a client with structured data beside the message.
type ConnectError struct {
	Message string
	Data    any // encoded as JSON
}

// Error returns the message.
func (e *ConnectError) Error() string { return e.Message }

// Emit sends an event to all sockets of the namespace. See Target.Emit.
func (n *Namespace) Emit(event string, args ...any) error {
	return n.Everyone().Emit(event, args...)
}

// Send sends a prepared message to all sockets of the namespace.
func (n *Namespace) Send(m *Message) { n.Everyone().Send(m) }

// To returns the sockets of a room; To and Except on the result go on from
// there. A socket's id is a room of its own.
func (n *Namespace) To(room string) Target { return n.Everyone().To(room) }

// Except returns all sockets but those of a room.
func (n *Namespace) Except(room string) Target { return n.Everyone().Except(room) }

// Volatile returns all sockets, for messages that may be lost.
func (n *Namespace) Volatile() Target { return n.Everyone().Volatile() }

// Everyone returns all sockets of the namespace.
func (n *Namespace) Everyone() Target { return Target{ns: n} }

// Socket returns the socket with an id, or nil.
func (n *Namespace) Socket(id string) *Socket {
	if h := n.hub.Lookup(id); h != nil {
		return socketOf(h)
	}
	return nil
}

// socketOf returns the socket behind a handle. The hub knows a member a moment
// before the socket knows its handle: the connection's lock is held meanwhile.
func socketOf(h *fanout.Handle) *Socket {
	s := (*Socket)(h.Member().(*member))
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	return s
}

// Sockets returns the sockets that are connected, in no order.
func (n *Namespace) Sockets() []*Socket { return n.Everyone().Sockets() }

// Rooms returns the rooms that have members and how many. The rooms that every
// socket has by its id are left out.
func (n *Namespace) Rooms() map[string]int {
	rooms := map[string]int{}
	n.hub.Sizes(func(room string, members int) { rooms[room] = members })
	return rooms
}
