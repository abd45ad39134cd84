package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/file"
)

// startNodes runs the built-in server: one, or several that a broker connects, also behind a proxy.
func startNodes(ctx context.Context, s *file.Server) (*scenario.Endpoint, error) {
	return startNodesOf(ctx, "", s)
}

// startNodesOf runs the built-in server of a build of throng; "" is this one.
func startNodesOf(ctx context.Context, program string, s *file.Server) (*scenario.Endpoint, error) {
	return startNodesBy(ctx, s, func(ctx context.Context, s *file.Server) (*scenario.Endpoint, error) {
		ep, _, err := startServer(ctx, program, s)
		return ep, err
	})
}

// A nodeStarter runs one server, whatever the number of nodes.
type nodeStarter = func(ctx context.Context, s *file.Server) (*scenario.Endpoint, error)

// startNodesBy runs the built-in server, each node by start.
func startNodesBy(ctx context.Context, s *file.Server, start nodeStarter) (*scenario.Endpoint, error) {
	if s.Nodes <= 1 && s.Adapter == "" && s.Behind == "" {
		return start(ctx, s)
	}
	c := &cluster{one: start, spec: *s, done: make(chan error, 1)}
	if slices.Contains(file.Brokers, s.Adapter) {
		b, err := startCompanion(ctx, "the broker", s.Adapter)
		if err != nil {
			return nil, err
		}
		c.broker, c.spec.Adapter = b, b.url
	}
	ep := &scenario.Endpoint{Stop: c.stop, Done: c.done}
	for range max(1, s.Nodes) {
		n := &clusterNode{cluster: c}
		if err := n.start(ctx, s.Listen); err != nil {
			_ = c.stop(ctx)
			return nil, err
		}
		c.nodes = append(c.nodes, n)
		ep.Nodes = append(ep.Nodes, scenario.Node{URL: n.url, PID: n.pid, Goroutines: n.goroutines, Restart: n.restart})
	}
	ep.URL, ep.PID, ep.Path = c.nodes[0].url, c.nodes[0].pid(), c.nodes[0].at.Load().Path
	if c.broker != nil {
		ep.Broker = c.broker.pid
	}
	if s.Behind == "" {
		return ep, nil
	}
	var err error
	if c.proxy, err = startCompanion(ctx, s.Behind, append([]string{s.Behind}, c.addresses()...)...); err != nil {
		_ = c.stop(ctx)
		return nil, err
	}
	ep.URL, ep.Proxied = c.proxy.url, true
	return ep, nil
}

// cluster is several servers, each a process, and the broker that was started for them.
type cluster struct {
	one    nodeStarter
	spec   file.Server
	broker *companion // nil: none of ours
	proxy  *companion // in front of the nodes; nil: none
	nodes  []*clusterNode
	done   chan error // when one exits unasked
}

// addresses are those of the nodes, HOST:PORT.
func (c *cluster) addresses() []string {
	all := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		all[i] = strings.TrimPrefix(n.url, "http://")
	}
	return all
}

func (c *cluster) stop(ctx context.Context) error {
	errs := make([]error, len(c.nodes))
	var all sync.WaitGroup
	for i, n := range c.nodes {
		all.Go(func() { errs[i] = n.stop(ctx) })
	}
	all.Wait()
	for _, p := range []*companion{c.proxy, c.broker} {
		if p != nil {
			errs = append(errs, p.stop())
		}
	}
	return errors.Join(errs...)
}

// clusterNode is one server of a cluster.
type clusterNode struct {
	cluster *cluster
	url     string
	at      atomic.Pointer[scenario.Endpoint]
	ending  atomic.Bool // it is ended on purpose
}

func (n *clusterNode) pid() int { return n.at.Load().PID }

func (n *clusterNode) goroutines() int64 { return n.at.Load().Goroutines() }

func (n *clusterNode) start(ctx context.Context, listen string) error {
	spec := n.cluster.spec
	spec.Listen = listen
	ep, err := n.cluster.one(ctx, &spec)
	if err != nil {
		return err
	}
	n.ending.Store(false)
	n.at.Store(ep)
	n.url = ep.URL
	go func() {
		err := <-ep.Done
		if n.ending.Load() {
			return
		}
		if err == nil {
			err = errors.New("the process ended")
		}
		select {
		case n.cluster.done <- fmt.Errorf("the node %s: %w", n.url, err):
		default: // another one has told
		}
	}()
	return nil
}

func (n *clusterNode) stop(ctx context.Context) error {
	n.ending.Store(true)
	return n.at.Load().Stop(ctx)
}

// restart ends the server, unless it has ended, and starts another at its address.
func (n *clusterNode) restart(ctx context.Context) error {
	u, err := url.Parse(n.url)
	if err != nil {
		return err
	}
	if err := n.stop(ctx); err != nil {
		return err
	}
	return n.start(ctx, u.Host)
}
