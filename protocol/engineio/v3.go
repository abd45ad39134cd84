package engineio

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// The errors of revision 3 that Parse does not have. Each ends the session.
var (
	// ErrLength reports a payload whose next packet has no readable length, or one that goes beyond
	// the body or through the middle of a character.
	ErrLength = errors.New("engine.io: packet without a length, or with a wrong one")
	// ErrForm reports a packet of a binary payload that is neither text nor binary.
	ErrForm = errors.New("engine.io: packet of a binary payload is neither text nor binary")
)

// ParseV3 decodes the text form of a revision 3 packet: a WebSocket text frame, or one packet of a
// textual payload. It differs from Parse in binary messages, whose base64 stands behind b4 instead
// of b. As there, the Data of the result aliases b, and base64 is decoded over itself.
func ParseV3(b []byte) (Packet, error) {
	if len(b) == 0 || b[0] != 'b' {
		return Parse(b)
	}
	if len(b) < 2 || b[1] != '0'+byte(Message) {
		return Packet{}, ErrType
	}
	data := b[2:len(b):len(b)]
	n, ok := decodeBase64(data)
	if !ok {
		return Packet{}, ErrBase64
	}
	return Packet{Type: Message, Binary: true, Data: data[:n:n]}, nil
}

// ParseBinaryV3 decodes the binary form of a revision 3 packet: a WebSocket binary frame, which has
// the type as its first byte. Only a Message can be binary. The Data of the result aliases b.
func ParseBinaryV3(b []byte) (Packet, error) {
	if len(b) == 0 {
		return Packet{}, ErrEmpty
	}
	if b[0] != byte(Message) {
		return Packet{}, ErrType
	}
	return Packet{Type: Message, Binary: true, Data: b[1:len(b):len(b)]}, nil
}

// AppendTextV3 appends the revision 3 text form of p to dst, which suits every transport of a
// client that asked for b64=1. A binary packet is written as b4 and padded base64.
func (p Packet) AppendTextV3(dst []byte) []byte {
	if !p.Binary {
		return p.AppendText(dst)
	}
	return base64.StdEncoding.AppendEncode(append(dst, 'b', '0'+byte(Message)), p.Data)
}

// AppendBinaryV3 appends the revision 3 binary form of a binary packet to dst, which is a WebSocket
// binary frame.
func (p Packet) AppendBinaryV3(dst []byte) []byte {
	return append(append(dst, byte(Message)), p.Data...)
}

// PayloadV3 reads the packets of a revision 3 polling body in the manner of Payload. It reads the
// body once, and each packet only when Next asks for it: a caller that counts the calls bounds what
// a body of tiny packets can cost.
type PayloadV3 struct {
	rest   []byte
	packet Packet
	err    error
	read   int
	binary bool
}

// NewPayloadV3 returns a reader of body, which it keeps and overwrites in part. The body is in the
// binary form if its Content-Type is application/octet-stream.
func NewPayloadV3(body []byte, binary bool) PayloadV3 {
	p := PayloadV3{rest: body, binary: binary}
	if len(body) == 0 {
		p.fail(ErrEmpty)
	}
	return p
}

func (p *PayloadV3) fail(err error) {
	p.packet, p.rest = Packet{}, nil
	p.err = fmt.Errorf("packet %d of the payload: %w", p.read+1, err)
}

// Next decodes the next packet. It returns false at the end of the body and at the first error. An
// empty body is an error, packets of length zero in the textual form are skipped.
func (p *PayloadV3) Next() bool {
	for len(p.rest) > 0 {
		var packet Packet
		segment, text, err := p.cut()
		if err == nil && len(segment) == 0 && !p.binary {
			continue
		}
		if err == nil && text {
			packet, err = ParseV3(segment)
		} else if err == nil {
			packet, err = ParseBinaryV3(segment)
		}
		if err != nil {
			p.fail(err)
			return false
		}
		p.packet = packet
		p.read++
		return true
	}
	p.packet = Packet{}
	return false
}

// Packet returns the packet that the last call of Next decoded. Its Data aliases the body.
func (p *PayloadV3) Packet() Packet { return p.packet }

// Err returns the error that ended the payload, nil if it was read to its end.
func (p *PayloadV3) Err() error { return p.err }

