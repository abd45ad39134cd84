package scenario

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/result"
)

// play runs a scenario against the fake and returns its only cell.
func play(t *testing.T, s *fakeServer, text string, change ...func(*Options)) *result.Cell {
	t.Helper()
	run := playRun(t, s, text, change...)
	if len(run.Cells) != 1 {
		t.Fatalf("%d cells, want 1", len(run.Cells))
	}
	c := &run.Cells[0]
	l := c.Ledger
	if l.Expected != l.Received+l.Late+l.Lost+l.Undecided {
		t.Errorf("the ledger does not add up: %+v", l)
	}
	return c
}

func playRun(t *testing.T, s *fakeServer, text string, change ...func(*Options)) (run *result.Run) {
	t.Helper()
	ownClock(t, func(t *testing.T) { run = playHere(t.Context(), t, s, text, change...) })
	return run
}

// ownClock calls f with a clock that moves only when every goroutine is blocked, so a slow machine
// changes no result. f must create the channels and timers that it uses.
func ownClock(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(-client.Now()) // from the year 2000 to when the process began, the zero of the runner's clock
		f(t)
	})
}

// playHere runs a scenario on the clock of its caller.
func playHere(ctx context.Context, t *testing.T, s *fakeServer, text string, change ...func(*Options)) *result.Run {
	t.Helper()
	f, err := file.Parse("test.yaml", []byte(onAnyMachine(text)), nil)
	if err != nil {
		t.Fatal(err)
	}
	opt := Options{Target: "http://127.0.0.1:1", dial: s.dial, sleep: time.Sleep}
	for _, c := range change {
		c(&opt)
	}
	run, err := Run(ctx, f, opt)
	if err != nil {
		t.Fatal(err)
	}
	dropMachineWarnings(run)
	return run
}

// onAnyMachine gives a scenario without rules of validity one: the default ones judge this machine,
// which may be busy with other tests.
func onAnyMachine(text string) string {
	if strings.Contains(text, "valid:") {
		return text
	}
	return text + "\nvalid: [achieved(rate) > 99%]\n"
}

// dropMachineWarnings deletes the warnings that this machine is busy: the processor's time is real,
// and the clock of a played run is not.
func dropMachineWarnings(run *result.Run) {
	for i := range run.Cells {
		run.Cells[i].Warnings = slices.DeleteFunc(run.Cells[i].Warnings, func(s string) bool {
			return strings.Contains(s, " used up to ") && strings.Contains(s, "of the cores that it may use")
		})
	}
}

// One speaker, ten listeners, 100 messages a second for a second: 100 messages, 1 000 deliveries.
const broadcast = `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups:
  viewers: {count: 10, connect: {rate: 10k/s}}
  speaker: {count: 1, send: [{op: all, rate: 100/s, expect: others, late: 300ms}]}
phases:
  - {name: ramp, for: 400ms, clients: 0%..100%, load: 0%, record: false}
  - {name: hold, for: 1s}
slo: [max(delivery) < 1h, loss(delivery) == 0]
valid: [achieved(rate) > 99%]
`

