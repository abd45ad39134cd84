package fleet

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/throng-io/throng/scenario/client"
)

// A timebase says which clock a process reads. Processes with the same Clock read the same one, and
// Zero is where this process's client.Now is zero on it. The Clock is empty where it is not known.
type timebase struct {
	Clock string        `json:"clock,omitempty"`
	Zero  time.Duration `json:"zero_ns,omitempty"`
}

// to returns what has to be added to a moment of this process's client.Now for it to be one of
// another's, where both read one clock.
func (t timebase) to(other timebase) (offset time.Duration, same bool) {
	if t.Clock == "" || t.Clock != other.Clock {
		return 0, false
	}
	return t.Zero - other.Zero, true
}

// An exchange is a question for the controller's time, and the answer.
type exchange struct {
	asked, back    time.Duration // on the own clock
	came, answered time.Duration // on the controller's
}

// way is how long question and answer were under way.
func (e exchange) way() time.Duration { return e.back - e.asked - (e.answered - e.came) }

// at is when, on the own clock.
func (e exchange) at() time.Duration { return e.asked + (e.back-e.asked)/2 }

// kept is how long exchanges count for the line through them.
const kept = 2 * time.Minute

// A clock turns moments of the own clock into moments of the fleet's. Goroutines may share it.
type clock struct {
	exact bool // the controller's clock is this one

	line atomic.Pointer[line]

	mu   sync.Mutex
	best []exchange // the one with the shortest way of each burst, in order
}

// A line is the difference between the clocks: offset at ref, and slope from there on. Until
// settled it makes up for what the line before it was wrong by, so that time never jumps.
type line struct {
	ref     time.Duration
	offset  float64 // nanoseconds
	slope   float64 // nanoseconds a nanosecond
	excess  float64 // of the line before, at ref; gone by settled
	settled time.Duration
	bound   time.Duration
}

// settling is how long a correction takes, unless it is larger.
const settling = time.Second

// exactly is a clock that differs from the fleet's by a known time.
func exactly(offset time.Duration) *clock {
	c := &clock{exact: true}
	c.line.Store(&line{offset: float64(offset)})
	return c
}

// Fleet turns a moment of this process's client.Now into one of the fleet's clock.
func (c *clock) Fleet(local time.Duration) time.Duration { return c.line.Load().fleet(local) }

func (l *line) fleet(local time.Duration) time.Duration {
	since := float64(local - l.ref)
	d := l.offset + l.slope*since
	if local < l.settled {
		d += l.excess * float64(l.settled-local) / float64(l.settled-l.ref)
	}
	return local + time.Duration(math.Round(d))
}

// uncompared is the bound of a clock that has not been compared yet.
const uncompared = time.Hour

// reading returns what this process's clock of the day shows when the fleet's clock shows zero, in
// nanoseconds since 1970, and how far that may be off: both by one line.
func (c *clock) reading() (zero int64, bound time.Duration) {
	l := c.line.Load()
	if l == nil {
		return 0, uncompared
	}
	now := client.Now()
	return dayAt(l.fleet(now) - now), min(l.bound, uncompared)
}

// learn takes in a burst of exchanges, and draws a new line from now on.
func (c *clock) learn(burst []exchange, now time.Duration) {
	if c.exact || len(burst) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.best = append(c.best, slices.MinFunc(burst, func(a, b exchange) int { return int(a.way() - b.way()) }))
	c.best = slices.DeleteFunc(c.best, func(e exchange) bool { return now-e.at() > kept })
	if len(c.best) == 0 {
		return // the process stood still
	}
	next := fit(c.best, now)
	if was := c.line.Load(); was != nil {
		next.excess = float64(was.fleet(now) - next.fleet(now))
		// never faster than a tenth, so that the fleet's time never runs backwards
		next.settled = now + max(settling, time.Duration(10*math.Abs(next.excess)))
		next.bound += time.Duration(math.Abs(next.excess))
	}
	c.line.Store(next)
}

// steepest bounds how fast two clocks may drift apart: by how much systems slew theirs at most.
const steepest = 500e-6

// ahead is for how long a line must be good: until the burst after the next.
const ahead = 2 * burstEvery

// A fitting holds what exchanges say about the clocks' difference now, if they drift apart at a
// constant rate. The difference was between low and high at each exchange, whichever way took how
// much of the time.
type fitting struct {
	now time.Duration
	all []exchange
}

// ends are the least and the largest difference now, for a slope. They cross when no line of that
// slope agrees with all exchanges.
func (f *fitting) ends(slope float64) (low, high float64) {
	low, high = math.Inf(-1), math.Inf(1)
	for i := range f.all {
		e := &f.all[i]
		later := slope * float64(f.now-e.at())
		low = max(low, float64(e.answered-e.back)+later)
		high = min(high, float64(e.came-e.asked)+later)
	}
	return low, high
}

func (f *fitting) room(slope float64) float64 {
	low, high := f.ends(slope)
	return high - low
}

// widest is the slope with the most room for lines, which is a concave function of it.
func (f *fitting) widest() float64 {
	from, to := -steepest, steepest
	for range 60 {
		a, b := from+(to-from)/3, to-(to-from)/3
		if f.room(a) < f.room(b) {
			from = a
		} else {
			to = b
		}
	}
	return (from + to) / 2
}

// border is where, between a slope that has room and one that is too steep, the room ends.
func (f *fitting) border(good, steep float64) float64 {
	if f.room(steep) >= 0 {
		return steep
	}
	for range 60 {
		if mid := (good + steep) / 2; f.room(mid) >= 0 {
			good = mid
		} else {
			steep = mid
		}
	}
	return good
}

// fit puts a line in the middle of those that agree with all exchanges, as many of the latest as
// agree with each other. Its bound is how far it may be off until ahead.
func fit(all []exchange, now time.Duration) *line {
	f := fitting{now, all}
	slope := f.widest()
	for f.room(slope) < 0 && len(f.all) > 1 { // the rate has changed
		f.all = f.all[1+len(f.all)/8:]
		slope = f.widest()
	}
	least, most := f.border(slope, -steepest), f.border(slope, steepest)
	low, _ := f.ends(least)
	_, high := f.ends(most)
	l := &line{ref: now, offset: (low + high) / 2, slope: (least + most) / 2}
	l.bound = time.Duration(math.Ceil((high-low)/2 + (most-least)/2*float64(ahead)))
	return l
}

// dayAt is what this process's clock of the day shows, in nanoseconds since 1970, when the fleet's
// clock is offset ahead of client.Now and shows zero.
func dayAt(offset time.Duration) (at int64) {
	// Two clocks are not read at once: of several readings the one counts between whose halves the
	// least time passed.
	least := time.Duration(math.MaxInt64)
	for range 5 {
		before := client.Now()
		day := time.Now().UnixNano()
		if took := client.Now() - before; took < least {
			least, at = took, day-int64(before+took/2+offset)
		}
	}
	return at
}
