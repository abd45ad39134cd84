package scenario

import (
	"sync"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
)

// Operations that are due while a client reconnects. As in the official client they are held and
// sent in order as soon as the client is back in its rooms, before newer ones; their latency counts
// from when they were due. Volatile streams, and streams with that setting, drop them. So each due
// operation is sent, held to the end, or dropped.

// Limits of held operations; beyond them a message is dropped.
type bounds struct{ client, all int }

// maxHeld is about 64 MiB in all.
var maxHeld = bounds{client: 4096, all: 1 << 20}

// flushAtOnce is how many held messages are sent before the pacer may go on.
const flushAtOnce = 16

// An outbox holds a client's held operations. Guarded by trial.sending.
type outbox struct {
	ops      []heldOp
	flushing bool // reconnected, but held operations remain: new ones queue behind them
}

// A sending lets one goroutine at a time send messages of the streams: the pacer, or the goroutine
// of a reconnected client.
type sending struct {
	sync.Mutex
	most bounds
	held int  // operations that are held, in all outboxes
	over bool // the phases are over: nothing is sent any more
}

type heldOp struct {
	plan.Op
	stream *stream
}

// A presence says how the schedule may use a client.
type presence int

const (
	absent    presence = iota // the plan does not have it here, or not yet: nothing is due
	here                      // it sends
	away                      // reconnecting: due operations are held
	missing                   // not connected although planned: due operations are dropped
	atAnother                 // another agent of the fleet has it, and sees to what is due
)

// presence returns how the schedule may use the client. A client that replaces another is allowed
// the time that connecting takes.
func (a *actor) presence() presence {
	switch s := state(a.state.Load()); {
	case s == held:
		return here
	case a.away.Load() != 0:
		return away
	case s == ended && a.isOffline():
		return absent
	case s == ended || !a.churned:
		return missing
	}
	return absent
}

// isOffline reports whether its flow has disconnected it.
func (a *actor) isOffline() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.offline
}

// isGoing reports whether the end of its connection is planned.
func (a *actor) isGoing() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.offline || a.leaving
}

// keep holds an operation that is due, or drops it. t.sending is locked.
func (s *stream) keep(a *actor, o *plan.Op) {
	t := s.t
	switch {
	case s.spec.Volatile:
		s.drop(o, metric.Error(metric.ErrVolatile, metric.HowAway), nil)
	case s.spec.Away == file.AwayDrop:
		s.drop(o, metric.Error(metric.ErrAway, metric.HowDropped), nil)
	case len(a.outbox.ops) >= t.sending.most.client || t.sending.held >= t.sending.most.all:
		s.drop(o, metric.Error(metric.ErrSend, metric.HowFull), nil)
	default:
		a.outbox.ops = append(a.outbox.ops, heldOp{*o, s})
		t.sending.held++
		s.held[o.Phase].Add(1)
		s.book.Hold(o.Due, o.Phase)
	}
}

// drop counts an operation that is not sent at all. t.sending is locked.
func (s *stream) drop(o *plan.Op, class metric.ErrorClass, err error) {
	s.dropped[o.Phase].Add(1)
	s.book.Drop(o.Due, o.Phase)
	s.t.errors.Add(record.ErrorKey{Class: class, Stream: s.index, Group: s.group.index}, o.Due, err)
}

// flush sends the operations held for a client that has reconnected.
func (a *actor) flush() {
	if a.outbox == nil {
		return
	}
	for more := true; more; {
		a.t.sending.Lock()
		more = a.flushSome()
		a.t.sending.Unlock()
	}
}

// flushSome sends some of it and reports whether there is more. t.sending is locked.
func (a *actor) flushSome() bool {
	b := a.outbox
	for range flushAtOnce {
		if len(b.ops) == 0 || a.t.sending.over {
			b.flushing = false
			if len(b.ops) == 0 {
				b.ops = nil
			}
			return false
		}
		o := b.ops[0]
		switch {
		case o.expired(a.t.now()):
			o.stream.expire(a, &o.Op)
		case o.stream.emit(a, &o.Op, true): // lost again: the rest waits for its next successor
			b.flushing = false
			return false
		}
		b.ops = b.ops[1:]
		o.leaves()
	}
	return true
}

// expired reports whether the call has timed out: official clients remove such calls from their
// buffer.
func (o *heldOp) expired(now int64) bool {
	limit := int64(o.stream.spec.Ack)
	return limit > 0 && now-o.Due > limit
}

// expire drops a held call whose answer could only come after its limit. t.sending is locked.
func (s *stream) expire(a *actor, o *plan.Op) {
	a.shard.AddNever(s.ack[a.class], o.Phase, s.spec.Ack)
	a.shard.AddNever(s.ackNet[a.class], o.Phase, s.spec.Ack)
	s.drop(o, metric.Error(metric.ErrAck, metric.HowTimeout), nil)
}

// discard drops the operations held for a client that will not reconnect, because the plan or the
// server has disconnected it.
func (a *actor) discard() {
	t := a.t
	t.sending.Lock()
	defer t.sending.Unlock()
	if a.outbox == nil || t.sending.over {
		return
	}
	for i := range a.outbox.ops {
		o := &a.outbox.ops[i]
		o.stream.drop(&o.Op, metric.Error(metric.ErrSend, metric.HowUnconnected), nil)
		o.leaves()
	}
	a.outbox.ops = nil
}

// leaves removes the operation from the held ones. The caller holds t.sending.
func (o *heldOp) leaves() {
	o.stream.t.sending.held--
	o.stream.held[o.Phase].Add(-1)
	o.stream.book.Release(o.Due, o.Phase)
}

// seal ends the sending: the phases are over. Calls that are held in vain are dropped; what else is
// held stays so.
func (t *trial) seal() {
	t.sending.Lock()
	defer t.sending.Unlock()
	t.sending.over = true
	now := t.now()
	for _, g := range t.groups {
		for i := range g.actors {
			if a := g.actors[i].Load(); a != nil && a.outbox != nil {
				a.outbox.dropExpired(a, now)
			}
		}
	}
}

func (b *outbox) dropExpired(a *actor, now int64) {
	for i := range b.ops {
		if o := &b.ops[i]; o.expired(now) {
			o.stream.expire(a, &o.Op)
			o.leaves()
		}
	}
}
