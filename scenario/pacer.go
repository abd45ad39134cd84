package scenario

import (
	"context"
	"sync/atomic"
	"time"
)

// A source is something that has work due at known moments: a stream, or a group's
// plan of coming and going.
type source interface {
	// next says when the next piece of work is due; ok is false when there is none left.
	next() (due int64, ok bool)
	// fire does it. It must not block. now is a recent reading of the clock.
	fire(now int64)
}

// A skipper is a source whose work is missed when it is left out.
type skipper interface {
	source
	// skip accounts for the piece of work that is due, and does not do it.
	skip(now int64)
}

// A pacer fires sources at the moments that they ask for, on an absolute
// schedule: being late once does not make it later afterwards, and all work that is due
// is fired, however late. How late is the source's to record.
type pacer struct {
	now   func() int64
	sleep func(d time.Duration) // may return early
	stop  atomic.Bool
	heap  []pending
}

type pending struct {
	due int64
	src source
}

// maxSleep bounds a sleep, and so how long the pacer takes to see that it was stopped.
const maxSleep = 20 * time.Millisecond

// run fires until the sources have nothing left or stop is set.
func (p *pacer) run(sources ...source) {
	for _, s := range sources {
		if due, ok := s.next(); ok {
			p.heap = append(p.heap, pending{due, s})
		}
	}
	for i := len(p.heap)/2 - 1; i >= 0; i-- {
		p.down(i)
	}
	for len(p.heap) > 0 && !p.stop.Load() {
		top := &p.heap[0]
		now := p.now()
		if wait := top.due - now; wait > 0 {
			p.sleep(min(time.Duration(wait), maxSleep))
			continue
		}
		top.src.fire(now)
		p.again(top.src.next())
	}
}

// again puts the first source back for its next piece of work, or takes it out when it has none.
func (p *pacer) again(due int64, ok bool) {
	if ok {
		p.heap[0].due = due
	} else {
		last := len(p.heap) - 1
		p.heap[0] = p.heap[last]
		p.heap = p.heap[:last]
	}
	p.down(0)
}

// catchUpWithin bounds how long a pacer that is behind may go on after the last phase.
const catchUpWithin = 10 * time.Second

// end ends the pacer, whose run closes paced. When the phases have run out, it may go on for a
// while to fire the operations that were due before their end, unless the user waits (ctx), and
// accounts for the rest: the number of offered operations does not depend on the pacer's lateness.
func (p *pacer) end(ctx context.Context, paced <-chan struct{}, ranOut bool) {
	if ranOut {
		timer := time.NewTimer(catchUpWithin)
		defer timer.Stop()
		select {
		case <-paced:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	p.stop.Store(true)
	<-paced
	if ranOut {
		p.skipRest()
	}
}

// skipRest leaves out the work that is left, in order: a client that did not come sends nothing. It
// is for the time after run has returned.
func (p *pacer) skipRest() {
	for len(p.heap) > 0 {
		if s, is := p.heap[0].src.(skipper); is {
			s.skip(p.now())
			p.again(s.next())
		} else {
			p.again(0, false)
		}
	}
}

func (p *pacer) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(p.heap) {
			return
		}
		if r := child + 1; r < len(p.heap) && p.heap[r].due < p.heap[child].due {
			child = r
		}
		if p.heap[i].due <= p.heap[child].due {
			return
		}
		p.heap[i], p.heap[child] = p.heap[child], p.heap[i]
		i = child
	}
}
