package importer

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/throng-io/throng/scenario/file"
)

var update = flag.Bool("update", false, "write the golden files anew")

// scripts are the examples beside the ready scenarios, and the ones that are only here.
func scripts(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"../../scenarios/import/*.artillery.*", "testdata/*.artillery.*"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, names...)
	}
	return all
}

// golden compares a text with a file below testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update writes it anew):\n%s", path, diff)
	}
}

// Each script becomes the scenario beside the golden file, with its notes, and passes the parser.
func TestScripts(t *testing.T) {
	t.Parallel()
	names := scripts(t)
	if len(names) < 3 {
		t.Fatalf("only %d scripts", len(names))
	}
	for _, path := range names {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			r, err := Artillery(filepath.Base(path), text, func(name string) ([]byte, string, error) {
				text, err := os.ReadFile(filepath.Join(filepath.Dir(path), name))
				return text, name, err
			})
			if err != nil {
				t.Fatal(err)
			}
			got := string(r.Scenario)
			for _, f := range r.Files {
				got += "\n-- " + f.Name + " --\n" + string(f.Text)
			}
			base := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), ".artillery")
			golden(t, base+".golden", got)
			if _, err := file.Parse(base+".yaml", r.Scenario, nil); err != nil {
				t.Errorf("%v\n%s", err, got)
			}
		})
	}
}

// A step that captures from both of its answers has the values of the acknowledgement, and what the
// event would have given is a variable to be set.
func TestCapturesOfBothAnswers(t *testing.T) {
	t.Parallel()
	r, err := Artillery("both.yaml", []byte(`
config: {target: "http://127.0.0.1:3000", phases: [{duration: 1, arrivalRate: 1}]}
scenarios:
  - engine: socketio
    flow:
      - emit: {channel: enter, data: me}
        acknowledge: {capture: {json: $.id, as: id}}
        response: {channel: entered, capture: {json: $.token, as: token}}
      - emit: {channel: say, data: "{{ token }} of {{ id }}"}
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"vars:\n  token: set-me\n", `capture: {id: "$[0].id"}`, `- {emit: ["say", "${token} of ${id}"]}`} {
		if !strings.Contains(string(r.Scenario), want) {
			t.Errorf("%s is not in\n%s", want, r.Scenario)
		}
	}
}

// The answer of a step has two spellings, on and args or channel and data; a list is all arguments,
// and a path may begin with the number of one.
func TestAnswersInBothSpellings(t *testing.T) {
	t.Parallel()
	r, err := Artillery("answers.yaml", []byte(`
config: {target: "http://127.0.0.1:3000", phases: [{duration: 1, arrivalRate: 1}]}
scenarios:
  - engine: socketio
    flow:
      - emit: [say, hello]
        response: {on: said, args: hello}
      - emit: [say, hello]
        response: {channel: said, data: [hello, 2], capture: {json: $.1.id, as: id}}
      - emit: [ask, "{{ id }}"]
        acknowledge: {args: [null, ok]}
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`expect: {event: "said", within: 10s, match: {"$[0]": "hello"}}}`,
		`expect: {event: "said", within: 10s, match: {"$[0]": "hello", "$[1]": 2}}, capture: {id: "$[1].id"}}`,
		`- {emit: ["ask", $id], ack: 10s, match: {"$[0]": null, "$[1]": "ok"}}`,
	} {
		if !strings.Contains(string(r.Scenario), want) {
			t.Errorf("%s is not in\n%s", want, r.Scenario)
		}
	}
}

// A token is longer than a note may be: what clients send is taken over whole.
func TestLongValuesAreWhole(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789", 60)
	r, err := Artillery("long.yaml", []byte(`
# `+long+`
config:
  target: "http://127.0.0.1:3000"
  phases: [{duration: 1, arrivalRate: 1}]
  socketio: {query: "a=`+long+`", extraHeaders: {x-token: "b`+long+`"}}
scenarios:
  - engine: socketio
    flow:
      - post: {url: "/c`+long+`", qs: {d: "d`+long+`"}, headers: {x-other: "e`+long+`"}, json: {f: "f`+long+`"}}
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, before := range []string{"# ", `a: "`, `"b`, "/c", "d=d", `"e`, `"f`} {
		if !strings.Contains(string(r.Scenario), before+long) {
			t.Errorf("what begins with %s is not whole in\n%s", before, r.Scenario)
		}
	}
}
