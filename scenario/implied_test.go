package scenario

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/result"
)

// callers ask a hundred times for something in a second.
const callers = `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups: {callers: {count: 10, connect: {rate: 10k/s}, send: [{op: emit, event: work, rate: 10/s, ack: 200ms}]}}
phases: [{name: ramp, for: 100ms, load: 0%, record: false}, {name: hold, for: 1s}]
`

// A server that answers no call, or one twice, does not pass, whether or not the file has rules.
func TestCallsMustBeAnswered(t *testing.T) {
	t.Parallel()
	silent := func(*fakeConn, []byte) (bool, error) { return true, nil }
	twice := func(c *fakeConn, packet []byte) (bool, error) {
		var p socketio.Packet
		if err := p.Parse(packet); err != nil {
			return true, err
		}
		answer := fakePacket{text: append(strconv.AppendUint([]byte{'3'}, p.ID, 10), "[]"...)}
		c.deliver(answer)
		if p.ID == 3 {
			c.deliver(answer)
		}
		return true, nil
	}
	for name, test := range map[string]struct {
		send   func(*fakeConn, []byte) (bool, error)
		slo    string
		reason string
	}{
		"never answered":               {silent, "", "errors(ack.timeout) == 0: 100"},
		"never answered, as allowed":   {silent, "slo: [errors(ack.timeout) <= 100]\n", ""},
		"more than allowed":            {silent, "slo: [errors(ack.timeout) < 5]\n", "errors(ack.timeout) < 5: 100"},
		"some answered twice":          {twice, "", "errors(ack.unexpected) == 0: 10"},
		"another trouble than allowed": {twice, "slo: [errors(ack.timeout) < 5]\n", "errors(ack.unexpected) == 0: 10"},
	} {
		c := play(t, &fakeServer{send: test.send}, callers+test.slo)
		want := result.Pass
		if test.reason != "" {
			want = result.Fail
		}
		if c.Verdict != want || c.Reason != test.reason {
			t.Errorf("%s: %s because %q, want %q", name, c.Verdict, c.Reason, test.reason)
		}
	}
}

// Flows of which every client fails at the first step, before anything is recorded, do not pass.
func TestFlowsMustSucceed(t *testing.T) {
	t.Parallel()
	s := newTalker(t, func(*fakeConn, *socketio.Packet, string, []byte) {})
	c := play(t, &s.fakeServer, `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups:
  people: {count: 10, connect: {rate: 10k/s}, flow: [{emit: [login], ack: 200ms}, {think: 1s}]}
phases: [{name: ramp, for: 500ms, record: false}, {name: hold, for: 1s}]
`)
	if c.Verdict != result.Fail || c.Reason != "errors(step.timeout) == 0: 10" {
		t.Errorf("%s because %q", c.Verdict, c.Reason)
	}
}

// A duplicated, reordered or misdirected delivery fails a run without rules of its own.
func TestDeliveriesMustBeRight(t *testing.T) {
	t.Parallel()
	var held []byte
	viewers := map[*fakeConn]bool{}
	for name, test := range map[string]struct {
		mangle func(n int, to *fakeConn, p []byte) []fakePacket
		reason string
	}{
		"twice": {func(n int, to *fakeConn, p []byte) []fakePacket {
			if n == 10 && to.i == 3 {
				return []fakePacket{{text: p}, {text: p}}
			}
			return []fakePacket{{text: p}}
		}, "dup(delivery) == 0: 1"},
		"swapped": {func(n int, to *fakeConn, p []byte) []fakePacket {
			switch {
			case to.i != 3 || n != 10 && n != 11:
				return []fakePacket{{text: p}}
			case n == 10:
				held = p
				return nil
			}
			return []fakePacket{{text: p}, {text: held}}
		}, "disorder(delivery) == 0: 1"},
		"back to its sender": {func(n int, to *fakeConn, p []byte) []fakePacket {
			viewers[to] = true
			if n == 10 && to.i == 3 {
				for _, c := range to.s.conns {
					if !viewers[c] {
						c.deliver(fakePacket{text: p})
					}
				}
			}
			return []fakePacket{{text: p}}
		}, "errors(delivery.unexpected) == 0: 1"},
	} {
		text := strings.Replace(broadcast, "loss(delivery) == 0", "count(delivery) > 0", 1)
		c := play(t, &fakeServer{mangle: test.mangle}, text)
		if c.Verdict != result.Fail || c.Reason != test.reason {
			t.Errorf("%s: %s because %q, want %q", name, c.Verdict, c.Reason, test.reason)
		}
	}
}

