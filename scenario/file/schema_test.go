package file

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/throng-io/throng/scenario/metric"
)

// schemaOf says which definition of the schema each table of the parser has; "" is the whole file.
var schemaOf = map[string]struct {
	def  string
	keys func() (now, required []string)
}{
	"specTable":      {"", keysOf(&specTable)},
	"serverTable":    {"server", keysOf(&serverTable)},
	"targetTable":    {"target", keysOf(&targetTable)},
	"tlsTable":       {"tls", keysOf(&tlsTable)},
	"sampleTable":    {"sample", keysOf(&sampleTable)},
	"matrixTable":    {"matrix", keysOf(&matrixTable)},
	"feederTable":    {"feeder", keysOf(&feederTable)},
	"contractTable":  {"contract", keysOf(&contractTable)},
	"callTable":      {"call", keysOf(&callTable)},
	"stepTable":      {"step", keysOf(&stepTable)},
	"repeatTable":    {"repeat", keysOf(&repeatTable)},
	"expectTable":    {"expect", keysOf(&expectTable)},
	"httpTable":      {"http", keysOf(&httpTable)},
	"reactionTable":  {"reaction", keysOf(&reactionTable)},
	"groupTable":     {"group", keysOf(&groupTable)},
	"connectTable":   {"connect", keysOf(&connectTable)},
	"roomsTable":     {"rooms", keysOf(&roomsTable)},
	"streamTable":    {"stream", keysOf(&streamTable)},
	"readTable":      {"read", keysOf(&readTable)},
	"reconnectTable": {"reconnect", keysOf(&reconnectTable)},
	"faultTable":     {"fault", keysOf(&faultTable)},
	"phaseTable":     {"phase", keysOf(&phaseTable)},
	"checkTable":     {"named_check", keysOf(&checkTable)},
	"searchTable":    {"search", keysOf(&searchTable)},
	"confirmTable":   {"confirm", keysOf(&confirmTable)},
	"reportTable":    {"report", keysOf(&reportTable)},
}

func keysOf[T any](o *object[T]) func() (now, required []string) {
	return func() (now, required []string) {
		for _, f := range o.fields {
			if f.later != "" {
				continue
			}
			now = append(now, f.key)
			if f.required != "" {
				required = append(required, f.key)
			}
		}
		return now, required
	}
}

// A definition is what the tests read of a part of the schema.
type definition struct {
	Properties map[string]struct {
		Description string `json:"description"`
		Ref         string `json:"$ref"`
	} `json:"properties"`
	Required             []string               `json:"required"`
	AdditionalProperties *bool                  `json:"additionalProperties"`
	AnyOf                []struct{ Enum []any } `json:"anyOf"`
	Defs                 map[string]definition  `json:"$defs"`
}

func parseSchema(t *testing.T) definition {
	t.Helper()
	var d definition
	if err := json.Unmarshal(Schema(), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// Every key that the parser takes stands in the schema, and none beside.
func TestSchemaHasTheKeys(t *testing.T) {
	all := parseSchema(t)
	for _, name := range tables(t) {
		table, ok := schemaOf[name]
		if !ok {
			t.Errorf("%s has no definition in scenario.schema.json: add one under $defs, and its name to schemaOf in this file", name)
			continue
		}
		d := all
		if table.def != "" {
			if d, ok = all.Defs[table.def]; !ok {
				t.Errorf("scenario.schema.json has no $defs.%s, for %s", table.def, name)
				continue
			}
		}
		now, required := table.keys()
		for _, key := range now {
			p, ok := d.Properties[key]
			if !ok {
				t.Errorf("%s takes the key %s and the schema does not know it: add it to scenario.schema.json, $defs.%s.properties", name, key, table.def)
				continue
			}
			if target, ok := strings.CutPrefix(p.Ref, "#/$defs/"); ok {
				if _, exists := all.Defs[target]; !exists {
					t.Errorf("%s of $defs.%s refers to $defs.%s, which is not there", key, table.def, target)
				}
				if p.Description == "" && slices.Contains([]string{"text", "count", "duration", "rate", "boolean"}, target) {
					t.Errorf("%s of $defs.%s has no description", key, table.def)
				}
			}
		}
		for key := range d.Properties {
			if !slices.Contains(now, key) {
				t.Errorf("the schema has the key %s in $defs.%s and %s does not take it: remove it", key, table.def, name)
			}
		}
		slices.Sort(required)
		slices.Sort(d.Required)
		if diff := cmp.Diff(required, d.Required); diff != "" {
			t.Errorf("required keys of %s (-parser +schema, $defs.%s):\n%s", name, table.def, diff)
		}
		if d.AdditionalProperties == nil || *d.AdditionalProperties {
			t.Errorf("$defs.%s is not closed: write \"additionalProperties\": false", table.def)
		}
	}
	for name := range schemaOf {
		if !slices.Contains(tables(t), name) {
			t.Errorf("there is no %s", name)
		}
	}
}

// tables finds the tables of the parser in its source, so that none is forgotten.
func tables(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			for i, v := range spec.Values {
				lit, ok := v.(*ast.CompositeLit)
				if !ok {
					continue
				}
				if of, ok := lit.Type.(*ast.IndexExpr); ok && fmt.Sprint(of.X) == "object" {
					names = append(names, spec.Names[i].Name)
				}
			}
			return true
		})
	}
	if len(names) < 10 {
		t.Fatalf("only %d tables found: %v", len(names), names)
	}
	return names
}

// The words of the parser's lists are those of the schema.
func TestSchemaHasTheWords(t *testing.T) {
	all := parseSchema(t)
	for def, want := range map[string][]string{"transport": transports, "format": formats} {
		var got []string
		for _, alternative := range all.Defs[def].AnyOf {
			for _, w := range alternative.Enum {
				got = append(got, fmt.Sprint(w))
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("words of $defs.%s (-parser +schema):\n%s", def, diff)
		}
	}
	s := compile(t)
	good := func(text string) error { return validate(s, []byte("version: 1\nname: x\n"+text)) }
	for _, w := range fanouts {
		if err := good("server: {fanout: " + w + "}\ngroups: {a: {count: 1}}\n"); err != nil {
			t.Errorf("fanout %s: %v", w, err)
		}
	}
	for _, url := range []string{"http://a", "wss://a:1/", "unix:/run/s.sock", "unix:", "unix", "ftp://a", "http://"} {
		if err := good("target: {url: \"" + url + "\"}\ngroups: {a: {count: 1}}\n"); (err == nil) != (checkURL(url) == nil) {
			t.Errorf("target %s: %v, %v", url, err, checkURL(url))
		}
	}
	for kind := range distKinds {
		if err := good("groups: {a: {count: 1, life: \"" + kind + "(1s,2)\"}}\n"); err != nil {
			t.Errorf("distribution %s: %v", kind, err)
		}
	}
	for _, name := range metric.StatNames() {
		stat, _ := metric.StatOf(name)
		for _, of := range stat.Of {
			text := fmt.Sprintf("%s(%s) < 1", name, of)
			if err := good("groups: {a: {count: 1}}\nslo: [\"" + text + "\"]\n"); err != nil {
				t.Errorf("check %s: %v", text, err)
			}
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

// validate holds a file against the schema the way an editor does: as what a YAML reader makes of it.
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
