package scenario

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/internal/judge"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// Messages that wait in the sockets of a generator that sleeps came when they came: lag.receive has
// the wait, no latency has.
func TestReadingLateIsInNoLatency(t *testing.T) {
	t.Parallel()
	text := strings.Replace(broadcast, "rate: 100/s", "rate: 10/s", 1)
	c := play(t, &fakeServer{unread: 7 * time.Millisecond}, text)
	if c.Verdict != result.Pass {
		t.Errorf("%s: %s", c.Verdict, c.Reason)
	}
	for _, name := range []string{metric.Delivery, metric.FanoutLast, metric.Gap} {
		if l := c.Latency[name]; l == nil || l.Maxus > 1000 && name != metric.Gap {
			t.Errorf("%s: %+v, want nothing of 7 ms", name, l)
		}
	}
	if l := c.Generator.LagReceive; l == nil || l.N != c.Latency[metric.Delivery].N || l.Minus < 6900 || l.Maxus > 7100 {
		t.Errorf("lag.receive %+v, want 7 ms of each delivery", l)
	}
}

// A generator that stood still for 60 ms sent six of a hundred messages late: it cannot judge a
// p99.
func TestSendingLateIsInvalid(t *testing.T) {
	t.Parallel()
	var slept time.Duration
	stalls := func(opt *Options) {
		opt.sleep = func(d time.Duration) {
			if slept += d; slept > 900*time.Millisecond && slept < time.Hour {
				slept, d = time.Hour, d+60*time.Millisecond
			}
			time.Sleep(d)
		}
	}
	c := play(t, &fakeServer{}, broadcast, stalls)
	if want := "the generator's own part of p99(delivery): "; c.Verdict != result.Invalid || !strings.HasPrefix(c.Reason, want) {
		t.Errorf("%s: %q, want it invalid for %q", c.Verdict, c.Reason, want)
	}
	if want := "20 of the 20 slowest samples of delivery"; !strings.Contains(strings.Join(c.Warnings, "\n"), want) {
		t.Errorf("%q, want %q", c.Warnings, want)
	}
	calm := play(t, &fakeServer{}, broadcast)
	if calm.Verdict != result.Pass || len(calm.Warnings) > 0 {
		t.Errorf("without a stall: %s %q %q", calm.Verdict, calm.Reason, calm.Warnings)
	}
}

// A generator that stood still for seconds sends late what was due meanwhile. Their limits count
// from when they were sent: the server has lost nothing, and answered in time. One that takes long
// has not.
func TestSendingLateIsNoLossOfTheServer(t *testing.T) {
	t.Parallel()
	text := replaceAll(broadcast, "late: 300ms", "late: 300ms, ack: 300ms", "for: 1s", "for: 4s",
		"achieved(rate) > 99%", "achieved(rate) > 99%, p99(lag) < 1h, p99(lag.receive) < 1h")
	for _, takes := range []time.Duration{0, 400 * time.Millisecond} {
		var slept time.Duration
		stalls := func(opt *Options) {
			opt.sleep = func(d time.Duration) {
				if slept += d; slept > 900*time.Millisecond && slept < time.Hour {
					slept, d = time.Hour, d+2*time.Second
				}
				time.Sleep(d)
			}
		}
		s := &fakeServer{mangle: func(_ int, _ *fakeConn, p []byte) []fakePacket { return []fakePacket{{text: p, after: takes}} }}
		c := play(t, s, text, stalls)
		if c.Generator.Lag == nil || c.Generator.Lag.Maxus < 1_900_000 {
			t.Fatalf("lag %+v: the generator did not stand still", c.Generator.Lag)
		}
		if takes == 0 && (c.Verdict != result.Pass || c.Ledger.Late+c.Ledger.Lost > 0 || len(c.Errors) > 0) {
			t.Errorf("%s because %q; %+v, errors %v", c.Verdict, c.Reason, c.Ledger, c.Errors)
		}
		if takes > 0 && (c.Verdict != result.Fail || c.Ledger.Late < 3500 || c.Ledger.Received > 0) {
			t.Errorf("%s because %q; %+v, want none in time", c.Verdict, c.Reason, c.Ledger)
		}
		if l := c.Latency[metric.Delivery]; l == nil || l.Maxus < 1_900_000 {
			t.Errorf("delivery %+v: latencies count from when messages were due", l)
		}
	}
}