// A client that asked for an upgrade and stayed with polling is not the client that the file asked
// for.
func TestUpgradesMustSucceed(t *testing.T) {
	t.Parallel()
	s := &fakeServer{upgrade: func(i int) error {
		if i > 0 && i%4 == 0 {
			return &client.DialError{Stage: "upgrade", Class: "http.400", Err: errors.New("HTTP status 400")}
		}
		return nil
	}}
	c := play(t, s, strings.Replace(broadcast, "viewers: {count: 10,", "viewers: {count: 10, transport: upgrade,", 1))
	if c.Verdict != result.Fail || c.Reason != "errors(upgrade.http.400) == 0: 2" {
		t.Errorf("%s because %q; errors %v", c.Verdict, c.Reason, c.Errors)
	}
}

// shortLives has clients that stay for two seconds, and messages that may take five.
const shortLives = `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups:
  viewers: {count: 40, connect: {rate: 10k/s}, life: 2s}
  speaker: {count: 1, send: [{op: all, rate: 100/s, expect: others, late: 5s}]}
phases:
  - {name: ramp, for: 400ms, load: 0%, record: false}
  - {name: hold, for: 6s}
`

// Clients that live shorter than the late limit do not hide that half of all deliveries are lost.
func TestShortLivesHideNoLoss(t *testing.T) {
	t.Parallel()
	n := 0
	c := play(t, &fakeServer{mangle: func(_ int, _ *fakeConn, p []byte) []fakePacket {
		if n++; n%2 == 0 {
			return nil
		}
		return []fakePacket{{text: p, after: 5 * time.Millisecond}}
	}}, shortLives)
	l := c.Ledger
	if float64(l.Lost) < 0.48*float64(l.Expected) || float64(l.Undecided) > 0.02*float64(l.Expected) || c.Verdict != result.Fail {
		t.Errorf("%+v, %s because %q: half of all was lost", l, c.Verdict, c.Reason)
	}
	if want := (result.Loss{Least: l.Lost, Most: l.Lost + l.Undecided}); c.Loss == nil || c.Loss.Least != want.Least || c.Loss.Most != want.Most || c.Loss.MostShare < c.Loss.LeastShare {
		t.Errorf("the loss is %+v, want %+v", c.Loss, want)
	}
}

// When messages take so long that clients leave before delivery, the losses cannot be determined.
func TestWhatNobodyCanTellIsInvalid(t *testing.T) {
	t.Parallel()
	c := play(t, &fakeServer{mangle: func(_ int, _ *fakeConn, p []byte) []fakePacket {
		return []fakePacket{{text: p, after: 800 * time.Millisecond}}
	}}, shortLives)
	if c.Ledger.Lost != 0 || c.Verdict != result.Invalid || !strings.HasPrefix(c.Reason, "undecided(delivery) < 5%: ") {
		t.Errorf("%+v, %s because %q", c.Ledger, c.Verdict, c.Reason)
	}
	allowed := play(t, &fakeServer{mangle: func(_ int, _ *fakeConn, p []byte) []fakePacket {
		return []fakePacket{{text: p, after: 800 * time.Millisecond}}
	}}, shortLives+"slo: [loss(delivery) == 0]\nvalid: [undecided(delivery) < 90%]\n")
	if allowed.Verdict != result.Pass {
		t.Errorf("%s because %q", allowed.Verdict, allowed.Reason)
	}
	if k := allowed.Checks[1]; k.AtMost != float64(allowed.Ledger.Undecided) || !strings.Contains(k.Note, "at most") {
		t.Errorf("%+v: the loss may be as much as what is undecided", k)
	}
}

