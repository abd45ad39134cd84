package scenario

import (
	"strings"
	"testing"
	"time"

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
