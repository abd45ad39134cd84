package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/throng-io/throng/scenario"
)

// peerFile is what a folder of bench/peers has when its servers take part.
const peerFile = "league.yaml"

// A peer is a server that takes part. Commands are words, without a shell, and run in its folder;
// ${PORT} is the port of 127.0.0.1 to listen on, ${BUILD} a folder for what is built.
type peer struct {
	Name    string            `yaml:"name"`
	Title   string            `yaml:"title"`
	Needs   string            `yaml:"needs"` // what to do when it does not start
	Build   []string          `yaml:"build"` // nil: nothing is built
	Start   []string          `yaml:"start"` // one process, whose CPU time and memory count
	Version [][]string        `yaml:"version"`
	Engine  int               `yaml:"engine"` // revision of Engine.IO; 0 = 4
	Full    bool              `yaml:"full"`   // is left out of a quick league
	Cannot  map[string]string `yaml:"cannot"` // contests that it does not run, and why

	dir    string
	served bool // it has started once: what it needs is there
}

// ours reports whether it is our server.
func (p *peer) ours() bool { return strings.HasPrefix(p.Name, "throng") }

// readPeers returns all peers below a folder, or those that are named.
func readPeers(dir string, names []string) ([]*peer, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*", peerFile))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("%s has no folder with a %s", dir, peerFile)
	}
	var all []*peer
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var some []*peer
		if err := yaml.UnmarshalWithOptions(text, &some, yaml.Strict()); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, p := range some {
			p.dir = filepath.Dir(file)
			if p.Name == "" || p.Title == "" || len(p.Start) == 0 || len(p.Version) == 0 {
				return nil, fmt.Errorf("%s: a peer needs name, title, start and version", file)
			}
			if slices.ContainsFunc(all, func(o *peer) bool { return o.Name == p.Name }) {
				return nil, fmt.Errorf("%s: the name %s is taken", file, p.Name)
			}
			all = append(all, p)
		}
	}
	if len(names) == 0 {
		return all, nil
	}
	var some []*peer
	for _, name := range names {
		i := slices.IndexFunc(all, func(p *peer) bool { return p.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("no peer %q; there are %s", name, strings.Join(namesOf(all), ", "))
		}
		some = append(some, all[i])
	}
	return some, nil
}

func namesOf(peers []*peer) (names []string) {
	for _, p := range peers {
		names = append(names, p.Name)
	}
	return names
}

// prepare builds a peer and returns its versions.
func (p *peer) prepare(ctx context.Context, build string) (string, error) {
	if p.Build != nil {
		if _, err := p.output(ctx, p.Build, build); err != nil {
			return "", p.hint(err)
		}
	}
	var versions []string
	for _, words := range p.Version {
		said, err := p.output(ctx, words, build)
		if err != nil {
			return "", p.hint(err)
		}
		versions = append(versions, strings.Join(strings.Fields(said), " "))
	}
	return strings.Join(versions, ", "), nil
}

func (p *peer) hint(err error) error {
	if p.Needs == "" {
		return fmt.Errorf("%s: %w", p.Name, err)
	}
	return fmt.Errorf("%s: %w; it needs: %s", p.Name, err, p.Needs)
}

// command is a command of the peer's file.
func (p *peer) command(ctx context.Context, words []string, build string, port int) *exec.Cmd {
	words = slices.Clone(words)
	for i, w := range words {
		words[i] = strings.NewReplacer("${PORT}", strconv.Itoa(port), "${BUILD}", build).Replace(w)
	}
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Dir = p.dir
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second // then it is killed
	return cmd
}

// output is the first line that a command prints.
func (p *peer) output(ctx context.Context, words []string, build string) (string, error) {
	cmd := p.command(ctx, words, build, 0)
	var failed bytes.Buffer
	cmd.Stderr = &failed
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(words, " "), err, lastLine(failed.String()))
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line, nil
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

const startTime = 20 * time.Second

// serve starts the peer and returns when it accepts connections.
func (p *peer) serve(ctx context.Context, build string, port int) (*scenario.Endpoint, error) {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	cmd := p.command(life, p.Start, build, port)
	var failed bytes.Buffer
	cmd.Stderr = &failed
	if err := cmd.Start(); err != nil {
		end()
		return nil, p.hint(err)
	}
	exited, done := make(chan struct{}), make(chan error, 1)
	go func() {
		err := cmd.Wait()
		done <- fmt.Errorf("%s has ended: %w: %s", p.Name, unexpected(err), lastLine(failed.String()))
		close(done)
		close(exited)
	}()
	stop := func(context.Context) error {
		end()
		<-exited
		return nil
	}
	address := "127.0.0.1:" + strconv.Itoa(port)
	for began := time.Now(); ; {
		c, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", address)
		if err == nil {
			_ = c.Close()
			p.served = true
			return &scenario.Endpoint{URL: "http://" + address, PID: cmd.Process.Pid, Stop: stop, Done: done}, nil
		}
		select {
		case err := <-done:
			end()
			return nil, p.hint(err)
		case <-time.After(10 * time.Millisecond):
		}
		if ctx.Err() != nil || time.Since(began) > startTime {
			_ = stop(ctx)
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			return nil, p.hint(fmt.Errorf("it does not listen on port %d after %v", port, startTime))
		}
	}
}

// unexpected is the error of a process that should not have ended.
func unexpected(err error) error {
	if err == nil {
		return errors.New("without an error")
	}
	return err
}
