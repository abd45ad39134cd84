// Package deadline keeps many timers of few durations with one goroutine.
//
// A server has a heartbeat per session, and all of them wait for the same two durations. Entries of
// equal duration fall due in the order in which they were armed, so a linked list is already
// sorted: arming appends, firing takes the head, both without a heap, an allocation, or a runtime
// timer per session. Entries fire at their exact time, not at the tick of a wheel.
//
// Durations that users compute, such as the timeouts of answers, may be many. Those for which there
// is no list are in a heap.
package deadline

import (
	"container/heap"
	"sync"
	"sync/atomic"
	"time"
)

// Entry is one timer, embedded in what it times. The zero value is not armed. An entry belongs to
// one Clock for its life.
type Entry struct {
	// Fire is called when the entry falls due, on the clock's goroutine, with no lock held. It must
	// not block. Set it before the first Arm.
	Fire func()

	list       *list // nil when not armed; Clock.rare when in the heap
	prev, next *Entry
	due        time.Duration // by Clock.Now
}

// list holds the armed entries of one duration, earliest first.
type list struct {
	after      time.Duration
	head, tail *Entry
}

// maxLists bounds the lists, which each Arm goes through.
const maxLists = 32

// queue is a heap of armed entries, the earliest first; see container/heap.
type queue struct {
	entries []*Entry
	place   map[*Entry]int
}

func (q *queue) Len() int           { return len(q.entries) }
func (q *queue) Less(i, j int) bool { return q.entries[i].due < q.entries[j].due }

func (q *queue) Swap(i, j int) {
	q.entries[i], q.entries[j] = q.entries[j], q.entries[i]
	q.place[q.entries[i]], q.place[q.entries[j]] = i, j
}

func (q *queue) Push(x any) {
	e := x.(*Entry)
	if q.place == nil {
		q.place = map[*Entry]int{}
	}
	q.place[e] = len(q.entries)
	q.entries = append(q.entries, e)
}

func (q *queue) Pop() any {
	last := len(q.entries) - 1
	e := q.entries[last]
	q.entries[last], q.entries = nil, q.entries[:last]
	delete(q.place, e)
	return e
}

// Clock fires entries. Its methods may be called from any goroutine.
type Clock struct {
	start   time.Time
	skipped atomic.Int64 // by Advance, in nanoseconds

	mu     sync.Mutex
	lists  []*list // one per duration in use: a handful
	rare   list    // empty; stands for queue
	queue  queue   // entries of the durations for which there is no list
	next   time.Duration
	closed bool
	timer  *time.Timer
	done   chan struct{}
	ended  chan struct{}
}

const never = time.Duration(1<<63 - 1)

// New returns a clock. It starts nothing: Run does the work.
func New() *Clock {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	return &Clock{
		start: time.Now(), next: never, timer: timer,
		done: make(chan struct{}), ended: make(chan struct{}),
	}
}

// Run fires entries until Close is called. The caller gives it a goroutine.
func (c *Clock) Run() {
	defer close(c.ended)
	for {
		select {
		case <-c.done:
			return
		case <-c.timer.C:
		}
		c.fireDue()
	}
}

// Close ends Run, which must have been started, and waits for it. Armed entries do not fire any
// more.
func (c *Clock) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	close(c.done)
	<-c.ended
	c.timer.Stop()
}

// Expire is Close for a clock that somebody may still wait for: what is armed fires, on the
// caller's goroutine and in the order of the deadlines.
func (c *Clock) Expire() {
	c.Close()
	for e := c.takeEarliest(); e != nil; e = c.takeEarliest() {
		e.Fire()
	}
}

// takeEarliest disarms the entry that is the next to fall due, nil if none is armed.
func (c *Clock) takeEarliest() *Entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.earliest()
	if e != nil {
		c.unlink(e)
	}
	return e
}

// Now returns the time since the clock was made.
func (c *Clock) Now() time.Duration {
	return time.Since(c.start) + time.Duration(c.skipped.Load())
}

// Advance moves the clock on by d, and returns when what is due by then has fired. Run must be at
// work. It is there for tests, which would have to wait, and to be quicker than the time that they
// wait for.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	c.skipped.Add(int64(d))
	c.next = never // the timer does not know
	c.mu.Unlock()
	fired := make(chan struct{})
	c.Arm(&Entry{Fire: func() { close(fired) }}, 0)
	<-fired
}

// Arm makes e fall due after d, whether or not it was armed before. It returns false if the clock
// is closed, and e will not fire.
func (c *Clock) Arm(e *Entry, d time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unlink(e)
	if c.closed {
		return false
	}
	l, now := c.listOf(d), c.Now()
	e.list, e.due = l, now+min(d, never-now)
	if l == &c.rare {
		heap.Push(&c.queue, e)
	} else {
		l.push(e)
	}
	if e.due < c.next {
		c.schedule(e.due)
	}
	return true
}

func (l *list) push(e *Entry) {
	if e.prev = l.tail; e.prev == nil {
		l.head = e
	} else {
		e.prev.next = e
	}
	l.tail = e
}

// Disarm makes sure that e does not fire, unless its Fire is running already.
func (c *Clock) Disarm(e *Entry) {
	c.mu.Lock()
	c.unlink(e)
	c.mu.Unlock()
}

// listOf returns the list for a duration, or rare if there are too many.
func (c *Clock) listOf(d time.Duration) *list {
	var idle *list
	for _, l := range c.lists {
		if l.after == d {
			return l
		}
		if l.head == nil {
			idle = l
		}
	}
	if idle != nil { // or every duration ever used would keep a list
		idle.after = d
		return idle
	}
	if len(c.lists) == maxLists {
		return &c.rare
	}
	l := &list{after: d}
	c.lists = append(c.lists, l)
	return l
}

func (c *Clock) unlink(e *Entry) {
	l := e.list
	switch l {
	case nil:
		return
	case &c.rare:
		heap.Remove(&c.queue, c.queue.place[e])
		e.list = nil
		return
	}
	if e.prev == nil {
		l.head = e.next
	} else {
		e.prev.next = e.next
	}
	if e.next == nil {
		l.tail = e.prev
	} else {
		e.next.prev = e.prev
	}
	e.list, e.prev, e.next = nil, nil, nil
}

func (c *Clock) schedule(due time.Duration) {
	c.next = due
	c.timer.Reset(due - c.Now())
}

// fireDue fires what is due, one entry at a time with the lock released, so that Fire may arm and
// disarm entries.
func (c *Clock) fireDue() {
	for {
		c.mu.Lock()
		earliest := c.earliest()
		if earliest == nil {
			c.next = never
			c.mu.Unlock()
			return
		}
		if earliest.due > c.Now() {
			c.schedule(earliest.due)
			c.mu.Unlock()
			return
		}
		c.unlink(earliest)
		c.mu.Unlock()
		earliest.Fire()
	}
}

func (c *Clock) earliest() *Entry {
	var first *Entry
	for _, l := range c.lists {
		if l.head != nil && (first == nil || l.head.due < first.due) {
			first = l.head
		}
	}
	if len(c.queue.entries) > 0 && (first == nil || c.queue.entries[0].due < first.due) {
		first = c.queue.entries[0]
	}
	return first
}
