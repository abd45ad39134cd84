package wire

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
)

const msgpack = socketio.MessagePack

// value appends one value that is sure to be encodable.
func value(dst []byte, v any) []byte {
	dst, _, _ = msgpack.AppendArgs(dst, nil, v)
	return dst
}

func appendMap(dst []byte, n int) []byte   { return appendCount(dst, 0x80, 0xde, n) }
func appendArray(dst []byte, n int) []byte { return appendCount(dst, 0x90, 0xdc, n) }

func appendCount(dst []byte, short, long byte, n int) []byte {
	switch {
	case n < 16:
		return append(dst, short|byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, long), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, long+1), uint32(n))
}

func appendStrings(dst []byte, list []string) []byte {
	dst = appendArray(dst, len(list))
	for _, s := range list {
		dst = value(dst, s)
	}
	return dst
}

// appendEvent appends the array of an event's name and arguments.
func appendEvent(dst []byte, m *Message) []byte {
	n := 1
	for rest := m.Args; len(rest) > 0; n++ {
		if _, rest = msgpack.NextArg(rest); rest == nil {
			break
		}
	}
	return append(value(appendArray(dst, n), m.Event), m.Args...)
}

// whole reports whether b is one well-formed value: what follows may rely on it.
func whole(b []byte) bool {
	arg, rest := msgpack.NextArg(b)
	return arg != nil && len(rest) == 0
}

// head returns how many elements an array has (of a map: keys and values), and what follows its
// head; -1 for another value.
func head(b []byte, short, long byte) (n int, body []byte) {
	switch {
	case len(b) > 0 && b[0]&0xf0 == short:
		n, body = int(b[0]&0x0f), b[1:]
	case len(b) >= 3 && b[0] == long:
		n, body = int(binary.BigEndian.Uint16(b[1:])), b[3:]
	case len(b) >= 5 && b[0] == long+1:
		n, body = int(binary.BigEndian.Uint32(b[1:])), b[5:]
	default:
		return -1, nil
	}
	return n, body
}

// elements calls f with each element of an array, and reports whether b is one.
func elements(b []byte, f func(v []byte)) bool {
	n, body := head(b, 0x90, 0xdc)
	for range n {
		var v []byte
		if v, body = msgpack.NextArg(body); v == nil {
			return false
		}
		f(v)
	}
	return n >= 0
}

// fields calls f with each key and value of a map, and reports whether b is one. Keys that are no
// text are left out.
func fields(b []byte, f func(key string, v []byte)) bool {
	n, body := head(b, 0x80, 0xde)
	for range n {
		var k, v []byte
		if k, body = msgpack.NextArg(body); k == nil {
			return false
		}
		if v, body = msgpack.NextArg(body); v == nil {
			return false
		}
		if key, ok := text(k); ok {
			f(key, v)
		}
	}
	return n >= 0
}

