package scenario

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/throng-io/throng/bench/planted"
	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/judge"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// onFleet makes a run of a test one on a fleet of n agents in memory.
func onFleet(n int, change ...func(*memFleet)) func(*Options) {
	return func(opt *Options) {
		f := newMemFleet(n, *opt)
		for _, c := range change {
			c(f)
		}
		opt.Fleet = f
	}
}

// counts are the parts of a cell that are the same however its clients are divided.
func counts(c *result.Cell) map[string]any {
	n := map[string]any{
		"verdict": c.Verdict, "reason": c.Reason, "clients": c.Clients, "ledger": c.Ledger, "rates": c.Rates, "messages": c.Messages, "errors": c.Errors,
		"slow": c.Slow, "volatile": c.Volatile, "warnings": slices.DeleteFunc(slices.Clone(c.Warnings), ofOneProcess), "notes": c.Notes, "bytes in": c.Generator.BytesIn, "unstamped": c.Unstamped,
		"seconds": c.Seconds, "phases": c.Phases, "settings": c.Settings, "loss": c.Loss,
	}
	for _, r := range c.Receivers {
		n["receivers "+r.Group+" "+r.Transport+fmt.Sprint(r.Slow)] = r.Ledger
	}
	for _, r := range c.ByOperation {
		n["operation "+r.Op+r.Event] = [2]any{r.Ledger, r.Unexpected}
	}
	for _, r := range c.Rooms {
		n[fmt.Sprint("rooms ", r.Decile)] = [2]any{r.Ledger, r.Rooms}
	}
	if r := c.Reconnects; r != nil {
		n["reconnects"] = []int64{r.Lost, r.Back, r.Recovered, r.P50us, r.P95us}
	}
	for name, l := range c.Latency {
		n["samples of "+name] = [2]int64{l.N, l.Never}
	}
	for i, s := range c.Timeline {
		if i < int(c.Seconds) {
			n[fmt.Sprint("second ", i)] = []any{s.Asked, s.Open, s.Held, s.Sent, s.Received, s.Lost, s.Errors, s.Failed}
		}
	}
	return n
}

// sameCounts compares a run on a fleet with one in one process.
func sameCounts(t *testing.T, one, fleet *result.Cell) {
	t.Helper()
	want, got := counts(one), counts(fleet)
	for what := range want {
		if !reflect.DeepEqual(want[what], got[what]) {
			t.Errorf("%s: %+v on the fleet, %+v in one process", what, got[what], want[what])
		}
	}
	for name, l := range one.Latency {
		near := int64(0)
		if strings.HasPrefix(name, "fanout.") {
			near = 100 // the extremes of other agents are rounded
		}
		o := fleet.Latency[name]
		for i, v := range []int64{l.Minus, l.P50us, l.P90us, l.P99us, l.Maxus} {
			if w := []int64{o.Minus, o.P50us, o.P90us, o.P99us, o.Maxus}[i]; max(w-v, v-w) > near+near*v/5000 {
				t.Errorf("%s: %v on the fleet, %v in one process", name, o, l)
				break
			}
		}
	}
	for what := range got {
		if _, have := want[what]; !have {
			t.Errorf("%s: %+v on the fleet alone", what, got[what])
		}
	}
}

// mistaken is a server that makes mistakes with some messages at some clients, which say who they
// are: whatever else is the same, so are the mistakes.
func mistaken() *fakeServer {
	var held [4][]byte
	return &fakeServer{mangle: func(n int, to *fakeConn, p []byte) []fakePacket {
		const way = 3 * time.Millisecond
		who := 0
		_, _ = fmt.Sscan(to.user(), &who)
		switch at := n % 40; {
		case at == 7 && who%5 == 1: // lost
			return nil
		case at == 11 && who%4 == 2: // twice
			return []fakePacket{{text: p, after: way}, {text: p, after: 2 * way}}
		case at == 17 && who == 3: // late
			return []fakePacket{{text: p, after: 400 * time.Millisecond}}
		case at == 21 && who < len(held): // after the next one
			held[who] = p
			return nil
		case at == 22 && who < len(held) && held[who] != nil:
			return []fakePacket{{text: p, after: way}, {text: held[who], after: way + time.Millisecond}}
		}
		return []fakePacket{{text: p, after: way}}
	}}
}

