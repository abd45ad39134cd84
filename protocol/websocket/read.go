package websocket

import (
	"fmt"
	"math"
)

// Error is a violation of the protocol by the peer.
type Error struct {
	Code Code   // of the close frame that answers it
	Text string // what is wrong, without a prefix
}

// Error implements error.
func (e *Error) Error() string { return "websocket: " + e.Text }

// MaxFragments is how many frames the built-in server accepts for one message (CVE-2026-48779:
// empty fragments cost memory and time without end). Browsers send long messages in a few hundred
// frames.
const MaxFragments = 4096

// Rules are the rules for the frames of a peer. They are safe for concurrent use.
type Rules struct {
	Masked   bool // frames must be masked, as those of clients; else they must not be (section 5.1)
	Compress bool // permessage-deflate was agreed on: messages may be compressed
	// MaxPayload is how many bytes the payload of a data frame may have. In the middle of a
	// fragmented message the caller takes off what has come of it. Zero and less allow empty
	// payloads alone.
	MaxPayload int
}

// Frame is one frame. Its payload is a part of the bytes that it was read from, unmasked.
type Frame struct {
	Header
	Payload []byte
}

// Next reads the frame at the front of b and returns the number of bytes that it takes, which is 0
// if the frame has not arrived as a whole. A masked payload is unmasked in place when the frame is
// whole, so the same bytes must not be passed again; nothing else of b changes.
//
// A frame that breaks a rule is an error as soon as its header shows it, whether or not the payload
// is there. The rules that concern several frames are Message's.
func (r Rules) Next(b []byte) (f Frame, n int, err error) {
	if len(b) < 2 {
		return f, 0, nil
	}
	h, size := ParseHeader(b)
	if err := r.check(h, b[1]&lengthBits); err != nil {
		return f, 0, err
	}
	if size == 0 {
		return f, 0, nil
	}
	switch {
	case h.Length > math.MaxInt64:
		return f, 0, &Error{CodeProtocolError, "frame length with its highest bit set"}
	case !h.Opcode.Control() && h.Length > uint64(max(r.MaxPayload, 0)):
		return f, 0, &Error{CodeTooBig, fmt.Sprintf("message above the limit: a frame of %d bytes where %d are left", h.Length, max(r.MaxPayload, 0))}
	case h.Length > uint64(len(b)-size):
		return f, 0, nil
	}
	n = size + int(h.Length)
	f = Frame{Header: h, Payload: b[size:n:n]}
	if h.Masked {
		Mask(f.Payload, h.Key)
	}
	return f, n, nil
}

// check applies the rules to the first two bytes of a frame; length is the one of the second byte.
func (r Rules) check(h Header, length byte) error {
	compressed := h.Reserved == RSV1 && r.Compress && (h.Opcode == Text || h.Opcode == Binary)
	switch {
	case !h.Opcode.known():
		return &Error{CodeProtocolError, fmt.Sprintf("unknown opcode %#x", byte(h.Opcode))}
	case h.Reserved != 0 && !compressed:
		return &Error{CodeProtocolError, "reserved bit set without an extension"}
	case r.Masked && !h.Masked:
		return &Error{CodeProtocolError, "frame from a client that is not masked"}
	case !r.Masked && h.Masked:
		return &Error{CodeProtocolError, "masked frame from a server"}
	case h.Opcode.Control() && !h.Final:
		return &Error{CodeProtocolError, "fragmented control frame"}
	case h.Opcode.Control() && length > MaxControl:
		return &Error{CodeProtocolError, "control frame above 125 bytes"}
	}
	return nil
}

// Message follows the fragments of one message after the other (section 5.4). Its fields describe
// the message of the last frame that was added. The zero Message awaits the first one.
type Message struct {
	Opcode     Opcode // Text or Binary
	Compressed bool
	frames     int32 // of a message that is not whole
}

// Open reports whether a message has begun that is not whole.
func (m *Message) Open() bool { return m.frames > 0 }

// Add takes the header of the next data frame and reports whether the message is whole with it.
// More than maxFrames frames in one message are an error. Control frames do not belong to messages.
func (m *Message) Add(h Header, maxFrames int) (whole bool, err error) {
	switch begins := h.Opcode != Continuation; {
	case begins && m.Open():
		return false, &Error{CodeProtocolError, "new message inside a fragmented one"}
	case !begins && !m.Open():
		return false, &Error{CodeProtocolError, "continuation without a beginning"}
	case begins:
		m.Opcode, m.Compressed = h.Opcode, h.Reserved&RSV1 != 0
	}
	if m.frames++; int(m.frames) > maxFrames {
		return false, &Error{CodeTooBig, fmt.Sprintf("message in more than %d frames", maxFrames)}
	}
	if h.Final {
		m.frames = 0
	}
	return h.Final, nil
}