// limited has twenty clients that are due at once before a server that takes four in each half of a
// second.
const limited = `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups:
  people: {count: 20, connect: {rate: 10k/s}, reconnect: {min: 500ms, max: 500ms, jitter: 0%}}
phases: [{name: ramp, for: 3s, record: false}, {name: hold, for: 1s}]
`

// Connecting counts from when a client was due, through all attempts; one attempt counts for
// itself, and each that is refused is an error.
func TestConnectCountsEveryAttempt(t *testing.T) {
	t.Parallel()
	let := func(all int) *fakeServer {
		s, began, in := &fakeServer{}, time.Duration(0), 0
		s.refuse = func(i int) error {
			if i == 0 { // the probe
				began = client.Now()
				return nil
			}
			if open := 4 * (1 + int((client.Now()-began)/(500*time.Millisecond))); in < min(open, all) {
				in++
				return nil
			}
			return &client.DialError{Stage: "tcp", Class: "refused", Err: errRefused}
		}
		return s
	}
	c := play(t, let(20), limited+"slo: [max(connect) < 100ms, max(connect.attempt) < 100ms]\n")
	if l := c.Latency["connect"]; l.N != 20 || l.Maxus < 1_990_000 || l.Maxus > 2_600_000 || l.P50us < 900_000 {
		t.Errorf("connect %+v: the last client was in two seconds after it was due", l)
	}
	if l := c.Latency["connect.attempt"]; l.N != 20 || l.Maxus > 1000 {
		t.Errorf("connect.attempt %+v", l)
	}
	if c.Clients.Failed != 0 || c.Errors["connect.refused"] != 16+12+8+4 || c.Reason != "max(connect) < 100ms: 2 s" {
		t.Errorf("%s because %q; clients %+v, errors %v", c.Verdict, c.Reason, c.Clients, c.Errors)
	}
	c = play(t, let(20), limited+"slo: [max(connect) < 5s]\n")
	if c.Verdict != result.Fail || c.Reason != "errors(connect.refused) == 0: 40" {
		t.Errorf("%s because %q: no rule allows refused attempts", c.Verdict, c.Reason)
	}
	c = play(t, let(20), limited+"slo: [max(connect) < 5s, errors(connect) < 70%]\n")
	if c.Verdict != result.Pass || c.Checks[2].Value != 40.0/60 {
		t.Errorf("%s because %q; %+v: of 60 attempts 40 were refused", c.Verdict, c.Reason, c.Checks)
	}
	// Some never get in: that they are slower than all others is all that is known.
	c = play(t, let(15), limited+"slo: [p50(connect) < 5s, max(connect) < 1h, errors(connect) < 90%]\n")
	if l := c.Latency["connect"]; l.N != 15 || l.Never != 5 || !l.Beyond(80) || c.Reason != "max(connect) < 1h: > 4 s" {
		t.Errorf("%s because %q; connect %+v", c.Verdict, c.Reason, l)
	}
}

// A server that puts two messages into one event, as JSON inside of a text, loses none of them where
// the contract does not name the event.
func TestSeveralMessagesInOneEvent(t *testing.T) {
	t.Parallel()
	held := map[*fakeConn][]byte{}
	s := &fakeServer{}
	s.mangle = func(n int, to *fakeConn, p []byte) []fakePacket {
		if n%2 == 0 {
			held[to] = p
			return nil
		}
		both := socketio.AppendString(nil, "["+string(held[to][1:])+","+string(p[1:])+"]")
		return []fakePacket{{text: append(append([]byte(`2["batch",`), both...), ']')}}
	}
	c := play(t, s, strings.Replace(broadcast, ", expect: others", "", 1)+"contract: {operations: {all: {emit: [all, msg, \"${payload}\", true], to: others}}}\n")
	if want := (result.Ledger{Sent: 100, Due: 100, Expected: 1000, Received: 1000}); c.Ledger != want || c.Verdict != result.Pass {
		t.Errorf("%+v, %s because %q; errors %v", c.Ledger, c.Verdict, c.Reason, c.Errors)
	}
}
