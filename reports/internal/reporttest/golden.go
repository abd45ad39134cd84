package reporttest

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/throng-io/throng/reports/internal/draw"
)

// Line finds a line of a panel by its name.
func Line(t *testing.T, p draw.Panel, name string) draw.Line {
	t.Helper()
	for _, l := range p.Lines {
		if l.Name == name {
			return l
		}
	}
	t.Fatalf("no line %s", name)
	return draw.Line{}
}

// Update makes Golden rewrite the files.
var Update = flag.Bool("update", false, "rewrite the golden files")

// Golden holds text to a file in testdata, or with -update writes it.
func Golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *Update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", name, d)
	}
}
