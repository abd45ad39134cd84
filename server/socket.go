package server

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/throng-io/throng/server/internal/fanout"
	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/outlet"
)

// Socket is a client in a namespace. A connection that has joined several namespaces has a socket
// in each. Its methods are safe for concurrent use.
type Socket struct {
	// Data is the application's: the server does not use it, but passes it on when the client comes
	// back (Options.Recovery). Guard it if several goroutines use it; set it in OnConnect or a
	// handler. An Adapter that lets clients come back to other servers encodes it, while no handler
	// of the connection runs: what other goroutines change must have a MarshalJSON with their lock.
	// Data that cannot be encoded is left out, with a line in the log.
	Data any

	*recoveryState

	id        string
	ns        *Namespace
	conn      *conn
	auth      []byte
	handle    *fanout.Handle
	stage     atomic.Int32 // see joining; handle is set from inside on
	recovered bool
	rooms     atomic.Int64    // joined, counted
	roomBytes atomic.Int64    // of their names
	once      map[string]bool // events of Once that have come; used by the reading goroutine

	mu   sync.Mutex
	acks map[uint64]*pendingAck // nil until the first
	life *life                  // nil until the first Context
}

// recoveryState is what a client needs to recover a socket.
type recoveryState struct {
	pid    string // private id, a secret of the client; "" if the socket cannot be recovered
	seen   uint64 // number of the last event before the socket joined
	offset string // the same, of a Recoverer
}

// noRecovery is shared by the sockets of servers without recovery. It never changes.
var noRecovery recoveryState

// The stages of a socket's life.
const (
	joining int32 = iota // its client waits for the middleware
	inside
	leaving
	left
)

// member is a socket as the hub sees it; a type of its own keeps its methods out of Socket's.
type member Socket

// Outlet implements fanout.Member: the session of a socket never changes.
func (m *member) Outlet() *outlet.Outlet { return m.conn.session.Outlet() }
func (m *member) Queue(f *frame.Frame)   { m.conn.session.Queue(f) }

// ID returns the socket's id, which is public: clients may know the ids of others. It is also the
// name of a room with this socket alone.
func (s *Socket) ID() string { return s.id }

// Namespace returns the namespace of the socket.
func (s *Socket) Namespace() *Namespace { return s.ns }

// Handshake returns how the client connected.
func (s *Socket) Handshake() *Handshake { return s.conn.handshake }

// Auth decodes the payload that the client sent when it joined the namespace, as encoding/json
// would. Without one it does nothing.
func (s *Socket) Auth(dst any) error {
	if len(s.auth) == 0 {
		return nil
	}
	return json.Unmarshal(s.auth, dst)
}

// AuthRaw returns the payload of Auth as JSON, nil if there is none. It must not be changed.
func (s *Socket) AuthRaw() []byte { return s.auth }

// Transport names what carries the connection now: "polling", "websocket" or "webtransport".
func (s *Socket) Transport() string { return s.conn.session.Transport() }

// Queued returns how many bytes wait for the client to read, as they are on a websocket; what its
// connection has taken is not among them. An application that sends much to one client can wait for
// the number to fall: beyond Limits.QueueBytes the client is disconnected.
func (s *Socket) Queued() int { return s.conn.session.Queued() }

// Recovered reports whether the client has recovered this socket after its connection broke; see
// Options.Recovery.
func (s *Socket) Recovered() bool { return s.recovered }

