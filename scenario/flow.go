package scenario

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/result"
)

// The metrics of flows: one step, from when it began to when its answer was there, and all
// steps once through.
const (
	metricStep = "step"
	metricFlow = "flow"
)

// flowCall marks a call that a flow made, in the place of a stream.
const flowCall = -100

// inboxLimit is how many events of one name wait for a step; the oldest give way.
const inboxLimit = 64

// A flowPlan is the flow of a group made ready. Its clients share it.
type flowPlan struct {
	steps  []*step
	waits  map[string]bool // events that some step waits for
	whole  []int           // series, by transport
	client *httpClient
}

// A step is one of a file's steps with its templates compiled.
type step struct {
	spec    *file.Step
	emit    *pattern
	room    *pattern
	matches []*pattern
	request *request
	steps   []*step
	series  []int // by transport
}

func newFlowPlan(t *trial, g *group) *flowPlan {
	if len(g.spec.Flow) == 0 {
		return nil
	}
	p := &flowPlan{waits: map[string]bool{}, client: newHTTPClient(t)}
	for _, tr := range t.transports {
		p.whole = append(p.whole, t.addSeries(series{metric: metricFlow, group: g.spec.Name, transport: tr}))
	}
	p.steps = p.compile(t, g, g.spec.Flow)
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
			for _, m := range e.Match {
				s.matches = append(s.matches, t.compile(m.Value, g.spec.Captured))
			}
		}
		if s.spec.HTTP != nil {
			s.request = t.request(g, s.spec.HTTP)
		}
		if s.spec.Do != file.StepThink && s.spec.Do != file.StepRepeat {
			for _, tr := range t.transports {
				s.series = append(s.series, t.addSeries(series{metric: metricStep, group: g.spec.Name, op: s.spec.Do, event: s.spec.Name, transport: tr}))
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
	plan     *flowPlan
	group    *group
	number   int
	id       uint32
	ctx      context.Context //nolint:containedctx // its life, which others end
	cancel   context.CancelFunc
	captured []json.RawMessage
	draws    uint64

	mu    sync.Mutex
	actor *actor             // held now; nil: away
	inbox map[string][]event // arrived and not yet waited for
	reply *event             // to the call under way
	call  uint64
	calls bool          // one is under way
	rest  bool          // away by its own will
	wake  chan struct{} // something of the above has changed
}

// An event is a message as the flow keeps it.
type event struct {
	args json.RawMessage
	at   int64
}

// A stepError is a failed step; class says how, for counting.
type stepError struct {
	class string
	err   error
}

func (e *stepError) Error() string { return e.err.Error() }

func failed(class, format string, args ...any) error {
	return &stepError{class, fmt.Errorf(format, args...)}
}

// flowing starts the client's flow, or tells it that the client is back.
func (a *actor) flowing() {
	if a.group.flow == nil {
		return
	}
	if a.flow == nil {
		f := &flow{plan: a.group.flow, group: a.group, number: a.number, id: a.id, inbox: map[string][]event{}, wake: make(chan struct{}, 1), actor: a}
		f.captured = make([]json.RawMessage, len(a.group.spec.Captured))
		f.ctx, f.cancel = context.WithCancel(a.t.ctx)
		a.mu.Lock()
		a.flow = f
		gone := a.leaving
		a.mu.Unlock()
		if gone {
			f.cancel()
		}
		a.t.wg.Go(f.run)
		return
	}
	a.flow.put(func() { a.flow.actor = a })
}

// put changes what the flow's goroutine waits for.
func (f *flow) put(change func()) {
	f.mu.Lock()
	change()
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// lost tells the flow that a client's connection has ended.
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
	f.put(func() {
		list := append(f.inbox[string(m.Name)], event{args, at})
		f.inbox[string(m.Name)] = list[max(0, len(list)-inboxLimit):]
	})
}

// answered keeps the answer to a call.
func (f *flow) answered(a *actor, m *client.Message, at int64) {
	args := a.group.json(m.Args)
	f.put(func() {
		if f.calls && f.call == m.ID && f.actor == a {
			f.reply, f.calls = &event{args, at}, false
		}
	})
}

// json is a copy of arguments as JSON.
func (g *group) json(args []byte) json.RawMessage {
	out, err := g.parser.AppendJSON(nil, args)
	if err != nil {
		return nil // not well-formed, which the client has checked
	}
	return out
}

// await waits until ready is true, the time is over, or the client goes. lost says that the
// connection must last meanwhile.
func (f *flow) await(until time.Duration, lost bool, ready func() bool) error {
	timer := time.NewTimer(until - client.Now())
	defer timer.Stop()
	for {
		f.mu.Lock()
		done, away := ready(), f.actor == nil
		f.mu.Unlock()
		switch {
		case done:
			return nil
		case lost && away:
			return failed("dropped", "the connection ended before the answer")
		}
		select {
		case <-f.ctx.Done():
			return f.ctx.Err()
		case <-timer.C:
			return errLate
		case <-f.wake:
		}
	}
}

var errLate = errors.New("nothing came in time")

// run goes through the steps once.
func (f *flow) run() {
	defer f.cancel()
	t := f.group.t
	began := t.now()
	if f.steps(f.plan.steps) == nil {
		t.rec.shard(f.id).add(f.plan.whole[f.transport()], t.tl.phaseAt(began), time.Duration(t.now()-began))
	}
}

func (f *flow) transport() int {
	return f.group.transports[transportOf(f.group.spec.Transport, f.number)]
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
	began := t.now()
	until, err := f.do(s)
	if f.ctx.Err() != nil {
		return f.ctx.Err()
	}
	sh, phase := t.rec.shard(f.id), t.tl.phaseAt(began)
	if err == nil {
		sh.add(s.series[f.transport()], phase, time.Duration(until-began))
		return nil
	}
	class := "other"
	if se := (*stepError)(nil); errors.As(err, &se) {
		class = se.class
	}
	if class == "timeout" {
		sh.add(s.series[f.transport()], phase, time.Duration(t.now()-began)) // leaving it out would flatter the others
	}
	t.errors.add(errorKey{class: "step." + class, stream: -1, group: f.group.index}, began, fmt.Errorf("%s %s: %w", s.spec.Do, s.spec.Name, err))
	return err
}

// repeat does the steps so often, or until the client goes. A round that fails is given up, and the next
// one begins when it would have.
func (f *flow) repeat(s *step) error {
	next := client.Now()
	for n := 0; s.spec.Times == 0 || n < s.spec.Times; n++ {
		if n > 0 {
			if err := f.sleep(next - client.Now()); err != nil {
				return err
			}
			next = max(next, client.Now())
		}
		next += s.spec.Every
		if err := f.steps(s.steps); err != nil {
			if f.ctx.Err() != nil {
				return err
			}
			if s.spec.Every == 0 { // a server that refuses everything is not to be asked without a pause
				next = client.Now() + failedPause
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
	return unit(draw(f.group.t.spec.Seed, drawFlow, uint64(f.group.index), uint64(f.number), f.draws))
}

// do does a step and says when its answer was there.
func (f *flow) do(s *step) (until int64, err error) {
	switch s.spec.Do {
	case file.StepEmit:
		return f.emit(s)
	case file.StepWait:
		return f.wait(s, s.spec.Wait)
	case file.StepHTTP:
		return f.ask(s)
	case file.StepConnect:
		return f.connect()
	case file.StepDisconnect:
		return f.disconnect(s)
	}
	return f.move(s)
}

// here is the client, for which a step waits while it connects again.
func (f *flow) here() (*actor, error) {
	var a *actor
	err := f.await(client.Now()+f.group.spec.Connect.Timeout+f.patience(), false, func() bool {
		a = f.actor
		return a != nil
	})
	if errors.Is(err, errLate) {
		err = failed("unconnected", "the client has no connection")
	}
	return a, err
}

// patience is how long a client may be away that connects again.
func (f *flow) patience() time.Duration {
	if r := f.group.spec.Reconnect; r != nil {
		return 10 * r.Max
	}
	return 0
}

func (f *flow) filling() *filling {
	return &filling{group: f.group, client: f.number, captured: f.captured}
}

// open enters a call that an emission is about to make.
func (f *flow) open(a *actor) uint64 {
	now := f.group.t.now()
	id := a.calls.open(pendingCall{due: now, sent: now, stream: flowCall})
	f.mu.Lock()
	f.call, f.calls, f.reply = id, true, nil
	f.mu.Unlock()
	return id
}

// reply waits for the answer to the call that open has entered.
func (f *flow) replied(within time.Duration) (event, error) {
	var got event
	err := f.await(client.Now()+within, true, func() bool {
		if f.reply == nil {
			return false
		}
		got = *f.reply
		return true
	})
	if errors.Is(err, errLate) {
		f.mu.Lock()
		f.calls = false
		f.mu.Unlock()
		err = failed("timeout", "no acknowledgement within %v", within)
	}
	return got, err
}

func (f *flow) emit(s *step) (until int64, err error) {
	a, err := f.here()
	if err != nil {
		return 0, err
	}
	if e := s.spec.Expect; e != nil {
		f.put(func() { delete(f.inbox, e.Event) }) // what came before does not answer this
	}
	packet := append([]byte(nil), a.group.head...)
	if s.spec.Ack > 0 {
		packet = strconv.AppendUint(packet, f.open(a), 10)
	}
	if err := a.transmit(s.emit.append(packet, f.filling())); err != nil {
		return 0, failed("send", "%w", err)
	}
	until = f.group.t.now()
	var last json.RawMessage
	if s.spec.Ack > 0 {
		got, err := f.replied(s.spec.Ack)
		if err != nil {
			return 0, err
		}
		until, last = got.at, got.args
	}
	if s.spec.Expect != nil {
		got, err := f.expected(s, s.spec.Expect, true)
		if err != nil {
			return 0, err
		}
		until, last = max(until, got.at), got.args
	}
	return until, f.capture(s, last)
}

// wait waits for an event that the server sends of itself. One that came since the
// step before counts: it is there at once.
func (f *flow) wait(s *step, e *file.Expect) (int64, error) {
	began := f.group.t.now()
	got, err := f.expected(s, e, false)
	if err != nil {
		return 0, err
	}
	return max(began, got.at), f.capture(s, got.args)
}

// expected takes the first event out of the inbox that matches.
func (f *flow) expected(s *step, e *file.Expect, lost bool) (event, error) {
	var got event
	fill := f.filling()
	err := f.await(client.Now()+e.Within, lost, func() bool {
		for list := f.inbox[e.Event]; len(list) > 0; list = f.inbox[e.Event] {
			f.inbox[e.Event] = list[1:]
			if s.fits(e, list[0].args, fill) {
				got = list[0]
				return true
			}
		}
		return false
	})
	if errors.Is(err, errLate) {
		err = failed("timeout", "no event %s within %v", e.Event, e.Within)
	}
	return got, err
}

// fits reports whether an event is the one that is waited for.
func (s *step) fits(e *file.Expect, args []byte, fill *filling) bool {
	for i := range e.Match {
		v, found := lookup(args, &e.Match[i].Path)
		if !found || string(v) != string(s.matches[i].append(nil, fill)) {
			return false
		}
	}
	return true
}

// capture keeps what the step asks for of its answer.
func (f *flow) capture(s *step, from json.RawMessage) error {
	for i := range s.spec.Capture {
		c := &s.spec.Capture[i]
		v, found := lookup(from, &c.Path)
		if !found {
			return failed("capture", "there is nothing at %s", c.Path.Text)
		}
		for j, name := range f.group.spec.Captured {
			if name == c.Name {
				f.captured[j] = v
			}
		}
	}
	return nil
}

// move joins a room or leaves it. The rooms of flows are not in the ledger.
func (f *flow) move(s *step) (until int64, err error) {
	a, err := f.here()
	if err != nil {
		return 0, err
	}
	t := f.group.t
	join := s.spec.Do == file.StepJoin
	if c := t.contract; c != nil && (join && c.join == nil || !join && c.leave == nil) {
		return 0, failed("contract", "the contract does not say how to %s a room", s.spec.Do)
	}
	acknowledged := t.contract == nil
	if !acknowledged {
		call := t.contract.spec.Leave
		if join {
			call = t.contract.spec.Join
		}
		acknowledged = call.WantsAck()
	}
	id := int64(-1)
	if acknowledged {
		id = int64(f.open(a))
	}
	room := string(s.room.append(nil, f.filling()))
	if err := a.transmit(f.group.appendMove(nil, join, f.number, room, id)); err != nil {
		return 0, failed("send", "%w", err)
	}
	if !acknowledged {
		return t.now(), nil
	}
	within := s.spec.Ack
	if within == 0 {
		within = f.group.spec.Connect.Timeout
	}
	got, err := f.replied(within)
	return got.at, err
}

// disconnect ends the connection; the client is away by its own will.
func (f *flow) disconnect(s *step) (int64, error) {
	f.mu.Lock()
	a := f.actor
	f.mu.Unlock()
	if a == nil {
		return f.group.t.now(), nil
	}
	a.mu.Lock()
	a.resting = true
	a.mu.Unlock()
	f.rests(true)
	switch s.spec.How {
	case "drop":
		a.conn.Cut()
	case "stall":
		a.t.haunt(a.conn)
		a.conn.Vanish()
	default:
		_ = a.conn.Close()
	}
	err := f.await(client.Now()+f.group.spec.Connect.Timeout, false, func() bool { return f.actor == nil })
	if errors.Is(err, errLate) {
		err = failed("timeout", "the connection did not end")
	}
	return f.group.t.now(), err
}

// connect connects again after a disconnect.
func (f *flow) connect() (int64, error) {
	t, g := f.group.t, f.group
	index := int(f.id) - g.first
	old := g.actors[index].Load()
	f.mu.Lock()
	here := f.actor != nil
	f.mu.Unlock()
	if here || old == nil {
		return t.now(), nil // it is connected, or about to go
	}
	next := newActor(t, g, index, f.number)
	next.flow, next.churned = f, true
	if !g.actors[index].CompareAndSwap(old, next) {
		return t.now(), f.ctx.Err()
	}
	due := t.now()
	g.attempts[max(0, t.tl.phaseAt(due))].Add(1)
	t.wg.Go(func() { next.run(t.ctx, due) })
	_, err := f.here()
	f.rests(false)
	return t.now(), err
}

// rests notes that the client is away by its own will, or not any more. It is counted with those
// that are held: nothing is wrong with it.
func (f *flow) rests(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case on && !f.rest:
		f.group.t.resting.Add(1)
	case !on && f.rest:
		f.group.t.resting.Add(-1)
	}
	f.rest = on
}

// end ends the flow: its client goes for good.
func (f *flow) end() {
	f.cancel()
	f.rests(false)
}

// react does what the group does when an event comes.
func (a *actor) react(m *client.Message) {
	r := a.group.react[string(m.Name)]
	if r == nil {
		return
	}
	t := a.t
	a.reactions++
	if r.spec.Share < 1 && unit(draw(t.spec.Seed, drawReact, uint64(a.id), a.reactions, 0)) >= r.spec.Share {
		return
	}
	fill := filling{group: a.group, client: a.number}
	if r.ack != nil && m.HasID {
		if err := a.acknowledge(m.ID, m.Space, r.ack.append(nil, &fill)); err != nil {
			a.complain("react.ack", -1, t.arrived(m), err)
		}
	}
	if r.emit == nil {
		return
	}
	packet := r.emit.append(append([]byte(nil), a.group.head...), &fill)
	send := func() {
		if err := a.transmit(packet); err != nil && state(a.state.Load()) == held {
			a.complain("react.emit", -1, t.now(), err)
		}
	}
	if r.spec.After.IsZero() {
		send()
		return
	}
	wait := time.Duration(r.spec.After.At(unit(draw(t.spec.Seed, drawReact, uint64(a.id), a.reactions, 1))) * 1e9)
	t.wg.Go(func() {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-t.ctx.Done():
		case <-timer.C:
			send()
		}
	})
}

// A reaction is one of a file's, made ready.
type reaction struct {
	spec      *file.Reaction
	ack, emit *pattern
}

func newReactions(t *trial, spec *file.Group) map[string]*reaction {
	if len(spec.React) == 0 {
		return nil
	}
	out := map[string]*reaction{}
	for i := range spec.React {
		r := &reaction{spec: &spec.React[i]}
		if r.spec.Ack != nil {
			r.ack = t.compile(*r.spec.Ack, nil)
		}
		if !r.spec.Emit.IsZero() {
			r.emit = t.compile(r.spec.Emit, nil)
		}
		out[r.spec.Event] = r
	}
	return out
}

// acknowledge answers an event of the server; args is a JSON list.
func (a *actor) acknowledge(id uint64, space int, args []byte) error {
	name := a.group.spec.Spaces()[space]
	if a.group.parser == socketio.JSON {
		return a.conn.Send(append(strconv.AppendUint(headOf("3", name), id, 10), args...))
	}
	var list []any
	if err := json.Unmarshal(args, &list); err != nil {
		return err
	}
	packet, _, err := a.group.parser.AppendAck(nil, name, id, list...)
	if err != nil {
		return err
	}
	return a.conn.SendBinary(nil, packet)
}

// stepAttempts counts the steps that were done, and those that failed: a step that timed out is in the
// histograms already.
func (f *findings) stepAttempts(k *file.Check, sc *scope) (n int64) {
	own := *sc
	own.metric, own.labels = metricStep, k.Labels
	if h := f.c.total(own); h != nil {
		n = h.TotalCount()
	}
	return n + f.t.errors.sum(func(r *errorRow) bool {
		group := k.Labels["group"]
		return strings.HasPrefix(r.class, metricStep+".") && r.class != "step.timeout" && f.t.phaseIn(&own, r.phase) &&
			(group == "" || f.t.groups[r.group].spec.Name == group)
	})
}

// steps are the latencies of each step, by "step." and its name.
func (f *findings) steps() map[string]*hdrhistogram.Histogram {
	out := map[string]*hdrhistogram.Histogram{}
	for key, h := range f.c.totals {
		s := &f.t.rec.series[key/f.t.rec.phases]
		if s.metric != metricStep || !f.t.phaseIn(&scope{metric: metricStep}, key%f.t.rec.phases) {
			continue
		}
		name := metricStep + "." + s.event
		if out[name] == nil {
			out[name] = result.NewHistogram()
		}
		out[name].Merge(h)
	}
	return out
}
