package file

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// mistakes unpacks what Parse returned, and fails on anything that is not a
// list of our errors.
func mistakes(tb testing.TB, err error) []*Error {
	tb.Helper()
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		tb.Fatalf("%T is not a list of errors: %v", err, err)
	}
	var out []*Error
	for _, e := range joined.Unwrap() {
		var one *Error
		if !errors.As(e, &one) {
			tb.Fatalf("%T is not an *Error: %v", e, e)
		}
		if one.Line < 1 && !strings.HasPrefix(one.File, "--set ") {
			tb.Errorf("no position: %v", one)
		}
		if one.Line > 0 && one.Col < 1 {
			tb.Errorf("no column: %v", one)
		}
		if strings.ContainsAny(one.Error(), "\n\r") {
			tb.Errorf("more than one line: %q", one.Error())
		}
		out = append(out, one)
	}
	return out
}

func TestBadFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d bad files, %v", len(files), err)
	}
	var got strings.Builder
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		base := filepath.Base(path)
		f, err := Parse(base, text, nil)
		if err == nil {
			t.Errorf("%s: no error, %d cells", base, len(f.Cells()))
			continue
		}
		if f != nil {
			t.Errorf("%s: a file beside the error", base)
		}
		list := mistakes(t, err)
		if !slices.IsSortedFunc(list, func(a, b *Error) int { return (a.Line-b.Line)*10_000 + a.Col - b.Col }) {
			t.Errorf("%s: not in the order of the file:\n%v", base, err)
		}
		lines := strings.Split(string(text), "\n")
		for _, e := range list {
			if e.Line > len(lines) || e.Col > len([]rune(lines[e.Line-1]))+1 {
				t.Errorf("%s: the position is outside of the file", e)
			}
		}
		fmt.Fprintf(&got, "%v\n\n", err)
	}
	golden(t, "testdata/bad.golden", got.String())
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got; -update writes it anew):\n%s", path, diff)
	}
}

// In these texts » stands before the place that the first error must name.
func TestPositions(t *testing.T) {
	const head = "version: 1\nname: x\ngroups:\n  a:\n    count: 10\n"
	for name, text := range map[string]string{
		"value in flow mapping":       head + "    send: [{op: echo, rate: »5, size: 64B}]\n",
		"key in flow mapping":         head + "    send: [{op: echo, »rat: 5/s, size: 64B}]\n",
		"second key of a duplicate":   head + "    send: [{op: echo, rate: 5/s, »rate: 6/s}]\n",
		"after wide characters":       head + "    send: [{event: é日本, op: echo, rate: »5}]\n",
		"quoted value":                head + "    transport: »\"websock\"\n",
		"CRLF":                        "version: 1\r\nname: x\r\ngroups:\r\n  a:\r\n    count: »x\r\n",
		"after a comment":             "# a comment\nversion: 1 # one\n\n# more\nname: »No\ngroups: {a: {count: 1}}\n",
		"after a block text":          "version: 1\nabout: |\n  some\n  lines\nname: »No\ngroups: {a: {count: 1}}\n",
		"after a folded text":         "version: 1\nabout: >-\n  some\n\n  lines\nname: »No\ngroups: {a: {count: 1}}\n",
		"after a quoted text":         "version: 1\nabout: \"some\n  lines\"\nname: »No\ngroups: {a: {count: 1}}\n",
		"value behind an alias":       "version: 1\nname: x\nvars: {}\ngroups:\n  a: &a\n    count: »x\n  b: *a\n",
		"key behind a merge":          "version: 1\nname: x\ngroups:\n  a: &a\n    count: 1\n    »cuont: 2\n  b: {<<: *a, count: 2}\n",
		"missing key":                 "version: 1\nname: x\ngroups:\n  a:\n    »transport: websocket\n",
		"missing key in flow":         "version: 1\nname: x\ngroups: {a: »{transport: websocket}}\n",
		"list item":                   head + "phases:\n  - {name: a, for: 1s}\n  - »b\n",
		"block list at the margin":    head + "phases:\n- name: a\n  for: »1\n",
		"variable inside a text":      head + "about: see ${»\n",
		"metric in a check":           head + "slo:\n  - p99(»delvery) < 1s\n",
		"phase in a check":            head + "phases: [{name: hold, for: 1s}]\nslo:\n  - max(cpu) < 50% in »hodl\n",
		"phase in a quoted check":     head + "phases: [{name: hold, for: 1s}]\nslo:\n  - \"max(cpu) < 50% in »hodl\"\n",
		"value in a check":            head + "slo: [max(cpu) < »80]\n",
		"unit in a mapping of checks": head + "slo: [{name: é, check: max(cpu) < »80}]\n",
		"unknown variable":            head + "about: »${nope}\n",
		"unknown variable inside":     head + "about: é costs »$nope a head\n",
		"unknown variable in quotes":  head + "about: \"costs »${nope}\"\n",
		"byte order mark":             "\ufeffversion: »2\nname: x\ngroups: {a: {count: 1}}\n",
		"quoted braces":               "version: 1\nname: x\ngroups: {a: {count: »${n}}}\n",
	} {
		t.Run(name, func(t *testing.T) {
			before, after, _ := strings.Cut(text, "»")
			if name == "variable inside a text" {
				// An unclosed brace is no variable: the text stays as it is.
				if f, err := Parse("x", []byte(before+after), nil); err != nil || f.Spec.About != "see ${" {
					t.Fatal(f, err)
				}
				return
			}
			_, err := Parse("x.yaml", []byte(before+after), nil)
			if err == nil {
				t.Fatal("no error")
			}
			before = strings.TrimPrefix(before, "\ufeff")
			line := 1 + strings.Count(before, "\n")
			col := 1 + len([]rune(before[strings.LastIndexByte(before, '\n')+1:]))
			if e := mistakes(t, err)[0]; e.Line != line || e.Col != col {
				t.Errorf("%v\nwant it at %d:%d", err, line, col)
			}
		})
	}
}

func TestGoodFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/good/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d good files, %v", len(files), err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			f, err := Parse(path, text, nil)
			if err != nil {
				t.Fatal(err)
			}
			again, err := Parse(path, text, nil)
			if err != nil {
				t.Fatal(err)
			}
			opts := cmp.AllowUnexported(File{}, ColumnUse{}, reading{})
			if diff := cmp.Diff(f, again, opts); diff != "" {
				t.Errorf("two readings differ:\n%s", diff)
			}
			golden(t, strings.TrimSuffix(path, ".yaml")+".golden", dump(f))
		})
	}
}

func TestLongLineIsNotDeep(t *testing.T) {
	var vars strings.Builder
	for i := range 200 {
		fmt.Fprintf(&vars, "v%d: %d, ", i, i)
	}
	text := "version: 1\nname: x\nvars: {" + vars.String() + "last: 7}\ngroups: {a: {count: $last}}\n"
	f, err := Parse("x.yaml", []byte(text), nil)
	if err != nil || f.Spec.Groups[0].Count != 7 {
		t.Errorf("%v", err)
	}
}

func TestTextIsBounded(t *testing.T) {
	_, err := Parse("x.yaml", []byte(strings.Repeat("# comment\n", MaxText/10+1)), nil)
	if err == nil || !strings.Contains(err.Error(), "x.yaml:1:1: the file has") {
		t.Errorf("%v", err)
	}
}

// Variables, aliases and the matrix put one text into many places. Together they are bounded, or a
// file of a few lines would fill the memory.
func TestExpansionIsBounded(t *testing.T) {
	t.Setenv("WORD_OF_TEST", "secret")
	holes := `v0: "${env.WORD_OF_TEST}"`
	for i := range 20 {
		holes += fmt.Sprintf(", v%d: \"$v%d$v%[2]d\"", i+1, i)
	}
	list := func(item string, n int) string {
		return "[" + strings.TrimSuffix(strings.Repeat(item+", ", n), ", ") + "]"
	}
	for name, text := range map[string]string{
		"secrets in variables":   "vars: {" + holes + "}\ngroups: {a: {count: 1, auth: {t: $v20}}}",
		"variables":              "vars: {v: " + strings.Repeat("x", 40_000) + "}\ngroups: {a: {count: 1, auth: {t: " + list("$v", 2000) + "}}}",
		"aliases":                "groups: {a: {count: 1, auth: {a: &a " + strings.Repeat("x", 30_000) + ", b: &b " + list("*a", 50) + ", c: " + list("*b", 50) + "}}}",
		"aliases in each of two": "matrix: {axes: {n: [1, 2]}}\ngroups: {a: {auth: {a: &a " + strings.Repeat("x", 30_000) + ", b: &b " + list("*a", 50) + ", c: " + list("*b", 50) + "}, count: $matrix.n}}",
		"the matrix": "about: $matrix.a $matrix.b\nmatrix: {axes: {a: [" + numbered(30, "%d, ") + "], b: [" + numbered(30, "%d, ") + "]}}\n" +
			"groups: {a: {count: 1, auth: {a: &a " + list("1", 100) + ", b: " + list("*a", 50) + "}}}",
	} {
		_, err := Parse("x.yaml", []byte("version: 1\nname: x\n"+text+"\n"), nil)
		if err == nil || !strings.Contains(err.Error(), "expand to too much text") || strings.Contains(err.Error(), "\n") { // and no other mistake
			t.Errorf("%s: %v", name, err)
		}
	}
}

