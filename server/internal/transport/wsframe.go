package transport

import (
	"encoding/binary"
	"errors"
	"unicode/utf8"

	"github.com/fasthttp/websocket"
)

// The frames that a client sends, RFC 6455, section 5. The websocket library
// reads them from a connection into buffers of its own; here they are read where
// they are, so that a connection that is idle needs no buffer.

// wsFrame is one frame. payload is unmasked.
type wsFrame struct {
	op       int
	fin      bool
	deflated bool // the message that begins here is compressed
	payload  []byte
}

// wsError is a violation of the websocket protocol, with the code that the
// closing handshake tells it by.
type wsError struct {
	code int
	why  string
}

func (e *wsError) Error() string { return "websocket: " + e.why }

var (
	errReserved   = &wsError{websocket.CloseProtocolError, "reserved bits or an unknown opcode"}
	errUnmasked   = &wsError{websocket.CloseProtocolError, "a client's frame must be masked"}
	errControl    = &wsError{websocket.CloseProtocolError, "a control frame that is fragmented or too long"}
	errSequence   = &wsError{websocket.CloseProtocolError, "a continuation without a beginning, or the reverse"}
	errBadClose   = &wsError{websocket.CloseProtocolError, "a close frame with an invalid code or reason"}
	errTooBig     = &wsError{websocket.CloseMessageTooBig, "message is over the limit"}
	errDeflate    = &wsError{websocket.CloseInvalidFramePayloadData, "a message that is not compressed as it should be"}
	errNotUTF8    = &wsError{websocket.CloseInvalidFramePayloadData, "text message is not UTF-8"}
	errPieces     = &wsError{websocket.CloseMessageTooBig, "message is in too many fragments"}
	errNoRoom     = &wsError{websocket.CloseTryAgainLater, "too much has come in part, of all clients together"}
	errPeerClosed = errors.New("websocket: closed by the peer")
)

// maxPieces bounds the fragments of a message (CVE-2026-48779). Browsers send
// long messages in some hundred.
const maxPieces = 4096

const (
	opContinuation = 0
	finBit         = 0x80
	reservedBits   = 0x70
	deflatedBit    = 0x40
	opcodeBits     = 0x0f
	controlBit     = 0x08
	maskBit        = 0x80
	maskSize       = 4
	maxControl     = 125
)

// nextFrame reads the frame at the beginning of b, which it unmasks in place,
// and returns its length, which is 0 if it has not come whole. room is how long
// the payload of a data frame may be, and deflate whether messages may be
// compressed.
func nextFrame(b []byte, room int, deflate bool) (f wsFrame, n int, err error) {
	if len(b) < 2 {
		return f, 0, nil
	}
	f.op, f.fin = int(b[0]&opcodeBits), b[0]&finBit != 0
	switch f.op {
	case opContinuation, websocket.TextMessage, websocket.BinaryMessage,
		websocket.CloseMessage, websocket.PingMessage, websocket.PongMessage:
	default:
		return f, 0, errReserved
	}
	switch {
	case b[0]&reservedBits == deflatedBit && deflate && (f.op == websocket.TextMessage || f.op == websocket.BinaryMessage):
		f.deflated = true
	case b[0]&reservedBits != 0:
		return f, 0, errReserved
	}
	if b[1]&maskBit == 0 {
		return f, 0, errUnmasked
	}
	head, size := 2, uint64(b[1]&^maskBit)
	if f.op&controlBit != 0 && (!f.fin || size > maxControl) {
		return f, 0, errControl
	}
	switch size {
	case 126:
		head = 4
		if len(b) >= head {
			size = uint64(binary.BigEndian.Uint16(b[2:]))
		}
	case 127:
		head = 10
		if len(b) >= head {
			size = binary.BigEndian.Uint64(b[2:])
		}
	}
	if len(b) < head {
		return f, 0, nil
	}
	if f.op&controlBit == 0 && size > uint64(room) {
		return f, 0, errTooBig
	}
	n = head + maskSize + int(size)
	if len(b) < n {
		return f, 0, nil
	}
	f.payload = b[head+maskSize : n : n]
	unmask(f.payload, [maskSize]byte(b[head:]))
	return f, n, nil
}

// unmask takes the mask off, eight bytes at a time.
func unmask(b []byte, key [maskSize]byte) {
	k := uint64(binary.LittleEndian.Uint32(key[:]))
	k |= k << 32
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^k)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= key[i%maskSize]
	}
}

// closeCode checks the payload of a close frame and returns the code to answer
// with.
func closeCode(payload []byte) (int, error) {
	if len(payload) == 0 {
		return websocket.CloseNoStatusReceived, nil
	}
	if len(payload) == 1 || !utf8.Valid(payload[2:]) {
		return 0, errBadClose
	}
	code := int(binary.BigEndian.Uint16(payload))
	switch {
	case code >= 3000 && code <= 4999: // for libraries and applications
	case code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006:
	default:
		return 0, errBadClose
	}
	return code, nil
}
