package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/throng-io/throng/scenario/result"
)

// The scripts run the command as a user would: the test binary stands in for
// it, and starts itself again as the built-in server.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"throng": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireUniqueNames: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"workflow": workflow},
		Setup: func(e *testscript.Env) error {
			examples, err := filepath.Abs("../../.github/examples")
			e.Setenv("EXAMPLES", examples)
			return err
		},
	})
}

// workflow writes the shell scripts of a workflow of GitHub Actions to ID.sh.
func workflow(ts *testscript.TestScript, _ bool, args []string) {
	var w struct {
		Jobs map[string]struct {
			Steps []struct{ ID, Uses, Run string }
		}
	}
	text, err := os.ReadFile(args[0])
	ts.Check(err)
	ts.Check(yaml.UnmarshalWithOptions(text, &w))
	for _, job := range w.Jobs {
		for _, step := range job.Steps {
			if step.Run == "" == (step.Uses == "") {
				ts.Fatalf("the step %q runs nothing, or two things", step.ID)
			}
			if step.Run != "" {
				ts.Check(os.WriteFile(ts.MkAbs(step.ID+".sh"), []byte(step.Run), 0o600))
			}
		}
	}
}

// Ctrl-C keeps what was measured until then. The run is in this process, as its
// end is what is tested; the server is a process as always.
func TestInterrupt(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	// The first plain line of the phase "hold" is the signal.
	stderr := writerFunc(func(b []byte) {
		if strings.HasPrefix(string(b), "hold") {
			time.AfterFunc(1500*time.Millisecond, cancel)
		}
	})
	out := filepath.Join(dir, "out")
	var stdout strings.Builder
	code := run(ctx, []string{"run", "testdata/long.yaml", "--out", out, "--target", serveHere(t)}, strings.NewReader(""), &stdout, stderr)
	if code != exitInterrupted {
		t.Errorf("exit code %d: %s", code, stdout.String())
	}
	r, err := result.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Interrupted || len(r.Cells) != 1 || r.Cells[0].Ledger.Received == 0 {
		t.Errorf("the result does not hold what was measured: %+v", r)
	}
	if _, err := os.Stat(filepath.Join(out, "report.html")); err != nil {
		t.Error(err)
	}
}

// serving runs throng serve with more flags, on a free port without --listen, until stop is
// called or the test ends; lines are what it prints.
func serving(t *testing.T, flags ...string) (lines *bufio.Scanner, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	out, said := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, append([]string{"serve", "--listen", "127.0.0.1:0"}, flags...), strings.NewReader(""), said, said)
		_ = said.Close()
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		go func() { _, _ = io.Copy(os.Stderr, out) }() // why it fails
		if code := <-ended; code != exitPass {
			t.Errorf("serve ended with %d", code)
		}
	})
	t.Cleanup(stop)
	return bufio.NewScanner(out), stop
}

// serveHere is serving for who wants the address alone.
func serveHere(t *testing.T, flags ...string) string {
	t.Helper()
	lines, _ := serving(t, flags...)
	lines.Scan()
	return strings.TrimPrefix(lines.Text(), "listening on ")
}

type writerFunc func([]byte)

func (f writerFunc) Write(b []byte) (int, error) {
	f(b)
	return len(b), nil
}
