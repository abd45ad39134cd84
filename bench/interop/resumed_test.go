//go:build interop

package interop

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/throng-io/throng/scenario/result"
)

// comingBack is a scenario in which every client loses its connection once and comes back.
const comingBack = `
version: 1
name: resumed
target: {url: URL, tls: {ca: CA RESUME}}
groups:
  sockets: {count: 3, transport: websocket, connect: {timeout: 60s}, reconnect: {min: 50ms, max: 100ms}}
  pollers: {count: 3, transport: polling, connect: {timeout: 60s}, reconnect: {min: 50ms, max: 100ms}}
phases:
  - {name: ramp, for: 1s, clients: 0%..100%, record: false}
  - {name: drop, for: 5s, fault: {drop: 100%, within: 100ms}}
  - {name: after, for: 1s}
valid: [max(lag.receive) < 1h]
`

// Simulated clients resume the sessions of TLS that servers of both kinds give them, unless the
// scenario says that they must not.
func TestTLSIsResumed(t *testing.T) {
	t.Parallel()
	ca := os.Getenv("TLS_CERT")
	flags := []string{"--tls-cert", ca, "--tls-key", os.Getenv("TLS_KEY")}
	for _, s := range []server{builtIn(), official} {
		url := "https://" + s.run(t, "bench", flags...)("https://")
		for resume, want := range map[string]bool{"": true, ", resume: false": false} {
			dir := t.TempDir()
			scenario, out := filepath.Join(dir, "resumed.yaml"), filepath.Join(dir, "out")
			text := strings.NewReplacer("URL", url, "CA", ca, " RESUME", resume).Replace(comingBack)
			if err := os.WriteFile(scenario, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(throng, "run", scenario, "--out", out, "--quiet")
			printed, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%s%s: %s: %v\n%s", s.name, resume, cmd, err, printed)
			}
			run, err := result.Read(out)
			if err != nil {
				t.Fatal(err)
			}
			c := &run.Cells[0]
			back := int64(0)
			if c.Reconnects != nil {
				back = c.Reconnects.Back
			}
			resumed := int64(0)
			if l := c.Latency["connect.resumed"]; l != nil {
				resumed = l.N
			}
			if all := c.Latency["connect.tls"]; all == nil || all.N < 6 || back < 6 || want && resumed != back || !want && resumed != 0 {
				t.Errorf("%s%s: %d handshakes resumed, %d clients came back; first handshakes %+v", s.name, resume, resumed, back, all)
			}
		}
	}
}
