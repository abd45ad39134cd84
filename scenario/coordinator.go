package scenario

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/judge"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// A coordinator runs a trial whose clients are in other processes. What its agents report is merged
// into the trial, in which nothing else is recorded: collector, judge and report see one trial. Its
// goroutine runs from start to finish; the fields are that goroutine's.
type coordinator struct {
	t      *trial
	c      *collector
	parts  Parts
	gauges []gauge
	// which deliveries have their latencies in a series, by its place
	deliveries map[int]deliveriesOf
	agents     []*agentPart
	second     int        // of the trial's timeline, that is open
	open       []*portion // merged into it
	// collected: the portions came long ago, and all of them are there
	collected bool
	use       []serverUse // of the server, by second
	live      account     // the account so far, whose old seconds are added up
	telling   sync.Mutex  // of parts.Tell

	inbox   chan PartMessage
	giveUp  chan int // on agents that have not reached a stage
	reached [partOver + 1]chan struct{}
	passed  int // the stage that all have reached
	quit    chan struct{}
	wg      sync.WaitGroup
}

// startAfter is how long before the epoch all agents are told of it.
const startAfter = 500 * time.Millisecond

// answersWithin is how long agents may take for a stage beyond what the trial itself takes, and how
// long when the user waits.
const (
	answersWithin     = 30 * time.Second
	answersWithinHurt = 600 * time.Millisecond
)

// coordinate runs a trial on the fleet and returns the measurements.
func (t *trial) coordinate(ctx context.Context, f *file.File) (*result.Cell, error) {
	j, err := t.newJob(f)
	if err != nil {
		return nil, err
	}
	data, err := j.encode()
	if err != nil {
		return nil, err
	}
	parts, err := t.opt.Fleet.Begin(ctx, data)
	if err != nil {
		if ctx.Err() != nil {
			return nil, nil
		}
		return nil, err
	}
	defer parts.Close()
	t.opt.journal.begin()
	if err := t.note(parts.Ticket()); err != nil {
		t.opt.journal.warn("if this process is killed, what the agents have measured cannot be collected: %v", err)
	}
	var cancel context.CancelFunc
	t.life.ctx, cancel = context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	if t.scraper != nil {
		t.scraper.read(ctx) // how it was before the first client
		t.life.wg.Go(func() { t.scraper.run(t.life.ctx) })
	}
	c := newCollector(t)
	q := newCoordinator(t, c, parts)
	t.life.epoch = client.Now() + startAfter
	if err := parts.Start(t.life.epoch); err != nil {
		return nil, fmt.Errorf("start the agents: %w", err)
	}
	q.start()
	p, paced := t.pace(t.faults())
	end, why := t.wait(ctx)
	if end != judge.RanOut {
		q.tell(&order{kind: orderStop, ending: int(end)})
	}
	p.end(ctx, paced, false)
	now := t.now()
	if end == judge.Interrupted && now <= 0 { // nothing was measured
		cancel()
		t.life.wg.Wait()
		q.finish(0)
		return nil, nil
	}
	hurry := q.await(ctx, partSealed, catchUpWithin, end == judge.Interrupted)
	hurry = q.await(ctx, partDrained, t.longest(), hurry)
	t.life.loaded()
	q.tell(&order{kind: orderClose, at: t.now()})
	q.await(ctx, partOver, 0, hurry)
	t.life.over.Store(true)
	cancel()
	t.life.wg.Wait()
	t.serverIsBack()
	q.finish(now)
	if c.log != nil {
		err = c.log.close()
	}
	return t.report(c, q.account(), end, why), err
}

func newCoordinator(t *trial, c *collector, parts Parts) *coordinator {
	q := &coordinator{
		t: t, c: c, parts: parts, gauges: t.gauges(), deliveries: t.deliverySeries(), inbox: make(chan PartMessage, 16), giveUp: make(chan int), quit: make(chan struct{}),
		live: make(account, len(t.streams)),
	}
	for i := range q.reached {
		q.reached[i] = make(chan struct{})
	}
	for i, a := range t.opt.Fleet.Agents() {
		q.agents = append(q.agents, newAgentPart(a, i, len(t.streams)))
	}
	c.fleet = q
	return q
}

func (q *coordinator) start() {
	ctx, cancel := context.WithCancel(context.Background())
	q.wg.Go(func() { q.listen(ctx) })
	q.wg.Go(func() {
		defer cancel()
		q.work()
	})
}

