//go:build unix

package command

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRun(t *testing.T) {
	for name, test := range map[string]struct {
		words  []string
		code   int
		output string
		err    string // "": none
	}{
		"all is well":      {words: []string{"sh", "-c", "echo out; echo err >&2"}, output: "out\nerr\n"},
		"an exit code":     {words: []string{"sh", "-c", "echo why; exit 3"}, code: 3, output: "why\n", err: "exit code 3"},
		"no such program":  {words: []string{"no-such-program-is-here"}, code: -1, err: "no-such-program-is-here: executable file not found in $PATH"},
		"a signal":         {words: []string{"sh", "-c", "kill -9 $$"}, code: -1, err: "signal: killed"},
		"no shell between": {words: []string{"echo", "$HOME; exit 1"}, output: "$HOME; exit 1\n"},
		"no input":         {words: []string{"cat"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s Set
			defer s.Close()
			got := s.Run(t.Context(), test.words)
			err := ""
			if got.Err != nil {
				err = got.Err.Error()
			}
			if got.Code != test.code || got.Output != test.output || err != test.err {
				t.Errorf("%+v, want code %d, output %q, error %q", got, test.code, test.output, test.err)
			}
		})
	}
}

// The output is cut, and the command may go on writing.
func TestOutputIsBounded(t *testing.T) {
	t.Parallel()
	var s Set
	defer s.Close()
	got := s.Run(t.Context(), []string{"sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x; exit 0"})
	if got.Err != nil || got.Output != strings.Repeat("x", MaxOutput) {
		t.Errorf("%d bytes, %v", len(got.Output), got.Err)
	}
}

// A command that takes too long is ended with all that it has started, also when it refuses to.
func TestTooLong(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]string{
		"it obeys":   "sleep 1000 & echo $! >PID; wait",
		"it refuses": "trap '' TERM; sleep 1000 & echo $! >PID; while :; do sleep 1000; done",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s Set
			defer s.Close()
			why := errors.New("it took too long")
			ctx, cancel := context.WithCancelCause(t.Context())
			file := filepath.Join(t.TempDir(), "pid")
			child := make(chan int, 1)
			go func() {
				child <- pidIn(file)
				cancel(why)
			}()
			got := s.Run(ctx, []string{"sh", "-c", strings.ReplaceAll(line, "PID", file)})
			if !errors.Is(got.Err, why) || got.Code != -1 {
				t.Errorf("%+v", got)
			}
			gone(t, <-child)
		})
	}
}

// A process that leaves the group with the output of the command is not waited for.
func TestOutputOfAnother(t *testing.T) {
	t.Parallel()
	var s Set
	file := filepath.Join(t.TempDir(), "pid")
	got := s.Run(t.Context(), []string{"setsid", "-f", "sh", "-c", "echo begun; echo $$ >" + file + "; exec sleep 1000"})
	pid := pidIn(file)
	s.Close()
	if got.Err != nil || got.Output != "begun\n" {
		t.Errorf("%+v", got)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Errorf("the process that had left the group: %v", err)
	}
}

// What runs on in the background does not hold the command up, and ends with the set.
func TestBackground(t *testing.T) {
	t.Parallel()
	var s Set
	file := filepath.Join(t.TempDir(), "pid")
	got := s.Run(t.Context(), []string{"sh", "-c", "echo begun; sleep 1000 & echo $! >" + file})
	pid := pidIn(file)
	if got.Err != nil || got.Output != "begun\n" || syscall.Kill(pid, 0) != nil {
		t.Errorf("%+v, and the process %d is gone", got, pid)
	}
	s.Close()
	gone(t, pid)
	s.Close() // once more is nothing
}

// pidIn waits for a process id in a file.
func pidIn(file string) int {
	for {
		text, _ := os.ReadFile(file)
		if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && strings.HasSuffix(string(text), "\n") {
			return pid
		}
		time.Sleep(time.Millisecond)
	}
}

// gone waits until a process has ended. It may stay a zombie for a while: its parent is gone, and
// the first process of a container may not wait for it at once.
func gone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if syscall.Kill(pid, 0) != nil || err == nil && strings.Contains(string(stat), ") Z ") {
			return
		}
	}
	t.Errorf("the process %d lives on", pid)
}
