package scenario

import (
	"context"
	"errors"
	"time"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
)

// noDue is the due time of a client that has been connected.
const noDue = -1

// recordNeverConnected records that a client that was due goes without having been connected, after
// so long.
func (a *actor) recordNeverConnected() {
	if a.due == noDue {
		return
	}
	t := a.t
	phase, took := t.tl.PhaseAt(a.due), t.now()-a.due
	a.due = noDue
	if b := a.group.before; b != nil && !a.user.ready {
		a.shard.AddNever(b.series[a.transport], phase, time.Duration(took))
		return
	}
	a.shard.AddNever(a.group.connect[a.transport][stageAll], phase, time.Duration(took))
	a.shard.AddNever(a.group.connectNet[a.transport][stageAll], phase, time.Duration(took-a.late))
}

// cameTooLate accounts for a client that was due to connect and to which the generator came only
// when the phases were over.
func (a *actor) cameTooLate(due, now int64) {
	if a.due = due; a.group.before == nil {
		a.late = max(0, now-due)
	}
	a.t.count.failed.Add(1)
	a.group.countError(metric.Error(metric.ErrConnect, metric.HowLate), due, nil)
	a.recordNeverConnected()
	a.release()
}

// waited counts a client that was still connecting when the trial was over, by the stage that it
// had reached. A reconnecting client is in reconnect.never instead.
func (a *actor) waited(stage string) {
	t := a.t
	a.mu.Lock()
	planned := a.planned
	a.mu.Unlock()
	if planned || !t.life.over.Load() || a.away.Load() != 0 {
		return
	}
	t.count.waiting.Add(1)
	t.errors.Add(record.ErrorKey{Class: metric.Error(metric.ErrWaiting, stage), Stream: -1, Group: a.group.index}, t.tl.End-1, nil)
}

// failed accounts for an attempt to connect that failed.
func (a *actor) failed(ctx context.Context, began int64, err error) (next *actor) {
	t := a.t
	a.mu.Lock()
	leaving := a.leaving
	a.mu.Unlock()
	class, stage := dialClass(err), ""
	_, before := errors.AsType[*beforeError](err)
	if de := (*client.DialError)(nil); before {
		stage = metric.HowBefore
	} else if errors.As(err, &de) {
		stage = de.Stage
	}
	if leaving || ctx.Err() != nil {
		if stage != "" {
			a.waited(stage)
		}
		if a.tries > 0 {
			a.recordNeverConnected()
		}
		a.release()
		a.gone()
		return nil
	}
	if next = a.successor(err); next == nil {
		defer a.gone()
	}
	kind := metric.ErrConnect
	switch {
	case a.since == 0 && next == nil && !before:
		t.count.failed.Add(1)
	case a.since != 0:
		kind = metric.ErrReconnect
		// a fault explains that the connection ended, and not that the client has given up
		if next == nil && a.broken && !a.slow && !t.life.over.Load() && !a.isGoing() {
			t.count.dropped.Add(1)
		}
	}
	if !before { // its step has counted it
		a.group.countError(metric.Error(kind, class), t.now(), redactedError{a.diagnosed(err), a.filling(), nil})
	}
	switch {
	case class != metric.HowTimeout:
	case a.since != 0:
		a.shard.AddNever(a.group.reconnect[a.transport][stageAttempt], t.tl.PhaseAt(a.since), time.Duration(t.now()-began))
	default:
		for _, series := range [...]int{a.group.connect[a.transport][stageAttempt], a.group.connectNet[a.transport][stageAttempt]} {
			a.shard.AddNever(series, t.tl.PhaseAt(began), time.Duration(t.now()-began))
		}
	}
	if next == nil {
		a.recordNeverConnected()
	}
	a.release()
	return next
}

// timings records how long an attempt took that has succeeded, and all of them together. Those of a
// client that comes back belong to the phase in which it lost its connection, as reconnect does.
func (a *actor) timings(began int64, d dialed) {
	t := a.t
	phase, now := t.tl.PhaseAt(began), t.now()
	series, net := &a.group.connect[a.transport], &a.group.connectNet[a.transport]
	if d.timings.Resumed {
		a.shard.Add(series[stageResumed], phase, d.timings.TLS)
	}
	if a.since != 0 {
		a.stages(&a.group.reconnect[a.transport], t.tl.PhaseAt(a.since), time.Duration(now-began), &d.timings)
		return
	}
	waited := int64(d.timings.Waited)
	if a.due != noDue {
		t.record(a.shard, series[stageAll], a.due, now)
		t.record(a.shard, net[stageAll], a.due, max(a.due, now-waited-a.late))
		a.due = noDue
	}
	a.stages(series, phase, time.Duration(now-began), &d.timings)
	t.record(a.shard, net[stageAttempt], began, max(began, now-waited))
	if d.plainly {
		a.t.count.plainly.Add(1)
	}
	if d.upgrade != nil {
		class := metric.HowOther
		if de := (*client.DialError)(nil); errors.As(d.upgrade, &de) {
			class = de.Class
		}
		a.group.countError(metric.Error(metric.ErrUpgrade, class), t.now(), redactedError{a.diagnosed(d.upgrade), a.filling(), nil})
	}
}

// stages records how long a successful attempt took, and each stage that it passed.
func (a *actor) stages(series *[connectStages]int, phase int, whole time.Duration, tm *client.Timings) {
	a.shard.Add(series[stageAttempt], phase, whole)
	for stage, took := range [...]time.Duration{
		stageTCP: tm.TCP, stageTLS: tm.TLS, stageQUIC: tm.QUIC, stageOpen: tm.Open, stageNamespace: tm.Namespace, stageUpgrade: tm.Upgrade,
	} {
		if took > 0 {
			a.shard.Add(series[stage], phase, took)
		}
	}
}
