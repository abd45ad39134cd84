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

// offset is what the own clock lacks, if question and answer took as long (RFC 5905, section 8). The
// error is at most half of the way.
func (e exchange) offset() time.Duration { return (e.came - e.asked + e.answered - e.back) / 2 }

// at is when, on the own clock.
func (e exchange) at() time.Duration { return e.asked + (e.back-e.asked)/2 }

// kept is how long exchanges count for the line through them.
const kept = 2 * time.Minute

// slopeFrom is how long exchanges must span before they say how fast the clocks drift apart: over
// less time, the error of an exchange looks like a drift.
const slopeFrom = 10 * time.Second

// A clock turns moments of the own clock into moments of the fleet's. Goroutines may share it.
type clock struct {
	exact bool // the controller's clock is this one

	line atomic.Pointer[line]

	mu   sync.Mutex
	best []exchange // the one with the shortest way of each burst, in order
}

// A line is the difference between the clocks: offset at ref, and slope from there on. Until settled
// it makes up for what the line before it was wrong by, so that time never jumps.
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

// bound is how far the fleet's time may be wrong here.
func (c *clock) bound() time.Duration {
	if c.exact {
		return 0
	}
	if l := c.line.Load(); l != nil {
		return l.bound
	}
	return math.MaxInt64
}

// offset is by how much the fleet's clock is ahead now.
func (c *clock) offset() time.Duration {
	if c.line.Load() == nil {
		return 0
	}
	now := client.Now()
	return c.Fleet(now) - now
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
	}
	c.line.Store(next)
}

// fit puts a line through the exchanges with the shortest ways, by least squares. It is right within
// half of the shortest way, and what those exchanges are off it.
func fit(all []exchange, now time.Duration) *line {
	shortest := all[0].way()
	for _, e := range all {
		shortest = min(shortest, e.way())
	}
	// a longer way says less: its error may be half of it
	good := make([]exchange, 0, len(all))
	for _, e := range all {
		if e.way() <= 2*shortest+20*time.Microsecond {
			good = append(good, e)
		}
	}
	var at, off float64
	for _, e := range good {
		at += float64(e.at()-now) / float64(len(good))
		off += float64(e.offset()) / float64(len(good))
	}
	var xx, xy float64
	for _, e := range good {
		x := float64(e.at()-now) - at
		xx += x * x
		xy += x * (float64(e.offset()) - off)
	}
	l := &line{ref: now}
	if span := good[len(good)-1].at() - good[0].at(); span >= slopeFrom {
		l.slope = xy / xx
	}
	l.offset = off - l.slope*at
	for _, e := range good {
		left := math.Abs(float64(e.offset()) - (l.offset + l.slope*float64(e.at()-now)))
		l.bound = max(l.bound, shortest/2+time.Duration(left))
	}
	return l
}

// dayAt is what this process's clock of the day shows, in nanoseconds since 1970, when the fleet's
// clock is offset ahead of client.Now and shows zero.
func dayAt(offset time.Duration) int64 {
	return time.Now().UnixNano() - int64(client.Now()+offset)
}
