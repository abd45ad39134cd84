package socketio

import (
	"encoding/binary"
	"errors"
	"math"
	"time"
	"unicode/utf8"
)

// msgpackKind is the kind of a MessagePack value, for every width of its head.
type msgpackKind byte

const (
	msgpackBad msgpackKind = iota // not a value, or one that is cut off
	msgpackNil
	msgpackUndefined // notepack's extension for it
	msgpackFalse
	msgpackTrue
	msgpackUint
	msgpackInt
	msgpackFloat
	msgpackString
	msgpackBytes
	msgpackDate // notepack's extension: milliseconds since 1970
	msgpackExt  // any other extension
	msgpackArray
	msgpackMap
)

// msgpackHead is the first byte of a value, and the length behind it.
type msgpackHead struct {
	kind msgpackKind
	body int // where what follows the head begins
	n    int // bytes that follow; elements of an array, pairs of a map
}

// readMsgpack reads the head of the value at i. A length that the rest of b cannot hold makes it
// bad: an element takes one byte at least, so what is announced can be trusted to be no more than
// what was sent.
func readMsgpack(b []byte, i int) msgpackHead {
	if i >= len(b) {
		return msgpackHead{}
	}
	rest := len(b) - i - 1
	var h msgpackHead
	switch c := b[i]; {
	case c <= 0x7f:
		return msgpackHead{msgpackUint, i + 1, 0}
	case c <= 0x8f:
		h = msgpackHead{msgpackMap, i + 1, int(c & 0x0f)}
	case c <= 0x9f:
		h = msgpackHead{msgpackArray, i + 1, int(c & 0x0f)}
	case c <= 0xbf:
		h = msgpackHead{msgpackString, i + 1, int(c & 0x1f)}
	case c >= 0xe0:
		return msgpackHead{msgpackInt, i + 1, 0}
	default:
		w := msgpackHeads[c&0x1f]
		if rest < int(w.width) {
			return msgpackHead{}
		}
		h = msgpackHead{w.kind, i + 1 + int(w.width), int(w.size)}
		switch w.width {
		case 1:
			h.n += int(b[i+1])
		case 2:
			h.n += int(binary.BigEndian.Uint16(b[i+1:]))
		case 4:
			n := binary.BigEndian.Uint32(b[i+1:])
			if uint64(n) > uint64(len(b)) { // before it can overflow an int of 32 bits
				return msgpackHead{}
			}
			h.n += int(n)
		}
	}
	rest = len(b) - h.body
	if h.n > rest || h.kind == msgpackMap && h.n > rest/2 {
		return msgpackHead{}
	}
	if h.kind == msgpackExt {
		// The type stands between the length and the data.
		if h.body++; b[h.body-1] == 0 {
			h.kind = notepackKind(b[i])
		}
		h.n--
	}
	return h
}

// notepackKind distinguishes the private extensions of type 0 by their first byte.
func notepackKind(c byte) msgpackKind {
	switch c {
	case 0xd4:
		return msgpackUndefined
	case 0xd7:
		return msgpackDate
	}
	return msgpackBytes // an ArrayBuffer
}

// msgpackHeads describes the values that begin with c0 to df: the bytes of their length, and the
// bytes that follow besides. An extension's type counts among those.
var msgpackHeads = [32]struct {
	kind        msgpackKind
	width, size uint8
}{
	0x00: {msgpackNil, 0, 0},
	0x02: {msgpackFalse, 0, 0},
	0x03: {msgpackTrue, 0, 0},
	0x04: {msgpackBytes, 1, 0},
	0x05: {msgpackBytes, 2, 0},
	0x06: {msgpackBytes, 4, 0},
	0x07: {msgpackExt, 1, 1},
	0x08: {msgpackExt, 2, 1},
	0x09: {msgpackExt, 4, 1},
	0x0a: {msgpackFloat, 0, 4},
	0x0b: {msgpackFloat, 0, 8},
	0x0c: {msgpackUint, 0, 1},
	0x0d: {msgpackUint, 0, 2},
	0x0e: {msgpackUint, 0, 4},
	0x0f: {msgpackUint, 0, 8},
	0x10: {msgpackInt, 0, 1},
	0x11: {msgpackInt, 0, 2},
	0x12: {msgpackInt, 0, 4},
	0x13: {msgpackInt, 0, 8},
	0x14: {msgpackExt, 0, 2},
	0x15: {msgpackExt, 0, 3},
	0x16: {msgpackExt, 0, 5},
	0x17: {msgpackExt, 0, 9},
	0x18: {msgpackExt, 0, 17},
	0x19: {msgpackString, 1, 0},
	0x1a: {msgpackString, 2, 0},
	0x1b: {msgpackString, 4, 0},
	0x1c: {msgpackArray, 2, 0},
	0x1d: {msgpackArray, 4, 0},
	0x1e: {msgpackMap, 2, 0},
	0x1f: {msgpackMap, 4, 0},
}

