package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
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
	t.Parallel()
	// Under nohup the scripts' commands would ignore the hangups that end them: a signal that is
	// caught here has its default in a child, one that is ignored stays so.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireUniqueNames: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"workflow": workflow},
		Setup: func(e *testscript.Env) error {
			examples, err := filepath.Abs("../../.github/examples")
			e.Setenv("EXAMPLES", examples)
			program, err2 := exec.LookPath("throng") // the one that the scripts call by its name
			e.Setenv("THRONG", program)
			return errors.Join(err, err2)
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

// Ctrl-C keeps the measurements so far. The run is in this process, because its end is under test;
// the server is a separate process as always.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	// The measurements can be read while a run is in progress.
	stderr, _ := scrape(t, cancel, `throng_run_latency_seconds_count{cell="",metric="delivery"`)
	out := filepath.Join(dir, "out")
	var stdout strings.Builder
	code := run(ctx, []string{"run", "testdata/long.yaml", "--out", out, "--target", serveHere(t), "--metrics", "127.0.0.1:0"}, strings.NewReader(""), &stdout, stderr)
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

// scrape is the standard error of a run with --metrics. It asks there until the answer holds all of
// want, and then calls then, at the latest after a minute; answer waits for that.
func scrape(t *testing.T, then func(), want ...string) (stderr io.Writer, answer func() string) {
	t.Helper()
	url, got := make(chan string, 1), make(chan string, 1)
	go func() {
		defer then()
		client, last := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, ""
		for deadline, address := time.Now().Add(time.Minute), <-url; address != "" && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			resp, err := client.Get(address)
			if err != nil {
				t.Errorf("scraping %q: %v", address, err)
				break
			}
			body, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			last = string(body)
			if !slices.ContainsFunc(want, func(w string) bool { return !strings.Contains(last, w) }) {
				break
			}
		}
		got <- last
	}()
	all := sync.OnceValue(func() string { close(url); return <-got })
	t.Cleanup(func() { all() })
	return writerFunc(func(b []byte) {
		if _, after, ok := strings.Cut(string(b), "metrics on "); ok {
			url <- strings.TrimSpace(after)
		}
	}), all
}

// Ctrl-C before anything was measured, here while the target has not answered yet, is said.
func TestInterruptWhileConnecting(t *testing.T) {
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		if conn, err := mute.Accept(); err == nil {
			defer conn.Close()
			cancel()
			<-t.Context().Done()
		}
	}()
	var stderr strings.Builder
	code := run(ctx, []string{"run", "quickstart", "--out", t.TempDir(), "--quiet", "--target", "http://" + mute.Addr().String()}, strings.NewReader(""), io.Discard, &stderr)
	if code != exitInterrupted || stderr.String() != "throng: interrupted before the first measurement\n" {
		t.Errorf("exit code %d, %q", code, stderr.String())
	}
}

// Ctrl-C ends a command that waits for its input.
func TestInterruptWhileReading(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	in, held := io.Pipe()
	defer held.Close()
	go func() {
		_, _ = held.Write([]byte("version: 1\n")) // it returns when the command has read it
		cancel()
	}()
	var stderr strings.Builder
	if code := run(ctx, []string{"check", "-"}, in, io.Discard, &stderr); code != exitInterrupted || stderr.String() != "" {
		t.Errorf("exit code %d, %q", code, stderr.String())
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

// serveHere is serving for callers that need only the address.
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
