package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/throng-io/throng/bench/fanout/internal/load"
	"github.com/throng-io/throng/bench/internal/certificate"
	"github.com/throng-io/throng/bench/internal/program"
	"github.com/throng-io/throng/bench/internal/softirqd"
)

// bench is what all cases share: built servers, chosen processors, and what has to be cleaned up.
type bench struct {
	opts         *options
	root, dir    string // of the project; of what was built
	throng       string // the build to measure
	floor        string // "": it is not measured
	header       header
	serverCPU    int
	generatorCPU int
	softirqd     int // the kernel's thread of the servers' processor, 0 if it is not to be seen
	self         string
	log          io.Writer
	cert, key    string // files of the servers with TLS
}

// prepare makes ready what the cases need.
func prepare(ctx context.Context, o *options, root string, chosen []benchCase, log io.Writer) (*bench, error) {
	b := &bench{opts: o, root: root, log: log}
	var err error
	if b.serverCPU, b.generatorCPU, err = processors(o); err != nil {
		return nil, err
	}
	if b.softirqd, err = softirqd.Find(b.serverCPU); err != nil {
		_, _ = fmt.Fprintln(log, "without the time of ksoftirqd:", err)
	}
	if b.self, err = os.Executable(); err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	if b.dir, err = os.MkdirTemp("", "fanout"); err != nil {
		return nil, fmt.Errorf("making a folder: %w", err)
	}
	if b.cert, b.key, err = certificate.Write(b.dir); err == nil {
		err = b.build(ctx, chosen)
	}
	if err != nil {
		b.close()
		return nil, err
	}
	b.header = describe(ctx, b.root)
	return b, nil
}

func (b *bench) close() { _ = os.RemoveAll(b.dir) }

// allowedCPUs are the processors that this process may run on.
func allowedCPUs() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("reading the affinity: %w", err)
	}
	var allowed []int
	for i := range 1024 {
		if set.IsSet(i) {
			allowed = append(allowed, i)
		}
	}
	return allowed, nil
}

// processors picks the first two that this process may run on.
func processors(o *options) (server, generator int, err error) {
	allowed, err := allowedCPUs()
	if err != nil {
		return 0, 0, err
	}
	if len(allowed) < 2 {
		return 0, 0, errors.New("two processors are needed: one for the server, one for the generator")
	}
	server, generator = allowed[0], allowed[1]
	if o.serverCPU >= 0 {
		server = o.serverCPU
	}
	if o.generatorCPU >= 0 {
		generator = o.generatorCPU
	}
	if server == generator {
		return 0, 0, fmt.Errorf("server and generator would share processor %d; choose with --server-cpu and --generator-cpu", server)
	}
	return server, generator, nil
}

// build makes the servers that the cases measure.
func (b *bench) build(ctx context.Context, chosen []benchCase) (err error) {
	measured := map[string]bool{}
	for _, c := range chosen {
		for _, e := range b.field(c) {
			measured[e.server] = true
		}
	}
	if b.throng = b.opts.throng; b.throng == "" && measured["throng"] {
		if b.throng, err = program.Build(ctx, b.dir, "cmd/throng"); err != nil {
			return err
		}
	}
	if measured["floor"] {
		if b.floor, err = program.Build(ctx, b.dir, "bench/floor"); err != nil {
			return err
		}
	}
	peer := filepath.Join(b.root, "bench", "peers", "node")
	if _, err := os.Stat(filepath.Join(peer, "node_modules", "socket.io")); err != nil && measured["node"] {
		_, _ = fmt.Fprintln(b.log, "npm ci in bench/peers/node")
		if _, err := output(ctx, peer, "npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"); err != nil {
			return err
		}
		lock, err := os.ReadFile(filepath.Join(peer, "package-lock.json"))
		if err == nil {
			err = os.WriteFile(filepath.Join(peer, "node_modules", ".installed"), lock, 0o644)
		}
		if err != nil {
			return fmt.Errorf("noting what is installed: %w", err)
		}
	}
	return nil
}

// wants tells whether a server is among the chosen ones.
func (b *bench) wants(server string) bool {
	return len(b.opts.servers) == 0 || slices.Contains(b.opts.servers, server)
}

func output(ctx context.Context, dir string, command ...string) (string, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	var stderr bytes.Buffer
	cmd.Dir, cmd.Stderr = dir, &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(command, " "), err, stderr.Bytes())
	}
	return strings.TrimSpace(string(out)), nil
}

