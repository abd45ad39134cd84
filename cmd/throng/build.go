package main

import (
	"bufio"
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/pairs"
)

// A liveBuild is one side of a live comparison: a server that runs already, a command that starts
// one for each trial, or a build of throng whose built-in server is started.
type liveBuild struct {
	text    string // as the user wrote it
	address string // of the server; "" for a build of throng
	command string // "": it runs already
	program string // build of throng
	port    int    // that the command is to listen on
}

// parseBuild tells what a side is.
func parseBuild(text string) (liveBuild, error) {
	b := liveBuild{text: text}
	_, unix := client.SocketPath(text)
	switch {
	case unix || strings.Contains(text, "://"):
		b.address = text
		return b, nil
	case isThrong(text):
		var err error
		b.program, err = filepath.Abs(text)
		return b, err
	}
	if path, err := exec.LookPath(text); err == nil && isThrong(path) { // installed
		b.program = path
		return b, nil
	}
	words := strings.Fields(text)
	if len(words) == 0 {
		return b, errors.New("a side of the comparison is empty; write the URL of a server, a command that starts one on $PORT, or the path of a build of throng")
	}
	// What needs a shell to read is left to it.
	if _, err := exec.LookPath(words[0]); err != nil && !strings.ContainsAny(words[0], "'\"\\$`=") {
		return b, fmt.Errorf("%q is neither the URL of a server nor a command (%w); write http://HOST:PORT, or a command that starts a server on $PORT", text, err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return b, fmt.Errorf("find a port for %q: %w", text, err)
	}
	b.port = ln.Addr().(*net.TCPAddr).Port
	b.command, b.address = text, "http://127.0.0.1:"+strconv.Itoa(b.port)
	return b, ln.Close()
}

// isThrong reports whether a file is a build of this program, by what the Go tool wrote into it: to
// execute a program that may be another would be no way to find out.
func isThrong(path string) bool {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return false
	}
	own, err := os.Executable()
	if err == nil {
		if mine, err := buildinfo.ReadFile(own); err == nil {
			return info.Main.Path == mine.Main.Path && strings.TrimSuffix(info.Path, ".test") == strings.TrimSuffix(mine.Path, ".test")
		}
	}
	return false
}

// side is the build with the scenario, which load reads with what else is set.
func (b liveBuild) side(load func(set map[string]string) (*file.File, error)) (pairs.Side, error) {
	side := pairs.Side{Text: b.text}
	set := map[string]string{}
	var err error
	if b.address != "" {
		err = putTarget("the server", b.address, set)
	}
	if err == nil {
		side.File, err = load(set)
	}
	if err != nil {
		return side, err
	}
	switch {
	case b.program != "":
		if side.File.Spec.Target != nil {
			return side, fmt.Errorf("%s: a build of throng is started as the built-in server, and the scenario has a target of its own; remove target: from the scenario", b.text)
		}
		side.Start = func(ctx context.Context, s *file.Server) (*scenario.Endpoint, error) {
			return startNodesOf(ctx, b.program, s)
		}
	case b.command != "":
		side.Serve = b.serve
	default:
		if pid := listener(b.address); pid > 0 {
			side.Serve = func(context.Context) (*scenario.Endpoint, error) { return &scenario.Endpoint{PID: pid}, nil }
		}
	}
	return side, nil
}

