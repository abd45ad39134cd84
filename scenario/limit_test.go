package scenario

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/result"
)

// A message that the generator does not take says nothing about the target, and nor does a further
// connection of a session for which this machine has no port: the trial is invalid.
func TestOwnLimitBlamesNoTarget(t *testing.T) {
	t.Parallel()
	for class, cause := range map[string]error{
		"drop.limit": &client.LimitError{What: "message", Limit: 16 << 20},
		"drop.ports": &client.DialError{Stage: "tcp", Class: "ports", Err: os.NewSyscallError("connect", syscall.EADDRNOTAVAIL)},
		"drop.files": &client.DialError{Stage: "tcp", Class: "files", Err: os.NewSyscallError("socket", syscall.EMFILE)},
	} {
		s := &fakeServer{}
		s.send = func(c *fakeConn, packet []byte) (bool, error) {
			if strings.Contains(string(packet), `"all"`) && c.i == 1 {
				c.cause = cause
				c.end(client.TransportError)
			}
			return false, nil
		}
		cell := play(t, s, `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups: {people: {count: 2, connect: {rate: 10k/s}, send: [{op: all, rate: 10/s}]}}
phases: [{name: ramp, for: 100ms, load: 0%, record: false}, {name: hold, for: 1s}]
`)
		if cell.Errors[class] != 1 || cell.Verdict != result.Invalid || !strings.Contains(cell.Reason, "errors("+class+") == 0") {
			t.Errorf("verdict %s %s, errors %v, want one %s", cell.Verdict, cell.Reason, cell.Errors, class)
		}
	}
}

// Clients take what the scenario sends, also escaped, and from a target of the user's sizes are
// drawn above what the built-in server takes.
func TestClientsTakeWhatIsSent(t *testing.T) {
	t.Parallel()
	const head = "version: 1\nname: t\n"
	for text, want := range map[string]struct{ least, largest int }{
		head + "groups: {a: {count: 1, send: [{op: echo, rate: 1/s}]}}":                                                             {16 << 20, 998976},
		head + "target: {url: \"http://h:1\"}\ngroups: {a: {count: 1, send: [{op: echo, rate: 1/s, size: 64MiB}]}}":                 {2 * 64 << 20, 64 << 20},
		head + "target: {url: \"http://h:1\"}\ngroups: {a: {count: 1, send: [{op: echo, rate: 1/s, size: \"uniform(2MB, 4MB)\"}]}}": {8 << 20, 64 << 20},
		head + "server: {max_payload: 9MB}\ngroups: {a: {count: 1, send: [{op: echo, rate: 1/s, size: \"uniform(2MB, 4MB)\"}]}}":    {8 << 20, 9_000_000 - 1024},
	} {
		f, err := file.Parse("t.yaml", []byte(text), nil)
		if err != nil {
			t.Fatal(err)
		}
		tr := trialOf(t, f)
		cfg := tr.groups[0].config(&user{}, 0, 0)
		if cfg.MaxMessage < want.least || tr.spec.Largest() != want.largest {
			t.Errorf("%s: clients take %d bytes and send %d, want at least %d and %d", text, cfg.MaxMessage, tr.spec.Largest(), want.least, want.largest)
		}
		if sizes := tr.spec.Groups[0].Send[0].Sizes; !sizes.IsZero() && sizes.Bytes(0.99, tr.spec.Largest()) < 3_900_000 {
			t.Errorf("%s: draws %d bytes", text, sizes.Bytes(0.99, tr.spec.Largest()))
		}
	}
}
