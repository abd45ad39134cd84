package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/throng-io/throng/bench/brokers"
	"github.com/throng-io/throng/bench/internal/program"
)

// member is a server of the cluster under test: a process of this program.
type member struct {
	spec  nodeSpec
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   chan answer
	ended chan struct{}
	log   *program.Said

	asking sync.Mutex
	gone   bool // it was killed on purpose
}

// startMember starts a server, in a namespace of the network if that is named, and waits until it
// hears the others.
func startMember(spec nodeSpec, namespace string) (*member, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	args := []string{self, nodeRole.Name, string(text)}
	if namespace != "" {
		args = append([]string{"ip", "netns", "exec", namespace}, args...)
	}
	m := &member{spec: spec, out: make(chan answer), ended: make(chan struct{}), log: &program.Said{}}
	m.cmd = exec.Command(args[0], args[1:]...)
	m.cmd.Stderr = m.log
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if m.in, err = m.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := m.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := m.cmd.Start(); err != nil {
		return nil, err
	}
	go m.listen(out)
	if _, err := m.answer(); err != nil {
		m.kill()
		return nil, fmt.Errorf("server %d did not start: %w", spec.Number, err)
	}
	return m, nil
}

func (m *member) listen(out io.Reader) {
	defer close(m.ended)
	defer close(m.out)
	lines := json.NewDecoder(bufio.NewReader(out))
	for {
		var a answer
		if lines.Decode(&a) != nil {
			_ = m.cmd.Wait()
			return
		}
		m.out <- a
	}
}

func (m *member) answer() (answer, error) {
	select {
	case a, ok := <-m.out:
		if !ok {
			return a, fmt.Errorf("the process ended: %s", m.log)
		}
		return a, nil
	case <-time.After(brokers.Patience):
		return answer{}, errors.New("it does not answer")
	}
}

// ask gives an order, and returns the answer.
func (m *member) ask(o order) (answer, error) {
	m.asking.Lock()
	defer m.asking.Unlock()
	b, err := json.Marshal(o)
	if err != nil {
		return answer{}, err
	}
	if _, err := m.in.Write(append(b, '\n')); err != nil {
		return answer{}, fmt.Errorf("server %d: %w: %s", m.spec.Number, err, m.log)
	}
	a, err := m.answer()
	if err != nil {
		err = fmt.Errorf("server %d: %s: %w", m.spec.Number, o.Do, err)
	}
	return a, err
}

func (m *member) state() (*state, error) {
	a, err := m.ask(order{Do: "state"})
	return a.State, err
}

func (m *member) signal(s syscall.Signal) error { return m.cmd.Process.Signal(s) }

// kill ends the process at once.
func (m *member) kill() {
	m.gone = true
	_ = m.cmd.Process.Kill()
	for range m.out { // what it had said
	}
	<-m.ended
}

// stop ends the process in order.
func (m *member) stop() error {
	if m.gone {
		return nil
	}
	_ = m.in.Close()
	select {
	case <-m.ended:
		if code := m.cmd.ProcessState.ExitCode(); code != 0 {
			return fmt.Errorf("server %d ended with code %d: %s", m.spec.Number, code, m.log)
		}
		return nil
	case <-time.After(brokers.Patience):
		m.kill()
		return fmt.Errorf("server %d did not end and was killed", m.spec.Number)
	}
}
