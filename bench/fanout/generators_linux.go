package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/throng-io/throng/bench/fanout/internal/load"
	"github.com/throng-io/throng/scenario/result"
)

// This file compares load generators: the same clients, the same requests, the same server. Each
// plays twice: at one echo a second and client, which shows what latency it reports, and at
// manyEchoes, which shows what an echo costs it, its start and its connections included.

// manyEchoes is what each client asks for in a second of the second run.
const manyEchoes = 20

const (
	perGenerator = "echoes/generator-cpu-s"
	peakMetric   = "peak MiB"
)

func generators() benchCase {
	c := benchCase{
		name: "generators", about: "load generators, 500 clients: echoes for a second of their processor, and what they report at one echo a second and client", asked: true,
		columns: []string{perGenerator, p50Metric, p99Metric, peakMetric}, window: 8 * time.Second, measure: measureGenerator,
	}
	for _, name := range []string{"floor", "throng", "k6", "artillery"} {
		e := entry{server: "throng", variant: "under " + name, clients: 500, generators: 1}
		if name != "floor" { // that one is the generator of this benchmark
			e.generator = name
		}
		c.entries = append(c.entries, e)
	}
	return c
}

// played is what one run of a generator gave.
type played struct {
	echoes   float64
	cpu      time.Duration
	p50, p99 float64 // ms
	peak     float64 // MiB
}

func measureGenerator(ctx context.Context, s *subject, window time.Duration) (metrics, error) {
	play := map[string]func(context.Context, *subject, int, time.Duration) (played, error){
		"": playFloor, "throng": playThrong, "k6": playK6, "artillery": playArtillery,
	}[s.generator]
	slow, err := play(ctx, s, 1, window)
	if err != nil {
		return nil, err
	}
	fast, err := play(ctx, s, manyEchoes, window)
	if err != nil {
		return nil, err
	}
	m := metrics{perGenerator: fast.echoes / fast.cpu.Seconds(), p50Metric: slow.p50, p99Metric: slow.p99}
	if slow.peak > 0 {
		m[peakMetric] = slow.peak
	}
	return m, nil
}

// playFloor is one thread that does nothing but write and read: what the machine itself costs, and
// how late it is.
func playFloor(_ context.Context, s *subject, rate int, window time.Duration) (played, error) {
	perSecond := float64(rate * s.clients)
	r, err := s.do(load.Command{Do: "calls", Rate: perSecond, N: int(perSecond * window.Seconds())})
	if err != nil {
		return played{}, err
	}
	return played{echoes: float64(r.Acks), cpu: r.Own, p50: quantile(r.Last, 0.5), p99: quantile(r.Last, 0.99)}, nil
}

// player runs a generator to its end, on the generators' processor.
func player(ctx context.Context, s *subject, env []string, command ...string) (p played, err error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = time.Second
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := pinned([]int{s.bench.generatorCPU}, cmd.Start); err != nil {
		return p, fmt.Errorf("starting %s: %w", command[0], err)
	}
	if err := cmd.Wait(); err != nil {
		return p, fmt.Errorf("%s: %w; it said: %s", filepath.Base(command[0]), err, bytes.TrimSpace(said.Bytes()[max(0, said.Len()-2000):]))
	}
	p.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		p.peak = float64(u.Maxrss) / 1024
	}
	return p, nil
}

func playThrong(ctx context.Context, s *subject, rate int, window time.Duration) (played, error) {
	const scenario = `version: 1
name: echo
groups:
  clients: {count: %d, transport: websocket, connect: {rate: 500/s}, send: [{op: echo, rate: %d/s, size: 100B, ack: 5s}]}
phases:
  - {name: ramp, for: 2s, clients: "0%%..100%%", load: "0%%", record: false}
  - {name: hold, for: %v}
report: {formats: [md]}
valid: ["max(lag) < 10s", "max(lag.receive) < 10s"]
`
	name, out := filepath.Join(s.bench.dir, "echo.yaml"), filepath.Join(s.bench.dir, "echo")
	if err := os.WriteFile(name, fmt.Appendf(nil, scenario, s.clients, rate, window), 0o600); err != nil {
		return played{}, err
	}
	p, err := player(ctx, s, nil, s.bench.throng, "run", name, "--target", "http://"+s.at, "--out", out, "--quiet")
	if err != nil {
		return p, err
	}
	run, err := result.Read(out)
	if err != nil {
		return p, err
	}
	ack := run.Cells[0].Latency["ack"]
	p.echoes, p.p50, p.p99 = float64(ack.N), float64(ack.P50us)/1e3, float64(ack.P99us)/1e3
	return p, nil
}

