package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/throng-io/throng/scenario/machine"
)

// draw chooses a load of some kinds.
func draw(rng *rand.Rand, kinds []string) load {
	between := func(from, to time.Duration) time.Duration {
		return from + time.Duration(rng.Int64N(int64(to-from))).Round(time.Millisecond)
	}
	l := load{Loops: 1 + rng.IntN(4), Nice: []int{0, 0, 5, 10}[rng.IntN(4)]}
	l.Kind = kinds[rng.IntN(len(kinds))]
	switch l.Kind {
	case none:
		return load{Kind: none}
	case busy:
	case bursts:
		l.On, l.Off = between(5*time.Millisecond, 200*time.Millisecond), between(20*time.Millisecond, time.Second)
	default:
		return load{Kind: stops, On: between(10*time.Millisecond, 500*time.Millisecond), Off: between(500*time.Millisecond, 3*time.Second)}
	}
	return l
}

// startOn starts this program in another role, on one processor only; first says that it goes
// before all other work there.
func startOn(ctx context.Context, self string, cpu int, first bool, args ...string) (cmd *exec.Cmd, in io.WriteCloser, out *json.Decoder, err error) {
	cmd = exec.CommandContext(ctx, self, args...)
	cmd.Stderr, cmd.WaitDelay = os.Stderr, time.Second
	if in, err = cmd.StdinPipe(); err != nil {
		return nil, nil, nil, err
	}
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, nil, err
	}
	// A process begins where the thread that starts it may run.
	restore, err := pin(cpu, first)
	if err != nil {
		return nil, nil, nil, err
	}
	err = cmd.Start()
	restore()
	if err != nil {
		return nil, nil, nil, err
	}
	return cmd, in, json.NewDecoder(pipe), nil
}

// one makes a run.
func one(ctx context.Context, self string, o *options, l load) (r outcome, err error) {
	r.Load = l
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	srv, stop, answers, err := startOn(ctx, self, o.pins.server, true, "server")
	if err != nil {
		return r, fmt.Errorf("start the server: %w", err)
	}
	defer func() { err = errors.Join(err, srv.Wait()) }()
	defer func() {
		_ = stop.Close()
		if err == nil {
			err = answers.Decode(&r.Truth)
		}
	}()
	var url string
	if err := answers.Decode(&url); err != nil {
		return r, fmt.Errorf("hear from the server: %w", err)
	}
	gen, _, found, err := startOn(ctx, self, o.pins.generator, false, "generate", url, o.window.String())
	if err != nil {
		return r, fmt.Errorf("start the generator: %w", err)
	}
	ended, err := compete(ctx, self, o.pins.generator, gen.Process.Pid, l)
	if err != nil {
		return r, errors.Join(fmt.Errorf("start the load: %w", err), gen.Process.Kill(), gen.Wait())
	}
	err = found.Decode(&r)
	ended()
	return r, errors.Join(err, gen.Wait())
}

// compete puts the load beside the generator until ended is called.
func compete(ctx context.Context, self string, cpu, pid int, l load) (ended func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	var loops []*exec.Cmd
	done := make(chan struct{})
	ended = func() {
		cancel()
		for _, c := range loops {
			_ = c.Wait() // it was ended
		}
		<-done
	}
	if l.Kind != stops {
		close(done)
		for range l.Loops {
			cmd, _, _, err := startOn(ctx, self, cpu, false, "burn", strconv.Itoa(l.Nice), l.On.String(), l.Off.String())
			if err != nil {
				ended()
				return nil, err
			}
			loops = append(loops, cmd)
		}
		return ended, nil
	}
	go func() {
		defer close(done)
		for machine.Pause(ctx, l.Off) {
			_ = unix.Kill(pid, unix.SIGSTOP)
			machine.Pause(ctx, l.On)
			_ = unix.Kill(pid, unix.SIGCONT)
		}
	}()
	return ended, nil
}

// burn uses its processor for a time, pauses for another, and again; without pauses when the first
// is 0.
func burn(ctx context.Context, args []string, _ io.Reader, _ io.Writer) error {
	if len(args) != 3 {
		return errors.New("burn takes a nice value and two durations")
	}
	nice, err := strconv.Atoi(args[0])
	on, err1 := time.ParseDuration(args[1])
	off, err2 := time.ParseDuration(args[2])
	if err := errors.Join(err, err1, err2); err != nil {
		return err
	}
	runtime.LockOSThread()
	if err := unix.Setpriority(unix.PRIO_PROCESS, 0, nice); err != nil {
		return fmt.Errorf("be nice: %w", err)
	}
	for n := uint64(0); ; {
		for began := time.Now(); on == 0 || time.Since(began) < on; {
			for range 10_000 {
				n++
			}
			if ctx.Err() != nil {
				return nil
			}
		}
		_ = strconv.FormatUint(n, 10)
		if !machine.Pause(ctx, off) {
			return nil
		}
	}
}
