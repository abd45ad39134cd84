package socketio

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math/bits"
	"strconv"
	"time"
	"unicode/utf8"
)

var (
	errMsgpackList = errors.New("socket.io: arguments are not well-formed MessagePack")
	errMsgpackExt  = errors.New("unknown MessagePack extension")
)

// isoMilli is the form of JavaScript's Date.toISOString.
const isoMilli = "2006-01-02T15:04:05.000Z"

// appendISO writes t as toISOString does, which has six digits and a sign for years that do not fit
// into four.
func appendISO(dst []byte, t time.Time) []byte {
	year := t.Year()
	if year >= 0 && year <= 9999 {
		return t.AppendFormat(dst, isoMilli)
	}
	sign := byte('+')
	if year < 0 {
		sign, year = '-', -year
	}
	dst = append(dst, sign)
	for digits := 100000; digits > year && digits > 1; digits /= 10 {
		dst = append(dst, '0')
	}
	dst = strconv.AppendInt(dst, int64(year), 10)
	return t.AppendFormat(dst, isoMilli[4:])
}

// appendMsgpackJSON appends a list of values to dst as a list of JSON values.
func appendMsgpackJSON(dst, args []byte) ([]byte, error) {
	out := dst
	for first := true; len(args) > 0; first = false {
		arg, rest := nextMsgpack(args)
		if arg == nil {
			return dst, errMsgpackList
		}
		if !first {
			out = append(out, ',')
		}
		var err error
		if out, _, err = appendMsgpackValue(out, arg, 0); err != nil {
			return dst, err
		}
		args = rest
	}
	return out, nil
}

// appendMsgpackValue appends the value at i as JSON and returns the position behind it. nextMsgpack
// has accepted it.
func appendMsgpackValue(dst, b []byte, i int) ([]byte, int, error) {
	h := readMsgpack(b, i)
	switch h.kind {
	case msgpackNil, msgpackUndefined:
		dst = append(dst, "null"...)
	case msgpackFalse:
		dst = append(dst, "false"...)
	case msgpackTrue:
		dst = append(dst, "true"...)
	case msgpackUint, msgpackInt, msgpackFloat:
		dst = h.appendNumber(dst, b)
	case msgpackString:
		dst = appendJSONText(dst, h.bytes(b))
	case msgpackBytes:
		dst = base64.StdEncoding.AppendEncode(append(dst, '"'), h.bytes(b))
		dst = append(dst, '"')
	case msgpackDate:
		dst = append(appendISO(append(dst, '"'), h.date(b)), '"')
	case msgpackArray:
		return appendMsgpackElements(dst, b, h)
	case msgpackMap:
		return appendMsgpackMembers(dst, b, h)
	default:
		return dst, 0, errMsgpackExt
	}
	return dst, h.end(), nil
}

func appendMsgpackElements(dst, b []byte, h msgpackHead) ([]byte, int, error) {
	dst = append(dst, '[')
	i := h.body
	var err error
	for n := range h.n {
		if n > 0 {
			dst = append(dst, ',')
		}
		if dst, i, err = appendMsgpackValue(dst, b, i); err != nil {
			return dst, 0, err
		}
	}
	return append(dst, ']'), i, nil
}

// appendMsgpackMembers leaves out members that are undefined, as JSON.stringify does.
func appendMsgpackMembers(dst, b []byte, h msgpackHead) ([]byte, int, error) {
	dst = append(dst, '{')
	start, i := len(dst), h.body
	var err error
	for range h.n {
		key := readMsgpack(b, i)
		i = key.end()
		if value := readMsgpack(b, i); value.kind == msgpackUndefined {
			i = value.end()
			continue
		}
		if len(dst) > start {
			dst = append(dst, ',')
		}
		if key.kind == msgpackString {
			dst = appendJSONText(dst, key.bytes(b))
		} else {
			dst = append(key.appendNumber(append(dst, '"'), b), '"')
		}
		dst = append(dst, ':')
		if dst, i, err = appendMsgpackValue(dst, b, i); err != nil {
			return dst, 0, err
		}
	}
	return append(dst, '}'), i, nil
}

// appendJSONText is AppendString for text that is valid UTF-8, as the text of packets is.
func appendJSONText(dst, s []byte) []byte {
	if !utf8.Valid(s) { // nor does text from elsewhere make invalid JSON
		return AppendString(dst, string(s))
	}
	dst = append(dst, '"')
	start := 0 // of what is not written yet
	for i := 0; i < len(s); {
		if i+8 <= len(s) {
			m := stops(binary.LittleEndian.Uint64(s[i:]))
			if m == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(m) >> 3
		}
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' {
			dst = appendEscape(append(dst, s[start:i]...), c)
			start = i + 1
		}
		i++
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// appendNumber writes a number as JSON.
func (h msgpackHead) appendNumber(dst, b []byte) []byte {
	switch h.kind {
	case msgpackUint:
		return strconv.AppendUint(dst, h.uint(b), 10)
	case msgpackInt:
		return strconv.AppendInt(dst, h.int(b), 10)
	}
	return appendFloat(dst, h.float(b), 64)
}

// key returns the text of a map's key: JavaScript has no others.
func (h msgpackHead) key(b []byte) string {
	switch h.kind {
	case msgpackUint:
		return strconv.FormatUint(h.uint(b), 10)
	case msgpackInt:
		return strconv.FormatInt(h.int(b), 10)
	}
	return string(h.bytes(b))
}

// skipMsgpack returns the position behind the value at i, which nextMsgpack has accepted.
func skipMsgpack(b []byte, i int) int {
	s := msgpackScanner{b: b, limit: maxDepth, checked: true}
	return s.value(i, 0)
}
