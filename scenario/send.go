package scenario

import (
	"errors"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/internal/stamp"
	"github.com/throng-io/throng/scenario/metric"
)

func (s *stream) next() (int64, bool) {
	o, ok := s.plan.Next()
	s.op = o
	return o.Due, ok
}

// fire sends the operation that is due. An operation whose client the plan has not
// called yet, or has sent away, is not offered; one whose client is away for a while is
// held or dropped (outbox.go); one whose client should be there and is not is dropped.
func (s *stream) fire(now int64) {
	s.t.sending.Lock()
	defer s.t.sending.Unlock()
	o := s.op
	a, is, offered := s.offer(&o)
	if !offered {
		return
	}
	switch {
	case is == missing, is == absent: // absent: a log has a message of a client that is not there
		s.recordLag(&o, now)
		s.drop(&o, metric.Error(metric.ErrSend, metric.HowUnconnected), nil)
		return
	case is == away, a.outbox != nil && a.outbox.flushing && s.holds():
		s.recordLag(&o, now)
		s.keep(a, &o)
		return
	}
	if s.spec.Volatile && a.conn.Busy() {
		s.recordLag(&o, now)
		// As in the official client: what cannot leave at once does not leave at all.
		s.drop(&o, metric.Error(metric.ErrVolatile, metric.HowSkipped), nil)
		return
	}
	if s.emit(a, &o, false) {
		if a.isGoing() {
			s.offered[o.Phase].Add(-1) // the plan has just sent it away
			return
		}
		s.keep(a, &o)
	}
}

// offer finds the client that an operation falls to, and counts the operation unless the plan has
// no client for it now.
func (s *stream) offer(o *plan.Op) (a *actor, is presence, offered bool) {
	a, is = s.sender(o)
	if is == atAnother || is == absent && o.Row == nil {
		return nil, is, false
	}
	s.offered[o.Phase].Add(1)
	return a, is, true
}

// skip drops the operation that is due: the phases are over.
func (s *stream) skip(now int64) {
	s.t.sending.Lock()
	defer s.t.sending.Unlock()
	o := s.op
	if _, _, offered := s.offer(&o); offered {
		s.recordLag(&o, now)
		s.drop(&o, metric.Error(metric.ErrSend, metric.HowLate), nil)
	}
}

// recordLag records how late the generator came to an operation, also to one that it could not
// send: a client whose connection broke while this process stood still shows nothing else of that.
func (s *stream) recordLag(o *plan.Op, now int64) {
	s.t.rec.Shard(uint32(s.group.first)).Add(s.lag, o.Phase, time.Duration(now-o.Due))
}

// holds reports whether the stream holds operations that are due while its sender is away.
func (s *stream) holds() bool { return !s.spec.Volatile && s.spec.Away != file.AwayDrop }