const small = "version: 1\nname: x\nvars: {n: 10, hold: 5s}\ngroups:\n  a: {count: $n}\n  b: {count: 1, send: [{op: all, event: tick, rate: 1/s}, {op: echo, rate: 2/s}]}\nphases:\n  - {name: ramp, for: 1s, record: false}\n  - {name: hold, for: $hold}\n"

func TestOverrides(t *testing.T) {
	set := map[string]string{
		"n": "1k", "hold": "1m30s", "seed": "7", "server.fanout": "serial", "phases.ramp.for": "10s",
		"groups.b.send.0.rate": "20/s", "groups.b.send.echo.rate": "30/m", "groups.a.transport": "{websocket: 50%, polling: 50%}",
		"report.formats": "[html]", "slo": "[loss == 0]", "groups.a.connect.timeout": "3s",
	}
	f, err := Parse("x.yaml", []byte(small), set)
	if err != nil {
		t.Fatal(err)
	}
	s := f.Spec
	got := []any{
		s.Groups[0].Count, s.Phases[1].For, s.Seed, s.Server.Fanout, s.Phases[0].For, s.Groups[1].Send[0].Rate,
		s.Groups[1].Send[1].Rate, s.Groups[0].Transport, s.Report.Formats, s.SLO[0].Text, s.Groups[0].Connect.Timeout,
	}
	want := []any{
		1000, 90 * time.Second, uint64(7), "serial", 10 * time.Second, 20.0,
		0.5,
		[]Share{{"websocket", 0.5}, {"polling", 0.5}},
		[]string{"html"},
		"loss == 0", 3 * time.Second,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestFormatsAdd: files for other programs come beside what a run writes by default; naming some of
// the default ones leaves the others of them out.
func TestFormatsAdd(t *testing.T) {
	for formats, want := range map[string]string{
		"":                 "html json hlog svg png",
		"junit":            "html json hlog svg png junit",
		"[junit, md, csv]": "html json hlog svg png junit md csv",
		"[]":               "html json hlog svg png",
		"json":             "json",
		"[html, junit]":    "html junit",
		"[openmetrics]":    "html json hlog svg png openmetrics",
	} {
		set := map[string]string{}
		if formats != "" {
			set["report.formats"] = formats
		}
		f, err := Parse("x.yaml", []byte(small), set)
		if err != nil {
			t.Errorf("%s: %v", formats, err)
			continue
		}
		if got := strings.Join(f.Spec.Report.Formats, " "); got != want {
			t.Errorf("%s writes %s, want %s", formats, got, want)
		}
	}
}

// TestTextsOfAScenarioAreLines: a scenario of somebody else writes no lines of ours on the
// terminal, by YAML's escapes either.
func TestTextsOfAScenarioAreLines(t *testing.T) {
	text := strings.Replace(small, "name: x\n", `name: x`+"\n"+`about: "one\e[2J\nverdict: pass\u202e \x9b3m two"`+"\n", 1)
	f, err := Parse("x.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := "one [2J verdict: pass 3m two"; f.Spec.About != want {
		t.Errorf("about is %q, want %q", f.Spec.About, want)
	}
	for _, bad := range []string{"event: \"a\\u202eb\"", "event: \"a\\x9bb\"", "event: a\u202eb", "event: a\u2028b"} {
		_, err := Parse("x.yaml", []byte(strings.Replace(small, "event: tick", bad, 1)), nil)
		if err == nil || strings.ContainsAny(err.Error(), "\u202e\u009b\u2028") {
			t.Errorf("%q: %q", bad, err)
		}
	}
}

func TestFigureWidth(t *testing.T) {
	for text, want := range map[string]float64{"84mm": 238.1102, "8.4cm": 238.1102, "8.4 cm": 238.1102, "3in": 216, "200pt": 200, "400px": 300} {
		if got, err := ParseFigureWidth(text); err != nil || math.Abs(got-want) > 1e-3 {
			t.Errorf("%s is %v (%v), want %v", text, got, err, want)
		}
		f, err := Parse("x.yaml", []byte(small), map[string]string{"report.figure_width": text})
		if err != nil || math.Abs(f.Spec.Report.FigureWidth-want) > 1e-3 {
			t.Errorf("figure_width: %s: %v", text, err)
		}
	}
	for _, text := range []string{"", "84", "mm", "1e3mm", "-84mm", "39mm", "1001mm", "84em", "9999999999999999999999in"} {
		if got, err := ParseFigureWidth(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestBadOverrides(t *testing.T) {
	var got strings.Builder
	for _, set := range []string{
		"n=abc", "m=5", "grups.a.count=5", "groups.c.count=5", "groups.a.cuont=5", "groups.a=5", "groups.b.send.tack.rate=5/s",
		"groups.b.send.2.rate=5/s", "phases.hodl.for=5s", "phases.hold.for=5", "phases.hold.for.x=5", "server.fanout=batchd",
		"version.x=1", "hold=", "n=${n}", "n=${m}", "slo=[p99(dlivery) < 1s]", "slo=[a", "about={a: 1}", "seed=-1",
		"vars.q=1", "a.b.c.d=1", "=5", "slo.0=loss == 0", "target.url=http://x:1", "n=a\nb", "groups.a.count=$m",
	} {
		key, val, _ := strings.Cut(set, "=")
		_, err := Parse("x.yaml", []byte(small), map[string]string{key: val})
		if err == nil {
			fmt.Fprintf(&got, "--set %s: taken\n", set)
			continue
		}
		mistakes(t, err)
		fmt.Fprintln(&got, err)
	}
	golden(t, "testdata/set.golden", got.String())
}

func TestMatrixOrder(t *testing.T) {
	const text = "version: 1\nname: x\nmatrix:\n  axes: {a: [1, 2, 3], b: [x, z]}\n  exclude: [{a: 2, b: z}]\n  repeat: 2\n  order: ORDER\n" +
		"groups: {g: {count: $matrix.a, namespace: /$matrix.b}}\n"
	names := func(f *File) string {
		var out []string
		for _, c := range f.Cells() {
			if c.Spec.Namespace() != "/"+c.Spec.Params["b"] || fmt.Sprint(c.Spec.Groups[0].Count) != c.Spec.Params["a"] {
				t.Errorf("the cell %v has %+v", c.Spec.Params, c.Spec.Groups[0])
			}
			out = append(out, fmt.Sprint(c.Spec.Params["a"], c.Spec.Params["b"], c.Trial))
		}
		return strings.Join(out, " ")
	}
	parse := func(order, seed string) string {
		f, err := Parse("x", []byte(strings.Replace(text, "ORDER", order, 1)), map[string]string{"seed": seed})
		if err != nil {
			t.Fatal(err)
		}
		return names(f)
	}
	if got, want := parse("interleaved", "1"), "1x1 1z1 2x1 3x1 3z1 1x2 1z2 2x2 3x2 3z2"; got != want {
		t.Errorf("interleaved: %s, want %s", got, want)
	}
	if got, want := parse("blocked", "1"), "1x1 1x2 1z1 1z2 2x1 2x2 3x1 3x2 3z1 3z2"; got != want {
		t.Errorf("blocked: %s, want %s", got, want)
	}
	one, other := strings.Fields(parse("shuffled", "1")), strings.Fields(parse("shuffled", "2"))
	if slices.Equal(one, other) {
		t.Errorf("two seeds give one order: %v", one)
	}
	if again := strings.Fields(parse("shuffled", "1")); !slices.Equal(one, again) {
		t.Errorf("one seed gives two orders: %v, %v", one, again)
	}
	want := strings.Fields("1x1 1z1 2x1 3x1 3z1")
	first := slices.Sorted(slices.Values(one[:5]))
	if !slices.Equal(first, want) {
		t.Errorf("the first round of shuffled runs %v, want every cell once", first)
	}
}

// Namespace returns the first group's namespace, for the test above.
func (s *Spec) Namespace() string { return s.Groups[0].Namespace }

func TestManyMistakesAreCut(t *testing.T) {
	text, err := os.ReadFile("testdata/bad/many-mistakes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Parse("x", text, nil)
	list := mistakes(t, err)
	if len(list) != maxErrors+1 || !strings.Contains(list[maxErrors].Msg, "15 more mistakes") {
		t.Errorf("%d errors, the last: %v", len(list), list[len(list)-1])
	}
}

// A colon without a space behind it belongs to the text, wherever it stands.
func TestColonsInFlow(t *testing.T) {
	errs := &errorList{}
	root := load(errs, "a: {e: [room:join, {chat:said: 1, b:c: [x:y:z], q:r: \"s\"}, \"u\", http://h:1/p]}\n", "")
	if root == nil {
		t.Fatal(errs.join(1))
	}
	d := newDecoder(errs, root, nil, &reading{})
	got := jsonTemplate(d, root, clientScope)
	want := `{"a":{"e":["room:join",{"chat:said":1,"b:c":["x:y:z"],"q:r":"s"},"u","http://h:1/p"]}}`
	if len(got.Parts) != 1 || got.Parts[0] != want || errs.join(1) != nil {
		t.Errorf("%q, want %s (%v)", got.Parts, want, errs.join(1))
	}
}
