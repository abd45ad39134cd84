package frame

import (
	"encoding/base64"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/protocol/websocket"
)

// Form is how a client takes messages. The zero Form is for revision 4 with binary frames, which
// Wire has.
type Form uint8

// The parts of a Form.
const (
	// Revision3 is Engine.IO 3: a binary message begins with its type, and the packets of a polling
	// body with their length.
	Revision3 Form = 1 << iota
	// Base64 is for clients that cannot take binary: it travels as text.
	Base64
	// Deflated is for websockets that have agreed on permessage-deflate.
	Deflated
	// JSONP is for polling by script elements. It matters to the answer of the poll.
	JSONP
	// Framed is for streams of WebTransport, whose frames Engine.IO defines.
	Framed

	polled // a part of a polling body
)

// variant is a message in a form, and the one that was made before it.
type variant struct {
	form  Form
	bytes []byte
	next  *variant
	other *Frame // instead of bytes: see ForRevision3
}

// instead is the form of the variant that holds another frame.
const instead = Revision3 | JSONP

// ForRevision3 makes clients of revision 3 get another message in place of f. It must be called
// before f is sent.
func (f *Frame) ForRevision3(other *Frame) {
	f.forms.Store(&variant{form: instead, other: other, next: f.forms.Load()})
}

// meant returns the frame that clients of a form get, which is f but for ForRevision3.
func (f *Frame) meant(form Form) *Frame {
	if form&Revision3 == 0 {
		return f
	}
	for v := f.forms.Load(); v != nil; v = v.next {
		if v.other != nil {
			return v.other
		}
	}
	return f
}

// In returns all frames of the message as a client of a form takes them: of WebSocket, or of a
// stream of WebTransport.
func (f *Frame) In(form Form) []byte {
	if form&Framed != 0 {
		return f.variant(Framed, f.appendFramed)
	}
	f = f.meant(form)
	form &= Revision3 | Base64 | Deflated
	if f.deflate <= 0 || len(f.wire) < int(f.deflate) {
		form &^= Deflated
	}
	if form == 0 || form&Deflated == 0 && f.plain {
		return f.wire
	}
	return f.variant(form, f.appendWire)
}

// variant returns the message in a form that differs from Wire.
func (f *Frame) variant(form Form, make func([]byte, Form) []byte) []byte {
	for v := f.forms.Load(); v != nil; v = v.next {
		if v.form == form {
			return v.bytes
		}
	}
	f.build.Lock()
	defer f.build.Unlock()
	first := f.forms.Load()
	for v := first; v != nil; v = v.next {
		if v.form == form {
			return v.bytes
		}
	}
	v := &variant{form: form, bytes: make(nil, form), next: first}
	f.forms.Store(v)
	return v.bytes
}

func (f *Frame) appendFramed(dst []byte, _ Form) []byte {
	dst = make([]byte, 0, len(f.wire)) // whose headers are as long, or longer
	for binary, data := range f.Parts {
		p := engineio.Packet{Type: engineio.Message, Binary: binary, Data: data}
		if !binary { // the type is a part of the text
			p.Type, p.Data = engineio.Type(data[0]-'0'), data[1:]
		}
		dst = engineio.AppendFrame(dst, p)
	}
	return dst
}

func (f *Frame) appendWire(dst []byte, form Form) []byte {
	for binary, data := range f.Parts {
		op, before := websocket.Text, ""
		switch {
		case !binary:
		case form&Base64 != 0:
			before = "b"
			if form&Revision3 != 0 {
				before = "b4"
			}
			data = base64.StdEncoding.AppendEncode(nil, data)
		default:
			if op = websocket.Binary; form&Revision3 != 0 {
				before = "\x04" // the type of a message
			}
		}
		size := len(before) + len(data)
		if form&Deflated != 0 && size >= int(f.deflate) {
			dst = websocket.AppendDeflated(dst, websocket.Header{Opcode: op}, []byte(before), data)
			continue
		}
		dst = append(append(header(op, size).Append(dst), before...), data...)
	}
	return dst
}

// Body appends messages as a polling body in a form to dst, and reports whether it is one of
// revision 3 that is binary.
func Body(dst []byte, form Form, frames []*Frame) (body []byte, binary bool) {
	if form&Revision3 == 0 {
		for i, f := range frames {
			if i > 0 {
				dst = append(dst, engineio.Separator)
			}
			dst = append(dst, f.Payload()...)
		}
		return dst, false
	}
	form = Revision3 | polled | form&Base64
	if form&Base64 == 0 && !hasBinary(frames) {
		form |= Base64 // a body of texts has the textual form
	}
	for _, f := range frames {
		f = f.meant(form)
		if f.packets > 0 {
			dst = append(dst, f.variant(form, f.appendBody3)...)
		}
	}
	return dst, form&Base64 == 0
}

func hasBinary(frames []*Frame) bool {
	for _, f := range frames {
		if f.packets > 0 && !f.plain {
			return true
		}
	}
	return false
}

// appendBody3 appends the message as a part of a polling body of revision 3.
func (f *Frame) appendBody3(dst []byte, form Form) []byte {
	for binary, data := range f.Parts {
		p := engineio.Packet{Type: engineio.Message, Binary: binary, Data: data}
		if !binary { // the type is a part of the text
			p.Type, p.Data = engineio.Type(data[0]-'0'), data[1:]
		}
		if form&Base64 != 0 {
			dst = engineio.AppendPayloadV3(dst, p)
		} else {
			dst = engineio.AppendBinaryPayloadV3(dst, p)
		}
	}
	return dst
}

// Payload returns the message as a polling body of revision 4, or the part of one: Engine.IO
// packets with a separator between them, binary as base64 (Engine.IO protocol revision 4, "HTTP
// long-polling"). A control frame has no such form: nil.
func (f *Frame) Payload() []byte {
	switch {
	case f.packets == 0:
		return nil
	case f.plain && !f.separated:
		h, head := websocket.ParseHeader(f.wire)
		end := head + int(h.Length)
		return f.wire[head:end:end]
	}
	return f.variant(polled, f.appendBody)
}

func (f *Frame) appendBody(dst []byte, _ Form) []byte {
	size := f.Packets() - 1
	for binary, data := range f.Parts {
		if binary {
			size += 1 + base64.StdEncoding.EncodedLen(len(data))
		} else {
			size += len(data)
		}
	}
	dst = make([]byte, 0, size)
	for binary, data := range f.Parts {
		if f.separated && !binary {
			binary, data = true, data[1:] // without the type
		}
		if binary {
			dst = engineio.AppendPayload(dst, engineio.Packet{Type: engineio.Message, Binary: true, Data: data})
			continue
		}
		if len(dst) > 0 {
			dst = append(dst, engineio.Separator)
		}
		dst = append(dst, data...)
	}
	return dst
}
