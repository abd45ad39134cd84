package brokers

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/throng-io/throng/bench/internal/program"
)

// Patience is how long anything may take. It is long: the machine may be busy.
const Patience = time.Minute

// Process is a server at a fixed address.
type Process struct {
	Addr string // HOST:PORT
	Dir  string // where it keeps what it keeps

	args  []string
	cmd   *exec.Cmd
	said  *bytes.Buffer
	ended chan struct{}
}

// start runs the process and waits until it listens.
func (p *Process) start() error {
	p.said = &bytes.Buffer{}
	p.cmd = exec.Command(p.args[0], p.args[1:]...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = p.Dir, p.said, p.said
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("%w: is %s installed? make deps installs it", err, p.args[0])
	}
	p.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) {
		_ = cmd.Wait()
		close(ended)
	}(p.cmd, p.ended)
	err := Until(p.args[0]+" listens at "+p.Addr, func() (bool, error) {
		select {
		case <-p.ended:
			return false, fmt.Errorf("%s at %s ended: %s", p.args[0], p.Addr, p.said)
		default:
		}
		if listens, err := p.listens(); !listens || err != nil {
			return false, err
		}
		c, err := net.Dial("tcp", p.Addr)
		if err == nil {
			_ = c.Close()
		}
		return err == nil, nil
	})
	if err != nil {
		p.Kill()
	}
	return err
}

// listens reports whether the process itself listens at its port: who answers there may be another
// program, which found the same port free, while this one is still about to find it taken.
func (p *Process) listens() (bool, error) {
	_, port, err := net.SplitHostPort(p.Addr)
	if err != nil {
		return false, err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return false, err
	}
	own := fmt.Sprintf("/proc/%d/", p.PID())
	// An error means that the process has ended, which the caller notices.
	fds, _ := os.ReadDir(own + "fd")
	sockets := map[string]bool{}
	for _, fd := range fds {
		to, _ := os.Readlink(own + "fd/" + fd.Name())
		sockets[to] = true
	}
	for _, table := range []string{"tcp", "tcp6"} {
		text, _ := os.ReadFile(own + "net/" + table)
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line) // number, local address, remote address, state, ..., inode; 0A is LISTEN
			if len(f) > 9 && f[3] == "0A" && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", number)) && sockets["socket:["+f[9]+"]"] {
				return true, nil
			}
		}
	}
	return false, nil
}

// Until waits until f is true, fails, or Patience has passed.
func Until(what string, f func() (bool, error)) error {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for end := time.After(Patience); ; {
		if ok, err := f(); ok || err != nil {
			return err
		}
		select {
		case <-again.C:
		case <-end:
			return fmt.Errorf("it did not come about that %s", what)
		}
	}
}

// PID is the number of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Signal sends a signal.
func (p *Process) Signal(s syscall.Signal) error { return p.cmd.Process.Signal(s) }

// Kill ends the process at once, and returns when it has ended.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// Terminate asks the process to end, and returns when it has.
func (p *Process) Terminate() error {
	if err := p.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.ended:
		return nil
	case <-time.After(Patience):
		p.Kill()
		return fmt.Errorf("%s did not end and was killed", p.args[0])
	}
}

// Start starts the process again, at its address and with what it has kept.
func (p *Process) Start() error { return p.start() }

// Stop ends the process, and removes what it has kept.
func (p *Process) Stop() error {
	p.Kill()
	return os.RemoveAll(p.Dir)
}

// launch starts a server at a free port of a host. Another program may take the port first: then it
// tries again.
func launch(host string, args func(port int, dir string) ([]string, error)) (p *Process, err error) {
	for range 5 {
		var port int
		if port, err = program.FreePort(host); err != nil {
			return nil, err
		}
		p = &Process{Addr: net.JoinHostPort(host, strconv.Itoa(port))}
		if p.Dir, err = os.MkdirTemp("", "throng-broker-"); err != nil {
			return nil, err
		}
		if p.args, err = args(port, p.Dir); err == nil {
			err = p.start()
		}
		if err == nil {
			return p, nil
		}
		err = errors.Join(err, os.RemoveAll(p.Dir))
	}
	return nil, err
}
