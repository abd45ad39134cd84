package file

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// withTable is a scenario beside a data file of that name and text; "-" is no file.
func withTable(tb testing.TB, name, text, pick string) *File {
	tb.Helper()
	dir := tb.TempDir()
	if text != "-" {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	format := strings.TrimPrefix(filepath.Ext(name), ".")
	f, err := Parse(filepath.Join(dir, "s.yaml"), fmt.Appendf(nil, `version: 1
name: s
data:
  users: {%s: %s, pick: %s}
groups:
  a: {count: 3, auth: {t: "${users.token}"}}
`, format, name, pick), nil)
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

func TestBadData(t *testing.T) {
	for name, c := range map[string]struct{ file, text, want string }{
		"too short":        {"u.csv", "name,token\na,b\n", "s.yaml:4:3: u.csv has 1 rows and 3 clients need one each; add rows, lower the count, or write pick: sequential"},
		"no column":        {"u.csv", "name,tokn\na,b\n", "s.yaml:6:28: u.csv has no column `token`; did you mean `tokn`?"},
		"ragged":           {"u.csv", "name,token\na\n", "u.csv:2:1: the row has 1 values and the first line 2 columns; correct the row, or put the value in quotes"},
		"empty":            {"u.csv", "", "s.yaml:4:3: the data file u.csv cannot be used: it is empty; write the names of the columns"},
		"no rows":          {"u.csv", "name,token\n", "it has no rows"},
		"Latin-1":          {"u.csv", "name,token\na,b\n\nren\xe9,c\n", "u.csv:4:4: the byte 0xe9 is not UTF-8; save the file as UTF-8: it may be in Latin-1 or UTF-16"},
		"Latin-1 unused":   {"u.csv", "token,name\na,\xfcber\n", "u.csv:2:3: the byte 0xfc is not UTF-8"},
		"Latin-1 name":     {"u.csv", "token,n\xe4me\na,b\n", "u.csv:1:8: the byte 0xe4"},
		"Latin-1 in lines": {"u.csv", "token\n\"a\nb\xe9\"\n", "u.csv:3:"},
		"UTF-16":           {"u.csv", "\xff\xfet\x00o\x00", "u.csv:1:1: the byte 0xff is not UTF-8"},
		"quote":            {"u.csv", "name,token\n\"a,b\n", "u.csv:2:6: extraneous or missing \" in quoted-field; correct the row"},
		"no object":        {"u.jsonl", "\n[1]\n", "u.jsonl:2:1: the line is not a JSON object; write one such as {\"name\": \"Ada\"}, without a list around them: jq"},
		"null":             {"u.jsonl", "null\n", "u.jsonl:1:1: the line is not a JSON object"},
		"missing key":      {"u.jsonl", "{\"token\":1}\n{\"age\":1}\n", "u.jsonl:2:1: the line has no \"token\"; the first line has it: add it, or write null"},
		"Latin-1 JSON":     {"u.jsonl", "{\"token\":1}\n{\"token\":\"\xe9\"}\n", "u.jsonl:2:11: the byte 0xe9 is not UTF-8"},
		"long line":        {"u.jsonl", "{\"token\":\"" + strings.Repeat("x", maxDataLine) + "\"}\n", "u.jsonl:1:1: the line has more than 1048576 bytes; shorten it"},
		"not there":        {"u.jsonl", "-", "s.yaml:4:3: the data file u.jsonl cannot be used: there is no such file beside the scenario or in the working directory; put it there, or name it by its whole path"},
		"column twice":     {"u.csv", "token,name,token\na,b,c\n", "u.csv:1:12: the column \"token\" stands twice; rename one"},
		"semicolons":       {"u.csv", "name;token\na;b\n", "s.yaml:6:28: u.csv has no column `token`; its first line is one column, \"name;token\": put commas between the names and the values"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := withTable(t, c.file, c.text, PickUnique).Data()
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%v\nwant %s", err, c.want)
			}
			mistakes(t, err)
		})
	}
}

func TestData(t *testing.T) {
	for name, text := range map[string]string{
		"u.csv":   "\ufeff\"token\",more\nx,1\n\"a \"\"b\"\"\",2\nü,3\n",
		"u.jsonl": "\ufeff{\"token\": \"x\"}\n\n{\"token\":\"a \\\"b\\\"\"}\n {\"token\":\"ü\", \"new\": 1}\n",
	} {
		f := withTable(t, name, text, PickUnique)
		got, err := f.Data()
		if err != nil {
			t.Fatal(err)
		}
		want := &Table{Columns: []string{"token"}, Rows: [][]Datum{{{"x", "x", `"x"`}}, {{`a "b"`, `a \"b\"`, `"a \"b\""`}}, {{"ü", "ü", `"ü"`}}}}
		if diff := cmp.Diff(want.Rows, got[name].Rows); diff != "" || got[name].Columns[0] != "token" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	got, err := withTable(t, "u.jsonl", `{"token": 1.50}`+"\n"+`{"token": null}`+"\n"+`{"token": {"a": [true]}}`, PickRandom).Data()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]Datum{{{"1.50", "1.50", "1.50"}}, {{"null", "null", "null"}}, {{`{"a": [true]}`, `{\"a\": [true]}`, `{"a": [true]}`}}}
	if diff := cmp.Diff(want, got["u.jsonl"].Rows); diff != "" {
		t.Error(diff)
	}
}

// Data files are sought beside the scenario first, then in the working directory.
func TestDataIsFound(t *testing.T) {
	f := withTable(t, "u.csv", "-", PickSequential)
	t.Chdir(t.TempDir())
	if err := os.WriteFile("u.csv", []byte("token\nhere\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := f.Data()
	if err != nil || got["u.csv"].Rows[0][0].Text != "here" {
		t.Fatal(got, err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(f.Name), "u.csv"), []byte("token\nbeside\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err = f.Data(); err != nil || got["u.csv"].Rows[0][0].Text != "beside" {
		t.Error(got, err)
	}
}

// Any bytes are a table or a mistake with a place, and every text of a table is UTF-8 that JSON
// takes.
func TestAnyData(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.SampledFrom([]string{"u.csv", "u.jsonl"}).Draw(rt, "file")
		text := rapid.OneOf(
			rapid.StringMatching("(token|a,token|\"token\")?(\n[a-zé\",\n\xc3\xa9]{0,8}){0,4}"),
			rapid.StringMatching("({\"token\":(1|\"[a-zé\\\\n]{0,3}\"|null|\\[\\])}\n){0,3}"),
			rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 40), func(b []byte) string { return string(b) }),
		).Draw(rt, "text")
		if text == "-" {
			return
		}
		got, err := withTable(t, name, text, PickSequential).Data()
		if err != nil {
			mistakes(t, err)
			return
		}
		for _, row := range got[name].Rows {
			d := row[0]
			if d.Text != strings.ToValidUTF8(d.Text, "?") || d.Value == "" || jsonString(d.Text) != `"`+d.String+`"` {
				rt.Fatalf("%q gives %q", text, d)
			}
		}
	})
}
