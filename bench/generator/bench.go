package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/throng-io/throng/bench/internal/program"
	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/machine"
	"github.com/throng-io/throng/scenario/result"
)

// bench is what the measurements share: the built binary, a folder, and the server.
type bench struct {
	self, binary, dir string
	runner            string // the binary that runs the scenarios
	server            *exec.Cmd
	stdin             io.Closer
	url               string
}

func prepare(ctx context.Context) (b *bench, err error) {
	b = &bench{}
	if b.self, err = os.Executable(); err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	if b.dir, err = os.MkdirTemp("", "generator"); err != nil {
		return nil, fmt.Errorf("making a folder: %w", err)
	}
	if b.binary, err = program.Build(ctx, b.dir, "cmd/throng"); err != nil {
		b.close()
		return nil, err
	}
	if err := b.serve(ctx); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

// serve starts the server. Heartbeats are left out: the bare reader would not answer them.
func (b *bench) serve(ctx context.Context) error {
	b.server = exec.CommandContext(ctx, b.binary, "serve", "--listen", "127.0.0.1:0", "--ping-interval", "1h", "--until-stdin-ends")
	b.server.Stderr = os.Stderr
	b.server.WaitDelay = time.Second
	stdin, err := b.server.StdinPipe()
	if err != nil {
		return err
	}
	b.stdin = stdin
	stdout, err := b.server.StdoutPipe()
	if err != nil {
		return err
	}
	if err := b.server.Start(); err != nil {
		return fmt.Errorf("starting the server: %w", err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return fmt.Errorf("the server ended before it listened: %w", err)
	}
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if !ok {
		return fmt.Errorf("the server prints %q instead of its address", line)
	}
	b.url = address
	return nil
}

func (b *bench) close() {
	if b.stdin != nil {
		_ = b.stdin.Close()
		_ = b.server.Wait() // it ends with its standard input; what it says has been shown
	}
	_ = os.RemoveAll(b.dir)
}

// throng runs a scenario against the server and returns what it measured.
func (b *bench) throng(ctx context.Context, scenario string) (*result.Cell, error) {
	name := filepath.Join(b.dir, "scenario.yaml")
	if err := os.WriteFile(name, []byte(scenario), 0o644); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, b.runner, "run", name, "--target", b.url, "--out", filepath.Join(b.dir, "out"), "--force", "--quiet", "--set", "report.formats=[json]")
	out, err := cmd.CombinedOutput()
	// a slow moment: the cost stands
	if ended, ok := errors.AsType[*exec.ExitError](err); ok && ended.ExitCode() == 3 {
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("throng run: %w\n%s", err, out)
	}
	run, err := result.Read(filepath.Join(b.dir, "out"))
	if err != nil {
		return nil, err
	}
	return &run.Cells[0], nil
}

// holding is a scenario in which n clients stay connected for a while.
func holding(n int, does string, while time.Duration) string {
	return fmt.Sprintf(`version: 1
name: holding
groups:
  clients: {count: %d, transport: websocket, connect: {rate: 2k/s}%s}
phases:
  - {name: ramp, for: %ds, clients: 0%%..100%%, record: false}
  - {name: hold, for: %v}
`, n, does, n/1000+1, while)
}

// waiting is a flow in which clients wait for an event that does not come.
const waiting = `, flow: [{repeat: {times: 2, steps: [{repeat: {times: 2, steps: [{wait: {event: never, within: 10m}}]}}]}}]`

func receiving(o *options) string {
	return fmt.Sprintf(`version: 1
name: receiving
groups:
  readers: {count: %d, transport: websocket, connect: {rate: 1k/s}}
  speaker:
    count: 1
    transport: websocket
    send:
      - {op: all, rate: %d/s, size: %dB, expect: others, late: 20s}
phases:
  - {name: ramp, for: %ds, clients: 0%%..100%%, load: 0%%, record: false}
  - {name: warm, for: 1s, record: false}
  - {name: hold, for: %v}
`, o.clients, o.rate, o.size, o.clients/1000+2, o.window)
}

// A bareClient is a process that holds connections and does no more with them than a benchmark of
// its kind must.
type bareClient struct {
	stdin   io.WriteCloser
	answers *json.Decoder
	cmd     *exec.Cmd
}

// bare starts one, with what main takes as its arguments, and returns when all are connected.
func (b *bench) bare(ctx context.Context, arguments ...string) (*bareClient, error) {
	cmd := exec.CommandContext(ctx, b.self, arguments...)
	cmd.Stderr = os.Stderr
	cmd.WaitDelay = time.Second
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the bare %s: %w", arguments[0], err)
	}
	c := &bareClient{stdin, json.NewDecoder(stdout), cmd}
	if _, err := c.usage(); err != nil { // answered when all are connected
		return nil, errors.Join(fmt.Errorf("the bare %s did not connect: %w", arguments[0], err), c.close())
	}
	return c, nil
}

