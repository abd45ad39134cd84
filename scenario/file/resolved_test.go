package file

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// again resolves a scenario and reads what came out.
func again(t *testing.T, f *File, target, path string) (string, *File) {
	t.Helper()
	text, err := f.Resolved(target, path)
	if err != nil {
		t.Fatal(err)
	}
	resolved, err := Parse(f.Name, text, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return string(text), resolved
}

// alike is dump without what two spellings of one scenario may differ in: the paths of data files,
// and where they were written.
func alike(f *File) string {
	s := regexp.MustCompile(`Path="[^"]*/`).ReplaceAllString(dump(f), `Path="`) // of data files, which get their whole path
	return strings.ReplaceAll(s, ":"+filepath.Dir(f.Name)+"/", ":")
}

// TestResolvedIsTheSameScenario checks that the file in the result directory repeats the same run,
// whatever the scenario uses.
func TestResolvedIsTheSameScenario(t *testing.T) {
	files, err := filepath.Glob("testdata/good/*.yaml")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	ready, err := filepath.Glob("../../scenarios/*.yaml")
	if err != nil || len(ready) < 10 {
		t.Fatalf("%d ready scenarios, %v", len(ready), err)
	}
	for _, name := range append(files, ready...) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			in, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			f, err := Parse(name, in, nil)
			if err != nil {
				t.Fatal(err)
			}
			text, resolved := again(t, f, "", "")
			if d := cmp.Diff(alike(f), alike(resolved)); d != "" {
				t.Errorf("-original +resolved:\n%s\nresolved:\n%s", d, text)
			}
			if strings.Contains(text, "\nvars:") && f.Spec.Search == nil {
				t.Error("the variables are left")
			}
			if foreign, err := Foreign(name, in, map[string]string{"target.url": "http://127.0.0.1:9000"}); err == nil {
				text, resolved := again(t, foreign, "", "")
				if d := cmp.Diff(alike(foreign), alike(resolved)); d != "" {
					t.Errorf("against a target: -original +resolved:\n%s\nresolved:\n%s", d, text)
				}
			}
			twice, err := resolved.Resolved("", "")
			if err != nil || string(twice) != text {
				t.Errorf("resolved again it is another file (%v): %s", err, cmp.Diff(text, string(twice)))
			}
		})
	}
}

