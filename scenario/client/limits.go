package client

import (
	"container/heap"
	"sync"
	"time"
)

// limits calls for clients whose time to read has passed. One timer serves them all, and most
// deadlines only move on: the timer looks at the client's own before it takes it for overdue.
type limits struct {
	mu     sync.Mutex
	queue  limitHeap
	timer  *time.Timer // nil: none has been needed
	closed bool
	wg     sync.WaitGroup
}

// A limit is the deadline of one client. The fields belong to limits.
type limit struct {
	at    time.Duration // when to look, as Now
	place int           // in the heap, from 1; 0: not in it
	owner interface {
		// due calls for the client if its deadline is not after now, and returns when to look
		// again; 0: not any more
		due(now time.Duration) time.Duration
	}
}

// set lets the owner be asked at a moment at the latest.
func (l *limits) set(x *limit, at time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed, x.place > 0 && x.at <= at:
		return
	case x.place > 0:
		x.at = at
		heap.Fix(&l.queue, x.place-1)
	default:
		x.at = at
		heap.Push(&l.queue, x)
	}
	l.schedule()
}

// drop forgets x.
func (l *limits) drop(x *limit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if x.place > 0 {
		heap.Remove(&l.queue, x.place-1)
	}
}

// schedule sets the timer to the earliest moment. mu is locked.
func (l *limits) schedule() {
	if len(l.queue) == 0 {
		return
	}
	wait := l.queue[0].at - Now()
	if l.timer == nil {
		l.timer = time.AfterFunc(wait, l.fire)
		return
	}
	l.timer.Reset(wait)
}

// fire looks at what is due.
func (l *limits) fire() {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return
	}
	l.wg.Add(1)
	defer l.wg.Done()
	now := Now()
	for len(l.queue) > 0 && l.queue[0].at <= now {
		x := heap.Pop(&l.queue).(*limit)
		l.mu.Unlock()
		at := x.owner.due(now)
		if at > 0 {
			l.set(x, max(at, now+time.Millisecond))
		}
		l.mu.Lock()
	}
	l.schedule()
	l.mu.Unlock()
}

func (l *limits) close() {
	l.mu.Lock()
	l.closed = true
	if l.timer != nil {
		l.timer.Stop()
	}
	l.mu.Unlock()
	l.wg.Wait()
}

// limitHeap is a heap by the moment. Its methods are container/heap's.
type limitHeap []*limit

func (h limitHeap) Len() int           { return len(h) }
func (h limitHeap) Less(i, j int) bool { return h[i].at < h[j].at }

func (h limitHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i+1, j+1
}

func (h *limitHeap) Push(x any) {
	l := x.(*limit)
	*h = append(*h, l)
	l.place = len(*h)
}

func (h *limitHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	x.place = 0
	return x
}