func TestBroadcastIsExact(t *testing.T) {
	t.Parallel()
	c := play(t, &fakeServer{}, broadcast)
	want := result.Ledger{Due: 100, Sent: 100, Expected: 1000, Received: 1000}
	if c.Ledger != want {
		t.Errorf("ledger %+v, want %+v", c.Ledger, want)
	}
	if c.Clients != (result.Clients{Asked: 11, Held: 11}) {
		t.Errorf("clients %+v", c.Clients)
	}
	if c.Verdict != result.Pass || c.Reason != "" {
		t.Errorf("verdict %s: %s", c.Verdict, c.Reason)
	}
	if c.Rates.OfferedPerS != 100 || c.Rates.AchievedPerS != 100 || c.Rates.DeliveriesPerS != 1000 {
		t.Errorf("rates %+v", c.Rates)
	}
	for metric, n := range map[string]int64{"delivery": 1000, "fanout.first": 100, "fanout.last": 100, "fanout.spread": 100, "connect": 11} {
		if l := c.Latency[metric]; l == nil || l.N != n {
			t.Errorf("%s: %+v, want %d samples", metric, l, n)
		}
	}
	if g := c.Generator.Lag; g == nil || g.N != 100 {
		t.Errorf("lag %+v, want 100 samples", g)
	}
	if len(c.Curve) != curvePoints || c.Curve[0].N != 100 || c.Curve[20].N != 100 || c.Curve[20].Rank != 1 {
		t.Errorf("receiver curve %+v", c.Curve)
	}
	for i := range c.Curve[1:] {
		if c.Curve[i+1].P50us < c.Curve[i].P50us {
			t.Errorf("more receivers had it earlier: %+v", c.Curve)
			break
		}
	}
	if len(c.Timeline) < 2 || c.Timeline[0].Held != 11 {
		t.Errorf("timeline %+v", c.Timeline)
	}
	// Seconds do not end where phases do; the message counts of the wire and the ledger still
	// agree.
	messages := int64(0)
	for _, w := range c.Wire {
		messages += w.Messages
	}
	if messages != 1000 {
		t.Errorf("%d messages on the wire", messages)
	}
	if c.Generator.BytesIn != 110 || c.Generator.BytesOut != 220 {
		t.Errorf("bytes %+v", c.Generator)
	}
}

// Every hundredth message of each kind is treated differently; the counts must show it.
func TestEveryFateIsCounted(t *testing.T) {
	t.Parallel()
	var held []byte
	s := &fakeServer{}
	s.mangle = func(n int, to *fakeConn, p []byte) []fakePacket {
		if to.i != 3 { // one victim; the probe was connection 0
			return []fakePacket{{text: p}}
		}
		switch n {
		case 10, 11, 12: // lost
			return nil
		case 20, 21: // duplicated; one of them twice
			return []fakePacket{{text: p}, {text: p}}
		case 22:
			return []fakePacket{{text: p}, {text: p}, {text: p}}
		case 30, 40: // swapped with the next
			held = p
			return nil
		case 31, 41:
			return []fakePacket{{text: p}, {text: held}}
		case 5: // late, and long before the end
			return []fakePacket{{text: p, after: 500 * time.Millisecond}}
		case 60: // damaged: flip a character of the stamp
			q := append([]byte(nil), p...)
			i := strings.Index(string(q), `"$b":"`) + 10
			q[i] ^= 1
			return []fakePacket{{text: q}}
		}
		return []fakePacket{{text: p}}
	}
	c := play(t, s, broadcast)
	want := result.Ledger{Due: 100, Sent: 100, Expected: 1000, Received: 995, Lost: 4, Late: 1, Duplicate: 4}
	got := c.Ledger
	disorder := got.Disorder
	got.Disorder = 0
	if got != want {
		t.Errorf("ledger %+v, want %+v", got, want)
	}
	if disorder != 3 { // two swaps, and the late one
		t.Errorf("%d out of order, want 3", disorder)
	}
	if c.Errors["stamp.invalid"] != 1 {
		t.Errorf("errors %v, want one damaged stamp", c.Errors)
	}
	if l := c.Latency["delivery"]; l.N != 996 || l.Maxus < 490_000 {
		t.Errorf("delivery %+v: want 996 samples, the late one at its real lateness", l)
	}
	// The completion time of the four incomplete broadcasts is unknown.
	if l := c.Latency["fanout.last"]; l.N != 96 || l.Never != 4 || l.P99us < 300_000 || !l.Beyond(99) || l.Beyond(96) {
		t.Errorf("fanout.last %+v", l)
	}
	if c.Verdict != result.Fail || !strings.Contains(c.Reason, "loss(delivery) == 0: 5") {
		t.Errorf("verdict %s: %s", c.Verdict, c.Reason)
	}
}

