package scenario

import (
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
		due, ok := top.src.next()
		if ok {
			top.due = due
		} else {
			last := len(p.heap) - 1
			p.heap[0] = p.heap[last]
			p.heap = p.heap[:last]
		}
		p.down(0)
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
