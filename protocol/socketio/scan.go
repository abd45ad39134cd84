package socketio

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// Depth limits of JSON payloads, in arrays and objects inside one another.
const (
	defaultDepth = 128
	maxDepth     = 1024 // what the scanner's stack holds
)

// scanner checks that a text is one JSON value as RFC 8259 defines it. It builds nothing: the kinds
// of the open containers are bits on a stack of fixed size, so hostile nesting costs neither memory
// nor goroutine stack.
//
// The methods take the position to go on from and return the one they got to, or -1 when they have
// called fail.
type scanner struct {
	b       []byte
	limit   int // of depth
	depth   int
	objects [maxDepth / 64]uint64 // bit d-1 is set if the container at depth d is an object
	object  bool                  // the innermost container is an object
	high    uint64                // has a top bit set if a byte above 0x7f may have been seen
	err     error
	at      int
}

func (s *scanner) fail(i int, err error) int {
	s.err, s.at = err, i
	return -1
}

// document reads one value from i on and returns where it ends.
func (s *scanner) document(i int) int {
	for {
		if i = s.value(i); i < 0 || s.depth == 0 {
			return i
		}
		if i = s.after(i); i < 0 || s.depth == 0 {
			return i
		}
	}
}

// after reads on behind a value, which may end any number of containers, up to the next value of
// those that remain open.
func (s *scanner) after(i int) int {
	for s.depth > 0 {
		i = skipSpace(s.b, i)
		if i >= len(s.b) {
			return s.fail(i, errUnexpectedEnd)
		}
		switch c := s.b[i]; {
		case c == ',' && s.object:
			return s.key(i + 1)
		case c == ',':
			return i + 1
		case s.object && c != '}', !s.object && c != ']':
			return s.fail(i, errCommaOrEnd)
		}
		i++
		if s.depth--; s.depth > 0 {
			s.object = s.objects[(s.depth-1)>>6]>>((s.depth-1)&63)&1 != 0
		}
	}
	return i
}

// value reads a scalar, an empty container, or the beginning of a container up to its first value
// that is not a container; depth says which.
func (s *scanner) value(i int) int {
	for {
		i = skipSpace(s.b, i)
		if i >= len(s.b) {
			return s.fail(i, errUnexpectedEnd)
		}
		switch c := s.b[i]; c {
		case '"':
			return s.string(i + 1)
		case '{', '[':
			if s.depth >= s.limit {
				return s.fail(i, ErrTooDeep)
			}
			word, bit := s.depth>>6, uint64(1)<<(s.depth&63)
			i = skipSpace(s.b, i+1)
			if i < len(s.b) && s.b[i] == c+2 { // ] is [ + 2, and } is { + 2
				return i + 1
			}
			s.depth++
			s.object = c == '{'
			if !s.object {
				s.objects[word] &^= bit
				continue
			}
			s.objects[word] |= bit
			if i = s.key(i); i < 0 {
				return i
			}
		case 't':
			return s.literal(i, "true")
		case 'f':
			return s.literal(i, "false")
		case 'n':
			return s.literal(i, "null")
		default:
			return s.number(i)
		}
	}
}

// key reads an object key and its colon.
func (s *scanner) key(i int) int {
	i = skipSpace(s.b, i)
	if i >= len(s.b) {
		return s.fail(i, errUnexpectedEnd)
	}
	if s.b[i] != '"' {
		return s.fail(i, errKey)
	}
	if i = s.string(i + 1); i < 0 {
		return i
	}
	if i < len(s.b) && s.b[i] == ':' {
		return i + 1
	}
	i = skipSpace(s.b, i)
	if i >= len(s.b) || s.b[i] != ':' {
		return s.fail(i, errColon)
	}
	return i + 1
}

const (
	ones = 0x0101010101010101
	tops = 0x8080808080808080
)

// stops returns a word whose lowest set bit lies in the first byte of x, in memory order, that ends
// a run of plain string bytes: a quote, a backslash or a control character. It is zero if all eight
// are plain.
//
// The subtractions find bytes that are zero, or below 0x20, by their borrow out of the top bit; a
// byte that has a top bit of its own is none. They may also mark a byte behind a true hit, which
// borrowed from it, but never one before: hence only the lowest bit counts.
func stops(x uint64) uint64 {
	quote := x ^ ones*'"'
	backslash := x ^ ones*'\\'
	return ((quote - ones) | (backslash - ones) | (x - ones*0x20)) &^ x & tops
}

// string reads on from behind an opening quote to behind the closing one.
func (s *scanner) string(i int) int {
	b := s.b
	for {
		for i+8 <= len(b) {
			x := binary.LittleEndian.Uint64(b[i:])
			s.high |= x
			if m := stops(x); m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				break
			}
			i += 8
		}
		// At a stop, or at the last seven bytes.
		for i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] >= 0x20 {
			s.high |= uint64(b[i])
			i++
		}
		if i >= len(b) {
			return s.fail(i, errUnexpectedEnd)
		}
		if b[i] == '"' {
			return i + 1
		}
		if b[i] != '\\' {
			return s.fail(i, errControl)
		}
		if i = s.escape(i + 1); i < 0 {
			return i
		}
	}
}

// escape reads what follows a backslash.
func (s *scanner) escape(i int) int {
	if i >= len(s.b) {
		return s.fail(i, errUnexpectedEnd)
	}
	switch s.b[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		if i+5 > len(s.b) {
			return s.fail(len(s.b), errUnexpectedEnd)
		}
		if _, ok := hex4(s.b[i+1 : i+5]); ok {
			return i + 5
		}
	}
	return s.fail(i, errEscape)
}

// number reads -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
func (s *scanner) number(i int) int {
	b, start := s.b, i
	if b[i] == '-' {
		i++
	}
	first := i
	i = skipDigits(b, i)
	switch {
	case i == first && first == start:
		return s.fail(i, errValue)
	case i == first, i > first+1 && b[first] == '0':
		return s.fail(first, errNumber)
	}
	if i < len(b) && b[i] == '.' {
		first = i + 1
		if i = skipDigits(b, first); i == first {
			return s.fail(i, errNumber)
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		first = i
		if i = skipDigits(b, first); i == first {
			return s.fail(i, errNumber)
		}
	}
	return i
}

func (s *scanner) literal(i int, want string) int {
	if len(s.b)-i < len(want) || string(s.b[i:i+len(want)]) != want {
		return s.fail(i, errLiteral)
	}
	return i + len(want)
}

func skipDigits(b []byte, i int) int {
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && b[i] <= ' ' && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// hex4 decodes the four digits of a \u escape.
func hex4(b []byte) (r rune, ok bool) {
	for _, c := range b[:4] {
		switch {
		case c-'0' <= 9:
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// validJSON reports whether b is one JSON value in valid UTF-8, nested no deeper than maxDepth,
// with nothing but space around it.
func validJSON(b []byte) bool {
	s := scanner{b: b, limit: maxDepth}
	i := s.document(0)
	return i >= 0 && skipSpace(b, i) == len(b) && (s.high&tops == 0 || utf8.Valid(b))
}
