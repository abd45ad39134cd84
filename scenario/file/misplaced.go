package file

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Mistakes in where a value stands, and in its form: a list in the place of a mapping, a key among
// those of another mapping, a comma that is missing.

func (d *decoder) isDict(n *node, what string) bool { return d.isDictWith(n, what, "", nil) }

// isDictWith is isDict for a mapping that may have certain keys, nil for any, and of which a single
// value is meant for the key lone: see object.
func (d *decoder) isDictWith(n *node, what, lone string, keys []string) bool {
	if n.kind == dict {
		return true
	}
	hint := "write key: value lines, or {key: value}"
	switch glued := reGlued.FindStringSubmatch(n.text); {
	case n.kind == list:
		hint = "write key: value lines without a -, or {key: value}"
	case n.null || n.text == "":
	case glued != nil && !n.quoted && (keys == nil || slices.Contains(keys, glued[1])):
		hint = fmt.Sprintf("put a space behind the colon: %s: %s", glued[1], clip(glued[2]))
	case lone == alone:
		hint = "write {}, or keys in it, or remove it"
	case lone != "":
		hint = fmt.Sprintf("write {%s: %s}", lone, n.inFlow())
	}
	d.errs.add(n.at, fmt.Sprintf("%s is a mapping of keys to values, not %s", article(what), n.describe()), hint)
	return false
}

func (d *decoder) isList(n *node, what string) bool {
	if n.kind == list {
		return true
	}
	hint := "write [a, b], or one - item a line"
	switch {
	case n.kind == dict:
		hint = "put a - before each item, or all of them in [ ]"
	case !n.null && n.text != "":
		hint = fmt.Sprintf("write [%s], or one - item a line", n.inFlow())
	}
	d.errs.add(n.at, fmt.Sprintf("%s must be a list, not %s", what, n.describe()), hint)
	return false
}

// inFlow is a single value as it stands inside { } and [ ].
func (n *node) inFlow() string {
	return (&node{text: clip(n.text), quoted: n.quoted || strings.ContainsAny(n.text, ",[]{}")}).scalarText()
}

// single says what to write in the place of what is no single value.
func (n *node) single() string {
	switch n.kind {
	case list:
		return "write one value, without [ ] or -"
	case dict:
		return "write one value, without keys"
	}
	return "write a value"
}

// swallowed returns the key of the table that has become a part of the value before it, because no
// comma stands between them inside { }, and its place in the value; "" where there is none.
func (o *object[T]) swallowed(v *node) (key string, offset int) {
	if v.kind != scalar || v.quoted || !strings.Contains(v.text, ": ") {
		return "", 0
	}
	for _, f := range o.fields {
		if i := strings.Index(v.text, " "+f.key+": "); i >= 0 {
			return f.key, i + 1
		}
	}
	return "", 0
}

// The names in the schema of mappings in whose place others are often written.
const (
	groupTableName    = "group"
	contractTableName = "contract"
)

// acknowledged reads whether a server acknowledges something; how long a client waits for it is
// said elsewhere, by the same key.
func (d *decoder) acknowledged(n *node) *bool {
	v := read(d, n, "ack", func(text string) (bool, *flaw) {
		is, f := parseBool(text)
		if f != nil && reDuration.MatchString(closeUp(text)) {
			f.hint = "write ack: true; how long a client waits says ack: of the stream"
		}
		return is, f
	}, nil)
	return &v
}

// homes says of keys that one kind of mapping alone has where they belong: a line that is indented
// wrongly makes them keys of another.
var homes = sync.OnceValue(func() map[string]string {
	all, several := map[string]string{}, map[string]bool{}
	add := func(home string, now, later []string) {
		for _, key := range append(now, later...) {
			several[key] = all[key] != ""
			all[key] = home
		}
	}
	now, later := specTable.names()
	add("it belongs at the top of the file, without indentation", now, later)
	now, later = groupTable.names()
	add("it belongs to a group, below groups: and its name", now, later)
	now, later = streamTable.names()
	add("it belongs to a stream of a group: send: [{...}]", now, later)
	now, later = phaseTable.names()
	add("it belongs to a phase: phases: [{...}]", now, later)
	now, later = targetTable.names()
	add("it belongs to the target: target: {...}", now, later)
	for key, is := range several {
		if is {
			delete(all, key)
		}
	}
	return all
})
