package engineio

import (
	"bytes"
	"fmt"
)

// Separator stands between the packets of a polling payload. It is never escaped, so a text message
// that holds it is split into two packets on polling. JSON writes it as \u001e and is safe.
const Separator = 0x1e

// Payload reads the packets of a polling body one after the other, in the manner of bufio.Scanner:
//
//	p := engineio.NewPayload(body)
//	for p.Next() {
//		handle(p.Packet())
//	}
//	if err := p.Err(); err != nil {
//		// the packets before the bad one were handled; the session ends
//	}
//
// Nothing is decoded ahead: packets before a malformed one are still delivered, as the protocol
// wants it, and a caller that counts its calls of Next bounds the cost of a body of tiny packets. A
// Payload is not safe for concurrent use.
type Payload struct {
	rest   []byte
	packet Packet
	err    error
	read   int
	more   bool
}

// NewPayload returns a reader of body, which it keeps and overwrites in part (see Parse).
func NewPayload(body []byte) Payload {
	return Payload{rest: body, more: true}
}

// Next decodes the next packet. It returns false at the end of the body and at the first error. An
// empty segment is an error, and so is an empty body.
func (p *Payload) Next() bool {
	if !p.more {
		return false
	}
	segment := p.rest
	if i := bytes.IndexByte(segment, Separator); i >= 0 {
		segment, p.rest = segment[:i:i], segment[i+1:]
	} else {
		p.rest, p.more = nil, false
	}
	packet, err := Parse(segment)
	if err != nil {
		p.packet, p.rest, p.more = Packet{}, nil, false
		p.err = fmt.Errorf("packet %d of the payload: %w", p.read+1, err)
		return false
	}
	p.packet = packet
	p.read++
	return true
}

// Packet returns the packet that the last call of Next decoded. Its Data aliases the body.
func (p *Payload) Packet() Packet { return p.packet }

// Err returns the error that ended the payload, nil if it was read to its end.
func (p *Payload) Err() error { return p.err }

// AppendPayload appends packet p to the polling body dst, after a separator unless dst is empty,
// and returns the extended body.
func AppendPayload(dst []byte, p Packet) []byte {
	if len(dst) > 0 {
		dst = append(dst, Separator)
	}
	return p.AppendText(dst)
}
