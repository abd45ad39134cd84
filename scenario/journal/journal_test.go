package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

type entry struct{ N int }

func read(path string) ([][]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	documents, _, err := Parse(path, text)
	return documents, err
}

// Wherever the file is cut, as by a kill in the middle of a write, the lines that were whole are
// read, and a writer goes on there.
func TestEveryTornEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, err := Begin(path, entry{0})
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n < 4; n++ {
		if err := j.Append(entry{n}); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil || string(text) != `{"N":0}`+"\n"+`{"N":1}`+"\n"+`{"N":2}`+"\n"+`{"N":3}`+"\n" {
		t.Fatalf("%q, %v", text, err)
	}
	for cut := range len(text) + 1 {
		if err := os.WriteFile(path, text[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		want := strings.Count(string(text[:cut]), "\n")
		lines, err := read(path)
		if err != nil || len(lines) != want {
			t.Fatalf("cut at %d: %d lines, %v, want %d", cut, len(lines), err, want)
		}
		j, lines, err := Open(path)
		if err != nil || len(lines) != want {
			t.Fatalf("cut at %d: %d lines, %v, want %d", cut, len(lines), err, want)
		}
		if err := errors.Join(j.Append(entry{9}), j.Close()); err != nil {
			t.Fatal(err)
		}
		lines, err = read(path)
		if err != nil || len(lines) != want+1 || string(lines[want]) != `{"N":9}` {
			t.Fatalf("cut at %d and gone on with: %q, %v", cut, lines, err)
		}
		for n, line := range lines[:want] {
			if string(line) != fmt.Sprintf(`{"N":%d}`, n) {
				t.Fatalf("line %d is %q", n, line)
			}
		}
	}
}

func TestDamage(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "j")
	j, lines, err := Open(path)
	if err != nil || len(lines) != 0 {
		t.Fatalf("a new one: %v, %v", lines, err)
	}
	_ = j.Close()
	if err := os.WriteFile(path, []byte("{}\n{\n{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, take := range []func() error{
		func() error { _, err := read(path); return err },
		func() error { _, _, err := Open(path); return err },
	} {
		if err := take(); err == nil || !strings.Contains(err.Error(), "j:2: it is not JSON") {
			t.Errorf("a damaged line: %v", err)
		}
	}
	if _, err := Begin(filepath.Join(dir, "missing", "j"), entry{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no such directory: %v", err)
	}
	if _, err := Begin(path, entry{}, func() {}); err == nil {
		t.Error("a function is no document")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".j*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}
