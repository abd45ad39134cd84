package scenario

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/throng-io/throng/scenario/result"
)

// foreign is a scenario with a contract, against a server that fits it.
const foreign = `version: 1
name: foreign
target: {url: "http://127.0.0.1:1"}
contract:
  join: {emit: [join, "${room}"], ack: true}
  operations:
    say: {emit: [room, "${room}", "message", {body: "${payload}"}], to: room, deliver: message, stamp: "$[0].body"}
groups:
  people:
    count: 4
    connect: {timeout: 500ms}
    rooms: {of: 1, join: 1}
    send:
      - {op: say, rate: 20/s, size: 100B, late: 300ms}
phases:
  - {name: ramp, for: 300ms, clients: 0%..100%, load: 0%, record: false}
  - {name: hold, for: 500ms}
  - {name: rest, for: 500ms, load: 0%}
valid: [p99(lag) < 10s, p99(lag.receive) < 10s]
`

// A contract that does not match its server makes the run invalid, not failed, and the report names
// the events that came instead. When no event came at all, the run fails, and a warning names the
// likeliest cause.
func TestMismatch(t *testing.T) {
	patient := []string{"late: 300ms", "late: 30s", "timeout: 500ms", "timeout: 30s"} // the machine may be busy
	for name, c := range map[string]struct {
		change  []string
		verdict result.Verdict
		want    string
	}{
		"right":       {patient, result.Pass, ""},
		"wrong stamp": {[]string{"$[0].body", "$[0].text"}, result.Invalid, "`message` events arrived without a stamp at $[0].text"},
		"wrong event": {[]string{"deliver: message", "deliver: msg"}, result.Invalid, "no `msg` event arrived, but "},
		"wrong join":  {[]string{"[join,", "[jion,", "timeout: 500ms", "timeout: 2s", "rest, for: 500ms", "rest, for: 3s"}, result.Fail, "if the server has no event `jion`"},
		"silent join": {[]string{"[join,", "[jion,", "ack: true", "ack: false"}, result.Fail, "if the server has no event `jion`, its rooms are empty"},
		"early join":  {[]string{"[join,", "[jion,", "timeout: 500ms", "timeout: 30s"}, result.Invalid, "waited for the server to acknowledge `jion`"},
		// The events of another operation have come for that one.
		"wrong emit": {[]string{
			`say: {emit: [room,`, "typing: {emit: [room, \"${room}\", typing, {a: 1}], to: none, deliver: typing}\n    say: {emit: [jion,",
			"send:\n", "send:\n      - {op: typing, rate: 20/s}\n", "timeout: 500ms", "timeout: 30s",
		}, result.Fail, "no sent message came back: emit: of the operations in the contract must name events of the server, which its clients may send; they name `jion` for `say`"},
		"wrong emit, asked": {
			[]string{"{emit: [room,", "{emit: [jion,", "late: 300ms", "late: 300ms, ack: 300ms", "timeout: 500ms", "timeout: 30s", "20/s", "10/s"},
			result.Fail, "that asked for it: emit: of the operations in the contract must name events of the server, which its clients may send; they name `jion` for `say`",
		},
		"wrong emit, silent join": {
			[]string{"{emit: [room,", "{emit: [jion,", "ack: true", "ack: false", "timeout: 500ms", "timeout: 30s"},
			result.Fail, "; or the server has no event `jion`, which emit: of `say` names",
		},
		"nothing sent": {append([]string{"to: room", "to: none", ", stamp: \"$[0].body\"", ""}, patient...), result.Pass, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := &fakeServer{send: func(_ *fakeConn, packet []byte) (ignored bool, _ error) {
				return bytes.Contains(packet, []byte("jion")), nil
			}}
			cell := play(t, server, replaceAll(foreign, c.change...))
			if cell.Verdict != c.verdict {
				t.Errorf("%s (%s), want %s", cell.Verdict, cell.Reason, c.verdict)
			}
			if c.want == "" && len(cell.Warnings) > 0 || c.want != "" && !strings.Contains(strings.Join(cell.Warnings, "\n"), c.want) {
				t.Errorf("warnings %q, want %q", cell.Warnings, c.want)
			}
			if c.verdict == result.Invalid && !strings.Contains(cell.Reason, c.want) {
				t.Errorf("reason %q, want %q", cell.Reason, c.want)
			}
			for _, k := range cell.Checks {
				if strings.Contains(k.Note, "add a phase") {
					t.Errorf("%s: %q", k.Text, k.Note)
				}
			}
		})
	}
}

