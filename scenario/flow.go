package scenario

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"sync"
	"time"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
)

// flowCall marks a call that a flow made, in the place of a stream.
const flowCall = -100

// inboxLimit is how many events of one name wait for a step; the oldest give way.
const inboxLimit = 64

// A flowPlan is steps of a group made ready. Its clients share it.
type flowPlan struct {
	kind  metric.ErrorKind // of a step that fails
	steps []*step
	waits map[string]bool // events that some step waits for
	start int64           // when it begins at the earliest
	whole []int           // series, by transport
}

// A step is one of a file's steps with its templates compiled.
type step struct {
	spec    *file.Step
	emit    *pattern
	room    *pattern
	awaited matcher // of the event that it waits for
	match   matcher // of the acknowledgement, or the answer
	request *request
	exprs   []*regexp.Regexp // by capture; nil: none
	steps   []*step
	series  []int // by transport
}

func newFlowPlan(t *trial, g *group) *flowPlan {
	if len(g.spec.Flow) == 0 {
		return nil
	}
	p := &flowPlan{kind: metric.ErrStep, waits: map[string]bool{}}
	for _, tr := range t.kinds.transports {
		p.whole = append(p.whole, t.addSeries(record.Series{Metric: metric.Flow, Group: g.spec.Name, Transport: tr}))
	}
	p.steps = p.compile(t, g, g.spec.Flow)
	for i := range t.tl.Spans {
		if s := &t.tl.Spans[i]; s.Name == g.spec.Course.Start {
			p.start = s.Start
		}
	}
	return p
}

func (p *flowPlan) compile(t *trial, g *group, specs []file.Step) (out []*step) {
	for i := range specs {
		s := &step{spec: &specs[i]}
		if !s.spec.Emit.IsZero() {
			s.emit = t.compile(s.spec.Emit, g.spec.Captured)
		}
		if !s.spec.Room.IsZero() {
			s.room = t.compile(s.spec.Room, g.spec.Captured)
		}
		for _, e := range []*file.Expect{s.spec.Expect, s.spec.Wait} {
			if e == nil {
				continue
			}
			p.waits[e.Event] = true
			s.awaited = t.matcher(e.Match, g.spec.Captured)
		}
		s.match = t.matcher(s.spec.Match, g.spec.Captured)
		if s.spec.HTTP != nil {
			s.request, s.exprs = t.request(g, s.spec.HTTP), expressions(s.spec.Capture)
		}
		if s.spec.Do != file.StepThink && s.spec.Do != file.StepRepeat {
			for _, tr := range t.kinds.transports {
				s.series = append(s.series, t.addSeries(record.Series{Metric: metric.Step, Group: g.spec.Name, Op: s.spec.Do, Event: s.spec.Name, Transport: tr}))
			}
		}
		s.steps = p.compile(t, g, s.spec.Steps)
		out = append(out, s)
	}
	return out
}

// A flow is one person's way through the steps: a goroutine that the trial waits
// for, from when the client is held until it goes for good. It outlives the connections.
type flow struct {
	plan   *flowPlan
	group  *group
	number int
	id     uint32
	person *person
	jar    http.CookieJar  // of its requests
	ctx    context.Context //nolint:containedctx // its life, which others end
	cancel context.CancelFunc
	draws  uint64
	done   uint64   // steps that it has begun
	round  int      // of the innermost repeat
	aside  *fetched // takes the samples, and errors are not counted; nil: they are recorded
	packet []byte   // that it sent last
	fill   filling  // for it
	alarm  alarm

	mu      sync.Mutex
	node    int                // of the target that it was connected to last
	actor   *actor             // held now; nil: away
	inbox   map[string][]event // arrived and not yet waited for
	call    uint64
	calls   bool  // one is under way
	reads   bool  // its answer's arguments are wanted
	reply   event // to the last one; its arguments are valid until the next call
	offline bool  // away by its own will
}

