package server

import (
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

	frame    *frame.Frame // if it has been encoded before
	volatile bool
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
	return b.Frame(withOffset(text, offset), attachments, m.volatile), nil
}

// text appends the packet of m to dst.
func (n *Namespace) text(dst []byte, m *message) ([]byte, [][]byte, error) {
	if m.isRaw {
		return n.rawText(dst, socketio.Packet{Type: socketio.Event}, m.event, m.raw, m.attachments), m.attachments, nil
	}
	return socketio.AppendEvent(dst, n.name, 0, false, m.event, m.args...)
}

// withOffset appends a last argument to the packet of an event, unless it is nil.
func withOffset(text, offset []byte) []byte {
	if offset == nil {
		return text
	}
	text = append(text[:len(text)-1], `,"`...)
	return append(append(text, offset...), `"]`...)
}

// build makes a frame of what encode appends.
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

// rawAck makes the frame of an answer from encoded arguments.
func (n *Namespace) rawAck(id uint64, args []byte, attachments [][]byte) *frame.Frame {
	b := builders.Get().(*frame.Builder)
	defer builders.Put(b)
	p := socketio.Packet{Type: socketio.Ack, ID: id, HasID: true}
	return b.Frame(n.rawText(b.Text(), p, "", args, attachments), attachments, false)
}

// rawText appends an event, or an ack, with encoded arguments to dst.
func (n *Namespace) rawText(dst []byte, p socketio.Packet, event string, args []byte, attachments [][]byte) []byte {
	isEvent := p.Type == socketio.Event
	if p.Namespace = n.raw; len(attachments) > 0 {
		p.Type += socketio.BinaryEvent - socketio.Event
		p.Attachments = len(attachments)
	}
	dst = append(p.Append(dst), '[')
	if isEvent {
		dst = socketio.AppendString(dst, event)
		if len(args) > 0 {
			dst = append(dst, ',')
		}
	}
	return append(append(dst, args...), ']')
}
