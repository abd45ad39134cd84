package jsonpath

import (
	"errors"
	"fmt"
	"strings"

	rfc "github.com/theory/jsonpath"
	"github.com/theory/jsonpath/spec"
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

// A Document is JSON that paths lead into. It does not change, so goroutines may share it.
type Document struct {
	root any
	args bool
}

// Body is a document of one JSON value: $ is the value itself.
func Body(text []byte) (Document, error) {
	v, err := Decode(text)
	return Document{root: v}, err
}

// Args is a document of the arguments of an event or an acknowledgement, given as JSON values with
// commas between them: $ is their list. A path that begins with a name leads into the first one:
// $.id is short for $[0].id.
func Args(text []byte) (Document, error) {
	list := make([]byte, 0, len(text)+2)
	v, err := Decode(append(append(append(list, '['), text...), ']'))
	return Document{root: v, args: true}, err
}

// Select returns the values that a path leads to; of several, in the order of the document, where
// the keys of objects are in the order of the alphabet. The values belong to the document.
func (d Document) Select(p *Path) []any {
	if p.query == nil {
		return nil
	}
	root := d.root
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

// First returns the first value of Select.
func (d Document) First(p *Path) (value any, found bool) {
	if all := d.Select(p); len(all) > 0 {
		return all[0], true
	}
	return nil, false
}
