package scenario

import (
	"errors"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/internal/stamp"
	"github.com/throng-io/throng/scenario/metric"
)

// Event receives a message of the server.
func (a *actor) Event(m *client.Message) {
	if p := a.peering; p != nil {
		if p.mesh != nil && p.mesh.Event(m) {
			return
		}
		p.hears.Lock()
		defer p.hears.Unlock()
	}
	a.heard(m)
}

// heard takes a message in, of the server or of a peer.
func (a *actor) heard(m *client.Message) {
	t := a.t
	if f := a.flow; f != nil {
		f.hear(a, m, t.arrived(m))
	}
	if a.group.react != nil {
		a.react(m)
	}
	stamped := false
	for i, finders := 0, a.group.finders.of(m.Name); i < len(finders); i++ {
		scan := finders[i].Scan(m.Args, m.Attachments)
		stamped = a.hear(m, &scan) || stamped
	}
	if !stamped { // not of the runner's making, or changed beyond recognition
		t.unstamped.note(m.Name)
	}
}

// hear takes in the runner's messages that a scan of an event finds, and reports whether there is
// any.
func (a *actor) hear(m *client.Message, scan *stamp.Scan) (any bool) {
	t := a.t
	var first []byte // what stands before the first of them
	for at := 0; ; at++ {
		st, found := scan.Next()
		if at == 0 {
			first = scan.Before()
		}
		switch {
		case found == stamp.None:
			return any
		case found == stamp.Damaged:
			a.group.countError(metric.Error(metric.ErrStamp, metric.HowInvalid), t.arrived(m), nil)
		case st.Run != t.id:
			t.count.foreign.Add(1)
		case !t.delivers(&st, m.Name):
			if t.contract == nil && t.streams[st.Stream].book.Expect != ledger.ExpectNone {
				t.count.misnamed.Add(1)
			}
			continue // the server sends it along with another event
		case !t.isFor(&st, a.group, m.Space):
			a.countWrongDelivery(&st, ledger.Unexpected)
		default:
			a.checkIntact(&st, scan, first)
			a.receive(m, &st)
		}
		any = true
	}
}

// delivered records what the ledger has made of a delivery. On an agent of a fleet the ledger's
// exchange calls it, and owns the gaps of the actor.
func (a *actor) delivered(st *stamp.Stamp, kind ledger.Arrival, s *ledger.Slot, rank uint32, x read) {
	t := a.t
	sh := a.shard
	if t.turn != nil {
		sh = t.replay.Shard(a.id)
	}
	switch kind {
	case ledger.Counted:
		str := t.streams[st.Stream]
		latency := t.oneWay(x.at - s.Due)
		way := str.way(a, s)
		a.recordDelivery(sh, x, way.delivery, way.deliveryNet, s)
		if str.between != nil {
			a.recordBetween(sh, str, s, x.at)
		}
		if rank > 0 && s.Audience != nil && s.Book.Stream == str.book.Stream {
			// Clients are read in another order than the kernel got their messages in: so many have
			// it at the latest of the times until now.
			str.curve(sh, int(s.Phase), rank, s.Receivers(), max(latency, t.oneWay(s.Latest()-s.Due)))
		}
	case ledger.Replayed:
		way := t.streams[st.Stream].way(a, s)
		a.recordDelivery(sh, x, way.replayed, way.replayedNet, s)
	case ledger.Duplicate:
		t.count.duplicates.Add(1)
	case ledger.Unexpected, ledger.Stale, ledger.Overdue:
		a.countWrongDelivery(st, kind)
	case ledger.Unknown:
		a.group.countError(errorOf(kind), x.at, nil)
	case ledger.Ignored, ledger.Extra:
	}
}

// countWrongDelivery counts one of the runner's own messages that should not have come. It belongs
// to the moment when it was due.
func (a *actor) countWrongDelivery(st *stamp.Stamp, kind ledger.Arrival) {
	if t := a.t; kind == ledger.Unexpected && st.Sender == a.id && t.streams[st.Stream].book.Expect == ledger.ExpectOthers {
		t.count.toSender.Add(1)
	}
	a.t.errors.Add(record.ErrorKey{Class: errorOf(kind), Stream: int(st.Stream), Group: a.group.index}, st.Due, nil)
}

// errorOf is the class of an arrival that is an error.
func errorOf(k ledger.Arrival) metric.ErrorClass {
	switch k {
	case ledger.Unexpected:
		return metric.Error(metric.ErrDelivery, metric.HowUnexpected)
	case ledger.Stale:
		return metric.Error(metric.ErrDelivery, metric.HowStale)
	case ledger.Overdue:
		return metric.Error(metric.ErrDelivery, metric.HowOverdue)
	default:
		return metric.Error(metric.ErrDelivery, metric.HowUnknown)
	}
}