const fleetHead = `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
`

// On three agents of one machine a run has the counts of one process: with loss, duplicates,
// disorder, late deliveries, rooms, moves, churn, calls, slow readers and reconnections.
func TestFleetIsTheSameRun(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		server func() *fakeServer
		text   string
	}{
		"broadcast": {mistaken, `
groups:
  viewers: {count: 23, connect: {rate: 10k/s}, auth: {user: "${client.index}"}}
  speaker: {count: 1, auth: {user: "100"}, send: [{op: all, rate: 100/s, expect: others, late: 300ms}]}
phases: [{name: ramp, for: 400ms, clients: 0%..100%, load: 0%, record: false}, {name: hold, for: 3s}]
slo: [loss(delivery) < 50%, dup(delivery) < 50%, disorder(delivery) < 50%]
`},
		"a stranger's": {func() *fakeServer {
			return &fakeServer{mangle: func(n int, to *fakeConn, p []byte) []fakePacket {
				if to.rooms[`"r1"`] && n%10 == 3 { // a member of another room gets it too
					for _, c := range to.s.conns {
						if c.rooms[`"r0"`] && !c.rooms[`"r1"`] {
							c.deliver(fakePacket{text: p, after: time.Millisecond})
							break
						}
					}
				}
				return []fakePacket{{text: p}}
			}}
		}, `
groups:
  people: {count: 9, connect: {rate: 10k/s}, rooms: {of: 3, join: 1}, send: [{op: room, rate: 20/s, per: room, expect: all, late: 300ms}]}
phases: [{name: ramp, for: 400ms, clients: 0%..100%, load: 0%, record: false}, {name: hold, for: 2s}]
slo: [errors(delivery.unexpected) < 1000]
`},
		"rooms of unequal size": {func() *fakeServer { return &fakeServer{} }, `
groups:
  people:
    count: 120
    connect: {rate: 10k/s}
    transport: {websocket: 50%, polling: 50%}
    rooms: {of: 20, size: zipf(1.07), join: 2}
    send: [{op: room, rate: 10/s, per: room, expect: others}, {op: room, rate: 1/s, event: typing, volatile: true}]
phases: [{name: ramp, for: 400ms, clients: 0%..100%, load: 0%, record: false}, {name: hold, for: 2s}]
`},
		"churn and moves": {mistaken, `
groups:
  people:
    count: 30
    life: exp(1500ms)
    connect: {rate: 10k/s}
    auth: {user: "${client.index}"}
    rooms: {of: 5, join: 2, move: exp(400ms)}
    send: [{op: room, rate: 3/s, expect: others, late: 1s}, {op: echo, rate: 2/s, ack: 1s}]
  guests: {arrive: 20/s, life: exp(300ms), auth: {user: "${client.index}"}, rooms: {of: 5, join: 1}}
phases: [{name: ramp, for: 400ms, clients: 0%..100%, load: 0%, record: false}, {name: hold, for: 3s}]
slo: [loss(delivery) < 50%, dup(delivery) < 50%, disorder(delivery) < 50%]
`},
		"calls": {func() *fakeServer { return &fakeServer{mute: map[string]bool{"room": true}} }, `
groups:
  people:
    count: 12
    connect: {rate: 10k/s}
    rooms: {of: 2, join: 1}
    read: {stall: 300ms, every: 700ms, share: 25%}
    send: [{op: echo, rate: 10/s, ack: 200ms}, {op: echo, rate: 5/s}, {op: room, rate: 2/s, ack: 200ms}, {op: all, rate: 20/s, arrival: poisson}]
phases: [{name: ramp, for: 400ms, clients: 0%..100%, load: 0%, record: false}, {name: hold, for: 2s, load: 50%..100%}]
slo: [errors(ack.timeout) < 1000]
`},
		"reconnections": {func() *fakeServer { return &fakeServer{recovery: &fakeRecovery{}} }, `
groups:
  people:
    count: 20
    connect: {rate: 10k/s}
    reconnect: {min: 300ms, max: 500ms, recover: true}
    send: [{op: all, rate: 3/s, per: client, expect: others, late: 1s, away: drop}]
phases:
  - {name: ramp, for: 400ms, clients: 0%..100%, load: 0%, record: false}
  - {name: hold, for: 1s}
  - {name: cut, for: 2s, fault: {drop: 40%, within: 1s}}
  - {name: after, for: 1s}
`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var live [2]result.Ledger // the last account before the end
			watched := func(at *result.Ledger) func(*Options) {
				return func(opt *Options) {
					opt.Progress = func(p Progress) {
						if !p.Done {
							*at = p.Ledger
						}
					}
				}
			}
			one := play(t, x.server(), fleetHead+x.text, watched(&live[0]))
			fleet := play(t, x.server(), fleetHead+x.text, watched(&live[1]), onFleet(3, func(f *memFleet) { f.agents[1].Weight = 2 }))
			sameCounts(t, one, fleet)
			// a second that is reported later is a part of it
			if got, want := live[1].Received, live[0].Received; 2*got < want || got > fleet.Ledger.Received+fleet.Ledger.Late {
				t.Errorf("%d deliveries were seen on the fleet before its end, and %d in one process", got, want)
			}
			held := 0
			for _, a := range fleet.Agents {
				if a.Health == nil || a.Health.ReportBytes == 0 {
					t.Fatalf("no health of %s", a.Name)
				}
				held += a.Health.Held
			}
			if held != one.Clients.Held {
				t.Errorf("the agents held %d clients, want %d", held, one.Clients.Held)
			}
		})
	}
}

