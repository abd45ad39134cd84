package engineio

import (
	"errors"
	"unicode/utf8"
)

// ErrJSONP reports a JSONP request body that is not a form with one field d.
var ErrJSONP = errors.New("engine.io: JSONP body is not a form with one field d")

// AppendJSONP appends the answer to a JSONP poll to dst: a script that gives the polling body to
// the client's callback.
//
//	___eio[0]("4hello");
//
// index is the value of the query parameter j. Everything but its digits is dropped, so that a
// request cannot put script into the answer. The body becomes a JavaScript string: JSON, with
// U+2028 and U+2029 escaped, which old engines take for line ends. Invalid UTF-8 becomes U+FFFD.
//
// A script must not be taken for anything else: send it with X-Content-Type-Options: nosniff.
func AppendJSONP(dst []byte, index string, body []byte) []byte {
	dst = append(dst, "___eio["...)
	for i := range len(index) {
		if index[i]-'0' <= 9 {
			dst = append(dst, index[i])
		}
	}
	dst = append(dst, `]("`...)
	start := 0 // of what is not written yet
	for i := 0; i < len(body); {
		c := body[i]
		if c >= 0x20 && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		r, size := rune(c), 1
		if c >= utf8.RuneSelf {
			if r, size = utf8.DecodeRune(body[i:]); size > 1 && r != '\u2028' && r != '\u2029' {
				i += size
				continue
			}
		}
		dst = appendScriptEscape(append(dst, body[start:i]...), r)
		i += size
		start = i
	}
	dst = append(dst, body[start:]...)
	return append(dst, `");`...)
}

// appendScriptEscape writes a character that cannot stand in a string as it is.
func appendScriptEscape(dst []byte, r rune) []byte {
	const hex = "0123456789abcdef"
	switch r {
	case '"', '\\':
		return append(dst, '\\', byte(r))
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
}

// ParseJSONP decodes the body of a JSONP request, a form whose field d is a polling body, in place:
// the result is a part of b.
//
// Browsers change the line ends of forms, so clients write a newline as \n and what was \n before
// as \\n; that is undone as well. Other fields are ignored. There must be one d.
func ParseJSONP(b []byte) ([]byte, error) {
	var field []byte
	for i := 0; i <= len(b); {
		end := i
		for end < len(b) && b[end] != '&' {
			end++
		}
		if end-i >= 2 && b[i] == 'd' && b[i+1] == '=' {
			if field != nil {
				return nil, ErrJSONP
			}
			field = b[i+2 : end : end]
		}
		i = end + 1
	}
	if field == nil {
		return nil, ErrJSONP
	}
	n, ok := unescapeForm(field)
	if !ok {
		return nil, ErrJSONP
	}
	n = unescapeNewlines(field[:n])
	return field[:n:n], nil
}

// unescapeForm decodes %xx and + over b and returns the new length.
func unescapeForm(b []byte) (n int, ok bool) {
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch c {
		case '+':
			c = ' '
		case '%':
			if i+2 >= len(b) {
				return 0, false
			}
			high, low := hexDigit(b[i+1]), hexDigit(b[i+2])
			if high|low > 15 {
				return 0, false
			}
			c = high<<4 | low
			i += 2
		}
		b[n] = c
		n++
	}
	return n, true
}

// hexDigit returns the value of a hexadecimal digit, 255 for another character.
func hexDigit(c byte) byte {
	switch {
	case c-'0' <= 9:
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 255
}

// unescapeNewlines turns \\n into \n and \n into a newline over b and returns the new length.
func unescapeNewlines(b []byte) (n int) {
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case c != '\\':
		case i+2 < len(b) && b[i+1] == '\\' && b[i+2] == 'n':
			b[n] = '\\'
			n++
			c = 'n'
			i += 2
		case i+1 < len(b) && b[i+1] == 'n':
			c = '\n'
			i++
		}
		b[n] = c
		n++
	}
	return n
}
