package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"text/tabwriter"
	"time"
)

const (
	targetMemory = 300 << 20
	targetRatio  = 1.3
)

// options is the command line.
type options struct {
	clients, rate, size int
	window              time.Duration
	repeats, hold       int
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "reader" {
		if err := reader(os.Args[2:], os.Stdin, os.Stdout); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, "reader:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		_, _ = fmt.Fprintln(os.Stderr, "generator:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	f := flag.NewFlagSet("generator", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.IntVar(&o.clients, "clients", 1000, "receivers")
	f.IntVar(&o.rate, "rate", 20, "broadcasts a second")
	f.IntVar(&o.size, "size", 128, "bytes of a message's data")
	f.DurationVar(&o.window, "window", 8*time.Second, "length of one measurement")
	f.IntVar(&o.repeats, "repeats", 5, "turns of each, of which the median counts")
	f.IntVar(&o.hold, "hold", 18_000, "clients to hold for the memory; 0 leaves that out")
	if err := f.Parse(args); err != nil {
		return err
	}
	if o.clients < 1 || o.rate < 1 || o.repeats < 1 || o.window < time.Second {
		return errors.New("clients, rate and repeats must be positive, and the window at least a second")
	}
	b, err := prepare(ctx)
	if err != nil {
		return err
	}
	defer b.close()
	missed, err := b.memory(ctx, &o, stdout)
	if err != nil {
		return fmt.Errorf("memory: %w", err)
	}
	slow, err := b.receiving(ctx, &o, stdout, stderr)
	if err != nil {
		return fmt.Errorf("receiving: %w", err)
	}
	if missed || slow {
		return errors.New("a target was not met")
	}
	return nil
}

// memory holds many clients and tells what that takes.
func (b *bench) memory(ctx context.Context, o *options, stdout io.Writer) (missed bool, err error) {
	if o.hold == 0 {
		return false, nil
	}
	cell, err := b.throng(ctx, holding(o.hold))
	if err != nil {
		return false, err
	}
	if cell.Clients.Held != o.hold {
		return false, fmt.Errorf("%d of %d clients were held", cell.Clients.Held, o.hold)
	}
	peak := cell.Generator.RSSPeakBytes
	missed = peak > targetMemory*int64(o.hold)/18_000
	_, err = fmt.Fprintf(stdout, "memory: %d websocket clients in %.0f MiB, %.1f KiB each with all that the process has (target %.0f MiB): %s\n",
		o.hold, mib(peak), float64(peak)/1024/float64(o.hold), mib(targetMemory*int64(o.hold)/18_000), met(!missed))
	return missed, err
}

// receiving compares the runner with the bare reader.
func (b *bench) receiving(ctx context.Context, o *options, stdout, stderr io.Writer) (slow bool, err error) {
	var ours, bare []float64
	for i := range o.repeats {
		cell, err := b.throng(ctx, receiving(o))
		if err != nil {
			return false, err
		}
		if l := cell.Ledger; l.Received != l.Expected || l.Received == 0 {
			return false, fmt.Errorf("throng received %d of %d deliveries", l.Received, l.Expected)
		}
		ours = append(ours, cell.Generator.CPUs*1e6/float64(cell.Ledger.Received))
		cost, err := b.bare(ctx, o)
		if err != nil {
			return false, err
		}
		bare = append(bare, cost)
		_, _ = fmt.Fprintf(stderr, "turn %d of %d: throng %.2f, bare reader %.2f us per delivery\n", i+1, o.repeats, ours[i], bare[i])
	}
	ratios := make([]float64, len(ours))
	for i := range ours {
		ratios[i] = ours[i] / bare[i]
	}
	slow = median(ratios) > targetRatio
	_, _ = fmt.Fprintf(stdout, "receiving: %d clients, %d broadcasts/s of %d B, %v, %d turns\n", o.clients, o.rate, o.size, o.window, o.repeats)
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "\tCPU us per delivery\tlowest\thighest")
	for _, row := range []struct {
		name string
		of   []float64
	}{{"throng run", ours}, {"bare reader", bare}, {"ratio", ratios}} {
		_, _ = fmt.Fprintf(w, "%s\t%.2f\t%.2f\t%.2f\n", row.name, median(row.of), slices.Min(row.of), slices.Max(row.of))
	}
	if err := w.Flush(); err != nil {
		return slow, err
	}
	_, err = fmt.Fprintf(stdout, "target %.1f at most: %s\n", targetRatio, met(!slow))
	return slow, err
}

func median(of []float64) float64 {
	s := slices.Sorted(slices.Values(of))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

func met(ok bool) string {
	if ok {
		return "met"
	}
	return "not met"
}
