package reports

import (
	"flag"
	"path/filepath"
	"testing"
)

var render = flag.String("render", "", "keep the reports of the samples in this directory")

func TestWriteEverySample(t *testing.T) {
	dir := *render
	if dir == "" {
		dir = t.TempDir()
	}
	for name, run := range samples() {
		if err := Write(filepath.Join(dir, name), run); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