// The clients of a generator that is paused across the measurement lose their connections
// meanwhile: that says nothing of the target. The connections that it loses while the generator
// runs do.
func TestPausedAcrossTheMeasurementIsInvalid(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		valid  string
		pause  time.Duration
		want   result.Verdict
		reason string
	}{
		{"p99(lag) < 25ms", 2500 * time.Millisecond, result.Invalid, "p99(lag) < 25ms: 2."},
		{"achieved(rate) > 99%", 2500 * time.Millisecond, result.Invalid, "achieved(rate) > 99%: 0 %"},
		{"p99(lag) < 25ms", 15 * time.Second, result.Invalid, "p99(lag) < 25ms: 15 s"},
		{"achieved(rate) > 99%", 15 * time.Second, result.Invalid, "achieved(rate) > 99%: 0 %"},
		{"p99(lag) < 1h", 15 * time.Second, result.Invalid, "errors(send.late) == 0: 100 (the generator"},
		{"p99(lag) < 25ms, achieved(rate) > 99%", 0, result.Fail, "achieved(rate) > 99%: 0 %"},
	} {
		s := &fakeServer{}
		var slept time.Duration
		pauses := func(opt *Options) {
			opt.sleep = func(d time.Duration) {
				if slept += d; slept > 390*time.Millisecond && slept < time.Hour {
					slept = time.Hour
					s.mu.Lock()
					conns := slices.Clone(s.conns)
					s.mu.Unlock()
					for _, c := range conns {
						c.end(client.TransportClose)
					}
					d += test.pause
				}
				time.Sleep(d)
			}
		}
		c := play(t, s, strings.Replace(broadcast, "achieved(rate) > 99%", test.valid, 1), pauses)
		if c.Verdict != test.want || !strings.HasPrefix(c.Reason, test.reason) {
			t.Errorf("%s, a pause of %v: %s because %q, want %s because %q", test.valid, test.pause, c.Verdict, c.Reason, test.want, test.reason)
		}
		if lag := c.Generator.Lag; lag == nil || lag.N != 100 {
			t.Errorf("%s, a pause of %v: lag %+v, want one sample of each operation", test.valid, test.pause, lag)
		}
	}
}

// The longest time for which the probe was not read is in the evidence.
func TestStandstill(t *testing.T) {
	t.Parallel()
	f := measured(t)
	for _, at := range []time.Duration{2 * time.Millisecond, 4 * time.Millisecond, 7 * time.Second, 7 * time.Second, 7002 * time.Millisecond} {
		f.t.watch.runs(int64(at))
	}
	if got, want := f.c.evidence(nil).Standstill, int64(7*time.Second-4*time.Millisecond); got != want {
		t.Errorf("the generator stood still for %d ns, want %d", got, want)
	}
	for _, patience := range []time.Duration{20 * time.Second, 0, 2 * time.Second, 5 * time.Second} {
		f.t.watch.learn(patience)
	}
	if got, want := f.c.evidence(nil).Patience, int64(2*time.Second); got != want {
		t.Errorf("the servers wait %d ns for a client, want %d", got, want)
	}
}

