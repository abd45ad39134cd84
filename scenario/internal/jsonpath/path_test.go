package jsonpath

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

func one(t *testing.T, text string) *Path {
	t.Helper()
	p, err := Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return &p
}

// all is what a path leads to, as JSON with blanks between the values.
func all(t *testing.T, d *Document, path string) string {
	t.Helper()
	var out []string
	for _, v := range d.Select(one(t, path)) {
		out = append(out, string(Append(nil, v)))
	}
	return strings.Join(out, " ")
}

func TestPathsIntoArguments(t *testing.T) {
	doc, err := Args([]byte(`{"body":"b","deep":{"list":[1,{"x y":"z"},null]}, "n" : 5.0, "\u00e9":"Jos\u00e9"}, [ "q" , true ]`))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"$[0].body": `"b"`, `$[0].deep.list[1]["x y"]`: `"z"`, "$[0].deep.list[2]": "null", "$[0].n": "5.0", "$[1][0]": `"q"`, "$[1][1]": "true", "$[1][-1]": "true",
		"$.body": `"b"`, "$['body','n']": `"b" 5.0`, "$.é": `"José"`, `$["\u00e9"]`: `"José"`,
		"$[0].deep.list": `[1,{"x y":"z"},null]`, "$[1]": `["q",true]`, "$[*][0]": `"q"`, "$..list[0]": "1", "$[1][*]": `"q" true`, "$[0].deep.list[?@ > 0]": "1",
		"$[2]": "", "$[0].none": "", "$[0][0]": "", "$[1].x": "", "$[0].body.x": "", "$[1][2]": "", "$.none": "",
	} {
		if got := all(t, &doc, path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	none, err := Args(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"$[0]", "$.a", "$[*]"} {
		if got := all(t, &none, path); got != "" {
			t.Errorf("%s leads to %s in nothing", path, got)
		}
	}
	if got := all(t, &none, "$"); got != "[]" {
		t.Errorf("no arguments are %s", got)
	}
}

// The root of a body is the body: its items are not arguments.
func TestPathsIntoBodies(t *testing.T) {
	for _, c := range []struct{ body, path, want string }{
		{`[{"id":1},{"id":2}]`, "$[1].id", "2"},
		{`{"id":1}`, "$.id", "1"},
		{`{"id":1}`, "$[0].id", ""},
		{` "x" `, "$", `"x"`},
		{`{"b":1,"a":2,"c":{"a":3}}`, "$.*", `2 1 {"a":3}`},
		{`{"b":{"x":1},"a":{"x":2},"c":{"x":3}}`, "$..x", `2 1 3`},
	} {
		doc, err := Body([]byte(c.body))
		if err != nil {
			t.Fatal(err)
		}
		for range 20 { // maps come in another order each time
			if got := all(t, &doc, c.path); got != c.want {
				t.Fatalf("%s of %s: %s, want %s", c.path, c.body, got, c.want)
			}
		}
	}
	for _, text := range []string{"", "{", "1 2", "nope", "[1],[2]"} {
		if _, err := Body([]byte(text)); err == nil {
			t.Errorf("%q passes for JSON", text)
		}
	}
	if _, err := Args([]byte("1],[2")); err == nil {
		t.Error("brackets of two lists pass for one")
	}
}

func TestNoPaths(t *testing.T) {
	for _, text := range []string{"", "a", "$$", "$.", "$[", "$[]", "$[a]", "$[0", `$["a]`, `$['a"]`, "$a", "$.a[", " $", "$[0]x", "$[99999999999999999999]", "$.user-id", "$[01]", "$" + strings.Repeat(".a", maxPath)} {
		if p, err := Parse(text); err == nil {
			t.Errorf("%q is taken: %+v", text, p)
		}
	}
	if doc, _ := Args([]byte(`"x"`)); doc.Select(&Path{}) != nil {
		t.Error("a path of nothing leads somewhere")
	}
}

// A value that is decoded by itself is the one that it is within a list, and so are mistakes in it.
func TestScalarsAreDecodedAsOthersAre(t *testing.T) {
	for _, text := range []string{
		`"a"`, `"a\u00e9\n\/"`, `"\ud800"`, "\"\xff\"", `"`, `"a`, `"\x"`, "\"\n\"", ` "a" `, "0", "-0", "-1.50e+3 ", "\t7\n", "01", "-", "1.", "1e", "5x", "1 2", "+1", "5\u00a0", "true", "nul", "",
	} {
		want, wrong := Decode([]byte("[" + text + "]"))
		got, err := Decode([]byte(text))
		if text == "" {
			wrong = errors.New("nothing")
		}
		if (err != nil) != (wrong != nil) {
			t.Errorf("%q: %v, in a list %v", text, err, wrong)
		} else if list, _ := want.([]any); err == nil && (len(list) != 1 || list[0] != got) {
			t.Errorf("%q: %#v, in a list %#v", text, got, want)
		}
	}
}

func TestEqual(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{`"José"`, `"Jos\u00e9"`, true},
		{`"a/b"`, `"a\/b"`, true},
		{`{"a":1,"b":[2]}`, `{ "b": [2.0], "a": 1e0 }`, true},
		{`{"a":1}`, `{"a":1,"b":null}`, false},
		{`{"a":1}`, `{"b":1}`, false},
		{`[1,2]`, `[2,1]`, false},
		{`[1]`, `[1,1]`, false},
		{`[]`, `{}`, false},
		{`null`, `[]`, false},
		{`null`, `null`, true},
		{`null`, `false`, false},
		{`1`, `"1"`, false},
		{`true`, `true`, true},
		{`5`, `5.00`, true},
		{`500`, `5e2`, true},
		{`0.05`, `5E-2`, true},
		{`-0`, `0.0`, true},
		{`-1`, `1`, false},
		{`100`, `10`, false},
		{`9007199254740993`, `9007199254740992`, false}, // equal as doubles
		{`1e999999999`, `10e999999998`, true},
		{`1e99999999999999999999`, `1e99999999999999999999`, true},
		{`1e99999999999999999999`, `10e99999999999999999998`, false}, // no number that JSON readers hold
	} {
		a, err := Decode([]byte(c.a))
		if err != nil {
			t.Fatal(err)
		}
		b, err := Decode([]byte(c.b))
		if err != nil {
			t.Fatal(err)
		}
		if Equal(a, b) != c.want || Equal(b, a) != c.want {
			t.Errorf("%s and %s: %v, want %v", c.a, c.b, !c.want, c.want)
		}
	}
}

