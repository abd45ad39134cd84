package file

import (
	"cmp"
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
	reVariable = regexp.MustCompile(`\$(?:\$|\{([^{}]*)\}|((?:random|pick)\([^()]*\)|[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*))`)
)

// reEnvironment is the name of an environment variable as other programs have it.
var reEnvironment = regexp.MustCompile(`^(?:process\.env\.|(?:__)?ENV\.|processEnvironment\.)?([A-Z][A-Z0-9_]+)$`)

const axisPrefix = "matrix."

var reservedNames = []string{"matrix", "client", "room", "seq", "payload", "stamp", "peer", "group", "event", "env", DrawUUID, DrawRandom, DrawPick, DrawNow, "loop", DrawCounter}

// variables are the values that ${...} may name in one combination.
type variables struct {
	defs   map[string]*node // the vars: block, and matrix.AXIS for each axis
	values map[string]*value
	broken map[string]bool // reported already
	active []string        // being expanded, to find circles
	used   map[string]bool // axes that something names

	counters  []string        // names of the counters
	feeders   []string        // names of the data files
	rows      []string        // of them, those that have a row for each message
	audiences []string        // names of the audiences by key
	secret    map[string]bool // variables that must not be written
	secrets   *Secrets        // their values, and values of the environment
	how       *reading
}

// Bounds of the values with their variables: of one, and of all together, in all combinations of
// the matrix. Variables and aliases put the same text into any number of places.
const (
	maxExpanded    = 64 << 10
	maxExpandedAll = 64 << 20
)

// expand substitutes the variables of a scalar. What only the runner knows, as
// far as the scope allows it here, and secrets split the value into parts.
func (vs *variables) expand(errs *errorList, n *node, sc *scope) (value, bool) {
	v := value{node: n, parts: []string{""}, plain: !n.quoted, null: n.null}
	if vs.how.expanded > maxExpandedAll {
		return v, false // it is reported
	}
	ok := vs.noMustache(errs, n, sc)
	text, end := n.text, 0
	for _, m := range reVariable.FindAllStringSubmatchIndex(text, -1) {
		v.add(text[end:m[0]])
		end = m[1]
		name := ""
		switch {
		case text[m[0]:m[1]] == "$$":
			v.add("$")
			continue
		case m[2] >= 0:
			name = strings.TrimSpace(text[m[2]:m[3]])
		default:
			name = text[m[4]:m[5]]
		}
		switch {
		case sc.allows(name, vs.feeders) && (sc.at&inMessages != 0 || !slices.Contains(vs.rows, feederOf(name, vs.feeders))), sc.allowsPeers() && vs.ofPeer(name):
			ok = vs.checkDraw(errs, n.offset(m[0]), name) && ok
			v.hole(name, m[0])
		case strings.HasPrefix(name, envPrefix) && sc.takesSecrets():
			ok = vs.env(errs, n.offset(m[0]), name) && ok
			v.hole(name, m[0])
		case !vs.insert(errs, &v, name, sc, m[0], m[1]):
			ok = false
		}
		if v.size() > maxExpanded {
			errs.add(n.at, "the variables in this value expand to too much text", "shorten it")
			return v, false
		}
	}
	v.add(text[end:])
	if vs.how.expanded += v.size() + 16; vs.how.expanded > maxExpandedAll { // a short value takes memory, too
		errs.add(n.at, "the values of the scenario expand to too much text, up to this one", "use fewer variables and aliases, or combinations of the matrix")
		return v, false
	}
	return v, ok
}

// reMustache is a template as other programs have it.
var reMustache = regexp.MustCompile(`\{\{\s*([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)\s*\}\}`)

// noMustache refuses {{ name }} with a name that has a value here; with any other it is a text.
func (vs *variables) noMustache(errs *errorList, n *node, sc *scope) bool {
	for _, m := range reMustache.FindAllStringSubmatchIndex(n.text, -1) {
		name := n.text[m[2]:m[3]]
		if vs.defs[name] != nil || sc != nil && (slices.Contains(sc.captured, name) || feederOf(name, vs.feeders) != "") {
			errs.add(n.offset(m[0]), fmt.Sprintf("`%s` is not filled in: other programs write templates so", clip(n.text[m[0]:m[1]])), fmt.Sprintf("write ${%s}", clip(name)))
			return false
		}
	}
	return true
}

