package stamp

import (
	"bytes"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/file"
)

// Lookup finds the value that a path names in a list of arguments, without decoding the rest. The
// JSON was checked when the packet was parsed; in other data no value is found. The value is a part
// of args.
func Lookup(args []byte, p *file.Path) (value []byte, found bool) {
	if len(p.Steps) == 0 {
		return bytes.TrimSpace(args), len(args) > 0
	}
	inside, list := args, true
	if p.Steps[0].Key != "" { // $.id is short for $[0].id
		first, found := item(args, 0)
		if !found || len(first) < 2 || first[0] != '{' {
			return nil, false
		}
		inside, list = first[1:len(first)-1], false
	}
	for i := range p.Steps {
		step := &p.Steps[i]
		if (step.Key == "") != list {
			return nil, false
		}
		if list {
			value, found = item(inside, step.Index)
		} else {
			value, found = member(inside, step.Key)
		}
		if !found || i == len(p.Steps)-1 {
			return value, found
		}
		if len(value) < 2 || value[0] != '{' && value[0] != '[' {
			return nil, false
		}
		inside, list = value[1:len(value)-1], value[0] == '['
	}
	return nil, false
}

// item returns the nth value of a list without its brackets.
func item(list []byte, n int) (value []byte, found bool) {
	for rest := list; len(bytes.TrimSpace(rest)) > 0; n-- {
		value, rest = socketio.NextArg(rest)
		if n == 0 {
			return bytes.TrimSpace(value), true
		}
	}
	return nil, false
}

// member returns the value of a key of an object without its braces. Keys that are
// written with escapes are not found.
func member(object []byte, key string) (value []byte, found bool) {
	for rest := object; len(bytes.TrimSpace(rest)) > 0; {
		var name []byte
		name, rest = socketio.NextArg(rest)
		if len(name) < 2 || len(rest) == 0 || rest[0] != ':' {
			return nil, false
		}
		value, rest = socketio.NextArg(rest[1:])
		if string(name[1:len(name)-1]) == key {
			return bytes.TrimSpace(value), len(value) > 0
		}
	}
	return nil, false
}
