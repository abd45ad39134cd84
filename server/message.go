package server

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/server/internal/frame"
)

// message is an event on its way out.
type message struct {
	event string
	args  []any

	isRaw       bool // args come encoded, with their attachments
	raw         []byte
	attachments [][]byte

	frame  *frame.Frame // if it has been encoded before
	offset string       // further argument for clients that may come back, "" is none
	flags
}

// flags are how a message is sent.
type flags struct {
	volatile   bool // it may be dropped
	noCompress bool // it is not worth compressing
}

// Message is an event in encoded form: prepared once, for callers that send the same one often, or
// as an adapter passes it on. It is immutable and may be sent by several goroutines at once.
type Message struct {
	m  message
	of *Namespace // whose name its frame has
}

// in returns m as it is sent in namespace n.
func (m *Message) in(n *Namespace) message {
	sent := m.m
	if m.of != n {
		sent.frame = nil
	}
	return sent
}

// Prepare encodes an event of the namespace; args must not be changed. In another namespace it is
// encoded anew each time that it is sent.
func (n *Namespace) Prepare(event string, args ...any) (*Message, error) {
	m := message{event: event, args: args}
	f, err := n.encode(&m)
	if err != nil {
		return nil, err
	}
	m.frame = f
	return &Message{m, n}, nil
}

// Relay is for adapters: it returns an event of another server. args and attachments are in the
// encoding of p, and are kept.
func (n *Namespace) Relay(event string, p socketio.Parser, args []byte, attachments [][]byte) (Message, error) {
	if socketio.Reserved(event) {
		return Message{}, fmt.Errorf("server: event name %q is reserved by the protocol", event)
	}
	if p == n.server.opts.Parser {
		return Message{m: message{event: event, isRaw: true, raw: args, attachments: attachments}}, nil
	}
	list, err := p.Values(args, attachments)
	return Message{m: message{event: event, args: list}}, err
}

// Event returns the name of the event.
func (m Message) Event() string { return m.m.event }

// Encode returns the arguments as p encodes them, in the form of Event.Raw; n is the namespace that
// the message was made for.
func (m Message) Encode(n *Namespace, p socketio.Parser) (args []byte, attachments [][]byte, err error) {
	list := m.m.args
	if m.m.isRaw {
		if p == n.server.opts.Parser {
			return m.m.raw, m.m.attachments, nil
		}
		if list, err = n.server.opts.Parser.Values(m.m.raw, m.m.attachments); err != nil {
			return nil, nil, err
		}
	}
	return p.AppendArgs(nil, nil, list...)
}

// WithOffset returns the message with a further argument, from which a client knows what it has got
// when it comes back; see Recoverer.
func (m Message) WithOffset(offset string) Message {
	m.m.offset = offset
	return m
}

var builders = sync.Pool{New: func() any { return new(frame.Builder) }}

// encode makes the frame of m.
func (n *Namespace) encode(m *message) (*frame.Frame, error) {
	if m.frame != nil && m.offset == "" {
		return m.frame, nil
	}
	if m.offset != "" {
		return n.encodeWithOffset(m, []byte(m.offset))
	}
	b := builders.Get().(*frame.Builder)
	defer builders.Put(b)
	text, attachments, err := n.text(b.Text(), m)
	if err != nil {
		return nil, err
	}
	return n.server.frame(b, text, attachments, m.flags), nil
}

// encodeWithOffset makes the frame of m with an offset, which may be empty.
func (n *Namespace) encodeWithOffset(m *message, offset []byte) (*frame.Frame, error) {
	b := builders.Get().(*frame.Builder)
	defer builders.Put(b)
	text, attachments, err := n.text(b.Text(), m)
	if err != nil {
		return nil, err
	}
	return n.offsetFrame(b, text, offset, attachments, m.flags), nil
}

// offsetFrame makes the frame of an encoded event with an offset. Clients of Socket.IO 2, which
// cannot come back, get it without.
func (n *Namespace) offsetFrame(b *frame.Builder, text, offset []byte, attachments [][]byte, how flags) *frame.Frame {
	if !n.server.opts.AllowEIO3 {
		return n.server.frame(b, n.withOffset(text, offset), attachments, how)
	}
	other := builders.Get().(*frame.Builder)
	defer builders.Put(other)
	without := n.server.frame(other, append(other.Text(), text...), attachments, how)
	f := n.server.frame(b, n.withOffset(text, offset), attachments, how)
	f.ForRevision3(without)
	return f
}

// text appends the packet of m to dst.
func (n *Namespace) text(dst []byte, m *message) ([]byte, [][]byte, error) {
	parser := n.server.opts.Parser
	if m.isRaw {
		return parser.AppendRawEvent(dst, n.name, 0, false, m.event, m.raw, len(m.attachments)), m.attachments, nil
	}
	return parser.AppendEvent(dst, n.name, 0, false, m.event, m.args...)
}

// withOffset appends a last argument to the packet of an event.
func (n *Namespace) withOffset(text, offset []byte) []byte {
	if parser := n.server.opts.Parser; parser != socketio.JSON {
		return withLastArgument(parser, text, offset)
	}
	text = append(text[:len(text)-1], `,"`...)
	return append(append(text, offset...), `"]`...)
}

// withLastArgument encodes an event anew with a last argument: where lists begin with their length,
// nothing can be put behind them. The event has just been encoded, so it is well-formed.
func withLastArgument(parser socketio.Parser, packet, offset []byte) []byte {
	var p socketio.Packet
	if parser.Parse(&p, packet) != nil {
		return packet
	}
	event, args, err := parser.SplitEvent(p.Data)
	if err != nil {
		return packet
	}
	more, _, err := parser.AppendArgs(bytes.Clone(args), nil, string(offset))
	if err != nil {
		return packet
	}
	return parser.AppendRawEvent(nil, string(p.Namespace), p.ID, p.HasID, string(event), more, 0)
}

// build makes a frame of what encode appends.
func (n *Namespace) build(how flags, encode func([]byte) ([]byte, [][]byte, error)) (*frame.Frame, error) {
	b := builders.Get().(*frame.Builder)
	defer builders.Put(b)
	text, attachments, err := encode(b.Text())
	if err != nil {
		return nil, err
	}
	return n.server.frame(b, text, attachments, how), nil
}

// frame makes the frame of an encoded packet.
func (s *Server) frame(b *frame.Builder, packet []byte, attachments [][]byte, how flags) *frame.Frame {
	if b.Deflate = s.deflate; how.noCompress {
		b.Deflate = -1
	}
	whole := s.opts.Parser.IsBinary()
	if s.opts.Codec != nil {
		var ok bool
		if packet, whole, ok = s.encodeByCodec(packet, attachments); !ok {
			return frame.Packet(engineio.Packet{Type: engineio.Noop}) // which clients ignore
		}
		attachments = nil
	}
	if whole {
		return b.Binary(packet, how.volatile)
	}
	return b.Frame(packet, attachments, how.volatile)
}

// packet makes the frame of an encoded packet without attachments.
func (s *Server) packet(b []byte) *frame.Frame { return s.frame(new(frame.Builder), b, nil, flags{}) }
