package deadline

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T) *Clock {
	t.Helper()
	c := New()
	go c.Run()
	t.Cleanup(c.Close)
	return c
}

// falseClock runs a test with a false clock: what it arms in a row falls due as if no time had
// passed in between.
func falseClock(t *testing.T, test func(t *testing.T, c *Clock)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, start(t)) })
}

func TestFiresInOrderOfDeadlines(t *testing.T) {
	falseClock(t, func(t *testing.T, c *Clock) {
		var order []time.Duration
		var all sync.WaitGroup
		durations := []time.Duration{40 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond}
		for _, d := range durations {
			all.Add(1)
			c.Arm(&Entry{Fire: func() {
				order = append(order, d)
				all.Done()
			}}, d)
		}
		all.Wait()
		if order[0] != durations[1] || order[1] != durations[2] || order[2] != durations[0] {
			t.Errorf("fired in the order %v", order)
		}
	})
}

func TestFiresAtItsTime(t *testing.T) {
	falseClock(t, func(t *testing.T, c *Clock) {
		const d = 20 * time.Millisecond
		fired := make(chan time.Time, 1)
		armed := time.Now()
		c.Arm(&Entry{Fire: func() { fired <- time.Now() }}, d)
		if at := <-fired; at.Sub(armed) != d {
			t.Errorf("fired %v after it was armed for %v", at.Sub(armed), d)
		}
	})
}

func TestDisarmedDoesNotFire(t *testing.T) {
	falseClock(t, func(t *testing.T, c *Clock) {
		wrong := &Entry{Fire: func() { t.Error("a disarmed entry fired") }}
		c.Arm(wrong, 10*time.Millisecond)
		c.Disarm(wrong)
		c.Disarm(wrong)
		done := make(chan struct{})
		c.Arm(&Entry{Fire: func() { close(done) }}, 10*time.Millisecond)
		<-done
	})
}

func TestRearmMovesTheDeadline(t *testing.T) {
	falseClock(t, func(t *testing.T, c *Clock) {
		first := make(chan struct{})
		moved := make(chan struct{})
		e := &Entry{Fire: func() { close(moved) }}
		c.Arm(e, 5*time.Millisecond)
		c.Arm(e, 50*time.Millisecond)
		c.Arm(&Entry{Fire: func() { close(first) }}, 20*time.Millisecond)
		<-first
		select {
		case <-moved:
			t.Error("fired at its first deadline though it was armed again")
		default:
		}
		<-moved
	})
}

// What is due by then has fired when Advance returns, in its order, and nothing else has.
func TestAdvance(t *testing.T) {
	c := start(t)
	var order []int
	note := func(i int) *Entry { return &Entry{Fire: func() { order = append(order, i) }} }
	c.Arm(note(3), 3*time.Hour)
	c.Arm(note(1), time.Hour)
	c.Arm(note(2), 2*time.Hour)
	before := c.Now()
	for i, want := range [][]int{nil, {1}, {1, 2, 3}} {
		c.Advance(time.Duration(i) * time.Hour)
		if !slices.Equal(order, want) {
			t.Errorf("after %v fired %v, want %v", c.Now()-before, order, want)
		}
	}
	if passed := c.Now() - before; passed < 3*time.Hour || passed > 4*time.Hour {
		t.Errorf("it is %v later", passed)
	}
}

// What is armed when the clock expires fires in its order, once, and nothing can be armed any more.
func TestExpire(t *testing.T) {
	c := New()
	go c.Run()
	var order []int
	note := func(i int) *Entry {
		e := &Entry{}
		e.Fire = func() {
			if order = append(order, i); c.Arm(e, 0) {
				t.Errorf("%d is armed again", i)
			}
		}
		return e
	}
	c.Arm(note(2), 2*time.Hour)
	c.Arm(note(1), time.Hour)
	c.Arm(note(3), 3*time.Hour)
	c.Expire()
	if !slices.Equal(order, []int{1, 2, 3}) {
		t.Errorf("fired %v", order)
	}
	if c.Arm(note(4), 0) {
		t.Error("an entry is armed that will not fire")
	}
}

