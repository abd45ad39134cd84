package reporttest

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"testing"
)

// Tree is a value as JSON has it, with its numbers as they are written.
func Tree(t *testing.T, v any) (tree any) {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		t.Fatal(err)
	}
	return tree
}

// EachNumber calls try with each number of a tree in turn, in the order of the keys: its path, and
// a function that puts another one there until try returns. Elements of a list have the same path.
func EachNumber(tree any, path string, try func(path string, put func(json.Number))) {
	one := func(child any, path string, put func(any)) {
		if n, ok := child.(json.Number); ok {
			try(path, func(n json.Number) { put(n) })
			put(n)
			return
		}
		EachNumber(child, path, try)
	}
	switch v := tree.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) { // which number a field gets depends on the order
			one(v[k], path+"."+k, func(n any) { v[k] = n })
		}
	case []any:
		for i, child := range v {
			one(child, path+"[]", func(n any) { v[i] = n })
		}
	}
}
