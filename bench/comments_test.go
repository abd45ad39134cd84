package bench

import (
	"bytes"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

// commentWidth is how wide a line of a comment may be, in columns; a tab counts as four.
const commentWidth = 100

// goFiles lists the Go files of the tree, relative to its root.
func goFiles(t *testing.T) (names []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(".."), ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && path != "."):
			return fs.SkipDir
		case strings.HasSuffix(path, ".go"):
			names = append(names, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// A comment that stands on lines of its own is read beside code in two columns.
func TestCommentWidth(t *testing.T) {
	checked := 0
	for _, name := range goFiles(t) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile("../" + name)
		if err != nil {
			t.Fatal(err)
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		lines := bytes.Split(text, []byte("\n"))
		for _, group := range f.Comments {
			for _, c := range group.List {
				line := string(lines[set.Position(c.Pos()).Line-1])
				if !strings.HasPrefix(strings.TrimSpace(line), "//") || strings.HasPrefix(c.Text, "//go:") || strings.HasPrefix(c.Text, "//nolint") {
					continue
				}
				if strings.HasPrefix(c.Text, "//\t") || strings.HasPrefix(c.Text, "//   ") {
					continue // a table or code, which cannot be broken
				}
				checked++
				if width := utf8.RuneCountInString(strings.ReplaceAll(line, "\t", "    ")); width > commentWidth {
					t.Errorf("%s: a comment of %d columns; write at most %d", set.Position(c.Pos()), width, commentWidth)
				}
			}
		}
	}
	if checked < 8000 {
		t.Errorf("%d lines of comments were found", checked)
	}
}
