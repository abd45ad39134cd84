package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/throng-io/throng/scenario/machine"
	"github.com/throng-io/throng/scenario/result"
)

// A scenario whose data file is missing is planned and refused; with the file, also one that is too
// short.
func TestCheckReadsDataFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s.yaml")
	const text = "version: 1\nname: s\ndata: {users: {csv: users.csv, pick: unique}}\ngroups: {a: {count: 3, auth: {t: \"${users.token}\"}}}\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	check := func() (stdout, stderr string, code int) {
		var out, errs bytes.Buffer
		code = run(t.Context(), []string{"check", path}, strings.NewReader(""), &out, &errs)
		return out.String(), errs.String(), code
	}
	for content, want := range map[string]string{
		"":                      "s.yaml:3:8: the data file users.csv cannot be used: there is no such file",
		"token\na\nb\n":         "s.yaml:3:8: users.csv has 2 rows and 3 clients need one each",
		"tokn\na\nb\nc\n":       "s.yaml:4:35: users.csv has no column `token`; did you mean `tokn`?",
		"id,token\n1,a\n2,b\n3": "the row has 1 values and the first line 2 columns",
	} {
		if content != "" {
			if err := os.WriteFile(filepath.Join(dir, "users.csv"), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		out, errs, code := check()
		if code != exitUsage || !strings.Contains(errs, want) || !strings.Contains(out, "clients") || strings.Contains(out, "can do it") {
			t.Errorf("%q: exit %d\n%s%s\nwant %s", content, code, out, errs, want)
		}
		_ = os.Remove(filepath.Join(dir, "users.csv"))
	}
	if err := os.WriteFile(filepath.Join(dir, "users.csv"), []byte("token\na\nb\nc\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, errs, code := check(); code != exitPass || !strings.Contains(out, "can do it") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
}

// check lists every rule that a run is judged by, also those that the file leaves to their
// defaults.
func TestCheckListsRules(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.yaml")
	text := "version: 1\nname: s\ngroups: {a: {count: 9, send: [{op: all, rate: 1/s}]}}\nslo: [p90(delivery) < 1s, {check: loss(delivery) == 0, optional: true}]\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	out, errs, code := throng(t, "check", path)
	if code != exitPass {
		t.Fatal(errs)
	}
	for _, want := range []string{
		"p90(delivery) < 1s pass or fail 270 100", "loss(delivery) == 0 nothing - -", "p99(lag) < 25ms valid or not - -",
		"max(cpu) < 90% valid or not - -", "achieved(rate) > 99% valid or not - -",
	} {
		if !strings.Contains(strings.Join(strings.Fields(out), " "), want) {
			t.Errorf("%q is missing:\n%s", want, out)
		}
	}
}

// With --json a program gets the mistakes of a file with their places, and the exit code is the
// same.
func TestCheckJSONOfBadFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	write := func(text string) {
		if err := os.WriteFile("s.yaml", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for text, want := range map[string][]machine.Mistake{
		"": {{Message: "s.yaml: no such file, and no ready scenario of that name; 'throng list' lists them"}},
		"version: 1\nname: s\ngroups: {a: {cuont: 3, count: x}}\n": {
			{File: "s.yaml", Line: 3, Column: 14, Message: "unknown key `cuont` in a group", Fix: "did you mean `count`?"},
			{File: "s.yaml", Line: 3, Column: 31, Message: `"x" is not a count`, Fix: "write digits, with k or M if you like: 500, 10k, 1.5M"},
		},
		"version: 1\nname: s\ndata: {u: {csv: u.csv}}\ngroups: {a: {count: 3, auth: {t: \"${u.t}\"}}}\n": {
			{File: "s.yaml", Line: 3, Column: 8, Message: "the data file u.csv cannot be used: there is no such file beside the scenario or in the working directory", Fix: "put it there, or name it by its whole path"},
		},
	} {
		if text != "" {
			write(text)
		}
		for _, flags := range [][]string{nil, {"--fleet", "2x"}} {
			out, errs, code := throng(t, append([]string{"check", "s.yaml", "--json"}, flags...)...)
			var got refusal
			if err := json.Unmarshal([]byte(out), &got); err != nil || code != exitUsage || errs == "" {
				t.Errorf("%q: exit code %d, %v\n%s%s", text, code, err, out, errs)
			}
			if diff := cmp.Diff(want, got.Errors); diff != "" {
				t.Errorf("%q %v: %s", text, flags, diff)
			}
		}
		_ = os.Remove("s.yaml")
	}
}

// Before somebody allows the commands of a scenario, check prints them: nothing in the file hides
// one, or a line beside it.
func TestCheckHidesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.yaml")
	text := `version: 1
name: s
about: "seen\e[2K"
target: {url: "http://127.0.0.1:1"}
matrix: {axes: {a: ["p\e[8m", "q\u009b8m"]}}
groups: {a: {count: 1, auth: {t: "${matrix.a}"}, before: [{http: {get: "/a"}}]}}
phases: [{name: hold, for: 5s, fault: {run: ["rm\e[8m", "-rf\u202e", "/"]}}]
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, flags := range [][]string{nil, {"--json"}, {"--fleet", "2x"}} {
		out, errs, code := throng(t, append([]string{"check", path}, flags...)...)
		if code != exitPass {
			t.Fatalf("%v: exit code %d\n%s", flags, code, errs)
		}
		for line := range strings.Lines(out) {
			if line = strings.TrimSuffix(line, "\n"); result.Line(line) != line {
				t.Errorf("%v: %q", flags, line)
			}
		}
		if flags == nil && !strings.Contains(out, `the phase hold runs 'rm\x1b[8m' '-rf\u202e' /`) {
			t.Errorf("the command is not in\n%s", out)
		}
	}
}
