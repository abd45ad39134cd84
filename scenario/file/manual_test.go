package file

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestListOfKeys makes scenarios/KEYS.md of the tables: with -update it is written anew.
func TestListOfKeys(t *testing.T) {
	var b strings.Builder
	b.WriteString("# All keys of scenario files\n\n<!-- made by go test ./scenario/file -update -->\n\n" +
		"[README.md](README.md) explains the language by examples; this page lists each key once, with the form of its value. `throng schema` prints the\n" +
		"same as a JSON Schema, from which editors complete and check. Amounts may be computed, and any value may come from `vars:`. A key in **bold**\n" +
		"must be there. Where no default is given, leaving a key out means that there is none of it, or what its description says.\n")
	for _, table := range tables() {
		name, f := table.definition()
		title := "`" + name + "`"
		if name == "" {
			title = "The file"
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| key | value | default | |\n|---|---|---|---|\n", title, f["description"])
		required, _ := f["required"].([]string)
		for _, p := range f["properties"].(properties) {
			key, def, about := "`"+p.key+"`", "", ""
			if slices.Contains(required, p.key) {
				key = "**" + key + "**"
			}
			if v, ok := p.value["default"]; ok {
				def = fmt.Sprintf("`%v`", v)
			}
			if v, ok := p.value["description"].(string); ok {
				about = v
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", key, strings.ReplaceAll(inWords(p.value), "|", `\|`), def, strings.ReplaceAll(about, "|", `\|`))
		}
	}
	golden(t, "../../scenarios/KEYS.md", b.String())
}

// inWords is the form of a value for the list of keys.
func inWords(f form) string {
	if to, ok := f["$ref"].(string); ok {
		name := strings.TrimPrefix(to, "#/$defs/")
		switch {
		case examples[name].file != "":
			return fmt.Sprintf("[%s](#%s)", name, name)
		case name == "boolean":
			return "`true` or `false`"
		case name == "check":
			return "condition, or [named_check](#named_check)"
		}
		return strings.ReplaceAll(name, "_", " ")
	}
	if words := wordsOf(f); words != nil {
		return strings.Join(words, ", ")
	}
	for _, how := range []string{"anyOf", "oneOf"} {
		if forms, ok := f[how].([]form); ok {
			var all []string
			for _, one := range forms {
				if words := inWords(one); !slices.Contains(all, words) && one["$ref"] != "#/$defs/variable" && one["$ref"] != "#/$defs/arithmetic" && words != "" {
					all = append(all, words)
				}
			}
			return strings.Join(all, ", or ")
		}
	}
	switch f["type"] {
	case "array":
		if item, ok := f["items"].(form); ok {
			return "list of " + inWords(item)
		}
		return "list"
	case "object":
		if value, ok := f["additionalProperties"].(form); ok {
			return "mapping of names to " + inWords(value)
		}
		return "mapping"
	}
	if all, ok := f["allOf"].([]form); ok {
		return inWords(all[0])
	}
	if types, many := f["type"].([]string); len(f) == 0 || many && slices.Contains(types, "array") {
		return "any value"
	}
	return "text"
}

// wordsOf are the words of a value that is one of some.
func wordsOf(f form) (out []string) {
	switch words := f["enum"].(type) {
	case []string:
		for _, w := range words {
			out = append(out, "`"+w+"`")
		}
	case []any: // numbers, and the same as texts
		for _, w := range words {
			if word := fmt.Sprintf("`%v`", w); !slices.Contains(out, word) {
				out = append(out, word)
			}
		}
	}
	return out
}

// TestManualHasEveryKey checks that the manual explains, or uses, each key of each table.
func TestManualHasEveryKey(t *testing.T) {
	in, err := os.ReadFile("../../scenarios/README.md")
	if err != nil {
		t.Fatal(err)
	}
	code := strings.Join(regexp.MustCompile("(?s)```.*?```|`[^`\n]+`").FindAllString(string(in), -1), "\n")
	for _, r := range everyKey() {
		if r.key == "interval" { // it has one value
			continue
		}
		if !regexp.MustCompile(`(^|[^\w])` + regexp.QuoteMeta(r.key) + `($|[^\w])`).MatchString(code) {
			t.Errorf("scenarios/README.md does not have the key %s of %q", r.key, r.def)
		}
	}
}
