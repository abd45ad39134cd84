package scenario

import (
	"bytes"
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/throng-io/throng/bench/planted"
	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/command"
	"github.com/throng-io/throng/scenario/internal/judge"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/result"
)

// Sixty messages a second go to rooms, the first one at 1 s, and the fault begins at 3 s: with
// message 120. After message 240 its phase is over.
const throughFault = `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups:
  people:
    count: 12
    connect: {rate: 100/s}
    reconnect: {min: 50ms, max: 200ms, recover: true}
    rooms: {of: 2, join: 1}
    send: [{op: room, rate: 5/s, expect: others, late: 2s}]
phases:
  - {name: ramp, for: 1s, clients: 0%..100%, load: 0%, record: false}
  - {name: hold, for: 2s}
  - {name: bad, for: 2s, fault: FAULT}
  - {name: after, for: 8s}
valid: [{check: achieved(rate) > 1%, optional: true}]
`

// hasCheck reports whether a rule of a text is in a cell.
func hasCheck(c *result.Cell, text string) bool {
	return slices.ContainsFunc(c.Checks, func(k result.Check) bool { return k.Text == text })
}

// losing makes servers that lose every tenth message, from one number to another.
func losing(from, to int) func() *fakeServer {
	return func() *fakeServer {
		return &fakeServer{mangle: func(n int, _ *fakeConn, packet []byte) []fakePacket {
			if n >= from && n < to && n%10 == 0 {
				return nil
			}
			return []fakePacket{{text: packet}}
		}}
	}
}

// skipping makes servers that do not send every tenth message to one client, and all others to it.
func skipping(from, to int) func() *fakeServer {
	return func() *fakeServer {
		return &fakeServer{mangle: func(n int, receiver *fakeConn, packet []byte) []fakePacket {
			if n >= from && n < to && n%10 == 0 && receiver.i == 3 {
				return nil
			}
			return []fakePacket{{text: packet}}
		}}
	}
}

// recovering makes servers that recover clients, with their rooms or without.
func recovering(forgets bool) func() *fakeServer {
	return func() *fakeServer { return &fakeServer{recovery: &fakeRecovery{forgets: forgets}} }
}

// A fault explains what it breaks while it lasts: an honest server passes, whether or not it
// recovers sessions, and one fails that forgets the rooms of those that it recovers, that loses
// what clients are owed that stayed and got what was sent later, or that goes on losing when the
// fault is over. So it is on a fleet.
func TestAFaultIsNoExcuseForEver(t *testing.T) {
	t.Parallel()
	const drop, vanish, stall, noLoss = "{drop: 50%, within: 500ms}", "{half_open: 50%, within: 500ms}", "{stall: 50%}", "loss(delivery) == 0"
	const kill = "{run: [kill, database]}"
	for _, test := range []struct {
		name   string
		server func() *fakeServer
		fault  string
		want   string // the broken rule; "": none
	}{
		{"honest, with recovery", recovering(false), drop, ""},
		{"honest, with recovery", recovering(false), vanish, ""},
		{"honest, with recovery", recovering(false), stall, ""},
		{"honest, without recovery", losing(0, 0), drop, ""},
		{"honest, without recovery", losing(0, 0), vanish, ""},
		{"honest, without recovery", losing(0, 0), stall, ""},
		{"it forgets rooms", recovering(true), drop, noLoss},
		{"it loses what clients are owed that stayed", losing(120, 240), drop, noLoss},
		{"it loses in the phase of the fault", losing(120, 240), stall, noLoss},
		{"it skips messages for one client", skipping(120, 240), stall, noLoss},
		{"it goes on losing", losing(240, 1000), stall, noLoss},
		{"it loses later", losing(420, 430), stall, noLoss},
		{"it loses before the fault", losing(20, 30), stall, noLoss},
		{"honest", losing(0, 0), kill, ""},
		{"what is behind the server loses messages", losing(120, 240), kill, ""},
		{"it skips messages for one client", skipping(120, 240), kill, noLoss},
		{"it goes on losing", losing(240, 1000), kill, noLoss},
	} {
		for place, change := range map[string][]func(*Options){"one process": nil, "a fleet": {onFleet(3)}} {
			did := executed(func(context.Context, []string) command.Result { return command.Result{} })
			c := play(t, test.server(), strings.Replace(throughFault, "FAULT", test.fault, 1), append(change, did)...)
			want := result.Pass
			if test.want != "" {
				want = result.Fail
			}
			if c.Verdict != want || want == result.Fail && !hasCheck(c, test.want) {
				t.Errorf("%s, %s, %s: %s because %q, want %s %s; %+v", test.name, test.fault, place, c.Verdict, c.Reason, want, test.want, c.Ledger)
			}
		}
	}
}

