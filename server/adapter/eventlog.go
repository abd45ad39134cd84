package adapter

import (
	"context"
	"sync"
	"time"

	"github.com/throng-io/throng/server/internal/bus"
	"github.com/throng-io/throng/server/internal/wire"
)

// eventLog is the broker's account of what a namespace has sent. Its methods are safe for
// concurrent use.
type eventLog interface {
	// entry is what a broadcast adds, and the text by which it is known when it is read back.
	entry(m *wire.Message) (bus.Item, string)
	// position is how far the entries of the namespace have been passed to recoveryAdapter.arrived.
	position() *logPosition
	// has reports whether the entry at an offset is still there, and so everything behind it.
	has(ctx context.Context, at wire.Offset) (bool, error)
	// read calls f with the broadcasts of the namespace behind one offset and up to another, until
	// f returns false.
	read(ctx context.Context, from, to wire.Offset, f func(at wire.Offset, m *wire.Message) bool) error
}

// sessionStore is where a broker keeps sockets that may come back. Its methods are safe for
// concurrent use, and what they do is done in the order of calls. None but take waits.
type sessionStore interface {
	// keep keeps a socket for a time, with old only if it is kept already; extend keeps it longer,
	// or no more if the time is 0. take returns it and forgets it; "" if there is none.
	keep(pid, session string, within time.Duration, old bool)
	extend(pid string, within time.Duration)
	take(ctx context.Context, pid string) (session string, err error)
}

// logPosition is how far a log has been read.
type logPosition struct {
	mu      sync.Mutex
	at      wire.Offset
	waiting []waiter
}

type waiter struct {
	to   wire.Offset
	done chan struct{}
}

func (p *logPosition) get() wire.Offset {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at
}

// advance notes that everything up to an offset has been read.
func (p *logPosition) advance(to wire.Offset) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at = to
	kept := p.waiting[:0]
	for _, w := range p.waiting {
		if w.to.Compare(to) <= 0 {
			close(w.done)
		} else {
			kept = append(kept, w)
		}
	}
	clear(p.waiting[len(kept):])
	p.waiting = kept
}

// wait returns when everything up to an offset has been read, or with the error of ctx.
func (p *logPosition) wait(ctx context.Context, to wire.Offset) error {
	p.mu.Lock()
	if to.Compare(p.at) <= 0 {
		p.mu.Unlock()
		return nil
	}
	w := waiter{to, make(chan struct{})}
	p.waiting = append(p.waiting, w)
	p.mu.Unlock()
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.waiting {
		if p.waiting[i].done == w.done {
			p.waiting = append(p.waiting[:i], p.waiting[i+1:]...)
			break
		}
	}
	return ctx.Err()
}
