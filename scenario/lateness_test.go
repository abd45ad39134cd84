package scenario

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/client"
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
		"reading late":    {dials: 50 * time.Millisecond, waited: 45 * time.Millisecond, want: result.Invalid, reason: "own part of p50(connect): 45"},
		"beginning late":  {dials: 10 * time.Millisecond, late: 400 * time.Millisecond, want: result.Invalid, reason: "the generator's own part of p50(connect)"},
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