// command is how a server is started.
func (b *bench) command(e entry) []string {
	switch e.server {
	case "node":
		return []string{"node", filepath.Join(b.root, "bench", "peers", "node", "server.js"), "--app", "bench", "--port", "0"}
	case "floor":
		return []string{b.floor}
	case "flask", "aiohttp":
		return []string{"/usr/bin/python3", filepath.Join(b.root, "bench", "peers", "python", "server.py"), "--with", e.server}
	}
	args := []string{b.throng, "serve", "--app", "bench", "--listen", "127.0.0.1:0"}
	if e.server == "before" {
		args = append(args, b.opts.beforeFlags...)
		if b.opts.before != "" {
			args[0] = b.opts.before
		}
	}
	if e.strategy != "" {
		args = append(args, "--fanout", e.strategy)
	}
	return args
}

// A subject is a running server with its clients.
type subject struct {
	entry
	bench  *bench
	server *child
	at     string   // where it listens
	gens   []*child // the first one sends
	opened *load.Result
	cluster
}

// open starts a server and connects its clients.
func (b *bench) open(ctx context.Context, e entry) (*subject, error) {
	s := &subject{entry: e, bench: b}
	if err := b.opening(ctx, s); err != nil {
		s.close()
		return nil, fmt.Errorf("%s: %w", e.label(), err)
	}
	return s, nil
}

func (b *bench) opening(ctx context.Context, s *subject) (err error) {
	if err := b.broker(ctx, s); err != nil {
		return err
	}
	command := append(b.command(s.entry), s.flags...)
	if s.tls {
		command = append(command, "--tls-cert", b.cert, "--tls-key", b.key)
	}
	if s.server, err = b.serve(ctx, s.procs, command); err != nil {
		return err
	}
	if s.at, err = s.server.address(); err != nil {
		if slices.Contains(python(), s.entry.server) {
			err = fmt.Errorf("%w\ninstall what it needs: apt-get install python3-flask-socketio python3-eventlet python3-socketio python3-aiohttp", err)
		}
		return err
	}
	if s.generator != "" {
		return nil
	}
	servers, pids, err := b.others(ctx, s, command)
	if err != nil {
		return err
	}
	var ends []*os.File
	if s.generators == 2 {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("making a pair of sockets: %w", err)
		}
		ends = []*os.File{os.NewFile(uintptr(pair[0]), "peer"), os.NewFile(uintptr(pair[1]), "peer")}
		defer func() { _, _ = ends[0].Close(), ends[1].Close() }()
	}
	// The one that sends connects last: its first broadcast finds everybody there.
	for i := s.generators - 1; i >= 0; i-- {
		cfg := load.Config{
			Servers: servers, PIDs: pids, Softirqd: b.softirqd, Clients: s.clients / s.generators,
			Rooms: s.rooms, Stalled: s.stalled, Polling: s.polling, TLS: s.tls, Limit: 3 * time.Minute, Follow: i > 0,
		}
		var files []*os.File
		if ends != nil {
			cfg.Peer, files = 3, ends[i:i+1]
		}
		g, err := start(ctx, b.generatorCPU, files, b.self, generatorRole.Name)
		if err != nil {
			return err
		}
		s.gens = append([]*child{g}, s.gens...)
		a, err := g.do(load.Command{Do: "open", Config: &cfg})
		if err != nil {
			return s.server.failed(err)
		}
		s.opened = a.Result
	}
	return nil
}

// do has the sending generator measure, and the other one check that it has got as much.
func (s *subject) do(cmd load.Command) (*load.Result, error) {
	a, err := s.gens[0].do(cmd)
	if err != nil {
		return nil, s.server.failed(err)
	}
	if len(s.gens) == 1 {
		return a.Result, nil
	}
	if _, err := s.gens[1].do(load.Command{Do: "audit", N: int(a.Sent)}); err != nil {
		return nil, s.server.failed(err)
	}
	a.Result.Deliveries = a.Result.Broadcasts * uint64(s.clients)
	return a.Result, nil
}

func (s *subject) close() {
	for _, g := range s.gens {
		g.stop()
	}
	if s.server != nil {
		s.server.stop()
	}
	s.cluster.close()
}

// describe tells what the figures were measured on.
func describe(ctx context.Context, root string) header {
	h := header{Go: runtime.Version(), Processors: runtime.NumCPU(), Time: time.Now().UTC().Format(time.RFC3339)}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		h.Kernel = unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:]) + " " + unix.ByteSliceToString(u.Machine[:])
	}
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		_, model, _ := strings.Cut(string(info), "model name")
		_, model, _ = strings.Cut(model, ":")
		model, _, _ = strings.Cut(model, "\n")
		h.Machine = strings.TrimSpace(model)
	}
	h.Load = program.LoadAverage()
	h.Node, _ = output(ctx, "", "node", "--version")
	h.Commit, _ = output(ctx, root, "git", "rev-parse", "--short=12", "HEAD")
	if changed, err := output(ctx, root, "git", "status", "--porcelain", "--untracked-files=no", "--", "server", "protocol", "cmd", "bench"); err == nil && changed != "" {
		h.Commit += " with changes"
	}
	return h
}
