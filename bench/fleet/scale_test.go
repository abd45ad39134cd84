//go:build fleet

package fleet

import (
	"path/filepath"
	"testing"

	"github.com/throng-io/throng/scenario/result"
)

// Twice the clients that one process may have connections for get every message.
func TestCrowd(t *testing.T) {
	l := load{"crowd.yaml", filepath.Join(t.TempDir(), "out")}
	l.run(t, "--agents", "4").code(t)
	c := l.result(t)
	if c.Clients.Held != 40_001 || c.Ledger.Expected != 60*40_000 {
		t.Errorf("%d clients held, %d of %d invalid reasons: %s", c.Clients.Held, c.Ledger.Received, c.Ledger.Expected, c.Reason)
	}
	if l := c.Ledger; l.Lost+l.Undecided+l.Duplicate > 0 {
		t.Errorf("the account is %s", account(c))
	}
	if c.Verdict == result.Fail { // INVALID is the machine's doing
		t.Errorf("%s: %s", c.Verdict, c.Reason)
	}
	var bytes int64
	for _, a := range c.Agents {
		bytes += a.Health.MeshBytes
		t.Logf("%s: %d clients, %d MiB, reports %d bytes, to other agents %d bytes", a.Name, a.Health.Held, a.Health.RSSPeakBytes>>20, a.Health.ReportBytes, a.Health.MeshBytes)
	}
	if carried := c.Generator.BytesIn + c.Generator.BytesOut; 100*bytes > carried {
		t.Errorf("the agents told each other %d bytes, more than 1 %% of the load's %d", bytes, carried)
	}
	t.Logf("%s; generator %.1f s of processor time, servers %.1f s; the last receiver: p50 %d us, max %d us",
		account(c), c.Generator.CPUs, c.Server.CPUs, c.Latency["fanout.last"].P50us, c.Latency["fanout.last"].Maxus)
}
