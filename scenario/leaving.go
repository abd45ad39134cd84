package scenario

import (
	"cmp"
	"errors"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/metric"
)

// after accounts for the end of the connection. It returns the client that connects again, if any.
func (a *actor) after(c conn, err error) (next *actor) {
	t := a.t
	if since := c.Unsent(); since > 0 {
		a.MayBeUnwritten(t.moment(since), t.now())
	}
	if since := c.Heard(); since > 0 {
		end, _ := errors.AsType[*client.CloseError](err)
		a.Unheard(t.moment(since), t.now(), end != nil && end.Reason == client.PingTimeout)
	}
	in, out := c.Bytes()
	t.ended(a, in, out)
	t.count.bytesIn.Add(int64(in))
	t.count.bytesOut.Add(int64(out))
	t.count.connected.Add(-1)
	if r := a.group.spec.Reconnect; r != nil {
		had := c.Session()
		if !r.Recover {
			had = client.Session{Retry: had.Retry}
		}
		a.session = &had
	}
	return a.end(err)
}

// leave sends the client away by the plan: nothing is owed to it from now on.
func (a *actor) leave() {
	a.leaveBy(func(c conn) { _ = c.Close() }) // what reads it reports the error when it returns
}

// leaveBy is leave with another way to end the connection.
func (a *actor) leaveBy(end func(conn)) {
	a.mu.Lock()
	a.leaving = true
	a.planned = a.planned || !a.t.life.over.Load()
	c, f, r := a.conn, a.flow, a.Receiver
	a.mu.Unlock()
	if f != nil {
		f.end()
	}
	if c != nil {
		since := a.t.now() // before it looks: what comes meanwhile is not read either
		if c.Unread() {
			since = 0
		}
		r.MayBeUnread(since)
	}
	a.release()
	a.discard()
	if c != nil {
		end(c)
	}
}

// gone releases the state kept for reconnection, because the client will not connect again.
func (a *actor) gone() {
	a.forget()
	a.discard()
}

// release takes the client out of those that are held, once.
func (a *actor) release() {
	switch state(a.state.Swap(int32(ended))) {
	case held:
		a.t.count.held.Add(-1)
		a.group.held.Add(-1)
		a.t.nodes[a.node].held.Add(-1)
	case joining:
		a.waited(metric.HowJoin)
	case connecting, ended:
	}
	a.mu.Lock()
	r, suspended := a.Receiver, a.was == a.Receiver
	a.mu.Unlock()
	if !suspended {
		a.t.ledger.Leave(r)
	}
}

// end accounts for the end of the connection.
func (a *actor) end(err error) (next *actor) {
	t := a.t
	was := state(a.state.Load())
	since, fault := a.faulty(t.now())
	if was == held && a.group.spec.Reconnect != nil && !a.isGoing() {
		// before it is released, so that operations due meanwhile are held for its successor
		a.away.Store(since)
		a.suspend()
	}
	defer func() {
		if next == nil {
			a.away.Store(0)
			a.gone()
		}
	}()
	a.release()
	a.mu.Lock()
	resting, f := a.offline, a.flow
	planned := a.leaving || t.life.over.Load() || resting
	a.mu.Unlock()
	if f != nil {
		defer func() { f.lost(a, next == nil && !resting) }()
	}
	a.countIgnored()
	a.calls.expire(func(_ uint64, c *pendingCall) bool {
		if c.stream >= 0 {
			t.count.calls.Add(-1)
			if !planned {
				a.countError(metric.Error(metric.ErrAck, metric.HowDropped), int(c.stream), c.due, nil)
			}
		}
		return true
	})
	if planned {
		return nil
	}
	if a.since == 0 && was == held {
		a.since, a.tries = since, 0
		a.drops++
	}
	if next = a.successor(err); next != nil && fault {
		t.count.cutOff.Add(1)
		if was == held {
			next.broken = true
			t.countBroken(next, next.since)
		}
		return next // the fault intends it
	}
	reason := metric.HowOther
	if ce := (*client.CloseError)(nil); errors.As(err, &ce) {
		reason = slug(ce.Reason)
	}
	if _, own := errors.AsType[*client.LimitError](err); own {
		reason = metric.HowLimit
	}
	reason = cmp.Or(client.LimitOf(err), reason) // of a further connection of its session
	switch {
	case was == held && a.slow:
		t.count.slowDropped.Add(1)
	case was == held:
		t.count.dropped.Add(1)
	case next == nil:
		t.count.failed.Add(1)
	}
	a.countError(metric.Error(metric.ErrDrop, reason), -1, t.now(), err)
	return next
}

// slug makes a reason of closing a part of an error class.
func slug(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c == ' ' {
			b[i] = '_'
		}
	}
	return string(b)
}
