package file

import (
	"encoding/json"
	"regexp"
	"strings"
)

var reJSONNumber = regexp.MustCompile(`^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$`)

// jsonTemplate renders a value as JSON. Unquoted numbers, true, false and
// null keep their type; everything else is a string. The client's index is a
// number when it is all of an unquoted value.
func jsonTemplate(d *decoder, n *node) Template {
	w := jsonWriter{d: d, parts: []string{""}}
	w.value(n)
	return Template{w.parts}
}

type jsonWriter struct {
	d     *decoder
	parts []string
}

func (w *jsonWriter) add(s string) { w.parts[len(w.parts)-1] += s }

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
		for i, item := range n.items {
			if i > 0 {
				w.add(",")
			}
			w.value(item)
		}
		w.add("]")
	default:
		if v, ok := w.d.vars.expand(w.d.errs, n, true); ok {
			w.scalar(v)
		}
	}
}

func (w *jsonWriter) scalar(v value) {
	if v.null {
		w.add("null")
		return
	}
	onlyIndex := len(v.parts) == 2 && v.parts[0] == "" && v.parts[1] == ""
	typed := len(v.parts) == 1 && (v.text() == "true" || v.text() == "false" || reJSONNumber.MatchString(v.text()))
	if v.plain && (onlyIndex || typed) {
		w.add(v.parts[0])
		w.parts = append(w.parts, v.parts[1:]...)
		return
	}
	for i, part := range v.parts {
		text := jsonString(part)
		if i > 0 {
			w.parts = append(w.parts, "")
			text = text[1:]
		}
		if i < len(v.parts)-1 {
			text = text[:len(text)-1]
		}
		w.add(text)
	}
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
