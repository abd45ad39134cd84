package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/file"
)

// startTime is how long a child may take to get ready.
const startTime = 30 * time.Second

// A child is another process of this program. It ends when its standard input does: the system sees
// to that even when this process is killed.
type child struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	said  *tail         // on standard error
	ended chan error    // a value when it has failed; closed when it has ended
	gone  chan struct{} // closed likewise

	goroutines atomic.Int64 // that a server told last; 0: none yet
}

// startChild starts a build of throng with arguments, and waits for the first line that it prints;
// program "" is this one. what is what the process is, for messages.
func startChild(ctx context.Context, program, what string, env []string, args ...string) (c *child, first string, err error) {
	if program == "" {
		if program, err = os.Executable(); err != nil {
			return nil, "", fmt.Errorf("start %s: %w", what, err)
		}
	}
	c = &child{cmd: exec.Command(program, args...), said: &tail{}, ended: make(chan error, 1), gone: make(chan struct{})}
	c.cmd.Env = env
	detach(c.cmd)
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		return nil, "", fmt.Errorf("start %s: %w", what, err)
	}
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, "", fmt.Errorf("start %s: %w", what, err)
	}
	c.cmd.Stderr = c.said
	if err := c.cmd.Start(); err != nil {
		return nil, "", fmt.Errorf("start %s: %w", what, err)
	}
	line := make(chan string, 1)
	go func() {
		defer close(c.gone)
		defer close(c.ended)
		lines := bufio.NewReader(stdout)
		text, _ := lines.ReadString('\n')
		line <- strings.TrimSpace(text)
		read := make(chan struct{})
		go func() {
			defer close(read)
			c.listen(lines)
		}()
		if err := c.cmd.Wait(); err != nil { // which ends the reading
			c.ended <- fmt.Errorf("%w%s", err, c.said.quote())
		}
		<-read
	}()
	select {
	case first = <-line:
		if first != "" {
			return c, first, nil
		}
		<-c.gone
		return nil, "", errors.New(cmp.Or(strings.TrimPrefix(c.said.quote(), ": "), what+" ended before it was ready"))
	case <-time.After(startTime):
		err = fmt.Errorf("%s did not get ready in time", what)
	case <-ctx.Done():
		err = ctx.Err()
	}
	now, cancel := context.WithCancel(context.WithoutCancel(ctx))
	cancel()
	_ = c.stop(now)
	return nil, "", err
}

// listen keeps how many goroutines the process last said that it has.
func (c *child) listen(lines *bufio.Reader) {
	for {
		text, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		if n, is := strings.CutPrefix(text, goroutinesWord); is {
			if n, err := strconv.ParseInt(strings.TrimSpace(n), 10, 64); err == nil {
				c.goroutines.Store(n)
			}
		}
	}
}

// stop ends the process: in an orderly way until ctx ends, then at once.
func (c *child) stop(ctx context.Context) error {
	_, _ = io.WriteString(c.stdin, stopWord) // it may be gone
	_ = c.stdin.Close()
	select {
	case <-c.gone:
		return nil
	case <-ctx.Done():
	}
	_ = c.cmd.Process.Kill()
	<-c.gone
	return errors.New("the process did not stop and was killed")
}

// startServer runs the built-in server as a child process: its CPU, memory and garbage collection
// are then separate from the generator's in the system's accounts. program is the build of throng
// that has it; "" is this one. It gets further arguments; tell is its standard input.
func startServer(ctx context.Context, program string, s *file.Server, more ...string) (ep *scenario.Endpoint, tell io.Writer, err error) {
	own := *s
	address, env := withoutUser(s.Adapter)
	if own.Adapter = address; s.GOMAXPROCS > 0 {
		env = append(env, fmt.Sprintf("GOMAXPROCS=%d", s.GOMAXPROCS))
	}
	c, first, err := startChild(ctx, program, "the server", append(os.Environ(), env...), append(serverArguments(&own), more...)...)
	if err != nil {
		return nil, nil, err
	}
	address, ok := strings.CutPrefix(first, "listening on ")
	if !ok {
		_ = c.stop(ctx)
		return nil, nil, fmt.Errorf("the server did not say where it listens, but %q", first)
	}
	path := ""
	if s.App == "engine" {
		path = "/engine.io/"
	}
	return &scenario.Endpoint{URL: address, Path: path, PID: c.cmd.Process.Pid, Goroutines: c.goroutines.Load, Stop: c.stop, Done: c.ended}, c.stdin, nil
}

// withoutUser takes the user and the password of a NATS server that was started for the run out of
// its address, which is among the arguments of a process, and those are shown to everybody on the
// machine. They go into its environment, in the place of what is there for other servers.
func withoutUser(address string) (string, []string) {
	u, err := url.Parse(address)
	if err != nil || u.User == nil {
		return address, nil
	}
	password, _ := u.User.Password()
	env := []string{"NATS_USER=" + u.User.Username(), "NATS_PASSWORD=" + password}
	for _, other := range []string{"NATS_CREDS", "NATS_NKEY", "NATS_TOKEN", "NATS_CA", "NATS_CERT", "NATS_KEY"} {
		env = append(env, other+"=")
	}
	u.User = nil
	return u.String(), env
}

// serverArguments are the command line of the built-in server.
func serverArguments(s *file.Server) []string {
	args := []string{"serve", "--app", cmp.Or(s.App, "bench"), "--parser", cmp.Or(s.Parser, "json"), "--listen", s.Listen, "--fanout", s.Fanout, "--until-stdin-ends"}
	if s.Adapter != "" {
		args = append(args, "--adapter="+s.Adapter)
	}
	if s.WebTransport {
		host, _, _ := net.SplitHostPort(s.Listen) // the file's reader has checked it
		args = append(args, "--webtransport="+net.JoinHostPort(host, "0"), "--webtransport-dev")
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

// endsWith reports whether a word was written last.
func (t *tail) endsWith(word string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.HasSuffix(t.text, []byte(word))
}

// reThrown is what an uncaught exception says in Node.js, above its stack.
var reThrown = regexp.MustCompile(`(?m)^\w*Error\b.*`)

// quote returns the last line, for an error message. Where that is the version of Node.js, which it
// writes below an exception, it returns the exception.
func (t *tail) quote() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := bytes.TrimSpace(t.text)
	thrown := reThrown.FindAll(text, -1)
	if i := bytes.LastIndexByte(text, '\n'); i >= 0 {
		text = text[i+1:]
	}
	if n := len(thrown); n > 0 && bytes.HasPrefix(text, []byte("Node.js v")) {
		text = bytes.TrimSpace(thrown[n-1])
	}
	if len(text) == 0 {
		return ""
	}
	return ": " + strings.TrimPrefix(string(text), "throng: ")
}
