//go:build interop

package interop

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// One official server and two of ours are one cluster.
func TestCluster(t *testing.T) {
	t.Parallel()
	runNode(t, "cluster.check.mjs", builtIn().command, "REDIS="+redis(t))
}

// The same three nodes keep together what their clients miss.
func TestClusterRecovery(t *testing.T) {
	t.Parallel()
	runNode(t, "cluster_recovery.check.mjs", builtIn().command, "REDIS="+redis(t))
}

// redis starts a Redis server, and returns its socket.
func redis(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "redis") //nolint:usetesting // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "s")
	cmd := exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--dir", dir)
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v: install redis-server", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = os.RemoveAll(dir)
	})
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("unix", socket); err == nil {
			_ = c.Close()
			return socket
		}
	}
	t.Fatal("Redis did not start")
	return ""
}