// A fault explains calls without an answer, but none that the server ignores on a connection on
// which it answers later ones. So it is on a fleet.
func TestAFaultExplainsNoIgnoredCall(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, fault string
		ignores     bool
	}{
		{"honest", "{drop: 50%, within: 500ms}", false},
		{"honest", "{stall: 50%}", false},
		{"honest", "{half_open: 50%, within: 500ms}", false},
		{"it ignores every tenth call", "{drop: 50%, within: 500ms}", true},
		{"it ignores every tenth call", "{stall: 50%}", true},
	} {
		for place, change := range map[string][]func(*Options){"one process": nil, "a fleet": {onFleet(3)}} {
			var calls atomic.Int64
			server := &fakeServer{send: func(_ *fakeConn, packet []byte) (handled bool, _ error) {
				n := calls.Add(1)
				return test.ignores && n >= 140 && n < 220 && n%10 == 0 && bytes.Contains(packet, []byte("echo")), nil
			}}
			scenario := strings.NewReplacer("FAULT", test.fault, "op: room, rate: 5/s, expect: others, late: 2s", "op: echo, rate: 5/s, ack: 300ms").Replace(throughFault)
			c := play(t, server, scenario, change...)
			if failed := hasCheck(c, "errors(ack.timeout) == 0"); failed != test.ignores || (c.Verdict == result.Pass) != !test.ignores {
				t.Errorf("%s, %s, %s: %s because %q; errors %v", test.name, test.fault, place, c.Verdict, c.Reason, c.Errors)
			}
		}
	}
}

// So it is with joins, of clients that change rooms and of steps.
func TestAFaultExplainsNoIgnoredJoin(t *testing.T) {
	t.Parallel()
	for check, keys := range map[string]string{
		"errors(move.timeout) == 0": "rooms: {of: 4, join: 1, move: 200ms}\n    send: [{op: echo, rate: 50/s, ack: 300ms}]",
		"errors(step.timeout) == 0": "flow: {repeat: forever, every: 200ms, steps: [{join: lobby}, {emit: [echo, 1], ack: 300ms}]}",
	} {
		for _, ignores := range []bool{false, true} {
			var joins atomic.Int64
			server := &fakeServer{send: func(_ *fakeConn, packet []byte) (handled bool, _ error) {
				if !bytes.Contains(packet, []byte(`"join"`)) {
					return false, nil
				}
				n := joins.Add(1) // some forty a second
				return ignores && n >= 100 && n < 140 && n%10 == 0, nil
			}}
			scenario := strings.NewReplacer("FAULT", "{stall: 50%}", "connect: {rate: 100/s}", "connect: {rate: 100/s, timeout: 300ms}",
				"rooms: {of: 2, join: 1}\n    send: [{op: room, rate: 5/s, expect: others, late: 2s}]", keys).Replace(throughFault)
			c := play(t, server, scenario)
			if failed := hasCheck(c, check); failed != ignores || (c.Verdict == result.Pass) != !ignores {
				t.Errorf("%s, it ignores some: %v: %s because %q; errors %v", check, ignores, c.Verdict, c.Reason, c.Errors)
			}
		}
	}
}