// cut takes the next packet off the body.
func (p *PayloadV3) cut() (segment []byte, text bool, err error) {
	if p.binary {
		return p.cutBinary()
	}
	n, i, ok := digits(p.rest, '0', ':')
	if !ok || i == 1 {
		return nil, false, ErrLength
	}
	end := skipUnits(p.rest[i:], n)
	if end < 0 {
		return nil, false, ErrLength
	}
	end += i
	segment, p.rest = p.rest[i:end:end], p.rest[end:]
	return segment, true, nil
}

// cutBinary reads the binary form: 0 for text or 1 for binary, the length in bytes as decimal
// digits of value 0 to 9, 0xff, and the packet.
func (p *PayloadV3) cutBinary() (segment []byte, text bool, err error) {
	form := p.rest[0]
	if form > 1 {
		return nil, false, ErrForm
	}
	n, i, ok := digits(p.rest[1:], 0, 0xff)
	if !ok || n > len(p.rest)-1-i {
		return nil, false, ErrLength
	}
	start, end := 1+i, 1+i+n
	segment, p.rest = p.rest[start:end:end], p.rest[end:]
	return segment, form == 0, nil
}

// digits reads a decimal number of digits from zero on, and the end mark behind it. It gives up as
// soon as the number is larger than b can hold, so that it neither overflows nor reads far.
func digits(b []byte, zero, mark byte) (n, behind int, ok bool) {
	for i, c := range b {
		if c == mark {
			return n, i + 1, true
		}
		if c-zero > 9 {
			break
		}
		if n = n*10 + int(c-zero); n > len(b) {
			break
		}
	}
	return 0, 0, false
}

// notASCII has the bits that ASCII bytes do not.
const notASCII = 0x8080808080808080

// skipUnits returns the position in b behind n UTF-16 code units, -1 if b has fewer or if a
// character that takes two lies across. A byte that is no UTF-8 counts one, as the U+FFFD that
// readers make of it.
func skipUnits(b []byte, n int) int {
	i := 0
	for n > 0 {
		if i >= len(b) {
			return -1
		}
		if n >= 8 && i+8 <= len(b) && binary.LittleEndian.Uint64(b[i:])&notASCII == 0 {
			i += 8
			n -= 8
			continue
		}
		if b[i] < utf8.RuneSelf {
			i++
			n--
			continue
		}
		r, size := utf8.DecodeRune(b[i:])
		i += size
		if n--; r > 0xffff {
			n--
		}
	}
	if n < 0 {
		return -1
	}
	return i
}

// countUnits returns how many UTF-16 code units the text b has.
func countUnits(b []byte) (n int) {
	for i := 0; i < len(b); {
		if i+8 <= len(b) && binary.LittleEndian.Uint64(b[i:])&notASCII == 0 {
			i += 8
			n += 8
			continue
		}
		if b[i] < utf8.RuneSelf {
			i++
			n++
			continue
		}
		r, size := utf8.DecodeRune(b[i:])
		i += size
		if n++; r > 0xffff {
			n++
		}
	}
	return n
}

// AppendPayloadV3 appends packet p to the textual polling body dst and returns the extended body:
// its length in UTF-16 code units, a colon, its text form.
func AppendPayloadV3(dst []byte, p Packet) []byte {
	var n int
	if p.Binary {
		n = 2 + base64.StdEncoding.EncodedLen(len(p.Data))
	} else {
		n = 1 + countUnits(p.Data)
	}
	dst = append(strconv.AppendInt(dst, int64(n), 10), ':')
	return p.AppendTextV3(dst)
}

// AppendBinaryPayloadV3 appends packet p to the binary polling body dst and returns the extended
// body. A server uses this form if a packet of the body is binary and the client did not ask for
// b64=1, and sends it as application/octet-stream.
func AppendBinaryPayloadV3(dst []byte, p Packet) []byte {
	form := byte(0)
	if p.Binary {
		form = 1
	}
	dst = append(dst, form)
	start := len(dst)
	dst = strconv.AppendInt(dst, int64(1+len(p.Data)), 10)
	for i := start; i < len(dst); i++ {
		dst[i] -= '0'
	}
	dst = append(dst, 0xff)
	if p.Binary {
		return p.AppendBinaryV3(dst)
	}
	return p.AppendText(dst)
}
