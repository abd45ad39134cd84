package socketio

import (
	"encoding/json"
	"strconv"
)

// The encoder writes each kind of value as JSON, as JSON.stringify writes it, or MessagePack.
// Separators and closing brackets are JSON's alone, counts ahead of the elements MessagePack's.

func (e *encoder) format() string {
	if e.packed {
		return "MessagePack"
	}
	return "JSON"
}

func (e *encoder) null() {
	if e.packed {
		e.dst = append(e.dst, 0xc0)
		return
	}
	e.dst = append(e.dst, "null"...)
}

func (e *encoder) boolean(v bool) {
	if e.packed {
		e.dst = appendMsgpackBool(e.dst, v)
		return
	}
	e.dst = strconv.AppendBool(e.dst, v)
}

func (e *encoder) int(n int64) {
	if e.packed {
		e.dst = appendMsgpackInt(e.dst, n)
		return
	}
	e.dst = strconv.AppendInt(e.dst, n, 10)
}

func (e *encoder) uint(n uint64) {
	if e.packed {
		e.dst = appendMsgpackUint(e.dst, n)
		return
	}
	e.dst = strconv.AppendUint(e.dst, n, 10)
}

func (e *encoder) float(f float64, bits int) {
	if e.packed {
		e.dst = appendMsgpackFloat(e.dst, f)
		return
	}
	e.dst = appendFloat(e.dst, f, bits)
}

// number writes a json.Number that is one.
func (e *encoder) number(s string) {
	if e.packed {
		e.dst = appendMsgpackNumber(e.dst, []byte(s))
		return
	}
	e.dst = append(e.dst, s...)
}

func (e *encoder) text(s string) {
	if e.packed {
		e.dst = appendMsgpackString(e.dst, s)
		return
	}
	e.dst = AppendString(e.dst, s)
}

// binary writes b; JSON puts it aside and has a placeholder for it.
func (e *encoder) binary(b []byte) {
	switch {
	case e.packed:
		e.dst = appendMsgpackBytes(e.dst, b)
	case b == nil:
		e.null()
	default:
		e.dst = append(e.dst, `{"_placeholder":true,"num":`...)
		e.dst = strconv.AppendInt(e.dst, int64(len(e.attachments)), 10)
		e.dst = append(e.dst, '}')
		e.attachments = append(e.attachments, b)
	}
}

func (e *encoder) raw(b json.RawMessage) error {
	if len(b) == 0 {
		e.null()
		return nil
	}
	if !validJSON(b) {
		return errRawJSON
	}
	e.json(b)
	return nil
}

// json writes a value that is encoded as JSON already.
func (e *encoder) json(b []byte) {
	if e.packed {
		e.dst = appendTranscoded(e.dst, b, nil)
		return
	}
	e.dst = append(e.dst, b...)
}

func (e *encoder) openArray(n int) {
	if e.packed {
		e.dst = appendMsgpackArray(e.dst, n)
		return
	}
	e.dst = append(e.dst, '[')
}

func (e *encoder) closeArray() {
	if !e.packed {
		e.dst = append(e.dst, ']')
	}
}

func (e *encoder) openMap(n int) {
	if e.packed {
		e.dst = appendMsgpackMap(e.dst, n)
		return
	}
	e.dst = append(e.dst, '{')
}

func (e *encoder) closeMap() {
	if !e.packed {
		e.dst = append(e.dst, '}')
	}
}

// separate writes what stands before element i of an array or map.
func (e *encoder) separate(i int) {
	if i > 0 && !e.packed {
		e.dst = append(e.dst, ',')
	}
}

func (e *encoder) key(k string) {
	e.text(k)
	if !e.packed {
		e.dst = append(e.dst, ':')
	}
}

func (e *encoder) fieldName(f *field) {
	if e.packed {
		e.dst = append(e.dst, f.packedName...)
		return
	}
	e.dst = append(e.dst, f.encodedName...)
}
