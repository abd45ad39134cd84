package scenario

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
)

// A before is the requests that the clients of a group make before they connect, made ready.
type before struct {
	spec   *file.Before
	plan   *flowPlan
	series []int // by transport

	// Of requests that are made once for all clients; common is nil where each makes its own.
	common *user
	jar    commonJar     // the cookies of common
	turn   chan struct{} // holds one while a goroutine reads or renews the fields of this block
	first  *fetched      // not yet accounted for
}

// Fetched counts the requests that were made before the first phase.
type fetched struct {
	took    time.Duration
	samples []sample
}

// A sample is a duration of a series.
type sample struct {
	series int
	took   time.Duration
}

func newBefore(t *trial, g *group) *before {
	spec := g.spec.Before
	if spec == nil {
		return nil
	}
	b := &before{spec: spec, plan: &flowPlan{kind: metric.ErrBefore}}
	for _, tr := range t.kinds.transports {
		b.series = append(b.series, t.addSeries(record.Series{Metric: metric.Before, Group: g.spec.Name, Transport: tr}))
	}
	b.plan.all = &step{steps: b.plan.compile(t, g, spec.Steps)}
	if spec.Once {
		b.common, b.turn = &user{}, make(chan struct{}, 1)
	}
	return b
}

// fetch makes the requests of the client that f describes. With f.aside they are not accounted for,
// but kept there to be.
func (g *group) fetch(f *flow) error {
	f.plan, f.group = g.before.plan, g
	f.transport = g.transports[plan.TransportOf(g.spec.Transport, f.number)]
	began := client.Now()
	err := f.through(f.plan.all.steps)
	if f.aside != nil {
		f.aside.took = client.Now() - began
	}
	return err
}

// rehearse makes the requests that are made once for all clients of a group.
func (g *group) rehearse(ctx context.Context) error {
	b := g.before
	if b == nil || b.common == nil {
		return nil
	}
	b.first = &fetched{}
	return g.fetch(&flow{ctx: ctx, user: b.common, jar: &b.jar, node: g.t.firstNode(g, 0), id: uint32(g.first), aside: b.first})
}

// prepare makes the requests before the client's first connection, and accounts for them. The time
// to connect counts from their end.
func (a *actor) prepare(ctx context.Context) error {
	b, p := a.group.before, a.user
	if b == nil || p.ready {
		return nil
	}
	if b.common != nil {
		first, err := b.share(ctx, p)
		if err != nil {
			return err
		}
		a.account(first)
		return nil
	}
	if p.ready = p.probed != nil; p.ready {
		a.account(p.probed)
		return nil
	}
	if err := a.group.fetch(&flow{ctx: ctx, user: p, jar: &p.jar, number: a.number, node: a.node, id: a.id}); err != nil {
		return err
	}
	p.ready = true
	if a.due != noDue {
		now := a.t.now()
		a.t.record(a.shard, b.series[a.transport], a.due, now)
		a.due = now
	}
	return nil
}

// account records requests that were made before the first phase as if the client had made them
// when it was due; nil: nothing.
func (a *actor) account(x *fetched) {
	if x == nil {
		return
	}
	phase := a.t.tl.PhaseAt(max(a.due, 0))
	a.shard.Add(a.group.before.series[a.transport], phase, x.took)
	for _, s := range x.samples {
		a.shard.Add(s.series, phase, s.took)
	}
}

// share gives a client the values and the cookies that were fetched for all. The first caller gets
// what is to be accounted for.
func (b *before) share(ctx context.Context, p *user) (first *fetched, err error) {
	select {
	case b.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-b.turn }()
	b.give(p)
	first, b.first = b.first, nil
	return first, nil
}

// give copies what was fetched for all; its caller holds the turn.
func (b *before) give(p *user) {
	p.captured.Store(b.common.captured.Load())
	b.jar.copyTo(&p.jar)
	p.ready, p.generation = true, b.common.generation
}

// renew makes the requests again, for the client or for all.
func (a *actor) renew(ctx context.Context) error {
	b, p := a.group.before, a.user
	if b.common == nil {
		return a.group.fetch(&flow{ctx: ctx, user: p, jar: &p.jar, number: a.number, node: a.node, id: a.id})
	}
	select {
	case b.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-b.turn }()
	if p.generation == b.common.generation { // no other client has renewed them since
		if err := a.group.fetch(&flow{ctx: ctx, user: b.common, jar: &b.jar, node: a.node, id: a.id}); err != nil {
			return err
		}
		b.common.generation++
	}
	b.give(p)
	return nil
}

// connect makes the requests before the connection, and connects. began is when the last attempt
// to connect did.
func (a *actor) connect(ctx context.Context) (d dialed, began int64, err error) {
	t := a.t
	if err := a.prepare(ctx); err != nil {
		return d, t.now(), &beforeError{err}
	}
	if d, began, err = a.attempt(ctx); err == nil || !a.renews(err) {
		return d, began, err
	}
	refused := t.now()
	a.group.countError(metric.Error(metric.ErrAgain, dialClass(err)), refused, redactedError{a.diagnosed(err), a.filling(), nil})
	if a.isTraced() {
		t.tracer.line(a, refused, "- %v; the requests before the connection are made again", err)
	}
	if err := a.renew(ctx); err != nil {
		return d, t.now(), &beforeError{err}
	}
	began = t.now()
	t.record(a.shard, a.group.before.series[a.transport], refused, began)
	if a.due != noDue {
		a.due += began - refused
	}
	d, _, err = a.attempt(ctx)
	return d, began, err
}

// renews reports whether a client that the target refuses makes the requests before its connection
// again: the group does, or they were made for the probe, whose connection may have used them up.
func (a *actor) renews(err error) bool {
	b := a.group.before
	if b == nil || !refused(err) {
		return false
	}
	probed := a.user.probed != nil
	a.user.probed = nil
	return b.spec.Again || probed
}

// refused reports whether the target refused a client, as it does without a valid token: a
// middleware of the namespace, or the handshake with status 401 or 403.
func refused(err error) bool {
	switch dialClass(err) {
	case "connect_error", "http.401", "http.403", "engine.4":
		return true
	}
	return false
}

func dialClass(err error) string {
	if de, ok := errors.AsType[*client.DialError](err); ok {
		return de.Class
	}
	return metric.HowOther
}

// A beforeError is a step before the connection that failed.
type beforeError struct{ err error }

func (e *beforeError) Error() string { return e.err.Error() }

func (e *beforeError) Unwrap() error { return e.err }

// final reports whether it makes no sense to try again: the service has refused the request. It may
// take another where it did not answer, is overloaded or broken.
func (e *beforeError) final() bool {
	s, ok := errors.AsType[*stepError](e.err)
	return ok && (s.class == metric.HowCapture || s.class == metric.HowStatus && s.status < http.StatusInternalServerError && s.status != http.StatusTooManyRequests)
}
