package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/fleet"
)

// fleetFlags say which processes hold the clients of a run.
type fleetFlags struct {
	agents   int
	nats     string
	identity string
}

func (f *fleetFlags) add(set *pflag.FlagSet) {
	set.IntVar(&f.agents, "agents", 0, "divide the clients over `N` processes of this machine; with --nats, over so many agents of the fleet")
	set.StringVar(&f.nats, "nats", "", "divide the clients over the agents at the NATS server with this `URL` ('throng agent')")
	set.StringVar(&f.identity, "identity", "", "with --nats: the controller's key in this `FILE` ('throng fleet key'), for agents that ask for one")
}

// open gets the agents of a run; the controller is nil when this process holds the clients itself.
// release lets them go.
func (f *fleetFlags) open(cmd *cobra.Command) (_ *fleet.Controller, release func(), err error) {
	ctx := cmd.Context()
	defer func() {
		if err != nil && ctx.Err() != nil {
			err = errUnmeasured
		}
	}()
	switch {
	case cmd.Flags().Changed("agents") && f.agents < 1:
		return nil, nil, fmt.Errorf("--agents %d is no number of processes; write one such as 4", f.agents)
	case f.identity != "" && f.nats == "":
		return nil, nil, errors.New("--identity is the key for agents of a fleet; it needs --nats URL")
	case f.nats != "":
		c, err := fleet.Open(ctx, fleet.Options{URL: f.nats, Agents: f.agents, Identity: f.identity, Log: cmd.ErrOrStderr()})
		if err != nil {
			return nil, nil, err
		}
		return c, c.Close, nil
	case f.agents > 0:
		return startAgents(ctx, f.agents)
	}
	return nil, func() {}, nil
}

// keepIn makes the agents of this machine keep what they report in the directory of a run, until
// the returned function is called: it is written down then. Agents elsewhere keep it there.
func (f *fleetFlags) keepIn(c *fleet.Controller, dir string) (written func() error, err error) {
	if c == nil || f.nats != "" {
		return func() error { return scenario.RemoveNote(dir) }, nil
	}
	parts, err := filepath.Abs(filepath.Join(dir, partsName))
	if err != nil {
		return nil, err
	}
	return func() error { return errors.Join(scenario.RemoveNote(dir), os.RemoveAll(parts)) }, c.KeepIn(parts)
}

// startAgents runs a fleet of this machine: a NATS server and agents, each a process of its own
// that ends with this one. When this one is killed, agents first write down what they have
// measured: see keepIn.
func startAgents(ctx context.Context, n int) (_ *fleet.Controller, release func(), err error) {
	b, err := startCompanion(ctx, "the broker", "nats")
	if err != nil {
		return nil, nil, err
	}
	ends := []func(){func() { _ = b.stop() }}
	release = func() {
		for _, end := range slices.Backward(ends) {
			end()
		}
	}
	defer func() {
		if err != nil {
			release()
		}
	}()
	args := []string{"agent", "--until-stdin-ends"}
	// the address holds a password, which arguments would show
	env := append(os.Environ(), "NATS_URL="+b.url)
	children, errs := make([]*child, n), make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			children[i], _, errs[i] = startChild(ctx, "", "an agent", env, append(args, fmt.Sprintf("--name=agent-%d", i+1))...)
		})
	}
	all.Wait()
	ends = append(ends, func() {
		for _, c := range children {
			if c == nil {
				continue
			}
			all.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), brokerTime)
				defer cancel()
				_ = c.stop(ctx) // what it measured is here
			})
		}
		all.Wait()
	})
	if err := errors.Join(errs...); err != nil {
		return nil, nil, err
	}
	c, err := fleet.Open(ctx, fleet.Options{URL: b.url, Agents: n})
	if err != nil {
		return nil, nil, err
	}
	ends = append(ends, c.Close)
	return c, release, nil
}
