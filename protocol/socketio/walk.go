package socketio

import (
	"encoding/binary"
	"math/bits"
)

// The functions of this file read JSON that Parse has accepted. Given anything else they return
// some position within the text; they never read past its end.

// skipString returns the position behind the quote that closes the string in which i is, len(b) if
// there is none.
func skipString(b []byte, i int) int {
	for {
		for i+8 <= len(b) {
			if m := stops(binary.LittleEndian.Uint64(b[i:])); m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				break
			}
			i += 8
		}
		for i < len(b) && b[i] != '"' && b[i] != '\\' {
			i++
		}
		if i >= len(b) {
			return len(b)
		}
		if b[i] == '"' {
			return i + 1
		}
		i += 2
	}
}

// skipValue returns the position behind the value that begins at i.
func skipValue(b []byte, i int) int {
	if i >= len(b) {
		return len(b)
	}
	switch b[i] {
	case '"':
		return skipString(b, i+1)
	case '{', '[':
		return skipContainer(b, i)
	}
	for i < len(b) {
		switch b[i] {
		case ',', ']', '}', ' ', '\n', '\r', '\t':
			return i
		}
		i++
	}
	return i
}

func skipContainer(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			i = skipString(b, i+1)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
	return len(b)
}

// span is an object or array of a JSON text that is a placeholder or holds one.
type span struct {
	start, end int
	num        int // of the attachment; -1 for what holds placeholders
}

// walker finds the placeholders of a JSON text. It looks at every object once, and at its members
// before it can know whether it is a placeholder itself: other members of such an object besides
// its number are ignored.
type walker struct {
	b           []byte
	attachments int
	collect     bool // fill spans
	spans       []span
	count       int  // placeholders, those inside others left out
	bad         bool // a placeholder names no attachment
}

// value walks the value at i and returns the position behind it. The text's depth is limited by the
// parser; text from elsewhere is cut off at maxDepth.
func (w *walker) value(i, depth int) int {
	if i >= len(w.b) || depth > maxDepth {
		return len(w.b)
	}
	c := w.b[i]
	if c != '{' && c != '[' {
		return skipValue(w.b, i)
	}
	found := len(w.spans)
	if w.collect {
		w.spans = append(w.spans, span{start: i, num: -1})
	}
	end, placeholder := 0, false
	if c == '{' {
		end, placeholder = w.object(i, depth, found)
	} else {
		end = w.array(i, depth)
	}
	if w.collect {
		if len(w.spans) == found+1 && !placeholder {
			w.spans = w.spans[:found] // nothing in it
		} else {
			w.spans[found].end = end
		}
	}
	return end
}

func (w *walker) array(i, depth int) int {
	e := elements{b: w.b, i: i + 1}
	for e.next() {
		e.i = w.value(e.i, depth+1)
	}
	return e.i
}

// object walks the object at i, whose span is number found, and reports whether it is a
// placeholder. Of keys that stand twice the last one counts, as in JSON.parse.
func (w *walker) object(i, depth, found int) (end int, placeholder bool) {
	bad, count := w.bad, w.count
	end, placeholder, num := w.scanMembers(i, depth)
	if placeholder {
		w.bad, w.count = bad || num < 0, count+1
		if w.collect {
			w.spans = w.spans[:found+1]
			w.spans[found].num = num
		}
	}
	return end, placeholder
}

// scanMembers walks the members of the object at i, and reports whether the object is a
// placeholder, and the number of its attachment, -1 for none.
func (w *walker) scanMembers(i, depth int) (end int, placeholder bool, num int) {
	num = -1
	m := members{b: w.b, i: i + 1}
	for m.next() {
		end := w.value(m.i, depth+1)
		switch {
		case keyIs(m.key, "_placeholder"):
			placeholder = string(w.b[m.i:end]) == "true"
		case keyIs(m.key, "num"):
			num = attachmentNumber(w.b[m.i:end], w.attachments)
		}
		m.i = end
	}
	return m.i, placeholder, num
}

// elements reads the elements of an array, or of a list without brackets. After next, i is the
// position of the element; the caller moves it behind that. After the last one, i is behind the
// array.
type elements struct {
	b []byte
	i int
}

func (e *elements) next() bool {
	i := skipSpace(e.b, e.i)
	if i < len(e.b) && e.b[i] == ',' {
		i = skipSpace(e.b, i+1)
	}
	if i >= len(e.b) || e.b[i] == ']' || e.b[i] == '}' {
		e.i = min(i+1, len(e.b))
		return false
	}
	e.i = i
	return true
}

// members reads the members of an object. After next, key is the raw key and i the position of the
// value; the caller moves i behind the value. After the last one, i is behind the object.
type members struct {
	b   []byte
	i   int
	key []byte
}

func (m *members) next() bool {
	i := skipSpace(m.b, m.i)
	if i < len(m.b) && m.b[i] == ',' {
		i = skipSpace(m.b, i+1)
	}
	if i >= len(m.b) || m.b[i] != '"' {
		m.i = min(i+1, len(m.b))
		return false
	}
	end := skipString(m.b, i+1)
	m.key = m.b[i+1 : max(i+1, end-1)]
	i = skipSpace(m.b, end)
	if i < len(m.b) && m.b[i] == ':' {
		i++
	}
	m.i = skipSpace(m.b, i)
	return true
}

// attachmentNumber decodes the number of a placeholder: plain decimal digits naming one of n
// attachments, else -1. The reference also takes 0.5, which then becomes undefined.
func attachmentNumber(raw []byte, n int) int {
	if len(raw) == 0 || len(raw) > 9 {
		return -1
	}
	num := 0
	for _, c := range raw {
		if c-'0' > 9 {
			return -1
		}
		num = num*10 + int(c-'0')
	}
	if num >= n {
		return -1
	}
	return num
}
