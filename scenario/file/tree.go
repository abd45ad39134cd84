package file

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// MaxText is how many bytes a scenario file may have.
const MaxText = 64 << 10

// Limits of the text itself. The YAML parser recurses, so the depth is
// bounded before it runs; aliases share nodes, so their expansion is bounded
// by counting what a walk would visit. The parser also takes quadratic time
// over some texts, which the length keeps below a second.
const (
	maxDepth  = 40
	maxIndent = 200
	maxNodes  = 100_000
)

type kind uint8

const (
	scalar kind = iota
	list
	dict
)

// place is where a node was written: in the file, or in an override.
type place struct {
	set       string // "--set key=value", "" for the file
	line, col int
	file      string // of data; "" for the scenario's
}

// node is one value of the file. Nodes are immutable once built: an alias is
// the same node in two places.
type node struct {
	kind   kind
	at     place
	text   string // of a scalar
	quoted bool   // the scalar had quotes or is a block: always a string
	exact  bool   // text stands in the file as it is, so that columns inside can be told
	null   bool
	made   bool // not written in the file: the reader has put it in
	items  []*node
	keys   []entry
	weight int // nodes that a walk visits, aliases expanded
}

type entry struct {
	key string
	at  place
	val *node
}

func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	for i := range n.keys {
		if n.keys[i].key == key {
			return n.keys[i].val
		}
	}
	return nil
}

// with returns a copy of the mapping in which key has that value.
func (n *node) with(key string, val *node) *node {
	c := *n
	c.kind, c.null = dict, false
	c.keys = append([]entry(nil), n.keys...)
	for i := range c.keys {
		if c.keys[i].key == key {
			c.keys[i].val = val
			return &c
		}
	}
	c.keys = append(c.keys, entry{key: key, at: val.at, val: val})
	return &c
}

func (n *node) describe() string {
	switch {
	case n.kind == list:
		return "a list"
	case n.kind == dict:
		return "a mapping"
	case n.null:
		return "nothing"
	}
	return fmt.Sprintf("%q", clip(n.text))
}

// clip keeps messages to one readable line.
func clip(s string) string {
	if utf8.RuneCountInString(s) <= 60 {
		return s
	}
	return string([]rune(s)[:57]) + "..."
}

// loader turns the parser's tree into nodes.
type loader struct {
	errs    *errorList
	set     string
	anchors map[string]*node
}

// load parses the text of a file, or of an override when set is given. It
// returns nil after a syntax error, which stops everything.
func load(errs *errorList, text, set string) *node {
	l := &loader{errs: errs, set: set, anchors: map[string]*node{}}
	text = ownBreaks.Replace(strings.TrimPrefix(text, "\ufeff"))
	if len(text) > MaxText {
		return l.fail(1, 1, fmt.Sprintf("the file has %d bytes", len(text)), fmt.Sprintf("a scenario may have %d", MaxText))
	}
	if i := strings.IndexFunc(text, unprintable); i >= 0 {
		line, col := placeIn(text, i)
		r, size := utf8.DecodeRuneInString(text[i:])
		what := fmt.Sprintf("the character %U is not allowed", r)
		if r == utf8.RuneError && size == 1 {
			what = fmt.Sprintf("the byte 0x%02x is not valid UTF-8", text[i])
		}
		return l.fail(line, col, what, "save the file as plain UTF-8 text")
	}
	if at := reNoSpace.FindStringSubmatchIndex(text); at != nil {
		line, col := placeIn(text, at[2])
		r, _ := utf8.DecodeRuneInString(text[at[2]:])
		return l.fail(line, col, fmt.Sprintf("the character %U looks like a space, and is none", r), "write a space: such characters come with text that is copied from pages")
	}
	tokens := lexer.Tokenize(text)
	if tk := tooDeep(tokens); tk != nil {
		return l.fail(tk.Position.Line, tk.Position.Column, "nested too deep", fmt.Sprintf("a scenario has at most %d levels", maxDepth))
	}
	tokens = mendColons(tokens)
	doc, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return l.syntax(err, text, tokens)
	}
	var root ast.Node
	for _, d := range doc.Docs {
		if d.Body == nil {
			continue
		}
		if root != nil {
			p := l.pos(d.Body)
			return l.fail(p.line, p.col, "a second document starts here", "write one scenario to a file")
		}
		root = d.Body
	}
	if root == nil {
		return l.fail(1, 1, "the file is empty", "start with version: 1, name: and groups:")
	}
	return l.node(root, 0)
}

