//go:build interop

package interop

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/throng-io/throng/scenario/result"
)

// TestCompression: simulated clients exchange compressed messages with the official server, which
// keeps a window for each client, and with ours, which does not; a server that does not take their
// offer is named.
func TestCompression(t *testing.T) {
	t.Parallel()
	for _, s := range []server{official, builtIn()} {
		for _, transport := range []string{"websocket", "upgrade"} {
			t.Run(s.name+"/"+transport, func(t *testing.T) {
				t.Parallel()
				compressed := s.exchange(t, transport, "--per-message-deflate")
				declined := s.exchange(t, transport)
				for name, cell := range map[string]result.Cell{"compressed": compressed, "declined": declined} {
					if l := cell.Ledger; l.Lost > 0 || l.Received == 0 {
						t.Errorf("%s: %+v", name, l)
					}
				}
				small, large := compressed.Wire[transport].InPerMessage, declined.Wire[transport].InPerMessage
				if small > large/4 {
					t.Errorf("a message takes %.0f bytes compressed and %.0f else", small, large)
				}
				const warning = "websockets are not compressed"
				said := func(c result.Cell) bool {
					return slices.ContainsFunc(c.Warnings, func(w string) bool { return strings.Contains(w, warning) })
				}
				if said(compressed) || !said(declined) {
					t.Errorf("warnings: %q and %q", compressed.Warnings, declined.Warnings)
				}
			})
		}
	}
}

// exchange runs the scenario against a server with some flags.
func (s server) exchange(t *testing.T, transport string, flags ...string) result.Cell {
	t.Helper()
	url, out := s.start(t, "bench", flags...), filepath.Join(t.TempDir(), "out")
	cmd := runCommand("testdata/compressed.yaml", out, "--target", url, "--set", "transport="+transport)
	printed, err := cmd.CombinedOutput()
	run, failed := result.Read(out)
	if failed != nil {
		t.Fatalf("%s: %v, %v\n%s", cmd, err, failed, printed)
	}
	return run.Cells[0]
}
