package file

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// pathOf finds the mapping of a tree that has a key; nil without one.
func pathOf(n *node, key string, path []string) []string {
	if n.get(key) != nil {
		return append([]string{}, path...)
	}
	for i, item := range n.items {
		if at := pathOf(item, key, append(path, fmt.Sprint(i))); at != nil {
			return at
		}
	}
	for _, e := range n.keys {
		if at := pathOf(e.val, key, append(path, e.key)); at != nil {
			return at
		}
	}
	return nil
}

// overridden is a value as --set takes it: quotes are YAML's.
func overridden(value string) string {
	if text, quoted := strings.CutPrefix(value, `"`); quoted {
		return strings.TrimSuffix(text, `"`)
	}
	return value
}

// TestEveryKeyIsReachedBySet checks that --set with the path of any key of any table does what the
// key does in the file, and that the error about a value says that the override has it.
func TestEveryKeyIsReachedBySet(t *testing.T) {
	for _, r := range everyKey() {
		e := exampleOf(r.def, r.key)
		set, without := keyWith(r.key, e.good[r.key])
		value := set[len(set)-1].value
		written, _ := e.text(set, without...)
		base, _ := e.text(set[:len(set)-1], append(without, r.key)...)

		errs := &errorList{}
		marked, _ := e.text([]assignment{{"markedHere", "1"}})
		at := pathOf(load(errs, marked, ""), "markedHere", nil)
		if at == nil {
			t.Fatalf("the example of %q has no place: %s", r.def, marked)
		}
		path := strings.Join(append(at, r.key), ".")

		want, err := Parse("x.yaml", []byte(written), nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Parse("x.yaml", []byte(base), map[string]string{path: overridden(value)})
		if err != nil {
			t.Errorf("--set %s=%s: %v\n%s", path, value, err, base)
			continue
		}
		if diff := cmp.Diff(dump(want), dump(got)); diff != "" {
			t.Errorf("--set %s=%s is not %s (-file +set):\n%s", path, value, written, diff)
		}
		for _, odd := range []string{"word word", "[{a: [1]}]", "-5"} {
			_, err := Parse("x.yaml", []byte(base), map[string]string{path: odd})
			if err == nil {
				continue
			}
			label := "--set " + path + "=" + odd
			if !strings.Contains(err.Error(), label) && !at1(t, err) {
				t.Errorf("the error does not name %s: %v", label, err)
			}
		}
	}
}

// at1 reports whether an error is about the file: a value may be good by itself, and not with the
// rest of the file.
func at1(t *testing.T, err error) bool {
	t.Helper()
	for _, e := range mistakes(t, err) {
		if e.Line > 0 {
			return true
		}
	}
	return false
}
