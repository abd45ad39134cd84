package server

import (
	"encoding/json"
	"log/slog"
	"slices"

	"github.com/throng-io/throng/server/internal/fanout"
)

// Target is a set of sockets to send to: those in any of the rooms given by To, or all, without
// those given by Except. It is a value: its methods return another one and leave it as it was.
//
//	ns.To("room1").To("room2").Except("room3").Emit("news", text)
type Target struct {
	ns       *Namespace
	audience fanout.Audience
	flags
	local bool
	alone *Socket // that t is, as Socket.Volatile and Socket.Compress return it; else nil
}

// Namespace returns the namespace whose sockets t is of: the pattern, if t is of all that are made
// of it (Server.Dynamic).
func (t Target) Namespace() *Namespace { return t.ns }

// To adds the sockets of a room. A socket in several rooms gets a message once.
func (t Target) To(room string) Target {
	t = t.others()
	t.audience.Rooms = t.audience.Rooms.With(room)
	return t
}

// Except takes the sockets of a room out.
func (t Target) Except(room string) Target {
	t = t.others()
	t.audience.Except = t.audience.Except.With(room)
	return t
}

// others makes the others of a socket alone, for To, Except and Local: as in the official server,
// s.Volatile().To(room) is s.To(room) with another flag, and does not reach s.
func (t Target) others() Target {
	if t.alone != nil {
		t.audience, t.alone = fanout.Audience{Skip: t.alone.member()}, nil
	}
	return t
}

// early returns the socket that t is while that is in middleware, where the hub does not know it
// yet; else nil.
func (t Target) early() *Socket {
	if t.alone != nil && t.alone.member() == nil {
		return t.alone
	}
	return nil
}

// audienceOnly is t for adapters and observers: their To and Except go on from the audience of t,
// and do not make it the others of a socket.
func (t Target) audienceOnly() Target {
	t.alone = nil
	return t
}

// Volatile lets messages be dropped for sockets that cannot take them at once, instead of being
// queued.
func (t Target) Volatile() Target {
	t.volatile = true
	return t
}

// Compress says whether messages may be compressed on their way, where that is set up at all
// (Options.PerMessageDeflate, NoHTTPCompression). They may, if nothing is said: switch it off for
// what does not become shorter, such as pictures, or must not be compressed with a secret (CRIME).
func (t Target) Compress(on bool) Target {
	t.noCompress = !on
	return t
}

// Local takes the sockets of other servers out.
func (t Target) Local() Target {
	t = t.others()
	t.local = true
	return t
}

// Rooms lists the rooms that t selects; empty means every socket of the namespace. The slice is the
// caller's. It is for adapters.
func (t Target) Rooms() []string { return roomNames(&t.audience.Rooms) }

// Excluded lists the rooms whose sockets t leaves out; a single socket is named by its id. The
// slice is the caller's. It is for adapters.
func (t Target) Excluded() []string {
	all := roomNames(&t.audience.Except)
	if t.audience.Skip != nil {
		all = append(all, t.audience.Skip.ID())
	}
	return all
}

func roomNames(names *fanout.Set) []string {
	all := make([]string, 0, names.Len()+1)
	for i := range names.Len() {
		all = append(all, names.At(i))
	}
	return all
}

// IsLocal reports whether Local has been called. Its broadcasts reach a Recoverer, which
// keeps them in order with the others; all else of such a target does not reach adapters.
func (t Target) IsLocal() bool { return t.local }

// Flags returns what Volatile and Compress have set. It is for adapters.
func (t Target) Flags() (volatile, compress bool) { return t.volatile, !t.noCompress }

// adapter is what reaches the sockets of t.
func (t Target) adapter() Adapter {
	if t.local {
		return t.ns.local
	}
	return t.ns.adapter
}

// Emit sends an event to the sockets of t. Arguments are encoded by the rules of encoding/json,
// without escaping HTML, and once for all receivers; []byte values, at any depth, travel as binary.
// With MessagePack the result is that, and the rules are the same. An error means that an argument
// cannot be encoded, or that the event name is reserved; then nothing is sent.
//
// Emit returns when the message has been passed to the sessions, which is before clients have got
// it. The messages of one goroutine reach a socket in the order of its calls, whether sent to a
// room or to the socket.
func (t Target) Emit(event string, args ...any) error {
	t.ns.outgoing(t, event, args)
	return t.broadcast(message{event: event, args: args})
}