// sameRaw compares what a plain path leads to in a text and in its values.
func sameRaw(t *testing.T, args []byte, p *Path) {
	t.Helper()
	doc, err := Args(args)
	if err != nil {
		return
	}
	text, found, plain := p.Raw(args)
	if !plain {
		return
	}
	want := doc.query(p)
	if found != (len(want) > 0) {
		t.Fatalf("%s of %q: found in the text %v, in the values %v", p.Text, args, found, want)
	}
	sameValue(t, p, args, &doc, want)
	if list := append(append([]byte{'['}, args...), ']'); !p.named { // its root is a list, too
		body, err := Body(append(append([]byte("\n"), list...), ' '))
		if err != nil {
			t.Fatal(err)
		}
		sameValue(t, p, list, &body, body.query(p))
	}
	if !found {
		return
	}
	got, err := Decode(text)
	if err != nil || !Equal(got, want[0]) {
		t.Fatalf("%s of %q: %q in the text (%v), %v in the values", p.Text, args, text, err, want)
	}
}

// sameValue compares what First and Select return with what the query of the path leads to.
func sameValue(t *testing.T, p *Path, text []byte, doc *Document, want []any) {
	t.Helper()
	first, found := doc.First(p)
	if got := doc.Select(p); found != (len(want) > 0) || len(got) != len(want) || found && (!Equal(first, want[0]) || !Equal(got, want)) {
		t.Fatalf("%s of %q: first %v, all %v, want %v", p.Text, text, first, got, want)
	}
	texts := append(append([]byte{'['}, bytes.Join(doc.Texts(p), []byte(","))...), ']')
	if got, err := Decode(texts); err != nil || !Equal(got, slices.Concat([]any{}, want)) {
		t.Fatalf("%s of %q: texts %s (%v), want %v", p.Text, text, texts, err, want)
	}
}

