package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/throng-io/throng/bench/brokers"
	"github.com/throng-io/throng/bench/internal/manual"
	"github.com/throng-io/throng/bench/internal/program"
)

func main() {
	program.Main("cluster", command, nodeRole)
}

func command(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var keys []string
	for _, f := range faults {
		keys = append(keys, f.key)
	}
	f := flag.NewFlagSet("cluster", flag.ContinueOnError)
	f.SetOutput(stderr)
	chosen, adapters := keys, forms
	f.Var(program.Choice(&chosen, keys...), "faults", "faults to let happen")
	f.Var(program.Choice(&adapters, forms...), "adapters", "adapters to let them happen to")
	update := f.Bool("update", false, "write the table into server/README.md")
	serve := f.String("serve", "", "run a broker until Ctrl-C: "+strings.Join(served, ", "))
	if err := program.Parse(f, args); err != nil {
		return err
	}
	if *serve != "" {
		return serveBroker(ctx, *serve, stdout)
	}
	if *update && (len(chosen) < len(keys) || len(adapters) < len(forms)) {
		return errors.New("--update writes the whole table: leave --faults and --adapters out")
	}
	all, err := runAll(ctx, chosen, adapters, stderr)
	if err != nil {
		return err
	}
	text := table(all)
	_, _ = io.WriteString(stdout, text)
	if *update {
		return manual.Rewrite("server/README.md", "go run ./bench/cluster --update", text)
	}
	return nil
}

// runAll runs faults over adapters, one after the other.
func runAll(ctx context.Context, keys, adapters []string, stderr io.Writer) (all []outcome, err error) {
	wrong := 0
	for _, f := range faults {
		for _, form := range forms {
			if !slices.Contains(keys, f.key) || !slices.Contains(adapters, form) || !f.concerns(form) {
				continue
			}
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			o, err := run(f, form)
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", f.key, form, err)
			}
			_, _ = fmt.Fprintf(stderr, "%-10s %-14s recovered in %.3f s, lost %d of %d, own clients in %s at most\n",
				f.key, form, o.Recovery.Seconds(), o.Lost, o.Owed, o.Slowest)
			for _, text := range o.Wrong {
				_, _ = fmt.Fprintf(stderr, "WRONG: %s\n", text)
				wrong++
			}
			all = append(all, o)
		}
	}
	if wrong > 0 {
		return nil, fmt.Errorf("%d things did not hold", wrong)
	}
	return all, nil
}

// served are the brokers of --serve.
var served = []string{"redis", "redis-cluster", "redis-sentinel", "nats"}

// serveBroker runs a broker until ctx ends, and prints its address.
func serveBroker(ctx context.Context, kind string, stdout io.Writer) (err error) {
	var url string
	var stop func() error
	switch kind {
	case "redis", "nats":
		start := func() (*brokers.Process, error) { return brokers.Redis("127.0.0.1") }
		if kind == "nats" {
			start = func() (*brokers.Process, error) { return brokers.NATS("127.0.0.1") }
		}
		p, err := start()
		if err != nil {
			return err
		}
		url, stop = kind+"://"+p.Addr, p.Stop
	case "redis-cluster":
		all, err := brokers.RedisCluster()
		if err != nil {
			return err
		}
		url, stop = all.URL("redis"), all.Stop
	case "redis-sentinel":
		g, err := brokers.RedisSentinel()
		if err != nil {
			return err
		}
		url, stop = g.URL("redis"), g.Stop
	default:
		return fmt.Errorf("--serve %s: it is none of %s", kind, strings.Join(served, ", "))
	}
	_, _ = fmt.Fprintf(stdout, "throng serve --adapter '%s'\n", url)
	<-ctx.Done()
	return stop()
}
