package scenario

import (
	"math"
	"runtime"
	"runtime/metrics"
	"time"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/internal/judge"
	"github.com/throng-io/throng/scenario/result"
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

// usage is the server's resource use: of its process on this machine or, without one, from its own
// metrics.
func (c *collector) usage() usage {
	if pids := c.t.server.pids(); len(pids) > 0 || c.t.scraper == nil {
		u := c.servers.usage(pids)
		u.goroutines = c.t.server.goroutines()
		return u
	}
	return c.t.scraper.usage()
}

// processes samples what generator and server have used.
func (c *collector) processes(s *result.Second, e *judge.Second) (used spent) {
	var now usage
	used.own, s.CPU, now = c.ownUse()
	e.CPU, c.ownPeak = s.CPU, max(c.ownPeak, now.rss)
	s.RSSBytes, e.RSS = now.rss, now.rss
	s.Goroutines, s.Files = now.goroutines, now.files
	e.ServerCPU = -1
	server := c.serverUse()
	used.broker, c.brokerCPU = server.broker-c.brokerCPU, server.broker
	its := server.usage
	if its.ok && c.its.ok && its.cpu >= c.its.cpu {
		used.server = its.cpu - c.its.cpu
		s.ServerCPU = c.itsBusy.look(its.cpu, server.at)
		e.ServerCPU = s.ServerCPU
	} else {
		c.itsBusy.begin(its.cpu, server.at)
	}
	if its.ok {
		s.ServerRSSBytes, e.ServerRSS = its.rss, its.rss
		s.ServerGoroutines, s.ServerFiles = its.goroutines, its.files
		c.itsPeak = max(c.itsPeak, its.rss)
	}
	c.its = its
	return used
}

// A serverUse is what the server and the broker between its nodes have used by a moment.
type serverUse struct {
	usage
	broker time.Duration
	at     time.Duration // the moment, on the client's clock
}

// A busy is how busy a process is: the share of the cores that it may use between two looks at its
// processor time. The time between them counts, not the second that they stand for: a collector
// that was held up looks late, and then several times at once, which shows nothing new.
type busy struct {
	cores   float64
	least   time.Duration // between two looks that show something
	cpu, at time.Duration // of the last of these
	share   float64       // that it showed
}

// begin is a look without one before it.
func (b *busy) begin(cpu, at time.Duration) { b.cpu, b.at = cpu, at }

// look takes in the processor time that the process has used by a moment.
func (b *busy) look(cpu, at time.Duration) (share float64) {
	if took := at - b.at; took >= max(b.least, 1) {
		b.share = (cpu - b.cpu).Seconds() / (b.cores * took.Seconds())
		b.begin(cpu, at)
	}
	return b.share
}

// serverNow is what they have used by now.
func (c *collector) serverNow() (u serverUse) {
	if c.t.server.broker > 0 {
		c.broker.usage([]int{c.t.server.broker})
		u.broker = c.broker.total
	}
	u.usage, u.at = c.usage(), client.Now()
	return u
}

// serverUse is what they had used at the end of the second that is being closed.
func (c *collector) serverUse() serverUse {
	if c.fleet != nil {
		return c.fleet.serverUse()
	}
	return c.serverNow()
}

// ownUse is what the generator used in the second: processor time, the share of the cores that it
// may use, and what it has by now. Of a fleet the share is the busiest agent's, and the others are
// sums.
func (c *collector) ownUse() (cpu time.Duration, share float64, now usage) {
	if c.fleet != nil {
		return c.fleet.usage()
	}
	own := ownUsage()
	cpu = own.cpu - c.own.cpu
	c.own = own
	return cpu, c.ownBusy.look(own.cpu, client.Now()), own
}

// pause is the longest of the garbage collector in the second.
func (c *collector) pause() time.Duration {
	if c.fleet != nil {
		return c.fleet.pause()
	}
	return c.gc.longest()
}