// text is a string, or a number as JavaScript prints it: rooms may be numbers.
func text(v []byte) (string, bool) {
	if len(v) > 0 && (v[0]&0xe0 == 0xa0 || v[0] >= 0xd9 && v[0] <= 0xdb) { // a string, as nearly always
		var s string
		if msgpack.Bind(v, nil, &s) != nil {
			return "", false
		}
		return strings.ToValidUTF8(s, "\uFFFD"), true
	}
	var s any
	if msgpack.Bind(v, nil, &s) != nil {
		return "", false
	}
	if f, ok := s.(float64); ok {
		return number(f), true
	}
	return "", false
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// texts is a list of names; others than texts and numbers are left out.
func texts(v []byte) (list []string) {
	elements(v, func(v []byte) {
		if s, ok := text(v); ok {
			list = append(list, s)
		}
	})
	return list
}

func integer(v []byte) int {
	var f float64
	if msgpack.Bind(v, nil, &f) != nil || math.IsNaN(f) || math.Abs(f) > math.MaxInt32 {
		return 0
	}
	return int(f)
}

func truth(v []byte) bool { return len(v) == 1 && v[0] == 0xc3 }
func isNil(v []byte) bool { return len(v) == 1 && v[0] == 0xc0 }

// audience reads the options of a broadcast.
func audience(v []byte) (to Audience) {
	fields(v, func(key string, v []byte) {
		switch key {
		case "rooms":
			to.Rooms = texts(v)
		case "except":
			to.Except = texts(v)
		case "flags":
			fields(v, func(key string, v []byte) {
				switch key {
				case "volatile":
					to.Volatile = truth(v)
				case "compress":
					to.NoCompress = len(v) == 1 && v[0] == 0xc2
				case "timeout":
					to.Timeout = time.Duration(integer(v)) * time.Millisecond
				}
			})
		}
	})
	return to
}

// appendAudience writes the options of a broadcast.
func appendAudience(dst []byte, to Audience) []byte {
	dst = appendStrings(value(appendMap(dst, 3), "rooms"), to.Rooms)
	dst = appendStrings(value(dst, "except"), to.Except)
	return appendFlags(value(dst, "flags"), to)
}

func appendFlags(dst []byte, to Audience) []byte {
	n := 0
	for _, set := range []bool{to.Volatile, to.NoCompress, to.Timeout > 0} {
		if set {
			n++
		}
	}
	dst = appendMap(dst, n)
	if to.Volatile {
		dst = value(value(dst, "volatile"), true)
	}
	if to.NoCompress {
		dst = value(value(dst, "compress"), false)
	}
	if to.Timeout > 0 {
		dst = value(value(dst, "timeout"), to.Timeout.Milliseconds())
	}
	return dst
}

// event splits an array of an event's name and arguments.
func (m *Message) event(v []byte) error {
	n, body := head(v, 0x90, 0xdc)
	if n < 1 {
		return errEvent
	}
	name, args := msgpack.NextArg(body)
	s, ok := text(name)
	if !ok {
		return errEvent
	}
	m.Event, m.Args, m.Parser = s, args, msgpack
	return nil
}

// packet reads a packet of the protocol, of which only events travel.
func (m *Message) packet(v []byte) (err error) {
	err = errEvent
	if !fields(v, func(key string, v []byte) {
		switch key {
		case "data":
			err = m.event(v)
		case "nsp":
			m.Namespace, _ = text(v)
		}
	}) {
		return errForm
	}
	return err
}

// plainJSON is a value as JSON, nil if there is none.
func plainJSON(v []byte) []byte {
	if isNil(v) {
		return nil
	}
	b, err := msgpack.AppendJSON(nil, v)
	if err != nil {
		return nil
	}
	return b
}

// sockets reads a list of sockets.
func sockets(v []byte) (list []Socket) {
	elements(v, func(v []byte) {
		var s Socket
		if fields(v, func(key string, v []byte) {
			switch key {
			case "id":
				s.ID, _ = text(v)
			case "handshake":
				s.Handshake = plainJSON(v)
			case "rooms":
				s.Rooms = texts(v)
			case "data":
				s.Data = plainJSON(v)
			}
		}) {
			list = append(list, s)
		}
	})
	return list
}

// appendSockets writes a list of sockets.
func appendSockets(dst []byte, list []Socket) []byte {
	dst = appendArray(dst, len(list))
	for i := range list {
		s := &list[i]
		dst = value(value(appendMap(dst, 4), "id"), s.ID)
		dst = appendParsed(value(dst, "handshake"), s.Handshake)
		dst = appendStrings(value(dst, "rooms"), s.Rooms)
		dst = appendParsed(value(dst, "data"), s.Data)
	}
	return dst
}

// appendParsed writes JSON as MessagePack.
func appendParsed(dst, raw []byte) []byte {
	var v any
	_ = json.Unmarshal(raw, &v) // nil if there is none
	return value(dst, v)
}
