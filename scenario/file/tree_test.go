package file

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// anyJSON draws a JSON value of mappings, lists, texts and numbers.
func anyJSON(t *rapid.T, depth int) any {
	word := rapid.StringMatching(`[ -~é日]{0,12}`)
	switch kind := rapid.IntRange(0, 5).Draw(t, "kind"); {
	case kind == 0 && depth > 0:
		out := map[string]any{}
		for range rapid.IntRange(0, 4).Draw(t, "keys") {
			out[rapid.StringMatching(`[a-zA-Z_][a-zA-Z0-9_ -]{0,8}`).Draw(t, "key")] = anyJSON(t, depth-1)
		}
		return out
	case kind == 1 && depth > 0:
		out := []any{}
		for range rapid.IntRange(0, 4).Draw(t, "items") {
			out = append(out, anyJSON(t, depth-1))
		}
		return out
	case kind == 2:
		return float64(rapid.IntRange(-1000, 1000).Draw(t, "number"))
	case kind == 3:
		return rapid.Bool().Draw(t, "bool")
	}
	return word.Draw(t, "text")
}

// JSON is YAML, and a value that has no variables goes into a message as it is.
func TestJSONComesThrough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := map[string]any{"v": anyJSON(t, 4)}
		text, err := marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		errs := &errorList{}
		root := load(errs, strings.ReplaceAll(string(text), "$", "$$"), "")
		if root == nil {
			t.Fatalf("%v\n%s", errs.join(1), text)
		}
		tm := jsonTemplate(newDecoder(errs, root, nil, &reading{}), root, clientScope)
		if len(tm.Holes) > 0 || errs.join(1) != nil {
			t.Fatalf("%d holes, %v", len(tm.Holes), errs.join(1))
		}
		var got any
		if err := json.Unmarshal([]byte(tm.Parts[0]), &got); err != nil {
			t.Fatalf("%v: %s", err, tm.Parts[0])
		}
		if !reflect.DeepEqual(got, any(want)) {
			t.Fatalf("%s became %s", text, tm.Parts[0])
		}
	})
}

// The tree that Resolved writes is the tree that it reads again.
func TestYAMLReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := map[string]any{"v": anyJSON(t, 4)}
		text, err := marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		errs := &errorList{}
		first := load(errs, string(text), "")
		again := load(errs, string(first.yaml()), "")
		if again == nil {
			t.Fatalf("%v\n%s\nof %s", errs.join(1), first.yaml(), text)
		}
		if a, b := plainTree(first), plainTree(again); !reflect.DeepEqual(a, b) {
			t.Fatalf("%s\nbecame\n%s", text, first.yaml())
		}
	})
}

// plainTree is a tree without its places.
func plainTree(n *node) any {
	switch n.kind {
	case list:
		out := []any{}
		for _, item := range n.items {
			out = append(out, plainTree(item))
		}
		return out
	case dict:
		out := map[string]any{}
		for _, e := range n.keys {
			out[e.key] = plainTree(e.val)
		}
		return out
	}
	if n.null {
		return nil
	}
	return n.text
}

// A value's place is where it stands in the text.
func TestPlacesAreInTheText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[a-zé]{1,8}`)
		var b strings.Builder
		wants := map[string]bool{}
		for i := range rapid.IntRange(1, 6).Draw(t, "keys") {
			w := fmt.Sprintf("w%d%s", i, word.Draw(t, "word"))
			wants[w] = true
			switch rapid.IntRange(0, 4).Draw(t, "form") {
			case 0:
				fmt.Fprintf(&b, "k%d: %s # %s\n", i, w, w)
			case 1:
				fmt.Fprintf(&b, "k%d: {é: 1, b: %s}\n", i, w)
			case 2:
				fmt.Fprintf(&b, "k%d:\n  - 日本\n  - %s\n\n", i, w)
			case 3:
				fmt.Fprintf(&b, "k%d:\n  sub:\n    x: [1, \"é\", %s]\r\n", i, w)
			case 4:
				fmt.Fprintf(&b, "k%d: \"%s\"\n", i, w)
			}
		}
		errs := &errorList{}
		root := load(errs, b.String(), "")
		if root == nil {
			t.Fatal(errs.join(1))
		}
		lines := strings.Split(b.String(), "\n")
		found := 0
		var walk func(n *node)
		walk = func(n *node) {
			for _, item := range n.items {
				walk(item)
			}
			for _, e := range n.keys {
				if at := string([]rune(lines[e.at.line-1])[e.at.col-1:]); !strings.HasPrefix(at, e.key) {
					t.Fatalf("the key %s is at %q", e.key, at)
				}
				walk(e.val)
			}
			if wants[n.text] {
				found++
				if at := string([]rune(lines[n.at.line-1])[n.at.col-1:]); !strings.HasPrefix(strings.TrimPrefix(at, `"`), n.text) {
					t.Fatalf("%s is at %q", n.text, at)
				}
			}
		}
		walk(root)
		if found != len(wants) {
			t.Fatalf("%d of %d words were found", found, len(wants))
		}
	})
}

