package jsonpath

import (
	"bytes"
	"encoding/json"

	"github.com/theory/jsonpath/spec"

	"github.com/throng-io/throng/protocol/socketio"
)

// A step of a plain path goes into an object by a name, or into a list by an index.
type step struct {
	name  string
	index int // when named is false
	named bool
}

// plainSteps returns the steps of a path of names and of indexes from the front; ok is false for
// every other path.
func plainSteps(segments []*spec.Segment) (out []step, ok bool) {
	for _, segment := range segments {
		if segment.IsDescendant() || len(segment.Selectors()) != 1 {
			return nil, false
		}
		switch s := segment.Selectors()[0].(type) {
		case spec.Name:
			out = append(out, step{name: string(s), named: true})
		case spec.Index:
			if s < 0 {
				return nil, false
			}
			out = append(out, step{index: int(s)})
		default:
			return nil, false
		}
	}
	return out, true
}

// stepwise reports whether Raw finds what the path leads to.
func (p *Path) stepwise() bool { return p.plain && len(p.steps) > 0 }

// Raw is First for the JSON text of arguments, without decoding it: for what is done with every
// message. The text must be well-formed, and the value is a part of it. ok is false for a path that
// is more than names and indexes: then Select has to find its values.
func (p *Path) Raw(args []byte) (value []byte, found, ok bool) {
	if !p.stepwise() {
		return nil, false, false
	}
	if !p.named {
		value, found = p.walk(args, true)
	} else if value, found = item(args, 0); found {
		value, found = p.into(value)
	}
	return value, found, true
}

// into takes the steps of the path into a value.
func (p *Path) into(value []byte) (found []byte, ok bool) {
	inside, list, ok := open(value)
	if !ok {
		return nil, false
	}
	return p.walk(inside, list)
}

// walk takes the steps of the path into a list or an object without its brackets.
func (p *Path) walk(inside []byte, list bool) (value []byte, found bool) {
	for i := range p.steps {
		s := &p.steps[i]
		switch {
		case s.named == list:
			return nil, false
		case list:
			value, found = item(inside, s.index)
		default:
			value, found = member(inside, s.name)
		}
		if !found || i == len(p.steps)-1 {
			return value, found
		}
		if inside, list, found = open(value); !found {
			break
		}
	}
	return nil, false
}

// open returns a list or an object without its brackets.
func open(value []byte) (inside []byte, list, ok bool) {
	if len(value) < 2 || value[0] != '{' && value[0] != '[' {
		return nil, false, false
	}
	return value[1 : len(value)-1], value[0] == '[', true
}

// item returns the nth value of a list without its brackets.
func item(list []byte, n int) (value []byte, found bool) {
	for value, rest := socketio.NextArg(list); value != nil; value, rest = socketio.NextArg(rest) {
		if n == 0 {
			return value, true
		}
		n--
	}
	return nil, false
}

// member returns the value of a key of an object without its braces; of a key that is there twice
// the last, as Go's decoder takes it.
func member(object []byte, key string) (value []byte, found bool) {
	for name, rest := socketio.NextArg(object); name != nil && len(rest) > 0 && rest[0] == ':'; {
		var v []byte
		v, rest = socketio.NextArg(rest[1:])
		if isKey(name, key) {
			value, found = v, true
		}
		name, rest = socketio.NextArg(rest)
	}
	return value, found
}

// isKey reports whether a JSON string is that text.
func isKey(name []byte, key string) bool {
	if len(name) < 2 {
		return false
	}
	if text := name[1 : len(name)-1]; bytes.IndexByte(text, '\\') < 0 {
		return string(text) == key
	}
	var text string
	return json.Unmarshal(name, &text) == nil && text == key
}