// An event is a message as the flow keeps it.
type event struct {
	args json.RawMessage
	at   int64
}

// A stepError is a failed step; class says how, for counting.
type stepError struct {
	class  string
	status int // of HTTP; 0: none
	err    error
}

func (e *stepError) Error() string { return e.err.Error() }

func (e *stepError) Unwrap() error { return e.err }

func failed(class, format string, args ...any) error {
	return &stepError{class: class, err: fmt.Errorf(format, args...)}
}

// flowing starts the client's flow, or resumes it after a reconnection.
func (a *actor) flowing() {
	if a.group.flow == nil {
		return
	}
	if a.flow == nil {
		f := &flow{plan: a.group.flow, group: a.group, number: a.number, id: a.id, alarm: newAlarm(), actor: a, person: a.person, jar: &a.person.jar}
		f.ctx, f.cancel = context.WithCancel(a.t.life.ctx)
		a.mu.Lock()
		a.flow = f
		gone := a.leaving
		a.mu.Unlock()
		if gone {
			f.cancel()
		}
		a.t.life.wg.Go(f.run)
		return
	}
	a.flow.put(func() { a.flow.actor = a })
}

// put changes the state that the flow's goroutine waits for.
func (f *flow) put(change func()) {
	f.mu.Lock()
	change()
	f.mu.Unlock()
	f.alarm.ring()
}

// lost notifies the flow that the client's connection has ended.
func (f *flow) lost(a *actor) {
	f.put(func() {
		if f.actor == a {
			f.actor = nil
		}
	})
}

// hear keeps an event that some step waits for.
func (f *flow) hear(a *actor, m *client.Message, at int64) {
	if !f.plan.waits[string(m.Name)] {
		return
	}
	args := a.group.json(m.Args)
	m.Woke = true
	f.put(func() {
		if f.inbox == nil {
			f.inbox = map[string][]event{}
		}
		list := append(f.inbox[string(m.Name)], event{args, at})
		f.inbox[string(m.Name)] = list[max(0, len(list)-inboxLimit):]
	})
}

// answered keeps the answer to a call.
func (f *flow) answered(a *actor, m *client.Message, at int64) {
	f.mu.Lock()
	is := f.calls && f.call == m.ID && f.actor == a
	if is {
		f.calls, f.reply.at, f.reply.args = false, at, f.reply.args[:0]
		if f.reads {
			f.reply.args = a.group.appendJSON(f.reply.args, m.Args)
		}
	}
	f.mu.Unlock()
	if is {
		m.Woke = true
		f.alarm.ring()
	}
}

// json is a copy of arguments as JSON.
func (g *group) json(args []byte) json.RawMessage { return g.appendJSON(nil, args) }

// appendJSON appends arguments as JSON.
func (g *group) appendJSON(dst, args []byte) []byte {
	out, err := g.parser.AppendJSON(dst, args)
	if err != nil {
		return dst // not well-formed, which the client has checked
	}
	return out
}

// await waits until ready is true, the time is over, or the client goes. lost says that the
// connection must last meanwhile.
func (f *flow) await(until time.Duration, lost bool, ready func() bool) error {
	for {
		f.mu.Lock()
		done, away := ready(), f.actor == nil
		f.mu.Unlock()
		switch {
		case done:
			return nil
		case lost && away:
			return failed(metric.HowDropped, "the connection ended before the answer")
		case f.ctx.Err() != nil:
			return f.ctx.Err()
		case f.alarm.late(until):
			return errLate
		}
		f.alarm.wait()
	}
}

var errLate = errors.New("nothing came in time")

// run goes through the steps, from their phase on and as often as the file says.
func (f *flow) run() {
	defer f.cancel()
	defer f.alarm.silence()
	defer context.AfterFunc(f.ctx, f.alarm.ring)()
	t, course := f.group.t, f.group.spec.Course
	if f.sleep(time.Duration(f.plan.start-t.now())) != nil {
		return
	}
	_ = f.rounds(course.Times, course.Every, func() error {
		began := t.now()
		err := f.steps(f.plan.steps)
		if err == nil {
			t.rec.Shard(f.id).Add(f.plan.whole[f.transport()], t.tl.PhaseAt(began), time.Duration(t.now()-began))
		}
		return err
	})
}

