// Package frame holds one outgoing message as the exact bytes that each transport writes. A message
// is encoded once, laid out once and then shared, unchanged, by all of its receivers, over every
// transport.
//
// The Socket.IO encoder appends its text to the scratch of a [Builder]. The builder puts "4", the
// digit of an Engine.IO message, and a WebSocket header in front of it, the attachments with
// headers of their own behind it, and copies the whole once into a slice of just the right length.
// The result is a
// [Frame]: two allocations, however many receivers.
//
//	             first packet                     attachment
//	Wire     81 len '4' socket.io text        82 len bytes      ...
//	Payload         '4' socket.io text   1e   'b' base64        ...
//
// A WebSocket writer sends Wire as it is. A polling response is Payload, which for pure text is a
// part of Wire and takes no memory of its own.
//
// Some clients take messages in another [Form]: clients of revision 3, and clients that cannot take
// binary frames. In and Body give it; it is made when the first such client needs it, kept with the
// frame, and shared as Wire is. A server that has no such client pays a pointer.
package frame

import (
	"bytes"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/protocol/websocket"
)

// Frame is one message: one Engine.IO packet, or a Socket.IO packet with its attachments, which
// stay together. It never changes once it is built and may be used by any number of goroutines.
// Nothing that its methods return may be written to.
type Frame struct {
	wire     []byte
	self     [1]*Frame
	packets  int32
	head     int32 // bytes of wire that are no packet, see Behind
	deflate  int32 // see Builder.Deflate
	volatile bool
	plain    bool // one text message, which most forms leave as it is, or a control frame

	separated bool // it is text with the separator of polling bodies, see Message

	build sync.Mutex // held while a variant is made
	forms atomic.Pointer[variant]
}

// Wire returns all WebSocket frames of the message, header and payload, ready to be written as they
// are (RFC 6455, section 5.2: unmasked, not fragmented).
func (f *Frame) Wire() []byte { return f.wire }

// Packets counts the Engine.IO packets: 1 and the number of attachments; 0 for a control frame.
func (f *Frame) Packets() int { return int(f.packets) }

// Head is how many bytes of Wire are no packet: what stands before it, see Behind.
func (f *Frame) Head() int { return int(f.head) }

// Volatile reports whether the message may be dropped when a receiver is not ready for it.
func (f *Frame) Volatile() bool { return f.volatile }

// Alone returns the frame as a list of one, without allocating it: a slice that is built at the
// call would escape through every interface.
func (f *Frame) Alone() []*Frame { return f.self[:] }

// Parts calls yield for each Engine.IO packet in order, until yield returns false: the payload of
// each WebSocket frame without its header, and whether it is binary. It can stand behind range:
//
//	for binary, data := range f.Parts {
func (f *Frame) Parts(yield func(binary bool, data []byte) bool) {
	for rest := f.wire; len(rest) > 0; {
		// a frame keeps no table of its parts: the headers are one
		h, head := websocket.ParseHeader(rest)
		end := head + int(h.Length)
		if !yield(h.Opcode == websocket.Binary, rest[head:end:end]) {
			return
		}
		rest = rest[end:]
	}
}

// Compressible reports whether the message may be compressed on its way.
func (f *Frame) Compressible() bool { return f.deflate >= 0 }

// Message is Packet for a message of an application without Socket.IO. deflate is as in Builder.
//
// Text of it may hold the separator of a polling body, which nothing escapes there: what follows
// would be a packet of its own, and who has sent the text to the application could close the
// sessions of others, or send as the server. In a polling body of revision 4 such text is binary.
func Message(p engineio.Packet, deflate int32) *Frame {
	f := Packet(p)
	f.deflate = deflate
	f.separated = !p.Binary && bytes.IndexByte(p.Data, engineio.Separator) >= 0
	return f
}

// Packet returns a frame that holds a copy of one Engine.IO packet, such as a handshake or a
// heartbeat.
func Packet(p engineio.Packet) *Frame {
	if p.Binary {
		h := header(websocket.Binary, len(p.Data))
		wire := h.Append(make([]byte, 0, h.Size()+len(p.Data)))
		return finish(append(wire, p.Data...), 1, false)
	}
	size := 1 + len(p.Data)
	h := header(websocket.Text, size)
	return finish(p.AppendText(h.Append(make([]byte, 0, h.Size()+size))), 1, false)
}

// Behind is Packet for a packet of text before which a client must get head. A frame with a head is
// for one websocket: Parts and Payload are not defined for it.
func Behind(head []byte, p engineio.Packet) *Frame {
	f := Packet(p)
	f.wire, f.head = slices.Concat(head, f.wire), int32(len(head))
	return f
}

// Copy returns a frame of a copy of what is the Wire of a message with so many packets.
func Copy(wire []byte, packets int) *Frame { return finish(bytes.Clone(wire), packets, false) }

// header is the header of a whole message of size bytes, or of a control frame.
func header(op websocket.Opcode, size int) websocket.Header {
	return websocket.Header{Opcode: op, Final: true, Length: uint64(size)}
}

func finish(wire []byte, packets int, volatile bool) *Frame {
	first, _ := websocket.ParseHeader(wire)
	f := &Frame{wire: wire, packets: int32(packets), volatile: volatile}
	f.plain = packets == 0 || packets == 1 && first.Opcode == websocket.Text
	f.self[0] = f
	return f
}
