package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/bits"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"golang.org/x/sys/unix"

	"github.com/throng-io/throng/bench/internal/program"
	"github.com/throng-io/throng/bench/internal/rounds"
)

func main() {
	// One thread writes, pinned, and the rings are its own.
	runtime.LockOSThread()
	program.Main("uring", run, receiver)
}

// receiver is the process that the sockets are connected to.
var receiver = program.Role{Name: "receiver", Play: receive}

// options is the command line.
type options struct {
	sockets           []int
	turns, each, size int
	batch             int
}

func parse(args []string, stderr io.Writer) (*options, error) {
	o := options{sockets: []int{500, 1000, 5000}}
	f := flag.NewFlagSet("uring", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Func("sockets", "numbers of sockets, separated by commas (default 500,1000,5000)", func(s string) error {
		o.sockets = nil
		for part := range strings.SplitSeq(s, ",") {
			n, err := strconv.Atoi(part)
			if err != nil || n < 1 || n > 30000 {
				return fmt.Errorf("%q is no number from 1 to 30000", part)
			}
			o.sockets = append(o.sockets, n)
		}
		return nil
	})
	f.IntVar(&o.turns, "turns", 15, "turns, in each of which every way is measured")
	f.IntVar(&o.each, "rounds", 40, "rounds of one measurement")
	f.IntVar(&o.size, "bytes", 64, "bytes of a frame")
	f.IntVar(&o.batch, "batch", 256, "sends of one submission, at most; a power of two")
	if err := program.Parse(f, args); err != nil {
		return nil, err
	}
	switch {
	case o.turns < 1 || o.each < 1 || o.size < 1 || o.size > 4096:
		return nil, errors.New("--turns and --rounds are at least 1, --bytes from 1 to 4096")
	case bits.OnesCount(uint(o.batch)) != 1 || o.batch > 32768:
		return nil, fmt.Errorf("--batch %d: a power of two, up to 32768, is what the kernel has rings of", o.batch)
	}
	return &o, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(stdout, "kernel %s, %s, frames of %d bytes, %d sends a submission at most; %d turns of %d rounds\n",
		unix.ByteSliceToString(u.Release[:]), runtime.Version(), o.size, o.batch, o.turns, o.each)
	for _, n := range o.sockets {
		if err := o.compare(ctx, n, stdout, stderr); err != nil {
			return fmt.Errorf("%d sockets: %w", n, err)
		}
	}
	return nil
}

// A contender is a way that takes part.
type contender struct {
	name  string
	round func(sockets []int, b []byte) error
	costs []cost // by turn
}

// compare measures all ways on n sockets, in turn.
func (o *options) compare(ctx context.Context, n int, stdout, stderr io.Writer) error {
	p, err := connect(ctx, n, o.size)
	if err != nil {
		return err
	}
	defer p.close()
	all := []*contender{{name: "loop of sendto", round: loop}}
	for _, w := range ways() {
		r, err := newRing(w, o.batch, p.sockets)
		if err != nil {
			_, _ = fmt.Fprintln(stderr, "left out:", err)
			continue
		}
		defer func() { _ = r.close() }() // with what is in it
		all = append(all, &contender{name: w.name, round: r.round})
	}
	for turn := range o.turns {
		for i := range all {
			if err := ctx.Err(); err != nil {
				return err
			}
			c := all[(i+turn)%len(all)] // nobody is always behind the same one
			cost, err := p.measure(c.round, o.each)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			c.costs = append(c.costs, cost)
		}
	}
	return table(stdout, n, all)
}

// table prints medians, and what each way costs beside the first one in the same turn.
func table(out io.Writer, sockets int, all []*contender) error {
	of := func(c *contender, value func(cost) float64) (sorted []float64) {
		for _, v := range c.costs {
			sorted = append(sorted, value(v))
		}
		slices.Sort(sorted)
		return sorted
	}
	_, _ = fmt.Fprintf(out, "\n%d sockets; for a delivery: µs of this process, µs of ksoftirqd, packets lost; both together beside the loop of the same turn\n", sockets)
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintln(w, "way\town [lowest..highest]\tksoftirqd\tlost\town / loop [quartiles]\ttogether / loop [quartiles]")
	for _, c := range all {
		own := of(c, func(v cost) float64 { return v.own })
		var ratios, together []float64
		for i, v := range c.costs {
			first := all[0].costs[i]
			ratios, together = append(ratios, v.own/first.own), append(together, (v.own+v.others)/(first.own+first.others))
		}
		_, _ = fmt.Fprintf(w, "%s\t%s [%s..%s]\t%s\t%.4f\t%s\t%s\n", c.name, rounds.Figure(rounds.Median(own)), rounds.Figure(own[0]), rounds.Figure(own[len(own)-1]),
			rounds.Figure(rounds.Median(of(c, func(v cost) float64 { return v.others }))), rounds.Median(of(c, func(v cost) float64 { return v.lost })),
			quartiles(ratios), quartiles(together))
	}
	return w.Flush()
}

func quartiles(v []float64) string {
	slices.Sort(v)
	return fmt.Sprintf("%.3f [%.3f..%.3f]", rounds.Median(v), v[len(v)/4], v[(3*len(v)-1)/4])
}