// bytes returns what follows the head.
func (h msgpackHead) bytes(b []byte) []byte { return b[h.body : h.body+h.n : h.body+h.n] }

// end returns the position behind a value that is no container.
func (h msgpackHead) end() int { return h.body + h.n }

// uint returns the value of a msgpackUint.
func (h msgpackHead) uint(b []byte) uint64 {
	switch h.n {
	case 0:
		return uint64(b[h.body-1])
	case 1:
		return uint64(b[h.body])
	case 2:
		return uint64(binary.BigEndian.Uint16(b[h.body:]))
	case 4:
		return uint64(binary.BigEndian.Uint32(b[h.body:]))
	}
	return binary.BigEndian.Uint64(b[h.body:])
}

// int returns the value of a msgpackInt.
func (h msgpackHead) int(b []byte) int64 {
	switch h.n {
	case 0:
		return int64(int8(b[h.body-1]))
	case 1:
		return int64(int8(b[h.body]))
	case 2:
		return int64(int16(binary.BigEndian.Uint16(b[h.body:])))
	case 4:
		return int64(int32(binary.BigEndian.Uint32(b[h.body:])))
	}
	return int64(binary.BigEndian.Uint64(b[h.body:]))
}

// float returns the value of a msgpackFloat, msgpackUint or msgpackInt.
func (h msgpackHead) float(b []byte) float64 {
	switch {
	case h.kind == msgpackUint:
		return float64(h.uint(b))
	case h.kind == msgpackInt:
		return float64(h.int(b))
	case h.n == 4:
		return float64(math.Float32frombits(binary.BigEndian.Uint32(b[h.body:])))
	}
	return math.Float64frombits(binary.BigEndian.Uint64(b[h.body:]))
}

// date returns the value of a msgpackDate.
func (h msgpackHead) date(b []byte) time.Time {
	return time.UnixMilli(int64(binary.BigEndian.Uint64(b[h.body:]))).UTC()
}

// msgpackScanner checks that bytes are MessagePack values. It builds nothing and is linear in the
// bytes; it goes down as deep as the values are nested, up to its limit.
type msgpackScanner struct {
	b       []byte
	limit   int  // of depth
	checked bool // the text is known to be UTF-8
	err     error
	at      int
}

var (
	errMsgpack    = errors.New("MessagePack value expected, or it is longer than the packet")
	errMsgpackKey = errors.New("key of a MessagePack map must be a string or an integer")
)

func (s *msgpackScanner) fail(i int, err error) int {
	s.err, s.at = err, i
	return -1
}

// value reads the value at i, inside depth containers, and returns the position behind it, or -1.
func (s *msgpackScanner) value(i, depth int) int {
	h := readMsgpack(s.b, i)
	switch h.kind {
	case msgpackBad:
		return s.fail(i, errMsgpack)
	case msgpackString:
		if !s.checked && !utf8.Valid(h.bytes(s.b)) {
			return s.fail(i, errUTF8)
		}
	case msgpackArray:
		if depth >= s.limit {
			return s.fail(i, ErrTooDeep)
		}
		i = h.body
		for range h.n {
			if i = s.value(i, depth+1); i < 0 {
				return -1
			}
		}
		return i
	case msgpackMap:
		if depth >= s.limit {
			return s.fail(i, ErrTooDeep)
		}
		i = h.body
		for range h.n {
			switch readMsgpack(s.b, i).kind {
			case msgpackString, msgpackUint, msgpackInt, msgpackBad: // value reports what is bad
			default:
				return s.fail(i, errMsgpackKey)
			}
			if i = s.value(i, depth+1); i < 0 {
				return -1
			}
			if i = s.value(i, depth+1); i < 0 {
				return -1
			}
		}
		return i
	}
	return h.end()
}

// nextMsgpack cuts the first value off a list. It is nil at the end of the list, and at something
// that is no value. Whether text is UTF-8 has been the parser's to check.
func nextMsgpack(args []byte) (arg, rest []byte) {
	s := msgpackScanner{b: args, limit: maxDepth, checked: true}
	end := s.value(0, 0)
	if end < 0 {
		return nil, nil
	}
	return args[:end:end], args[end:]
}

// countMsgpack counts the values of a list.
func countMsgpack(args []byte) (n int) {
	for len(args) > 0 {
		if _, args = nextMsgpack(args); args == nil {
			break
		}
		n++
	}
	return n
}
