package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/throng-io/throng/bench/internal/program"
	"github.com/throng-io/throng/bench/internal/rounds"
)

const (
	targetMemory = 5 << 10 // for a client beyond the first few
	targetRatio  = 1.3
)

// options is the command line.
type options struct {
	clients, rate, size int
	window              time.Duration
	repeats             int
	hold                int // of memory
	echoers             int
	cases               []string
	binary              string
}

// cases are what is measured, in order.
var cases = []string{"memory", "receiving", "closed", "paced"}

func main() {
	program.Main("generator", run, roles...)
}

// roles are the bare clients.
var roles = []program.Role{{Name: "reader", Play: reader}, {Name: "echoer", Play: echoer}}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o := options{cases: cases}
	f := flag.NewFlagSet("generator", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.IntVar(&o.clients, "clients", 1000, "receivers")
	f.IntVar(&o.rate, "rate", 20, "broadcasts a second")
	f.IntVar(&o.size, "size", 128, "bytes of a message's data")
	f.DurationVar(&o.window, "window", 8*time.Second, "length of one measurement")
	f.IntVar(&o.repeats, "repeats", 5, "turns of each, of which the median counts")
	f.IntVar(&o.hold, "hold", 8000, "clients to hold for the memory")
	f.IntVar(&o.echoers, "echoers", 500, "clients that ask for echoes")
	f.StringVar(&o.binary, "binary", "", "the throng that runs the scenarios; \"\" = of this tree, as the server always is")
	f.Var(program.Choice(&o.cases, cases...), "cases", "what to measure")
	if err := program.Parse(f, args); err != nil {
		return err
	}
	if min(o.clients, o.rate, o.repeats, o.hold, o.echoers) < 1 || o.window < time.Second {
		return errors.New("clients, rate, repeats, hold and echoers must be positive, and the window at least a second")
	}
	b, err := prepare(ctx)
	if err != nil {
		return err
	}
	defer b.close()
	b.runner = cmp.Or(o.binary, b.binary)
	missed := false
	for _, name := range o.cases {
		m, err := b.measure(ctx, name, &o, stdout, stderr)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		missed = missed || m
	}
	if missed {
		return errors.New("a target was not met")
	}
	return nil
}

// measure does one case and reports whether it missed its target.
func (b *bench) measure(ctx context.Context, name string, o *options, stdout, stderr io.Writer) (missed bool, err error) {
	switch name {
	case "memory":
		return b.memory(ctx, o, stdout)
	case "receiving":
		return b.receiving(ctx, o, stdout, stderr)
	}
	for i := range echoings {
		if echoings[i].name == name {
			return b.echoing(ctx, &echoings[i], o, stdout, stderr)
		}
	}
	return false, nil
}

// few is how many clients show what the process takes without clients.
const few = 20

// memory holds many clients and tells what that takes, without a flow and with one that waits.
func (b *bench) memory(ctx context.Context, o *options, stdout io.Writer) (missed bool, err error) {
	base, err := b.peak(ctx, few, "", o.window)
	if err != nil {
		return false, err
	}
	for _, kind := range []struct{ name, does string }{{"websocket clients", ""}, {"websocket clients in a flow", waiting}} {
		peak, err := b.peak(ctx, o.hold, kind.does, o.window)
		if err != nil {
			return false, err
		}
		each := float64(peak-base) / float64(max(1, o.hold-few))
		large := each > targetMemory
		missed = missed || large
		if _, err := fmt.Fprintf(stdout, "memory: %d %s in %.0f MiB, %.1f KiB each; %.0f MiB of it with %d clients, so a further one takes %.1f KiB (target %.1f KiB): %s\n",
			o.hold, kind.name, mib(peak), float64(peak)/1024/float64(o.hold), mib(base), few, each/1024, targetMemory/1024.0, met(!large)); err != nil {
			return false, err
		}
	}
	return missed, nil
}

// peak is the most memory, in bytes, in which the runner holds so many clients.
func (b *bench) peak(ctx context.Context, clients int, does string, while time.Duration) (int64, error) {
	cell, err := b.throng(ctx, holding(clients, does, while))
	if err != nil {
		return 0, err
	}
	if cell.Clients.Held != clients {
		return 0, fmt.Errorf("%d of %d clients were held", cell.Clients.Held, clients)
	}
	return cell.Generator.RSSPeakBytes, nil
}

// receiving compares the runner with the bare reader.
func (b *bench) receiving(ctx context.Context, o *options, stdout, stderr io.Writer) (slow bool, err error) {
	about := fmt.Sprintf("receiving: %d clients, %d broadcasts/s of %d B, %v", o.clients, o.rate, o.size, o.window)
	return compare(about, "delivery", targetRatio, o, stdout, stderr, func() (float64, error) {
		cell, err := b.throng(ctx, receiving(o))
		if err != nil {
			return 0, err
		}
		if l := cell.Ledger; l.Received != l.Expected || l.Received == 0 {
			return 0, fmt.Errorf("throng received %d of %d deliveries", l.Received, l.Expected)
		}
		return cell.Generator.CPUs * 1e6 / float64(cell.Ledger.Received), nil
	}, func() (float64, error) { return b.bareReader(ctx, o) })
}

// compare measures both in turn, in microseconds of processor time for each of what, and prints the
// medians.
func compare(about, what string, target float64, o *options, stdout, stderr io.Writer, runner, bareClients func() (float64, error)) (slow bool, err error) {
	var ours, bare, ratios []float64
	for i := range o.repeats {
		mine, err := runner()
		if err != nil {
			return false, err
		}
		other, err := bareClients()
		if err != nil {
			return false, err
		}
		ours, bare, ratios = append(ours, mine), append(bare, other), append(ratios, mine/other)
		_, _ = fmt.Fprintf(stderr, "turn %d of %d: throng %.2f, bare clients %.2f us for each %s\n", i+1, o.repeats, mine, other, what)
	}
	slow = rounds.Median(ratios) > target
	_, _ = fmt.Fprintf(stdout, "%s, %d turns\n", about, o.repeats)
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(w, "\tCPU us for each %s\tlowest\thighest\tin a CPU second\n", what)
	for _, row := range []struct {
		name string
		of   []float64
	}{{"throng run", ours}, {"bare clients", bare}} {
		_, _ = fmt.Fprintf(w, "%s\t%.2f\t%.2f\t%.2f\t%.0f\n", row.name, rounds.Median(row.of), slices.Min(row.of), slices.Max(row.of), 1e6/rounds.Median(row.of))
	}
	_, _ = fmt.Fprintf(w, "ratio\t%.2f\t%.2f\t%.2f\n", rounds.Median(ratios), slices.Min(ratios), slices.Max(ratios))
	if err := w.Flush(); err != nil {
		return slow, err
	}
	_, err = fmt.Fprintf(stdout, "target %.1f at most: %s\n", target, met(!slow))
	return slow, err
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

func met(ok bool) string {
	if ok {
		return "met"
	}
	return "not met"
}
