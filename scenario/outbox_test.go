package scenario

import (
	"bytes"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/internal/stamp"
	"github.com/throng-io/throng/scenario/result"
)

// In an outage the speaker is away for 600 ms of 1.5 s.
const outage = `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups:
  listeners: {count: 5, connect: {rate: 10k/s}}
  speaker: {count: 1, reconnect: {min: 600ms, max: 600ms, jitter: 0%}, send: [STREAM]}
phases:
  - {name: ramp, for: 300ms, clients: 0%..100%, load: 0%, record: false}
  - {name: cut, for: 1500ms, fault: {drop: 100%, within: 100ms}}
slo: [CHECKS]
valid: [achieved(rate) > 99%]
`

func withOutage(stream, checks string) string {
	return replaceAll(strings.ReplaceAll(outage, "count: 5, ", "count: 5, reconnect: {min: 20ms, max: 40ms}, "), "STREAM", stream, "CHECKS", checks)
}

// identity checks that whatever was due was sent, held or dropped, and returns the sums over all
// streams and phases.
func identity(t *testing.T, c *result.Cell) (due, sent, held, dropped int64) {
	t.Helper()
	for _, s := range c.Evidence.Streams {
		for p := range s.Offered {
			if s.Offered[p] != s.Sent[p]+s.Held[p]+s.Dropped[p] {
				t.Errorf("%s in phase %d: %d due, %d sent, %d held, %d dropped", s.Event, p, s.Offered[p], s.Sent[p], s.Held[p], s.Dropped[p])
			}
			due, sent, held, dropped = due+s.Offered[p], sent+s.Sent[p], held+s.Held[p], dropped+s.Dropped[p]
		}
	}
	if l := c.Ledger; l.Due != l.Sent+l.Held+l.Dropped {
		t.Errorf("ledger %+v", l)
	}
	return due, sent, held, dropped
}

// Operations due during the sender's absence are sent after its reconnection, in order, and late.
func TestWhatIsDueWhileAwayIsHeld(t *testing.T) {
	t.Parallel()
	for _, per := range []string{"client", "group"} {
		s := &fakeServer{}
		var most, last int64
		c := play(t, s, withOutage("{op: all, rate: 100/s, per: "+per+", expect: others}", "loss(delivery) == 0, disorder(delivery) == 0, errors == 0"), func(o *Options) {
			o.Progress = func(p Progress) { most, last = max(most, p.HeldBack), p.HeldBack+p.GivenUp }
		})
		if most < 20 || most > 60 || last != 0 {
			t.Errorf("%d messages were shown as held back at most, %d in the end", most, last)
		}
		due, sent, _, _ := identity(t, c)
		if c.Verdict != result.Pass || due != 150 || sent != 150 || c.Ledger.Sent != 150 {
			t.Errorf("%s: %s; %d due, %d sent, ledger %+v, errors %v", c.Verdict, c.Reason, due, sent, c.Ledger, c.Errors)
		}
		// Messages were held for 600 ms down to none, 60 of the 150: their latency counts from when
		// they were due.
		if d := c.Latency["delivery"]; d.Maxus < 550_000 || d.P90us < 300_000 || d.P50us > 100_000 {
			t.Errorf("delivery p50 %d, p90 %d, max %d", d.P50us, d.P90us, d.Maxus)
		}
		if lag := c.Generator.LagP99us; lag > 400_000 {
			t.Errorf("lag p99 %d us: what was held is not the generator's fault", lag)
		}
	}
}

// A stream may drop messages instead of holding them.
func TestWhatIsDueWhileAwayIsDropped(t *testing.T) {
	t.Parallel()
	var shown int64
	c := play(t, &fakeServer{}, withOutage("{op: all, rate: 100/s, expect: others, away: drop}", "loss(delivery) == 0"), func(o *Options) {
		o.Progress = func(p Progress) { shown = p.GivenUp }
	})
	due, sent, held, dropped := identity(t, c)
	if shown != dropped {
		t.Errorf("%d messages were shown as given up, and %d were", shown, dropped)
	}
	if due != 150 || sent+dropped != due || held != 0 || dropped < 55 || dropped > 75 || c.Errors["away.dropped"] != dropped || c.Ledger.Dropped != dropped {
		t.Errorf("%d due, %d sent, %d held, %d dropped; ledger %+v, errors %v", due, sent, held, dropped, c.Ledger, c.Errors)
	}
	if c.Verdict != result.Fail || !strings.Contains(c.Reason, "achieved(rate) > 99%") || !strings.Contains(c.Reason, "lost their connection") {
		t.Errorf("%s: %s", c.Verdict, c.Reason)
	}
	if got, want := c.Rates.AchievedPerS/c.Rates.OfferedPerS, float64(sent)/float64(due); got < want-0.001 || got > want+0.001 {
		t.Errorf("achieved %v of the rate, want %v", got, want)
	}
}

