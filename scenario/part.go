package scenario

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/judge"
	"github.com/throng-io/throng/scenario/machine"
)

// A part is an agent's part of one trial: an ordinary trial that has its share of the clients,
// whose ledger is one with those of the other agents, and that reports what it measures to the
// controller instead of judging it.
type part struct {
	t    *trial
	link Link
	c    *collector

	inbox  chan LinkMessage  // from the link
	stop   chan judge.Ending // takes one
	closed chan int64        // takes one: when the ledgers were closed
	gone   chan struct{}     // closed: the controller or the fleet is; cause says why
	once   sync.Once
	cause  error
	meshed atomic.Int64 // bytes sent to the other agents

	rotation rotation
	changed
}

// RunPart runs an agent's part of one trial: the clients of job that are the agent's. It calls
// link.Epoch once, when the part is ready; an error before that says why it is not: a *LimitError
// that this machine cannot carry it, a *TargetError that its first client could not connect. It
// returns nil when all is reported to the controller. When ctx ends, the controller is gone, or the
// fleet cannot go on, the load stops within a second, what was measured is still reported to the
// link, and the error says why.
//
// Commands and requests of the scenario's faults are never executed here, and of this machine's
// files and environment none is read. Of opt only what tests set is used.
func RunPart(ctx context.Context, data []byte, link Link, opt Options) error {
	j, err := readJob(data)
	if err != nil {
		return err
	}
	opt.complete()
	defer limitGarbage()()
	machine.RaiseFiles()
	dir, err := os.MkdirTemp("", "throng-part-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	u, err := j.Scenario.Unpack(dir)
	if err != nil {
		return fmt.Errorf("the scenario cannot be read here: %w", err)
	}
	share, err := shareOf(u.Spec, link.Agents(), link.Self())
	if err != nil {
		return err
	}
	own := file.Cell{Spec: ownPart(u.Spec, share, len(link.Agents()))}
	if short := machine.Shortages([]file.Cell{own}, machine.ReadLimits()); len(short) > 0 {
		return short[0]
	}
	err = runPart(ctx, j, u, link, Options{
		Target: j.URLs[0], dial: opt.dial, network: opt.network, sleep: opt.sleep, second: opt.second, budget: opt.budget, holds: opt.holds, link: opt.link,
		Progress: opt.Progress, tables: u.Tables, logs: u.Logs, role: &fleetRole{share: share, run: j.Run, link: link},
	})
	if err != nil && u.Spec.Secrets != nil {
		err = &maskedError{err, u.Spec.Secrets.Mask(err.Error())}
	}
	return err
}

// runPart is RunPart with the scenario read.
func runPart(ctx context.Context, j *job, u *file.Unpacked, link Link, opt Options) error {
	conf, err := j.tls(u.Spec)
	if err != nil {
		return err
	}
	ep := j.endpoint()
	t := newTrial(u.Cell, ep, conf, opt, place{n: 1})
	// the controller looks at the target, and restarts it
	t.server.builtIn, t.server.nodes, t.scraper = j.BuiltIn, nil, nil
	defer t.udp.Close()
	defer t.http.close()
	if err := t.links.use(j.Links, t.server.urls); err != nil {
		return err
	}
	if err := t.probe(ctx); err != nil {
		return t.unreachable(err)
	}
	epoch, err := link.Epoch(ctx)
	if err != nil {
		return err
	}
	t.life.epoch, t.life.clock = epoch, link.Fleet
	p := &part{
		t: t, link: link, inbox: make(chan LinkMessage, 64), stop: make(chan judge.Ending, 1), closed: make(chan int64, 1), gone: make(chan struct{}),
	}
	return p.run(ctx)
}

// run plays the phases and reports what came of them.
func (p *part) run(ctx context.Context) error {
	t := p.t
	var cancel context.CancelFunc
	t.life.ctx, cancel = context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	if err := t.watchReads(); err != nil {
		return err
	}
	defer t.watch.close()
	// a server that the controller has started is about to end as well
	defer context.AfterFunc(ctx, func() { t.life.over.Store(true) })()
	p.c = newCollector(t)
	p.c.part, t.turn = p, p.turn
	p.c.start()
	talks, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	defer wg.Wait()
	defer hangUp()
	wg.Go(func() { p.listen(talks) })
	exchanged := make(chan struct{})
	wg.Go(func() {
		defer close(exchanged)
		p.exchange(talks)
	})

	pacer, paced := t.pace(t.sources())
	end := p.wait(ctx)
	pacer.end(ctx, paced, end == judge.RanOut)
	t.seal()
	t.ledger.Seal()
	p.c.stopped(t.now())
	p.say(partSealed)
	p.drain(ctx, end)
	p.say(partDrained)
	at := p.untilClosed(ctx)
	<-exchanged
	rows := t.ledger.Close(at)
	t.life.over.Store(true)
	t.dismiss(cancel)
	if err := p.c.finish(); err != nil {
		p.fail(err)
	}
	p.rest()
	p.report(&report{stage: partOver, portion: p.lastPortion(rows)})
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("the agent was stopped: %w", context.Cause(ctx))
	}
	select {
	case <-p.gone:
		return p.cause
	default:
		return nil
	}
}

// fail ends the part, since the controller is gone or what comes from the others makes no sense.
func (p *part) fail(err error) {
	p.once.Do(func() {
		p.cause = err
		close(p.gone)
	})
}

// listen passes the link's messages on.
func (p *part) listen(ctx context.Context) {
	for {
		m, err := p.link.Next(ctx)
		if err != nil {
			if ctx.Err() == nil {
				p.fail(err) // which says that the controller is gone, or what else it is
			}
			return
		}
		select {
		case p.inbox <- m:
		case <-ctx.Done():
			return
		}
	}
}

// report sends to the controller.
func (p *part) report(r *report) {
	if err := p.link.Report(r.encode()); err != nil {
		p.fail(fmt.Errorf("report to the controller: %w", err))
	}
}

// say reports a stage.
func (p *part) say(stage int) {
	c := p.c
	p.report(&report{stage: stage, atEnd: headcount{int64(c.atEnd.Asked), int64(c.atEnd.Held), c.nodesAtEnd}, end: c.end})
}

// wait returns when the phases are over, or earlier when they are cut short.
func (p *part) wait(ctx context.Context) judge.Ending {
	timer := time.NewTimer(time.Duration(p.t.tl.End - p.t.now()))
	defer timer.Stop()
	select {
	case <-timer.C:
		return judge.RanOut
	case end := <-p.stop:
		return end
	case <-p.gone:
	case <-ctx.Done():
	}
	return judge.Interrupted
}

// drain waits until no message that counts is outstanding. An order to stop, or the end of the
// controller, cuts that short.
func (p *part) drain(ctx context.Context, end judge.Ending) {
	cut, cancel := context.WithCancel(ctx)
	defer cancel()
	drained := make(chan struct{})
	defer close(drained)
	go func() {
		defer cancel()
		if end == judge.Interrupted {
			return
		}
		select {
		case <-p.stop:
		case <-p.gone:
		case <-drained:
		}
	}()
	p.t.drain(cut, end)
}

// untilClosed waits until the controller lets the ledgers be closed, and returns the moment that
// they are closed at.
func (p *part) untilClosed(ctx context.Context) int64 {
	select {
	case at := <-p.closed:
		return at
	case <-p.gone:
	case <-ctx.Done():
		p.fail(context.Cause(ctx))
	}
	return p.t.now()
}
