package scenario

import (
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/internal/judge"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/machine"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// A collector turns what the clients record into a timeline, second by second, and into totals. Its
// goroutine runs from start to finish; what it has gathered may be read after that.
type collector struct {
	t    *trial
	tick time.Duration

	messages []int64 // that arrived so far, by transport
	totals   *record.Totals
	interval map[string]*hdrhistogram.Histogram // of the second under way, by metric
	// likewise, of the metrics that a heat map is drawn of
	heat     map[string]*result.Heat
	target   map[string]*result.TargetMetric // the target's own metrics
	history  history
	unkept   error           // of the history
	timeline []result.Second // all of the history, for the report
	seconds  []judge.Second  // beside it
	spent    spent           // by all that are recorded
	passed   carried         // by the end of the last
	rows     [][]ledger.Row  // of the ledger so far, by stream
	windows  *judge.Windows
	started  time.Time
	log      *intervalLog // nil: no logs are written

	before    usage // of the server, before the first client
	own, its  usage // at the end of the last second
	ownBusy   busy  // the generator
	itsBusy   busy  // the server
	ownPeak   int64
	itsPeak   int64
	servers   processes
	broker    processes
	brokerCPU time.Duration // of it, by the end of the last second
	gc        *gcPauses
	at        int64 // end of the last second
	sent      int64 // by then
	offered   int64
	errors    int64
	failed    int64
	nodes     []int64        // clients held by target, likewise as recorded
	recorded  result.Clients // asked and held, as of the last look within a recorded phase

	cut   atomic.Bool // the phases are over
	end   int64       // when
	atEnd result.Clients
	// nodesAtEnd are the clients held then, by target.
	nodesAtEnd []int64

	part     *part        // of an agent: portions are reported instead; nil: none
	portions int          // so far
	fleet    *coordinator // of a controller, which has the clients' counts from its agents; nil: none

	show Progress
	live *judge.Live
	quit chan struct{}
	done chan struct{}
}

func newCollector(t *trial) *collector {
	c := &collector{
		t: t, tick: t.opt.second, messages: make([]int64, len(t.kinds.transports)), spent: spent{carried: make(carried, len(t.kinds.transports))}, target: map[string]*result.TargetMetric{}, totals: record.NewTotals(t.kinds.series, len(t.tl.Spans)), interval: map[string]*hdrhistogram.Histogram{},
		heat: map[string]*result.Heat{metric.Delivery: {}, metric.Ack: {}},
		gc:   newGCPauses(), quit: make(chan struct{}), done: make(chan struct{}),
	}
	c.windows = judge.NewWindows(t.tl, t.kinds.series, t.rules())
	c.started = time.Now()
	if t.opt.HistogramDir != "" {
		c.log = newIntervalLog(result.NewLogWriter(t.opt.HistogramDir, result.CellName(t.at.i, t.at.n), c.started), t.tl, t.kinds.series)
	}
	c.before = c.usage()
	c.its, c.own = c.before, ownUsage()
	c.ownBusy = busy{cores: min(machine.Usable(os.Getpid()), float64(runtime.GOMAXPROCS(0))), least: c.tick / 4}
	c.itsBusy = busy{cores: t.coresOfServer(), least: c.tick / 4}
	c.ownBusy.begin(c.own.cpu, client.Now())
	c.itsBusy.begin(c.its.cpu, client.Now())
	c.show = Progress{
		Cell: t.at.i + 1, Cells: t.at.n, Params: t.spec.Params, Trial: t.cell.Trial,
		Phases: len(t.tl.Spans), Total: time.Duration(t.tl.End), Plan: plannedPhases(t.tl),
	}
	c.live = judge.NewLive(t.rules())
	return c
}

func (c *collector) start() {
	if c.part == nil {
		c.reserve()
	}
	c.gc.longest() // from here on
	go func() {
		defer close(c.done)
		timer := time.NewTimer(0)
		defer timer.Stop()
		const looks = 4 // at the state in a second, for the progress
		for i := int64(1); ; i++ {
			timer.Reset(time.Duration(i*int64(c.tick)/looks - c.t.now()))
			select {
			case <-c.quit:
				// include the latest arrivals, even when the clock has not moved
				if c.part == nil {
					c.second(max(c.t.now(), c.at+1))
				}
				return
			case <-timer.C:
			}
			c.look()
			if i%looks == 0 {
				c.second(i * int64(c.tick) / looks)
			}
			if c.part == nil {
				c.progress()
			}
		}
	}()
}

// reserved is for how many seconds there is a place from the start, at most.
const reserved = 86_400

// reserve makes a place for the seconds: a slice that grows leaves garbage of its own size. Those
// of a month would be 400 MB, which the garbage collector takes for use.
func (c *collector) reserve() {
	c.seconds = make([]judge.Second, 0, min(c.t.tl.End/int64(c.tick)+2, reserved))
}

// look notes how many clients there are while a recorded phase runs.
func (c *collector) look() {
	t := c.t
	if c.recording() {
		c.nodes = c.t.heldByNode()
		c.recorded.Asked, c.recorded.Held = t.present()
	}
}

// recording reports whether a recorded phase runs. Any goroutine may call it.
func (c *collector) recording() bool {
	return c.t.tl.Recorded(c.t.tl.PhaseAt(c.t.now())) && !c.cut.Load()
}

// stopped says that the phases have ended, or were cut short.
func (c *collector) stopped(now int64) {
	c.cut.Store(true)
	c.end = min(now, c.t.tl.End)
	c.nodesAtEnd = c.t.heldByNode()
	c.atEnd.Asked, c.atEnd.Held = c.t.present()
}

// clients is how many clients there should have been and were when the recorded phases
// ended, or, when none was reached, when the trial did.
func (c *collector) clients() (asked, held int) {
	if c.endedBefore() {
		return c.recorded.Asked, c.recorded.Held
	}
	return c.atEnd.Asked, c.atEnd.Held
}

// endedBefore reports whether the recorded phases had ended when the trial did.
func (c *collector) endedBefore() bool {
	last := c.t.tl.PhaseAt(max(0, c.end-1))
	return !c.t.tl.Spans[last].Record && c.t.reached(c.end)
}

// nodesHeld is how many clients each target held then.
func (c *collector) nodesHeld() []int64 {
	if c.endedBefore() && c.nodes != nil {
		return c.nodes
	}
	return c.nodesAtEnd
}

// reached reports whether a recorded phase had begun.
func (t *trial) reached(end int64) bool {
	return slices.ContainsFunc(t.tl.Spans, func(s plan.Span) bool { return s.Record && s.Start < end })
}

// finish ends the collector's goroutine after a last interval.
func (c *collector) finish() error {
	close(c.quit)
	<-c.done
	if c.log != nil {
		return c.log.close()
	}
	return nil
}

// second closes the interval that ends at until.
func (c *collector) second(until int64) {
	from := c.at
	if until <= from {
		return
	}
	t := c.t
	if c.part != nil {
		c.part.made(c.part.portion(until, false))
		c.at = until
		return
	}
	for _, g := range t.groups {
		g.expireCalls(t.readUpTo(until))
	}
	c.gather(from, until)
	passed := c.carried() // at once, so that bytes and messages are of the same stretch
	s := result.Second{
		T: float64(from) / 1e9, Asked: int(t.count.asked.Load()), Open: int(t.count.connected.Load()), Held: int(t.count.held.Load()),
		Latency: map[string]result.Quantiles{},
	}
	for name, h := range c.interval {
		if h.TotalCount() == 0 {
			continue
		}
		q := result.QuantilesOf(h)
		if heat := c.heat[name]; heat != nil {
			q.Heat = heat.Take()
		}
		switch name {
		case metric.Lag:
			s.LagP99us = q.P99us
		case metric.Delivery:
			s.Received = q.N
		}
		s.Latency[name] = q
	}
	if c.log != nil {
		c.log.write(from, until)
	}
	own := judge.Second{Phase: t.tl.PhaseAt((from + until) / 2), Held: s.Held}
	sent, offered := t.operations()
	own.Sent, c.sent = sent-c.sent, sent
	own.Offered, c.offered = offered-c.offered, offered
	errors, failed := t.errors.Count(), t.count.failed.Load()
	s.Sent = own.Sent
	s.Errors, c.errors = errors-c.errors, errors
	s.Failed, c.failed = int(failed-c.failed), failed
	s.GCPauseMaxus = c.pause().Microseconds()
	used := c.processes(&s, &own)
	used.carried = passed.since(c.passed)
	c.passed = passed
	if t.tl.Recorded(own.Phase) {
		c.spent.add(used)
	}
	own.Take(&s)
	c.history.add(&s)
	c.seconds = append(c.seconds, own)
	if t.scraper != nil {
		t.scraper.sample(c.target, len(c.seconds))
	}
	c.at = until
	if t.opt.Second != nil {
		t.opt.Second(&s, c.interval)
	}
	for _, h := range c.interval {
		h.Reset()
	}
	c.refresh(&s, time.Duration(until-from))
}

// gather merges the shards into the totals, the interval and the windows.
func (c *collector) gather(from, until int64) {
	r := c.t.rec
	c.windows.Begin()
	r.Drain(func(series, phase int, v, n int64) {
		c.totals.Add(series, phase, v, n)
		c.windows.Add(series, phase, v, n)
		kind := &r.Series[series]
		if kind.Hidden {
			return
		}
		if kind.Transport != "" && (kind.Metric == metric.Delivery || kind.Metric == metric.Ack) {
			c.messages[indexIn(&c.t.kinds.transports, kind.Transport)] += n
		}
		in := c.interval[kind.Interval()]
		if in == nil {
			in = result.NewHistogram()
			c.interval[kind.Interval()] = in
		}
		_ = in.RecordValues(v, n)
		if c.log != nil {
			c.log.add(series, phase, v, n)
		}
		if heat := c.heat[kind.Interval()]; heat != nil {
			heat.Add(v, n)
		}
	})
	r.DrainNever(func(series, phase int, v, n int64) {
		c.totals.AddNever(series, phase, v, n)
		c.windows.AddNever(series, phase, v, n)
	})
	c.windows.Finish(from, until)
}

// operations sums the offered and sent operations of all phases so far.
func (t *trial) operations() (sent, offered int64) {
	for _, s := range t.streams {
		for p := range s.offered {
			sent += s.sent[p].Load()
			if s.spec.Volatile {
				sent += s.dropped[p].Load()
			}
			offered += s.offered[p].Load()
		}
	}
	return sent, offered
}

// unsent sums the operations of all phases so far that wait for their sender, and those that were
// dropped, without volatile ones.
func (t *trial) unsent() (held, dropped int64) {
	for _, s := range t.streams {
		for p := range s.held {
			held += s.held[p].Load()
			if !s.spec.Volatile {
				dropped += s.dropped[p].Load()
			}
		}
	}
	return held, dropped
}
