package socketio

import (
	"bytes"
	"unicode/utf8"
)

// Parse decodes the text of a packet, which is the payload of an Engine.IO message, into p,
// replacing all of p. The slices of p alias b; nothing is copied or allocated, save for an error.
//
// The whole packet is checked, its payload included: after Parse, Data is one well-formed JSON
// value in valid UTF-8 of the kind that the type asks for, with an acceptable event name and with
// placeholders that name announced attachments. The limits are the same as of a Decoder's zero
// value.
//
// Two things are left to the owner, because only it can judge them: whether the packet fits the
// state of its namespace, and an Ack without id or payload, which can belong to no event and must
// be ignored.
func (p *Packet) Parse(b []byte) error {
	return p.parse(b, defaultAttachments, defaultDepth)
}

// maxIDDigits is how many decimal digits always fit an uint64.
const maxIDDigits = 19

func (p *Packet) parse(b []byte, attachments, depth int) error {
	i, err := p.parseHeader(b, attachments)
	if err != nil {
		return err
	}
	if i == len(b) {
		return p.checkAbsent(i)
	}
	if err := checkKind(p.Type, b[i], i); err != nil {
		return err
	}
	s := scanner{b: b, limit: depth}
	end := s.document(i)
	if end < 0 {
		return &ParseError{Offset: s.at, Err: s.err}
	}
	if after := skipSpace(b, end); after < len(b) {
		return &ParseError{Offset: after, Err: errAfterDocument}
	}
	p.Data = b[i:end:end]
	if s.high&tops != 0 && !utf8.Valid(p.Data) {
		return &ParseError{Offset: i, Err: errUTF8}
	}
	if p.Type == Event || p.Type == BinaryEvent {
		if err := checkName(p.Data); err != nil {
			return &ParseError{Offset: i + 1, Err: err}
		}
	}
	if p.Type.IsBinary() {
		w := walker{b: p.Data, attachments: p.Attachments}
		if w.value(0, 0); w.bad {
			return &ParseError{Offset: i, Err: errPlaceholder}
		}
	}
	return nil
}

// parseHeader decodes what precedes the payload and returns where that begins.
func (p *Packet) parseHeader(b []byte, attachments int) (int, error) {
	*p = Packet{Namespace: mainNamespace}
	if len(b) == 0 {
		return 0, &ParseError{Offset: 0, Err: errEmpty}
	}
	p.Type = Type(b[0] - '0')
	if p.Type > BinaryAck {
		return 0, &ParseError{Offset: 0, Err: errType}
	}
	i := 1
	if p.Type.IsBinary() {
		var err error
		if i, err = p.parseCount(b, attachments); err != nil {
			return 0, err
		}
	}
	if i < len(b) && b[i] == '/' {
		start := i
		if n := bytes.IndexByte(b[i:], ','); n >= 0 {
			i += n
			p.Namespace = b[start:i:i]
			i++
		} else {
			i = len(b)
			p.Namespace = b[start:i:i]
		}
		if !utf8.Valid(p.Namespace) {
			return 0, &ParseError{Offset: start, Err: errUTF8}
		}
	}
	start := i
	for i < len(b) && b[i]-'0' <= 9 {
		if i-start == maxIDDigits {
			return 0, &ParseError{Offset: start, Err: errIDTooLong}
		}
		p.ID = p.ID*10 + uint64(b[i]-'0')
		i++
	}
	p.HasID = i > start
	return i, nil
}

// parseCount decodes the number of attachments and the dash behind it. The reference reads it with
// Number() and so takes 1.0, 0x1 and 1e0 as well.
func (p *Packet) parseCount(b []byte, limit int) (int, error) {
	i, n := 1, 0
	for i < len(b) && b[i]-'0' <= 9 {
		if n = n*10 + int(b[i]-'0'); n > limit {
			return 0, &ParseError{Offset: 1, Err: ErrTooManyAttachments}
		}
		i++
	}
	if i == len(b) || b[i] != '-' || n == 0 || b[1] == '0' {
		return 0, &ParseError{Offset: 1, Err: errAttachments}
	}
	p.Attachments = n
	return i + 1, nil
}

// checkAbsent decides on a packet without payload.
func (p *Packet) checkAbsent(i int) error {
	switch p.Type {
	case Connect, Disconnect, Ack:
		return nil
	}
	return &ParseError{Offset: i, Err: errNoPayload}
}

// checkKind decides on a payload by the byte it begins with.
func checkKind(t Type, c byte, i int) error {
	var err error
	switch t {
	case Connect:
		if c != '{' {
			err = errNotObject
		}
	case Disconnect:
		err = errPayload
	case ConnectError:
		if c != '{' && c != '"' {
			err = errNotMessage
		}
	default:
		if c != '[' {
			err = errNotArray
		}
	}
	if err != nil {
		return &ParseError{Offset: i, Err: err}
	}
	return nil
}

// checkName checks element 0 of an event's array.
func checkName(data []byte) error {
	i := skipSpace(data, 1)
	switch c := data[i]; {
	case c == '"':
		if reservedRaw(data[i+1 : skipString(data, i+1)-1]) {
			return ErrReservedEvent
		}
		return nil
	case c == '-' || c-'0' <= 9:
		return nil
	}
	return errEventName
}
