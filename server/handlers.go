package server

import (
	"fmt"
	"maps"
	"slices"

	"github.com/throng-io/throng/protocol/socketio"
)

// Handler takes an event of a client. For one socket it is called for one event at a time, in the
// order in which they were sent, on the goroutine that reads the connection: a handler that blocks
// delays its own client alone. Further packets of that client stay unread in the system's buffer,
// so that a client that sends too much has to wait. The client is not disconnected for a late pong
// meanwhile, however long the handler takes: the pong may be among the unread packets. (Clients of
// Socket.IO 2 have a heartbeat of their own, and give up after PingTimeout.) What a handler waits
// for should end with Socket.Context. e is valid until the handler returns; Event.Clone makes a
// copy that stays valid.
//
// An error goes to OnError and changes nothing else. A panic is logged and closes the socket's
// connection.
type Handler func(s *Socket, e *Event) error

// handlers is never changed, but replaced by a changed copy, so that looking a handler up takes no
// lock.
type handlers struct {
	events       map[string]binding
	packet       []Handler
	any          []Handler
	outgoing     []func(Target, string, []any)
	failed       []func(*Socket, *Event, error)
	use          []func(*Socket) error
	connect      []func(*Socket)
	disconnect   []func(*Socket, string)
	disconnected []func(*Socket, string)
	rooms        []RoomHooks
	servers      map[string]func(*Event) error // of other servers
	watch        []*Watch
}

// binding is the handler of one event.
type binding struct {
	handle Handler
	once   bool
}

// change replaces the handlers. edit must not write into a slice or the map of the copy that it
// gets, but replace it: see with.
func (n *Namespace) change(edit func(*handlers)) {
	n.edit.Lock()
	defer n.edit.Unlock()
	h := *n.handlers.Load()
	edit(&h)
	n.handlers.Store(&h)
}

// with returns a copy of list with one element more.
func with[T any](list []T, element T) []T { return append(slices.Clip(list), element) }

// notNil panics if a method got a nil function. It would be met when a client comes, and end the
// connection of every one, or on a goroutine whose stack does not lead to the mistake.
func notNil(method string, given bool) {
	if !given {
		panic("server: " + method + " was called with a nil function")
	}
}

// On sets the handler of an event, in place of an earlier one. It panics for the names that the
// protocol reserves, since no client can send them. What the official server has the events
// connection, disconnecting and disconnect for are OnConnect, OnDisconnecting and OnDisconnect.
func (n *Namespace) On(event string, h Handler) { n.bind(event, binding{handle: h}) }

// Once is On for the first such event of each socket; the later ones are dropped.
func (n *Namespace) Once(event string, h Handler) { n.bind(event, binding{handle: h, once: true}) }

func (n *Namespace) bind(event string, b binding) {
	notNil("On or Once", b.handle != nil)
	if socketio.Reserved(event) {
		panic(fmt.Sprintf("server: event name %q is reserved by the protocol; for the coming and going of sockets use OnConnect, OnDisconnecting and OnDisconnect", event))
	}
	n.change(func(all *handlers) {
		events := maps.Clone(all.events)
		if events == nil {
			events = map[string]binding{}
		}
		events[event] = b
		all.events = events
	})
}

// Off removes the handler of an event. An event without handler is dropped.
func (n *Namespace) Off(event string) {
	n.change(func(all *handlers) {
		all.events = maps.Clone(all.events)
		delete(all.events, event)
	})
}

// OnAny adds a handler that gets every event, before the event's own.
func (n *Namespace) OnAny(h Handler) {
	notNil("OnAny", h != nil)
	n.change(func(all *handlers) { all.any = with(all.any, h) })
}

// OffAny removes the handlers of OnAny.
func (n *Namespace) OffAny() {
	n.change(func(all *handlers) { all.any = nil })
}

// OnAnyOutgoing adds a function that is called for each event that is emitted in the namespace,
// once however many sockets it goes to, before it is sent, on the emitter's goroutine. Answers to
// events of clients are none. The function must not change args; arguments of an EmitRaw are
// decoded for it. A panic is logged, and the event is sent.
func (n *Namespace) OnAnyOutgoing(f func(to Target, event string, args []any)) {
	notNil("OnAnyOutgoing", f != nil)
	n.change(func(all *handlers) { all.outgoing = with(all.outgoing, f) })
}

// OffAnyOutgoing removes the functions of OnAnyOutgoing.
func (n *Namespace) OffAnyOutgoing() {
	n.change(func(all *handlers) { all.outgoing = nil })
}

// UseEvent adds a middleware that sees every event before its handlers, those of OnAny included. An
// error drops the event: the error goes to OnError, and the client gets nothing, not even the
// answer that it asked for, unless the middleware gave it.
func (n *Namespace) UseEvent(allow Handler) {
	notNil("UseEvent", allow != nil)
	n.change(func(all *handlers) { all.packet = with(all.packet, allow) })
}

// OnError adds a function that gets the errors of handlers and of UseEvent's middleware. Without
// any, they are logged.
func (n *Namespace) OnError(f func(s *Socket, e *Event, err error)) {
	notNil("OnError", f != nil)
	n.change(func(all *handlers) { all.failed = with(all.failed, f) })
}

// Use adds a middleware, which decides whether a client may join: an error refuses it, and the
// client gets its text as a connect_error, with data if it is a *ConnectError. Middlewares run in
// order, before OnConnect, on a goroutine of their own, beside everything else of the connection,
// the middleware of its other namespaces included: one that is slow delays nothing but its own
// client's joining. A client that leaves meanwhile never joins, and Socket.Context ends. The socket
// may be sent events, and may join rooms, already.
func (n *Namespace) Use(allow func(*Socket) error) {
	notNil("Use", allow != nil)
	n.change(func(all *handlers) { all.use = with(all.use, allow) })
}

// OnConnect adds a function that is called for each new socket, before its first event.
func (n *Namespace) OnConnect(f func(*Socket)) {
	notNil("OnConnect", f != nil)
	n.change(func(all *handlers) { all.connect = with(all.connect, f) })
}

// OnDisconnecting adds a function that is called when a socket is about to leave, while
// Socket.Rooms still lists its rooms.
func (n *Namespace) OnDisconnecting(f func(s *Socket, reason string)) {
	notNil("OnDisconnecting", f != nil)
	n.change(func(all *handlers) { all.disconnect = with(all.disconnect, f) })
}

// OnDisconnect adds a function that is called once for each socket that has left, after its last
// event. The official server has the same reasons, except "slow consumer" for a client that let its
// queue overflow or stand still.
func (n *Namespace) OnDisconnect(f func(s *Socket, reason string)) {
	notNil("OnDisconnect", f != nil)
	n.change(func(all *handlers) { all.disconnected = with(all.disconnected, f) })
}

// ConnectError refuses a client with structured data beside the message.
type ConnectError struct {
	Message string
	Data    any // encoded as JSON; what cannot be is left out, with a line in the log
}

// Error returns the message.
func (e *ConnectError) Error() string { return e.Message }
