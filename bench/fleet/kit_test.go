//go:build fleet

package fleet

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/throng-io/throng/bench/internal/program"
	"github.com/throng-io/throng/scenario/result"
)

// throng is the binary under test.
var throng string

func TestMain(m *testing.M) { os.Exit(build(m)) }

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "throng")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if throng, err = program.Build(context.Background(), dir, "cmd/throng"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// wait bounds what must happen.
const wait = time.Minute

// A process is one of the program under test.
type process struct {
	*exec.Cmd
	lines chan string   // of standard output
	gone  chan struct{} // closed when it has ended
	errs  *program.Said
	cache string // where an agent keeps what it measures
}

// start starts a command, the program under test unless before names another one that runs it. It
// is killed at the end of the test.
func start(t *testing.T, before []string, args ...string) *process {
	t.Helper()
	words := append(append(append([]string(nil), before...), throng), args...)
	p := &process{Cmd: exec.Command(words[0], words[1:]...), lines: make(chan string, 10_000), gone: make(chan struct{}), errs: &program.Said{}, cache: t.TempDir()}
	p.Stderr = p.errs
	p.Env = append(os.Environ(), "NATS_URL=", "XDG_CACHE_HOME="+p.cache)
	p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	stdout, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.gone)
		in := bufio.NewScanner(stdout)
		for in.Scan() {
			select {
			case p.lines <- in.Text():
			default:
			}
		}
		_ = p.Wait()
	}()
	t.Cleanup(func() {
		p.signal(syscall.SIGKILL)
		<-p.gone
		if t.Failed() {
			t.Logf("%s: %s", strings.Join(args, " "), p.errs)
		}
	})
	return p
}

// signal reaches the process and what it has started.
func (p *process) signal(s syscall.Signal) { _ = syscall.Kill(-p.Process.Pid, s) }

// code waits for the end.
func (p *process) code(t *testing.T) int {
	t.Helper()
	select {
	case <-p.gone:
		return p.ProcessState.ExitCode()
	case <-time.After(3 * wait):
		t.Fatalf("it does not end: %s", p.errs)
		return 0
	}
}

// agent starts an agent and waits until it is ready.
func agent(t *testing.T, before []string, url, name string) *process {
	t.Helper()
	p := start(t, before, "agent", "--nats", url, "--name", name)
	select {
	case line := <-p.lines:
		if line != "the agent "+name+" is ready" {
			t.Fatalf("the agent says %q", line)
		}
	case <-p.gone:
		t.Fatalf("the agent has ended: %s", p.errs)
	case <-time.After(wait):
		t.Fatal("the agent is not ready")
	}
	return p
}

// broker starts a NATS server on an address, and returns its URL and what ends it.
func broker(t *testing.T, host string, port int) (url string, stop func()) {
	t.Helper()
	s, err := natsserver.NewServer(&natsserver.Options{Host: host, Port: port, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	if !s.ReadyForConnections(wait) {
		t.Fatal("NATS does not listen")
	}
	stop = sync.OnceFunc(func() { s.Shutdown(); s.WaitForShutdown() })
	t.Cleanup(stop)
	return s.ClientURL(), stop
}

// A load is a scenario, and where its results are.
type load struct{ file, out string }

// write puts a scenario into a file.
func write(t *testing.T, text string) load {
	t.Helper()
	dir := t.TempDir()
	l := load{filepath.Join(dir, "load.yaml"), filepath.Join(dir, "out")}
	if err := os.WriteFile(l.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return l
}

// run starts the run of a load.
func (l load) run(t *testing.T, args ...string) *process {
	t.Helper()
	return start(t, nil, append([]string{"run", l.file, "--out", l.out, "--force", "--quiet"}, args...)...)
}

// result reads what a run has left.
func (l load) result(t *testing.T) *result.Cell {
	t.Helper()
	r, err := result.Read(l.out)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Cells) != 1 {
		t.Fatalf("%d cells", len(r.Cells))
	}
	return &r.Cells[0]
}

// until waits for a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatalf("this does not come: %s", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// begun waits until the agents of a run have clients: it listens to what they say.
func begun(t *testing.T, agents ...*process) {
	t.Helper()
	for _, a := range agents {
		until(t, "a run takes the agent", func() bool { return strings.Contains(a.errs.String(), "takes part in the run") })
	}
}
