package frame

// Control returns a WebSocket control frame with a copy of data, which may be
// 125 bytes long at most (RFC 6455, section 5.5). It carries no packet and has
// no polling form: it is for sessions on a WebSocket only.
func Control(opcode byte, data []byte) *Frame {
	wire := make([]byte, 0, headerSize(len(data))+len(data))
	wire = appendHeader(wire, 0x80|opcode, len(data))
	return finish(append(wire, data...), 0, false)
}