// A duration that reaches beyond what the clock can count is a long one.
func TestLongestDuration(t *testing.T) {
	c := start(t)
	wrong := &Entry{Fire: func() { t.Error("it has fired") }}
	c.Arm(wrong, math.MaxInt64)
	c.Advance(1000 * time.Hour)
	c.Disarm(wrong)
}

func TestArmFromFire(t *testing.T) {
	c := start(t)
	done := make(chan struct{})
	n := 0
	e := &Entry{}
	e.Fire = func() {
		if n++; n == 5 {
			close(done)
			return
		}
		c.Arm(e, time.Millisecond)
	}
	c.Arm(e, time.Millisecond)
	<-done
}

func TestManyConcurrentArms(t *testing.T) {
	c := start(t)
	var fired sync.WaitGroup
	var workers sync.WaitGroup
	for w := range 4 {
		workers.Go(func() {
			rng := rand.New(rand.NewPCG(1, uint64(w)))
			for range 500 {
				fired.Add(1)
				e := &Entry{Fire: fired.Done}
				for range rng.IntN(3) {
					c.Arm(e, time.Hour)
				}
				c.Arm(e, time.Duration(1+rng.IntN(3))*time.Millisecond)
			}
		})
	}
	workers.Wait()
	fired.Wait()
}

// Durations that users choose, such as the timeouts of answers, must not leave a list each behind.
func TestListsAreReused(t *testing.T) {
	c := New()
	var e Entry
	e.Fire = func() {}
	for i := range 1000 {
		c.Arm(&e, time.Hour+time.Duration(i))
	}
	c.Disarm(&e)
	if allocs := testing.AllocsPerRun(100, func() { c.Arm(&e, 2*time.Hour); c.Disarm(&e); c.Arm(&e, 3*time.Hour) }); allocs > 0 {
		t.Errorf("arming allocates %v times", allocs)
	}
}

// Timers of as many durations as there are timers fall due in their order, those that are armed
// anew or disarmed included, and the durations do not slow the others down.
func TestManyDurations(t *testing.T) {
	c := start(t)
	const count = 5000
	dice := rand.New(rand.NewPCG(1, 2))
	type timer struct {
		entry Entry
		due   time.Duration
	}
	var fired []*timer
	all := make([]*timer, count)
	arm := func(e *timer) {
		d := time.Hour + time.Duration(dice.Int64N(int64(time.Hour)))
		c.Arm(&e.entry, d)
		e.due = e.entry.due
	}
	for i := range all {
		e := &timer{}
		e.entry.Fire = func() { fired = append(fired, e) }
		arm(e)
		all[i] = e
	}
	armed := count
	for i, e := range all {
		switch i % 3 {
		case 0:
			c.Disarm(&e.entry)
			armed--
		case 1:
			arm(e)
		}
	}
	if n := len(c.lists); n > maxLists {
		t.Errorf("there are %d lists", n)
	}
	c.Advance(3 * time.Hour)
	if len(fired) != armed || len(c.queue.entries)+len(c.queue.place) > 0 {
		t.Errorf("%d of %d timers have fired, and %d are left", len(fired), armed, len(c.queue.entries))
	}
	if !slices.IsSortedFunc(fired, func(a, b *timer) int { return int(a.due - b.due) }) {
		t.Error("they have not fired in their order")
	}
}

// BenchmarkDurations arms and disarms a timer beside others of so many durations.
func BenchmarkDurations(b *testing.B) {
	for _, n := range []int{1, 10, 1000, 100_000} {
		b.Run(fmt.Sprintf("durations=%d", n), func(b *testing.B) {
			c := New()
			others := make([]Entry, n)
			for i := range others {
				c.Arm(&others[i], time.Hour+time.Duration(i))
			}
			var e Entry
			b.ReportAllocs()
			for b.Loop() {
				c.Arm(&e, 2*time.Hour)
				c.Disarm(&e)
			}
		})
	}
}
