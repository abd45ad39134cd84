package yamltext

import (
	"testing"

	"github.com/goccy/go-yaml"
	"pgregory.net/rapid"
)

// What is written is read as the same value by a YAML reader.
func TestFlowIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		var got struct {
			A []string
			B map[string]any
		}
		page := "a: [" + Quote(text) + "]\nb: " + Flow(Map{{"k", text}, {"list", []any{true, 1, nil, Template(text)}}, {"yes", Raw("2")}})
		if err := yaml.Unmarshal([]byte(page), &got); err != nil {
			t.Fatalf("%v\n%s", err, page)
		}
		if got.A[0] != text || got.B["k"] != Literal(text) || got.B["list"].([]any)[3] != text {
			t.Fatalf("%q is read as %q", text, got)
		}
	})
}

func TestForms(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]any{
		`{a: "x", "b c": [1, 2.5, true, null, "$$n"], "on": "${v}"}`: Map{{"a", "x"}, {"b c", []any{1, 2.5, true, nil, "$n"}}, {"on", Template("${v}")}},
		`{a: 1, b: {c: $x}}`:     map[string]any{"b": Map{{"c", Raw("$x")}}, "a": 1},
		`"\u202e\u0001\ufffd é"`: "\u202e\u0001\ufffd é",
	} {
		if got := Flow(v); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
