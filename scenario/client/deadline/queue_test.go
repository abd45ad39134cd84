package deadline

import (
	"sync/atomic"
	"testing"
	"time"
)

type owner func(now time.Duration) time.Duration

func (f owner) Due(now time.Duration) time.Duration { return f(now) }

func newQueue(t *testing.T) *Queue {
	began := time.Now()
	q := &Queue{Clock: func() time.Duration { return time.Since(began) }}
	t.Cleanup(q.Close)
	return q
}

// Owners are called for in the order of their moments; one that was dropped is not.
func TestQueue(t *testing.T) {
	q := newQueue(t)
	called := make(chan int, 10)
	at := q.Clock() + 20*time.Millisecond
	all := make([]Entry, 5)
	for i := range all {
		all[i].Owner = owner(func(now time.Duration) time.Duration {
			if now < at {
				t.Errorf("%d is called for %v early", i, at-now)
			}
			called <- i
			return 0
		})
	}
	for _, i := range []int{3, 0, 4, 2, 1} {
		q.Set(&all[i], at+time.Duration(i)*time.Millisecond)
	}
	q.Set(&all[4], at)           // earlier
	q.Set(&all[1], at+time.Hour) // later: the earlier call finds out
	q.Drop(&all[2])
	q.Drop(&all[2])
	got := map[int]bool{}
	for range 4 {
		got[<-called] = true
	}
	if got[2] || len(got) != 4 {
		t.Errorf("called for %v, want 0, 1, 3 and 4", got)
	}
}

// An owner may set its next moment while it is called for, or return it, and others may set moments
// before and after all meanwhile: nobody is forgotten.
func TestNobodyIsForgotten(t *testing.T) {
	q := newQueue(t)
	const owners, calls = 200, 20
	var left atomic.Int64
	left.Store(owners)
	over := make(chan struct{})
	all := make([]Entry, owners)
	for i := range all {
		n := 0
		all[i].Owner = owner(func(now time.Duration) time.Duration {
			if n++; n == calls {
				if left.Add(-1) == 0 {
					close(over)
				}
				return 0
			}
			at := now + time.Duration(i*n%7)*100*time.Microsecond
			if i%2 == 0 {
				return max(at, 1)
			}
			q.Set(&all[i], at)
			return 0
		})
	}
	for i := range all {
		go q.Set(&all[i], q.Clock()+time.Duration(i%11)*time.Millisecond)
	}
	select {
	case <-over:
	case <-time.After(30 * time.Second):
		t.Errorf("%d of %d owners wait", left.Load(), owners)
	}
}

// After Close nobody is called for.
func TestClosed(t *testing.T) {
	q := newQueue(t)
	var closed atomic.Bool
	e := Entry{Owner: owner(func(now time.Duration) time.Duration {
		if closed.Load() {
			t.Error("called for")
		}
		return now + time.Millisecond
	})}
	q.Set(&e, 1)
	time.Sleep(20 * time.Millisecond)
	q.Close()
	closed.Store(true)
	q.Set(&e, 1)
	time.Sleep(20 * time.Millisecond)
}
