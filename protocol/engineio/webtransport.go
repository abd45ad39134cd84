package engineio

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// defaultMaxPayload limits frames where the caller gives no limit, in bytes.
const defaultMaxPayload = 1_000_000

// ErrFrameSize reports a WebTransport frame without payload, or with one above the limit. It ends
// the session.
var ErrFrameSize = errors.New("engine.io: frame is empty or too large")

// A frame of a WebTransport stream is a header and a packet. The header's first byte says in bit 7
// whether the packet is binary, and in the rest its length:
//
//	0 to 125    the length
//	126         the length is the next 2 bytes, big-endian
//	127         the length is the next 8 bytes, big-endian
//
// The packet is text, as Parse reads it, or the data of a binary message.
const (
	frameBinary = 0x80
	frame16     = 126
	frame64     = 127
)

// AppendFrame appends packet p to dst as a frame of a WebTransport stream. An empty binary message
// is written in the text form, since no frame can be empty: readers take a length of zero for an
// error.
func AppendFrame(dst []byte, p Packet) []byte {
	if p.Binary && len(p.Data) == 0 {
		return append(dst, 1, 'b')
	}
	size, first := len(p.Data), byte(frameBinary)
	if !p.Binary {
		size, first = size+1, 0
	}
	switch {
	case size < frame16:
		dst = append(dst, first|byte(size))
	case size < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, first|frame16), uint16(size))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, first|frame64), uint64(size))
	}
	if p.Binary {
		return append(dst, p.Data...)
	}
	return p.AppendText(dst)
}

// FrameSize returns how many bytes the frame at the beginning of b has, header included: what a
// reader of the stream has to gather before it calls ParseFrame. It is 0 as long as b does not hold
// the whole header.
//
// A payload of length zero or above maxPayload is ErrFrameSize, and refused as soon as its header
// is there. A maxPayload of zero or less means 1,000,000.
func FrameSize(b []byte, maxPayload int) (int, error) {
	header, payload, err := frameHeader(b, maxPayload)
	return header + payload, err
}

func frameHeader(b []byte, maxPayload int) (header, payload int, err error) {
	if len(b) == 0 {
		return 0, 0, nil
	}
	if maxPayload <= 0 {
		maxPayload = defaultMaxPayload
	}
	header = 1
	size := uint64(b[0] &^ frameBinary)
	switch size {
	case frame16:
		if header = 3; len(b) < header {
			return 0, 0, nil
		}
		size = uint64(binary.BigEndian.Uint16(b[1:]))
	case frame64:
		if header = 9; len(b) < header {
			return 0, 0, nil
		}
		size = binary.BigEndian.Uint64(b[1:])
	}
	if size == 0 || size > uint64(maxPayload) {
		return 0, 0, fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrFrameSize, size, maxPayload)
	}
	return header, int(size), nil
}

// ParseFrame decodes the frame at the beginning of b and returns its packet, whose Data aliases b
// as with Parse, and how many bytes it took. That is 0, without an error, as long as b does not
// hold the whole frame. The limit is FrameSize's result.
func ParseFrame(b []byte, maxPayload int) (p Packet, n int, err error) {
	header, size, err := frameHeader(b, maxPayload)
	if err != nil || header == 0 || size > len(b)-header {
		return Packet{}, 0, err
	}
	n = header + size
	data := b[header:n:n]
	if b[0]&frameBinary != 0 {
		return Packet{Type: Message, Binary: true, Data: data}, n, nil
	}
	if p, err = Parse(data); err != nil {
		return Packet{}, 0, err
	}
	return p, n, nil
}