func TestResolvedHoldsWhatWasSet(t *testing.T) {
	const in = `version: 1
name: x
about: "costs $$5: ${what}"
vars: {n: 10, what: "a # b", id: "${n}1", word: true}
matrix: {axes: {size: [64B, 1kB]}}
groups:
  a: &a
    count: $n
    auth: {n: $n, id: "$id", on: $word, who: "${client.index}", price: "$$n"}
    send: [{op: all, rate: 2/s, size: $matrix.size}]
  b: {<<: *a, count: 1, connect: {rate: 5/s}}
phases: [{name: ramp, for: 5s, record: false}, {name: hold, for: 5s}]
`
	f, err := Parse("x.yaml", []byte(in), map[string]string{"n": "25", "phases.hold.for": "1m", "groups.b.count": "3", "server": "{fanout: serial}"})
	if err != nil {
		t.Fatal(err)
	}
	f.Quicken(0.2)
	text, resolved := again(t, f, "", "")
	for _, want := range []string{
		`about: "costs $$5: a # b"`, "count: 25\n", "      n: 25\n", `      id: "251"`, "      on: true\n", `      who: "${client.index}"`, `      price: "$$n"`, "size: $matrix.size\n",
		"for: 1m\n", "count: 3\n", "fanout: serial\n", "seed: 1\n", "rate: 1000/s\n", "rate: 5/s\n", "timeout: 10s\n", "transport: websocket\n", "    - 1kB\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
	if strings.ContainsAny(text, "&*") {
		t.Errorf("an alias is left:\n%s", text)
	}
	if n := len(resolved.Cells()); n != 2 {
		t.Errorf("%d cells, want 2", n)
	}
	// The default phases and the default rules are written out where they are the same for all
	// cells.
	f, err = Parse("x.yaml", []byte("version: 1\nname: x\ngroups: {a: {count: 1, send: [{op: all, rate: 1/s}]}}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	text, _ = again(t, f, "", "")
	for _, want := range []string{"clients: 0%..100%\n", "name: hold\n    for: 30s\n    record: true\n", "valid:\n  - p99(lag) < 25ms\n", "fanout: batched\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
	// --target stands in the place of the server.
	text, resolved = again(t, f, "http://127.0.0.1:9000", "/ws/")
	if resolved.Spec.Server != nil || resolved.Spec.Target.URL != "http://127.0.0.1:9000" || resolved.Spec.Target.Path != "/ws/" {
		t.Errorf("the target is not in:\n%s", text)
	}
}

func TestResolvedFindsItsData(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "of [x] and *")
	if err := os.MkdirAll(filepath.Join(dir, "deep"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"users.csv", "$users.csv", "[1]users.csv", "deep/users.csv"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("id\n1\n2\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const rest = "groups: {a: {count: 1, auth: {id: \"${u.id}\"}}}\n"
	for _, text := range []string{
		"data: {u: {csv: users.csv}}\n",
		"data: {u: {csv: $$users.csv}}\n",
		"vars: {who: users}\ndata: {u: {csv: \"${who}.csv\"}}\n",
		"matrix: {axes: {who: [users, $$users]}}\ndata: {u: {csv: \"${matrix.who}.csv\"}}\n",
		"matrix: {axes: {who: [users]}}\ndata: {u: {csv: \"[1]${matrix.who}.csv\"}}\n",
		"matrix: {axes: {who: [deep]}}\ndata: {u: {csv: \"${matrix.who}/users.csv\"}}\n",
		"matrix: {axes: {who: [users]}}\ndata: {u: {csv: \"../of [x] and */./${matrix.who}.csv\"}}\n",
	} {
		f, err := Parse(filepath.Join(dir, "x.yaml"), []byte("version: 1\nname: x\n"+text+rest), nil)
		if err != nil {
			t.Fatal(err)
		}
		resolved, err := f.Resolved("", "")
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		elsewhere, err := Parse(filepath.Join(t.TempDir(), "scenario.yaml"), resolved, nil)
		if err != nil {
			t.Errorf("%s: %v\n%s", text, err, resolved)
			continue
		}
		if _, err := elsewhere.Data(); err != nil {
			t.Errorf("%v\n%s", err, resolved)
		}
	}
}

// The certificate authority of a target is found as data files are, also by what ran.
func TestAuthorityIsBesideTheScenario(t *testing.T) {
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"ca.pem": ca, "other.pem": "other.pem", ca: ca} {
		f, err := Parse(filepath.Join(dir, "x.yaml"), []byte("version: 1\nname: x\ntarget: {url: \"https://h\", tls: {ca: "+name+"}}\ngroups: {a: {count: 1}}\n"), nil)
		if err != nil {
			t.Fatal(err)
		}
		resolved, err := f.Resolved("", "")
		if err != nil {
			t.Fatal(err)
		}
		elsewhere, err := Parse(filepath.Join(t.TempDir(), "scenario.yaml"), resolved, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := []string{f.Spec.Target.TLS.CA, elsewhere.Spec.Target.TLS.CA}; got[0] != want || got[1] != want {
			t.Errorf("%s is found as %q, want %s", name, got, want)
		}
	}
}

func TestResolvedFindsItsLogs(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "log.csv"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Parse(filepath.Join(dir, "x.yaml"), []byte("version: 1\nname: x\ngroups: {a: {count: 1, send: [{op: echo, rate: 1/s}, {replay: log.csv}]}}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	resolved, err := f.Resolved("", "")
	if err != nil || !strings.Contains(string(resolved), filepath.Join(dir, "log.csv")) {
		t.Errorf("%v\n%s", err, resolved)
	}
}

// What clients send may have the keys by which a scenario names its files.
func TestResolvedLeavesWhatIsSent(t *testing.T) {
	const sent = `{"data":{"u":{"csv":6}},"groups":1,"replay":true,"tls":{"ca":5},"url":"u"}`
	f, err := Parse("x.yaml", []byte("version: 1\nname: x\ngroups: {a: {count: 1, auth: "+sent+"}}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	resolved, err := f.Resolved("", "")
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse("x.yaml", resolved, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := again.Spec.Groups[0].Auth.Parts[0]; got != f.Spec.Groups[0].Auth.Parts[0] {
		t.Errorf("%s is sent, and was %s", got, sent)
	}
}

// The defaults are left out of a scenario that has no room for them.
func TestResolvedFitsIntoAFile(t *testing.T) {
	text := "version: 1\nname: x\ngroups: {a: {count: 1, auth: {t: \"" + strings.Repeat("x", MaxText-70) + "\"}}}\n"
	f, err := Parse("x.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	if resolved, _ := again(t, f, "", ""); strings.Contains(resolved, "seed:") {
		t.Errorf("%d bytes hold the defaults", len(resolved))
	}
}