func (f *flow) transport() int {
	return f.group.transports[plan.TransportOf(f.group.spec.Transport, f.number)]
}

// steps does them in order, until one fails or the client goes.
func (f *flow) steps(list []*step) error {
	for _, s := range list {
		if err := f.ctx.Err(); err != nil {
			return err
		}
		if err := f.step(s); err != nil {
			return err
		}
	}
	return nil
}

// step does one and accounts for it.
func (f *flow) step(s *step) error {
	switch s.spec.Do {
	case file.StepThink:
		return f.sleep(time.Duration(s.spec.Think.At(f.draw()) * 1e9))
	case file.StepRepeat:
		return f.repeat(s)
	}
	t := f.group.t
	f.done++
	began := t.now()
	until, err := f.do(s)
	if f.ctx.Err() != nil {
		return f.ctx.Err()
	}
	if f.aside != nil {
		f.aside.samples = append(f.aside.samples, sample{s.series[f.transport()], time.Duration(until - began)})
		return f.discreetly(s, err)
	}
	sh, phase := t.rec.Shard(f.id), t.tl.PhaseAt(began)
	if err == nil {
		sh.Add(s.series[f.transport()], phase, time.Duration(until-began))
		return nil
	}
	class := metric.HowOther
	if se := (*stepError)(nil); errors.As(err, &se) {
		class = se.class
	}
	if class == metric.HowTimeout {
		sh.AddNever(s.series[f.transport()], phase, time.Duration(t.now()-began))
	}
	f.group.countError(metric.Error(f.plan.kind, class), began, f.discreetly(s, err))
	return err
}

// discreetly is the error of a step for others to read.
func (f *flow) discreetly(s *step, err error) error {
	if err == nil {
		return nil
	}
	return discreet{fmt.Errorf("%s %s: %w", s.spec.Do, s.spec.Name, err), f.filling(), s}
}

// repeat does the steps of a repeat.
func (f *flow) repeat(s *step) error {
	outer := f.round
	defer func() { f.round = outer }()
	return f.rounds(s.spec.Times, s.spec.Every, func() error { return f.steps(s.steps) })
}

// rounds does something so often, or until the client goes when times is 0. A round that fails is
// given up, and the next one begins when it would have.
func (f *flow) rounds(times int, every time.Duration, do func() error) error {
	next, paced := time.Duration(0), every > 0
	for n := 0; times == 0 || n < times; n++ {
		if err := f.ctx.Err(); n > 0 && err != nil {
			return err
		}
		if paced {
			if err := f.sleep(next - client.Now()); n > 0 && err != nil {
				return err
			}
			next = max(next, client.Now()) + every
		}
		paced, f.round = every > 0, n
		if err := do(); err != nil {
			if f.ctx.Err() != nil {
				return err
			}
			if every == 0 { // a server that refuses everything is not to be asked without a pause
				next, paced = client.Now()+failedPause, true
			}
		}
	}
	return nil
}

// failedPause is between a round that failed and the next one, where no interval says more.
const failedPause = time.Second

func (f *flow) sleep(d time.Duration) error {
	if d <= 0 {
		return f.ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-f.ctx.Done():
		return f.ctx.Err()
	case <-timer.C:
		return nil
	}
}

func (f *flow) draw() float64 {
	f.draws++
	return plan.Unit(plan.Draw(f.group.t.spec.Seed, plan.ForFlow, uint64(f.group.index), uint64(f.number), f.draws))
}

// end ends the flow: its client goes for good.
func (f *flow) end() {
	f.cancel()
	f.setOffline(false)
}
