package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/client/deadline"
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
	all   *step            // the steps, as a repeat
	depth int              // of repeats in each other, all included
	waits map[string]bool  // events that some step waits for
	start int64            // when it begins at the earliest
	whole []int            // series, by transport
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
	series  []int        // by transport
	longest atomic.Int64 // that it took any client, where no fault was, in nanoseconds; 0: none yet
}

func newFlowPlan(t *trial, g *group) *flowPlan {
	if len(g.spec.Flow) == 0 {
		return nil
	}
	p := &flowPlan{kind: metric.ErrStep, waits: map[string]bool{}}
	for _, tr := range t.kinds.transports {
		p.whole = append(p.whole, t.addSeries(record.Series{Metric: metric.Flow, Group: g.spec.Name, Transport: tr}))
	}
	course := g.spec.Course
	p.all = &step{spec: &file.Step{Do: file.StepRepeat, Times: course.Times, Every: course.Every}, steps: p.compile(t, g, g.spec.Flow)}
	p.depth = p.all.depth()
	for i := range t.tl.Spans {
		if s := &t.tl.Spans[i]; s.Name == course.Start {
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

// depth is how many repeats are in each other.
func (s *step) depth() (n int) {
	for _, inner := range s.steps {
		n = max(n, inner.depth())
	}
	if s.spec.Do == file.StepRepeat {
		n++
	}
	return n
}

// A flow is one user's way through the steps, from when the client is held until it goes for
// good: it outlives the connections, and the trial waits for it.
//
// While it waits it has no goroutine. Whoever brings what it may wait for plays it on
// (flow_play.go): the goroutine that reads for the client, for an answer or an event; the one that
// opens or ends a connection; that of the alarms, when a time is over. One of them at a time has
// the turn; a change that comes meanwhile is played by the same one. A goroutine for each flow cost
// its stack, two changes of goroutines for an exchange, and waking a thread where the reader kept
// its own.
type flow struct {
	plan      *flowPlan
	group     *group
	number    int
	id        uint32
	transport int // of the trial's
	user      *user
	jar       http.CookieJar  // of its requests
	ctx       context.Context //nolint:containedctx // of the trial, or of the requests before a connection
	aside     *fetched        // takes the samples, and errors are not counted; nil: they are recorded

	// Of who has the turn.
	laps  []lap          // under way, the innermost last; none: the steps are done
	draws uint64         // so far
	done  uint64         // steps that it has begun
	round int            // of the innermost lap
	stage stage          // of the step
	began int64          // the step
	at    int64          // when the step's acknowledgement came
	until time.Duration  // when what it waits for is late, on the client's clock; 0: it has not begun to wait
	alarm deadline.Entry // plays it on when a moment has come
	set   time.Duration  // that moment; 0: there is none
	rang  atomic.Bool    // it has come

	gone atomic.Bool // its client has; set under mu

	mu       sync.Mutex
	playing  bool               // somebody has the turn; for ever, when the flow is over
	again    bool               // something has changed since they had looked
	finished bool               //
	stop     context.CancelFunc // of its request; nil: it makes none
	node     int                // of the target that it was connected to last
	actor    *actor             // held now; nil: away
	inbox    map[string][]event // arrived and not yet waited for
	call     uint64
	calls    bool  // one is under way
	reads    bool  // its answer's arguments are wanted
	reply    event // to the last one; its arguments are valid until the next call
	refusal  error // why the last one was refused; nil: it was not
	offline  bool  // away by its own will
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

// newFlow makes the flow of a client that is held. It is over when finish has been called.
func newFlow(a *actor) *flow {
	t := a.t
	f := &flow{
		plan: a.group.flow, group: a.group, number: a.number, id: a.id, transport: a.transport,
		actor: a, user: a.user, jar: &a.user.jar, ctx: t.life.ctx,
	}
	f.alarm.Owner = f
	start := max(0, client.Now()+time.Duration(f.plan.start-t.now()))
	f.laps = append(make([]lap, 0, f.plan.depth), lap{of: f.plan.all, next: start, paced: true})
	return f
}

// flowing starts the client's flow, or resumes it after a reconnection.
func (a *actor) flowing() {
	if a.group.flow == nil {
		return
	}
	if f := a.flow; f != nil {
		f.mu.Lock()
		f.actor = a
		f.play()
		return
	}
	f := newFlow(a)
	a.t.life.wg.Add(1) // until it is over
	a.mu.Lock()
	a.flow = f
	gone := a.leaving
	a.mu.Unlock()
	if gone {
		f.end()
		return
	}
	f.mu.Lock()
	f.play()
}

// lost notifies the flow that the client's connection has ended, and with forGood that no other
// follows.
func (f *flow) lost(a *actor, forGood bool) {
	if forGood {
		f.end()
		return
	}
	f.mu.Lock()
	if f.actor == a {
		f.actor = nil
	}
	f.play()
}

// hear keeps an event that some step waits for.
func (f *flow) hear(a *actor, m *client.Message, at int64) {
	if !f.plan.waits[string(m.Name)] {
		return
	}
	args := a.group.json(m.Args)
	f.mu.Lock()
	if f.finished {
		f.mu.Unlock()
		return
	}
	if f.inbox == nil {
		f.inbox = map[string][]event{}
	}
	list := append(f.inbox[string(m.Name)], event{args, at})
	f.inbox[string(m.Name)] = list[max(0, len(list)-inboxLimit):]
	m.Woke = f.play()
}

// answered keeps the answer to a call, or why it was refused.
func (f *flow) answered(a *actor, m *client.Message, at int64, refusal error) {
	f.mu.Lock()
	if !f.calls || f.call != m.ID || f.actor != a {
		f.mu.Unlock()
		return
	}
	f.calls, f.refusal, f.reply.at, f.reply.args = false, refusal, at, f.reply.args[:0]
	if f.reads && refusal == nil {
		f.reply.args = a.group.appendJSON(f.reply.args, m.Args)
	}
	m.Woke = f.play()
}

// end ends the flow: its client goes for good.
func (f *flow) end() {
	f.mu.Lock()
	f.gone.Store(true)
	f.online()
	if f.stop != nil {
		f.stop()
	}
	f.play()
}

// isOver reports whether nothing more is to be done.
func (f *flow) isOver() bool { return f.gone.Load() || f.ctx.Err() != nil }

// away notes that the client is away by its own will, until online. It is counted with those that
// are held: nothing is wrong with it.
func (f *flow) away() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.offline && !f.gone.Load() {
		f.offline = true
		f.group.t.count.offline.Add(1)
	}
}

// online notes that the client is not away by its own will any more. mu is locked.
func (f *flow) online() {
	if f.offline {
		f.offline = false
		f.group.t.count.offline.Add(-1)
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

func (f *flow) draw() float64 {
	f.draws++
	return plan.Unit(plan.Draw(f.group.t.spec.Seed, plan.ForFlow, uint64(f.group.index), uint64(f.number), f.draws))
}
