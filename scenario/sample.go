package scenario

import (
	"math"
	"runtime"
	"runtime/metrics"
	"time"
)

// A usage is the CPU time of a process, and what it has at a moment. ok is false when both are
// unknown.
type usage struct {
	cpu time.Duration // user and system
	rss int64         // bytes resident now
	ok  bool

	goroutines, files int64 // files with connections among them; 0: unknown
}

// add adds what another process has.
func (u *usage) add(v usage) {
	u.rss += v.rss
	u.goroutines += v.goroutines
	u.files += v.files
}

// ownUsage is what this process has used. Its goroutines are known on every system.
func ownUsage() usage {
	u := selfUsage()
	u.goroutines = int64(runtime.NumGoroutine())
	return u
}

// processes is what processes use together. One that is new, as after a restart, counts from when
// it was seen first.
type processes struct {
	total time.Duration
	last  map[int]time.Duration
}

// usage is what they have used since the first call, and the memory that they have now.
func (p *processes) usage(pids []int) usage {
	u := usage{ok: len(pids) > 0}
	seen := make(map[int]time.Duration, len(pids))
	for _, pid := range pids {
		one := processUsage(pid)
		u.ok = u.ok && one.ok
		if before, known := p.last[pid]; known && one.ok {
			p.total += max(0, one.cpu-before)
		}
		if one.ok {
			seen[pid] = one.cpu
		}
		u.add(one)
	}
	p.last, u.cpu = seen, p.total
	return u
}

// A gcPauses reads the pauses of the garbage collector in this process.
type gcPauses struct {
	sample [1]metrics.Sample
	seen   []uint64
}

func newGCPauses() *gcPauses {
	g := &gcPauses{}
	g.sample[0].Name = "/sched/pauses/total/gc:seconds"
	g.longest()
	return g
}

// longest returns the longest pause since the last call, as the upper bound of the bucket
// that the runtime counted it in; 0 when there was none.
func (g *gcPauses) longest() time.Duration {
	metrics.Read(g.sample[:])
	if g.sample[0].Value.Kind() != metrics.KindFloat64Histogram {
		return 0
	}
	h := g.sample[0].Value.Float64Histogram()
	worst := time.Duration(0)
	for i, n := range h.Counts {
		if i < len(g.seen) && n == g.seen[i] || i >= len(g.seen) && n == 0 {
			continue
		}
		bound := h.Buckets[i+1]
		if math.IsInf(bound, 1) {
			bound = h.Buckets[i]
		}
		worst = time.Duration(bound * 1e9)
	}
	g.seen = append(g.seen[:0], h.Counts...)
	return worst
}
