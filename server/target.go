package server

import (
	"encoding/json"
	"sync"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/server/internal/fanout"
	"github.com/throng-io/throng/server/internal/frame"
)

// Target is a set of sockets to send to: those in any of the rooms given by To,
// or all, without those given by Except. It is a value: its methods return
// another one and leave it as it was.
//
//	ns.To("room1").To("room2").Except("room3").Emit("news", text)
type Target struct {
	ns       *Namespace
	audience fanout.Audience
	volatile bool
}

// To adds the sockets of a room. A socket in several rooms gets a message once.
func (t Target) To(room string) Target {
	t.audience.Rooms = t.audience.Rooms.With(room)
	return t
}

// Except takes the sockets of a room out.
func (t Target) Except(room string) Target {
	t.audience.Except = t.audience.Except.With(room)
	return t
}

// Volatile lets messages be dropped for sockets that cannot take them at once,
// instead of being queued.
func (t Target) Volatile() Target {
	t.volatile = true
	return t
}

// Emit sends an event to the sockets of t. Arguments are encoded as JSON by the
// rules of encoding/json, without escaping HTML, and once for all receivers;
// []byte values, at any depth, travel as binary attachments. An error means
// that an argument cannot be encoded, or that the event name is reserved; then
// nothing is sent.
//
// Emit returns when the message has been handed over, which is not when clients
// have got it. The messages of one goroutine reach a socket in the order of its
// calls, whether sent to a room or to the socket.
func (t Target) Emit(event string, args ...any) error {
	t.ns.outgoing(t, event, args)
	f, err := t.ns.event(event, args, t.volatile)
	if err != nil {
		return err
	}
	t.ns.hub.Broadcast(t.audience, fanout.Message{Frame: f, Encode: t.ns.encoder(event, args, t.volatile)})
	return nil
}

// encoder returns what the naive strategy calls per receiver, and nil for the
// others: a closure would cost them an allocation.
func (n *Namespace) encoder(event string, args []any, volatile bool) func() *frame.Frame {
	if n.server.opts.Fanout != "naive" {
		return nil
	}
	return func() *frame.Frame {
		f, _ := n.event(event, args, volatile) // it has been encoded once without error
		return f
	}
}

// Send sends a prepared message to the sockets of t.
func (t Target) Send(m *Message) {
	t.ns.outgoing(t, m.event, m.args)
	t.ns.hub.Broadcast(t.audience, fanout.Message{Frame: m.frame})
}

// EmitRaw is Emit for arguments in the form of Event.Raw, which are not checked:
// a relay need not decode what it passes on.
func (t Target) EmitRaw(event string, args []byte, attachments [][]byte) {
	t.ns.outgoingRaw(t, event, args, attachments)
	encode := func() *frame.Frame {
		return t.ns.rawFrame(socketio.Packet{Type: socketio.Event}, event, args, attachments, t.volatile)
	}
	m := fanout.Message{Frame: encode()}
	if t.ns.server.opts.Fanout == "naive" {
		m.Encode = encode
	}
	t.ns.hub.Broadcast(t.audience, m)
}

// Sockets returns the sockets of t, in no order.
func (t Target) Sockets() []*Socket {
	var all []*Socket
	t.ns.hub.Each(t.audience, func(h *fanout.Handle) { all = append(all, socketOf(h)) })
	return all
}

// Join puts the sockets of t into a room.
func (t Target) Join(room string) {
	for _, s := range t.Sockets() {
		s.Join(room)
	}
}

// Leave takes the sockets of t out of a room.
func (t Target) Leave(room string) {
	for _, s := range t.Sockets() {
		s.Leave(room)
	}
}

// Disconnect disconnects the sockets of t. See Socket.Disconnect.
func (t Target) Disconnect(hangUp bool) {
	for _, s := range t.Sockets() {
		s.Disconnect(hangUp)
	}
}

// Message is an event encoded once, for who sends the same one often. It is
// immutable and may be sent by several goroutines at once.
type Message struct {
	frame *frame.Frame
	event string
	args  []any
}

// Prepare encodes an event of the namespace. It must be sent in this namespace.
func (n *Namespace) Prepare(event string, args ...any) (*Message, error) {
	f, err := n.event(event, args, false)
	if err != nil {
		return nil, err
	}
	return &Message{f, event, args}, nil
}

// watched reports whether OnAnyOutgoing has been used.
func (n *Namespace) watched() bool { return len(n.handlers.Load().outgoing) > 0 }

// outgoing tells the application what is about to be sent.
func (n *Namespace) outgoing(to Target, event string, args []any) {
	for _, f := range n.handlers.Load().outgoing {
		f(to, event, args)
	}
}

func (n *Namespace) outgoingRaw(to Target, event string, args []byte, attachments [][]byte) {
	if !n.watched() {
		return
	}
	var list []any
	for len(args) > 0 {
		var arg []byte
		var v any
		if arg, args = socketio.NextArg(args); arg == nil {
			break
		}
		if socketio.Bind(arg, attachments, &v) != nil {
			v = json.RawMessage(arg) // it will be sent as it is, too
		}
		list = append(list, v)
	}
	n.outgoing(to, event, list)
}

var builders = sync.Pool{New: func() any { return new(frame.Builder) }}

func (n *Namespace) event(event string, args []any, volatile bool) (*frame.Frame, error) {
	return n.build(volatile, func(dst []byte) ([]byte, [][]byte, error) {
		return socketio.AppendEvent(dst, n.name, 0, false, event, args...)
	})
}

func (n *Namespace) build(volatile bool, encode func([]byte) ([]byte, [][]byte, error)) (*frame.Frame, error) {
	b := builders.Get().(*frame.Builder)
	defer builders.Put(b)
	text, attachments, err := encode(b.Text())
	if err != nil {
		return nil, err
	}
	return b.Frame(text, attachments, volatile), nil
}

// packet makes the frame of a packet without arguments of an application.
func packet(p socketio.Packet) *frame.Frame { return textFrame(p.Append(nil)) }

// textFrame makes the frame of an encoded packet.
func textFrame(text []byte) *frame.Frame { return new(frame.Builder).Frame(text, nil, false) }

// rawFrame makes the frame of an event (or, without a name, of an ack) from
// encoded arguments.
func (n *Namespace) rawFrame(p socketio.Packet, event string, args []byte, attachments [][]byte, volatile bool) *frame.Frame {
	if p.Namespace = n.raw; len(attachments) > 0 {
		p.Type += socketio.BinaryEvent - socketio.Event
		p.Attachments = len(attachments)
	}
	b := builders.Get().(*frame.Builder)
	defer builders.Put(b)
	text := append(p.Append(b.Text()), '[')
	if p.Type == socketio.Event || p.Type == socketio.BinaryEvent {
		text = socketio.AppendString(text, event)
		if len(args) > 0 {
			text = append(text, ',')
		}
	}
	text = append(append(text, args...), ']')
	return b.Frame(text, attachments, volatile)
}