// ownBreaks makes the line breaks of other systems ours, as YAML reads them too (section 5.4): the
// lexer does not count all of them.
var ownBreaks = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// reNoSpace finds a character that looks like a space, or like nothing, where the indentation of a
// line or the space behind a key belongs.
var reNoSpace = regexp.MustCompile(`(?m)^[ \t-]*(?:[\w.$]+:[ \t]*)?([\x{00a0}\x{200b}\x{202f}\x{2060}\x{feff}])`)

// placeIn is the line and the column of a byte of a text.
func placeIn(text string, i int) (line, col int) {
	return 1 + strings.Count(text[:i], "\n"), 1 + utf8.RuneCountInString(text[strings.LastIndexByte(text[:i], '\n')+1:i])
}

// unprintable reports whether a character moves the cursor of a terminal, or hides or reverses the
// text beside it. A scenario may come from an untrusted source.
func unprintable(r rune) bool {
	switch {
	case r == '\n', r == '\r', r == '\t':
		return false
	case r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069', r == '\u2028', r == '\u2029':
		return true
	}
	return r == utf8.RuneError || unicode.IsControl(r)
}

// breaksLine reports whether a character cannot stand in a name.
func breaksLine(r rune) bool { return r == '\n' || r == '\r' || r == '\t' || unprintable(r) }

// tooDeep finds the first token that is nested deeper than the limits.
func tooDeep(tokens token.Tokens) *token.Token {
	flow, line, run := 0, 0, 0
	for _, tk := range tokens {
		if tk.Position == nil {
			continue
		}
		if tk.Position.Line != line {
			line, run = tk.Position.Line, 0
			if flow == 0 && tk.Position.Column > maxIndent {
				return tk
			}
		}
		switch tk.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		}
		if flow > 0 {
			if flow > maxDepth {
				return tk
			}
			continue
		}
		switch tk.Type {
		case token.SequenceEntryType, token.MappingKeyType, token.TagType, token.AnchorType, token.MappingValueType:
			// "- - - a", "? ? a" and "!a !b c" nest without any indentation.
			run++
		}
		if run > maxDepth {
			return tk
		}
	}
	return nil
}

func (l *loader) fail(line, col int, msg, hint string) *node {
	l.errs.add(place{set: l.set, line: line, col: col}, msg, hint)
	return nil
}

func (l *loader) pos(n ast.Node) place {
	tk := n.GetToken()
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return l.pos(n.Values[0])
		}
	case *ast.MappingValueNode:
		tk = n.Key.GetToken()
	case *ast.LiteralNode:
		tk = n.Start
	case *ast.StringNode:
		if at := folded(tk); at.line > 0 {
			return place{set: l.set, line: at.line, col: at.col}
		}
	}
	if tk == nil || tk.Position == nil {
		return place{set: l.set, line: 1, col: 1}
	}
	return place{set: l.set, line: max(tk.Position.Line, 1), col: max(tk.Position.Column, 1)}
}

// folded is where a plain text of several lines begins, when that is on the line of the token
// before it: at the end of a file the lexer says another place.
func folded(tk *token.Token) (at place) {
	if tk == nil || tk.Type != token.StringType || tk.Prev == nil || tk.Prev.Position == nil {
		return place{}
	}
	text := strings.TrimLeft(tk.Origin, " ")
	before := tk.Prev.Type == token.SequenceEntryType || tk.Prev.Type == token.MappingValueType
	if !before || !strings.Contains(strings.TrimSpace(text), "\n") || strings.HasPrefix(text, "\n") {
		return place{}
	}
	return place{line: tk.Prev.Position.Line, col: tk.Prev.Position.Column + 1 + len(tk.Origin) - len(text)}
}

