package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/throng-io/throng/reports/capacity"
	"github.com/throng-io/throng/reports/compare"
	"github.com/throng-io/throng/scenario/fleet"
	"github.com/throng-io/throng/scenario/machine"
	"github.com/throng-io/throng/scenario/result"
)

var update = flag.Bool("update", false, "write testdata/json.golden anew")

// Programs read the answers of --json: fields keep their names and types. The golden file is the
// list of them; a line that goes away or changes breaks a reader.
func TestFieldsOfJSON(t *testing.T) {
	var lines []string
	for _, answer := range []struct {
		command string
		value   reflect.Type
	}{
		{"capacity", reflect.TypeFor[capacity.Capacity]()},
		{"check", reflect.TypeFor[machine.Assessment]()},
		{"check --against", reflect.TypeFor[judgements]()},
		{"check of a bad file", reflect.TypeFor[refusal]()},
		{"check --fleet", reflect.TypeFor[machine.FleetPlan]()},
		{"compare", reflect.TypeFor[compare.Comparison]()},
		{"compare --history", reflect.TypeFor[compare.History]()},
		{"doctor", reflect.TypeFor[diagnosis]()},
		{"fleet", reflect.TypeFor[[]fleet.Listed]()},
		{"list", reflect.TypeFor[[]listed]()},
		{"run", reflect.TypeFor[result.Run]()},
		{"version", reflect.TypeFor[build]()},
	} {
		fields(answer.value, "", nil, func(path, kind string) {
			lines = append(lines, fmt.Sprintf("%s: %s %s\n", answer.command, path, kind))
		})
	}
	const golden = "testdata/json.golden"
	got := strings.Join(lines, "")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("fields have changed; new ones are written by go test ./cmd/throng -run TestFieldsOfJSON -update:\n%s", diff)
	}
}

// fields calls each for every value below a type that is written as JSON.
func fields(t reflect.Type, path string, within []reflect.Type, each func(path, kind string)) {
	switch {
	case t == reflect.TypeFor[time.Time]():
		each(path, "time")
		return
	case t.Implements(reflect.TypeFor[json.Marshaler]()), reflect.PointerTo(t).Implements(reflect.TypeFor[json.Marshaler]()):
		each(path, "of "+t.Name())
		return
	}
	switch t.Kind() {
	case reflect.Pointer:
		fields(t.Elem(), path, within, each)
	case reflect.Slice, reflect.Array:
		fields(t.Elem(), path+"[]", within, each)
	case reflect.Map:
		fields(t.Elem(), path+".*", within, each)
	case reflect.Struct:
		if slices.Contains(within, t) {
			each(path, "again "+t.Name())
			return
		}
		for f := range t.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			switch {
			case name == "-" || !f.IsExported() && !f.Anonymous:
			case f.Anonymous && name == "":
				fields(f.Type, path, append(within, t), each)
			default:
				if name == "" {
					name = f.Name
				}
				fields(f.Type, strings.TrimPrefix(path+"."+name, "."), append(within, t), each)
			}
		}
	case reflect.Float64, reflect.Float32:
		each(path, "number")
	case reflect.String, reflect.Bool, reflect.Interface:
		each(path, t.Kind().String())
	default:
		each(path, "integer")
	}
}

// Each command that answers has --json, spelled alike, and prints one document.
func TestJSONFlag(t *testing.T) {
	for _, c := range allCommands(newRoot()) {
		f := c.Flags().Lookup("json")
		want := slices.Contains([]string{"run", "capacity", "compare", "check", "list", "fleet", "doctor", "version"}, c.Name())
		if (f != nil) != want || f != nil && f.Usage != "print the answer as JSON ('throng help json')" {
			t.Errorf("%s: --json %v", c.CommandPath(), f)
		}
	}
	for _, args := range [][]string{{"list"}, {"version"}, {"check", "quickstart"}, {"check", "quickstart", "--fleet", "50x"}} {
		out, errs, code := throng(t, append(args, "--json")...)
		var v any
		if err := json.Unmarshal([]byte(out), &v); err != nil || code != exitPass || errs != "" {
			t.Errorf("%v: exit code %d, %v, %s", args, code, err, errs)
		}
	}
}
