package socketio

import "strconv"

// Type is the type of a packet. Its value is the digit on the wire.
type Type byte

// The packet types of protocol revision 5.
const (
	Connect      Type = iota // a client asks for a namespace; the server's consent
	Disconnect               // one side leaves a namespace
	Event                    // an event: name and arguments
	Ack                      // the answer to an event that carried an id
	ConnectError             // the server refuses a namespace
	BinaryEvent              // an Event with attachments
	BinaryAck                // an Ack with attachments
)

var typeNames = [...]string{"CONNECT", "DISCONNECT", "EVENT", "ACK", "CONNECT_ERROR", "BINARY_EVENT", "BINARY_ACK"}

// String returns the name of t as the specification has it.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return "type " + strconv.Itoa(int(t))
}

// IsBinary reports whether packets of type t announce attachments.
func (t Type) IsBinary() bool { return t == BinaryEvent || t == BinaryAck }

// Packet is one Socket.IO packet.
//
// A decoded packet does not own its slices: they are parts of the input of Parse, or of a Decoder's
// memory, and are valid as long as these are.
type Packet struct {
	Type      Type
	Namespace []byte // starts with a slash; "/", the main namespace, where the packet names none
	ID        uint64 // asks for an ack, or gives it; meaningless without HasID
	HasID     bool

	// Attachments is the number of binary messages that follow the packet. It is above zero in a
	// BinaryEvent or BinaryAck and zero in all others.
	Attachments int

	// Data is the payload as JSON text, nil if there is none. Where an attachment belongs it has
	// {"_placeholder":true,"num":N}. ParseMessagePack leaves a MessagePack value here, and
	// attachments there are none.
	Data []byte

	// Binary holds the attachments in order. Only a Decoder fills it; Append does not write it,
	// since attachments are messages of their own.
	Binary [][]byte
}

// mainNamespace is shared by all packets that name no namespace. Its capacity is its length:
// appending to it makes a copy.
var mainNamespace = []byte("/")[:1:1]

// Append appends the text of p, header and Data, to dst and returns the extended slice. It writes
// what p says without checking it: the namespace must start with a slash (or be empty, for the main
// one) and hold no comma.
func (p *Packet) Append(dst []byte) []byte {
	dst = appendHeader(dst, p.Type, p.Attachments, p.Namespace, p.ID, p.HasID)
	return append(dst, p.Data...)
}

// appendHeader writes everything that precedes the payload:
//
//	type [ count "-" ] [ namespace "," ] [ id ]
func appendHeader[T string | []byte](dst []byte, t Type, attachments int, namespace T, id uint64, hasID bool) []byte {
	dst = append(dst, '0'+byte(t))
	if t.IsBinary() {
		dst = strconv.AppendInt(dst, int64(attachments), 10)
		dst = append(dst, '-')
	}
	if len(namespace) > 1 {
		dst = append(dst, namespace...)
		dst = append(dst, ',')
	}
	if hasID {
		dst = strconv.AppendUint(dst, id, 10)
	}
	return dst
}
