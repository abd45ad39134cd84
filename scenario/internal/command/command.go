package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

const (
	// MaxOutput is how many bytes of a command's output are kept: its beginning.
	MaxOutput = 16 << 10
	// endGrace is how long a process group may take to end after it was asked to, before it is
	// killed.
	endGrace = 500 * time.Millisecond
	// outputGrace is how long to wait for the rest of the output of a command that has ended: a
	// process in the background may hold the pipe for ever.
	outputGrace = 250 * time.Millisecond
)

// A Set is the commands of one run. The zero value is ready. Goroutines may share it.
type Set struct {
	mu   sync.Mutex
	left []*group // that have processes in the background
}

// A Result is what became of a command.
type Result struct {
	Code   int    // its exit code; -1: it has none
	Output string // both of its streams as they came, at most MaxOutput bytes
	Err    error  // why it counts as failed; nil: it exited with the code 0
}

// Run executes a program and waits for its end. When ctx ends before, the whole process group is
// ended. The command reads nothing and inherits the environment and the working directory.
func (s *Set) Run(ctx context.Context, words []string) Result {
	r, w, err := os.Pipe()
	if err != nil {
		return Result{Code: -1, Err: err}
	}
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Stdout, cmd.Stderr = w, w // as files, so that Wait does not wait for their end
	alone(cmd)
	err = cmd.Start()
	w.Close()
	if err != nil {
		r.Close()
		return Result{Code: -1, Err: notStarted(err)}
	}
	g := &group{leader: cmd.Process, pipe: r, read: make(chan struct{})}
	go g.copy()
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	var cause error
	select {
	case err = <-exited:
	case <-ctx.Done():
		cause = context.Cause(ctx)
		g.ask()
		select {
		case err = <-exited:
		case <-time.After(endGrace):
			g.kill()
			err = <-exited
		}
	}
	kept := s.keep(g)
	g.drain(outputGrace)
	if !kept {
		g.finish() // a process that has left the group may still hold the pipe
	}
	out := Result{Code: cmd.ProcessState.ExitCode(), Output: g.output.String()}
	switch exit := (*exec.ExitError)(nil); {
	case cause != nil:
		out.Code, out.Err = -1, cause
	case errors.As(err, &exit) && out.Code >= 0:
		out.Err = fmt.Errorf("exit code %d", out.Code)
	case err != nil:
		out.Err = err
	}
	return out
}

// notStarted is the reason without the words of package exec.
func notStarted(err error) error {
	if e := (*exec.Error)(nil); errors.As(err, &e) {
		return fmt.Errorf("%s: %w", e.Name, e.Err)
	}
	return err
}

// keep remembers a group that still has processes, and reports whether it has.
func (s *Set) keep(g *group) bool {
	if !g.alive() {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = append(s.left, g)
	return true
}

// Close ends every process that the commands have left behind, and waits until their output is
// read. No command may be running.
func (s *Set) Close() {
	s.mu.Lock()
	left := s.left
	s.left = nil
	s.mu.Unlock()
	for _, g := range left {
		g.ask()
	}
	deadline := time.Now().Add(endGrace)
	for _, g := range left {
		for g.alive() && time.Now().Before(deadline) {
			<-time.After(5 * time.Millisecond)
		}
		g.kill()
		g.finish()
	}
}

// A group is the processes that a command has started.
type group struct {
	leader *os.Process
	pipe   *os.File
	read   chan struct{} // closed when there is no more output
	output head
}

// copy reads the output until all processes have closed it, or until finish.
func (g *group) copy() {
	defer close(g.read)
	_, _ = io.Copy(&g.output, g.pipe) // the pipe's end, or finish
	g.pipe.Close()
}

// drain waits for the end of the output, but no longer than that.
func (g *group) drain(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-g.read:
	case <-timer.C:
	}
}

// finish stops reading.
func (g *group) finish() {
	g.pipe.Close()
	<-g.read
}

// A head keeps the beginning of what is written to it.
type head struct {
	mu   sync.Mutex
	text []byte
}

func (h *head) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.text = append(h.text, b[:min(len(b), MaxOutput-len(h.text))]...)
	return len(b), nil
}

func (h *head) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return string(h.text)
}
