package scenario

import (
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/file"
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

func TestBurstsComeAtOnce(t *testing.T) {
	tl := newTimeline([]file.Phase{{For: 3 * time.Second, Load: file.Ramp{From: 1, To: 1}}})
	crowd := newSchedule(tl, 1, 0, 2, 50, false, true)
	crowd.clump(0)
	dues := map[int64]int{}
	for _, o := range all(crowd) {
		dues[o.due]++
	}
	if len(dues) != 6 {
		t.Errorf("fifty clients with two messages a second send in %d moments of three seconds, want 6", len(dues))
	}
	for at, n := range dues {
		if n != 50 {
			t.Errorf("%d at %d, want all 50", n, at)
		}
	}
	one := newSchedule(tl, 1, 0, 30, 1, false, true)
	one.clump(0)
	dues = map[int64]int{}
	for _, o := range all(one) {
		dues[o.due]++
	}
	if len(dues) != 3 {
		t.Errorf("a group's 30 messages a second come in %v, want one moment a second", dues)
	}
}

func TestBurstsOfASize(t *testing.T) {
	tl := newTimeline([]file.Phase{{For: 4 * time.Second, Load: file.Ramp{From: 1, To: 1}}})
	rooms := newSchedule(tl, 1, 0, 16, 5, false, true)
	rooms.clump(8)
	moments := map[op]int{}
	last := int64(0)
	for _, o := range all(rooms) {
		if o.due < last {
			t.Fatalf("due at %d after %d", o.due, last)
		}
		last = o.due
		moments[op{source: o.source, due: o.due}]++
	}
	if len(moments) != 5*8 {
		t.Errorf("five rooms with two bursts a second have %d in four seconds, want 40", len(moments))
	}
	for m, n := range moments {
		if n != 8 {
			t.Errorf("%d of room %d at %d, want 8", n, m.source, m.due)
		}
	}
	for a := range moments {
		for b := range moments {
			if a.source != b.source && a.due == b.due {
				t.Fatalf("rooms %d and %d have their bursts at the same time", a.source, b.source)
			}
		}
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