func (l *loader) node(n ast.Node, depth int) *node {
	if depth > maxDepth {
		p := l.pos(n)
		return l.fail(p.line, p.col, "nested too deep", fmt.Sprintf("a scenario has at most %d levels", maxDepth))
	}
	out := &node{at: l.pos(n), weight: 1}
	switch n := n.(type) {
	case *ast.MappingNode:
		return l.mapping(n.Values, out, depth)
	case *ast.MappingValueNode:
		return l.mapping([]*ast.MappingValueNode{n}, out, depth)
	case *ast.SequenceNode:
		out.kind = list
		for _, v := range n.Values {
			item := l.node(v, depth+1)
			if item == nil {
				return nil
			}
			out.items = append(out.items, item)
			out.weight += item.weight
		}
		return l.weigh(out)
	case *ast.AnchorNode:
		val := l.node(n.Value, depth+1)
		if val != nil {
			l.anchors[n.Name.String()] = val
		}
		return val
	case *ast.AliasNode:
		name := n.Value.String()
		val, ok := l.anchors[name]
		if !ok {
			return l.fail(out.at.line, out.at.col, fmt.Sprintf("no anchor &%s stands before this", clip(name)), "define it above, or put a text that starts with * in quotes")
		}
		return val
	case *ast.TagNode:
		return l.fail(out.at.line, out.at.col, "scenario files have no tags", "remove "+clip(n.Start.Value))
	case *ast.NullNode:
		out.null = true
		return out
	case *ast.LiteralNode:
		out.text, out.quoted = n.Value.Value, true
		return out
	case *ast.StringNode:
		out.text = n.Value
		out.quoted = n.Token.Type == token.DoubleQuoteType || n.Token.Type == token.SingleQuoteType
		out.exact = strings.Contains(n.Token.Origin, n.Value)
		return out
	}
	// Numbers, booleans, infinities: their meaning depends on the key, so the written text is kept.
	out.text, out.exact = n.GetToken().Value, true
	return out
}

func (l *loader) weigh(n *node) *node {
	if n.weight > maxNodes {
		return l.fail(n.at.line, n.at.col, "the aliases expand to too many values", fmt.Sprintf("a scenario may have %d", maxNodes))
	}
	return n
}

func (l *loader) mapping(values []*ast.MappingValueNode, out *node, depth int) *node {
	out.kind = dict
	first := map[string]place{}
	var merged []*node
	for _, v := range values {
		at := l.pos(v.Key)
		key, ok := l.key(v.Key, at)
		if !ok {
			return nil
		}
		if was, dup := first[key]; dup {
			l.errs.add(at, fmt.Sprintf("the key %q stands twice in this mapping", clip(key)), fmt.Sprintf("the first is on line %d: remove one", was.line))
			continue
		}
		first[key] = at
		val := l.node(v.Value, depth+1)
		if val == nil {
			return nil
		}
		out.weight += val.weight
		if v.Key.IsMergeKey() {
			sources := []*node{val}
			if val.kind == list {
				sources = val.items
			}
			merged = append(merged, sources...)
			continue
		}
		out.keys = append(out.keys, entry{key, at, val})
	}
	for _, m := range merged {
		if m.kind != dict {
			return l.fail(m.at.line, m.at.col, "<< merges mappings, not "+m.describe(), "give it an alias of a mapping, or a list of them")
		}
		for _, e := range m.keys {
			if out.get(e.key) == nil {
				out.keys = append(out.keys, e)
			}
		}
	}
	return l.weigh(out)
}

func (l *loader) key(k ast.MapKeyNode, at place) (string, bool) {
	switch n := k.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.MergeKeyNode:
		return "<<", true
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MappingKeyNode:
		l.errs.add(at, "a key must be plain text", "write key: value")
		return "", false
	}
	return k.GetToken().Value, true
}
