package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/throng-io/throng/scenario/result"
)

// A memFleet runs the parts of a trial in this process, with messages over channels.
type memFleet struct {
	agents []result.Agent
	opt    Options // of the agents
	bound  time.Duration
	// part may take the place of an agent's RunPart; nil: RunPart.
	part func(ctx context.Context, job []byte, link *memLink) error

	mu    sync.Mutex
	parts *memParts // of the last trial
}

// newMemFleet is a fleet of n agents that connect as opt says.
func newMemFleet(n int, opt Options) *memFleet {
	f := &memFleet{opt: Options{dial: opt.dial, network: opt.network, sleep: opt.sleep, link: opt.link, budget: opt.budget, holds: opt.holds, second: opt.second}}
	for i := range n {
		f.agents = append(f.agents, result.Agent{Name: fmt.Sprintf("agent%d", i), Weight: 1})
	}
	return f
}

func (f *memFleet) Agents() []result.Agent { return slices.Clone(f.agents) }

func (f *memFleet) Begin(_ context.Context, job []byte) (Parts, error) {
	p := &memParts{out: newMailbox[PartMessage](), epoch: make(chan struct{})}
	p.ctx, p.cancel = context.WithCancelCause(context.Background())
	var ready sync.WaitGroup
	ready.Add(len(f.agents))
	var mu sync.Mutex
	var failed error
	for i := range f.agents {
		ctx, cancel := context.WithCancelCause(p.ctx)
		l := &memLink{fleet: f, parts: p, self: i, in: newMailbox[LinkMessage](), kill: cancel, ready: sync.OnceFunc(ready.Done)}
		p.links = append(p.links, l)
		p.wg.Go(func() {
			run := f.part
			if run == nil {
				run = func(ctx context.Context, job []byte, l *memLink) error { return RunPart(ctx, job, l, f.opt) }
			}
			err := run(ctx, job, l)
			l.mu.Lock()
			began := l.began
			l.dead = true
			l.mu.Unlock()
			if !began && err != nil {
				mu.Lock()
				if failed == nil {
					failed = fmt.Errorf("the agent %s is not ready: %w", f.agents[i].Name, err)
				}
				mu.Unlock()
			} else if err != nil {
				p.out.put(PartMessage{Agent: i, Lost: err})
			}
			l.ready()
		})
	}
	ready.Wait()
	f.mu.Lock()
	f.parts = p
	f.mu.Unlock()
	if failed != nil {
		p.cancel(failed)
		p.wg.Wait()
		return nil, failed
	}
	return p, nil
}

type memParts struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup
	links  []*memLink
	out    *mailbox[PartMessage]
	at     time.Duration
	epoch  chan struct{} // closed when at is set
}

func (p *memParts) Start(epoch time.Duration) error {
	p.at = epoch
	close(p.epoch)
	return nil
}

func (p *memParts) Tell(order []byte) error {
	for _, l := range p.links {
		l.in.put(LinkMessage{From: -1, Data: slices.Clone(order)})
	}
	return nil
}

func (p *memParts) Ticket() string { return "memory" }

func (p *memParts) Next(ctx context.Context) (PartMessage, error) { return p.out.take(ctx) }

func (p *memParts) Close() error {
	p.cancel(errors.New("the trial is over"))
	p.wg.Wait()
	return nil
}

// A memLink is an agent's end.
type memLink struct {
	fleet *memFleet
	parts *memParts
	self  int
	in    *mailbox[LinkMessage]
	kill  context.CancelCauseFunc
	ready func()

	mu    sync.Mutex
	began bool
	dead  bool // nothing leaves it any more
	bytes int  // to other agents
}

func (l *memLink) Self() int              { return l.self }
func (l *memLink) Agents() []result.Agent { return l.fleet.agents }
func (l *memLink) Bound() time.Duration   { return l.fleet.bound }

func (l *memLink) Epoch(ctx context.Context) (time.Duration, error) {
	l.mu.Lock()
	l.began = true
	l.mu.Unlock()
	l.ready()
	select {
	case <-l.parts.epoch:
		return l.parts.at, nil
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

func (l *memLink) Fleet(local time.Duration) time.Duration {
	if l.self == 1 { // its clock is wrong by as much as it may be
		return local + l.fleet.bound
	}
	return local
}

func (l *memLink) Report(data []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.dead {
		l.parts.out.put(PartMessage{Agent: l.self, Data: slices.Clone(data)})
	}
	return nil
}

func (l *memLink) Mesh(to int, data []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		return nil
	}
	for i, other := range l.parts.links {
		if i != l.self && (to < 0 || to == i) {
			l.bytes += len(data)
			other.in.put(LinkMessage{From: l.self, Data: slices.Clone(data)})
		}
	}
	return nil
}

func (l *memLink) Next(ctx context.Context) (LinkMessage, error) { return l.in.take(ctx) }

// cut makes the agent unheard, as when its process is killed, and ends it.
func (l *memLink) cut(why error) {
	l.mu.Lock()
	was := l.dead
	l.dead = true
	l.mu.Unlock()
	if !was {
		l.parts.out.put(PartMessage{Agent: l.self, Lost: why})
		l.kill(why)
	}
}

// A mailbox is a queue without bounds.
type mailbox[T any] struct {
	mu   sync.Mutex
	list []T
	more chan struct{} // takes one
}

func newMailbox[T any]() *mailbox[T] { return &mailbox[T]{more: make(chan struct{}, 1)} }

func (m *mailbox[T]) put(v T) {
	m.mu.Lock()
	m.list = append(m.list, v)
	m.mu.Unlock()
	select {
	case m.more <- struct{}{}:
	default:
	}
}

func (m *mailbox[T]) take(ctx context.Context) (v T, err error) {
	for {
		m.mu.Lock()
		if len(m.list) > 0 {
			v, m.list = m.list[0], m.list[1:]
			m.mu.Unlock()
			return v, nil
		}
		m.mu.Unlock()
		select {
		case <-m.more:
		case <-ctx.Done():
			return v, context.Cause(ctx)
		}
	}
}
