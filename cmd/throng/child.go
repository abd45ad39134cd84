package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/file"
)

// startTime is how long the built-in server may take to listen.
const startTime = 30 * time.Second

// startServer runs the built-in server as a child process: its CPU, memory and garbage collection
// are then separate from the generator's in the system's accounts. It gets further arguments; tell
// is its standard input.
func startServer(ctx context.Context, s *file.Server, more ...string) (ep *scenario.Endpoint, tell io.Writer, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, fmt.Errorf("start the server: %w", err)
	}
	cmd := exec.Command(self, append(serverArguments(s), more...)...)
	cmd.Env = os.Environ()
	if s.GOMAXPROCS > 0 {
		cmd.Env = append(cmd.Env, fmt.Sprintf("GOMAXPROCS=%d", s.GOMAXPROCS))
	}
	detach(cmd)
	// The server stops when its standard input ends. The system sees to that
	// even when this process is killed.
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, fmt.Errorf("start the server: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, fmt.Errorf("start the server: %w", err)
	}
	said := &tail{}
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		return nil, nil, fmt.Errorf("start the server: %w", err)
	}
	line := make(chan string, 1)
	ended := make(chan error, 1)
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		first, _ := bufio.NewReader(stdout).ReadString('\n')
		line <- first
		if err := cmd.Wait(); err != nil {
			ended <- fmt.Errorf("%w%s", err, said.quote())
		}
		close(ended)
	}()
	stop := func(ctx context.Context) error {
		_ = stdin.Close()
		select {
		case <-exited:
			return nil
		case <-ctx.Done():
		}
		_ = cmd.Process.Kill()
		<-exited
		return errors.New("the process did not stop and was killed")
	}
	select {
	case first := <-line:
		if address, ok := strings.CutPrefix(strings.TrimSpace(first), "listening on "); ok {
			path := ""
			if s.App == "engine" {
				path = "/engine.io/"
			}
			return &scenario.Endpoint{URL: address, Path: path, PID: cmd.Process.Pid, Stop: stop, Done: ended}, stdin, nil
		}
		<-exited
		return nil, nil, errors.New(cmp.Or(strings.TrimPrefix(said.quote(), ": "), "the process ended before it listened"))
	case <-time.After(startTime):
		err = errors.New("the process did not listen in time")
	case <-ctx.Done():
		err = ctx.Err()
	}
	now, cancel := context.WithCancel(context.WithoutCancel(ctx))
	cancel()
	_ = stop(now)
	return nil, nil, err
}

// serverArguments are the command line of the built-in server.
func serverArguments(s *file.Server) []string {
	args := []string{"serve", "--app", cmp.Or(s.App, "bench"), "--parser", cmp.Or(s.Parser, "json"), "--listen", s.Listen, "--fanout", s.Fanout, "--until-stdin-ends"}
	if s.Adapter != "" {
		args = append(args, "--adapter="+s.Adapter)
	}
	for _, o := range s.Options {
		args = append(args, "--"+o.Flag+"="+o.Value)
	}
	return args
}

// tail keeps the last bytes written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailLength = 2000

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if cut := len(t.text) - tailLength; cut > 0 {
		t.text = append(t.text[:0], t.text[cut:]...)
	}
	return len(b), nil
}

// quote returns the last line, for an error message.
func (t *tail) quote() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := bytes.TrimSpace(t.text)
	if i := bytes.LastIndexByte(text, '\n'); i >= 0 {
		text = text[i+1:]
	}
	if len(text) == 0 {
		return ""
	}
	return ": " + strings.TrimPrefix(string(text), "throng: ")
}
