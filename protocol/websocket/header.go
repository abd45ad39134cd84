package websocket

import (
	"encoding/binary"
	"math"
)

// Opcode is the kind of a frame (section 5.2).
type Opcode byte

// The opcodes of section 11.8.
const (
	Continuation Opcode = 0x0
	Text         Opcode = 0x1
	Binary       Opcode = 0x2
	Close        Opcode = 0x8
	Ping         Opcode = 0x9
	Pong         Opcode = 0xa
)

// Control reports whether frames of the opcode are control frames (section 5.5): at most MaxControl
// bytes of payload, never fragmented, allowed between the fragments of a message.
func (o Opcode) Control() bool { return o&controlBit != 0 }

func (o Opcode) known() bool { return o <= Binary || o >= Close && o <= Pong }

// RSV1, RSV2 and RSV3 are the reserved bits of a header. With permessage-deflate, RSV1 of the first
// frame of a message says that the message is compressed (RFC 7692, section 6).
const (
	RSV1 = 0x40
	RSV2 = 0x20
	RSV3 = 0x10
)

const (
	// MaxControl is the largest payload of a control frame in bytes (section 5.5).
	MaxControl = 125
	// MaxHeader is the largest size of a header in bytes.
	MaxHeader = 2 + 8 + keySize

	finalBit   = 0x80
	opcodeBits = 0x0f
	controlBit = 0x08
	maskBit    = 0x80
	lengthBits = 0x7f
	length16   = 126 // the length is in the next two bytes
	length64   = 127 // the length is in the next eight bytes
	keySize    = 4
)

// Header is the header of a frame (section 5.2).
//
//	byte 0   FIN RSV1 RSV2 RSV3 opcode(4)
//	byte 1   MASK length(7); 126: two more bytes follow, 127: eight more bytes follow
//	         masking key (4 bytes, only with MASK)
type Header struct {
	Opcode   Opcode
	Final    bool    // FIN: the last frame of its message
	Reserved byte    // of RSV1, RSV2, RSV3
	Masked   bool    // the payload is masked with Key
	Key      [4]byte // the masking key
	Length   uint64  // bytes of payload
}

// Size returns the size of the header in bytes, from 2 to MaxHeader.
func (h Header) Size() int {
	size := 2
	if h.Masked {
		size += keySize
	}
	switch {
	case h.Length < length16:
		return size
	case h.Length <= math.MaxUint16:
		return size + 2
	default:
		return size + 8
	}
}

// Append appends the header to dst with the shortest length field, which is the only one that the
// standard allows. It checks nothing.
func (h Header) Append(dst []byte) []byte {
	first, second := h.Reserved|byte(h.Opcode), byte(0)
	if h.Final {
		first |= finalBit
	}
	if h.Masked {
		second = maskBit
	}
	switch {
	case h.Length < length16:
		dst = append(dst, first, second|byte(h.Length))
	case h.Length <= math.MaxUint16:
		dst = append(dst, first, second|length16, byte(h.Length>>8), byte(h.Length))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, first, second|length64), h.Length)
	}
	if h.Masked {
		dst = append(dst, h.Key[:]...)
	}
	return dst
}

// ParseHeader reads the header at the front of b and returns its size, which is 0 if more bytes are
// needed. The first two bytes set every field except Key and Length. ParseHeader checks no rule; it
// accepts lengths that are longer than necessary, since some implementations write them.
func ParseHeader(b []byte) (h Header, size int) {
	if len(b) < 2 {
		return h, 0
	}
	h.Final, h.Reserved, h.Opcode = b[0]&finalBit != 0, b[0]&(RSV1|RSV2|RSV3), Opcode(b[0]&opcodeBits)
	h.Masked = b[1]&maskBit != 0
	length := b[1] & lengthBits
	size = 2
	switch length {
	case length16:
		size = 4
	case length64:
		size = 10
	}
	key := size
	if h.Masked {
		size += keySize
	}
	if len(b) < size {
		return h, 0
	}
	switch length {
	case length16:
		h.Length = uint64(binary.BigEndian.Uint16(b[2:]))
	case length64:
		h.Length = binary.BigEndian.Uint64(b[2:])
	default:
		h.Length = uint64(length)
	}
	if h.Masked {
		h.Key = [keySize]byte(b[key:])
	}
	return h, size
}

// Mask applies a masking key to a whole payload, in place; applied again, it undoes itself (section
// 5.3).
func Mask(b []byte, key [4]byte) {
	k := uint64(binary.LittleEndian.Uint32(key[:]))
	k |= k << 32
	for len(b) >= 32 {
		w := (*[32]byte)(b)
		binary.LittleEndian.PutUint64(w[0:], binary.LittleEndian.Uint64(w[0:])^k)
		binary.LittleEndian.PutUint64(w[8:], binary.LittleEndian.Uint64(w[8:])^k)
		binary.LittleEndian.PutUint64(w[16:], binary.LittleEndian.Uint64(w[16:])^k)
		binary.LittleEndian.PutUint64(w[24:], binary.LittleEndian.Uint64(w[24:])^k)
		b = b[32:]
	}
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^k)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= key[i%keySize]
	}
}
