package file

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadTree(t *testing.T) {
	scalar := func(line, col int, text string) *Tree { return &Tree{Line: line, Col: col, Text: text} }
	for name, c := range map[string]struct {
		text string
		want *Tree
	}{
		"a scalar":        {"5", scalar(1, 1, "5")},
		"a quoted scalar": {`"5"`, &Tree{Line: 1, Col: 1, Text: "5", Quoted: true}},
		"a block":         {"a: |\n  x\n  y\n", &Tree{Line: 1, Col: 1, Dict: true, Keys: []TreeKey{{"a", 1, &Tree{Line: 1, Col: 4, Text: "x\ny\n", Quoted: true}}}}},
		"nothing":         {"a: null\n", &Tree{Line: 1, Col: 1, Dict: true, Keys: []TreeKey{{"a", 1, &Tree{Line: 1, Col: 4, Null: true}}}}},
		"a list":          {"- 1\n- x y\n", &Tree{Line: 1, Col: 1, List: true, Items: []*Tree{scalar(1, 3, "1"), scalar(2, 3, "x y")}}},
		"JSON":            {`{"a": [true]}`, &Tree{Line: 1, Col: 1, Dict: true, Keys: []TreeKey{{"a", 1, &Tree{Line: 1, Col: 7, List: true, Items: []*Tree{scalar(1, 8, "true")}}}}}},
		"an alias":        {"a: &x 1\nb: *x\n", &Tree{Line: 1, Col: 1, Dict: true, Keys: []TreeKey{{"a", 1, scalar(1, 7, "1")}, {"b", 2, scalar(1, 7, "1")}}}},
	} {
		got, err := ReadTree("x.yml", []byte(c.text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for text, want := range map[string]string{
		"a: 1\na: 2\n": "x.yml:2:1: the key \"a\" stands twice in this mapping; the first is on line 1: remove one",
		"a: !env X\n":  "x.yml:1:4: scenario files have no tags; remove !env",
		"":             "x.yml:1:1: the file is empty; start with version: 1, name: and groups:",
		"a: *b\n":      "x.yml:1:4: no anchor &b stands before this; define it above, or put a text that starts with * in quotes",
	} {
		got, err := ReadTree("x.yml", []byte(text))
		if got != nil || err == nil || err.Error() != want {
			t.Errorf("%q: %v, %v\nwant %s", text, got, err, want)
		}
	}
}

// What is asked of nothing, or of a value of another kind, is nothing: readers of other tools' files
// go down paths that may not be there.
func TestTreeGet(t *testing.T) {
	tree, err := ReadTree("x.yml", []byte("a: {b: 1}\nc: [1]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := tree.Get("a").Get("b"); got == nil || got.Text != "1" || got.Line != 1 {
		t.Errorf("a.b is %+v", got)
	}
	if tree.Get("x").Get("y") != nil || tree.Get("c").Get("0") != nil || tree.Get("a").Get("b").Get("c") != nil {
		t.Error("there is a value where there is none")
	}
	if n := len(tree.Entries()); n != 2 || tree.Get("c").Entries() != nil || tree.Get("x").Entries() != nil {
		t.Errorf("%d entries", n)
	}
}

func TestComments(t *testing.T) {
	const text = `# of the file
# too

config: # beside the key
  # before the phases
  phases: [1]
  url: "a # b" # beside the text
# at the end
`
	want := []Comment{
		{1, 4, "of the file"},
		{2, 4, "too"},
		{4, 4, "beside the key"},
		{5, 6, "before the phases"},
		{7, 7, "beside the text"},
		{8, 0, "at the end"},
	}
	for name, in := range map[string]string{"as it is": text, "after a byte order mark": "\ufeff" + text} {
		if diff := cmp.Diff(want, Comments([]byte(in))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if got := Comments([]byte(strings.ReplaceAll(text, "#", "x"))); got != nil {
		t.Errorf("without comments there are %v", got)
	}
}
