//go:build interop

package interop

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Other programs find in our histogram logs what our result says.
func TestHistogramLogs(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "out")
	out, err := exec.Command(throng, "run", "testdata/hdr.yaml", "--quiet", "--out", dir).CombinedOutput()
	if !strings.Contains(string(out), "report: ") { // the verdict is of the machine, not of the logs
		t.Fatalf("throng run: %v\n%s", err, out)
	}
	runNode(t, "hdr.check.mjs", []string{dir})
}