func TestRoomsAndEchoes(t *testing.T) {
	t.Parallel()
	c := play(t, &fakeServer{}, `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups:
  talkers:
    count: 12
    connect: {rate: 10k/s}
    rooms: {of: 4, join: 2}
    send:
      - {op: room, rate: 10/s, expect: all, ack: 5s}
      - {op: room, event: shout, rate: 20/s, per: room, expect: others}
      - {op: room, event: typing, rate: 5/s, expect: none}
      - {op: echo, rate: 5/s, ack: 5s}
      - {op: echo, rate: 5/s}
phases:
  - {name: ramp, for: 400ms, clients: 0%..100%, load: 0%, record: false}
  - {name: hold, for: 1s}
slo: [loss(delivery) == 0, errors(ack) == 0, max(ack) < 1h, "count(delivery{op=room}) >= 1120", "count(delivery{op=echo}) == 60", dup(delivery) == 0, disorder(delivery) == 0]
`)
	// Each room has 6 members: 120 messages to 6, 80 to 5, 60 unacknowledged echoes.
	want := result.Ledger{Due: 120 + 80 + 60, Sent: 120 + 80 + 60, Expected: 720 + 400 + 60, Received: 720 + 400 + 60}
	if c.Ledger != want {
		t.Errorf("ledger %+v, want %+v", c.Ledger, want)
	}
	if n := c.Latency["ack"].N; n != 120+60 {
		t.Errorf("%d acknowledgements, want 180", n)
	}
	if c.Latency["ack.service"].N != 180 {
		t.Errorf("service times %+v", c.Latency["ack.service"])
	}
	if c.Rates.OfferedPerS != 120+80+60+60+60 {
		t.Errorf("rates %+v", c.Rates)
	}
	if c.Verdict != result.Pass {
		t.Errorf("verdict %s: %s; errors %v", c.Verdict, c.Reason, c.Errors)
	}
}

// An answer that never came has no latency: no percentile over it has a value, and no rule on one
// holds.
func TestMissingAcksHaveNoLatency(t *testing.T) {
	t.Parallel()
	c := play(t, &fakeServer{mute: map[string]bool{"echo": true}}, `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups: {talkers: {count: 5, connect: {rate: 10k/s}, send: [{op: echo, rate: 10/s, ack: 200ms}]}}
phases: [{name: ramp, for: 100ms, load: 0%, record: false}, {name: hold, for: 1s}]
slo: [errors(ack) == 0, p99(ack) < 1s, p99(ack) > 100ms, count(ack) == 0, p50(ack) < 1s over 1s]
`)
	if c.Errors["ack.timeout"] != 50 || c.Latency["ack"].N != 0 || c.Latency["ack"].Never != 50 || c.Latency["ack"].P50us < 199_000 || !c.Latency["ack"].Beyond(50) {
		t.Errorf("errors %v, ack %+v: want none, and 50 of more than 200 ms", c.Errors, c.Latency["ack"])
	}
	for i, want := range []struct{ pass, beyond bool }{{false, false}, {false, true}, {true, true}, {true, false}, {false, true}} {
		if k := c.Checks[i+1]; k.Pass != want.pass || k.Beyond != want.beyond || k.NoData {
			t.Errorf("%+v, want %+v", k, want)
		}
	}
	if c.Verdict != result.Fail || c.Reason != "errors(ack) == 0: 50" {
		t.Errorf("verdict %s: %s", c.Verdict, c.Reason)
	}
	if c.Ledger.Expected != 0 {
		t.Errorf("ledger %+v: an acknowledged echo is not in it", c.Ledger)
	}
}

