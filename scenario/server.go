package scenario

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/machine"
	"github.com/throng-io/throng/scenario/metric"
)

// A server is where the clients of a trial connect.
type server struct {
	ep         *Endpoint // the goroutine of the trial changes it after a restart
	urls       []string  // of each target; a single one is the endpoint's
	tls        *tls.Config
	builtIn    bool
	nodes      []Node                       // of a cluster of the built-in server
	broker     int                          // process that connects them; 0: none of ours
	pid        atomic.Int64                 // a restart changes it
	count      atomic.Pointer[func() int64] // of its goroutines, likewise
	restarting atomic.Bool
	restarted  chan restartResult
}

func (s *server) init(ep *Endpoint, conf *tls.Config, phases int) {
	s.ep, s.tls, s.restarted = ep, conf, make(chan restartResult, phases)
	s.nodes, s.broker = ep.Nodes, ep.Broker
	s.pid.Store(int64(ep.PID))
	count := ep.Goroutines // the endpoint changes with a restart
	s.count.Store(&count)
}

// became takes the endpoint of a server that was started again. No other goroutine reads it while
// the trial runs; the process of a cluster stays.
func (s *server) became(ep *Endpoint) {
	if ep != s.ep {
		*s.ep = *ep
	}
}

// pids lists the server's processes at this moment; none if they are not known.
func (s *server) pids() (all []int) {
	for i := range s.nodes {
		all = append(all, s.nodes[i].PID())
	}
	if pid := int(s.pid.Load()); len(all) == 0 && pid > 0 {
		all = append(all, pid)
	}
	return all
}

// goroutines is how many the server's processes have at this moment; 0: unknown.
func (s *server) goroutines() (n int64) {
	ask := func(one func() int64) {
		if one != nil {
			n += one()
		}
	}
	if len(s.nodes) == 0 {
		ask(*s.count.Load())
	}
	for i := range s.nodes {
		ask(s.nodes[i].Goroutines)
	}
	return n
}

// restartWithin bounds how long the old server's address may stay taken.
const restartWithin = 5 * time.Second

// A restartResult is the new endpoint, or why there is none.
type restartResult struct {
	ep  *Endpoint
	err error
}

// restart ends the built-in server and starts another on the same address.
func (f *fault) restart() {
	t := f.t
	if len(t.server.nodes) > 0 {
		t.server.restarted <- f.restartNodes()
		return
	}
	ctx, cancel := context.WithTimeout(t.life.ctx, stopGrace)
	err := t.server.ep.Stop(ctx)
	cancel()
	if err != nil {
		t.errors.Add(record.ErrorKey{Class: metric.Error(metric.ErrFault, metric.HowStop), Stream: -1}, t.now(), err)
	}
	spec := *t.spec.Server
	if u, err := url.Parse(t.server.ep.URL); err == nil {
		spec.Listen = u.Host
	}
	var r restartResult
	r.err = t.again(func() (err error) {
		r.ep, err = t.opt.Start(t.life.ctx, &spec)
		return err
	})
	if r.err != nil {
		r.err = fmt.Errorf("start the built-in server again on %s: %w", spec.Listen, r.err)
	} else {
		t.server.pid.Store(int64(r.ep.PID))
		count := r.ep.Goroutines
		t.server.count.Store(&count)
	}
	t.server.restarted <- r
}

// again starts a server until its address is free.
func (t *trial) again(start func() error) error {
	for deadline := time.Now().Add(restartWithin); ; {
		err := start()
		if err == nil || t.life.ctx.Err() != nil || time.Now().After(deadline) {
			return err
		}
		select {
		case <-t.life.ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// restartNodes restarts all nodes of the built-in server: at once, or in turn. A rolling restart
// begins the next node when the one before listens, and not before its share of the fault's time.
func (f *fault) restartNodes() (r restartResult) {
	t := f.t
	r.ep = t.server.ep
	nodes := t.server.nodes
	one := func(i int) error {
		if err := t.again(func() error { return nodes[i].Restart(t.life.ctx) }); err != nil {
			return fmt.Errorf("start node %d again on %s: %w", i, nodes[i].URL, err)
		}
		return nil
	}
	if f.spec.InTurn {
		began, share := time.Now(), f.spec.Within/time.Duration(len(nodes))
		for i := range nodes {
			select {
			case <-time.After(time.Until(began.Add(time.Duration(i) * share))):
			case <-t.life.ctx.Done():
				return r
			}
			if r.err = one(i); r.err != nil {
				return r
			}
		}
		return r
	}
	errs := make([]error, len(nodes))
	var all sync.WaitGroup
	for i := range nodes {
		all.Go(func() { errs[i] = one(i) })
	}
	all.Wait()
	r.err = errors.Join(errs...)
	return r
}

// sameMachine reports whether the server takes part in this machine's resources.
func (s *server) sameMachine() bool {
	if _, unix := client.SocketPath(s.ep.URL); unix || s.builtIn || s.ep.PID > 0 {
		return true
	}
	u, err := url.Parse(s.ep.URL)
	if err != nil {
		return false
	}
	host := u.Hostname()
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// coresOfServer is how many processors the server may use, as far as this machine knows.
func (t *trial) coresOfServer() float64 {
	pid := int(t.server.pid.Load())
	if pid <= 0 {
		return float64(runtime.NumCPU())
	}
	n := machine.Usable(pid)
	if t.server.builtIn && t.spec.Server != nil && t.spec.Server.GOMAXPROCS > 0 {
		n = min(n, float64(t.spec.Server.GOMAXPROCS*max(1, t.spec.Server.Nodes)))
	}
	return n
}
