package file

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Variables stand in scalars as ${name} or $name; $$ is a dollar sign. A
// value is substituted where it is used and typed there, so viewers: 10k can
// be a count. A dollar that no name follows is itself.

var (
	reName     = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	reVariable = regexp.MustCompile(`\$(?:\$|\{([^{}]*)\}|([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*))`)
)

const axisPrefix = "matrix."

var reservedNames = []string{"matrix", "client", "room", "seq", "payload", "group", "event"}

// variables are the values that ${...} may name in one combination.
type variables struct {
	defs   map[string]*node // the vars: block, and matrix.AXIS for each axis
	values map[string]*value
	broken map[string]bool // reported already
	active []string        // being expanded, to find circles
	used   map[string]bool // axes that something names

	feeders []string // names of the data files
}

// maxExpanded bounds what variables in variables can grow to.
const maxExpanded = 64 << 10

// expand substitutes the variables of a scalar. What only the runner knows, as
// far as the scope allows it here, splits the value into parts.
func (vs *variables) expand(errs *errorList, n *node, sc *scope) (value, bool) {
	v := value{node: n, parts: []string{""}, plain: !n.quoted, null: n.null}
	ok := true
	add := func(text string) { v.parts[len(v.parts)-1] += text }
	text, end := n.text, 0
	for _, m := range reVariable.FindAllStringSubmatchIndex(text, -1) {
		add(text[end:m[0]])
		end = m[1]
		whole := m[0] == 0 && m[1] == len(text)
		written := text[m[0]:m[1]]
		if written == "$$" {
			add("$")
			continue
		}
		name := ""
		if m[2] >= 0 {
			name = strings.TrimSpace(text[m[2]:m[3]])
		} else {
			name = text[m[4]:m[5]]
		}
		if sc.allows(name, vs.feeders) {
			v.parts, v.holes = append(v.parts, ""), append(v.holes, name)
			v.offsets = append(v.offsets, m[0])
			continue
		}
		got, found := vs.lookup(errs, n.offset(m[0]), name, sc)
		if !found {
			ok = false
			continue
		}
		v.from = append(v.from, written)
		if len(v.text())+len(got.text()) > maxExpanded {
			errs.add(n.at, "the variables in this value expand to too much text", "shorten it")
			return v, false
		}
		add(got.text())
		if whole {
			v.plain = v.plain && got.plain
			v.set = got.set
			if got.node.at.set != "" {
				v.set = got.node.at.set
			}
		}
	}
	add(text[end:])
	return v, ok
}

// offset is the place of a byte inside a scalar, where it can be told.
func (n *node) offset(i int) place {
	at := n.at
	if at.set != "" || !n.exact || i > len(n.text) || strings.Contains(n.text[:i], "\n") {
		return at
	}
	at.col += len([]rune(n.text[:i]))
	if n.quoted {
		at.col++
	}
	return at
}

func (vs *variables) lookup(errs *errorList, at place, name string, sc *scope) (*value, bool) {
	if strings.HasPrefix(name, axisPrefix) {
		vs.used[name] = true
	}
	if v, ok := vs.values[name]; ok {
		return v, !vs.broken[name]
	}
	def, ok := vs.defs[name]
	if !ok {
		errs.add(at, fmt.Sprintf("unknown variable `%s`", clip(name)), vs.advice(name, sc))
		return nil, false
	}
	if slices.Contains(vs.active, name) {
		errs.add(def.at, fmt.Sprintf("the variable `%s` needs itself: %s", name, strings.Join(append(vs.active, name), " -> ")), "give it a value of its own")
		return nil, false
	}
	vs.active = append(vs.active, name)
	v, good := vs.expand(errs, def, nil)
	vs.active = vs.active[:len(vs.active)-1]
	vs.values[name] = &v
	vs.broken[name] = !good
	return &v, good
}

func (vs *variables) advice(name string, sc *scope) string {
	known := slices.Sorted(maps.Keys(vs.defs))
	if sc != nil {
		if s := Suggest(name, append(slices.Clone(sc.names), known...)); s != "" {
			return fmt.Sprintf("did you mean `%s`?", s)
		}
	}
	prefix, _, dotted := strings.Cut(name, ".")
	switch {
	case name == HoleClient || name == HoleGroup:
		return "it can stand in auth, query, headers, data, contract and flow only"
	case name == HoleRoom || name == HoleSeq || name == HolePayload || name == HoleEvent:
		return "it can stand in the data of a stream, in a contract and in a flow only"
	case dotted && slices.Contains(vs.feeders, prefix):
		return "a value of a data file can stand in auth, query, headers, data, contract and flow only"
	case dotted && prefix != "matrix" && Suggest(name, known) == "":
		if len(vs.feeders) > 0 {
			return fmt.Sprintf("there is no data file `%s`: %s", clip(prefix), orOneOf(prefix, vs.feeders))
		}
		return fmt.Sprintf("declare it under data: {%s: {csv: %s.csv}}", clip(prefix), clip(prefix))
	case len(vs.defs) == 0:
		return "declare it under vars:, or write $$ for a dollar sign"
	}
	if s := Suggest(name, append(known, HoleClient)); s != "" {
		return fmt.Sprintf("did you mean `%s`?", s)
	}
	return "known are " + strings.Join(known, ", ") + "; write $$ for a dollar sign"
}

// declare reads the vars: block.
func declare(errs *errorList, block *node) map[string]*node {
	defs := map[string]*node{}
	if block == nil || block.null {
		return defs
	}
	if block.kind != dict {
		errs.add(block.at, "vars must be a mapping of names to values, not "+block.describe(), "write vars: {viewers: 10k}")
		return defs
	}
	for _, e := range block.keys {
		switch {
		case !reName.MatchString(e.key):
			errs.add(e.at, fmt.Sprintf("%q is not a name for a variable", clip(e.key)), "use letters, digits and _, not starting with a digit")
		case slices.Contains(reservedNames, e.key):
			errs.add(e.at, fmt.Sprintf("the variable name `%s` is taken", e.key), "choose another")
		case e.val.kind != scalar || e.val.null:
			errs.add(e.val.at, fmt.Sprintf("the variable `%s` must be a single value, not %s", e.key, e.val.describe()), "")
		default:
			defs[e.key] = e.val
		}
	}
	return defs
}
