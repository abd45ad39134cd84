package scenario

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"runtime"
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
	pid        atomic.Int64 // a restart changes it
	restarting atomic.Bool
	restarted  chan restartResult
}

func (s *server) init(ep *Endpoint, conf *tls.Config, phases int) {
	s.ep, s.tls, s.restarted = ep, conf, make(chan restartResult, phases)
	s.pid.Store(int64(ep.PID))
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
	for deadline := time.Now().Add(restartWithin); ; {
		if r.ep, r.err = t.opt.Start(t.life.ctx, &spec); r.err == nil || t.life.ctx.Err() != nil || time.Now().After(deadline) {
			break
		}
		select {
		case <-t.life.ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	if r.err != nil {
		r.err = fmt.Errorf("start the built-in server again on %s: %w", spec.Listen, r.err)
	} else {
		t.server.pid.Store(int64(r.ep.PID))
	}
	t.server.restarted <- r
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
		n = min(n, float64(t.spec.Server.GOMAXPROCS))
	}
	return n
}