// What comes by another event than was asked for reaches no listener, and is lost. Where all of it
// does, the scenario does not fit.
func TestMessagesByAnotherEvent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		every   int
		expect  string
		verdict result.Verdict
		reason  string
		warning string
	}{
		"none":                    {1 << 30, "others", result.Pass, "", ""},
		"some":                    {10, "others", result.Fail, "loss(delivery) == 0: 100", "100 messages came by another event than the stream names"},
		"every":                   {1, "others", result.Invalid, "no `tick` event arrived, but 1 000 `tock` events did", "describe them with contract:"},
		"no delivery is expected": {1, "none", result.Pass, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			renaming := &fakeServer{mangle: func(n int, _ *fakeConn, p []byte) []fakePacket {
				if n%c.every == c.every-1 {
					p = bytes.Replace(p, []byte(`"tick"`), []byte(`"tock"`), 1)
				}
				return []fakePacket{{text: p}}
			}}
			text := replaceAll(broadcast, "op: all,", "op: all, event: tick,", "late: 300ms", "late: 5s", "expect: others", "expect: "+c.expect)
			if c.expect == "none" {
				text = replaceAll(text, "slo: [max(delivery) < 1h, loss(delivery) == 0]", "")
			}
			cell := play(t, renaming, text)
			if cell.Verdict != c.verdict || !strings.Contains(cell.Reason, c.reason) {
				t.Errorf("%s because %q; %+v", cell.Verdict, cell.Reason, cell.Ledger)
			}
			if text := strings.Join(cell.Warnings, "\n"); !strings.Contains(text, c.warning) || c.warning == "" && text != "" {
				t.Errorf("warnings %q, want %q", text, c.warning)
			}
		})
	}
}

// Where messages of an operation are missing, events that the contract does not name may be them.
func TestEventsThatTheContractDoesNotName(t *testing.T) {
	t.Parallel()
	for every, want := range map[int]string{3: "64 `notice` events arrived, which no operation of the contract names", 1 << 30: ""} {
		events, n := chatEvents(), 0
		events["chat:say"] = func(e *fakeEvent) {
			name := "chat:said"
			if n++; n%every == 0 {
				name = "notice"
			}
			e.deliver("/", name, e.text("text"), func(c *fakeConn) bool { return c.rooms[e.text("room")] })
			e.deliver("/", "chat:typing", "", anybody)
		}
		s := &fakeServer{}
		s.offer(t, events)
		cell := play(t, s, chatContract+"groups:\n  people: {count: 12, connect: {rate: 10k/s}, rooms: {of: 3}, send: [{op: say, rate: 4/s, late: 300ms}]}\n")
		notes := strings.Join(cell.Notes, "; ")
		if want == "" && cell.Verdict == result.Pass && !strings.Contains(notes, "no operation") {
			continue
		}
		if want == "" || cell.Verdict != result.Fail || !strings.Contains(notes, want) || strings.Count(notes, "no operation") != 1 {
			t.Errorf("every %d: %s, %+v, notes %q, want %q", every, cell.Verdict, cell.Ledger, notes, want)
		}
	}
}

// Events without stamps are counted by name up to the bound, without allocation.
func TestUnstamped(t *testing.T) {
	var u unstamped
	for i := range 2 * maxUnstamped {
		u.note(fmt.Appendf(nil, "event %d", i))
	}
	name := bytes.Repeat([]byte("x"), 100)
	u.note([]byte("event 0"))
	if n := testing.AllocsPerRun(100, func() { u.note([]byte("event 0")) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	u.note(name)
	counts := u.counts()
	var sum int64
	for _, n := range counts {
		sum += n
	}
	if len(counts) > maxUnstamped+1 || sum != 2*maxUnstamped+1+101+1 || counts["event 0"] != 103 {
		t.Errorf("%d names, %d events: %v", len(counts), sum, counts)
	}
}
