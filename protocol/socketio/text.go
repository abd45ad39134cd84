package socketio

import (
	"bytes"
	"math"
	"math/bits"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// AppendString appends s as a JSON string to dst and returns the extended slice. It escapes what
// JSON.stringify escapes and no more: the quote, the backslash and control characters, but not < >
// & or U+2028. Invalid UTF-8 becomes U+FFFD.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0 // of what is not written yet
	valid := false
	for i := 0; i < len(s); {
		if i+8 <= len(s) {
			x := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
				uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
			m := stops(x)
			if !valid {
				m |= x & tops
			}
			if m == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(m) >> 3
		}
		switch c := s[i]; {
		case c >= utf8.RuneSelf && !valid:
			// Rare enough to make a copy, once for the whole string.
			if !utf8.ValidString(s[i:]) {
				dst = append(dst, s[start:i]...)
				s, i, start = string([]rune(s[i:])), 0, 0
			}
			valid = true
		case c < 0x20 || c == '"' || c == '\\':
			dst = appendEscape(append(dst, s[start:i]...), c)
			i++
			start = i
		default:
			i++
		}
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// appendEscape writes the escape of a quote, backslash or control character.
func appendEscape(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}

// appendUnquoted appends the value of the JSON string whose raw text, without quotes, is given. A
// lone surrogate, which no UTF-8 text can hold, becomes U+FFFD.
func appendUnquoted(dst, raw []byte) []byte {
	for {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 || i+1 >= len(raw) {
			return append(dst, raw...)
		}
		dst = append(dst, raw[:i]...)
		c := raw[i+1]
		raw = raw[i+2:]
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			var r rune
			r, raw = unescape(raw)
			dst = utf8.AppendRune(dst, r)
			continue
		}
		dst = append(dst, c)
	}
}

// unescape decodes the digits of a \u escape, and the second half of a surrogate pair if there is
// one. It returns what follows.
func unescape(raw []byte) (rune, []byte) {
	if len(raw) < 4 {
		return utf8.RuneError, nil
	}
	r, _ := hex4(raw)
	raw = raw[4:]
	if utf16.IsSurrogate(r) && len(raw) >= 6 && raw[0] == '\\' && raw[1] == 'u' {
		low, _ := hex4(raw[2:])
		if r2 := utf16.DecodeRune(r, low); r2 != utf8.RuneError {
			return r2, raw[6:]
		}
	}
	return r, raw // AppendRune turns a lone surrogate into U+FFFD
}

// keyIs compares the raw text of a JSON string, without quotes, with s, which is plain ASCII.
func keyIs(raw []byte, s string) bool {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw) == s
	}
	if len(raw) > 6*len(s) { // every character as \u00xx
		return false
	}
	var buf [6 * 16]byte
	return string(appendUnquoted(buf[:0], raw)) == s
}

// appendFloat writes f as JavaScript does: no minus before zero, an exponent from 1e21 on and below
// 1e-6, and null for what JSON cannot express.
func appendFloat(dst []byte, f float64, bitSize int) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(dst, "null"...)
	}
	if f == 0 {
		return append(dst, '0')
	}
	abs := math.Abs(f)
	if abs >= 1e-6 && abs < 1e21 {
		return strconv.AppendFloat(dst, f, 'f', -1, bitSize)
	}
	dst = strconv.AppendFloat(dst, f, 'e', -1, bitSize)
	// e-07 is e-7 in JavaScript
	if n := len(dst); dst[n-2] == '0' && (dst[n-3] == '-' || dst[n-3] == '+') {
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}
