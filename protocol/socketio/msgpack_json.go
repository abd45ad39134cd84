package socketio

import (
	"encoding/base64"
	"errors"
	"strconv"
	"time"
)

var (
	errMsgpackList = errors.New("socket.io: arguments are not well-formed MessagePack")
	errMsgpackExt  = errors.New("MessagePack extension is none of the dialect")
)

// isoMilli is the form of JavaScript's Date.toISOString.
const isoMilli = "2006-01-02T15:04:05.000Z"

// appendISO writes t as toISOString does, which has six digits and a sign for
// years that do not fit into four.
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

// appendMsgpackValue appends the value at i as JSON and returns the position
// behind it. nextMsgpack has accepted it.
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
		dst = AppendString(dst, string(h.bytes(b)))
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

// appendMsgpackMembers leaves out members that are undefined, as JSON.stringify
// does.
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
		dst = append(AppendString(dst, key.key(b)), ':')
		if dst, i, err = appendMsgpackValue(dst, b, i); err != nil {
			return dst, 0, err
		}
	}
	return append(dst, '}'), i, nil
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

// skipMsgpack returns the position behind the value at i, which nextMsgpack has
// accepted.
func skipMsgpack(b []byte, i int) int {
	s := msgpackScanner{b: b, limit: maxDepth}
	return s.value(i, 0)
}
