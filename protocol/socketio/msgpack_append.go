package socketio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
	"unicode/utf8"
)

// A packet is a map: type, data unless absent, id if there is one, nsp. Readers must not depend on
// the order, which is the same as in the reference's events.

func msgpackFields(hasID bool) int {
	if hasID {
		return 4
	}
	return 3
}

// appendMsgpackHead appends a packet's map of so many fields, up to the payload if there is one.
func appendMsgpackHead(dst []byte, t Type, fields int) []byte {
	dst = append(dst, 0x80|byte(fields), 0xa4, 't', 'y', 'p', 'e', byte(t))
	if fields == 2 {
		return dst
	}
	return append(dst, 0xa4, 'd', 'a', 't', 'a')
}

// appendMsgpackTail appends what follows the payload.
func appendMsgpackTail(dst []byte, namespace string, id uint64, hasID bool) []byte {
	if hasID {
		dst = appendMsgpackUint(append(dst, 0xa2, 'i', 'd'), id)
	}
	return appendMsgpackNamespace(dst, namespace)
}

func appendMsgpackNamespace(dst []byte, namespace string) []byte {
	if namespace == "" {
		namespace = "/"
	}
	return appendMsgpackString(append(dst, 0xa3, 'n', 's', 'p'), namespace)
}

var errConnectData = errors.New("socket.io: data of a connect packet must be an object, without binary if it is JSON")

// appendMsgpackConnect appends a Connect or ConnectError.
func appendMsgpackConnect(dst []byte, t Type, namespace string, data any) ([]byte, error) {
	if data == nil {
		return appendMsgpackNamespace(appendMsgpackHead(dst, t, 2), namespace), nil
	}
	e := encoder{dst: appendMsgpackHead(dst, t, 3), packed: true}
	start := len(e.dst)
	if err := e.value(data); err != nil {
		return dst, fmt.Errorf("socket.io: data of a connect packet: %w", err)
	}
	if readMsgpack(e.dst, start).kind != msgpackMap {
		return dst, errConnectData
	}
	return appendMsgpackNamespace(e.dst, namespace), nil
}

func appendMsgpackEvent(dst []byte, namespace string, id uint64, hasID bool, event string, args []any) ([]byte, error) {
	if Reserved(event) {
		return dst, fmt.Errorf("socket.io: event %q: %w", event, ErrReservedEvent)
	}
	if err := checkNamespace(namespace); err != nil {
		return dst, err
	}
	out := appendMsgpackArray(appendMsgpackHead(dst, Event, msgpackFields(hasID)), 1+len(args))
	out, err := appendMsgpackArgs(appendMsgpackString(out, event), args)
	if err != nil {
		return dst, fmt.Errorf("socket.io: event %q: %w", event, err)
	}
	return appendMsgpackTail(out, namespace, id, hasID), nil
}

func appendMsgpackAck(dst []byte, namespace string, id uint64, args []any) ([]byte, error) {
	if err := checkNamespace(namespace); err != nil {
		return dst, err
	}
	out := appendMsgpackArray(appendMsgpackHead(dst, Ack, msgpackFields(true)), len(args))
	out, err := appendMsgpackArgs(out, args)
	if err != nil {
		return dst, fmt.Errorf("socket.io: ack %d: %w", id, err)
	}
	return appendMsgpackTail(out, namespace, id, true), nil
}

func appendMsgpackArgs(dst []byte, args []any) ([]byte, error) {
	e := encoder{dst: dst, packed: true}
	for i, arg := range args {
		if err := e.value(arg); err != nil {
			return nil, fmt.Errorf("argument %d: %w", i+1, err)
		}
	}
	return e.dst, nil
}

func appendMsgpackUint(dst []byte, n uint64) []byte {
	switch {
	case n <= 0x7f:
		return append(dst, byte(n))
	case n <= math.MaxUint8:
		return append(dst, 0xcc, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, 0xcd), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, 0xce), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xcf), n)
}

func appendMsgpackInt(dst []byte, n int64) []byte {
	switch {
	case n >= 0:
		return appendMsgpackUint(dst, uint64(n))
	case n >= -32:
		return append(dst, byte(n))
	case n >= math.MinInt8:
		return append(dst, 0xd0, byte(n))
	case n >= math.MinInt16:
		return binary.BigEndian.AppendUint16(append(dst, 0xd1), uint16(n))
	case n >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(dst, 0xd2), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xd3), uint64(n))
}

// appendMsgpackFloat writes a number as JavaScript does, where 1.0 and 1 are the same: whole
// numbers as integers, as far as both can hold them.
func appendMsgpackFloat(dst []byte, f float64) []byte {
	const exact = 1 << 53
	if n := int64(f); f >= -exact && f <= exact && float64(n) == f {
		return appendMsgpackInt(dst, n)
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xcb), math.Float64bits(f))
}

// appendMsgpackString writes a string; invalid UTF-8 becomes U+FFFD.
func appendMsgpackString(dst []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = string([]rune(s))
	}
	return append(appendMsgpackStringHead(dst, len(s)), s...)
}

// appendMsgpackText writes a string that is known to be valid UTF-8.
func appendMsgpackText(dst, s []byte) []byte {
	return append(appendMsgpackStringHead(dst, len(s)), s...)
}

func appendMsgpackStringHead(dst []byte, n int) []byte {
	switch {
	case n < 32:
		return append(dst, 0xa0|byte(n))
	case n <= math.MaxUint8:
		return append(dst, 0xd9, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, 0xda), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, 0xdb), uint32(n))
}

func appendMsgpackBytes(dst, b []byte) []byte {
	switch n := len(b); {
	case b == nil:
		return append(dst, 0xc0)
	case n <= math.MaxUint8:
		dst = append(dst, 0xc4, byte(n))
	case n <= math.MaxUint16:
		dst = binary.BigEndian.AppendUint16(append(dst, 0xc5), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint32(append(dst, 0xc6), uint32(n))
	}
	return append(dst, b...)
}

func appendMsgpackBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, 0xc3)
	}
	return append(dst, 0xc2)
}

func appendMsgpackDate(dst []byte, t time.Time) []byte {
	return binary.BigEndian.AppendUint64(append(dst, 0xd7, 0x00), uint64(t.UnixMilli()))
}

func appendMsgpackArray(dst []byte, n int) []byte { return appendMsgpackCount(dst, 0x90, 0xdc, n) }
func appendMsgpackMap(dst []byte, n int) []byte   { return appendMsgpackCount(dst, 0x80, 0xde, n) }

func appendMsgpackCount(dst []byte, short, long byte, n int) []byte {
	switch {
	case n < 16:
		return append(dst, short|byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, long), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, long+1), uint32(n))
}