// usage is what it has done so far.
func (c *bareClient) usage() (u used, err error) {
	if _, err := fmt.Fprintln(c.stdin, "usage"); err != nil {
		return u, err
	}
	return u, c.answers.Decode(&u)
}

func (c *bareClient) close() error {
	_ = c.stdin.Close()
	if err := c.cmd.Wait(); err != nil {
		return fmt.Errorf("the bare %s: %w", c.cmd.Args[1], err)
	}
	return nil
}

// cost is the microseconds of its processor for each frame, from before to now, and until one has
// come.
func (c *bareClient) cost(ctx context.Context, before used) (float64, error) {
	after, err := c.usage()
	for deadline := time.Now().Add(20 * time.Second); err == nil && after.Frames == before.Frames; after, err = c.usage() {
		if time.Now().After(deadline) || !machine.Pause(ctx, 50*time.Millisecond) {
			return 0, errors.New("the bare clients received nothing")
		}
	}
	if err != nil {
		return 0, err
	}
	return float64((after.CPU - before.CPU).Microseconds()) / float64(after.Frames-before.Frames), nil
}

// bareReader measures the bare reader: a process of its own holds the connections, and this one has
// the server broadcast.
func (b *bench) bareReader(ctx context.Context, o *options) (perDelivery float64, err error) {
	c, err := b.bare(ctx, "reader", strings.TrimPrefix(b.url, "http://"), fmt.Sprint(o.clients))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	speaker, err := speak(ctx, b.url, o)
	if err != nil {
		return 0, err
	}
	defer speaker.close()
	if err := speaker.during(ctx, time.Second); err != nil {
		return 0, err
	}
	before, err := c.usage()
	if err != nil {
		return 0, err
	}
	if err := speaker.during(ctx, o.window); err != nil {
		return 0, err
	}
	if !machine.Pause(ctx, 200*time.Millisecond) { // the last broadcast arrives
		return 0, ctx.Err()
	}
	return c.cost(ctx, before)
}

// A speaker is the client that has the server broadcast.
type speaker struct {
	c      *client.Client
	ended  chan struct{}
	packet []byte
	pause  time.Duration
}

type deaf struct{}

func (deaf) Event(*client.Message) {}
func (deaf) Ack(*client.Message)   {}

func speak(ctx context.Context, url string, o *options) (*speaker, error) {
	c, err := client.Dial(ctx, &client.Config{URL: url, Transport: "websocket"})
	if err != nil {
		return nil, fmt.Errorf("connecting the speaker: %w", err)
	}
	s := &speaker{c: c, ended: make(chan struct{}), pause: time.Second / time.Duration(o.rate)}
	data, err := json.Marshal(map[string]string{"p": strings.Repeat("x", max(1, o.size-len(`{"p":""}`)))})
	if err != nil {
		return nil, err
	}
	s.packet = bytes.Join([][]byte{[]byte(`2["all","msg",`), data, []byte(`,true]`)}, nil)
	go func() {
		defer close(s.ended)
		_ = c.Run(deaf{}) // Send tells when the connection has ended
	}()
	return s, nil
}

// during speaks for a time.
func (s *speaker) during(ctx context.Context, d time.Duration) error {
	tick := time.NewTicker(s.pause)
	defer tick.Stop()
	end := time.NewTimer(d)
	defer end.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-end.C:
			return nil
		case <-tick.C:
			if err := s.c.Send(s.packet); err != nil {
				return fmt.Errorf("the speaker: %w", err)
			}
		}
	}
}

func (s *speaker) close() {
	_ = s.c.Close()
	<-s.ended
}