// listen passes the agents' messages on.
func (q *coordinator) listen(ctx context.Context) {
	for {
		m, err := q.parts.Next(ctx)
		if err != nil {
			m = PartMessage{Agent: -1, Lost: err}
		}
		select {
		case q.inbox <- m:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// work takes in what the agents report, and shows the progress.
func (q *coordinator) work() {
	const looks = 4 // in a second
	look := time.NewTicker(q.c.tick / looks)
	defer look.Stop()
	for {
		select {
		case <-q.quit:
			return
		case m := <-q.inbox:
			q.take(m)
		case stage := <-q.giveUp:
			for i, a := range q.agents {
				if a.stage < stage {
					q.lose(i, errors.New("it did not answer in time"))
				}
			}
		case <-look.C:
			if now := q.t.now(); now >= int64(len(q.use)+1)*int64(q.c.tick) {
				q.use = append(q.use, q.c.serverNow())
			}
			q.c.progress()
		}
	}
}

// finish waits for the goroutines. The phases ended at end.
func (q *coordinator) finish(end int64) {
	close(q.quit)
	q.wg.Wait()
	c := q.c
	c.cut.Store(true)
	c.end = min(end, q.t.tl.End)
	c.nodesAtEnd = make([]int64, len(q.t.nodes))
	for _, a := range q.agents {
		c.atEnd.Asked += int(a.atEnd.asked)
		c.atEnd.Held += int(a.atEnd.held)
		for i, n := range a.atEnd.nodes {
			c.nodesAtEnd[i] += n
		}
	}
}

// tell sends an order to all agents.
func (q *coordinator) tell(o *order) {
	if err := q.order(o); err != nil {
		select {
		case q.inbox <- PartMessage{Agent: -1, Lost: err}:
		case <-q.quit:
		}
	}
}

func (q *coordinator) order(o *order) error {
	q.telling.Lock()
	defer q.telling.Unlock()
	return q.parts.Tell(o.encode())
}

// await waits until all agents that are there have reached a stage, and gives up on the others
// after a while. It reports whether the user waits.
func (q *coordinator) await(ctx context.Context, stage int, takes time.Duration, hurry bool) bool {
	limit := func() *time.Timer {
		if hurry {
			return time.NewTimer(answersWithinHurt)
		}
		return time.NewTimer(takes + answersWithin)
	}
	timer, done := limit(), ctx.Done()
	defer func() { timer.Stop() }()
	if hurry {
		done = nil
	}
	for {
		select {
		case <-q.reached[stage]:
			return hurry
		case <-done:
			done, hurry = nil, true
			q.tell(&order{kind: orderStop, ending: int(judge.Interrupted)})
			timer.Stop()
			timer = limit()
		case <-timer.C:
			q.giveUp <- stage
			<-q.reached[stage]
			return hurry
		}
	}
}

// longest is the longest time for which the trial waits for what is on its way.
func (t *trial) longest() time.Duration {
	d := time.Duration(0)
	for _, s := range t.streams {
		d = max(d, s.spec.Late, s.spec.Ack)
	}
	return d
}

// take takes a message in.
func (q *coordinator) take(m PartMessage) {
	switch {
	case m.Agent < 0: // the fleet itself fails
		for i := range q.agents {
			q.lose(i, m.Lost)
		}
	case m.Agent >= len(q.agents):
	case m.Lost != nil:
		q.lose(m.Agent, m.Lost)
	default:
		if err := q.hear(q.agents[m.Agent], m.Data); err != nil {
			q.lose(m.Agent, fmt.Errorf("what it reports is not of this trial: %w", err))
		}
	}
	q.mergeSeconds()
}

// lose notes that an agent is gone, and tells the others.
func (q *coordinator) lose(i int, why error) {
	a := q.agents[i]
	if a.stage == partOver || a.lost != nil {
		return
	}
	now := q.t.now()
	a.lost, a.lostAt = why, now
	a.atEnd.held, a.atEnd.nodes = 0, nil
	q.t.errors.Add(record.ErrorKey{Class: metric.Error(metric.ErrAgent, metric.HowLost), Stream: -1}, min(now, q.t.tl.End-1), fmt.Errorf("the agent %s was lost: %w", a.about.Name, why))
	if err := q.order(&order{kind: orderLost, agent: i}); err != nil && !errors.Is(err, why) {
		q.take(PartMessage{Agent: -1, Lost: err})
		return
	}
	q.advance()
	for _, a := range q.agents {
		if a.lost == nil {
			return
		}
	}
	select {
	case q.t.life.aborted <- errors.New("all agents were lost: " + why.Error()):
	default: // it is ending already
	}
}

// advance notes the stages that all agents have reached.
func (q *coordinator) advance() {
	for ; q.passed < partOver; q.passed++ {
		for _, a := range q.agents {
			if a.lost == nil && a.stage <= q.passed {
				return
			}
		}
		close(q.reached[q.passed+1])
	}
}