// ofOneProcess reports whether a warning says whom losses hit, which no agent of a fleet knows.
func ofOneProcess(warning string) bool { return strings.Contains(warning, "lost deliveries") }

// sentAtMost fails when more messages were for some receivers than were sent.
func sentAtMost(t *testing.T, c *result.Cell) {
	t.Helper()
	for _, r := range c.Receivers {
		if l := r.Ledger; l.Sent > c.Ledger.Sent || l.Sent == 0 && l.Expected > 0 {
			t.Errorf("%s: %d messages of %d, the ledger is %+v", r.Group, l.Sent, c.Ledger.Sent, l)
		}
	}
}

// Groups are placed on the agents with their labels.
func TestFleetPlaces(t *testing.T) {
	t.Parallel()
	text := strings.Replace(broadcast, "viewers: {count: 10,", "viewers: {count: 10, place: {zone: b},", 1)
	c := play(t, &fakeServer{}, text, onFleet(3, func(f *memFleet) { f.agents[1].Labels = map[string]string{"zone": "b"} }))
	if c.Verdict != result.Pass || c.Agents[1].Health.Held < 10 {
		t.Errorf("%s, agents %+v", c.Verdict, c.Agents)
	}
	f, err := file.Parse("t.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Run(t.Context(), f, Options{Target: "http://127.0.0.1:1", Fleet: newMemFleet(2, Options{})})
	if err == nil || !strings.Contains(err.Error(), "no agent has them: start one with them") {
		t.Errorf("no agent fits: %v", err)
	}
}

// What an agent that is lost has reported stays in the result, its clients are lost capacity, and
// the others go on. The file can allow it.
func TestFleetLosesAnAgent(t *testing.T) {
	t.Parallel()
	for rule, want := range map[string]result.Verdict{"achieved(rate) > 1%": result.Invalid, "achieved(rate) > 1%, errors(agent.lost) <= 1": result.Pass} {
		text := strings.Replace(strings.Replace(broadcast, "achieved(rate) > 99%", rule, 1), "for: 1s}", "for: 5s}", 1)
		c := play(t, &fakeServer{}, text, onFleet(3, func(f *memFleet) {
			f.part = func(ctx context.Context, job []byte, l *memLink) error {
				if l.self == 0 {
					return RunPart(ctx, job, l, f.opt)
				}
				if l.self == 2 {
					time.AfterFunc(3*time.Second, func() { l.cut(errors.New("killed")) })
				}
				return RunPart(ctx, job, l, f.opt)
			}
		}))
		h := c.Agents[2].Health
		if h.LostAtS == nil || *h.LostAtS < 2 || *h.LostAtS > 4 || h.Lost != "killed" || h.Held != 0 || c.Agents[0].Health.Lost != "" {
			t.Errorf("agents %+v", c.Agents)
		}
		if c.Verdict != want || want == result.Invalid && !strings.Contains(c.Reason, "errors(agent.lost) == 0: 1 (its clients are missing") {
			t.Errorf("%s: %s: %s", rule, c.Verdict, c.Reason)
		}
		sentAtMost(t, c)
		if c.Errors["agent.lost"] != 1 || c.Errors["delivery.unknown"] != 0 || c.Ledger.Lost != 0 || c.Ledger.Received < 1000 {
			t.Errorf("errors %v, ledger %+v", c.Errors, c.Ledger)
		}
		if l, m := c.Ledger, c.Messages; l.Received+l.Late != c.Latency[metric.Delivery].N || l.Sent != m.Sent {
			t.Errorf("ledger %+v, %d latencies of deliveries, messages %+v", l, c.Latency[metric.Delivery].N, m)
		}
		if c.Clients.Held >= c.Clients.Asked || c.Clients.Held == 0 {
			t.Errorf("clients %+v", c.Clients)
		}
	}
}

// The controller knows how long the least patient server waits for a client, as one process does.
func TestFleetKnowsPatience(t *testing.T) {
	t.Parallel()
	for name, more := range map[string][]func(*Options){"one process": nil, "three agents": {onFleet(3)}} {
		var dials atomic.Int64
		impatient := func(opt *Options) {
			dial := opt.dial
			opt.dial = func(ctx context.Context, cfg *client.Config) (dialed, error) {
				d, err := dial(ctx, cfg)
				if d.patience = 20 * time.Second; dials.Add(1)%4 == 0 { // on any of the agents
					d.patience = 2 * time.Second
				}
				return d, err
			}
		}
		c := play(t, &fakeServer{}, broadcast, append([]func(*Options){impatient}, more...)...)
		if c.Evidence.PatienceS != 2 {
			t.Errorf("%s: the server waits %g s for a client, want 2", name, c.Evidence.PatienceS)
		}
	}
}

// When all agents are lost the trial ends at once.
func TestFleetLosesAllAgents(t *testing.T) {
	t.Parallel()
	c := play(t, &fakeServer{}, strings.Replace(broadcast, "for: 1s}", "for: 1h}", 1), onFleet(2, func(f *memFleet) {
		f.part = func(ctx context.Context, job []byte, l *memLink) error {
			time.AfterFunc(3*time.Second, func() { l.cut(errors.New("killed")) })
			return RunPart(ctx, job, l, f.opt)
		}
	}))
	if c.Verdict != result.Invalid || c.Errors["agent.lost"] != 2 || len(c.Timeline) > 10 || !strings.Contains(strings.Join(c.Warnings, "\n"), "all agents were lost: killed") {
		t.Errorf("%s: %s; %v; %d seconds; %q", c.Verdict, c.Reason, c.Errors, len(c.Timeline), c.Warnings)
	}
}

// An agent that reports what is not of the trial is not believed.
func TestFleetBelievesNoNonsense(t *testing.T) {
	t.Parallel()
	for what, data := range map[string][]byte{
		"no report":        []byte("no report"),
		"another trial":    (&report{portion: &portion{gauges: []int64{1}}}).encode(),
		"a stage too many": (&report{stage: partOver + 1}).encode(),
		"an end too early": (&report{stage: partOver}).encode(),
	} {
		c := play(t, &fakeServer{}, strings.Replace(broadcast, "for: 1s}", "for: 3s}", 1), onFleet(2, func(f *memFleet) {
			f.part = func(ctx context.Context, job []byte, l *memLink) error {
				if l.self == 1 {
					time.AfterFunc(2*time.Second, func() { _ = l.Report(data) })
				}
				return RunPart(ctx, job, l, f.opt)
			}
		}))
		if c.Verdict != result.Invalid || c.Agents[1].Health.Lost == "" {
			t.Errorf("%s: %s %+v", what, c.Verdict, c.Agents[1].Health)
		}
	}
}

// A run that is interrupted keeps what was measured, and is over within two seconds.
func TestFleetIsInterrupted(t *testing.T) {
	t.Parallel()
	for _, hangs := range []bool{false, true} {
		ownClock(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var at time.Time
			run := playHere(ctx, t, &fakeServer{}, strings.Replace(broadcast, "for: 1s}", "for: 1h}", 1), onFleet(3, func(f *memFleet) {
				f.part = func(ctx context.Context, job []byte, l *memLink) error {
					if l.self == 0 {
						time.AfterFunc(5*time.Second, func() {
							at = time.Now()
							cancel()
						})
					}
					if hangs && l.self == 1 {
						time.AfterFunc(4*time.Second, func() {
							l.mu.Lock()
							l.dead = true // it says nothing any more, and nobody knows
							l.mu.Unlock()
						})
					}
					return RunPart(ctx, job, l, f.opt)
				}
			}))
			c := &run.Cells[0]
			if !c.Interrupted || c.Verdict != result.Invalid || c.Ledger.Received == 0 {
				t.Errorf("%s: %s; %+v", c.Verdict, c.Reason, c.Ledger)
			}
			if took := time.Since(at); took > 2*time.Second {
				t.Errorf("over after %v", took)
			}
			if hangs != (c.Agents[1].Health.Lost != "") {
				t.Errorf("agents %+v", c.Agents[1].Health)
			}
		})
	}
}