// The evidence says when a fault was over, and when its clients were back.
func TestEvidenceOfAFault(t *testing.T) {
	t.Parallel()
	for fault, want := range map[string]result.EvidenceFault{
		"{drop: 100%, within: 500ms}":      {AtS: 3.5, PatienceS: 13.7, Lossless: true},
		"{half_open: 100%, within: 500ms}": {AtS: 3.5, PatienceS: 13.7, Lossless: true},
		"{drop: 100%, stall: 50%}":         {AtS: 5, PatienceS: 15.2, Lossless: true, Silences: true},
	} {
		c := play(t, &fakeServer{}, strings.Replace(throughFault, "FAULT", fault, 1))
		if e := c.Evidence; len(e.FaultEnds) != 1 || e.FaultEnds[0] != want || !slices.Equal(e.FaultPhases, []int{2}) {
			t.Errorf("%s: %+v of phases %v, want %+v", fault, e.FaultEnds, e.FaultPhases, want)
		}
		if r := c.Evidence.Returns; len(r) != 1 || r[0].Back != 12 || r[0].BrokeAtS < 3 || r[0].BrokeAtS > 3.5 || r[0].BackAtS < r[0].BrokeAtS || r[0].BackAtS > 3.8 {
			t.Errorf("%s: %+v", fault, r)
		}
	}
}

// Each kind of fault has its end. At most they make connections that stay silent, and commands may
// break what is behind the servers.
func TestWhenFaultsAreOver(t *testing.T) {
	t.Parallel()
	const long = `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups: {people: {count: 1, reconnect: {}}}
phases: [{name: hold, for: 10s}, {name: bad, for: 10s, fault: FAULT}, {name: after, for: 10s}]
`
	for text, want := range map[string]judge.Fault{
		"{drop: 50%, within: 2s}":               {Over: 12e9, Lossless: true},
		"{half_open: 5%}":                       {Over: 10e9, Lossless: true},
		"{drop: 5%, stall: 5%}":                 {Over: 20e9, Lossless: true, Silences: true},
		"{run: [kill, chat], within: 1s}":       {Over: 20e9, Lossless: true, Silences: true, Behind: true},
		"{http: {post: /slow}}":                 {Over: 20e9, Lossless: true, Silences: true, Behind: true},
		"{restart: true}":                       {Over: 20e9, Lossless: true, Silences: true},
		"{network: {reset: 50%}, within: 2s}":   {Over: 12e9, Lossless: true},
		"{network: {reset: 5%, half_open: 5%}}": {Over: 20e9, Lossless: true, Silences: true},
		"{network: {cut: true}}":                {Over: 20e9, Lossless: true, Silences: true},
		"{network: {delay: 300ms}}":             {Over: 20e9, Lossless: true},
		"{network: {delay: 2s}}":                {Over: 20e9, Lossless: true, Silences: true},
		"{network: {rate: 10kB/s}}":             {Over: 20e9, Lossless: true, Silences: true},
		"{network: {loss: 5%}}":                 {Over: 20e9, Lossless: true, Silences: true},
		"{network: {reset: 5%, delay: 10ms}}":   {Over: 20e9, Lossless: true},
		"{network: {outage: 2s}, within: 2s}":   {Over: 80e9, Lossless: true, Silences: true},
		"{network: {move: 10%}}":                {Over: 80e9, Lossless: true, Silences: true},
	} {
		content := strings.Replace(long, "FAULT", text, 1)
		if strings.Contains(text, "restart") {
			content = strings.Replace(content, `target: {url: "http://127.0.0.1:1"}`, "server: {}", 1)
		}
		f, err := file.Parse("t.yaml", []byte(content), nil)
		if err != nil {
			t.Fatal(err)
		}
		want.Phase, want.Patience = 1, want.Over+15e9 // a pause of 5 s, and 10 s to connect
		if got := faults(f.Spec, plan.NewTimeline(f.Spec.Phases), 5*time.Second); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %+v, want %+v", text, got, want)
		}
	}
}

// The same over real connections: a server that recovers clients without their rooms is found out,
// and an honest one is not blamed. Whether the generator kept its times is no matter here.
func TestRecoveryWithoutRooms(t *testing.T) {
	t.Parallel()
	for _, honest := range []bool{true, false} {
		opt := planted.Options{Recovery: true}
		if !honest {
			opt.Faults = []planted.Fault{{Kind: planted.RoomsForgotten}}
		}
		calm(t, func() *result.Cell {
			s, err := planted.Start(opt)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			text := replaceAll(throughFault, "http://127.0.0.1:1", s.URL, "for: 2s", "for: 1s", "for: 8s", "for: 1s", "late: 2s", "late: 3s", "FAULT", "{drop: 50%}")
			f, err := file.Parse("t.yaml", []byte(text), nil)
			if err != nil {
				t.Fatal(err)
			}
			run, err := Run(t.Context(), f, Options{})
			if err != nil {
				t.Fatal(err)
			}
			return &run.Cells[0]
		}, func(c *result.Cell) bool {
			return hasCheck(c, "loss(delivery) == 0") != honest && c.Verdict != map[bool]result.Verdict{true: result.Fail, false: result.Pass}[honest] &&
				c.Reconnects != nil && c.Reconnects.Recovered > 0
		})
	}
}