// A server that stops for a while must show in the latencies of everything that was due
// meanwhile, not only of one message.
func TestStallCountsFromDue(t *testing.T) {
	t.Parallel()
	s := &fakeServer{}
	var until atomic.Int64
	s.mangle = func(n int, _ *fakeConn, p []byte) []fakePacket {
		now := int64(client.Now())
		if n == 40 {
			until.CompareAndSwap(0, now+int64(400*time.Millisecond))
		}
		return []fakePacket{{text: p, after: time.Duration(max(0, until.Load()-now))}}
	}
	c := play(t, s, strings.Replace(broadcast, "late: 300ms", "late: 5s", 1))
	if c.Ledger.Received != 1000 {
		t.Fatalf("ledger %+v", c.Ledger)
	}
	// 400 ms hold some 40 of 100 messages, whose delays go evenly from 400 ms to none.
	l := c.Latency["delivery"]
	if l.P90us < 200_000 || l.P99us < 300_000 || l.Maxus < 390_000 {
		t.Errorf("delivery %+v: the stall is not in it", l)
	}
	h, err := l.Histogram()
	if err != nil {
		t.Fatal(err)
	}
	over := int64(0)
	for _, b := range h.Distribution() {
		if b.From >= 100_000 {
			over += b.Count
		}
	}
	if over < 250 {
		t.Errorf("%d deliveries over 100 ms, want some 300", over)
	}
}

// What a client missed is lost when it got something later. What it missed right before it was
// dropped is undecided, also when the others had that long before.
func TestDropsLeaveLittleUndecided(t *testing.T) {
	t.Parallel()
	s := &fakeServer{}
	s.mangle = func(n int, to *fakeConn, p []byte) []fakePacket {
		if to.i == 5 && (n == 40 || n >= 46) {
			if n == 50 {
				to.end(client.TransportClose)
			}
			return nil // 40 and 46 to 50 are never delivered to it
		}
		return []fakePacket{{text: p}}
	}
	c := play(t, s, broadcast)
	if c.Clients.Dropped != 1 || c.Errors["drop.transport_close"] != 1 {
		t.Errorf("clients %+v, errors %v", c.Clients, c.Errors)
	}
	if c.Ledger.Lost != 1 || c.Ledger.Undecided != 5 || c.Ledger.Received < 900 {
		t.Errorf("ledger %+v: of what the dropped client missed, later messages came after one, and none after five", c.Ledger)
	}
	if c.Verdict != result.Fail || c.Reason != "loss(delivery) == 0: 1" || !slices.ContainsFunc(c.Checks, func(k result.Check) bool { return k.Text == "clients dropped == 0" && k.Value == 1 }) {
		t.Errorf("verdict %s: %s; %+v", c.Verdict, c.Reason, c.Checks)
	}
}

func TestRefusedClients(t *testing.T) {
	t.Parallel()
	s := &fakeServer{refuse: func(i int) error {
		if i == 4 || i == 7 {
			return &client.DialError{Stage: "tcp", Class: "refused", Err: errors.New("connection refused")}
		}
		return nil
	}}
	c := play(t, s, broadcast)
	if c.Clients != (result.Clients{Asked: 11, Held: 9, Failed: 2}) || c.Errors["connect.refused"] != 2 {
		t.Errorf("clients %+v, errors %v", c.Clients, c.Errors)
	}
	if c.Ledger.Expected != 800 {
		t.Errorf("ledger %+v", c.Ledger)
	}
	if c.Verdict != result.Fail || !strings.Contains(c.Reason, "clients failed == 0: 2") {
		t.Errorf("verdict %s: %s", c.Verdict, c.Reason)
	}
}