// Client names the connection of the socket. The sockets of one client in several namespaces have
// it in common. Unlike the id of the session, from which it is made, it is no secret.
func (s *Socket) Client() string {
	sum := sha256.Sum256([]byte(s.conn.session.ID))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// Session returns what an adapter saves so that the client can recover this socket, and false if it
// cannot (Options.Recovery) or the socket has left. It reads Data: call it in Do.
func (s *Socket) Session() (Session, bool) {
	if s.pid == "" || s.stage.Load() != inside {
		return Session{}, false
	}
	return Session{ID: s.id, Private: s.pid, Rooms: s.Rooms(), Data: s.Data, Offset: s.offset}, true
}

// Do calls f on a goroutine of its own, at a moment when no handler of the socket's connection
// runs: f may use what they use, Data for one. The client's next event waits for its end.
func (s *Socket) Do(f func()) {
	notNil("Do", f != nil)
	s.conn.session.Do(func() { _ = s.conn.guard(f) })
}

// Connected reports whether the socket is in its namespace.
func (s *Socket) Connected() bool {
	stage := s.stage.Load()
	return stage == inside || stage == leaving
}

// member returns the handle of the socket, nil if it has not joined its namespace yet.
func (s *Socket) member() *fanout.Handle {
	if s.stage.Load() == joining {
		return nil
	}
	return s.handle
}

// first reports whether an event of Once is the first of its name. Only the reading goroutine calls
// it.
func (s *Socket) first(event string) bool {
	if s.once[event] {
		return false
	}
	if s.once == nil {
		s.once = map[string]bool{}
	}
	s.once[event] = true
	return true
}

// Emit sends an event to this client. See Target.Emit.
func (s *Socket) Emit(event string, args ...any) error {
	s.outgoing(event, args)
	return s.emit(message{event: event, args: args})
}

// EmitRaw is Emit for arguments in the form of Event.Raw, which are not checked. The slices are the
// caller's again when it returns.
func (s *Socket) EmitRaw(event string, args []byte, attachments [][]byte) {
	if s.ns.watched() {
		s.ns.outgoingRaw(s.self(), event, args, attachments)
	}
	_ = s.emit(message{event: event, raw: args, attachments: attachments, isRaw: true})
}

// Send sends a prepared message to this client.
func (s *Socket) Send(m *Message) {
	s.outgoing(m.m.event, m.m.args)
	_ = s.emit(m.in(s.ns))
}

func (s *Socket) emit(m message) error {
	h := s.member()
	switch {
	case h == nil:
		return s.emitEarly(m)
	case s.ns.recoverer != nil:
		return s.ns.recoverer.Broadcast(s.self(), Message{m: m})
	}
	return s.ns.local.emit(h, m)
}

func (s *Socket) outgoing(event string, args []any) {
	if s.ns.watched() {
		s.ns.outgoing(s.self(), event, args)
	}
}

// self is the socket as a target.
func (s *Socket) self() Target { return s.ns.To(s.id) }

// alone is the socket as a target with flags.
func (s *Socket) alone() Target {
	t := s.self()
	t.alone = s
	return t
}

// Volatile returns this client alone, for messages that are dropped unless its connection can take
// them at once. To, Except and Local behind it are those of the socket: s.Volatile().To(room) is
// s.To(room) for such messages, and this client does not get them.
func (s *Socket) Volatile() Target { return s.alone().Volatile() }

// Compress returns this client alone, for messages that may, or may not, be compressed. See
// Target.Compress. To, Except and Local behind it are as behind Volatile.
func (s *Socket) Compress(on bool) Target { return s.alone().Compress(on) }

// To returns the sockets of a room without this one.
func (s *Socket) To(room string) Target { return s.Broadcast().To(room) }

// Except returns all sockets but this one and the members of a room.
func (s *Socket) Except(room string) Target { return s.Broadcast().Except(room) }

// Local returns the sockets on this server but this one.
func (s *Socket) Local() Target { return s.Broadcast().Local() }

// Broadcast returns all sockets of the namespace but this one.
func (s *Socket) Broadcast() Target {
	t := s.ns.Everyone()
	t.audience.Skip = s.member()
	return t
}

// Join puts the socket into a room, and reports whether it is there: messages that are sent to the
// room from now on will reach it. Joining twice is joining once. In middleware of Namespace.Use it
// takes effect, and the hooks of OnRooms are called, when the socket joins its namespace; if it is
// refused, nothing is left of it. Join fails for a socket that has left its namespace, and beyond
// Limits.MaxRooms, MaxRoomName and MaxRoomBytes.
func (s *Socket) Join(room string) bool {
	if s.joinEarly(room) {
		return true
	}
	if !s.Connected() {
		return false
	}
	if !s.reserve(room) {
		return slices.Contains(s.ns.hub.Rooms(s.handle), room)
	}
	s.moving(room)
	if !s.ns.join(s, room) {
		s.release(room) // it was there, or has just left the namespace
	}
	return s.Connected()
}

// Leave takes the socket out of a room.
func (s *Socket) Leave(room string) {
	if s.leaveEarly(room) {
		return
	}
	if !s.Connected() {
		return
	}
	s.moving(room)
	if s.ns.leave(s, room) {
		s.release(room)
	}
}

// moving tells a Recoverer that s is about to enter or leave a room.
func (s *Socket) moving(room string) {
	if r := s.ns.recoverer; r != nil {
		r.Moving(s.id, room, s.Rooms)
	}
}

// Rooms returns the rooms that the socket has joined, sorted.
func (s *Socket) Rooms() []string {
	if early, some := s.earlyRooms(); some {
		return early
	}
	if !s.Connected() {
		return nil
	}
	rooms := s.ns.hub.Rooms(s.handle)
	slices.Sort(rooms)
	return rooms
}

// Disconnect removes the client from the namespace; the client gets a packet about it, and does not
// come back by itself. OnDisconnect is called later, on another goroutine, when the handler that
// may be at work has returned, and before the client is back on the same connection. With hangUp
// its whole connection is closed, when what is queued has gone out and OnDisconnect has been
// called, or a second after this if a handler is at work for longer.
func (s *Socket) Disconnect(hangUp bool) {
	end := func() {
		if hangUp {
			s.conn.disconnectAll()
		} else {
			s.conn.disconnect(s)
		}
	}
	// It is behind what has been sent to the socket. After must not wait, and handlers may.
	if r := s.ns.recoverer; r != nil && s.Connected() && r.After(func() { s.aside(end) }) {
		return
	}
	end()
}

// hasDisconnecting reports whether there are functions of OnDisconnecting for the socket; with
// hangUp, for any of its connection, since all leave then.
func (s *Socket) hasDisconnecting(hangUp bool) bool {
	has := func(s *Socket) bool { return len(s.ns.handlers.Load().disconnect) > 0 }
	if !hangUp {
		return has(s)
	}
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	return slices.ContainsFunc(s.conn.sockets, has)
}

// aside calls end, which disconnects the socket, on another goroutine. A shutdown waits for that,
// and for OnDisconnect: the session may have ended by then, and waits for nothing itself.
func (s *Socket) aside(end func()) {
	s.ns.server.joins.Go(func() {
		end()
		s.conn.session.Exclusive(s.conn.farewell)
	})
}

// leave takes the socket out of the hub; last may be nil. It reports whether this call was the one
// that did it.
func (s *Socket) leave(last *frame.Frame, reason string) bool {
	if !s.stage.CompareAndSwap(inside, leaving) {
		return false
	}
	s.endContext()
	for _, f := range s.ns.handlers.Load().disconnect {
		_ = s.conn.guard(func() { f(s, reason) })
	}
	// It is kept before it is out of the hub: its client, when it comes back at once, finds the one
	// or the other.
	if s.pid != "" && recoverable(reason) {
		s.ns.save(&savedSocket{sid: s.id, pid: s.pid, rooms: s.ns.hub.Rooms(s.handle), data: s.Data, seen: s.seen, offset: s.offset})
	}
	s.ns.remove(s, func() { s.ns.hub.Remove(s.handle, last) })
	s.stage.Store(left)
	return true
}

// gone informs the application, and the functions that wait for an answer, that the socket has
// left.
func (s *Socket) gone(reason string) {
	s.dropAcks()
	for _, f := range s.ns.handlers.Load().disconnected {
		_ = s.conn.guard(func() { f(s, reason) })
	}
	for _, w := range s.ns.handlers.Load().watch {
		if w.Disconnect != nil {
			_ = s.conn.guard(func() { w.Disconnect(s, reason) })
		}
	}
	s.ns.exit()
}
