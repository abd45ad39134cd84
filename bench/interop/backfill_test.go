//go:build interop

package interop

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestBackfill has promtool make blocks for Prometheus of a run's metrics.txt, and finds the run's
// numbers in them.
func TestBackfill(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "out")
	out, err := runCommand("testdata/live.yaml", dir, "--set", "phases.hold.for=2s", "--set", "report.formats=[json, openmetrics]").CombinedOutput()
	if !strings.Contains(string(out), "report: ") {
		t.Fatalf("throng run: %v\n%s", err, out)
	}
	blocks := filepath.Join(t.TempDir(), "blocks")
	if out, err := exec.Command("promtool", "tsdb", "create-blocks-from", "openmetrics", filepath.Join(dir, "metrics.txt"), blocks).CombinedOutput(); err != nil {
		t.Fatalf("promtool: %v\n%s", err, out)
	}
	if err := os.MkdirAll(filepath.Join(blocks, "wal"), 0o755); err != nil { // without which promtool dumps nothing
		t.Fatal(err)
	}
	for _, query := range []string{`{__name__="throng_sent_messages_total"}`, `{__name__="throng_latency_distribution_seconds_bucket",le="1.0"}`} {
		dump, err := exec.Command("promtool", "tsdb", "dump", "--match="+query, blocks).CombinedOutput()
		if err != nil {
			t.Fatalf("promtool: %v\n%s", err, dump)
		}
		samples := regexp.MustCompile(`(?m)^\{.*\} (\S+) [0-9]{13}$`).FindAllStringSubmatch(string(dump), -1)
		if len(samples) == 0 {
			t.Fatalf("no sample of %s in:\n%s", query, dump)
		}
		for _, s := range samples {
			if v, err := strconv.ParseFloat(s[1], 64); err != nil || v <= 0 {
				t.Errorf("%s holds %s", query, s[0])
			}
		}
	}
}
