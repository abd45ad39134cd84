package bench

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The packages that the Makefile leaves out under the race detector start no goroutine, neither in
// their code nor in their tests, so that there is nothing to detect; nor do they use unsafe, whose
// checks come with the detector.
func TestSerialPackages(t *testing.T) {
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	list := regexp.MustCompile(`(?m)^SERIAL := ((?:.*\\\n)*.*)$`).FindSubmatch(makefile)
	if list == nil {
		t.Fatal("the Makefile has no list SERIAL")
	}
	packages := strings.Fields(strings.ReplaceAll(string(list[1]), "\\\n", " "))
	if len(packages) < 10 {
		t.Errorf("SERIAL has %d packages", len(packages))
	}
	for _, dir := range packages {
		names, err := filepath.Glob(filepath.Join("..", dir, "*.go"))
		if err != nil || len(names) == 0 {
			t.Errorf("%s has no Go files: %v", dir, err)
		}
		for _, name := range names {
			set := token.NewFileSet()
			f, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for at, what := range concurrent(f) {
				t.Errorf("%s: %s; take %s out of SERIAL in the Makefile", set.Position(at), what, dir)
			}
		}
	}
}

// concurrent finds what gives a file more than one goroutine, or unsafe memory.
func concurrent(f *ast.File) map[token.Pos]string {
	found := map[token.Pos]string{}
	for _, i := range f.Imports {
		if i.Path.Value == `"unsafe"` || i.Path.Value == `"net/http/httptest"` {
			found[i.Pos()] = "it imports " + i.Path.Value
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found[n.Pos()] = "it starts a goroutine"
		case *ast.SelectorExpr:
			switch n.Sel.Name {
			case "Go", "Parallel", "RunParallel", "AfterFunc":
				found[n.Pos()] = "it calls " + n.Sel.Name
			}
		}
		return true
	})
	return found
}

// TestConcurrentIsSeen gives the check what it must not overlook.
func TestConcurrentIsSeen(t *testing.T) {
	for text, want := range map[string]int{
		"func f() { g() }":                           0,
		"func f() { go g() }":                        1,
		"func f() { var w sync.WaitGroup; w.Go(g) }": 1,
		"func f() { t.Parallel(); go g() }":          2,
		"import \"unsafe\"":                          1,
	} {
		f, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\n"+text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if got := concurrent(f); len(got) != want {
			t.Errorf("%s: found %v, want %d", text, got, want)
		}
	}
}
