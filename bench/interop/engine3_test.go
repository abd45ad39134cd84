//go:build interop

package interop

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/throng-io/throng/scenario/result"
)

var socketIO2 = server{name: "Socket.IO 2", command: []string{"node", "server2.mjs", "--port", "{port}"}}

// The runner measures a server of Socket.IO 2 as exactly as a later one, also with binary messages.
func TestRunnerOnSocketIO2(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "out")
	cmd := runCommand("testdata/peer.yaml", out, "--target", socketIO2.start(t, ""),
		"--set", "target.engine=3", "--set", "groups.speaker.send.0.binary=true", "--set", "groups.viewers.namespace=/chat", "--set", "groups.speaker.namespace=/chat")
	if printed, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", cmd, err, printed)
	}
	run, err := result.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	checkRun(t, run)
}

// A run with the wrong revision ends with the key to write.
func TestWrongEngineIsNamed(t *testing.T) {
	t.Parallel()
	older, newer := socketIO2.start(t, ""), official.start(t, "bench")
	for _, transport := range []string{"websocket", "polling", "upgrade"} {
		for _, c := range []struct{ url, engine, want string }{
			{older, "4", "this is a Socket.IO 2 server"}, {newer, "3", "this server speaks Engine.IO 4"},
		} {
			cmd := runCommand("testdata/peer.yaml", filepath.Join(t.TempDir(), "out"), "--target", c.url,
				"--set", "target.engine="+c.engine, "--set", "matrix.axes.transport=["+transport+"]")
			if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), c.want) {
				t.Errorf("%s over %s: %v, %s; want %q", c.url, transport, err, out, c.want)
			}
		}
	}
}

// A client that a middleware of the main namespace refuses hears of it there, whatever namespace it
// asks for.
func TestRefusalBySocketIO2(t *testing.T) {
	t.Parallel()
	address := socketIO2.start(t, "")
	for _, transport := range []string{"websocket", "polling"} {
		cmd := runCommand("testdata/peer.yaml", filepath.Join(t.TempDir(), "out"), "--target", address, "--set", "target.engine=3", "--set", "matrix.axes.transport=["+transport+"]",
			"--set", "groups.viewers.namespace=/chat", "--set", "groups.speaker.namespace=/chat", "--set", "groups.viewers.query={refuse: yes}", "--set", "groups.speaker.query={refuse: yes}")
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "refused the first client: not you; check auth, query,") {
			t.Errorf("%s: %v, %s", transport, err, out)
		}
	}
}
