//go:build interop

package interop

import (
	"bufio"
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/result"
)

// fitAnywhere are rules of validity that every machine keeps: these tests are about what arrives,
// and not about when.
const fitAnywhere = "[max(lag) < 1h, max(lag.receive) < 1h, {check: undecided(delivery) < 100%, optional: true}, errors(send.late) < 1000000]"

// runCommand is the command that runs a scenario file, with its results in out. Flags may set other
// rules of validity.
func runCommand(scenario, out string, flags ...string) *exec.Cmd {
	return exec.Command(throng, append([]string{"run", scenario, "--out", out, "--quiet", "--set", "valid=" + fitAnywhere}, flags...)...)
}

// failures are the errors of a cell. Two classes are left out, since a busy machine causes them: it
// connects clients late, so that messages are due from or to clients that are not there yet.
func failures(c *result.Cell) map[string]int64 {
	errs := maps.Clone(c.Errors)
	maps.DeleteFunc(errs, func(class string, _ int64) bool { return class == "send.unconnected" || class == "send.peer" })
	return errs
}

// start runs a server for the length of the test and returns its address.
func (s server) start(t *testing.T, app string, flags ...string) string {
	t.Helper()
	address := s.launch(t, app, flags...)
	return address()
}

// launch is start for a server that prints several addresses. The function that it returns waits
// for the next one.
func (s server) launch(t *testing.T, app string, flags ...string) (address func() string) {
	t.Helper()
	behind := s.run(t, app, flags...)
	return func() string {
		t.Helper()
		return "http://" + behind("http://")
	}
}

// run starts the server. The function that it returns waits for the next printed line with a text,
// and returns the word behind it.
func (s server) run(t *testing.T, app string, flags ...string) (behind func(text string) string) {
	t.Helper()
	var args []string
	for _, arg := range s.command {
		args = append(args, strings.NewReplacer("{app}", app, "{port}", "0").Replace(arg))
	}
	cmd := exec.Command(args[0], append(args[1:], flags...)...)
	cmd.Env = append(os.Environ(), s.env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe() // its end is the server's, should the test be killed
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting the %s server: %v", s.name, err)
	}
	t.Cleanup(func() {
		stdin.Close()
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Errorf("stopping the %s server: %v", s.name, err)
		}
		hard := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() }) // Wait tells how it ended
		defer hard.Stop()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the %s server ended with %v\n%s", s.name, err, stderr.Bytes())
		}
	})
	lines := bufio.NewScanner(stdout)
	return func(text string) string {
		t.Helper()
		for lines.Scan() {
			if _, rest, ok := strings.Cut(lines.Text(), text); ok {
				return strings.Fields(rest)[0]
			}
		}
		t.Fatalf("the %s server printed nothing with %q: %s", s.name, text, stderr.Bytes())
		return ""
	}
}

// TestRunnerOnOfficialServer runs one scenario file, as a user would, against a server that Throng
// did not write.
func TestRunnerOnOfficialServer(t *testing.T) {
	t.Parallel()
	url := official.start(t, "bench")
	out := filepath.Join(t.TempDir(), "out")
	cmd := runCommand("testdata/peer.yaml", out, "--target", url)
	if printed, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", cmd, err, printed)
	}
	run, err := result.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	checkRun(t, run)
}

func checkRun(t *testing.T, run *result.Run) {
	t.Helper()
	if run.Verdict != result.Pass {
		t.Errorf("verdict %q", run.Verdict)
	}
	seen := map[string]bool{}
	for _, cell := range run.Cells {
		name := cell.Params["transport"]
		seen[name] = true
		c := cell.Clients
		if c.Asked != 41 || c.Held == 0 || c.Failed != 0 || c.Dropped != 0 {
			t.Errorf("%s: clients %+v, want 41 asked, and none that failed or was dropped", name, c)
		}
		// Three seconds of twenty broadcasts to forty viewers alone, once all are there. On a slow
		// machine a client may join while one is under way, or still be connecting at the end.
		all := c.Held == c.Asked && cell.Errors["send.unconnected"] == 0
		if l := cell.Ledger; all && l.Expected < 3*20*40 || l.Received+l.Undecided != l.Expected || l.Lost+l.Duplicate+l.Disorder+l.Late != 0 {
			t.Errorf("%s: ledger %+v", name, l)
		}
		for _, metric := range []string{"delivery", "ack"} {
			if h := cell.Latency[metric]; h == nil || h.N == 0 {
				t.Errorf("%s: no latency of %s", name, metric)
			}
		}
		if errs := failures(&cell); len(errs) != 0 {
			t.Errorf("%s: errors %v", name, errs)
		}
	}
	for _, name := range []string{"websocket", "polling", "upgrade"} {
		if !seen[name] {
			t.Errorf("no cell over %s among %d", name, len(run.Cells))
		}
	}
}

// Ready scenarios leave out what needs the built-in server, and judge the rest: here those that
// leave something out, scaled down.
func TestReadyScenariosOnOfficialServer(t *testing.T) {
	t.Parallel()
	for name, left := range map[string]string{
		"idle": "the checks max(server.rss)", "transports": "the cells of plain-websocket", "herd": "the phase deploy",
		"slow-consumer": "the built-in server's settings", "soak": "the checks growth(server.rss)", "crowd": "the checks max(server.rss_per_client)",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := filepath.Join(t.TempDir(), name)
			// A busy machine may make it invalid; what was there to judge is the same.
			printed, _ := exec.Command(throng, "run", name, "--quick=0.02", "--target", official.start(t, "bench"),
				"--out", out, "--quiet", "--set", "report.formats=[json]").CombinedOutput()
			run, err := result.Read(out)
			if err != nil {
				t.Fatalf("%v\n%s", err, printed)
			}
			if len(run.Warnings) == 0 || !strings.Contains(run.Warnings[0], left) {
				t.Errorf("warnings %q, want %q", run.Warnings, left)
			}
			for _, cell := range run.Cells {
				if c := cell.Clients; c.Held == 0 || c.Held+c.Waiting < c.Asked || cell.Ledger.Lost > 0 {
					t.Errorf("%+v, %+v", cell.Clients, cell.Ledger)
				}
				for _, k := range cell.Checks {
					if k.NoData && !k.Pass {
						t.Errorf("%v: nothing to judge %s by", cell.Params, k.Text)
					}
				}
			}
		})
	}
}
