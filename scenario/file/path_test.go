package file

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestPaths(t *testing.T) {
	for text, want := range map[string][]PathStep{
		"$": nil, "$[0]": {{Index: 0}}, "$[12].a": {{Index: 12}, {Key: "a"}}, "$.a.b-c": {{Key: "a"}, {Key: "b-c"}}, `$["a.b"]['c d']`: {{Key: "a.b"}, {Key: "c d"}}, "$.é": {{Key: "é"}},
		"$[999999]": {{Index: 999_999}},
	} {
		got, f := parsePath(text)
		if f != nil || got.Text != text || !cmp.Equal(got.Steps, want) {
			t.Errorf("%s: %+v, %v", text, got, f)
		}
	}
	for _, text := range []string{"", "a", "$$", "$.", "$..a", "$[", "$[]", "$[-1]", "$[a]", "$[0", "$[1000000]", `$["a]`, `$['a"]`, `$[""]`, "$a", "$.a[", " $", "$ .a", "$[0]x", "$[99999999999999999999]", "$" + strings.Repeat(".a", 41)} {
		if got, f := parsePath(text); f == nil {
			t.Errorf("%q is taken: %+v", text, got)
		} else if f.hint == "" {
			t.Errorf("%q: no word on what to do", text)
		}
	}
}

// A path reads back as the steps that it was written from.
func TestPathsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want []PathStep
		text := "$"
		for range rapid.IntRange(0, maxDepth).Draw(t, "steps") {
			key := rapid.StringMatching(`[a-zé_ -]{1,5}`).Draw(t, "key")
			switch rapid.IntRange(0, 3).Draw(t, "form") {
			case 0:
				n := rapid.IntRange(0, 999_999).Draw(t, "index")
				text, want = text+fmt.Sprintf("[%d]", n), append(want, PathStep{Index: n})
			case 1:
				text, want = text+"."+key, append(want, PathStep{Key: key})
			case 2:
				text, want = text+`["`+key+`.[x"]`, append(want, PathStep{Key: key + ".[x"})
			case 3:
				text, want = text+"['"+key+"']", append(want, PathStep{Key: key})
			}
		}
		got, f := parsePath(text)
		if f != nil || !cmp.Equal(got.Steps, want) {
			t.Fatalf("%s: %+v, %v; want %+v", text, got.Steps, f, want)
		}
	})
}
