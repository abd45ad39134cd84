package scenario

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/jsonpath"
	"github.com/throng-io/throng/scenario/metric"
)

// blocks reports whether the step may keep its goroutine: peers may wait for one another.
func (s *step) blocks() bool {
	return s.spec.Do == file.StepHTTP || s.spec.Do == file.StepDisconnect || s.spec.ToPeers
}

// do does a step, or goes on with it, and says when its answer was there.
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
func (f *flow) here() (a *actor, err error) {
	f.mu.Lock()
	a = f.actor
	f.mu.Unlock()
	if a != nil {
		f.until = 0
		return a, nil
	}
	err = f.await(f.group.spec.Connect.Timeout+f.patience(), false, func() bool {
		a = f.actor
		return a != nil
	})
	if errors.Is(err, errLate) {
		err = failed(metric.HowUnconnected, "the client has no connection")
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
	fill := f.values()
	return &fill
}

// values are those of a filling.
func (f *flow) values() filling {
	return filling{group: f.group, client: f.number, captured: f.user.values(), message: f.done, round: f.round}
}

// open enters a call that an emission is about to make. reads says that the arguments of the answer
// are wanted.
func (f *flow) open(a *actor, reads bool) uint64 {
	id := a.calls.open(pendingCall{due: f.began, sent: f.began, stream: flowCall})
	f.mu.Lock()
	f.call, f.calls, f.reads = id, true, reads
	f.mu.Unlock()
	return id
}

// replied waits for the answer to the call that open has entered for a step.
func (f *flow) replied(s *step, within time.Duration) (event, error) {
	err := f.await(within, true, func() bool { return !f.calls })
	if errors.Is(err, errLate) {
		f.mu.Lock()
		f.calls = false
		a, id := f.actor, f.call
		f.mu.Unlock()
		if a != nil {
			a.calls.giveUp(id, func() {
				if s.spec.Do != file.StepEmit { // what the application asks for may depend on clients that a fault has hit
					a.isOverdue(overdueCall{id, f.belongs(s), f.group.t.now(), flowCall})
				}
			})
		}
		err = failed(metric.HowTimeout, "no acknowledgement within %s", metric.FormatDuration(within))
	}
	if err == nil {
		f.mu.Lock()
		err = f.refusal
		f.mu.Unlock()
	}
	if err != nil {
		return event{}, err
	}
	return f.reply, nil // which stays until the next call
}

// An emission is what it takes to put a packet together. It is borrowed, for clients that wait need
// none.
type emission struct {
	packet []byte
	fill   filling
}

var emissions = sync.Pool{New: func() any { return new(emission) }}

// maxEmission bounds the bytes of a packet that the pool keeps.
const maxEmission = 64 << 10

func (e *emission) release() {
	if cap(e.packet) <= maxEmission {
		e.fill = filling{}
		emissions.Put(e)
	}
}

func (f *flow) emit(s *step) (until int64, err error) {
	if f.stage == stageBegun {
		if err := f.say(s); err != nil {
			return 0, err
		}
		f.stage = stageSent
	}
	var last []byte
	if f.stage == stageSent {
		if f.at, last, err = f.acknowledged(s); err != nil {
			return 0, err
		}
		f.stage = stageAnswered
	}
	if s.spec.Expect != nil {
		got, err := f.expected(s, s.spec.Expect, true)
		if err != nil {
			return 0, err
		}
		f.at, last = max(f.at, got.at), got.args
	}
	return f.at, f.captureArgs(s, last)
}

// acknowledged waits for the acknowledgement of an emission, if there is to be one.
func (f *flow) acknowledged(s *step) (at int64, args []byte, err error) {
	if s.spec.Ack == 0 {
		return f.group.t.now(), nil, nil
	}
	got, err := f.replied(s, s.spec.Ack)
	if err == nil {
		err = f.fits(s, got.args)
	}
	return got.at, got.args, err
}

// say sends what a step emits, when the client is there.
func (f *flow) say(s *step) error {
	a, err := f.here()
	if err != nil {
		return err
	}
	if e := s.spec.Expect; e != nil {
		f.mu.Lock()
		delete(f.inbox, e.Event) // earlier events do not answer this
		f.mu.Unlock()
	}
	x := emissions.Get().(*emission)
	defer x.release()
	x.fill = f.values()
	if err := f.write(x, a, s); err != nil {
		return failed(metric.HowSend, "%w", err)
	}
	return nil
}

// write puts together and sends what a step emits, to the server or to the peers.
func (f *flow) write(x *emission, a *actor, s *step) error {
	if s.spec.ToPeers {
		x.packet = s.emit.append(x.packet[:0], &x.fill)
		return a.toPeers(x.packet, false)
	}
	x.packet = append(x.packet[:0], a.head...)
	if s.spec.Ack > 0 {
		x.packet = a.group.appendCall(x.packet, f.open(a, len(s.match.all)+len(s.spec.Capture) > 0), &x.fill)
	}
	x.packet = s.emit.append(x.packet, &x.fill)
	return a.transmit(x.packet)
}

// fits checks the arguments of an acknowledgement.
func (f *flow) fits(s *step, args []byte) error {
	if len(s.match.all) == 0 {
		return nil // before a filling is made, for each step of each client
	}
	if err := s.match.checkArgs(args, f.filling(), "the acknowledgement"); err != nil {
		return failed(metric.HowMismatch, "%w", err)
	}
	return nil
}

// wait waits for an event that the server sends unasked. An event that arrived since the previous
// step counts and ends the wait at once.
func (f *flow) wait(s *step, e *file.Expect) (int64, error) {
	got, err := f.expected(s, e, false)
	if err != nil {
		return 0, err
	}
	return max(f.began, got.at), f.captureArgs(s, got.args)
}

// expected takes the first event out of the inbox that matches.
func (f *flow) expected(s *step, e *file.Expect, lost bool) (event, error) {
	var got event
	err := f.await(e.Within, lost, func() bool {
		for list := f.inbox[e.Event]; len(list) > 0; list = f.inbox[e.Event] {
			f.inbox[e.Event] = list[1:]
			if len(s.awaited.all) == 0 || s.awaited.checkArgs(list[0].args, f.filling(), "the event") == nil {
				got = list[0]
				return true
			}
		}
		return false
	})
	if errors.Is(err, errLate) {
		err = failed(metric.HowTimeout, "no event %s within %s", e.Event, metric.FormatDuration(e.Within))
	}
	return got, err
}

// captureArgs is capture from arguments.
func (f *flow) captureArgs(s *step, args []byte) error {
	if len(s.spec.Capture) == 0 {
		return nil
	}
	doc, err := jsonpath.Args(args)
	if err != nil {
		return failed(metric.HowCapture, "the answer is not JSON: %w", err)
	}
	return f.capture(s, &doc)
}

// capture keeps the values that the step takes from its answer; where a path leads to several, the
// first one.
func (f *flow) capture(s *step, from *jsonpath.Document) error {
	for i := range s.spec.Capture {
		c := &s.spec.Capture[i]
		if c.From != nil {
			continue // see extract
		}
		v, found := from.First(&c.Path)
		if !found {
			return failed(metric.HowCapture, "there is nothing at %s", c.Path.Text)
		}
		f.keep(c.Name, jsonpath.Append(nil, v))
	}
	return nil
}

// keep gives a name of the group a value.
func (f *flow) keep(name string, v []byte) {
	names := f.group.spec.Captured
	f.user.capture(slices.Index(names, name), len(names), v)
}

// move joins a room or leaves it. The rooms of flows are not in the ledger.
func (f *flow) move(s *step) (until int64, err error) {
	t := f.group.t
	if f.stage == stageBegun {
		acknowledged, err := f.askToMove(s)
		if err != nil {
			return 0, err
		}
		if !acknowledged {
			return t.now(), nil
		}
		f.stage = stageSent
	}
	within := s.spec.Ack
	if within == 0 {
		within = f.group.spec.Connect.Timeout
	}
	got, err := f.replied(s, within)
	if err == nil {
		err = f.fits(s, got.args)
	}
	return got.at, err
}

// askToMove sends what asks for a move, when the client is there, and says whether the server
// acknowledges it.
func (f *flow) askToMove(s *step) (acknowledged bool, err error) {
	a, err := f.here()
	if err != nil {
		return false, err
	}
	t := f.group.t
	join := s.spec.Do == file.StepJoin
	if c := t.contract; c != nil && (join && c.join == nil || !join && c.leave == nil) {
		return false, failed(metric.HowContract, "the contract does not say how to %s a room", s.spec.Do)
	}
	acknowledged = t.contract == nil
	if !acknowledged {
		call := t.contract.spec.Leave
		if join {
			call = t.contract.spec.Join
		}
		acknowledged = call.WantsAck()
	}
	id := int64(-1)
	if acknowledged {
		id = int64(f.open(a, len(s.match.all) > 0))
	}
	room := string(s.room.append(nil, f.filling()))
	if err := a.transmit(a.appendMove(nil, join, room, id)); err != nil {
		return false, failed(metric.HowSend, "%w", err)
	}
	return acknowledged, nil
}

// disconnect ends the connection; the client is away by its own will.
func (f *flow) disconnect(s *step) (int64, error) {
	if f.stage == stageBegun {
		f.mu.Lock()
		a := f.actor
		f.mu.Unlock()
		if a == nil {
			return f.group.t.now(), nil
		}
		a.mu.Lock()
		a.offline = true
		a.mu.Unlock()
		f.away()
		switch s.spec.How {
		case "drop":
			a.conn.Cut()
		case "stall":
			a.t.life.keepVanished(a.conn)
			a.conn.Vanish()
		default:
			_ = a.conn.Close()
		}
		f.stage = stageSent
	}
	err := f.await(f.group.spec.Connect.Timeout, false, func() bool { return f.actor == nil })
	if errors.Is(err, errLate) {
		err = failed(metric.HowTimeout, "the connection did not end")
	}
	return f.group.t.now(), err
}

// connect connects again after a disconnect.
func (f *flow) connect() (int64, error) {
	t := f.group.t
	if f.stage == stageBegun {
		if begun, err := f.callBack(); !begun {
			return t.now(), err
		}
		f.stage = stageSent
	}
	_, err := f.here()
	if errors.Is(err, errWaits) {
		return 0, err
	}
	f.mu.Lock()
	f.online()
	f.mu.Unlock()
	return t.now(), err
}

// callBack begins to connect the client again, unless it is connected, or about to go.
func (f *flow) callBack() (begun bool, err error) {
	t, g := f.group.t, f.group
	index := int(f.id) - g.first
	old := g.actors[index].Load()
	f.mu.Lock()
	here := f.actor != nil
	f.mu.Unlock()
	if here || old == nil {
		return false, nil
	}
	next := newActorAt(t, g, index, f.number, old.node)
	next.flow, next.user, next.churned = f, f.user, true
	if !g.actors[index].CompareAndSwap(old, next) {
		return false, f.ctx.Err()
	}
	due := t.now()
	g.attempts[max(0, t.tl.PhaseAt(due))].Add(1)
	t.life.wg.Go(func() { next.run(t.life.ctx, due) })
	return true, nil
}