// An agent whose controller is gone stops its load, and still reports to its link what it measured.
func TestPartWithoutItsController(t *testing.T) {
	t.Parallel()
	ownClock(t, func(t *testing.T) {
		s := &fakeServer{}
		f, err := file.Parse("t.yaml", []byte(strings.Replace(broadcast, "for: 1s}", "for: 1h}", 1)), nil)
		if err != nil {
			t.Fatal(err)
		}
		gone := errors.New("no connection to the broker")
		var failed error
		var last *report
		fleet := newMemFleet(1, Options{dial: s.dial, sleep: time.Sleep})
		fleet.part = func(ctx context.Context, job []byte, l *memLink) error {
			k := &goneLink{memLink: l, gone: gone, after: 4 * time.Second}
			failed = RunPart(ctx, job, k, fleet.opt)
			last = k.last
			l.cut(failed)
			return nil
		}
		run, err := Run(t.Context(), f, Options{Target: "http://127.0.0.1:1", Fleet: fleet})
		if err != nil || run.Cells[0].Agents[0].Health.LostAtS == nil {
			t.Fatalf("%v", err)
		}
		if !errors.Is(failed, gone) || last == nil || last.stage != partOver || !last.portion.last || len(last.portion.rows) == 0 {
			t.Errorf("%v; the last report %+v", failed, last)
		}
		if len(s.conns) != 0 {
			t.Errorf("%d clients are still connected", len(s.conns))
		}
	})
}