// nestedKeys are mappings in each other, each a line.
func nestedKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%sa:\n", strings.Repeat(" ", i))
	}
	return b.String()
}

func TestAnchorsAndMerges(t *testing.T) {
	for text, want := range map[string]string{
		"a: &x 1\nb: *x":                                      "map[a:1 b:1]",
		"a: &x {k: 1}\nb: {<<: *x, l: 2}":                     "map[a:map[k:1] b:map[k:1 l:2]]",
		"a: &x {k: 1}\nb: {k: 2, <<: *x}":                     "map[a:map[k:1] b:map[k:2]]",
		"a: &x {k: 1}\nc: &y {k: 3, m: 4}\nb: {<<: [*x, *y]}": "map[a:map[k:1] b:map[k:1 m:4] c:map[k:3 m:4]]",
		"a: |\n  two\n  lines\n":                              "map[a:two\nlines\n]",
		"a: >-\n  one\n  line\n":                              "map[a:one line]",
		"a: ~\nb: null\nc:\n":                                 "map[a:<nil> b:<nil> c:<nil>]",
		"a: 0x10\nb: 010\nc: 1e3\nd: yes\ne: 12:30":           "map[a:0x10 b:010 c:1e3 d:yes e:12:30]",
		"---\na: 1\n...\n":                                    "map[a:1]",
		"a: 'it''s'\nb: \"tab\\t\"":                           "map[a:it's b:tab\t]",
	} {
		errs := &errorList{}
		root := load(errs, text, "")
		if root == nil {
			t.Errorf("%q: %v", text, errs.join(1))
		} else if got := fmt.Sprint(plainTree(root)); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"a: *x":                  "f:1:4: no anchor &x stands before this",
		"a: 1\na: 2":             "f:2:1: the key \"a\" stands twice in this mapping; the first is on line 1: remove one",
		"a: !!int 1":             "f:1:4: scenario files have no tags; remove !!int",
		"a: &x [1]\nb: {<<: *x}": "f:1:8: << merges mappings",
		"? [a]\n: 1":             "a key is a plain text; write key: value",
		"a: 1\n---\nb: 2":        "a second document starts here",
		"":                       "f:1:1: the file is empty",
		strings.Repeat("[", 41):  "nested too deep",
		// before the parser, which recurses, and after it
		"a: " + strings.Repeat("- ", 60):           "f:1:82: nested too deep",
		"a:\n" + strings.Repeat(" ", 201) + "b: 1": "f:2:202: nested too deep",
		nestedKeys(42): "nested too deep",
		"a: \"x":       "f:1:4: the quote that begins here is not closed",
		"a: b\n\tc: d": "",
		"a: \x01":      "f:1:4: the character U+0001 is not allowed",
		"a: \xff":      "f:1:4: the byte 0xff is not valid UTF-8",
		"a: &a [1,1]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f,*f,*f,*f,*f,*f,*f,*f,*f,*f,*f,*f,*f,*f,*f]": "the aliases expand to too many values",
	} {
		errs := &errorList{file: "f"}
		if root := load(errs, text, ""); root != nil && errs.join(1) == nil {
			t.Errorf("%q is taken: %v", text, plainTree(root))
		} else if !strings.Contains(errs.join(1).Error(), want) {
			t.Errorf("%q: %v, want %s", text, errs.join(1), want)
		}
	}
}
