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
		gap, before  time.Duration
	}{
		{1, 10, 12, 0, 0},
		{1, 20, 25, 13, 0},
		{2, 15, 26, 0, 0},
		{2, 25, 36, 10, 0},
		{1, 30, 37, 12, 13},
		{1, 25, 38, 0, 0}, // overtaken
		{2, 35, 50, 14, 10},
		{1, 40, 48, 11, 12},
		{3, 1, 60, 0, 0},
	} {
		if gap, before := g.since(step.key, step.due, step.at); gap != step.gap || before != step.before {
			t.Errorf("step %d: %v after %v, want %v after %v", i, gap, before, step.gap, step.before)
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
	c := play(t, s, strings.Replace(strings.Replace(broadcast, "rate: 100/s", "rate: 20/s", 1), "loss(delivery) == 0", "loss(delivery) < 10%, max(gap) >= 29ms, max(jitter) >= 59ms", 1))
	// 19 gaps of ten receivers, without the one at the message that is missing.
	if l := c.Latency["gap"]; l == nil || l.N != 180 || l.Maxus < 29_000 {
		t.Errorf("gap %+v", l)
	}
	// Each receiver has one jitter less than gaps. A tick that is 30 ms late makes one gap 30 ms
	// longer and the next one shorter, which differ by 60 ms; the tick that never came makes its
	// gap 50 ms longer than those around it.
	if l := c.Latency["jitter"]; l == nil || l.N != 170 || l.Maxus < 59_000 || l.Maxus > 62_000 || l.P50us > 1_000 {
		t.Errorf("jitter %+v", l)
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
	text = strings.Replace(text, "slo: [max(delivery) < 1h, loss(delivery) == 0]", "slo: [max(delivery) < 1h, {check: loss(delivery) < 1%, abort: 2s}]", 1)
	c := play(t, s, text)
	if c.Verdict != result.Fail || !strings.Contains(c.Reason, "loss(delivery) < 1%") || c.Ledger.Lost == 0 || c.Ledger.Received == 0 {
		t.Errorf("%s: %s; ledger %+v", c.Verdict, c.Reason, c.Ledger)
	}
	if len(c.Warnings) == 0 || !strings.Contains(c.Warnings[0], "ended early") || !strings.Contains(c.Warnings[0], "was broken for") {
		t.Errorf("warnings %q", c.Warnings)
	}
}
