//go:build interop

package interop

import (
	"path/filepath"
	"testing"

	"github.com/throng-io/throng/scenario/result"
)

// TestRollingRecovery replaces three nodes one after the other: their clients come back and get
// what they missed. Without an adapter that keeps it they come back as others.
func TestRollingRecovery(t *testing.T) {
	t.Parallel()
	for adapter, keeps := range map[string]bool{"nats+jetstream": true, "redis": false} {
		t.Run(adapter, func(t *testing.T) {
			t.Parallel()
			out := filepath.Join(t.TempDir(), "out")
			// The verdict is about times, and so about this machine.
			printed, _ := runCommand("rolling-recovery", out, "--set", "report.formats=[json]",
				"--set", "people=60", "--set", "adapter="+adapter, "--set", "phases.steady.for=1s", "--set", "phases.after.for=2s").CombinedOutput()
			run, err := result.Read(out)
			if err != nil {
				t.Fatalf("%v\n%s", err, printed)
			}
			c := &run.Cells[0]
			if l := c.Ledger; l.Lost+l.Duplicate+l.Disorder != 0 || l.Sent == 0 {
				t.Errorf("ledger %+v\n%s", l, printed)
			}
			replayed := int64(0)
			for _, r := range c.Evidence.Ledger {
				if r.Replayed {
					replayed += r.Received
				}
			}
			r := c.Reconnects
			if r == nil || r.Lost < 30 {
				t.Fatalf("reconnects %+v\n%s", r, printed)
			}
			// A client that had received nothing has nothing to come back with.
			if (replayed > 0) != keeps || keeps && r.Recovered <= r.Lost/2 || !keeps && r.Recovered > 0 {
				t.Errorf("%d deliveries were replayed, %d of %d clients recovered", replayed, r.Recovered, r.Lost)
			}
		})
	}
}
