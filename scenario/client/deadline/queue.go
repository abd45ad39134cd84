// Package deadline calls for many owners when their moments have come, with one timer.
package deadline

import (
	"container/heap"
	"sync"
	"time"
)

// A Queue calls for owners whose moment has come. One timer serves them all. Most moments only move
// on: the timer rings at the earliest that was set, and the owner says when to look again. Set
// Clock before the first Set. Its methods are safe for concurrent use.
type Queue struct {
	Clock func() time.Duration // that moments are on

	mu     sync.Mutex
	queue  entries
	timer  *time.Timer // nil: none has been needed
	closed bool
	wg     sync.WaitGroup
}

// An Owner is called for at its moment.
type Owner interface {
	// Due is called when the moment that was set has come, on a goroutine that others wait for. now
	// is a recent reading of the clock. It returns when to look again; 0: not any more, or Set
	// says.
	Due(now time.Duration) time.Duration
}

// An Entry is an owner's place in a queue. Set Owner before the first Set; the rest is the queue's.
type Entry struct {
	Owner Owner
	at    time.Duration
	place int // in the heap, from 1; 0: not in it
}

// Set lets the owner be called for at a moment at the latest.
func (q *Queue) Set(e *Entry, at time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed, e.place > 0 && e.at <= at:
		return
	case e.place > 0:
		e.at = at
		heap.Fix(&q.queue, e.place-1)
	default:
		e.at = at
		heap.Push(&q.queue, e)
	}
	if e.place == 1 {
		q.schedule()
	}
}

// Drop forgets an entry. Its owner may be called for once more.
func (q *Queue) Drop(e *Entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e.place > 0 {
		heap.Remove(&q.queue, e.place-1)
	}
}

// schedule sets the timer to the earliest moment. mu is locked.
func (q *Queue) schedule() {
	if q.closed || len(q.queue) == 0 {
		return
	}
	wait := q.queue[0].at - q.Clock()
	if q.timer == nil {
		q.timer = time.AfterFunc(wait, q.fire)
		return
	}
	q.timer.Reset(wait)
}

// fire looks at what is due.
func (q *Queue) fire() {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return
	}
	q.wg.Add(1)
	defer q.wg.Done()
	now := q.Clock()
	for !q.closed && len(q.queue) > 0 && q.queue[0].at <= now {
		e := heap.Pop(&q.queue).(*Entry)
		q.mu.Unlock()
		at := e.Owner.Due(now)
		if at > 0 {
			q.Set(e, max(at, now+time.Millisecond))
		}
		q.mu.Lock()
	}
	q.schedule()
	q.mu.Unlock()
}

// Close ends the calls and waits for those under way.
func (q *Queue) Close() {
	q.mu.Lock()
	q.closed = true
	if q.timer != nil {
		q.timer.Stop()
	}
	q.mu.Unlock()
	q.wg.Wait()
}

// entries are a heap by the moment. Its methods are container/heap's.
type entries []*Entry

func (h entries) Len() int           { return len(h) }
func (h entries) Less(i, j int) bool { return h[i].at < h[j].at }

func (h entries) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i+1, j+1
}

func (h *entries) Push(x any) {
	e := x.(*Entry)
	*h = append(*h, e)
	e.place = len(*h)
}

func (h *entries) Pop() any {
	old := *h
	x := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	x.place = 0
	return x
}
