package bench

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// The top level of the tree is fixed to this list. Directories that git ignores and names that
// begin with a point do not count.
func TestTopLevel(t *testing.T) {
	fixed := []string{
		"bench", "cmd", "findings", "protocol", "reports", "scenario", "scenarios", "server", "go.mod", "go.sum", "README.md",
		"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "SECURITY.md",
	}
	ignored := []string{"out", "bin", "throng"}
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "coverage") || slices.Contains(ignored, name) {
			continue
		}
		if !slices.Contains(fixed, name) {
			t.Errorf("%s does not belong at the top level: move it into one of the folders", name)
		}
		found = append(found, name)
	}
	for _, name := range fixed {
		if !slices.Contains(found, name) {
			t.Errorf("%s is missing at the top level", name)
		}
	}
}
