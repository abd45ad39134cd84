package scenario

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/lateness"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
)

// A watch sees how late the generator itself reads.
type watch struct {
	probe   prober       // nil: the connections are a test's
	series  int          // of the probe's samples
	untimed atomic.Int64 // messages of which the system did not say when they arrived

	standstill atomic.Int64 // the longest time between two readings of the probe, of a fleet on any agent, in nanoseconds
	ran        int64        // when the probe was read last, since the trial's start; the probe's goroutine's
	// the shortest time for which a server waits for a sign of a client, of a fleet on any agent,
	// in nanoseconds; 0: not known
	patience atomic.Int64
}

// A prober is a [lateness.Probe].
type prober interface {
	Held(at int64) (d int64)
	Close()
}

// fewUntimed is how many such messages are no sign of a connection without times: a kernel that has
// just been asked for them begins to note them a moment later.
const fewUntimed = 100

// watchReads begins to watch. Where the arrivals of all messages are known, the probe only bounds
// how long those may have waited that were read together; otherwise its samples are recorded as
// well.
func (t *trial) watchReads() error {
	if !t.opt.network {
		return nil
	}
	sh := t.rec.Shard(0)
	t.watch.ran = t.now()
	var together func(fd int, read func()) bool
	if t.readTogether() {
		together = t.readers.Watch
	}
	probe, err := lateness.Start(lateness.Every(t.here()), t.now, together, func(at, late int64) {
		t.watch.runs(at)
		if t.watch.untimed.Load() > fewUntimed {
			sh.Add(t.watch.series, t.tl.PhaseAt(at), time.Duration(late))
		}
	})
	if err != nil {
		return err
	}
	t.watch.probe = probe
	return nil
}

// runs notes that this process runs at a moment. The probe is read every few milliseconds: a long
// time without means that the process was stopped, or had no processor.
func (w *watch) runs(at int64) {
	if gap := at - w.ran; gap > w.standstill.Load() {
		w.standstill.Store(gap)
	}
	w.ran = at
}

// learn takes in how long a server waits for a sign of a client; 0: not known.
func (w *watch) learn(patience time.Duration) {
	for was := w.patience.Load(); patience > 0 && (was == 0 || int64(patience) < was) && !w.patience.CompareAndSwap(was, int64(patience)); {
		was = w.patience.Load()
	}
}

// mostHeld bounds how long clients may take to read what came while this process was held up: twice
// the longest standstill of a trial that may fail.
const mostHeld = int64(10 * time.Second)

// readTogether reports whether the trial's readers read for all clients.
func (t *trial) readTogether() bool {
	if len(t.links.list)+len(t.links.addrs) > 0 || t.stalls() {
		return false
	}
	for _, url := range t.server.urls {
		if !strings.HasPrefix(url, "http:") && !strings.HasPrefix(url, "ws:") {
			return false
		}
	}
	for _, g := range t.groups {
		if g.frames != nil || g.spec.Read != nil || g.spec.Peers != nil || g.spec.Engine == file.Engine3 {
			return false
		}
		if slices.ContainsFunc(g.spec.Transport, func(s file.Share) bool { return s.Name != client.WebSocket }) {
			return false
		}
	}
	return true
}

// here is how many processes of this machine have clients of the trial.
func (t *trial) here() int {
	if t.share == nil || t.opt.role.link == nil {
		return 1
	}
	n, all, self := 0, t.opt.role.link.Agents(), t.opt.role.link.Self()
	for i := range all {
		if all[i].Host == all[self].Host {
			n++
		}
	}
	return n
}

func (w *watch) held(at int64) int64 {
	if w.probe == nil {
		return 0
	}
	return w.probe.Held(at)
}

func (w *watch) close() {
	if w.probe != nil {
		w.probe.Close()
	}
}

// came returns when a message written at a given moment reached the client's socket; where that is
// unknown, when it was read.
func (a *actor) came(m *client.Message, wrote int64) int64 {
	t := a.t
	w := &t.watch
	if m.Until == 0 {
		if !a.slow && w.untimed.Load() <= fewUntimed {
			w.untimed.Add(1)
		}
		return t.moment(m.At)
	}
	came := lateness.Arrival{Wrote: wrote, From: t.moment(m.From), Until: t.moment(m.Until), Read: t.moment(m.At)}
	held := int64(0)
	if came.From < came.Until {
		held = w.held(came.Read)
	}
	return a.transit.Came(came, held)
}

// recordDelivery records a delivery that came at a moment, with the generator's own lateness in
// sending and without it, in series by class and decile.
func (a *actor) recordDelivery(sh *record.Shard, x read, series, net []int, s *ledger.Slot) {
	place, phase, latency := a.class*record.Deciles+s.Decile(), int(s.Phase), a.t.oneWay(x.at-s.Due)
	sh.Add(series[place], phase, latency)
	sh.Add(net[place], phase, max(0, latency-time.Duration(s.Lag())))
	a.recordWait(sh, x, phase)
}

// recordWait records how long a message waited in the client's socket.
func (a *actor) recordWait(sh *record.Shard, x read, phase int) {
	if x.timed {
		sh.Add(a.group.late[a.class], phase, time.Duration(x.read-x.at))
	}
}

// recordAck records an acknowledgement that came at a moment.
func (a *actor) recordAck(c *pendingCall, at int64) {
	s, phase := a.t.streams[c.stream], int(c.phase)
	a.shard.Add(s.ack[a.class], phase, time.Duration(at-c.due))
	a.shard.Add(s.service[a.class], phase, max(0, time.Duration(at-c.sent)))
	a.shard.Add(s.ackNet[a.class], phase, max(0, time.Duration(at-c.due-c.lag)))
}

// recordNoAck records that an acknowledgement had not come by then.
func (a *actor) recordNoAck(c *pendingCall, by int64) {
	s, phase := a.t.streams[c.stream], int(c.phase)
	a.shard.AddNever(s.ack[a.class], phase, time.Duration(by-c.due))
	a.shard.AddNever(s.service[a.class], phase, max(0, time.Duration(by-c.sent)))
	a.shard.AddNever(s.ackNet[a.class], phase, max(0, time.Duration(by-c.due-c.lag)))
}

// netOf is the hidden series beside one of latencies.
func netOf(x record.Series) record.Series {
	x.Metric, x.Hidden = x.Metric+metric.NetSuffix, true
	return x
}