// insert puts the value of a variable in the place of its name, which is between two offsets of the
// text.
func (vs *variables) insert(errs *errorList, v *value, name string, sc *scope, from, to int) bool {
	n := v.node
	got, found := vs.lookup(errs, n.offset(from), name, sc)
	if !found {
		return false
	}
	if (vs.secret[name] || len(got.holes) > 0) && !sc.takesSecrets() {
		errs.add(n.offset(from), fmt.Sprintf("the variable `%s` is secret and cannot be used here", name), "a secret can be used only in "+forSecrets.words())
		return false
	}
	v.from = append(v.from, n.text[from:to])
	if from == 0 && to == len(n.text) {
		v.plain = v.plain && got.plain
		v.set = cmp.Or(got.node.at.set, got.set)
	}
	if vs.secret[name] {
		v.hole(name, from)
		return vs.keep(errs, n.offset(from), name, got)
	}
	v.parts[len(v.parts)-1] += got.parts[0]
	v.whole += parenthesised(got.whole)
	for i, inner := range got.holes {
		v.hole(inner, from)
		v.add(got.parts[i+1])
	}
	return true
}

func (v *value) add(text string) {
	v.parts[len(v.parts)-1] += text
	v.whole += text
}

func (v *value) hole(name string, offset int) {
	v.parts, v.holes, v.offsets = append(v.parts, ""), append(v.holes, name), append(v.offsets, offset)
}

// size is how much text there is, with the names of the holes.
func (v *value) size() (n int) {
	for _, text := range slices.Concat(v.parts, v.holes) {
		n += len(text)
	}
	return n
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
		if hint := vs.misplaced(name, sc); hint != "" {
			errs.add(at, fmt.Sprintf("`${%s}` cannot be used here", clip(name)), hint)
			return nil, false
		}
		errs.add(at, fmt.Sprintf("unknown variable `%s`", clip(name)), vs.advice(name, sc))
		return nil, false
	}
	if slices.Contains(vs.active, name) {
		errs.add(def.at, fmt.Sprintf("the variable `%s` needs itself: %s", name, strings.Join(append(vs.active, name), " -> ")), "give it a value of its own")
		return nil, false
	}
	vs.active = append(vs.active, name)
	v, good := vs.expand(errs, def, varScope)
	vs.active = vs.active[:len(vs.active)-1]
	vs.values[name] = &v
	vs.broken[name] = !good
	return &v, good
}

func (vs *variables) advice(name string, sc *scope) string {
	known := slices.Sorted(maps.Keys(vs.defs))
	if sc != nil {
		if s := Suggest(name, append(sc.names(), known...)); s != "" {
			return fmt.Sprintf("did you mean `%s`?", s)
		}
	}
	if hint := calledWrong(name); hint != "" {
		return hint
	}
	prefix, _, dotted := strings.Cut(name, ".")
	switch {
	case reEnvironment.MatchString(name) && Suggest(name, known) == "":
		key := reEnvironment.FindStringSubmatch(name)[1]
		if !sc.takesSecrets() {
			return fmt.Sprintf("declare it under vars:, and give it its value with --set %s=\"$%[1]s\"", clip(key))
		}
		return fmt.Sprintf("write ${env.%s} for the environment variable, or declare it under vars:", clip(key))
	case dotted && prefix+"." == peerPrefix:
		return vs.peerAdvice(name)
	case dotted && prefix != "matrix" && Suggest(name, known) == "":
		if len(vs.feeders) > 0 {
			return fmt.Sprintf("there is no data file `%s`: %s", clip(prefix), orOneOf(prefix, vs.feeders))
		}
		return fmt.Sprintf("declare it under data: {%s: {csv: %s.csv}}", clip(prefix), clip(prefix))
	case len(vs.feeders) > 0 && !dotted && Suggest(name, known) == "":
		return fmt.Sprintf("a column of a data file is written ${%s.%s}; declare other names under vars:, or write $$ for a dollar sign", vs.feeders[0], clip(name))
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
			errs.add(e.val.at, fmt.Sprintf("the variable `%s` must be a single value, not %s", e.key, e.val.describe()), e.val.single())
		default:
			defs[e.key] = e.val
		}
	}
	return defs
}
