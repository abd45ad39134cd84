package frame

import "github.com/throng-io/throng/protocol/websocket"

// Control returns a WebSocket control frame with a copy of data, which may be 125 bytes long at
// most (RFC 6455, section 5.5). It carries no packet and has no polling form: it is for sessions on
// a WebSocket only.
func Control(op websocket.Opcode, data []byte) *Frame {
	h := header(op, len(data))
	wire := h.Append(make([]byte, 0, h.Size()+len(data)))
	return finish(append(wire, data...), 0, false)
}
