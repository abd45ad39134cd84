package frame

import "encoding/binary"

// First bytes of a WebSocket frame that is a whole message: FIN and the opcode.
const (
	opText   = 0x80 | 0x1
	opBinary = 0x80 | 0x2
)

// headerSize is the length of the header in front of size bytes of payload.
func headerSize(size int) int {
	switch {
	case size < 126:
		return 2
	case size <= 0xffff:
		return 4
	default:
		return 10
	}
}

// appendHeader appends the shortest header for a payload of size bytes, which is
// the only one that the standard allows.
func appendHeader(dst []byte, op byte, size int) []byte {
	switch headerSize(size) {
	case 2:
		return append(dst, op, byte(size))
	case 4:
		return binary.BigEndian.AppendUint16(append(dst, op, 126), uint16(size))
	default:
		return binary.BigEndian.AppendUint64(append(dst, op, 127), uint64(size))
	}
}

// readHeader reads a header that appendHeader wrote: the kind of the message,
// the length of the header and that of the payload. A frame keeps no table of
// its parts because the headers are one.
func readHeader(b []byte) (isBinary bool, head, size int) {
	isBinary = b[0] == opBinary
	switch b[1] {
	case 126:
		return isBinary, 4, int(binary.BigEndian.Uint16(b[2:]))
	case 127:
		return isBinary, 10, int(binary.BigEndian.Uint64(b[2:]))
	default:
		return isBinary, 2, int(b[1])
	}
}
