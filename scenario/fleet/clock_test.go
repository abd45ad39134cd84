package fleet

import (
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"
)

// The bound holds, whatever offset, drift and delay there are, and the fleet's time never goes
// back.
func TestClock(t *testing.T) {
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, 2))
		offset := time.Duration(rng.Int64N(int64(time.Hour))) - 30*time.Minute
		drift := (rng.Float64() - 0.5) * 200e-6 // 100 parts in a million either way
		truth := func(local time.Duration) time.Duration {
			return local + offset + time.Duration(drift*float64(local))
		}
		base := time.Duration(20+rng.IntN(500)) * time.Microsecond
		way := func() time.Duration { return base + time.Duration(rng.ExpFloat64()*float64(base)) }
		c := &clock{}
		now, last := time.Duration(rng.Int64N(int64(time.Minute))), time.Duration(math.MinInt64)
		for second := range 100 {
			var burst []exchange
			for range burstSize {
				e := exchange{asked: now}
				now += way()
				e.came, e.answered = truth(now), truth(now)
				now += way()
				e.back = now
				burst = append(burst, e)
			}
			c.learn(burst, now)
			for range 100 {
				now += 10 * time.Millisecond
				got := c.Fleet(now)
				if got < last {
					t.Fatalf("seed %d, second %d: time went back by %v", seed, second, last-got)
				}
				last = got
				if off := (got - truth(now)).Abs(); off > c.bound()+time.Nanosecond {
					t.Fatalf("seed %d, second %d: off by %v, bound %v, ways of %v", seed, second, off, c.bound(), base)
				}
			}
		}
		if c.bound() > 3*base {
			t.Errorf("seed %d: the bound is %v with ways of %v", seed, c.bound(), base)
		}
	}
}

// Processes of one machine have one clock.
func TestTimebase(t *testing.T) {
	own := ownTimebase()
	again := ownTimebase()
	offset, same := own.to(again)
	if linux := runtime.GOOS == "linux"; linux == (own.Clock == "") {
		t.Errorf("the clock is %q", own.Clock)
	}
	if own.Clock != "" && !same || offset.Abs() > 20*time.Microsecond {
		t.Errorf("offset %v, same %v", offset, same)
	}
	again.Clock = "another"
	if _, same := own.to(again); same {
		t.Error("two machines have one clock")
	}
	if c := exactly(5); c.bound() != 0 || c.Fleet(10) != 15 {
		t.Errorf("bound %v, %d", c.bound(), c.Fleet(10))
	}
}