// A goneLink loses its controller after a while.
type goneLink struct {
	*memLink
	gone  error
	after time.Duration
	last  *report
}

func (l *goneLink) Next(ctx context.Context) (LinkMessage, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, l.after, l.gone)
	defer cancel()
	return l.memLink.Next(ctx)
}

func (l *goneLink) Report(b []byte) (err error) {
	l.last, err = readReport(b)
	return err
}

// Agents of one machine share its memory and its ports: their sum is looked at before they are
// given anything.
func TestFleetOfThisMachine(t *testing.T) {
	t.Parallel()
	f, err := file.Parse("t.yaml", []byte(fleetHead+`
groups: {g: {count: 4M, connect: {rate: 1M/s}}}
phases: [{name: ramp, for: 4s, clients: 0%..100%, record: false}, {name: hold, for: 1s}]
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Run(t.Context(), f, Options{Target: "http://127.0.0.1:1", Fleet: newMemFleet(2, Options{}), Here: true})
	if _, is := errors.AsType[*LimitError](err); !is || strings.Contains(err.Error(), "agent") {
		t.Errorf("%v", err)
	}
}

// What cannot be run on a fleet is refused before anything starts.
func TestNotOnAFleet(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		broadcast + "trace: 2\n": "trace: is not available on a fleet",
		fleetHead + "groups: {g: {count: 4, rooms: {of: 2, join: 1, move: exp(1s)}, send: [{op: room, rate: 1/s, per: room}]}}\n": "has a stream per room",
	} {
		f, err := file.Parse("t.yaml", []byte(text), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Run(t.Context(), f, Options{Target: "http://127.0.0.1:1", Fleet: newMemFleet(2, Options{})}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	f, err := file.Parse("t.yaml", []byte(broadcast), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), f, Options{Target: "http://127.0.0.1:1", Fleet: newMemFleet(0, Options{})}); err == nil || !strings.Contains(err.Error(), "the fleet has no agents") {
		t.Errorf("%v", err)
	}
}

// Reports and orders read back what was written, and nothing else is read.
func FuzzReadReport(f *testing.F) {
	f.Add((&report{stage: partSealed, atEnd: headcount{3, 2, []int64{1, 1}}}).encode())
	p := &portion{second: 3, until: 4e9, samples: []sampleRun{{series: 1, phase: 2, cells: []sampleCell{{5, 1}, {9, 70}}}}, gauges: []int64{1, -2}}
	p.rows = []streamRow{{stream: 1, Row: ledger.Row{Cut: true}}}
	p.returns, p.unstamped = []judge.Return{{Back: 3, BrokeAt: 5e9, BackAt: 6e9}}, []namedCount{{"x", 2}}
	f.Add((&report{portion: p}).encode())
	f.Add((&order{kind: orderClose, at: 7e9}).encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := readReport(b); err == nil {
			again, err := readReport(r.encode())
			if err != nil || !reflect.DeepEqual(r, again) {
				t.Fatalf("%v: %+v, read again %+v", err, r, again)
			}
		}
		if o, err := readOrder(b); err == nil {
			if again, err := readOrder(o.encode()); err != nil || o != again {
				t.Fatalf("%v: %+v, read again %+v", err, o, again)
			}
		}
	})
}

// Over the network, with agents whose clocks are wrong by as much as they may be, what a server
// does wrong on purpose is found exactly: no more, no less.
func TestFleetFindsWhatWasPlanted(t *testing.T) {
	t.Parallel()
	for _, bound := range []time.Duration{0, 2 * time.Millisecond} {
		t.Run(fmt.Sprint(bound), func(t *testing.T) {
			t.Parallel()
			for _, ramp := range []string{"2s", "10s", "40s"} { // a busy machine takes longer to connect
				if findsPlanted(t, bound, ramp) {
					return
				}
			}
			t.Error("some clients were never there before the load began")
		})
	}
}

// findsPlanted compares a run with what the server did. It returns false, and compares nothing,
// when clients were still connecting while the first messages were sent, or an agent did not answer
// in time.
func findsPlanted(t *testing.T, bound time.Duration, ramp string) bool {
	s, err := planted.Start(planted.Options{Faults: []planted.Fault{
		{Kind: planted.Loss, Every: 10, From: 3}, {Kind: planted.Duplicate, Every: 10, From: 5}, {Kind: planted.Stranger, Every: 10, From: 7},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f, err := file.Parse("t.yaml", []byte(`
version: 1
name: t
target: {url: "`+s.URL+`"}
groups:
  people: {count: 18, connect: {rate: 10k/s}, rooms: {of: 3, join: 1}, send: [{op: room, rate: 5/s, expect: all, late: 5s}, {op: echo, rate: 2/s, ack: 5s}]}
phases:
  - {name: ramp, for: `+ramp+`, clients: 0%..100%, load: 0%, record: false}
  - {name: hold, for: 2s}
valid: [{check: achieved(rate) > 1%, optional: true}]
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	fleet := newMemFleet(3, Options{})
	fleet.bound = bound
	run, err := Run(t.Context(), f, Options{Fleet: fleet})
	if err != nil {
		t.Fatal(err)
	}
	c, want := &run.Cells[0], map[planted.Kind]int64{}
	for _, p := range s.Log().Plants {
		want[p.Kind]++
	}
	l := c.Ledger
	if l.Undecided+c.Errors["send.unconnected"]+c.Errors["agent.lost"] > 0 {
		return false
	}
	if l.Lost != want[planted.Loss] || l.Duplicate != want[planted.Duplicate] || c.Errors["delivery.unexpected"] != want[planted.Stranger] || want[planted.Loss] == 0 {
		t.Errorf("ledger %+v, errors %v; planted %v", l, c.Errors, want)
	}
	if l.Expected != int64(s.Log().Messages)*6 || l.Expected != l.Received+l.Late+l.Lost || c.Errors["delivery.unknown"] != 0 {
		t.Errorf("ledger %+v of %d messages to 6, errors %v", l, s.Log().Messages, c.Errors)
	}
	return true
}
