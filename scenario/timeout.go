package scenario

import (
	"cmp"
	"context"
	"time"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/client/deadline"
	"github.com/throng-io/throng/scenario/metric"
)

// A pause of this process is no delay of the server's: what came meanwhile lies in the sockets, and
// is read when the process goes on. So whatever is waited for has not come in time only when the
// clients have read what had come by then: deliveries and acknowledgements (readUpTo), steps,
// requests, joins and data channels (lookAgain). An attempt to connect that ran out of time is made
// once more.

// heldUp is how long what is read at a moment, now, may have waited for this process.
func (t *trial) heldUp(now int64) int64 { return min(t.watch.held(now), mostHeld) }

// readUpTo is the moment, until at most, up to which the clients have read what came. What came
// while this process was held up lies in their sockets for as long again, and is not missing yet.
func (t *trial) readUpTo(until int64) int64 {
	now := t.now()
	return min(until, now-t.heldUp(now))
}

// lookAgain says when to look again whether something has come that was to come by a moment of the
// client's clock. 0: it has not come in time.
func (t *trial) lookAgain(until time.Duration) time.Duration {
	now, held := client.Now(), time.Duration(t.heldUp(t.now()))
	switch {
	case now < until:
		return until
	case now-held < until:
		return now + max(held/4, time.Millisecond)
	}
	return 0
}

// A timeout calls over, on a goroutine of its own, when something has not come in time.
type timeout struct {
	t     *trial
	until time.Duration // on the client's clock
	over  func()
	alarm deadline.Entry
}

func (t *trial) timeout(limit time.Duration, over func()) *timeout {
	x := &timeout{t: t, until: client.Now() + limit, over: over}
	x.alarm.Owner = x
	t.alarms.Set(&x.alarm, x.until)
	return x
}

// after is timeout in the form that peers take.
func (t *trial) after(limit time.Duration, over func()) (stop func()) {
	return t.timeout(limit, over).stop
}

// stop ends the wait. over may still be called once: it may be under way. nil: nothing was waited
// for.
func (x *timeout) stop() {
	if x != nil {
		x.t.alarms.Drop(&x.alarm)
	}
}

// Due implements deadline.Owner.
func (x *timeout) Due(time.Duration) time.Duration {
	again := x.t.lookAgain(x.until)
	if again == 0 {
		go x.over()
	}
	return again
}

// within is context.WithTimeout for what the server is to do.
func (t *trial) within(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	x := t.timeout(limit, func() { cancel(context.DeadlineExceeded) })
	return ctx, func() {
		x.stop()
		cancel(nil)
	}
}

// heldPart is the part of the time for connecting for which this process must have been held up for
// an attempt to be made once more.
const heldPart = 10

// attempt connects. An attempt that ran out of time while this process was held up shows nothing of
// the server, whose answer may lie in the socket: it is given up and made once more.
func (a *actor) attempt(ctx context.Context) (d dialed, began int64, err error) {
	t := a.t
	for again := false; ; again = true {
		cfg := a.config()
		began = t.now()
		d, err = t.dial(ctx, cfg)
		if again || dialClass(cmp.Or(err, d.upgrade)) != metric.HowTimeout || t.heldUp(t.now()) < int64(max(cfg.Timeout, time.Second)/heldPart) {
			return d, began, err
		}
		if a.isTraced() {
			t.tracer.line(a, t.now(), "- %v; this process was held up meanwhile, so the client connects again", cmp.Or(err, d.upgrade))
		}
		if err == nil {
			sendAway(d.conn)
		}
	}
}

// sendAway ends a connection that nobody uses.
func sendAway(c conn) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = c.Run(discardHandler{}) // it ends because it is closed
	}()
	_ = c.Close()
	<-done
}

// A discardHandler is a handler that ignores every message.
type discardHandler struct{}

func (discardHandler) Event(*client.Message) {}
func (discardHandler) Ack(*client.Message)   {}
