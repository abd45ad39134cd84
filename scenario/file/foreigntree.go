package file

import (
	"errors"
	"strings"

	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// A Tree is a value of a YAML or JSON file that is no scenario, such as one of another tool.
type Tree struct {
	Line, Col int
	Text      string // of a scalar, as written
	Quoted    bool   // the scalar had quotes or is a block: always a text
	Null      bool
	List      bool
	Items     []*Tree // of a list
	Dict      bool
	Keys      []TreeKey // of a mapping, in file order
}

// A TreeKey is a key of a mapping with its value.
type TreeKey struct {
	Key  string
	Line int
	Val  *Tree
}

// Get returns the value of a key; nil where t is no mapping with that key.
func (t *Tree) Get(key string) *Tree {
	if t == nil {
		return nil
	}
	for i := range t.Keys {
		if t.Keys[i].Key == key {
			return t.Keys[i].Val
		}
	}
	return nil
}

// Entries returns the keys of a mapping in file order; nil of anything else.
func (t *Tree) Entries() []TreeKey {
	if t == nil {
		return nil
	}
	return t.Keys
}

// ReadTree reads a file of YAML or JSON with the limits of scenario files. Aliases are written out.
// The error joins one *Error for each mistake.
func ReadTree(name string, text []byte) (*Tree, error) {
	errs := &errorList{file: name}
	n := load(errs, string(text), "")
	if n == nil || n.kind == scalar {
		if other := Other(name, string(text)); other != nil {
			return nil, errors.Join(other)
		}
	}
	if n == nil || len(errs.all) > 0 {
		return nil, errs.join(1)
	}
	return n.tree(), nil
}

func (n *node) tree() *Tree {
	t := &Tree{Line: n.at.line, Col: n.at.col, Text: n.text, Quoted: n.quoted, Null: n.null, List: n.kind == list, Dict: n.kind == dict}
	for _, item := range n.items {
		t.Items = append(t.Items, item.tree())
	}
	for _, e := range n.keys {
		t.Keys = append(t.Keys, TreeKey{e.key, e.at.line, e.val.tree()})
	}
	return t
}

// A Comment is a comment of a YAML file.
type Comment struct {
	Line   int // of the file
	Before int // the line of the value that it stands before, or beside; 0: it is at the end
	Text   string
}

// Comments returns the comments of a YAML file in order. The text must be readable by ReadTree.
func Comments(text []byte) (list []Comment) {
	open := 0 // comments from here on wait for the value after them
	for _, tk := range lexer.Tokenize(ownBreaks.Replace(strings.TrimPrefix(string(text), "\ufeff"))) {
		if tk.Position == nil {
			continue
		}
		if tk.Type != token.CommentType {
			for ; open < len(list); open++ {
				list[open].Before = tk.Position.Line
			}
			continue
		}
		c := Comment{Line: tk.Position.Line, Text: strings.TrimSpace(tk.Value)}
		if prev := tk.Prev; prev != nil && prev.Position != nil && prev.Position.Line == c.Line && prev.Type != token.CommentType {
			c.Before = c.Line
			list = append(list, c)
			if open == len(list)-1 {
				open++
			}
			continue
		}
		list = append(list, c)
	}
	return list
}