func TestRaw(t *testing.T) {
	texts := []string{
		"", " ", `"x"`, `{"a":{"b":[1,{"c":"d"}]},"b":2}, [ 1 , [2] ],"x"`, `{"a":1,"a":{"b":2}}`, `{"\u0061":{"b":3}}`, `{ "a" : null , "b":[]}`, `{"a\"":1,"b":"}"}`, `[{"a":1}],{"a":2}`, `{}`, `[]`, `null,{"b":1}`,
	}
	for _, path := range []string{"$[0]", "$[1]", "$.a", "$[0].a", "$.a.b", "$.a.b[1].c", "$[1][1][0]", "$[0][0].a", "$.b", `$['a"']`, "$[1].b", "$[5]", "$.b[0]", "$[0].b.c"} {
		p := one(t, path)
		if _, _, plain := p.Raw(nil); !plain {
			t.Errorf("%s does not pass for plain", path)
		}
		for _, text := range texts {
			sameRaw(t, []byte(text), p)
		}
	}
	for _, path := range []string{"$", "$[-1]", "$..a", "$[*]", "$['a','b']", "$[0:1]", "$[?@.a]"} {
		if _, _, plain := one(t, path).Raw([]byte(`{"a":1}`)); plain {
			t.Errorf("%s passes for plain", path)
		}
	}
}

func TestRawCostsNoAllocation(t *testing.T) {
	args, p := []byte(`{"id":7,"from":{"name":"Ada","tags":[1,2]},"text":"hello"},5`), one(t, "$[0].text")
	if n := testing.AllocsPerRun(100, func() {
		if v, _, _ := p.Raw(args); string(v) != `"hello"` {
			t.Fatalf("%s", v)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// What is matched and captured of an answer does not decode the rest of it.
func TestPlainPathsDecodeTheirValueAlone(t *testing.T) {
	args := []byte(`{"id":7,"from":{"name":"Ada"}}` + strings.Repeat(`,{"id":1,"tags":["a","b"]}`, 100))
	for _, path := range []string{"$.id", "$[0].from.name"} {
		p := one(t, path)
		if n := testing.AllocsPerRun(100, func() {
			doc, err := Args(args)
			if _, found := doc.First(p); err != nil || !found {
				t.Fatal(err)
			}
		}); n > 8 {
			t.Errorf("%s: %v allocations", path, n)
		}
	}
}

// Any path is refused or evaluated; a plain one leads to the same value in the text as in the
// values. What is written of them reads back as equal.
func FuzzPaths(f *testing.F) {
	f.Add(`{"a":{"b":[1,{"c":"d"}]}},[2]`, "$.a.b[1].c")
	f.Add(`{"\u0061":1,"a":2.50} , null, 123456789012345678901234567890, -0`, "$[0].a")
	f.Add(`[[1],{"a":[]}],"\ud800<>&"`, "$[0][1].a")
	f.Add(`{"a":[1,{"b":"x"}]},"y"`, "$..[?@.a > 1 && match(@.b, 'x.*')]")
	f.Add(`{"a":1,"b":2},1E+2`, "$['a','b'][1:9:2]")
	f.Fuzz(func(t *testing.T, args, path string) {
		doc, err := Args([]byte(args))
		if err != nil {
			return
		}
		out := Append([]byte("x"), doc.value())
		if again, err := Decode(out[1:]); err != nil || !Equal(doc.value(), again) {
			t.Fatalf("%q becomes %q: %v", args, out, err)
		}
		if p, err := Parse(path); err == nil && len(path) < 40 {
			sameValue(t, &p, []byte(args), &doc, doc.query(&p))
			sameRaw(t, []byte(args), &p)
		}
	})
}
