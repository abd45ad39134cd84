package file

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
)

// Template is a text with holes that the runner fills, compiled from the
// ${...} of one value. The zero value is empty.
type Template struct {
	Parts []string // text around the holes, one more than there are holes
	Holes []Hole
}

// A Hole is a place in a template.
type Hole struct {
	// Name is the inserted value: client.index, the number of the client within its group; group;
	// room; event; seq, the number of the message in its stream; payload, the stamp and the filler;
	// stamp, the stamp alone; FEEDER.COLUMN of a data file; a name that a step of the flow has
	// captured; or the name of a secret, env.NAME or a variable, whose value Spec.Secrets has. See
	// the table in names.go.
	Name string
	Form Form
}

// Form is the notation in which a hole's value is written.
type Form uint8

// The forms of a hole.
const (
	FormText   Form = iota // as it is
	FormString             // inside a JSON string: escaped
	FormValue              // a JSON value of its own
	FormPath               // inside the path of a URL: percent-encoded
	FormQuery              // inside the query of a URL, or in a form: percent-encoded, a space as +
)

// AppendURL appends a text in the form, which is FormPath or FormQuery; in others as it is.
func (f Form) AppendURL(dst []byte, s string) []byte {
	switch f {
	case FormPath:
		s = url.PathEscape(s)
	case FormQuery:
		s = url.QueryEscape(s)
	}
	return append(dst, s...)
}

// The names of holes that are not taken from data or captured.
const (
	HoleClient  = "client.index"
	HoleGroup   = "group"
	HoleRoom    = "room"
	HoleEvent   = "event"
	HoleSeq     = "seq"
	HolePayload = "payload"
	HoleCall    = "call.id"
	HoleStamp   = "stamp"
)

// IsZero reports whether the template is empty.
func (t Template) IsZero() bool { return len(t.Parts) == 0 }

// Append appends the text, its holes filled by fill, which appends one and
// returns the extended slice.
func (t Template) Append(dst []byte, fill func(dst []byte, h Hole) []byte) []byte {
	for i, part := range t.Parts {
		if i > 0 {
			dst = fill(dst, t.Holes[i-1])
		}
		dst = append(dst, part...)
	}
	return dst
}

// Has reports whether a hole of that name is in the template.
func (t Template) Has(name string) bool {
	for _, h := range t.Holes {
		if h.Name == name {
			return true
		}
	}
	return false
}

var reJSONNumber = regexp.MustCompile(`^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$`)

// jsonTemplate renders a value as JSON. Unquoted numbers, true, false and
// null keep their type; everything else is a string. A hole that is all of an
// unquoted value, or a payload that is all of any, is a JSON value of its own.
func jsonTemplate(d *decoder, n *node, sc *scope) Template {
	w := jsonWriter{d: d, sc: sc}
	w.value(n)
	w.out.Parts = append(w.out.Parts, w.part.String())
	return w.out
}

type jsonWriter struct {
	d    *decoder
	sc   *scope
	out  Template
	part strings.Builder // the text behind the last hole
}

func (w *jsonWriter) add(s string) { w.part.WriteString(s) }

func (w *jsonWriter) hole(name string, form Form) {
	w.out.Holes = append(w.out.Holes, Hole{name, form})
	w.out.Parts = append(w.out.Parts, w.part.String())
	w.part.Reset()
}

func (w *jsonWriter) value(n *node) {
	switch n.kind {
	case dict:
		w.add("{")
		for i, e := range n.keys {
			if i > 0 {
				w.add(",")
			}
			w.add(jsonString(e.key) + ":")
			w.value(e.val)
		}
		w.add("}")
	case list:
		w.add("[")
		w.list(n.items)
		w.add("]")
	default:
		if v, ok := w.d.expand(n, w.sc); ok {
			w.scalar(v)
		}
	}
}

func (w *jsonWriter) list(items []*node) {
	for i, item := range items {
		if i > 0 {
			w.add(",")
		}
		w.value(item)
	}
}

func (w *jsonWriter) scalar(v value) {
	if v.null {
		w.add("null")
		return
	}
	whole := len(v.holes) == 1 && v.parts[0] == "" && v.parts[1] == ""
	typed := len(v.holes) == 0 && isTyped(v.text())
	switch {
	case whole && (v.plain || v.holes[0] == HolePayload):
		w.hole(v.holes[0], FormValue)
		return
	case v.plain && typed:
		w.add(v.text())
		return
	}
	for i, part := range v.parts {
		text := jsonString(part)
		if i > 0 {
			w.hole(v.holes[i-1], FormString)
			text = text[1:]
		}
		if i < len(v.parts)-1 {
			text = text[:len(text)-1]
		}
		w.add(text)
	}
}

// isTyped reports whether an unquoted text is JSON as it is: a number, true or false.
func isTyped(text string) bool {
	return text == "true" || text == "false" || reJSONNumber.MatchString(text)
}

func jsonString(s string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		// Encoding a string cannot fail: bytes that are no UTF-8 were refused.
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// textTemplate is a value as it is, for queries, headers, rooms and texts.
func textTemplate(v value) Template {
	t := Template{Parts: v.parts}
	for _, name := range v.holes {
		t.Holes = append(t.Holes, Hole{name, FormText})
	}
	return t
}

// In returns a template of text in another form: inside of a JSON string, or as a JSON value.
func (t Template) In(form Form) Template {
	if form == FormText {
		return t
	}
	out := Template{}
	for _, part := range t.Parts {
		text := jsonString(part)
		out.Parts = append(out.Parts, text[1:len(text)-1])
	}
	whole := form == FormValue && len(t.Holes) == 1 && t.Parts[0] == "" && t.Parts[1] == ""
	for _, h := range t.Holes {
		if h.Form = FormString; whole {
			h.Form = FormValue
		}
		out.Holes = append(out.Holes, h)
	}
	if form == FormValue && !whole {
		out.Parts[0] = `"` + out.Parts[0]
		out.Parts[len(out.Parts)-1] += `"`
	}
	return out
}
