package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/throng-io/throng/bench/fanout/internal/load"
	"github.com/throng-io/throng/bench/internal/program"
	"github.com/throng-io/throng/server"
)

func main() {
	// Children inherit the affinity of the thread that starts them, and die with it.
	runtime.LockOSThread()
	program.Main("fanout", run, generatorRole)
}

// generatorRole is the process that plays the clients.
var generatorRole = program.Role{Name: "generator", Play: func(_ context.Context, _ []string, _ io.Reader, stdout io.Writer) error {
	return load.Serve(stdout)
}}

// options is the command line.
type options struct {
	quick                      bool
	cases, servers, strategies []string
	repeats                    int
	window                     time.Duration
	out, throng, before        string
	beforeFlags                []string
	serverCPU, generatorCPU    int
	list, figure               bool
	limit                      time.Duration
}

func parse(args []string, stderr io.Writer) (*options, error) {
	var o options
	f := flag.NewFlagSet("fanout", flag.ContinueOnError)
	f.SetOutput(stderr)
	cases, servers := namesOf(allCases())
	f.BoolVar(&o.quick, "quick", false, "only the first case, in under 40 seconds; prints one line of JSON")
	f.BoolVar(&o.list, "list", false, "print the cases and stop")
	f.BoolVar(&o.figure, "figure", false, "draw the figures of the results in --out, and write the table of README.md; without --cases nothing is measured")
	f.Var(program.Choice(&o.cases, cases...), "cases", "cases to run, separated by commas (default all but those that need more than Go and Node.js; see --list)")
	f.Var(program.Choice(&o.servers, servers...), "servers", "servers to measure (default throng,node,floor where the case has them)")
	f.Var(program.Choice(&o.strategies, server.Strategies()...), "strategies", "fan-out strategies of throng to measure beside its default, separated by commas")
	f.IntVar(&o.repeats, "repeats", 5, "interleaved repeats, of which the median counts")
	f.DurationVar(&o.window, "window", 0, "length of one measurement (default as the case has it)")
	f.StringVar(&o.out, "out", "bench/results", `folder for results, relative to the root of the project; "" writes none`)
	f.StringVar(&o.throng, "throng", "", "binary to measure instead of building cmd/throng")
	f.StringVar(&o.before, "before", "", `another throng binary to measure beside it, shown as "before"`)
	f.Func("before-flags", `more flags of "throng serve" for the one shown as "before", separated by spaces; without --before it is the same binary`, func(s string) error {
		o.beforeFlags = strings.Fields(s)
		return nil
	})
	f.IntVar(&o.serverCPU, "server-cpu", -1, "processor for servers (default the first one allowed)")
	f.IntVar(&o.generatorCPU, "generator-cpu", -1, "processor for generators (default the second one allowed)")
	f.DurationVar(&o.limit, "limit", time.Hour, "end everything after this time")
	if err := program.Parse(f, args); err != nil {
		return nil, err
	}
	switch {
	case o.repeats < 1:
		return nil, fmt.Errorf("--repeats %d: at least one is needed", o.repeats)
	case o.quick && len(o.cases) > 0:
		return nil, errors.New("--quick has its own case; leave out --cases")
	case o.quick && len(o.servers) > 0:
		return nil, errors.New("--quick measures throng, node and floor; leave out --servers")
	case o.figure && (o.quick || o.out == ""):
		return nil, errors.New("--figure draws what is in the folder --out; it goes neither with --quick nor with an empty --out")
	}
	return &o, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	if o.list {
		for _, c := range allCases() {
			_, _ = fmt.Fprintf(stdout, "%-14s %s\n", c.name, c.about)
		}
		return nil
	}
	chosen := choose(o.cases)
	if o.quick {
		chosen = chosen[:1]
	}
	root, err := output(ctx, "", "go", "list", "-m", "-f", "{{.Dir}}")
	if err != nil {
		return err
	}
	if !filepath.IsAbs(o.out) && o.out != "" {
		o.out = filepath.Join(root, o.out)
	}
	if !o.figure || len(o.cases) > 0 {
		limited, cancel := context.WithTimeout(ctx, o.limit)
		defer cancel()
		if err := measure(limited, o, root, chosen, stdout, stderr); err != nil || o.quick {
			return err
		}
	}
	if err := updateReadme(root, o.out); err != nil || !o.figure {
		return err
	}
	return drawFigures(o.out, stderr)
}

func measure(ctx context.Context, o *options, root string, chosen []benchCase, stdout, stderr io.Writer) error {
	began := time.Now()
	b, err := prepare(ctx, o, root, chosen, stderr)
	if err != nil {
		return err
	}
	defer b.close()
	if o.quick {
		return b.quick(ctx, chosen[0], began, stdout)
	}
	missed := 0
	for _, c := range chosen {
		r, err := b.runCase(ctx, c)
		if ctx.Err() != nil {
			return fmt.Errorf("case %s was interrupted, or --limit %v is over; the cases before it are complete: %w", c.name, o.limit, ctx.Err())
		}
		if err != nil {
			return fmt.Errorf("case %s: %w", c.name, err)
		}
		missed += r.missed()
		text := r.text(b.header)
		if _, err := io.WriteString(stdout, r.table()+"\n"); err != nil {
			return err
		}
		if o.out == "" {
			continue
		}
		if err := b.save(c.name, text, r.lines(b.header)); err != nil {
			return err
		}
	}
	_, _ = fmt.Fprintf(stderr, "%d cases in %v, %d targets not met\n", len(chosen), time.Since(began).Round(time.Second), missed)
	return nil
}

func (b *bench) save(name, text string, lines []byte) error {
	dir := b.opts.out
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the folder of the results: %w", err)
	}
	for ext, content := range map[string][]byte{".txt": []byte(text), ".jsonl": lines} {
		if err := os.WriteFile(resultFile(dir, name, ext), content, 0o644); err != nil {
			return fmt.Errorf("writing the results: %w", err)
		}
	}
	return nil
}
