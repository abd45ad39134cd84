package fleet

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/result"
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
				if off := (got - truth(now)).Abs(); off > c.line.Load().bound+time.Nanosecond {
					t.Fatalf("seed %d, second %d: off by %v, bound %v, ways of %v", seed, second, off, c.line.Load().bound, base)
				}
			}
		}
		if bound := c.line.Load().bound; bound > 3*base {
			t.Errorf("seed %d: the bound is %v with ways of %v", seed, bound, base)
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
	if c := exactly(5); c.line.Load().bound != 0 || c.Fleet(10) != 15 {
		t.Errorf("bound %v, %d", c.line.Load().bound, c.Fleet(10))
	}
}

// The offset that a controller tells of an agent's clock is of the moment of its bound, also when
// the agent is gone.
func TestOffsetsHaveTheirBounds(t *testing.T) {
	const agents, agent = 2, 1
	m := &member{self: agents, of: agents, clocks: map[int]agentClock{}, gone: map[int]error{}, latest: map[int]uint64{}, heard: map[int]time.Time{}, arrived: make(chan struct{}, 1)}
	c := &Controller{m: m, agents: make([]result.Agent, agents)}
	at := func(n uint64, offset, bound time.Duration) result.Agent {
		b := binary.AppendUvarint([]byte{0, 0}, uint64(bound))
		m.takeBeat(agent, n, binary.AppendVarint(b, dayAt(0)+int64(offset)))
		return c.Agents()[agent]
	}
	const slack = int64(time.Minute / time.Microsecond) // the clocks are not read at once
	for n, offset := range []time.Duration{time.Hour, -2 * time.Hour} {
		bound := time.Duration(n+1) * time.Millisecond
		a := at(uint64(n+1), offset, bound)
		if off := a.OffsetUs - offset.Microseconds(); off > slack || off < -slack || a.BoundUs != bound.Microseconds() {
			t.Errorf("offset %d us, bound %d us, want %v and %v", a.OffsetUs, a.BoundUs, offset, bound)
		}
	}
	if got := m.worstBound(); got != 2*time.Millisecond {
		t.Errorf("the worst bound is %v", got)
	}
	m.lose(agent, errLeft)
	if a := c.Agents()[agent]; a.BoundUs != 2000 || a.OffsetUs > -slack {
		t.Errorf("when it is gone: offset %d us, bound %d us", a.OffsetUs, a.BoundUs)
	}
	if got := m.worstBound(); got != 0 {
		t.Errorf("the worst bound is %v when it is gone", got)
	}
}
