package socketio

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Reserved reports whether an event name belongs to the library and can neither be emitted nor
// received. (Names such as "error", "message" and the empty string can.)
func Reserved[T string | []byte](event T) bool {
	switch string(event) {
	case "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener":
		return true
	}
	return false
}

// reservedRaw is Reserved for the raw text of a JSON string: escapes must not help a name past the
// check.
func reservedRaw(raw []byte) bool {
	if bytes.IndexByte(raw, '\\') < 0 {
		return Reserved(raw)
	}
	if len(raw) > 6*len("removeListener") {
		return false
	}
	var buf [6 * len("removeListener")]byte
	return Reserved(appendUnquoted(buf[:0], raw))
}

var errNotEvent = errors.New("socket.io: event data is not an array that begins with a name")

// SplitEvent splits the Data of an Event or BinaryEvent into the event's name and its arguments,
// which are a list of JSON values separated by commas, for NextArg and Bind. The list is empty if
// there are no arguments.
//
// Both results alias data, except that a name with escapes is unescaped into a new slice. A name
// that is a number is returned as JavaScript prints it. Data that Parse accepted gives no error.
func SplitEvent(data []byte) (name, args []byte, err error) {
	if len(data) < 3 || data[0] != '[' || data[len(data)-1] != ']' {
		return nil, nil, errNotEvent
	}
	list := data[: len(data)-1 : len(data)-1]
	i := skipSpace(list, 1)
	if i == len(list) {
		return nil, nil, errNotEvent
	}
	end := skipValue(list, i)
	switch c := list[i]; {
	case c == '"' && end > i+1 && list[end-1] == '"':
		name = list[i+1 : end-1 : end-1]
		if bytes.IndexByte(name, '\\') >= 0 {
			name = appendUnquoted(nil, name)
		}
	case c == '-' || c-'0' <= 9:
		if name, err = numericName(list[i:end:end]); err != nil {
			return nil, nil, err
		}
	default:
		return nil, nil, errNotEvent
	}
	i = skipSpace(list, end)
	if i == len(list) {
		return name, list[i:], nil
	}
	if list[i] != ',' {
		return nil, nil, errNotEvent
	}
	return name, list[skipSpace(list, i+1):], nil
}

// numericName normalizes an event name that is a number: 1.0 and 1 are one event. Up to 15 digits a
// plain integer is its own JavaScript form.
func numericName(raw []byte) ([]byte, error) {
	if len(raw) <= 15 && skipDigits(raw, 0) == len(raw) {
		return raw, nil
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return nil, errNotEvent
	}
	return appendFloat(nil, f, 64), nil
}

// NextArg returns the first value of a list of JSON values, as SplitEvent returns it, and the rest
// of the list. The value is nil at the end of the list. Nothing is decoded; both results alias
// args.
//
// The list of an ack is its Data without the brackets, see AckArgs.
func NextArg(args []byte) (arg, rest []byte) {
	i := skipSpace(args, 0)
	if i == len(args) {
		return nil, nil
	}
	end := skipValue(args, i)
	if end == i { // a stray comma or bracket: not a list that Parse accepted
		return nil, nil
	}
	arg = args[i:end:end]
	i = skipSpace(args, end)
	if i < len(args) && args[i] == ',' {
		i = skipSpace(args, i+1)
	}
	return arg, args[i:]
}

// AckArgs returns the arguments of an Ack or BinaryAck as a list for NextArg and Bind: its Data
// without the brackets. It is empty for an ack without arguments.
func AckArgs(data []byte) []byte {
	if len(data) < 2 || data[0] != '[' || data[len(data)-1] != ']' {
		return nil
	}
	return data[1 : len(data)-1 : len(data)-1]
}