// Volatile messages are dropped, which is no failure.
func TestVolatileIsDroppedWhileAway(t *testing.T) {
	t.Parallel()
	var shown int64
	c := play(t, &fakeServer{}, withOutage("{op: all, rate: 100/s, expect: others, volatile: true}", "errors == 0"), func(o *Options) {
		o.Progress = func(p Progress) { shown = max(shown, p.HeldBack+p.GivenUp) }
	})
	due, _, held, dropped := identity(t, c)
	if shown != 0 {
		t.Errorf("%d volatile messages were shown as given up", shown)
	}
	if due != 150 || held != 0 || dropped < 55 || dropped > 75 || c.Errors["volatile.away"] != dropped || c.Verdict != result.Pass {
		t.Errorf("%s: %s; %d due, %d held, %d dropped; errors %v", c.Verdict, c.Reason, due, held, dropped, c.Errors)
	}
}

// Operations of a sender that never reconnects stay held to the end.
func TestHeldToTheEnd(t *testing.T) {
	t.Parallel()
	s := &fakeServer{refuse: func(i int) error {
		if i > 6 { // the probe and six clients
			return &client.DialError{Class: "refused", Stage: "tcp", Err: errRefused}
		}
		return nil
	}}
	c := play(t, s, withOutage("{op: all, rate: 100/s, expect: others}", "loss(delivery) == 0"))
	due, sent, held, dropped := identity(t, c)
	if due != 150 || sent+held != due || held < 135 || dropped != 0 || c.Ledger.Held != held {
		t.Errorf("%d due, %d sent, %d held, %d dropped; ledger %+v", due, sent, held, dropped, c.Ledger)
	}
	if c.Verdict != result.Fail || !strings.Contains(c.Reason, "achieved(rate) > 99%") {
		t.Errorf("%s: %s", c.Verdict, c.Reason)
	}
}

// A call whose timeout has passed is not sent and counts as not answered in time.
func TestHeldCallsExpire(t *testing.T) {
	t.Parallel()
	c := play(t, &fakeServer{}, withOutage("{op: echo, rate: 100/s, ack: 200ms}", "count(ack) > 0"))
	due, sent, held, dropped := identity(t, c)
	if due != 150 || held != 0 || dropped < 35 || dropped > 50 || sent+dropped != due {
		t.Errorf("%d due, %d sent, %d held, %d dropped", due, sent, held, dropped)
	}
	// Those that were sent while the limit still ran are answered, at once.
	if n := c.Errors["ack.timeout"]; n != dropped {
		t.Errorf("errors %v, want %d time-outs", c.Errors, dropped)
	}
}

// The number of held operations is bounded.
func TestTooMuchToHold(t *testing.T) {
	t.Parallel()
	for _, bound := range []bounds{{client: 10, all: 1000}, {client: 1000, all: 10}} {
		c := play(t, &fakeServer{}, withOutage("{op: all, rate: 100/s, expect: others}", "loss(delivery) == 0"), func(o *Options) { o.holds = bound })
		due, sent, held, dropped := identity(t, c)
		if due != 150 || held != 0 || dropped < 45 || dropped > 65 || c.Errors["send.full"] != dropped || sent+dropped != due {
			t.Errorf("%+v: %d due, %d sent, %d held, %d dropped; errors %v", bound, due, sent, held, dropped, c.Errors)
		}
		if c.Verdict != result.Fail {
			t.Errorf("%s: %s", c.Verdict, c.Reason)
		}
	}
}

// A client disconnected by the server does not reconnect: due operations count neither as held nor
// as absent.
func TestSentAwayForGood(t *testing.T) {
	t.Parallel()
	s := &fakeServer{}
	n := 0
	s.send = func(c *fakeConn, packet []byte) (bool, error) {
		if strings.Contains(string(packet), `"all"`) {
			if n++; n == 50 {
				c.end(client.ServerDisconnect)
				return true, client.ErrClosed
			}
		}
		return false, nil
	}
	c := play(t, s, replaceAll(withOutage("{op: all, rate: 100/s, expect: others}", "loss(delivery) == 0"), ", fault: {drop: 100%, within: 100ms}", ""))
	due, sent, held, dropped := identity(t, c)
	if due != 150 || sent != 49 || held+dropped != 101 || held > 3 || c.Errors["send.unconnected"] != dropped {
		t.Errorf("%d due, %d sent, %d held, %d dropped; errors %v", due, sent, held, dropped, c.Errors)
	}
}

