package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/throng-io/throng/scenario/result"
)

// Clients exchange messages by data channels and, where these cannot open, by the server: JSON and
// bytes, each of which is in the ledger, whichever way it went, and the events of flows and
// reactions.
func TestPeers(t *testing.T) {
	t.Parallel()
	const scenario = `
version: 1
name: peers
groups:
  friends:
    count: 6
    connect: {timeout: 25s}
    rooms: {of: 2}
    peers: {timeout: 20s, blocked: 25%}
    send:
      - {op: peers, event: direct, rate: 20/s, expect: others, late: 20s}
      - {op: peers, event: mine, rate: 1/s, size: 70KB, data: {text: $payload}, expect: others, late: 20s}
      - {op: peers, event: bytes, rate: 1/s, size: 70KB, binary: true, expect: others, late: 20s}
      - {op: room, event: relayed, rate: 20/s, expect: others, late: 20s}
    flow:
      start: hold
      repeat: forever
      steps:
        - {emit: [ask, $client.index], to: peers, expect: {event: answer, match: {"$[0]": 7}, within: 1m}}
        - {think: 50ms}
    react: {ask: {emit: [answer, 7], to: peers}}
phases:
  - {name: meet, for: 3s, load: 0%, record: false}
  - {name: hold, for: 4s}
valid: [max(lag) < 1h, max(lag.receive) < 1h, {check: undecided(delivery) < 100%, optional: true}, errors(send.late) < 1000]
slo: [loss(delivery) == 0, errors(connect) == 0, "errors(peer.ice) > 0", "count(channel) > 0", "count(step{event=ask}) > 0"]
report: {formats: [json]}
`
	dir := t.TempDir()
	file, out := filepath.Join(dir, "peers.yaml"), filepath.Join(dir, "out")
	if err := os.WriteFile(file, []byte(scenario), 0o600); err != nil {
		t.Fatal(err)
	}
	// The program itself, which starts the server, is needed here.
	printed, failed := exec.CommandContext(t.Context(), "throng", "run", file, "--out", out, "--quiet").CombinedOutput()
	run, err := result.Read(out)
	if err != nil {
		t.Fatalf("%v, %v: %s", failed, err, printed)
	}
	c := &run.Cells[0]
	if c.Verdict == result.Fail {
		t.Errorf("verdict %s: %s", c.Verdict, c.Reason)
	}
	if l := c.Ledger; l.Sent == 0 || l.Lost != 0 || l.Received+l.Late+l.Undecided != l.Expected || l.Duplicate != 0 {
		t.Errorf("ledger %+v", l)
	}
	// Client 5 is blocked, and is in room 1 with clients 1 and 3.
	if p := c.Peers; p == nil || p.Open == 0 || p.Fallback == 0 || p.Direct == 0 || p.Relayed == 0 {
		t.Errorf("peers %+v, errors %v", p, c.Errors)
	}
	for _, name := range []string{"channel", "channel.signalling", "channel.ice", "channel.dtls", "channel.open"} {
		if h := c.Latency[name]; h == nil || h.N == 0 {
			t.Errorf("%s: %+v", name, h)
		}
	}
	for class, n := range c.Errors {
		if class != "peer.ice" && n > 0 {
			t.Errorf("%s: %d times", class, n)
		}
	}
}