// AppendEvent appends an event packet to dst: an Event, or a BinaryEvent if an argument holds
// binary data. It returns the extended slice and the attachments, which must be sent behind the
// packet, in order, with no other message between them. They are the caller's own slices, not
// copies.
//
// AppendArgs describes how arguments are encoded. The empty namespace stands for the main one. On
// an error, such as a reserved event name, dst is returned as it was.
func AppendEvent(dst []byte, namespace string, id uint64, hasID bool, event string, args ...any) ([]byte, [][]byte, error) {
	if Reserved(event) {
		return dst, nil, fmt.Errorf("socket.io: event %q: %w", event, ErrReservedEvent)
	}
	if err := checkNamespace(namespace); err != nil {
		return dst, nil, err
	}
	out := appendHeader(dst, Event, 0, namespace, id, hasID)
	data := len(out)
	out = AppendString(append(out, '['), event)
	out, attachments, err := AppendArgs(out, nil, args...)
	if err == nil {
		out, err = makeBinary(append(out, ']'), len(dst), data, attachments)
	}
	if err != nil {
		return dst, nil, fmt.Errorf("socket.io: event %q: %w", event, err)
	}
	return out, attachments, nil
}

// AppendAck appends the answer to the event with the given id to dst: an Ack, or a BinaryAck if an
// argument holds binary data. Otherwise it is as AppendEvent.
func AppendAck(dst []byte, namespace string, id uint64, args ...any) ([]byte, [][]byte, error) {
	if err := checkNamespace(namespace); err != nil {
		return dst, nil, err
	}
	out := appendHeader(dst, Ack, 0, namespace, id, true)
	data := len(out)
	out, attachments, err := AppendArgs(append(out, '['), nil, args...)
	if err == nil {
		out, err = makeBinary(append(out, ']'), len(dst), data, attachments)
	}
	if err != nil {
		return dst, nil, fmt.Errorf("socket.io: ack %d: %w", id, err)
	}
	return out, attachments, nil
}

// makeBinary turns the packet that begins at start, and its payload at data, into its binary type
// if it has attachments. Their number is known only when all arguments are encoded, so the text
// moves by the few bytes of the count; arguments without binary data, the common case, are written
// once and stay.
func makeBinary(dst []byte, start, data int, attachments [][]byte) ([]byte, error) {
	if len(attachments) == 0 {
		return dst, nil
	}
	w := walker{b: dst[data:], attachments: len(attachments)}
	if w.value(0, 0); w.bad || w.count != len(attachments) {
		return nil, ErrForgedPlaceholder
	}
	var count [20]byte
	head := append(strconv.AppendInt(count[:0], int64(len(attachments)), 10), '-')
	end := len(dst)
	dst = append(dst, head...)
	copy(dst[start+1+len(head):], dst[start+1:end])
	copy(dst[start+1:], head)
	dst[start] += byte(BinaryEvent - Event)
	return dst, nil
}

// appendConnect appends a Connect with the object that data encodes to, or without payload if that
// is nil.
func appendConnect(dst []byte, namespace string, data any) ([]byte, error) {
	out := appendHeader(dst, Connect, 0, namespace, 0, false)
	if data == nil {
		return out, nil
	}
	e := encoder{dst: out}
	if err := e.value(data); err != nil {
		return dst, fmt.Errorf("socket.io: data of a connect packet: %w", err)
	}
	start := skipSpace(e.dst, len(out)) // of a json.RawMessage
	if len(e.attachments) > 0 || e.dst[start] != '{' {
		return dst, errConnectData
	}
	return append(out, e.dst[start:]...), nil
}

// AppendConnectError appends the refusal of a namespace to dst: a ConnectError with the message
// and, unless it is nil, with data, which may hold no binary. On an error dst is returned as it
// was.
func AppendConnectError(dst []byte, namespace, message string, data any) ([]byte, error) {
	if err := checkNamespace(namespace); err != nil {
		return dst, err
	}
	out := appendHeader(dst, ConnectError, 0, namespace, 0, false)
	out = append(out, `{"message":`...)
	out = AppendString(out, message)
	if data != nil {
		out = append(out, `,"data":`...)
		e := encoder{dst: out}
		if err := e.value(data); err != nil {
			return dst, fmt.Errorf("socket.io: data of a connect error: %w", err)
		}
		if len(e.attachments) > 0 {
			return dst, errors.New("socket.io: data of a connect error cannot hold binary")
		}
		out = e.dst
	}
	return append(out, '}'), nil
}

// checkNamespace refuses a name that would not come back as itself.
func checkNamespace(namespace string) error {
	if namespace == "" || namespace[0] == '/' && strings.IndexByte(namespace, ',') < 0 {
		return nil
	}
	return fmt.Errorf("socket.io: namespace %q must begin with a slash and hold no comma", namespace)
}
