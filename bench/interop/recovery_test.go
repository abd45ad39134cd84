//go:build interop

package interop

import (
	"path/filepath"
	"testing"

	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// TestRecoveredClientsAreOwed runs clients that lose their connection against two servers that
// recover them: the official one and Throng's own, the latter also with clients that vanish without
// a word. Neither loses, repeats or turns around anything of what the clients missed, and hardly
// anything of it is undecided. A client that is back before its server knows that it was gone is a
// new one for the official server, and the same one for Throng's: how many are recovered depends on
// how busy the machine is.
func TestRecoveredClientsAreOwed(t *testing.T) {
	t.Parallel()
	url := official.start(t, "bench", "--recovery", "120s")
	for name, flags := range map[string][]string{
		"official":             {"--target", url},
		"own":                  {"--set", "server.recovery=2m"},
		"own, without goodbye": {"--set", "server.recovery=2m", "--set", "phases.2.fault={half_open: 70%, within: 1s}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := filepath.Join(t.TempDir(), "out")
			cmd := runCommand("testdata/recovery.yaml", out, flags...)
			if printed, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", cmd, err, printed)
			}
			run, err := result.Read(out)
			if err != nil {
				t.Fatal(err)
			}
			c := &run.Cells[0]
			l, r := c.Ledger, c.Reconnects
			if r == nil || r.Lost < 20 || r.Recovered == 0 || name != "official" && r.Recovered < r.Lost/2 {
				t.Fatalf("%+v", r)
			}
			anew := (r.Lost - r.Recovered) * 4 * 5 * 5 // all messages, to those that came as others
			if l.Lost+l.Late+l.Duplicate+l.Disorder != 0 || l.Undecided > l.Expected/50+anew {
				t.Errorf("ledger %+v, reconnects %+v", l, r)
			}
			if l.Due != 4*5*5 || l.Sent != l.Due {
				t.Errorf("ledger %+v, want 100 messages due and all of them sent", l)
			}
			replayed, latencies := int64(0), int64(0)
			for _, r := range c.Evidence.Ledger {
				if r.Replayed {
					replayed += r.Received
				}
			}
			for _, s := range c.Evidence.Series {
				if s.Replayed && s.Metric == metric.Delivery {
					latencies += s.Latency.N
				}
			}
			if replayed == 0 || latencies != replayed {
				t.Errorf("%d deliveries were replayed, with %d latencies", replayed, latencies)
			}
		})
	}
}
