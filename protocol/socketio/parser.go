package socketio

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Parser is the encoding that the two ends of a connection have agreed on beforehand, since nothing
// negotiates it. Its methods are what a server or a client needs to treat both alike; for JSON they
// are the package's functions of the same name.
//
// The payload of a packet stays in the parser's encoding until a caller wants values: Packet.Data,
// and lists of arguments, are JSON text for the one and MessagePack for the other. They can be
// passed on within one parser as they are, AppendJSON makes them readable, and Bind decodes both
// into the same variables by the same rules: the tags and interfaces of encoding/json.
type Parser byte

// The parsers.
const (
	// JSON is the standard parser, the one meant where nothing else is said.
	JSON Parser = iota
	// MessagePack is the dialect of socket.io-msgpack-parser: a packet is one binary message, which
	// holds its binary values itself.
	MessagePack
)

// String returns "json" or "msgpack".
func (f Parser) String() string {
	switch f {
	case JSON:
		return "json"
	case MessagePack:
		return "msgpack"
	}
	return fmt.Sprintf("parser %d", byte(f))
}

// IsBinary reports whether a packet is one binary message. Otherwise it is a text, followed by its
// attachments.
func (f Parser) IsBinary() bool { return f == MessagePack }

// Parse decodes a packet as Packet.Parse or Packet.ParseMessagePack does.
func (f Parser) Parse(p *Packet, b []byte) error {
	if f == MessagePack {
		return p.ParseMessagePack(b)
	}
	return p.Parse(b)
}

// AppendConnect appends the request for a namespace, or the consent to it, to dst. data is encoded
// as an argument is; it must come out as an object, or be nil or an empty json.RawMessage for none.
// On an error dst is returned as it was.
func (f Parser) AppendConnect(dst []byte, namespace string, data any) ([]byte, error) {
	if err := checkNamespace(namespace); err != nil {
		return dst, err
	}
	if raw, ok := data.(json.RawMessage); ok && len(raw) == 0 {
		data = nil
	}
	if f == MessagePack {
		return appendMsgpackConnect(dst, Connect, namespace, data)
	}
	return appendConnect(dst, namespace, data)
}

// AppendDisconnect appends the packet that leaves a namespace to dst.
func (f Parser) AppendDisconnect(dst []byte, namespace string) []byte {
	if f == MessagePack {
		return appendMsgpackNamespace(appendMsgpackHead(dst, Disconnect, 2), namespace)
	}
	return appendHeader(dst, Disconnect, 0, namespace, 0, false)
}

// AppendConnectError is the function AppendConnectError. With MessagePack, data may hold binary.
func (f Parser) AppendConnectError(dst []byte, namespace, message string, data any) ([]byte, error) {
	if f != MessagePack {
		return AppendConnectError(dst, namespace, message, data)
	}
	if err := checkNamespace(namespace); err != nil {
		return dst, err
	}
	payload := map[string]any{"message": message}
	if data != nil {
		payload["data"] = data
	}
	return appendMsgpackConnect(dst, ConnectError, namespace, payload)
}

// AppendArgs is the function AppendArgs. With MessagePack the values stand one behind the other,
// and there are no attachments.
func (f Parser) AppendArgs(dst []byte, attachments [][]byte, args ...any) ([]byte, [][]byte, error) {
	if f != MessagePack {
		return AppendArgs(dst, attachments, args...)
	}
	out, err := appendMsgpackArgs(dst, args)
	if err != nil {
		return dst, attachments, err
	}
	return out, attachments, nil
}

// AppendEvent is the function AppendEvent. With MessagePack there are no attachments.
func (f Parser) AppendEvent(dst []byte, namespace string, id uint64, hasID bool, event string, args ...any) ([]byte, [][]byte, error) {
	if f == MessagePack {
		out, err := appendMsgpackEvent(dst, namespace, id, hasID, event, args)
		return out, nil, err
	}
	return AppendEvent(dst, namespace, id, hasID, event, args...)
}

// AppendAck is the function AppendAck. With MessagePack there are no attachments.
func (f Parser) AppendAck(dst []byte, namespace string, id uint64, args ...any) ([]byte, [][]byte, error) {
	if f == MessagePack {
		out, err := appendMsgpackAck(dst, namespace, id, args)
		return out, nil, err
	}
	return AppendAck(dst, namespace, id, args...)
}

