package file

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/throng-io/throng/scenario/metric"
)

// The schema beside the scenarios, which editors read, is the one of the tables.
func TestSchemaFile(t *testing.T) {
	golden(t, "scenario.schema.json", string(Schema()))
}

// No table of the parser is forgotten, every reference leads somewhere, and every key is described.
func TestSchemaIsWhole(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	declared := 0
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		declared += len(regexp.MustCompile(`(?m)^var \w+ = object\[`).FindAll(text, -1))
	}
	if declared != len(tables()) {
		t.Errorf("the package has %d tables and the schema takes %d: add the missing one to tables() in schema.go", declared, len(tables()))
	}
	var schema map[string]any
	if err := json.Unmarshal(Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	defs := schema["$defs"].(map[string]any)
	used := map[string]bool{}
	var walk func(where string, v any)
	walk = func(where string, v any) {
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				walk(where, item)
			}
		case map[string]any:
			if to, ok := v["$ref"].(string); ok {
				name := strings.TrimPrefix(to, "#/$defs/")
				if used[name] = true; defs[name] == nil {
					t.Errorf("%s refers to %s, which is not there", where, name)
				}
			}
			for key, item := range v {
				walk(where+"."+key, item)
			}
		}
	}
	walk("schema", schema)
	for name := range defs {
		if !used[name] {
			t.Errorf("nothing refers to $defs.%s", name)
		}
	}
	for _, table := range tables() {
		name, f := table.definition()
		if f["description"] == "" || f["additionalProperties"] != false {
			t.Errorf("$defs.%s is not described, or open", name)
		}
		for _, p := range f["properties"].(properties) {
			to, _ := p.value["$ref"].(string)
			def, _ := defs[strings.TrimPrefix(to, "#/$defs/")].(map[string]any)
			_, isObject := def["properties"]
			if about, _ := p.value["description"].(string); about == "" && !isObject && p.value["items"] == nil {
				t.Errorf("%s of $defs.%s is not described", p.key, name)
			}
			if len(p.value) == 0 {
				t.Errorf("%s of $defs.%s has no form", p.key, name)
			}
		}
	}
}

// The schema accepts the amounts that the parser accepts, and refuses other forms.
func TestSchemaKnowsAmounts(t *testing.T) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"duration", "rate", "size", "bytes_rate", "percent", "count"} {
		c := jsonschema.NewCompiler()
		if err := c.AddResource("s.json", doc); err != nil {
			t.Fatal(err)
		}
		s, err := c.Compile("s.json#/$defs/" + name)
		if err != nil {
			t.Fatal(err)
		}
		a := amounts[i]
		for text := range a.good {
			if err := s.Validate(text); err != nil {
				t.Errorf("%s %q: the parser takes it and the schema does not: %v", a.name, text, err)
			}
		}
		for text := range strings.SplitSeq(a.bad+never, "|") {
			// An amount, or an unit that could mean bits, is beyond a pattern.
			if f := func() error { return s.Validate(text) }(); f == nil && !regexp.MustCompile(`^\d+(\.\d+)?[a-zA-Z]*$`).MatchString(text) {
				t.Errorf("%s %q: the parser refuses it and the schema does not", a.name, text)
			}
		}
	}
}

// Each statistic of each metric is a check for the schema too.
func TestSchemaKnowsChecks(t *testing.T) {
	s := compile(t)
	for _, stat := range append([]string{"p50", "p99.99"}, metric.StatNames()...) {
		of, _ := metric.StatOf(stat)
		for _, m := range of.Of {
			for _, form := range []string{"%s(%s) < 1", "%s( %s ) >= 5 ms over 5 s in hold", "%s(%s{phase=hold}) == 1m 30s"} {
				text := fmt.Sprintf(form, stat, m)
				if err := validate(s, []byte("version: 1\nname: x\ngroups: {a: {count: 1}}\nslo: [\""+text+"\"]\n")); err != nil {
					t.Errorf("check %s: %v", text, err)
				}
			}
		}
	}
	for _, text := range []string{"p99(delvery) < 1s", "p99 delivery < 1s", "p99(delivery)", "p99(delivery) < 1s please", "max(cpu) < 5% in hold over 5s", "p99(delivery{grup=a}) < 1s"} {
		if err := validate(s, []byte("version: 1\nname: x\ngroups: {a: {count: 1}}\nslo: [\""+text+"\"]\n")); err == nil {
			t.Errorf("check %s is taken", text)
		}
	}
}

func compile(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("scenario.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("scenario.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// validate holds a file against the schema the way an editor does: as what a YAML reader makes of
// it.
func validate(s *jsonschema.Schema, text []byte) error {
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		return fmt.Errorf("not YAML: %w", err)
	}
	asJSON, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		return err
	}
	return s.Validate(doc)
}

func TestSchemaTakesGoodFiles(t *testing.T) {
	s := compile(t)
	for _, pattern := range []string{"testdata/good/*.yaml", "../../scenarios/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, path := range files {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := validate(s, text); err != nil {
				t.Errorf("the parser takes %s and the schema does not: %v", path, err)
			}
		}
	}
}

func TestSchemaRefusesBadFiles(t *testing.T) {
	s := compile(t)
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d bad files, %v", len(files), err)
	}
	left := map[string]string{}
	for reason, names := range beyondSchema {
		for _, base := range names {
			left[base+".yaml"] = reason
		}
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		base := filepath.Base(path)
		reason, beyond := left[base]
		delete(left, base)
		switch err := validate(s, text); {
		case err == nil && !beyond:
			t.Errorf("the parser refuses %s and the schema does not: correct scenario.schema.json, or list the file in beyondSchema with the reason", base)
		case err != nil && beyond:
			t.Errorf("the schema refuses %s as it should: remove it from beyondSchema (%s): %v", base, reason, err)
		}
	}
	for base := range left {
		t.Errorf("beyondSchema names %s, which is not there", base)
	}
}
