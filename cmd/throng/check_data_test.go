package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
