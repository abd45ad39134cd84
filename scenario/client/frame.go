package client

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
)

// WebSocket frames as RFC 6455, section 5.2, has them.
//
//	byte 0   FIN RSV1 RSV2 RSV3 opcode(4)
//	byte 1   MASK length(7): 0..125, 126 = 16 bits follow, 127 = 64 bits follow
//	         masking key (4 bytes, only from client to server)
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xa

	finBit  = 0x80
	rsvBits = 0x70
	maskBit = 0x80

	maxControl = 125 // payload bytes of a control frame, section 5.5
)

// Close codes of section 7.4.1.
const (
	codeNormal   = 1000
	codeProtocol = 1002
	codeInvalid  = 1007
	codeTooBig   = 1009
)

// frameError is a violation of the framing rules by the server. code goes into
// the close frame that answers it.
type frameError struct {
	code int
	msg  string
}

func (e *frameError) Error() string { return "websocket: " + e.msg }

// frameHeader is a decoded header of a frame from the server.
type frameHeader struct {
	fin    bool
	opcode byte
	size   int // of the header itself
	length int // of the payload
}

// parseHeader decodes the header at the front of b; whole is false as long as
// it has not arrived as a whole. limit bounds the payload.
// Lengths that are longer than they need to be are accepted: some servers
// write them, and nothing depends on it.
func parseHeader(b []byte, limit int) (h frameHeader, whole bool, err error) {
	if len(b) < 2 {
		return h, false, nil
	}
	h = frameHeader{fin: b[0]&finBit != 0, opcode: b[0] & 0x0f, size: 2, length: int(b[1] & 0x7f)}
	switch {
	case b[0]&rsvBits != 0:
		return h, false, &frameError{codeProtocol, "reserved bit set without an extension"}
	case b[1]&maskBit != 0:
		return h, false, &frameError{codeProtocol, "masked frame from a server"}
	case h.opcode > opBinary && h.opcode < opClose || h.opcode > opPong:
		return h, false, &frameError{codeProtocol, fmt.Sprintf("unknown opcode %#x", h.opcode)}
	case h.opcode >= opClose && !h.fin:
		return h, false, &frameError{codeProtocol, "fragmented control frame"}
	case h.opcode >= opClose && h.length > maxControl:
		return h, false, &frameError{codeProtocol, "control frame above 125 bytes"}
	}
	switch h.length {
	case 126:
		if len(b) < 4 {
			return h, false, nil
		}
		h.size, h.length = 4, int(binary.BigEndian.Uint16(b[2:]))
	case 127:
		if len(b) < 10 {
			return h, false, nil
		}
		n := binary.BigEndian.Uint64(b[2:])
		if n > math.MaxInt64 {
			return h, false, &frameError{codeProtocol, "length with its highest bit set"}
		}
		if n > uint64(limit) {
			return h, false, tooBig(n, limit)
		}
		h.size, h.length = 10, int(n)
	}
	if h.length > limit && h.opcode < opClose {
		return h, false, tooBig(uint64(h.length), limit)
	}
	return h, true, nil
}

func tooBig(n uint64, limit int) error {
	return &frameError{codeTooBig, fmt.Sprintf("message of at least %d bytes is above the limit of %d", n, limit)}
}

// appendFrame appends one masked frame whose payload is prefix and then
// payload. The prefix spares callers a copy for the packet type.
//
// The masking key is fresh for each frame and drawn from the runtime's ChaCha8
// generator, which the operating system seeds: section 5.3 asks for a key that
// cannot be predicted, and at a few nanoseconds there is no reason to cheat. A
// key of zero would be cheaper still and would flatter servers that skip the
// unmasking for it.
func appendFrame(dst []byte, opcode byte, prefix string, payload []byte) []byte {
	n := len(prefix) + len(payload)
	switch {
	case n <= 125:
		dst = append(dst, finBit|opcode, maskBit|byte(n))
	case n <= math.MaxUint16:
		dst = append(dst, finBit|opcode, maskBit|126, byte(n>>8), byte(n))
	default:
		dst = append(dst, finBit|opcode, maskBit|127)
		dst = binary.BigEndian.AppendUint64(dst, uint64(n))
	}
	key := rand.Uint32()
	dst = binary.LittleEndian.AppendUint32(dst, key)
	start := len(dst)
	dst = append(dst, prefix...)
	dst = append(dst, payload...)
	mask(dst[start:], key)
	return dst
}

// appendClose appends a close frame; code 0 leaves the status out.
func appendClose(dst []byte, code int) []byte {
	if code == 0 {
		return appendFrame(dst, opClose, "", nil)
	}
	return appendFrame(dst, opClose, "", []byte{byte(code >> 8), byte(code)})
}

// mask applies key, whose lowest byte is the first on the wire, to b in place.
func mask(b []byte, key uint32) {
	wide := uint64(key)<<32 | uint64(key)
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= byte(key >> (8 * (i & 3)))
	}
}