// emit sends an operation for a client that is held. It reports whether that failed since the
// connection has just ended and the client connects again; every other failure is counted. waited
// says that the operation was held.
func (s *stream) emit(a *actor, o *plan.Op, waited bool) (lost bool) {
	room := s.room(a, o)
	var peer *actor
	if s.spec.Peer != nil {
		if peer = s.peer(a, o); peer == nil {
			s.drop(o, metric.Error(metric.ErrSend, metric.HowPeer), nil)
			return false
		}
		s.meet(peer)
	}
	to := s.audience(a, room, peer)
	enter := s.t.ledger.Emit
	if waited {
		enter = s.t.ledger.EmitHeld
	}
	slot, seq := enter(s.book, a.Receiver, to, o.Due, o.Phase)
	var own *ledger.Slot // for those with the sender's own key
	if s.book.Also != nil {
		own, _ = enter(s.book.Also, a.Receiver, a.keyed[s.keying], o.Due, o.Phase)
	}
	id, waits := uint64(0), s.spec.Ack > 0
	now, lag := s.t.now(), int64(0)
	if !waited { // how long its sender was away is not the generator's doing
		lag = now - o.Due
	}
	slot.SetLag(lag) // its receivers may be faster than the return from sending it
	own.SetLag(lag)
	if waits {
		id = a.calls.open(pendingCall{due: o.Due, sent: now, lag: lag, stream: int32(s.index), phase: int32(o.Phase), seq: seq})
		s.t.count.calls.Add(1)
	}
	err := s.send(a, s.build(a, o, id, room, seq), o, seq)
	if !waited {
		sent := s.t.now()
		slot.SetLag(sent - o.Due)
		own.SetLag(sent - o.Due)
		s.recordLag(o, sent)
	}
	if err == nil {
		slot.Written()
		own.Written()
		s.sent[o.Phase].Add(1)
		return false
	}
	// Nothing was written, so no receiver is owed the message.
	slot.Cancel()
	own.Cancel()
	if waits {
		if _, was := a.calls.answer(id); was == callOpen {
			s.t.count.calls.Add(-1)
		}
	}
	how := metric.HowOther
	switch {
	case errors.Is(err, client.ErrBackpressure):
		how = metric.HowBackpressure
	case errors.Is(err, client.ErrClosed):
		if a.outbox != nil || !waited && a.isGoing() {
			return true
		}
		how = metric.HowUnconnected
	}
	s.drop(o, metric.Error(metric.ErrSend, how), err)
	return false
}

// build writes the packet into the stream's buffer.
func (s *stream) build(a *actor, o *plan.Op, id uint64, room int, seq uint32) []byte {
	b := s.buf[:0]
	if s.group.own != nil && s.spec.Space == 0 {
		b = append(append(b, s.kind...), a.head[1:]...)
	} else {
		b = append(b, s.head...)
	}
	if s.spec.Ack > 0 {
		b = s.group.appendCall(b, id, &s.fill)
	}
	if s.custom != nil {
		s.buf = s.compose(b, a, o, room, seq)
		return s.buf
	}
	b = append(b, s.open...)
	if s.spec.Op == file.OpRoom {
		b = socketio.AppendString(b, s.group.roomName(room))
	}
	b = append(b, s.middle...)
	st := stamp.Stamp{Run: s.t.id, Stream: uint16(s.index), Sender: a.id, Seq: seq, Due: o.Due}
	var text [stamp.TextSize]byte
	st.Put(text[:])
	b = append(b, text[:]...)
	if s.filler != nil {
		b = append(b, s.filler...)
		b = appendFiller(b, s.sizeOf(o, seq)-file.MinSize)
	}
	b = append(b, s.tail...)
	s.buf = b
	return b
}

// sender finds the client that an operation falls to, and what may be asked of it. There is none
// when it is absent or missing.
func (s *stream) sender(o *plan.Op) (*actor, presence) {
	g := s.group
	switch s.spec.Per {
	case "client":
		if !g.has(int(o.Source)) {
			return nil, atAnother
		}
		a := g.actors[o.Source].Load()
		if a == nil {
			return nil, absent
		}
		return a, a.presence()
	case "room":
		return g.pick(s.startOf(o), g.inRoom(int(o.Source)))
	}
	return g.pick(s.startOf(o), nil)
}

// startOf is the place among the clients of a room or of the group at which the search for the
// sender of an operation begins.
func (s *stream) startOf(o *plan.Op) uint64 {
	if s.spec.Per == "room" {
		return plan.Draw(s.t.spec.Seed, plan.ForSender, uint64(s.index), o.N, 0)
	}
	return o.N
}

// room is the room that an operation of a client goes to.
func (s *stream) room(a *actor, o *plan.Op) int {
	switch {
	case o.Row != nil && o.Row.Room >= 0:
		return o.Row.Room
	case s.spec.Per == "room":
		return int(o.Source)
	case s.needsRoom:
		return a.room(plan.Draw(s.t.spec.Seed, plan.ForRoom, uint64(s.index)<<32|uint64(a.index), o.N, 0))
	}
	return 0
}