// Ack receives the answer to a join, an echo, or any other emission that asked for one.
func (a *actor) Ack(m *client.Message) {
	if p := a.peering; p != nil {
		p.hears.Lock()
		defer p.hears.Unlock()
	}
	t := a.t
	c, was := a.calls.answer(m.ID)
	switch was {
	case callExpired:
		return // counted when its limit passed
	case callAnswered, callUnknown:
		a.group.countError(metric.Error(metric.ErrAck, metric.HowUnexpected), t.arrived(m), nil)
		return
	case callOpen:
	}
	if c.stream == flowCall {
		a.flow.answered(a, m, t.arrived(m), nil)
		return
	}
	if c.stream == joinCall {
		a.joinAnswered(&c, m)
		return
	}
	t.count.calls.Add(-1)
	t.ledger.Acknowledged(int(c.stream), c.seq)
	s := t.streams[c.stream]
	at := a.came(m, c.sent)
	if s.echoes {
		scan := a.group.finder.Scan(m.Args, m.Attachments)
		st, found := scan.Next()
		if found != stamp.Found && t.contract == nil || found == stamp.Found && (st.Stream != uint16(c.stream) || st.Seq != c.seq || st.Run != t.id) {
			a.countError(metric.Error(metric.ErrAck, metric.HowMismatch), int(c.stream), c.due, nil)
			return
		}
		if found == stamp.Found {
			a.checkIntact(&st, &scan, scan.Before())
		}
	}
	if len(s.match.all) > 0 {
		fill := a.filling()
		fill.seq, fill.stamp = c.seq, &stamp.Stamp{Run: t.id, Stream: uint16(c.stream), Sender: a.id, Seq: c.seq, Due: c.due}
		if err := s.match.checkArgs(a.group.json(m.Args), fill, "the acknowledgement"); err != nil {
			a.countError(metric.Error(metric.ErrAck, metric.HowMismatch), int(c.stream), c.due, err)
			return
		}
	}
	if c.waited(at) > int64(s.spec.Ack) {
		a.countError(metric.Error(metric.ErrAck, metric.HowTimeout), int(c.stream), c.due, nil)
	}
	a.recordAck(&c, at)
	a.recordWait(a.shard, read{at, t.moment(m.At), m.Until != 0}, int(c.phase))
}

// expireCalls counts the calls whose limit has passed, at the limit. A call that is
// answered late but before this looks is recorded at its real latency.
func (a *actor) expireCalls(now int64) {
	t := a.t
	a.calls.expire(func(id uint64, c *pendingCall) bool {
		if c.stream == flowCall {
			return false // its step looks after it
		}
		if c.stream == joinCall {
			if state(a.state.Load()) != held || now-c.due <= int64(a.group.spec.Connect.Timeout) {
				return false // joinLate waits for the first ones
			}
			a.countError(metric.Error(metric.ErrMove, metric.HowTimeout), -1, c.due, errors.New("a room did not acknowledge its join in time"))
			a.isOverdue(overdueCall{id, c.due, now, joinCall})
			return true
		}
		s := t.streams[c.stream]
		limit := int64(s.spec.Ack)
		if c.waited(now) <= limit {
			return false
		}
		t.count.calls.Add(-1)
		a.recordNoAck(c, c.due+c.lag+limit)
		a.countError(metric.Error(metric.ErrAck, metric.HowTimeout), int(c.stream), c.due, nil)
		// The answer of a peer does not come when a fault has ended the peer's connection.
		if s.spec.Peer == nil {
			// the server has the whole limit, also for a call that was held before it was sent
			a.isOverdue(overdueCall{id, c.due, c.sent + limit, c.stream})
		}
		return true
	})
}

// isOverdue notes a call that has been given up, for countIgnored. The calls are locked.
func (a *actor) isOverdue(o overdueCall) {
	if a.group.frames == nil && len(a.calls.overdue) < maxOverdue && a.t.troubled() {
		a.calls.overdue = append(a.calls.overdue, o)
	}
}

// countIgnored counts the calls that the server has ignored on a connection that is over, or at the
// end of the trial. They are in ack.timeout, move.timeout or step.timeout already; no fault
// explains them.
func (a *actor) countIgnored() {
	for _, o := range a.calls.ignored() {
		switch o.stream {
		case flowCall:
			a.group.countError(metric.Ignored(metric.ErrStep), o.due, nil)
		case joinCall:
			a.countError(metric.Ignored(metric.ErrMove), -1, o.due, nil)
		default:
			a.countError(metric.Ignored(metric.ErrAck), int(o.stream), o.due, nil)
		}
	}
}