// AppendRawEvent appends an event whose arguments are encoded already: a list as SplitEvent returns
// it, and the number of attachments that it names. It is for passing events on: neither the list
// nor the event's name is checked.
func (f Parser) AppendRawEvent(dst []byte, namespace string, id uint64, hasID bool, event string, args []byte, attachments int) []byte {
	if f == MessagePack {
		dst = appendMsgpackHead(dst, Event, msgpackFields(hasID))
		dst = appendMsgpackArray(dst, 1+countMsgpack(args))
		dst = append(appendMsgpackString(dst, event), args...)
		return appendMsgpackTail(dst, namespace, id, hasID)
	}
	dst = appendHeader(dst, binaryType(Event, attachments), attachments, namespace, id, hasID)
	dst = AppendString(append(dst, '['), event)
	if len(args) > 0 {
		dst = append(dst, ',')
	}
	return append(append(dst, args...), ']')
}

// AppendRawAck is AppendRawEvent for an ack.
func (f Parser) AppendRawAck(dst []byte, namespace string, id uint64, args []byte, attachments int) []byte {
	if f == MessagePack {
		dst = appendMsgpackHead(dst, Ack, msgpackFields(true))
		dst = append(appendMsgpackArray(dst, countMsgpack(args)), args...)
		return appendMsgpackTail(dst, namespace, id, true)
	}
	dst = appendHeader(dst, binaryType(Ack, attachments), attachments, namespace, id, true)
	return append(append(append(dst, '['), args...), ']')
}

func binaryType(t Type, attachments int) Type {
	if attachments > 0 {
		return t + BinaryEvent - Event
	}
	return t
}

// SplitEvent is the function SplitEvent. A MessagePack list of arguments has one value behind the
// other, with nothing between them.
func (f Parser) SplitEvent(data []byte) (name, args []byte, err error) {
	if f == MessagePack {
		return splitMsgpackEvent(data)
	}
	return SplitEvent(data)
}

// AckArgs is the function AckArgs.
func (f Parser) AckArgs(data []byte) []byte {
	if f == MessagePack {
		return msgpackElements(data)
	}
	return AckArgs(data)
}

// NextArg is the function NextArg.
func (f Parser) NextArg(args []byte) (arg, rest []byte) {
	if f == MessagePack {
		return nextMsgpack(args)
	}
	return NextArg(args)
}

// Bind is the function Bind. With MessagePack attachments are ignored, and values go where their
// JSON counterparts would, all numbers into any as float64. There are more kinds of them: binary
// data goes into []byte and any, a Date into a time.Time, a string (as toISOString has it) and, as
// a time.Time, into any. Types that decode themselves from JSON are given JSON, as AppendJSON
// writes it. Undefined is null, and as the value of a key as good as no key.
func (f Parser) Bind(args []byte, attachments [][]byte, dst ...any) error {
	if f == MessagePack {
		return bindMsgpack(args, dst)
	}
	return Bind(args, attachments, dst...)
}

// Values decodes a list of arguments as Bind decodes into variables of type any. Nothing that it
// returns aliases args or attachments. A list that is not well-formed is an error.
func (f Parser) Values(args []byte, attachments [][]byte) ([]any, error) {
	n := 0
	for rest := args; len(rest) > 0; n++ {
		var arg []byte
		if arg, rest = f.NextArg(rest); arg == nil {
			return nil, errArgs
		}
	}
	values, into := make([]any, n), make([]any, n)
	for i := range values {
		into[i] = &values[i]
	}
	if err := f.Bind(args, attachments, into...); err != nil {
		return nil, err
	}
	return values, nil
}

var errArgs = errors.New("socket.io: the arguments are not well-formed")

// AppendJSON appends a list of arguments, or the Data of a packet, to dst as JSON, for a log or for
// a type that knows no other encoding. JSON is copied as it is. Of MessagePack, binary data becomes
// base64 in a string, a Date a string as toISOString has it, and a value that is no JSON, such as
// NaN, null.
//
// A list that is not well-formed, or holds a key or an extension that the dialect does not have, is
// an error, and dst is returned as it was.
func (f Parser) AppendJSON(dst, args []byte) ([]byte, error) {
	if f == MessagePack {
		return appendMsgpackJSON(dst, args)
	}
	return append(dst, args...), nil
}
