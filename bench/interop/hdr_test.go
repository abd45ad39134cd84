//go:build interop

package interop

import (
	"path/filepath"
	"strings"
	"testing"
)

// Other programs find in our histogram logs what our result says.
func TestHistogramLogs(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "out")
	out, err := runCommand("testdata/hdr.yaml", dir).CombinedOutput()
	if !strings.Contains(string(out), "report: ") { // the verdict is of the machine, not of the logs
		t.Fatalf("throng run: %v\n%s", err, out)
	}
	runNode(t, "hdr.check.mjs", []string{dir})
}
