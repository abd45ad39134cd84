package socketio

import (
	"errors"
	"unicode/utf8"
)

// The reasons why a MessagePack value is not a packet.
var (
	errNotMap       = errors.New("packet must be a MessagePack map")
	errTrailing     = errors.New("bytes after the packet")
	errFieldTwice   = errors.New("packet has a field twice")
	errNoType       = errors.New("packet has no type")
	errNoNamespace  = errors.New("packet has no namespace")
	errTypeField    = errors.New("type must be an integer from 0 to 4")
	errNspField     = errors.New("nsp must be a string that begins with a slash")
	errIDField      = errors.New("id must be an integer that is not negative")
	errPayloadMap   = errors.New("payload must be a map")
	errPayloadArray = errors.New("payload must be an array")
	errPayloadText  = errors.New("payload must be a map or a string")
)

// ParseMessagePack decodes a packet of the MessagePack parser, which is a binary Engine.IO message,
// into p, replacing all of p. The slices of p alias b, Data is the payload in MessagePack; nothing
// is copied or allocated, save for an error.
//
// The whole packet is checked, as by Parse, payload and ignored fields included: announced lengths
// against what there is, nesting, UTF-8, keys, the kind of the payload, the event name. Checks that
// Parse leaves to the owner are left here as well.
func (p *Packet) ParseMessagePack(b []byte) error {
	return p.parseMsgpack(b, defaultDepth)
}

// msgpackPositions are the positions of the fields of a packet; 0 means absent.
type msgpackPositions struct {
	kind, nsp, data, id int
	dataEnd             int
}

func (p *Packet) parseMsgpack(b []byte, depth int) error {
	*p = Packet{Namespace: mainNamespace}
	s := msgpackScanner{b: b, limit: depth}
	at, err := s.envelope()
	if err != nil {
		return err
	}
	if at.kind == 0 {
		return &ParseError{Offset: len(b), Err: errNoType}
	}
	if at.nsp == 0 {
		return &ParseError{Offset: len(b), Err: errNoNamespace}
	}
	h := readMsgpack(b, at.kind)
	if h.kind != msgpackUint || h.uint(b) > uint64(ConnectError) {
		return &ParseError{Offset: at.kind, Err: errTypeField}
	}
	p.Type = Type(h.uint(b))
	h = readMsgpack(b, at.nsp)
	if h.kind != msgpackString || h.n == 0 || b[h.body] != '/' {
		return &ParseError{Offset: at.nsp, Err: errNspField}
	}
	p.Namespace = h.bytes(b)
	if at.id > 0 {
		h = readMsgpack(b, at.id)
		if h.kind == msgpackInt && h.int(b) >= 0 {
			p.ID = uint64(h.int(b))
		} else if h.kind == msgpackUint {
			p.ID = h.uint(b)
		} else {
			return &ParseError{Offset: at.id, Err: errIDField}
		}
		p.HasID = true
	}
	if at.data > 0 {
		p.Data = b[at.data:at.dataEnd:at.dataEnd]
	}
	if err := checkMsgpackData(p.Type, p.Data); err != nil {
		return &ParseError{Offset: at.data, Err: err}
	}
	return nil
}

// envelope reads the whole packet and finds its fields.
func (s *msgpackScanner) envelope() (at msgpackPositions, err error) {
	h := readMsgpack(s.b, 0)
	if h.kind != msgpackMap {
		if len(s.b) == 0 {
			return at, &ParseError{Offset: 0, Err: errEmpty}
		}
		return at, &ParseError{Offset: 0, Err: errNotMap}
	}
	i := h.body
	for range h.n {
		key := readMsgpack(s.b, i)
		if key.kind != msgpackString || !utf8.Valid(key.bytes(s.b)) {
			return at, &ParseError{Offset: i, Err: errMsgpackKey}
		}
		value := key.end()
		end := s.value(value, 0)
		if end < 0 {
			return at, &ParseError{Offset: s.at, Err: s.err}
		}
		field := at.field(key.bytes(s.b))
		if field != nil && *field != 0 {
			return at, &ParseError{Offset: i, Err: errFieldTwice}
		}
		if kind := readMsgpack(s.b, value).kind; field != nil && kind != msgpackUndefined &&
			(kind != msgpackNil || field != &at.data) {
			*field = value
			if field == &at.data {
				at.dataEnd = end
			}
		}
		i = end
	}
	if i < len(s.b) {
		return at, &ParseError{Offset: i, Err: errTrailing}
	}
	return at, nil
}

// field returns where to note the position of a field, nil for one that is ignored.
func (at *msgpackPositions) field(key []byte) *int {
	switch string(key) {
	case "type":
		return &at.kind
	case "nsp":
		return &at.nsp
	case "data":
		return &at.data
	case "id":
		return &at.id
	}
	return nil
}

// checkMsgpackData decides on a payload, nil for none, by what it begins with.
func checkMsgpackData(t Type, data []byte) error {
	h := readMsgpack(data, 0)
	switch t {
	case Connect:
		if data != nil && h.kind != msgpackMap {
			return errPayloadMap
		}
	case Disconnect:
		if data != nil {
			return errPayload
		}
	case ConnectError:
		if h.kind != msgpackMap && h.kind != msgpackString {
			return errPayloadText
		}
	case Ack:
		if h.kind != msgpackArray {
			return errPayloadArray
		}
	default:
		if h.kind != msgpackArray {
			return errPayloadArray
		}
		return checkMsgpackName(data, h)
	}
	return nil
}

// checkMsgpackName checks element 0 of an event's array. (The reference checks neither that there
// is one nor what it is.)
func checkMsgpackName(data []byte, array msgpackHead) error {
	switch h := readMsgpack(data, array.body); h.kind { // bad if the array is empty
	case msgpackString:
		if Reserved(h.bytes(data)) {
			return ErrReservedEvent
		}
	case msgpackUint, msgpackInt, msgpackFloat:
	default:
		return errEventName
	}
	return nil
}

// splitMsgpackEvent is SplitEvent for a MessagePack array.
func splitMsgpackEvent(data []byte) (name, args []byte, err error) {
	array := readMsgpack(data, 0)
	if array.kind != msgpackArray || array.n == 0 {
		return nil, nil, errNotEvent
	}
	h := readMsgpack(data, array.body)
	switch h.kind {
	case msgpackString:
		name = h.bytes(data)
	case msgpackUint, msgpackInt, msgpackFloat:
		name = h.appendNumber(nil, data)
	default:
		return nil, nil, errNotEvent
	}
	return name, data[h.end():len(data):len(data)], nil
}

// msgpackElements returns what follows the head of an array.
func msgpackElements(data []byte) []byte {
	h := readMsgpack(data, 0)
	if h.kind != msgpackArray {
		return nil
	}
	return data[h.body:len(data):len(data)]
}
