package scenario

import (
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/result"
)

func TestGapsAreKeptBySource(t *testing.T) {
	var g gaps
	for i, step := range []struct {
		key, due, at int64
		want         time.Duration
		ok           bool
	}{
		{1, 10, 12, 0, false},
		{1, 20, 25, 13, true},
		{2, 15, 26, 0, false},
		{2, 25, 36, 10, true},
		{1, 30, 37, 12, true},
		{1, 25, 38, 0, false}, // overtaken
		{2, 35, 50, 14, true},
		{3, 1, 60, 0, false},
	} {
		if got, ok := g.since(step.key, step.due, step.at); ok != step.ok || ok && got != step.want {
			t.Errorf("step %d: %v %v, want %v %v", i, got, ok, step.want, step.ok)
		}
	}
}

// Every tenth tick comes 100 ms late, which makes the gap before it that much longer and the one
// after it shorter; one that is never sent on shows as a whole period.
func TestJitterOfAPeriodicStream(t *testing.T) {
	t.Parallel()
	s := &fakeServer{mangle: func(n int, _ *fakeConn, p []byte) []fakePacket {
		switch {
		case n%10 == 5:
			return []fakePacket{{text: p, after: 30 * time.Millisecond}}
		case n == 12:
			return nil
		}
		return []fakePacket{{text: p}}
	}}
	c := play(t, s, strings.Replace(strings.Replace(broadcast, "rate: 100/s", "rate: 20/s", 1), "loss(delivery) == 0", "loss(delivery) < 10%, max(gap) >= 29ms", 1))
	// 19 gaps of ten receivers, without the one at the message that is missing.
	if l := c.Latency["gap"]; l == nil || l.N != 180 || l.Maxus < 29_000 {
		t.Errorf("gap %+v", l)
	}
	if c.Verdict != result.Pass {
		t.Errorf("%s: %s", c.Verdict, c.Reason)
	}
}

// A check that stays broken ends the trial, which writes what it has.
func TestAbort(t *testing.T) {
	t.Parallel()
	s := &fakeServer{mangle: func(n int, _ *fakeConn, p []byte) []fakePacket {
		if n%2 == 0 {
			return nil
		}
		return []fakePacket{{text: p}}
	}}
	text := strings.Replace(broadcast, "for: 1s", "for: 1h", 1)
	text = strings.Replace(text, "slo: [p99(delivery) < 1h, loss(delivery) == 0]", "slo: [p99(delivery) < 1h, {check: loss(delivery) < 1%, abort: 2s}]", 1)
	c := play(t, s, text)
	if c.Verdict != result.Fail || !strings.Contains(c.Reason, "loss(delivery) < 1%") || c.Ledger.Lost == 0 || c.Ledger.Received == 0 {
		t.Errorf("%s: %s; ledger %+v", c.Verdict, c.Reason, c.Ledger)
	}
	if len(c.Warnings) == 0 || !strings.Contains(c.Warnings[0], "ended early") || !strings.Contains(c.Warnings[0], "was broken for") {
		t.Errorf("warnings %q", c.Warnings)
	}
}
