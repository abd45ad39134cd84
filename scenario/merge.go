package scenario

import (
	"errors"
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/throng-io/throng/scenario/internal/judge"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// An agentPart is what the controller knows of an agent's part.
type agentPart struct {
	about  result.Agent
	place  int
	stage  int
	lost   error // nil: it is there
	lostAt int64
	atEnd  headcount
	end    int64      // of its phases; 0: they are not over
	queue  []*portion // not yet merged
	last   *portion   // the one that was merged last; nil: none
	next   int        // number of the next portion that comes

	errors map[record.ErrorCount]int64 // by all but n
	rows   account                     // so far, or in the end all
	came   sums                        // the deliveries among its samples

	// Of its process, in the recorded phases.
	health     result.AgentHealth
	lag, reads *hdrhistogram.Histogram
	cpus       []float64
	held       []judge.Second // what it had, second by second
	bytes      int64          // that it reported
}

func newAgentPart(about result.Agent, place, streams int) *agentPart {
	return &agentPart{
		about: about, place: place, errors: map[record.ErrorCount]int64{}, rows: make(account, streams), came: sums{},
		lag: result.NewHistogram(), reads: result.NewHistogram(),
	}
}

// An account is the rows of a ledger, by stream.
type account []ledger.Sum

func (x account) add(r *streamRow) { x[r.stream].Add(&r.Row) }

// hear takes a report of an agent in, and checks that the trial has what it speaks of.
func (q *coordinator) hear(a *agentPart, b []byte) error {
	if a.lost != nil || a.stage == partOver {
		return nil
	}
	r, err := readReport(b)
	if err != nil {
		return err
	}
	a.bytes += int64(len(b))
	if p := r.portion; p != nil {
		if err := q.check(p); err != nil {
			return err
		}
		if p.second != a.next {
			return fmt.Errorf("portion %d came where %d was next", p.second, a.next)
		}
		a.next++
		a.queue = append(a.queue, p)
	}
	if r.stage < partRuns || r.stage > partOver || len(r.atEnd.nodes) > len(q.t.nodes) || r.stage == partOver && (r.portion == nil || !r.portion.last) {
		return errors.New("it reports a stage that there is not")
	}
	if r.stage > a.stage {
		if a.stage = r.stage; r.stage < partOver {
			a.atEnd, a.end = r.atEnd, r.end
		}
		q.advance()
	}
	return nil
}

// check refuses a portion that names what the trial does not have.
func (q *coordinator) check(p *portion) error {
	t := q.t
	phases, groups, streams := len(t.tl.Spans), len(t.groups), len(t.streams)
	in := func(i, n int) bool { return i >= 0 && i < n }
	bad := len(p.gauges) != len(q.gauges) || len(p.carried) != 2*len(t.kinds.transports) || len(p.now.nodes) > len(t.nodes) || p.until < 0
	for i := range p.samples {
		s := &p.samples[i]
		bad = bad || !in(s.series, len(t.rec.Series)) || !in(s.phase, phases)
	}
	for i := range p.errors {
		e := &p.errors[i]
		bad = bad || !in(e.Stream+1, streams+1) || !in(e.Group+1, groups+1) || !in(e.Phase+1, phases+1)
	}
	for i := range p.rows {
		r := &p.rows[i]
		bad = bad || !in(r.stream, streams) || !in(r.Phase+1, phases+1) || !in(r.Class+1, len(t.kinds.classes)+1) || !in(r.From, len(t.nodes)) || !in(r.Decile, record.Deciles) || r.Second < 0
	}
	for i := range p.returns {
		bad = bad || !in(p.returns[i].Group, groups) || !in(p.returns[i].Phase+1, phases+1)
	}
	if bad {
		return errors.New("a portion names what the trial does not have")
	}
	return nil
}

// portionWithin is how long after a second an agent's portion of it may come. One that hangs does
// not stop what users see of the others: its portion is then merged into a later second.
const portionWithin = 2 * time.Second

// mergeSeconds merges the portions of each second that all agents have reported, and closes the
// second.
func (q *coordinator) mergeSeconds() {
	for {
		until, waits := int64(0), false
		for _, a := range q.agents {
			if len(a.queue) > 0 {
				until = max(until, a.queue[0].until)
			} else {
				waits = waits || a.lost == nil && (a.last == nil || !a.last.last)
			}
		}
		if until == 0 || waits && (q.collected || q.t.now() < until+int64(portionWithin)) {
			return
		}
		q.open = q.open[:0]
		for _, a := range q.agents {
			for len(a.queue) > 0 && a.queue[0].second <= q.second {
				q.mergePortion(a, a.queue[0])
				q.open = append(q.open, a.queue[0])
				a.queue = a.queue[1:]
			}
		}
		q.sum()
		q.c.second(until)
		q.second++
	}
}

// mergePortion adds what is new in a portion of an agent to the trial.
func (q *coordinator) mergePortion(a *agentPart, p *portion) {
	t := q.t
	for i := range p.samples {
		s := &p.samples[i]
		q.noteDeliveries(a, s)
		x := &t.rec.Series[s.series]
		for _, cell := range s.cells {
			t.rec.Merge(s.series, s.phase, cell.v, cell.n, s.never)
			if s.never || !t.tl.Spans[s.phase].Record {
				continue
			}
			switch x.Metric {
			case metric.Lag:
				_ = a.lag.RecordValues(cell.v, max(0, cell.n)) // the recorder has checked it
			case metric.LagReceive:
				_ = a.reads.RecordValues(cell.v, max(0, cell.n))
			}
		}
	}
	if a.last == nil || p.outside > a.last.outside {
		before := int64(0)
		if a.last != nil {
			before = a.last.outside
		}
		t.rec.NoteOutside(p.outside - before)
	}
	texts := map[metric.ErrorClass]string{}
	for _, s := range p.texts {
		texts[s.Class] = s.Text
	}
	for _, e := range p.errors {
		key, n := e, e.N
		key.N = 0
		if e.N = n - a.errors[key]; e.N > 0 {
			a.errors[key] = n
			t.errors.Merge(e, texts[e.Class])
		}
	}
	q.mergeRows(a, p)
	q.note(a, p)
	a.last = p
}

// mergeRows takes in what is new in the rows of the account. The last portion has all of them,
// of all messages: they take the place of those so far, which only live views see.
func (q *coordinator) mergeRows(a *agentPart, p *portion) {
	if p.last {
		a.rows = make(account, len(q.t.streams))
	}
	for i := range p.rows {
		a.rows.add(&p.rows[i])
		if !p.last {
			q.live.add(&p.rows[i])
		}
	}
	for i := range a.rows {
		a.rows[i].Pack()
	}
}

// note notes the health of the agent's process in the second.
func (q *coordinator) note(a *agentPart, p *portion) {
	h, from := &a.health, int64(0)
	q.t.watch.standstill.Store(max(q.t.watch.standstill.Load(), p.use.standstill))
	q.t.watch.learn(time.Duration(p.patience))
	if a.last != nil {
		from = a.last.until
	}
	h.RSSPeakBytes, h.MeshBytes, h.ReportBytes = max(h.RSSPeakBytes, p.use.rss), p.use.meshed, a.bytes
	if phase := q.t.tl.PhaseAt((from + p.until) / 2); q.t.tl.Recorded(phase) {
		a.cpus = append(a.cpus, p.use.cpu)
		a.held = append(a.held, judge.Second{Phase: phase, RSS: p.use.rss, Goroutines: p.use.goroutines, Files: p.use.files})
		h.CPUMax = max(h.CPUMax, p.use.cpu)
		h.GCPauseMaxus = max(h.GCPauseMaxus, time.Duration(p.use.pause).Microseconds())
	}
}

// sum sets the trial's counts to the sums of the agents'.
func (q *coordinator) sum() {
	t := q.t
	sums := make([]int64, len(q.gauges))
	back, names := map[returnKey]*returnRow{}, map[string]int64{}
	var now headcount
	now.nodes = make([]int64, len(t.nodes))
	for _, a := range q.agents {
		p := a.last
		if p == nil {
			continue
		}
		gone := a.lost != nil && len(a.queue) == 0
		for i, v := range p.gauges {
			if !gone || !q.gauges[i].now {
				sums[i] += v
			}
		}
		t.count.most.Store(max(t.count.most.Load(), p.most))
		for _, r := range p.returns {
			k := returnKey{r.Group, r.Phase}
			if back[k] == nil {
				back[k] = &returnRow{}
			}
			row := back[k]
			row.back, row.never, row.recovered = row.back+r.Back, row.never+r.Never, row.recovered+r.Recovered
			row.brokeAt, row.backAt = max(row.brokeAt, r.BrokeAt), max(row.backAt, r.BackAt)
		}
		for _, n := range p.unstamped {
			names[n.name] += n.n
		}
		now.asked += p.now.asked
		if !gone {
			now.held += p.now.held
			for i, n := range p.now.nodes {
				now.nodes[i] += n
			}
		}
	}
	for i, g := range q.gauges {
		g.Store(sums[i])
	}
	t.returns.replace(back)
	for name, n := range names {
		t.unstamped.counter(name).Store(n)
	}
	q.c.recorded, q.c.nodes = result.Clients{Asked: int(now.asked), Held: int(now.held)}, now.nodes
}

// carried adds up the bytes by transport, beside the messages that have come.
func (q *coordinator) carried(out carried) {
	for i := range out {
		out[i].messages = q.c.messages[i]
		for _, a := range q.agents {
			if a.last != nil {
				out[i].in += a.last.carried[2*i]
				out[i].out += a.last.carried[2*i+1]
			}
		}
	}
}