// serve starts the command, and returns when it accepts connections on its port. The command is one
// program in the words of a shell, of which $PORT is one: its CPU and memory are those of that one
// process.
func (b liveBuild) serve(ctx context.Context) (*scenario.Endpoint, error) {
	if err := b.free(ctx); err != nil {
		return nil, err
	}
	cmd := exec.Command("sh", "-c", "exec "+b.command)
	cmd.Env = append(os.Environ(), "PORT="+strconv.Itoa(b.port))
	detach(cmd)
	said := &tail{}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %q: %w", b.text, err)
	}
	ended, exited := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(exited)
		err := cmd.Wait()
		if err == nil {
			err = errors.New("it ended")
		}
		ended <- fmt.Errorf("%q: %w%s", b.text, err, said.quote())
		close(ended)
	}()
	stop := func(ctx context.Context) error { return stopGroup(ctx, cmd, exited) }
	failed := func(err error) (*scenario.Endpoint, error) {
		now, cancel := context.WithCancel(context.WithoutCancel(ctx))
		cancel()
		_ = stop(now) // the error before it is the one to report
		return nil, err
	}
	ready, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for {
		var d net.Dialer
		c, err := d.DialContext(ready, "tcp", "127.0.0.1:"+strconv.Itoa(b.port))
		if err == nil {
			_ = c.Close()
			if err := b.own(cmd.Process.Pid); err != nil {
				return failed(err)
			}
			return &scenario.Endpoint{PID: cmd.Process.Pid, Stop: stop, Done: ended}, nil
		}
		select {
		case err := <-ended:
			return nil, fmt.Errorf("%w; it must listen on $PORT, here %d%s", err, b.port, b.portHint())
		case <-ready.Done():
			if ctx.Err() != nil {
				return failed(ctx.Err())
			}
			return failed(fmt.Errorf("%q does not listen on $PORT, here %d, after %v%s%s", b.text, b.port, startTime, said.quote(), b.portHint()))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// portHint says how a server that does not read $PORT gets its port.
func (b liveBuild) portHint() string {
	if strings.Contains(b.command, "$PORT") || strings.Contains(b.command, "${PORT}") {
		return ""
	}
	return "; where the server does not read $PORT, pass it on as an argument, in single quotes: 'node server.js --port $PORT'"
}

// leftTime is how long a port may be taken by what the trial before has started.
const leftTime = 2 * time.Second

// free waits until nothing accepts connections on the port of the command: a server that is left
// there would be measured in its place.
func (b liveBuild) free(ctx context.Context) error {
	for patience := time.Now().Add(leftTime); ; {
		var d net.Dialer
		c, err := d.DialContext(ctx, "tcp", "127.0.0.1:"+strconv.Itoa(b.port))
		if err != nil {
			return ctx.Err()
		}
		_ = c.Close()
		if time.Now().After(patience) {
			return fmt.Errorf("%q: another server accepts connections on $PORT, here %d%s; if the trial before has left it, make the command one that ends with all it has started",
				b.text, b.port, processes(listeners(b.address)))
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// own returns an error when other processes listen on the command's port, and none of its own does.
func (b liveBuild) own(leader int) error {
	pids := listeners(b.address)
	if len(pids) == 0 || slices.ContainsFunc(pids, func(pid int) bool { return inGroup(pid, leader) }) {
		return nil // nobody but Linux tells whose a port is
	}
	return fmt.Errorf("%q: what listens on $PORT, here %d%s, is not of the process group of the command, so it would not end with its trial; start the server itself",
		b.text, b.port, processes(pids))
}

// processes names processes where they are known.
func processes(pids []int) string {
	if len(pids) == 0 {
		return ""
	}
	return fmt.Sprintf(" (process %d)", pids[0])
}

// listener is the first of listeners; 0: it is not known.
func listener(address string) int {
	if pids := listeners(address); len(pids) > 0 {
		return pids[0]
	}
	return 0
}

// listeners are the processes of this machine that listen on the port of a loopback address, as far
// as it is known.
func listeners(address string) (pids []int) {
	u, err := url.Parse(address)
	if err != nil {
		return nil
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		return nil
	}
	inodes := map[string]bool{}
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		// proc(5): fields of a line are number, local address, remote address, state, ..., inode.
		for lines := bufio.NewScanner(f); lines.Scan(); {
			w := strings.Fields(lines.Text())
			if len(w) > 9 && w[3] == "0A" && strings.HasSuffix(w[1], fmt.Sprintf(":%04X", port)) {
				inodes["socket:["+w[9]+"]"] = true
			}
		}
		_ = f.Close()
	}
	if len(inodes) == 0 {
		return nil
	}
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && inodes[to] {
			if pid, err := strconv.Atoi(strings.Split(link, "/")[2]); err == nil && !slices.Contains(pids, pid) {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}
