package engineio

import (
	"encoding/base64"
	"errors"
	"strconv"
)

// Type is the type of a packet. Its value is the digit on the wire.
type Type byte

// The packet types of revision 4.
const (
	Open    Type = iota // handshake, the first packet of the server
	Close               // the session ends
	Ping                // heartbeat of the server; with "probe" from a client that tries a transport
	Pong                // the client's answer to a ping; with "probe" the server's
	Message             // data of the application; the only type that can be binary
	Upgrade             // the client finishes its move to a probed transport
	Noop                // releases a pending poll
)

var typeNames = [...]string{"open", "close", "ping", "pong", "message", "upgrade", "noop"}

// String returns the name of t as the specification has it.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return "type " + strconv.Itoa(int(t))
}

// The errors of Parse and, wrapped with the packet's position, of Payload.Err. Each ends the
// session.
var (
	// ErrEmpty reports a text frame or a payload segment of length zero.
	ErrEmpty = errors.New("engine.io: empty packet")
	// ErrType reports a first character that is neither 0 to 6 nor b.
	ErrType = errors.New("engine.io: unknown packet type")
	// ErrBase64 reports text after b that is not base64.
	ErrBase64 = errors.New("engine.io: binary message is not base64")
)

// Packet is one Engine.IO packet.
//
// A decoded packet's Data is a part of the slice it was decoded from and is valid for as long as
// that slice is; its capacity ends with the packet, so that appending to it cannot reach what
// follows. A packet without payload has empty Data.
type Packet struct {
	Type   Type
	Binary bool // the payload is bytes, not text; only a Message can be
	Data   []byte
}

// Parse decodes the text form of a packet: a WebSocket text frame or one segment of a polling
// payload. (A WebSocket binary frame needs no decoding: it is the Data of a binary Message.)
//
// The Data of the result aliases b. For a base64 message b is overwritten with the decoded bytes. A
// payload is kept on every type, "probe" on a Ping as well as text on a Close, because only the
// session knows what it means.
func Parse(b []byte) (Packet, error) {
	if len(b) == 0 {
		return Packet{}, ErrEmpty
	}
	data := b[1:len(b):len(b)]
	if c := b[0] - '0'; c <= byte(Noop) {
		return Packet{Type: Type(c), Data: data}, nil
	}
	if b[0] != 'b' {
		return Packet{}, ErrType
	}
	n, ok := decodeBase64(data)
	if !ok {
		return Packet{}, ErrBase64
	}
	return Packet{Type: Message, Binary: true, Data: data[:n:n]}, nil
}

// AppendText appends the text form of p to dst and returns the extended slice. A binary packet of
// any Type is written as b and padded base64.
func (p Packet) AppendText(dst []byte) []byte {
	if p.Binary {
		dst = append(dst, 'b')
		return base64.StdEncoding.AppendEncode(dst, p.Data)
	}
	dst = append(dst, '0'+byte(p.Type))
	return append(dst, p.Data...)
}