// Without its speaker nothing is sent, and nothing must not pass; it is the target's
// doing, so the generator is not to blame.
func TestNothingSentCannotPass(t *testing.T) {
	t.Parallel()
	s := &fakeServer{refuse: func(i int) error {
		if i > 0 {
			return &client.DialError{Stage: "tcp", Class: "refused", Err: errors.New("connection refused")}
		}
		return nil
	}}
	c := play(t, s, broadcast)
	if c.Verdict != result.Fail || !strings.Contains(c.Reason, "achieved(rate) > 99%") {
		t.Errorf("verdict %s: %s", c.Verdict, c.Reason)
	}
	for _, k := range c.Checks {
		if k.Pass {
			t.Errorf("%+v passed though nothing was measured", k)
		}
	}
}

// A generator that cannot keep its schedule must say so before it says anything of the
// server.
func TestStarvedGeneratorIsInvalid(t *testing.T) {
	s := &fakeServer{send: func(c *fakeConn, p []byte) (bool, error) {
		if strings.Contains(string(p), `"all"`) {
			time.Sleep(20 * time.Millisecond) // blocks the pacer, which a connection never should
		}
		return false, nil
	}}
	c := play(t, s, strings.Replace(broadcast, "valid: [", "valid: [p99(lag) < 50ms, ", 1))
	if c.Verdict != result.Invalid || !strings.Contains(c.Reason, "p99(lag) < 50ms") {
		t.Errorf("verdict %s: %s", c.Verdict, c.Reason)
	}
	if c.Latency["delivery"] == nil || c.Generator.LagP99us < 50_000 {
		t.Errorf("lag p99 %d µs", c.Generator.LagP99us)
	}
}

func TestBackpressureIsTheTargets(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	s := &fakeServer{send: func(c *fakeConn, p []byte) (bool, error) {
		if strings.Contains(string(p), `"all"`) && n.Add(1) > 50 {
			return true, client.ErrBackpressure
		}
		return false, nil
	}}
	c := play(t, s, broadcast)
	want := result.Ledger{Due: 100, Dropped: 50, Sent: 50, Expected: 500, Received: 500}
	if c.Ledger != want || c.Errors["send.backpressure"] != 50 {
		t.Errorf("ledger %+v, want %+v; errors %v", c.Ledger, want, c.Errors)
	}
	if c.Verdict != result.Fail || !strings.Contains(c.Reason, "achieved(rate)") {
		t.Errorf("verdict %s: %s", c.Verdict, c.Reason)
	}
}

func TestCancelKeepsWhatWasMeasured(t *testing.T) {
	t.Parallel()
	var run *result.Run
	ownClock(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var asked time.Duration
		run = playHere(ctx, t, &fakeServer{}, strings.Replace(broadcast, "for: 1s", "for: 1h", 1), func(o *Options) {
			o.Progress = func(p Progress) {
				if p.Sent > 20 && asked == 0 {
					asked = client.Now()
					cancel()
				}
			}
		})
		if took := client.Now() - asked; took > 2*time.Second {
			t.Errorf("it took %v to stop", took)
		}
	})
	if !run.Interrupted || len(run.Cells) != 1 {
		t.Fatalf("interrupted %v, %d cells", run.Interrupted, len(run.Cells))
	}
	c := run.Cells[0]
	if c.Ledger.Received == 0 || c.Ledger.Lost != 0 || c.Latency["delivery"].N != c.Ledger.Received || len(run.Warnings) == 0 {
		t.Errorf("ledger %+v, warnings %q", c.Ledger, run.Warnings)
	}
	if !c.Interrupted || c.Verdict != result.Invalid || run.Verdict != result.Invalid || !strings.HasPrefix(c.Reason, "interrupted after ") {
		t.Errorf("verdict %s: %s", c.Verdict, c.Reason)
	}
}

