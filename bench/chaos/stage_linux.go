package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/throng-io/throng/bench/brokers"
	"github.com/throng-io/throng/bench/internal/program"
)

// A stage is what a workload needs beside its clients: servers, agents and a broker. It stays
// up for all cells of the workload, so that what leaks in one is seen in those after it.
type stage struct {
	load    *workload
	program string // the throng program
	dir     string
	mark    string

	mu      sync.Mutex
	servers []*server
	agents  []*process
	broker  *brokers.Process // nil: none is needed
}

// A server is `throng serve` at fixed addresses.
type server struct {
	*process
	url, metrics string
	args         []string
}

func newStage(w *workload, program, dir, mark string) (s *stage, err error) {
	s = &stage{load: w, program: program, dir: dir, mark: mark}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if w.nodes > 1 || w.agents > 0 {
		if s.broker, err = brokers.NATS("127.0.0.1"); err != nil {
			return s, err
		}
	}
	for range w.nodes {
		v, err := s.newServer()
		if err != nil {
			return s, err
		}
		s.servers = append(s.servers, v)
	}
	for i := range w.agents {
		p, err := s.startAgent(i)
		if err != nil {
			return s, err
		}
		s.agents = append(s.agents, p)
	}
	return s, nil
}

func (s *stage) newServer() (*server, error) {
	var at [2]string
	for i := range at {
		port, err := program.FreePort("127.0.0.1")
		if err != nil {
			return nil, err
		}
		at[i] = "127.0.0.1:" + strconv.Itoa(port)
	}
	v := &server{url: "http://" + at[0], metrics: "http://" + at[1] + "/metrics"}
	v.args = append([]string{"serve", "--listen", at[0], "--metrics", at[1]}, heartbeat...)
	if s.load.resume != "" {
		v.args = append(v.args, "--recovery", s.load.resume)
	}
	if s.load.nodes > 1 {
		v.args = append(v.args, "--adapter", "nats://"+s.broker.Addr)
	}
	return v, s.startServer(v)
}

func (s *stage) startServer(v *server) (err error) {
	p, err := start(s.program, nil, v.args...)
	if err != nil {
		return err
	}
	s.mu.Lock()
	v.process = p
	s.mu.Unlock()
	return p.ready("listening on ")
}

func (s *stage) startAgent(i int) (*process, error) {
	name := "agent-" + strconv.Itoa(i)
	p, err := start(s.program, []string{"NATS_URL=", "XDG_CACHE_HOME=" + filepath.Join(s.dir, name)}, "agent", "--nats", "nats://"+s.broker.Addr, "--name", name)
	if err != nil {
		return nil, err
	}
	return p, p.ready("is ready")
}

func (s *stage) close() error {
	var errs []error
	for _, v := range s.servers {
		errs = append(errs, v.stop())
	}
	for _, p := range s.agents {
		errs = append(errs, p.stop())
	}
	if s.broker != nil {
		errs = append(errs, s.broker.Stop())
	}
	return errors.Join(errs...)
}

// Faults of one process happen to the last one of its kind.

func (s *stage) lastServer() *server { return s.servers[len(s.servers)-1] }

// act fills in the numbers of processes.
func (s *stage) act(f *fault) string {
	fill := []string{"{server}", strconv.Itoa(s.lastServer().pid())}
	if len(s.agents) > 0 {
		fill = append(fill, "{agent}", strconv.Itoa(s.agents[len(s.agents)-1].pid()))
	}
	if s.broker != nil {
		fill = append(fill, "{broker}", strconv.Itoa(s.broker.PID()))
	}
	return strings.NewReplacer(fill...).Replace(f.act)
}

// again waits until the process that a fault kills has ended, and starts it once more. done
// ends the waiting: the fault may not have happened.
func (s *stage) again(f *fault, done <-chan struct{}) error {
	var over func() bool
	ended := func(p *process) func() bool {
		return func() bool {
			select {
			case <-p.gone:
				return true
			default:
				return false
			}
		}
	}
	var restart func() error
	switch f.kills {
	case "server":
		over, restart = ended(s.lastServer().process), func() error { return s.startServer(s.lastServer()) }
	case "agent":
		i := len(s.agents) - 1
		over, restart = ended(s.agents[i]), func() (err error) {
			s.agents[i], err = s.startAgent(i)
			return err
		}
	case "broker":
		pid := s.broker.PID()
		over, restart = func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }, s.broker.Start
	default:
		return nil
	}
	for !over() {
		select {
		case <-done:
			if over() {
				return restart()
			}
			return fmt.Errorf("the %s was not killed", f.kills)
		case <-time.After(10 * time.Millisecond):
		}
	}
	<-time.After(gone)
	return restart()
}

// wake lets an agent go on that stands still.
func (s *stage) wake() error { return s.agents[len(s.agents)-1].signal(syscall.SIGCONT) }

// crash kills a server that a run has started itself, while it is under load.
func (s *stage) crash(run *process, afterwards time.Duration) error {
	victim := 0
	err := brokers.Until("the run has started its servers", func() (bool, error) {
		all, err := children(s.mark, run.pid())
		servers := 0
		for pid, line := range all {
			if strings.Contains(line, " serve ") {
				servers++
				victim = max(victim, pid)
			}
		}
		select {
		case <-run.gone:
			return false, fmt.Errorf("the run has ended: %s", run.said)
		default:
			return servers == s.load.nodes, err
		}
	})
	if err != nil {
		return err
	}
	select {
	case <-time.After(afterwards):
	case <-run.gone:
	}
	return syscall.Kill(victim, syscall.SIGKILL)
}

// free waits until all agents wait for a run again.
func (s *stage) free() error {
	if len(s.agents) == 0 {
		return nil
	}
	return brokers.Until("all agents are free", func() (bool, error) {
		cmd := exec.Command(s.program, "fleet", "--json", "--nats", "nats://"+s.broker.Addr)
		text, err := cmd.Output()
		if err != nil {
			return false, fmt.Errorf("throng fleet: %w", err)
		}
		var all []struct{ State string }
		if err := json.Unmarshal(text, &all); err != nil {
			return false, fmt.Errorf("throng fleet: %w", err)
		}
		n := 0
		for _, a := range all {
			if a.State == "free" {
				n++
			}
		}
		return n == len(s.agents), nil
	})
}

// strays lists processes that should have ended: those with the mark that are not of the stage.
func (s *stage) strays() ([]string, error) {
	own := map[int]bool{os.Getpid(): true}
	for _, v := range s.servers {
		own[v.pid()] = true
	}
	for _, p := range s.agents {
		own[p.pid()] = true
	}
	if s.broker != nil {
		own[s.broker.PID()] = true
	}
	found, err := marked(s.mark)
	var lines []string
	for pid, line := range found {
		if !own[pid] {
			lines = append(lines, line)
		}
	}
	return lines, err
}

var scraper = http.Client{Timeout: 20 * time.Second}
