package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A file that is named without the end of its name is named in the error.
func TestLoadSuggestsFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "mine.yaml")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"mine", "mine.yml", "mien.yaml"} {
		if _, err := load(nil, filepath.Join(dir, name), nil); err == nil || !strings.HasSuffix(err.Error(), "did you mean "+path+"?") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