// A server that lets nobody in any more fails, although a fault broke the connections: when clients
// had the time to come back, and when they were refused and gave up.
func TestClientsMustComeBack(t *testing.T) {
	t.Parallel()
	for want, why := range map[string]*client.DialError{
		"errors(reconnect.never) == 0": {Stage: "tcp", Class: "refused", Err: errRefused},
		"clients dropped == 0":         {Stage: "namespace", Class: "connect_error", Err: &client.ConnectError{Message: "no"}},
	} {
		s := &fakeServer{refuse: func(i int) error {
			if i >= 60 {
				return why
			}
			return nil
		}}
		text := withFault("{drop: 100%}", "")
		if why.Stage == "tcp" {
			text = replaceAll(text, "connect: {rate: 10k/s}", "connect: {rate: 10k/s, timeout: 200ms}")
		}
		if c := play(t, s, text); c.Verdict != result.Fail || !hasCheck(c, want) {
			t.Errorf("%s because %q, want %s: %+v", c.Verdict, c.Reason, want, c.Checks)
		}
	}
}

// A drop of some explains nothing that happens to the connections of others.
func TestADropExplainsItsOwn(t *testing.T) {
	t.Parallel()
	var once sync.Once
	s := &fakeServer{}
	s.mangle = func(n int, to *fakeConn, p []byte) []fakePacket { // under the server's lock
		if n >= 50 { // in the phase of the fault
			once.Do(func() {
				for _, c := range s.conns {
					if c != to {
						c.end(client.TransportClose)
					}
				}
			})
		}
		return []fakePacket{{text: p}}
	}
	c := play(t, s, withFault("{drop: 1%}", ""))
	if c.Verdict != result.Fail || c.Clients.Dropped < 30 || !hasCheck(c, "clients dropped == 0") {
		t.Errorf("%s because %q; clients %+v", c.Verdict, c.Reason, c.Clients)
	}
}

// A step that was under way when a fault began may fail by it, and is the fault's. One that would
// have been done by then is not: the server had stopped before.
func TestAStepUnderWayWhenAFaultBegins(t *testing.T) {
	t.Parallel()
	const text = `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups: {people: {count: 1, connect: {rate: 10k/s}, flow: {repeat: forever, every: 2900ms, steps: [{emit: [ask], ack: 3s}]}}}
phases: [{name: hold, for: 4s}, {name: bad, for: 3s, fault: {stall: 100%}}, {name: after, for: 8s}]
`
	for _, test := range []struct {
		name  string
		takes time.Duration // until an answer
		mute  int           // the call that is not answered; the second one is made 1.1 s before the fault
		want  result.Verdict
	}{
		{"it is read after the fault, too late", 1500 * time.Millisecond, -1, result.Pass},
		{"the fault explains that it never came", 1500 * time.Millisecond, 2, result.Pass},
		{"none was answered before", 0, 1, result.Fail},
		{"it would have come before the fault", time.Millisecond, 2, result.Fail},
		{"it is answered in time", time.Millisecond, -1, result.Pass},
		{"it is lost later", 1500 * time.Millisecond, 5, result.Fail},
	} {
		calls := 0
		s := newTalker(t, func(c *fakeConn, p *socketio.Packet, _ string, _ []byte) {
			if calls++; calls != test.mute {
				c.deliver(fakePacket{text: append(strconv.AppendUint([]byte{'3'}, p.ID, 10), "[]"...), after: test.takes})
			}
		})
		if c := play(t, &s.fakeServer, text); c.Verdict != test.want || test.want == result.Fail && c.Reason != "errors(step.timeout) == 0: 1" {
			t.Errorf("%s: %s because %q after %d calls, want %s; %v", test.name, c.Verdict, c.Reason, calls, test.want, c.Errors)
		}
	}
}
