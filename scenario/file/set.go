package file

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// override applies the --set values to the tree, in the order of their keys.
// A key without a dot is a variable of the file when there is one of that
// name, else a key of the file's top level; a dotted key is a path. The items
// of a list are found by number or by their name, event or op.
func override(errs *errorList, root *node, how *reading) *node {
	set := how.set
	for _, key := range slices.Sorted(maps.Keys(set)) {
		label := "--set " + clip(printable(key)) + "=" + clip(printable(set[key]))
		if how.hidden(key) {
			label = "--set " + clip(printable(key)) + "=" + Masked
		}
		val := &node{at: place{set: label}, text: strings.TrimSpace(set[key]), exact: true, weight: 1}
		if strings.HasPrefix(val.text, "[") || strings.HasPrefix(val.text, "{") {
			if val = load(errs, val.text, label); val == nil {
				continue
			}
		}
		path := strings.Split(key, ".")
		if root.get("vars").get(key) != nil {
			path = []string{"vars", key}
		}
		if changed := setPath(errs, root, path, 0, val, label); changed != nil {
			root = changed
		}
	}
	return root
}

func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if breaksLine(r) {
			return ' '
		}
		return r
	}, s)
}

// setPath returns the tree with the value at path[i:] under n; nil when there
// is no such place.
func setPath(errs *errorList, n *node, path []string, i int, val *node, label string) *node {
	if i == len(path) {
		return val
	}
	here, key := strings.Join(path[:i], "."), path[i]
	switch {
	case n.kind == list:
		at := findItem(n, key)
		if at < 0 {
			errs.add(place{set: label}, fmt.Sprintf("%s has no item %q", here, clip(key)), orOneOf(key, itemNames(n)))
			return nil
		}
		item := setPath(errs, n.items[at], path, i+1, val, label)
		if item == nil {
			return nil
		}
		c := *n
		c.items = slices.Clone(n.items)
		c.items[at] = item
		return &c
	case n.kind == scalar && !n.null:
		errs.add(place{set: label}, fmt.Sprintf("%s is a single value and has no keys", here), "set "+here+" itself")
		return nil
	}
	child := n.get(key)
	if child == nil {
		if hint := missing(n, path, i); hint != "" {
			what := fmt.Sprintf("the file has no %s", strings.Join(path[:i+1], "."))
			if i == 0 {
				what = fmt.Sprintf("the file has no variable or key `%s`", clip(key))
			}
			errs.add(place{set: label}, what, hint)
			return nil
		}
		child = &node{kind: dict, at: place{set: label}}
	}
	child = setPath(errs, child, path, i+1, val, label)
	if child == nil {
		return nil
	}
	return n.with(key, child)
}

// missing says what to do about a key that is not there, or "" when it may be
// created: the keys of groups, vars and axes are the file's own names, so a
// new one is a slip; others are checked when the tree is decoded.
func missing(n *node, path []string, i int) string {
	var known []string
	for _, e := range n.keys {
		known = append(known, e.key)
	}
	switch parent := strings.Join(path[:i], "."); {
	case parent == "":
		now, later := specTable.names()
		if slices.Contains(append(now, later...), path[0]) {
			return ""
		}
		for _, e := range n.get("vars").entries() {
			known = append(known, e.key)
		}
		for _, e := range n.get("matrix").get("axes").entries() {
			if e.key == path[0] {
				return "write matrix.axes." + e.key + "=[...]"
			}
		}
		for _, key := range now {
			if !slices.Contains(known, key) {
				known = append(known, key)
			}
		}
		return orOneOf(path[0], known)
	case parent == "groups", parent == "vars", parent == "matrix.axes":
		if len(known) == 0 {
			return "declare it in the file"
		}
		return orOneOf(path[i], known)
	case path[0] == "phases" && i == 1:
		return "the usual phases are not in the file; write `phases:` there to change them"
	}
	return ""
}

func (n *node) entries() []entry {
	if n == nil {
		return nil
	}
	return n.keys
}

func findItem(n *node, key string) int {
	if i, err := strconv.Atoi(key); err == nil && i >= 0 && i < len(n.items) {
		return i
	}
	for _, by := range []string{"name", "event", "op"} {
		for i, item := range n.items {
			if v := item.get(by); v != nil && v.kind == scalar && v.text == key {
				return i
			}
		}
	}
	return -1
}

func itemNames(n *node) []string {
	var names []string
	for _, item := range n.items {
		for _, by := range []string{"name", "event", "op"} {
			if v := item.get(by); v != nil && v.kind == scalar {
				names = append(names, v.text)
				break
			}
		}
	}
	if len(names) == 0 && len(n.items) > 0 {
		names = append(names, fmt.Sprintf("0 to %d", len(n.items)-1))
	}
	return names
}
