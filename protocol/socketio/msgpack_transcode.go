package socketio

import (
	"bytes"
	"errors"
	"strconv"
)

var (
	errNoEvent          = errors.New("socket.io: the packet is not an event")
	errOtherAttachments = errors.New("socket.io: the packet names another number of attachments")
)

// AppendRepacked appends an event packet of the JSON parser to dst as the MessagePack parser has
// it: one message, with the attachments in the places of their placeholders. It is for packets that
// are put together as text. Numbers keep their value and objects the order of their keys. It
// allocates nothing but what dst needs to grow. On an error, of a packet that is not well-formed,
// is no event, or has other attachments, dst is returned as it was.
func AppendRepacked(dst, packet []byte, attachments ...[]byte) ([]byte, error) {
	var p Packet
	switch err := p.Parse(packet); {
	case err != nil:
		return dst, err
	case p.Type != Event && p.Type != BinaryEvent:
		return dst, errNoEvent
	case p.Attachments != len(attachments):
		return dst, errOtherAttachments
	}
	out := appendMsgpackHead(dst, Event, msgpackFields(p.HasID))
	out = appendTranscoded(out, p.Data, attachments)
	return appendMsgpackTail(out, string(p.Namespace), p.ID, p.HasID), nil
}

// appendTranscoded appends a JSON text that validJSON has accepted as MessagePack. A container's
// head holds its size, so these are counted first, all in one pass: one pass for each container
// would be quadratic in how deep they are nested.
//
// Attachments take the place of their placeholders, each of which must name one; without any,
// placeholders are objects like others.
func appendTranscoded(dst, b []byte, attachments [][]byte) []byte {
	var few [32]jsonSize
	dst, _, _ = transcode(dst, b, skipSpace(b, 0), countJSON(few[:0], b), attachments)
	return dst
}

// jsonSize is the size of a container of a JSON text.
type jsonSize struct {
	n      int // elements or members
	parent int // the container around it
}

// countJSON appends the size of each container of a JSON text, in the order in which they begin.
func countJSON(sizes []jsonSize, b []byte) []jsonSize {
	open := -1 // the innermost container that is open
	for i := 0; i < len(b); {
		switch b[i] {
		case '"':
			i = skipString(b, i+1)
			continue
		case '{', '[':
			n := 1
			if after := skipSpace(b, i+1); b[after] == b[i]+2 {
				n = 0
			}
			sizes = append(sizes, jsonSize{n, open})
			open = len(sizes) - 1
		case '}', ']':
			open = sizes[open].parent
		case ',':
			sizes[open].n++
		}
		i++
	}
	return sizes
}

// transcode appends the JSON value at i, and returns the position behind it and the sizes of the
// containers to come. (As fields of a struct these would move few to the heap.)
func transcode(dst, b []byte, i int, sizes []jsonSize, attachments [][]byte) ([]byte, int, []jsonSize) {
	switch b[i] {
	case '[':
		dst, sizes = appendMsgpackArray(dst, sizes[0].n), sizes[1:]
		e := elements{b: b, i: i + 1}
		for e.next() {
			dst, e.i, sizes = transcode(dst, b, e.i, sizes, attachments)
		}
		return dst, e.i, sizes
	case '{':
		if len(attachments) > 0 {
			w := walker{b: b, attachments: len(attachments)}
			if end, is, num := w.scanMembers(i, 0); is {
				var few [4]jsonSize
				return appendMsgpackBytes(dst, attachments[num]), end, sizes[len(countJSON(few[:0], b[i:end])):]
			}
		}
		dst, sizes = appendMsgpackMap(dst, sizes[0].n), sizes[1:]
		m := members{b: b, i: i + 1}
		for m.next() {
			dst = appendMsgpackQuoted(dst, m.key)
			dst, m.i, sizes = transcode(dst, b, m.i, sizes, attachments)
		}
		return dst, m.i, sizes
	}
	end := skipValue(b, i)
	switch b[i] {
	case '"':
		dst = appendMsgpackQuoted(dst, b[i+1:end-1])
	case 'n':
		dst = append(dst, 0xc0)
	case 't', 'f':
		dst = appendMsgpackBool(dst, b[i] == 't')
	default:
		dst = appendMsgpackNumber(dst, b[i:end])
	}
	return dst, end, sizes
}

// appendMsgpackQuoted appends the string whose raw JSON text, without quotes, is given.
func appendMsgpackQuoted(dst, raw []byte) []byte {
	if bytes.IndexByte(raw, '\\') < 0 {
		return appendMsgpackText(dst, raw)
	}
	// The length stands in front, and is known behind: leave room for it.
	start := len(dst)
	dst = appendUnquoted(append(dst, 0xdb, 0, 0, 0, 0), raw)
	text := dst[start+5:]
	head := len(appendMsgpackStringHead(dst[:start], len(text)))
	return append(dst[:head], text...)
}

// appendMsgpackNumber writes a JSON number.
func appendMsgpackNumber(dst, text []byte) []byte {
	digits := text
	if text[0] == '-' {
		digits = text[1:]
	}
	if len(digits) <= maxIDDigits+1 && skipDigits(digits, 0) == len(digits) {
		if n, err := strconv.ParseUint(string(digits), 10, 64); err == nil {
			switch {
			case len(digits) == len(text):
				return appendMsgpackUint(dst, n)
			case n <= 1<<63:
				return appendMsgpackInt(dst, -int64(n))
			}
		}
	}
	f, _ := strconv.ParseFloat(string(text), 64) // infinite if it is out of range, as in JavaScript
	return appendMsgpackFloat(dst, f)
}
