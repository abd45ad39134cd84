package stamp

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
)

// A State is the state of a message's stamp.
type State int

// The states of a message's stamp.
const (
	None    State = iota // nothing under "$b": not one of ours
	Damaged              // something is there, but it is damaged
	Found                // a stamp
)

// findJSON reads the stamp out of the raw arguments of an event without
// decoding them: first where this runner's own payload has it, then wherever a server that
// rewrote the JSON left the key.
func findJSON(args []byte) (s Stamp, state State) {
	if bytes.HasPrefix(args, []byte(Head)) {
		args = args[len(Head):]
	} else {
		i := bytes.Index(args, []byte(Key))
		if i < 0 {
			return s, None
		}
		args = args[i+len(Key):]
	}
	if len(args) <= TextSize || args[TextSize] != '"' {
		return s, Damaged
	}
	return read(args[:TextSize])
}

// findAt reads the stamp at the head of a JSON text, which a path has led to. Anything else there
// is no message of ours: the server may send more under the same name.
func findAt(v []byte) (Stamp, State) {
	if len(v) < 2+TextSize || v[0] != '"' {
		return Stamp{}, None
	}
	s, state := read(v[1 : 1+TextSize])
	if state == Damaged {
		state = None
	}
	return s, state
}

// packedKey comes before a stamp in MessagePack: the key "$b" and the head of a text of 32 bytes.
var packedKey = []byte("\xa2$b\xd9\x20")

// findPacked reads the stamp out of arguments in MessagePack: a text under "$b", or the head of
// binary data.
func findPacked(args []byte) (Stamp, State) {
	if _, text, found := bytes.Cut(args, packedKey); found {
		if len(text) < TextSize {
			return Stamp{}, Damaged
		}
		return read(text[:TextSize])
	}
	if n := packedBinary(args); n > 0 {
		return findBinary(args[n:])
	}
	return Stamp{}, None
}

// packedBinary returns the length of the head of a binary value, 0 when it is none.
func packedBinary(b []byte) int {
	if len(b) == 0 || b[0] < 0xc4 || b[0] > 0xc6 {
		return 0
	}
	return 2 + 1<<(b[0]-0xc4) - 1 // bin 8, 16, 32: one byte, and 1, 2 or 4 of length
}

// findBinary reads the stamp at the head of a binary payload.
func findBinary(b []byte) (Stamp, State) {
	if len(b) < Size {
		return Stamp{}, None
	}
	s, state := unpack((*[Size]byte)(b))
	if state != Found {
		return s, None // other bytes, or a damaged stamp: they look alike
	}
	return s, state
}

// read reads a stamp's text, which is that long.
func read(text []byte) (s Stamp, state State) {
	var b [Size]byte
	if n, err := base64.RawURLEncoding.Decode(b[:], text); err != nil || n != Size {
		return s, Damaged
	}
	return unpack(&b)
}

func unpack(b *[Size]byte) (s Stamp, state State) {
	if binary.BigEndian.Uint16(b[22:]) != check(b) {
		return s, Damaged
	}
	s.Run = binary.BigEndian.Uint32(b[0:])
	s.Stream = binary.BigEndian.Uint16(b[4:])
	s.Sender = binary.BigEndian.Uint32(b[6:])
	s.Seq = binary.BigEndian.Uint32(b[10:])
	s.Due = int64(binary.BigEndian.Uint64(b[14:]))
	return s, Found
}
