// Package yamltext writes values as YAML on one line, for scenarios that programs write. Texts are
// in double quotes, as JSON, so that nothing in them is taken for anything else.
package yamltext

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"
)

// A Template is text in which variables are named: it is written in quotes as it is.
type Template string

// A Raw value is written as it is, without quotes.
type Raw string

// A Map is a mapping whose keys keep their order.
type Map []Entry

// An Entry is a key with its value.
type Entry struct {
	Key   string
	Value any
}

// Quote is a text in quotes. Characters that no scenario may have are escaped.
func Quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a text can be encoded
	text := strings.TrimSuffix(b.String(), "\n")
	if !strings.ContainsFunc(text, hidden) {
		return text
	}
	var out strings.Builder
	for _, r := range text {
		if hidden(r) {
			fmt.Fprintf(&out, `\u%04x`, r)
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}

// hidden reports whether a character moves a cursor, or hides or turns round the text beside it.
func hidden(r rune) bool {
	return r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0xfffd
}

// Text is a text in quotes in which nothing names a variable.
func Text(s string) string { return Quote(Literal(s)) }

// Literal is a text for a template in which nothing names a variable.
func Literal(s string) string { return strings.ReplaceAll(s, "$", "$$") }

var (
	rePlain  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)
	reserved = []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
)

// Word is a key or a short value, in quotes where YAML would take it for something else.
func Word(s string) string {
	if rePlain.MatchString(s) && !slices.Contains(reserved, strings.ToLower(s)) {
		return s
	}
	return Quote(s)
}

// Flow writes a value in the flow style, on one line: lists, mappings, texts, numbers, booleans,
// nil, and the types of this package. The keys of a map are sorted.
func Flow(v any) string {
	switch v := v.(type) {
	case Template:
		return Quote(string(v))
	case Raw:
		return string(v)
	case string:
		return Text(v)
	case []any:
		items := make([]string, len(v))
		for i, item := range v {
			items[i] = Flow(item)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case Map:
		items := make([]string, len(v))
		for i, e := range v {
			items[i] = Word(e.Key) + ": " + Flow(e.Value)
		}
		return "{" + strings.Join(items, ", ") + "}"
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		m := make(Map, len(keys))
		for i, k := range keys {
			m[i] = Entry{k, v[k]}
		}
		return Flow(m)
	case nil:
		return "null"
	}
	return fmt.Sprint(v)
}
