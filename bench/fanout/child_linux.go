package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/throng-io/throng/bench/fanout/internal/load"
)

// A child is a process that this program started and ends.
type child struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr tail
}

// tail keeps the last that a child said.
type tail struct {
	mu sync.Mutex
	b  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	t.b = t.b[max(0, len(t.b)-2000):]
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.b))
}

// start starts a command pinned to a processor. It is called on the main thread, whose end the
// child does not survive.
func start(ctx context.Context, cpu int, files []*os.File, command ...string) (*child, error) {
	return startOn(ctx, []int{cpu}, nil, files, command...)
}

// startOn is start for several processors, with additions to the environment.
func startOn(ctx context.Context, cpus []int, env []string, files []*os.File, command ...string) (*child, error) {
	c := &child{cmd: exec.CommandContext(ctx, command[0], command[1:]...)}
	if env != nil {
		c.cmd.Env = append(os.Environ(), env...)
	}
	c.cmd.ExtraFiles = files
	c.cmd.Stderr = &c.stderr
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	c.cmd.WaitDelay = time.Second
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	c.out = bufio.NewReader(out)
	if err := pinned(cpus, c.cmd.Start); err != nil {
		return nil, fmt.Errorf("starting %s: %w", command[0], err)
	}
	return c, nil
}

// pinned calls f on a thread that may only run on some processors.
func pinned(cpus []int, f func() error) error {
	var before, only unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return fmt.Errorf("reading the affinity: %w", err)
	}
	for _, cpu := range cpus {
		only.Set(cpu)
	}
	if err := unix.SchedSetaffinity(0, &only); err != nil {
		return fmt.Errorf("pinning to processors %v: %w", cpus, err)
	}
	err := f()
	if back := unix.SchedSetaffinity(0, &before); back != nil {
		err = errors.Join(err, fmt.Errorf("unpinning: %w", back))
	}
	return err
}

// stop ends the process and waits for it.
func (c *child) stop() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait() // killed, as it was told
}

// failed adds what the child said to an error about it.
func (c *child) failed(err error) error {
	if said := c.stderr.String(); said != "" {
		return fmt.Errorf("%w; it said: %s", err, said)
	}
	return err
}

// address waits for the line in which a server tells where it listens.
func (c *child) address() (string, error) {
	line, err := c.out.ReadString('\n')
	if err != nil {
		return "", c.failed(fmt.Errorf("%s ended before it listened", c.cmd.Path))
	}
	_, at, found := strings.Cut(strings.TrimSpace(line), "listening on http")
	_, at, whole := strings.Cut(at, "://")
	if !found || !whole {
		return "", fmt.Errorf("%s prints %q instead of its address", c.cmd.Path, line)
	}
	return at, nil
}

// do sends a generator a command and waits for its answer.
func (c *child) do(cmd load.Command) (load.Answer, error) {
	if err := json.NewEncoder(c.in).Encode(cmd); err != nil {
		return load.Answer{}, c.failed(fmt.Errorf("commanding a generator: %w", err))
	}
	return c.answer()
}

func (c *child) answer() (a load.Answer, err error) {
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		return a, c.failed(fmt.Errorf("a generator ended: %w", err))
	}
	if err := json.Unmarshal(line, &a); err != nil {
		return a, fmt.Errorf("the answer of a generator: %w", err)
	}
	if a.Error != "" {
		return a, errors.New(a.Error)
	}
	return a, nil
}

// memory reads what a process holds, in KiB.
func (c *child) memory() (rss, pss float64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", c.cmd.Process.Pid))
	if err != nil {
		return 0, 0, fmt.Errorf("reading a server's memory: %w", err)
	}
	read := func(name string) float64 {
		_, after, _ := bytes.Cut(text, []byte("\n"+name+":"))
		fields := strings.Fields(string(after))
		if len(fields) == 0 {
			err = fmt.Errorf("a server's memory: no %s in smaps_rollup", name)
			return 0
		}
		v, parse := strconv.ParseFloat(fields[0], 64)
		if parse != nil {
			err = fmt.Errorf("a server's memory: %w", parse)
		}
		return v
	}
	return read("Rss"), read("Pss"), err
}
