package jsonpath

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	rfc "github.com/theory/jsonpath"
	"github.com/theory/jsonpath/spec"

	"github.com/throng-io/throng/protocol/socketio"
)

// maxPath bounds the length of a path, in bytes.
const maxPath = 1024

// A Path is a JSONPath query (RFC 9535). It does not change, so goroutines may share it. The zero
// Path selects nothing.
type Path struct {
	Text string // as written

	query *rfc.Path
	named bool // it begins with a name, as $.id does
	one   bool // it leads to one value at most (RFC 9535, 2.3.5.1: a singular query)
	plain bool // it has only steps: see Raw
	steps []step
}

// Parse reads a path. The error says at which character of the path the mistake is.
func Parse(text string) (Path, error) {
	if len(text) > maxPath {
		return Path{}, fmt.Errorf("it is longer than %d bytes", maxPath)
	}
	query, err := rfc.Parse(text)
	if err != nil {
		return Path{}, errors.New(strings.TrimPrefix(err.Error(), "jsonpath: "))
	}
	p := Path{Text: text, query: query, one: query.Query().Singular() != nil}
	segments := query.Query().Segments()
	p.steps, p.plain = plainSteps(segments)
	if len(segments) > 0 && !segments[0].IsDescendant() {
		p.named = true
		for _, s := range segments[0].Selectors() {
			_, name := s.(spec.Name)
			p.named = p.named && name
		}
	}
	return p, nil
}

// Equal reports whether two paths are written alike.
func (p Path) Equal(q Path) bool { return p.Text == q.Text }

// A Document is JSON that paths lead into. It belongs to one goroutine.
type Document struct {
	text []byte // well-formed
	args bool
	root any // the value of text, once a path has needed it
}

// Body is a document of one JSON value, which must not change: $ is the value itself.
func Body(text []byte) (Document, error) { return document(text, false) }

// Args is a document of the arguments of an event or an acknowledgement, given as JSON values with
// commas between them: $ is their list. A path that begins with a name leads into the first one:
// $.id is short for $[0].id.
func Args(text []byte) (Document, error) {
	list := make([]byte, 0, len(text)+2)
	return document(append(append(append(list, '['), text...), ']'), true)
}

func document(text []byte, args bool) (Document, error) {
	if !json.Valid(text) {
		_, err := Decode(text) // which says what is wrong
		return Document{}, err
	}
	return Document{text: text, args: args}, nil
}

// value returns the root.
func (d *Document) value() any {
	if d.root == nil && d.text != nil {
		d.root, _ = Decode(d.text) // well-formed
	}
	return d.root
}

// Select returns the values that a path leads to; of several, in the order of the document, where
// the keys of objects are in the order of the alphabet. The values belong to the document.
func (d *Document) Select(p *Path) []any {
	v, found, ok := d.plain(p)
	switch {
	case !ok:
		return d.query(p)
	case found:
		return []any{v}
	}
	return nil
}

// query is Select for any path.
func (d *Document) query(p *Path) []any {
	if p.query == nil {
		return nil
	}
	root := d.value()
	if d.args && p.named {
		list, _ := root.([]any)
		if len(list) == 0 {
			return nil
		}
		root = list[0]
	}
	if p.one {
		return p.query.Select(root)
	}
	nodes := p.query.SelectLocated(root)
	nodes.Sort() // objects are maps, whose order differs from run to run
	out := make([]any, len(nodes))
	for i, n := range nodes {
		out[i] = n.Node
	}
	return out
}

// Texts returns the values of Select as JSON; of a plain path, as it is written in the document.
func (d *Document) Texts(p *Path) [][]byte {
	text, found, ok := d.raw(p)
	if found {
		return [][]byte{text}
	}
	var out [][]byte
	if !ok {
		for _, v := range d.query(p) {
			out = append(out, Append(nil, v))
		}
	}
	return out
}

// First returns the first value of Select.
func (d *Document) First(p *Path) (value any, found bool) {
	if v, found, ok := d.plain(p); ok {
		return v, found
	}
	if all := d.query(p); len(all) > 0 {
		return all[0], true
	}
	return nil, false
}

// plain is First for a path that is plain, of which it decodes no more than the value; ok is false
// for every other path.
func (d *Document) plain(p *Path) (value any, found, ok bool) {
	var text []byte
	if text, found, ok = d.raw(p); found {
		value, _ = Decode(text) // well-formed
	}
	return value, found, ok
}

func (d *Document) raw(p *Path) (value []byte, found, ok bool) {
	if d.args {
		return p.Raw(socketio.AckArgs(d.text))
	}
	if !p.stepwise() {
		return nil, false, false
	}
	value, found = item(d.text, 0)
	if found {
		value, found = p.into(value)
	}
	return value, found, true
}
