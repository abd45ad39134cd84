package server

import (
	"bytes"
	"sync"

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

	frame *frame.Frame // if it has been encoded before
	flags
}

// flags are how a message is sent.
type flags struct {
	volatile bool // it may be dropped
	plain    bool // it is not worth compressing
}

var builders = sync.Pool{New: func() any { return new(frame.Builder) }}

// encode makes the frame of m.
func (n *Namespace) encode(m *message, offset []byte) (*frame.Frame, error) {
	if m.frame != nil && offset == nil {
		return m.frame, nil
	}
	b := builders.Get().(*frame.Builder)
	defer builders.Put(b)
	text, attachments, err := n.text(b.Text(), m)
	if err != nil {
		return nil, err
	}
	return n.server.frame(b, n.withOffset(text, offset), attachments, m.flags), nil
}

// text appends the packet of m to dst.
func (n *Namespace) text(dst []byte, m *message) ([]byte, [][]byte, error) {
	parser := n.server.opts.Parser
	if m.isRaw {
		return parser.AppendRawEvent(dst, n.name, 0, false, m.event, m.raw, len(m.attachments)), m.attachments, nil
	}
	return parser.AppendEvent(dst, n.name, 0, false, m.event, m.args...)
}

// withOffset appends a last argument to the packet of an event, unless it is nil.
func (n *Namespace) withOffset(text, offset []byte) []byte {
	if offset == nil {
		return text
	}
	if parser := n.server.opts.Parser; parser != socketio.JSON {
		return again(parser, text, offset)
	}
	text = append(text[:len(text)-1], `,"`...)
	return append(append(text, offset...), `"]`...)
}

// again encodes an event anew with a last argument: where lists begin with their
// length, nothing can be put behind them. The event has just been encoded, so it
// is well-formed.
func again(parser socketio.Parser, packet, offset []byte) []byte {
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
	if b.Deflate = s.deflate; how.plain {
		b.Deflate = -1
	}
	if s.opts.Parser.IsBinary() {
		return b.Binary(packet, how.volatile)
	}
	return b.Frame(packet, attachments, how.volatile)
}

// packet makes the frame of an encoded packet without attachments.
func (s *Server) packet(b []byte) *frame.Frame { return s.frame(new(frame.Builder), b, nil, flags{}) }

// rawAck makes the frame of an answer from encoded arguments.
func (n *Namespace) rawAck(id uint64, args []byte, attachments [][]byte) *frame.Frame {
	b := builders.Get().(*frame.Builder)
	defer builders.Put(b)
	packet := n.server.opts.Parser.AppendRawAck(b.Text(), n.name, id, args, len(attachments))
	return n.server.frame(b, packet, attachments, flags{})
}
