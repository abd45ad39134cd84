//go:build interop

package interop

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/throng-io/throng/scenario/result"
)

// TestForeignService measures a server that was not written for it, by the contract that the
// scenario gives.
func TestForeignService(t *testing.T) {
	t.Parallel()
	url := official.start(t, "chat")
	dir := t.TempDir()
	text, err := os.ReadFile("testdata/chat.yaml")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "chat.yaml")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	users, err := exec.Command("node", "../peers/node/users.js", "40").Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "users.csv"), users, 0o644); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out")
	cmd := runCommand(file, out, "--target", url, "--set", "target.sample.prometheus="+url+"/metrics")
	if printed, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", cmd, err, printed)
	}
	run, err := result.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	if len(run.Cells) != 3 || run.Verdict != result.Pass {
		t.Fatalf("%d cells, verdict %s", len(run.Cells), run.Verdict)
	}
	for i := range run.Cells {
		c := &run.Cells[i]
		name := c.Params["transport"]
		if l := c.Ledger; l.Sent == 0 || l.Expected < 3*l.Sent || l.Received+l.Undecided != l.Expected {
			t.Errorf("%s: ledger %+v", name, l)
		}
		if h := c.Latency["ack"]; h == nil || h.N == 0 || len(failures(c)) != 0 {
			t.Errorf("%s: acks %+v, errors %v", name, h, c.Errors)
		}
		if w := c.Wire[name]; w == nil || w.PerMessage < 80 {
			t.Errorf("%s: wire %+v", name, w)
		}
		if m := c.Target["process_cpu_seconds_total"]; m == nil || m.Values[len(m.Values)-1] <= 0 || c.Server.RSSPeakBytes == 0 {
			t.Errorf("%s: target metrics %v, server %+v", name, c.Target, c.Server)
		}
	}
}