// Send sends a prepared message to the sockets of t.
func (t Target) Send(m *Message) {
	t.ns.outgoing(t, m.m.event, m.m.args)
	_ = t.broadcast(m.in(t.ns)) // encoded once without error
}

// EmitRaw is Emit for arguments in the form of Event.Raw, which are not checked: a relay need not
// decode what it passes on. The slices are the caller's again when it returns.
func (t Target) EmitRaw(event string, args []byte, attachments [][]byte) {
	t.ns.outgoingRaw(t, event, args, attachments)
	_ = t.broadcast(message{event: event, raw: args, attachments: attachments, isRaw: true})
}

func (t Target) broadcast(m message) error {
	if s := t.early(); s != nil {
		if m.flags = t.flags; m.flags != (flags{}) {
			m.frame = nil // it was prepared without them
		}
		return s.emitEarly(m)
	}
	t = t.audienceOnly()
	if t.ns.group == nil {
		return t.ns.broadcast(t, m)
	}
	m.frame = nil // it names no namespace
	if _, err := t.ns.encode(&m); err != nil {
		return err // also if there is no namespace to send it to
	}
	for _, n := range t.ns.concrete() {
		t.ns = n
		_ = n.broadcast(t, m)
	}
	return nil
}

func (n *Namespace) broadcast(t Target, m message) error {
	if n.recoverer != nil {
		return n.recoverer.Broadcast(t, Message{m: m})
	}
	return t.adapter().Broadcast(t, Message{m: m})
}

// Sockets returns the sockets of t that are on this server, in no order. Fetch lists sockets of
// other servers as well.
func (t Target) Sockets() []*Socket {
	var all []*Socket
	for _, n := range t.ns.concrete() {
		all = append(all, n.local.sockets(t.audience)...)
	}
	return all
}

// Join puts the sockets of t into a room.
func (t Target) Join(room string) { t.apply(Change{Join: []string{room}}) }

// Leave takes the sockets of t out of a room.
func (t Target) Leave(room string) { t.apply(Change{Leave: []string{room}}) }

// Disconnect disconnects the sockets of t. See Socket.Disconnect.
func (t Target) Disconnect(hangUp bool) { t.apply(Change{Disconnect: true, HangUp: hangUp}) }

func (t Target) apply(c Change) {
	t = t.audienceOnly()
	for _, n := range t.ns.concrete() {
		t.ns = n
		if err := t.adapter().Apply(t, c); err != nil {
			n.server.logs.write(&n.logged, slog.LevelError, "adapter failed to change sockets", "namespace", n.name, "error", err)
		}
	}
}

// watched reports whether OnAnyOutgoing or a Watch has functions for events that are sent.
func (n *Namespace) watched() bool {
	h := n.handlers.Load()
	return len(h.outgoing) > 0 || slices.ContainsFunc(h.watch, func(w *Watch) bool { return w.Send != nil })
}

// outgoing reports to the application what is about to be sent. It is sent even if a function
// panics: some events are the server's own, as those of package admin.
func (n *Namespace) outgoing(to Target, event string, args []any) {
	to = to.audienceOnly()
	h := n.handlers.Load()
	for _, f := range h.outgoing {
		_ = n.server.guard(func() { f(to, event, args) })
	}
	for _, w := range h.watch {
		if w.Send != nil {
			_ = n.server.guard(func() { w.Send(to, event, args) })
		}
	}
}

func (n *Namespace) outgoingRaw(to Target, event string, args []byte, attachments [][]byte) {
	if !n.watched() {
		return
	}
	parser := n.server.opts.Parser
	var list []any
	for len(args) > 0 {
		var arg []byte
		var v any
		if arg, args = parser.NextArg(args); arg == nil {
			break
		}
		if parser.Bind(arg, attachments, &v) != nil {
			v = json.RawMessage(arg) // it will be sent as it is, too
		}
		list = append(list, v)
	}
	n.outgoing(to, event, list)
}
