package frame

import "github.com/throng-io/throng/protocol/websocket"

// maxScratch is the largest scratch in bytes that a Builder keeps for the next message, so that one
// huge message does not pin its size for ever.
const maxScratch = 64 << 10

// Builder makes frames of Socket.IO packets. Its scratch is reused from message to message, so it
// is worth keeping, in a sync.Pool or by the one goroutine that encodes. The zero value is ready. A
// Builder is not safe for concurrent use.
//
//	text := b.Text()
//	text, attachments, err := appendPacket(text, ...)
//	f := b.Frame(text, attachments, false)
type Builder struct {
	// Deflate is the size in bytes from which the next messages, and each of their attachments, are
	// compressed for websockets that take it. 0: none are. Negative: neither are polling bodies
	// because of them.
	Deflate int32

	scratch []byte // texts begin behind room
}

// room is what Wire needs in front of a text: the longest header, and the type of a packet.
const room = 11

// Text returns the empty scratch to append a Socket.IO packet to, without the leading "4". It is
// valid until the next call of Text or Frame.
func (b *Builder) Text() []byte {
	if c := cap(b.scratch); c < room || c > maxScratch {
		b.scratch = make([]byte, room, 256)
	}
	return b.scratch[room:room]
}

// Wire returns the bytes of the frame of a packet without attachments: of a text, as Frame takes
// it, or, if binary is set, of a packet as Binary takes it. They are in b's memory and valid until
// the next call of a method; after it, Frame or Binary can still be called with the same packet.
func (b *Builder) Wire(packet []byte, binary bool) []byte {
	if !b.owns(packet) { // it has outgrown the scratch
		b.scratch = append(make([]byte, room, room+2*len(packet)), packet...)
	}
	op, size := websocket.Text, 1+len(packet)
	if binary {
		op, size = websocket.Binary, len(packet)
	}
	h := header(op, size)
	wire := b.scratch[:room+len(packet)]
	wire = wire[len(wire)-size-h.Size():]
	h.Append(wire[:0])
	if !binary {
		wire[h.Size()] = '4'
	}
	return wire
}

// owns reports whether a packet lies where Text began it.
func (b *Builder) owns(packet []byte) bool {
	return len(packet) > 0 && cap(b.scratch) > room && &b.scratch[:room+1][room] == &packet[0]
}

// Frame returns the frame of a Socket.IO packet, text, and its attachments. Both are copied. text
// is usually what was appended to Text, and then its memory, which may have grown, is kept as the
// next scratch; text from elsewhere must not be used after the call.
func (b *Builder) Frame(text []byte, attachments [][]byte, volatile bool) *Frame {
	size := 1 + len(text)
	first := header(websocket.Text, size)
	total := first.Size() + size
	for _, a := range attachments {
		total += header(websocket.Binary, len(a)).Size() + len(a)
	}
	wire := make([]byte, 0, total)
	wire = append(first.Append(wire), '4')
	wire = append(wire, text...)
	for _, a := range attachments {
		wire = append(header(websocket.Binary, len(a)).Append(wire), a...)
	}
	b.keep(text)
	return b.finish(wire, 1+len(attachments), volatile)
}

// Binary returns the frame of a Socket.IO packet that is one binary message, as MessagePack has it.
// packet is used as text is in Frame.
func (b *Builder) Binary(packet []byte, volatile bool) *Frame {
	h := header(websocket.Binary, len(packet))
	wire := append(h.Append(make([]byte, 0, h.Size()+len(packet))), packet...)
	b.keep(packet)
	return b.finish(wire, 1, volatile)
}

func (b *Builder) finish(wire []byte, packets int, volatile bool) *Frame {
	f := finish(wire, packets, volatile)
	f.deflate = b.Deflate
	return f
}

// keep makes what was appended to Text the next scratch.
func (b *Builder) keep(text []byte) {
	if !b.owns(text) {
		b.scratch = text
	}
	if cap(b.scratch) > maxScratch {
		b.scratch = nil
	}
}