// A connect counts from when it was due, and the generator's own part of it is known: how late it
// was begun, and how long the answers waited to be read.
func TestOwnLatenessInConnecting(t *testing.T) {
	t.Parallel()
	const text = `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups: {all: {count: 40, connect: {rate: 100/s}}}
phases: [{name: hold, for: 1s}]
slo: ["p50(connect{transport=websocket}) < 20ms"]
`
	for name, test := range map[string]struct {
		dials, waited time.Duration // how long a dial takes, and the generator's own part of that
		late          time.Duration // how late the pacer wakes
		want          result.Verdict
		reason        string
	}{
		"in time":         {dials: 10 * time.Millisecond, want: result.Pass},
		"the target":      {dials: 50 * time.Millisecond, waited: 4 * time.Millisecond, want: result.Fail, reason: ") < 20ms: 50"},
		"reading late":    {dials: 50 * time.Millisecond, waited: 45 * time.Millisecond, want: result.Invalid, reason: "own part of p50(connect{transport=websocket}): 45"},
		"beginning late":  {dials: 10 * time.Millisecond, late: 400 * time.Millisecond, want: result.Invalid, reason: "the generator's own part of p50(connect{transport=websocket})"},
		"late, and slow":  {dials: 50 * time.Millisecond, late: 400 * time.Millisecond, want: result.Fail, reason: ") < 20ms"},
		"late, yet quick": {dials: 10 * time.Millisecond, waited: 9 * time.Millisecond, want: result.Pass},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &fakeServer{}
			c := play(t, s, text, func(o *Options) {
				o.dial = func(ctx context.Context, cfg *client.Config) (dialed, error) {
					time.Sleep(test.dials)
					d, err := s.dial(ctx, cfg)
					d.timings.Waited = test.waited
					return d, err
				}
				o.sleep = func(d time.Duration) { time.Sleep(d + test.late) }
			})
			if c.Verdict != test.want || !strings.Contains(c.Reason, test.reason) || (test.reason == "") != (c.Reason == "") {
				t.Errorf("%s because %q, want %s because %q", c.Verdict, c.Reason, test.want, test.reason)
			}
		})
	}
}

// heldUp is a probe of a process that was held up for so long.
type heldUp func(at int64) int64

func (h heldUp) Held(at int64) int64 { return h(at) }
func (heldUp) Close()                {}

// An answer that came while the generator stood still is not missing before its client has had the
// time to read it.
func TestAnswersInTheSocketAreNotMissing(t *testing.T) {
	t.Parallel()
	tr := newIdleTrial(t, "version: 1\nname: t\ntarget: {url: \"http://127.0.0.1:1\"}\ngroups: {a: {count: 1, send: [{op: echo, rate: 1/s, ack: 1s}]}}\n")
	a := newActor(tr, tr.groups[0], 0, 0)
	tr.groups[0].actors[0].Store(a)
	tr.life.epoch = client.Now() - 3*time.Second
	call := pendingCall{due: int64(time.Second), sent: int64(time.Second)}
	stopped := int64(1100 * time.Millisecond)
	for name, test := range map[string]struct {
		held func(at int64) int64
		want int64
	}{
		"it stood still": {func(at int64) int64 { return at - stopped }, 0},
		"it did not":     {func(int64) int64 { return 0 }, 1},
	} {
		before := tr.errors.Counts()
		id := a.calls.open(call)
		tr.count.calls.Store(1)
		looks := 0
		tr.watch.probe = heldUp(func(at int64) int64 {
			if looks++; looks == 3 { // the client reads on
				if _, was := a.calls.answer(id); was == callOpen {
					tr.count.calls.Add(-1)
				}
			}
			return test.held(at)
		})
		if got, want := tr.readUpTo(2*stopped), 2*stopped-test.held(2*stopped); got != want {
			t.Errorf("%s: what came was read up to %d, want %d", name, got, want)
		}
		tr.drain(t.Context(), judge.RanOut)
		if n := int64(len(tr.errors.Counts()) - len(before)); n != test.want {
			t.Errorf("%s: errors %+v, want %d more than %+v", name, tr.errors.Counts(), test.want, before)
		}
	}
}
