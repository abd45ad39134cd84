//go:build unix

// Command channels measures what a message over a data channel costs with scenario/peer, beside
// pion's own benchmark of data channels, in one run:
//
//	go run ./bench/channels                messages of 4 B (pion's "Ping"), 256 B and 16 KiB, 7 rounds
//	go run ./bench/channels --pairs 100    memory of that many pairs of each kind
//
// The bare pair is that of pion's BenchmarkDataChannelSend: two connections in one process, a
// channel, and text messages as fast as they go; here each also has to arrive, so that nothing is
// counted which waits in a buffer. The other pair are two clients with a mesh each, who met by the
// signalling of a server in this process. Both ends of a pair are in this process, as in pion's
// form: a cost is processor time of both, and a core is shared by them.
//
// The kinds take turns, in pairs of measurements; ratios are medians of these pairs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/throng-io/throng/bench/internal/program"
	"github.com/throng-io/throng/bench/internal/rounds"
)

// A pair is two ends of a data channel.
type pair struct {
	send  func(text string) error // from one end to the other
	close func()
}

// A kind makes pairs. arrived is called for each message.
type kind struct {
	name string
	open func(ctx context.Context, arrived func()) (*pair, error)
	held []*pair
	cost []float64 // microseconds a message, by round
}

// window is how many messages are under way at a time: enough that a sender never waits for the
// wake-up of a single receiver.
const window = 512

func main() {
	program.Main("channels", run)
}

// options is the command line.
type options struct{ pairs, rounds, messages int }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	f := flag.NewFlagSet("channels", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.IntVar(&o.pairs, "pairs", 25, "pairs of each kind for the memory of a connection")
	f.IntVar(&o.rounds, "rounds", 7, "rounds")
	f.IntVar(&o.messages, "messages", 30_000, "messages of a round; a thirtieth of them for 16 KiB")
	if err := program.Parse(f, args); err != nil {
		return err
	}
	if min(o.pairs, o.rounds, o.messages) < 1 {
		return errors.New("--pairs, --rounds and --messages must be positive")
	}
	return o.measure(ctx, stdout)
}

// measure prints what both kinds take.
func (o *options) measure(ctx context.Context, out io.Writer) error {
	meet, err := newMeeting()
	if err != nil {
		return err
	}
	defer meet.close()
	kinds := []*kind{{name: "pion alone", open: bare}, {name: "scenario/peer", open: meet.open}}
	defer func() {
		for _, k := range kinds {
			k.end()
		}
	}()
	for _, k := range kinds {
		bytes, goroutines, err := k.memory(ctx, o.pairs)
		if err != nil {
			return fmt.Errorf("%s: %w", k.name, err)
		}
		_, _ = fmt.Fprintf(out, "%-14s %6.1f KiB of heap and stacks, %.1f goroutines a peer connection (of %d)\n", k.name, bytes/1024, goroutines, 2*o.pairs)
	}
	for _, c := range []struct{ size, n int }{{4, o.messages}, {256, o.messages}, {16 << 10, o.messages / 30}} {
		if err := compare(ctx, out, kinds, c.size, max(c.n, 1), o.rounds); err != nil {
			return err
		}
	}
	return nil
}

// compare lets both kinds send the same in turns.
func compare(ctx context.Context, out io.Writer, kinds []*kind, size, n, turns int) error {
	for _, k := range kinds {
		k.cost = nil
	}
	for round := range turns + 1 { // the first one warms up
		order := slices.Clone(kinds)
		if round%2 == 1 {
			slices.Reverse(order)
		}
		for _, k := range order {
			cost, err := k.measure(ctx, size, n)
			if err != nil {
				return fmt.Errorf("%s, %d bytes: %w", k.name, size, err)
			}
			if round > 0 {
				k.cost = append(k.cost, cost)
			}
		}
	}
	ratios := make([]float64, turns)
	for i := range ratios {
		ratios[i] = kinds[1].cost[i] / kinds[0].cost[i]
	}
	for _, k := range kinds {
		cost := rounds.Median(k.cost)
		_, _ = fmt.Fprintf(out, "%6d B %-14s %7.2f us a message, %8.0f messages for a CPU second (median of %d)\n", size, k.name, cost, 1e6/cost, turns)
	}
	_, err := fmt.Fprintf(out, "%6d B %-14s %7.2f (median of the rounds)\n", size, "ratio", rounds.Median(ratios))
	return err
}

// memory opens pairs, and returns what each of their connections takes.
func (k *kind) memory(ctx context.Context, pairs int) (bytes, goroutines float64, err error) {
	before, ran := taken(), runtime.NumGoroutine()
	for range pairs {
		p, err := k.open(ctx, func() {})
		if err != nil {
			return 0, 0, err
		}
		k.held = append(k.held, p)
	}
	connections := float64(2 * pairs)
	bytes, goroutines = (taken()-before)/connections, float64(runtime.NumGoroutine()-ran)/connections
	k.end()
	return bytes, goroutines, nil
}

// end closes what is open.
func (k *kind) end() {
	for _, p := range k.held {
		p.close()
	}
	k.held = nil
}

// taken is what the heap and the stacks of this process hold, in bytes.
func taken() float64 {
	var m runtime.MemStats
	for range 2 { // what the first one finds with a finalizer, the second one frees
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc + m.StackInuse)
}

// measure sends messages over a new pair, and returns the processor time of each when all have
// arrived.
func (k *kind) measure(ctx context.Context, size, n int) (cost float64, err error) {
	under := make(chan struct{}, window)
	p, err := k.open(ctx, func() { <-under })
	if err != nil {
		return 0, err
	}
	defer p.close()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	text := strings.Repeat("x", size)
	put := func() error {
		select {
		case under <- struct{}{}:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("messages do not arrive: %w", ctx.Err())
		}
	}
	before := processor()
	for range n {
		if err := put(); err != nil {
			return 0, err
		}
		if err := p.send(text); err != nil {
			return 0, err
		}
	}
	for range window { // there is room for all when the last one has arrived
		if err := put(); err != nil {
			return 0, err
		}
	}
	return float64((processor() - before).Nanoseconds()) / 1e3 / float64(n), nil
}

// processor is the processor time of this process.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // it takes no argument that could be wrong
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