// Operations held for a client that the plan then disconnects are dropped, because no connection
// will send them.
func TestSentAwayByThePlanWhileAway(t *testing.T) {
	t.Parallel()
	text := replaceAll(withOutage("{op: all, rate: 100/s, expect: others}", "loss(delivery) == 0"),
		"min: 600ms, max: 600ms", "min: 5s, max: 5s", "for: 1500ms, fault", "for: 500ms, fault", "slo:", "  - {name: fewer, for: 500ms, clients: 50%}\nslo:")
	text = replaceAll(text, "speaker: {count: 1", "speaker: {count: 2, connect: {rate: 10k/s}", "rate: 100/s, expect", "rate: 50/s, per: client, expect")
	c := play(t, &fakeServer{}, text)
	due, sent, held, dropped := identity(t, c)
	// One of the two speakers goes when the last phase begins, with what it held; the other is away
	// to the end.
	if dropped < 20 || dropped > 25 || held < 45 || held > 50 || c.Errors["send.unconnected"] != dropped || sent+held+dropped != due {
		t.Errorf("%d due, %d sent, %d held, %d dropped; errors %v", due, sent, held, dropped, c.Errors)
	}
}

// Operations due while a client sends its held ones queue behind them.
func TestHeldMessagesGoFirst(t *testing.T) {
	tr, _ := newBenchTrial(t, 1)
	tr.groups[1].spec.Reconnect = &file.Reconnect{}
	a := newActor(tr, tr.groups[1], 0, 0)
	out := &kept{}
	a.conn = out
	tr.groups[1].actors[0].Store(a)
	tr.groups[1].present = 1
	s := tr.streams[0]
	due := func(n int64) {
		s.op = plan.Op{N: uint64(n), Due: n}
		s.fire(n)
	}
	const before = 2*flushAtOnce + 1
	a.away.Store(1)
	for n := range int64(before) {
		due(n)
	}
	a.state.Store(int32(joining))
	a.hold()
	if len(out.sent) != before {
		t.Fatalf("%d messages were sent when it was back, want %d", len(out.sent), before)
	}
	// As if the pacer came between two stretches of the next time.
	a.outbox.flushing = true
	due(before)
	a.outbox.flushing = false
	if len(out.sent) != before || len(a.outbox.ops) != 1 || tr.sending.held != 1 {
		t.Errorf("%d sent, %d held (%d in all): the new message has overtaken the held ones", len(out.sent), len(a.outbox.ops), tr.sending.held)
	}
	a.flush()
	due(before + 1)
	for i, p := range out.sent {
		st, found := a.group.finder.Find(p[strings.Index(string(p), "{"):], nil)
		if found != stamp.Found || st.Due != int64(i) {
			t.Errorf("message %d was due at %d, found %v", i, st.Due, found)
		}
	}
	if len(out.sent) != before+2 || tr.sending.held != 0 {
		t.Errorf("%d sent, %d held", len(out.sent), tr.sending.held)
	}
}

// A kept conn records the messages sent.
type kept struct {
	deaf
	sent [][]byte
}

func (l *kept) Send(p []byte) error {
	l.sent = append(l.sent, bytes.Clone(p))
	return nil
}

// What a client had given to its connection when the plan disconnected it, and the connection had
// not passed on, is not lost by the server.
func TestSentAwayWithMessagesUnderWay(t *testing.T) {
	t.Parallel()
	for name, known := range map[string]bool{"known to be under way": true, "taken by the server": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stuck atomic.Pointer[fakeConn]
			swallowed := 0
			s := &fakeServer{}
			s.send = func(c *fakeConn, packet []byte) (bool, error) {
				if !strings.Contains(string(packet), `"all"`) || c.header("N") != "1" || client.Now() < 700*time.Millisecond {
					return false, nil
				}
				if known {
					c.unsent.CompareAndSwap(0, int64(client.Now()))
				}
				stuck.Store(c)
				swallowed++
				return true, nil
			}
			c := play(t, s, `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups:
  listeners: {count: 5, connect: {rate: 10k/s}}
  speaker: {count: 2, connect: {rate: 10k/s}, headers: {N: "${client.index}"}, send: [{op: all, rate: 20/s, per: client, expect: others, late: 5s}]}
phases:
  - {name: ramp, for: 200ms, clients: 0%..100%, load: 0%, record: false}
  - {name: hold, for: 1s}
  - {name: fewer, for: 2s, clients: 50%}
slo: [count(delivery) > 0]
`)
			if swallowed < 5 || stuck.Load() == nil {
				t.Fatalf("%d messages were swallowed", swallowed)
			}
			if l := c.Ledger; known && (l.Lost > 0 || l.Undecided == 0) || !known && (l.Lost == 0 || l.Undecided > l.Lost) {
				t.Errorf("%+v", l)
			}
		})
	}
}
