package client

import (
	"encoding/binary"
	"math/rand/v2"

	ws "github.com/throng-io/throng/protocol/websocket"
)

// appendFrame appends one masked frame whose payload is prefix and then
// payload. The prefix spares callers a copy for the packet type.
//
// The masking key is fresh for each frame and drawn from the runtime's ChaCha8
// generator, which the operating system seeds: section 5.3 of RFC 6455 asks for
// a key that cannot be predicted, and at a few nanoseconds there is no reason to
// cheat. A key of zero would be cheaper still and would flatter servers that skip
// the unmasking for it.
func appendFrame(dst []byte, op ws.Opcode, prefix string, payload []byte) []byte {
	h := ws.Header{Opcode: op, Final: true, Masked: true, Key: newKey(), Length: uint64(len(prefix) + len(payload))}
	dst = h.Append(dst)
	start := len(dst)
	dst = append(append(dst, prefix...), payload...)
	ws.Mask(dst[start:], h.Key)
	return dst
}

// newKey draws a masking key.
func newKey() (key [4]byte) {
	binary.LittleEndian.PutUint32(key[:], rand.Uint32())
	return key
}

// appendClose appends a close frame.
func appendClose(dst []byte, code ws.Code) []byte {
	return appendFrame(dst, ws.Close, "", ws.AppendClose(nil, code, ""))
}
