package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/throng-io/throng/bench/brokers"
	"github.com/throng-io/throng/bench/internal/program"
)

// markVariable is in the environment of all processes of a run of chaos: by it those are found
// that nobody has ended.
const markVariable = "THRONG_CHAOS"

// A process is one of the throng program.
type process struct {
	cmd  *exec.Cmd
	said *program.Said
	gone chan struct{} // closed when it has ended
}

// start starts the throng program at a path, and keeps what it says. It ends with this process.
func start(path string, env []string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(path, args...), said: &program.Said{}, gone: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.said, p.said
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(path), err)
	}
	go func() {
		defer close(p.gone)
		_ = p.cmd.Wait() // the exit code tells
	}()
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) signal(s syscall.Signal) error { return p.cmd.Process.Signal(s) }

// ready waits until the process has said something.
func (p *process) ready(what string) error {
	return brokers.Until(fmt.Sprintf("the process says %q", what), func() (bool, error) {
		select {
		case <-p.gone:
			return false, fmt.Errorf("it has ended: %s", p.said)
		default:
			return strings.Contains(p.said.String(), what), nil
		}
	})
}

// stop asks the process to end, and kills it when it does not.
func (p *process) stop() error {
	if err := p.signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.gone:
		return nil
	case <-time.After(brokers.Patience):
		_ = p.signal(syscall.SIGKILL)
		<-p.gone
		return fmt.Errorf("%s did not end and was killed: %s", strings.Join(p.cmd.Args, " "), p.said)
	}
}

// code waits for the end, and returns the exit code, and the longest time for which this
// machine let nothing run. A process that does not end says what its goroutines do.
func (p *process) code(within time.Duration) (code int, stood time.Duration, err error) {
	const tick = 100 * time.Millisecond
	last := time.Now()
	for range int(within / tick) { // time that this process got, on a machine with other work
		select {
		case <-p.gone:
			return p.cmd.ProcessState.ExitCode(), stood, nil
		case <-time.After(tick):
		}
		stood, last = max(stood, time.Since(last)-tick), time.Now()
	}
	_ = p.signal(syscall.SIGQUIT)
	select {
	case <-p.gone:
	case <-time.After(10 * time.Second):
		_ = p.signal(syscall.SIGKILL)
		<-p.gone
	}
	return -1, stood, fmt.Errorf("the run had not ended after %s", within)
}

// descriptors is how many files a process has open, and resident how many bytes of memory.
func descriptors(pid int) (int, error) {
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	return len(files), err
}

func resident(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0, io.ErrUnexpectedEOF
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// marked lists the processes with the mark in their environment, by their command lines.
func marked(mark string) (map[int]string, error) {
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	found := map[int]string{}
	for _, dir := range all {
		env, err := os.ReadFile(filepath.Join(dir, "environ"))
		if err != nil || !slices.Contains(strings.Split(string(env), "\x00"), markVariable+"="+mark) {
			continue // it has ended, or is of somebody else
		}
		line, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || len(line) == 0 { // one that has ended and was not waited for yet has none
			continue
		}
		found[pid] = strings.ReplaceAll(strings.TrimSuffix(string(line), "\x00"), "\x00", " ")
	}
	return found, nil
}

// children lists the processes that a process has started, by their command lines.
func children(mark string, parent int) (map[int]string, error) {
	all, err := marked(mark)
	for pid := range all {
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		_, rest, _ := strings.Cut(string(stat), ") ")
		if of := strings.Fields(rest); len(of) < 2 || of[1] != strconv.Itoa(parent) {
			delete(all, pid)
		}
	}
	return all, err
}