// A run that is stopped between two trials is no whole one either, though none of its trials was
// cut short.
func TestInterruptBetweenTrials(t *testing.T) {
	t.Parallel()
	var run *result.Run
	ownClock(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		run = playHere(ctx, t, &fakeServer{}, broadcast+"matrix: {repeat: 2, cooldown: 1m}\n", func(o *Options) {
			o.Progress = func(p Progress) {
				if p.Done {
					time.AfterFunc(time.Second, cancel)
				}
			}
		})
	})
	if len(run.Cells) != 1 || run.Cells[0].Interrupted || run.Cells[0].Verdict != result.Pass {
		t.Fatalf("%d cells, the first interrupted: %v, %s", len(run.Cells), run.Cells[0].Interrupted, run.Cells[0].Verdict)
	}
	if !run.Interrupted || run.Verdict != result.Invalid || len(run.Warnings) != 1 || run.Warnings[0] != "interrupted: 1 of 2 trials ran" {
		t.Errorf("interrupted %v, %s, %q", run.Interrupted, run.Verdict, run.Warnings)
	}
}

// Neither is one whose second trial could not begin, and it says why.
func TestErrorBetweenTrials(t *testing.T) {
	t.Parallel()
	ownClock(t, func(t *testing.T) {
		f, err := file.Parse("t.yaml", []byte(onAnyMachine(broadcast+"matrix: {repeat: 2}\n")), nil)
		if err != nil {
			t.Fatal(err)
		}
		trials := 0
		s := &fakeServer{refuse: func(int) error {
			if trials < 2 {
				return nil
			}
			return &client.DialError{Stage: "tcp", Class: "refused", Err: errors.New("connection refused")}
		}}
		count := func(*file.Cell) func() { trials++; return func() {} }
		run, err := Run(t.Context(), f, Options{Target: "http://127.0.0.1:1", dial: s.dial, sleep: time.Sleep, Trial: count})
		if _, is := errors.AsType[*TargetError](err); !is || len(run.Cells) != 1 || run.Cells[0].Verdict != result.Pass {
			t.Fatalf("%v, %+v", err, run)
		}
		dropMachineWarnings(run)
		want := "interrupted: 1 of 2 trials ran: " + err.Error()
		if !run.Interrupted || run.Verdict != result.Invalid || len(run.Warnings) != 1 || run.Warnings[0] != want {
			t.Errorf("interrupted %v, %s, %q", run.Interrupted, run.Verdict, run.Warnings)
		}
	})
}

