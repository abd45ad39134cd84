package file

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// leavesOf lists the paths of all single values of a tree, as --set takes them.
func leavesOf(n *node, path string, out map[string]string) {
	join := func(key string) string { return strings.TrimPrefix(path+"."+key, ".") }
	for i, item := range n.items {
		leavesOf(item, join(fmt.Sprint(i)), out)
	}
	for _, e := range n.keys {
		leavesOf(e.val, join(e.key), out)
	}
	if n.kind == scalar {
		out[path] = n.text
	}
}

// The new tree has the set value and is otherwise equal; the original tree is unchanged.
func TestSetChangesOneValue(t *testing.T) {
	const text = `
name: x
vars: {v: 1}
server: {fanout: serial}
groups:
  a: {count: 5, send: [{op: echo, rate: 1/s}, {op: all, event: tick, rate: 2/s}], auth: {deep: {er: [1, {x: y}]}}}
  b: {count: 6}
phases: [{name: ramp, for: 1s}, {name: hold, for: 2s}]
`
	errs := &errorList{}
	root := load(errs, text, "")
	before := map[string]string{}
	leavesOf(root, "", before)
	paths := slices.Sorted(maps.Keys(before))
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.SampledFrom(paths).Draw(t, "path")
		value := rapid.StringMatching(`[a-z0-9]{1,5}`).Draw(t, "value")
		errs := &errorList{}
		got := override(errs, root, &reading{set: map[string]string{path: value}})
		if err := errs.join(1); err != nil {
			t.Fatal(err)
		}
		want, after, still := maps.Clone(before), map[string]string{}, map[string]string{}
		want[path] = value
		leavesOf(got, "", after)
		leavesOf(root, "", still)
		if !reflect.DeepEqual(after, want) {
			t.Fatalf("%s=%s: %v", path, value, after)
		}
		if !reflect.DeepEqual(still, before) {
			t.Fatal("the tree that was has changed")
		}
	})
}

// Items of lists are found by number, and by name, event or operation; variables by their name
// alone.
func TestSetFindsItems(t *testing.T) {
	for path, where := range map[string]string{
		"n": "vars.n", "vars.n": "vars.n", "groups.b.send.tick.rate": "groups.b.send.0.rate", "groups.b.send.all.rate": "groups.b.send.0.rate",
		"groups.b.send.1.rate": "groups.b.send.1.rate", "groups.b.send.echo.rate": "groups.b.send.1.rate", "phases.hold.for": "phases.1.for", "phases.0.for": "phases.0.for",
		"seed": "seed", "server.fanout": "server.fanout", "groups.a.connect.rate": "groups.a.connect.rate", "report.dir": "report.dir",
	} {
		errs := &errorList{}
		root := override(errs, load(errs, small, ""), &reading{set: map[string]string{path: "42"}})
		got := map[string]string{}
		leavesOf(root, "", got)
		if err := errs.join(1); err != nil || got[where] != "42" {
			t.Errorf("%s: %v, %q at %s", path, err, got[where], where)
		}
	}
	// Several are put in the order of their keys; a later one may go below an earlier one.
	errs := &errorList{}
	root := override(errs, load(errs, small, ""), &reading{set: map[string]string{"target": "{url: a}", "target.url": "b", "target.tls.ca": "c"}})
	got := map[string]string{}
	leavesOf(root, "", got)
	if err := errs.join(1); err != nil || got["target.url"] != "b" || got["target.tls.ca"] != "c" {
		t.Errorf("%v, %v", err, got)
	}
}