// playK6 builds k6 as bench/peers/k6 pins it, the first time.
func playK6(ctx context.Context, s *subject, rate int, window time.Duration) (played, error) {
	home := filepath.Join(s.bench.root, "bench", "peers", "k6")
	binary := filepath.Join(s.bench.dir, "k6")
	if _, err := os.Stat(binary); err != nil {
		if _, err := output(ctx, s.bench.root, "go", "build", "-modfile", filepath.Join(home, "k6.mod"), "-o", binary, "go.k6.io/k6"); err != nil {
			return played{}, err
		}
	}
	out := filepath.Join(s.bench.dir, "k6.json")
	p, err := player(ctx, s, []string{
		"TARGET=" + s.at, "OUT=" + out, fmt.Sprintf("CLIENTS=%d", s.clients), fmt.Sprintf("RATE=%d", rate), fmt.Sprintf("SECONDS=%g", window.Seconds()),
	}, binary, "run", "--quiet", "--no-usage-report", "--address", "", filepath.Join(home, "echo.js"))
	if err != nil {
		return p, err
	}
	var echo struct {
		Count float64 `json:"count"`
		P50   float64 `json:"med"`
		P99   float64 `json:"p(99)"`
	}
	if err := readJSON(out, &echo); err != nil {
		return p, err
	}
	p.echoes, p.p50, p.p99 = echo.Count, echo.P50, echo.P99
	return p, nil
}

// playArtillery installs Artillery as bench/peers/artillery pins it, the first time.
func playArtillery(ctx context.Context, s *subject, rate int, window time.Duration) (played, error) {
	home := filepath.Join(s.bench.root, "bench", "peers", "artillery")
	program := filepath.Join(home, "node_modules", "artillery", "bin", "run")
	if _, err := os.Stat(program); err != nil {
		_, _ = fmt.Fprintln(s.bench.log, "npm ci in bench/peers/artillery")
		if _, err := output(ctx, home, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"); err != nil {
			return played{}, err
		}
	}
	text, err := os.ReadFile(filepath.Join(home, "echo.yml"))
	if err != nil {
		return played{}, err
	}
	for name, value := range map[string]string{
		"TARGET": "http://" + s.at, "CLIENTS": fmt.Sprint(s.clients), "THINK": fmt.Sprint(1 / float64(rate)), "TIMES": fmt.Sprint(int(window.Seconds()) * rate),
	} {
		if !bytes.Contains(text, []byte("$"+name)) {
			return played{}, fmt.Errorf("%s/echo.yml has no $%s", home, name)
		}
		text = bytes.ReplaceAll(text, []byte("$"+name), []byte(value))
	}
	script, out := filepath.Join(s.bench.dir, "artillery.yml"), filepath.Join(s.bench.dir, "artillery.json")
	if err := os.WriteFile(script, text, 0o600); err != nil {
		return played{}, err
	}
	p, err := player(ctx, s, []string{"ARTILLERY_DISABLE_TELEMETRY=true"}, "node", program, "run", script, "--quiet", "--output", out)
	if err != nil {
		return p, err
	}
	var report struct {
		Aggregate struct {
			Summaries map[string]struct{ Count, Median, P99 float64 }
		}
	}
	if err := readJSON(out, &report); err != nil {
		return p, err
	}
	echo := report.Aggregate.Summaries["socketio.response_time"]
	p.echoes, p.p50, p.p99 = echo.Count, echo.Median, echo.P99
	if echo.Count == 0 {
		return p, errors.New("artillery has measured no echo")
	}
	return p, nil
}

func readJSON(name string, into any) error {
	text, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		return fmt.Errorf("what a generator reports: %w", err)
	}
	return nil
}