func TestUnreachableTarget(t *testing.T) {
	t.Parallel()
	f, err := file.Parse("t.yaml", []byte(broadcast), nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &fakeServer{refuse: func(int) error {
		return &client.DialError{Stage: "tcp", Class: "refused", Err: errors.New("connection refused")}
	}}
	_, err = Run(t.Context(), f, Options{dial: s.dial})
	var te *TargetError
	if !errors.As(err, &te) || te.URL != "http://127.0.0.1:1" {
		t.Errorf("%v, want a TargetError", err)
	}
}

func TestServerThatEndsFailsTheTrial(t *testing.T) {
	t.Parallel()
	s := &fakeServer{}
	var done chan error
	var stopped atomic.Bool
	text := strings.Replace(strings.Replace(broadcast, `target: {url: "http://127.0.0.1:1"}`, "server: {}", 1), "for: 1s", "for: 1h", 1)
	c := play(t, s, text, func(o *Options) {
		o.Target, done = "", make(chan error, 1)
		o.Start = func(context.Context, *file.Server) (*Endpoint, error) {
			return &Endpoint{URL: "http://127.0.0.1:1", Done: done, Stop: func(context.Context) error { stopped.Store(true); return nil }}, nil
		}
		o.Progress = func(p Progress) {
			if p.Sent > 20 {
				select {
				case done <- errors.New("exit status 2"):
				default:
				}
			}
		}
	})
	if c.Verdict != result.Fail || !strings.Contains(c.Reason, "exit status 2") || !stopped.Load() {
		t.Errorf("verdict %s: %s; stopped %v", c.Verdict, c.Reason, stopped.Load())
	}
}

func TestMatrixRunsEveryCell(t *testing.T) {
	t.Parallel()
	text := strings.Replace(broadcast, "size:", "", 1) + "matrix: {axes: {n: [64B, 256B]}, repeat: 2}\n"
	text = strings.Replace(text, "rate: 100/s,", `rate: 100/s, size: "${matrix.n}",`, 1)
	text = strings.Replace(text, "for: 1s", "for: 200ms", 1)
	run := playRun(t, &fakeServer{}, text)
	var got []string
	for _, c := range run.Cells {
		got = append(got, c.Params["n"]+" "+c.Settings["payload_bytes"])
		if c.Ledger.Received != 200 || c.Verdict != result.Pass {
			t.Errorf("cell %v: %+v %s", c.Params, c.Ledger, c.Reason)
		}
	}
	if s := strings.Join(got, ", "); s != "64B 64, 256B 256, 64B 64, 256B 256" {
		t.Errorf("cells %s", s)
	}
}

func TestRampDownSendsClientsAway(t *testing.T) {
	t.Parallel()
	c := play(t, &fakeServer{}, `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups:
  viewers: {count: 10, connect: {rate: 10k/s}}
  speaker: {count: 1, send: [{op: all, rate: 100/s, expect: all}]}
phases:
  - {name: ramp, for: 400ms, clients: 0%..100%, load: 0%, record: false}
  - {name: hold, for: 500ms}
  - {name: away, for: 500ms, clients: 100%..50%}
slo: [loss(delivery) == 0]
`)
	if c.Clients.Asked != 11 || c.Clients.Dropped != 0 || c.Ledger.Lost != 0 || c.Verdict != result.Pass {
		t.Errorf("clients %+v, ledger %+v, %s %s", c.Clients, c.Ledger, c.Verdict, c.Reason)
	}
	// All 100 messages go out; the audience shrinks from 11 to 6.
	if c.Ledger.Sent != 100 || c.Ledger.Expected >= 1100 || c.Ledger.Expected < 600 {
		t.Errorf("ledger %+v", c.Ledger)
	}
}

func TestWindowsFindTheBadSecond(t *testing.T) {
	t.Parallel()
	s := &fakeServer{}
	s.mangle = func(n int, _ *fakeConn, p []byte) []fakePacket {
		if n >= 150 && n < 165 {
			return []fakePacket{{text: p, after: 100 * time.Millisecond}}
		}
		return []fakePacket{{text: p}}
	}
	text := strings.Replace(broadcast, "for: 1s", "for: 3s", 1)
	text = strings.Replace(text, "slo: [", "slo: [p90(delivery) < 1h over 1s, p50(lag) < 1h over 2s, loss(delivery) == 0 over 1s, max(rss) < 1000GiB over 2s, ", 1)
	c := play(t, s, text)
	for _, k := range c.Checks[:5] {
		if k.NoData || !k.Pass {
			t.Errorf("%+v", k)
		}
	}
	for _, k := range c.Checks {
		if k.Stat == "p90" && (k.Value < 0.09 || !strings.Contains(k.Note, "worst window: 1 s")) {
			t.Errorf("%+v: the second with the slow messages is the worst", k)
		}
	}
	if l := c.Latency["delivery"]; l.P90us > 90_000 {
		t.Errorf("delivery %+v: over the whole they are one in twenty", l)
	}
}

func TestCutShortBeforeItCounts(t *testing.T) {
	t.Parallel()
	var run *result.Run
	ownClock(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		run = playHere(ctx, t, &fakeServer{}, strings.Replace(broadcast, "for: 400ms", "for: 1h", 1), func(o *Options) {
			o.Progress = func(p Progress) {
				if p.Held > 0 {
					cancel()
				}
			}
		})
	})
	c := run.Cells[0]
	if c.Verdict != result.Invalid || !strings.HasSuffix(c.Reason, " of 3 601 s") || c.Clients.Held == 0 {
		t.Errorf("verdict %s: %s; clients %+v", c.Verdict, c.Reason, c.Clients)
	}
}
