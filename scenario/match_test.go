package scenario

import (
	"bytes"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/result"
)

// Values are compared as JSON: what a server escapes, in which order it writes keys and how it
// writes numbers do not count; and a text is no number.
func TestMatchComparesValues(t *testing.T) {
	tr := trialOf(t, withData(t, "version: 1\nname: t\ntarget: {url: \"http://127.0.0.1:1\"}\ngroups: {a: {count: 3, flow: [{wait: {event: e, match: {\"$[0]\": José}}}]}}\n", nil))
	fill := &filling{group: tr.groups[0], client: 2}
	for _, c := range []struct {
		match, args, want string
	}{
		{`"$[0]": José`, `"Jos\u00e9"`, ""},
		{`"$.name": José`, `{"name":"Jos\u00e9"}`, ""},
		{`"$[0]": {a: 1, b: [x]}`, `{ "b": ["\u0078"], "a": 1.0 }`, ""},
		{`"$[1].id": 5`, `"x",{"id":5e0}`, ""},
		{`"$[*].id": 5`, `{"id":4},{"id":5}`, ""},
		{`"$.n": $client.index`, `{"n":2}`, ""},
		{`"$.n": "${client.index}"`, `{"n":2}`, `$.n of the event is 2, not "2"`},
		{`"$.ok": true`, `{"ok":false}`, `$.ok of the event is false, not true`},
		{`"$.ok": true`, `{}`, `$.ok of the event is missing, not true`},
		{`"$.ok": true`, ``, `$.ok of the event is missing, not true`},
		{`"$[*]": 5`, `1,2,3,4`, `$[*] of the event is 1, 2, 3, not 5`},
		{`"$[0]": x`, `"` + strings.Repeat("é", 50) + `"`, `$[0] of the event is "` + strings.Repeat("é", 29) + `..., not "x"`},
		{`"$.a": 1, "$.b": 2`, `{"a":1,"b":3}`, `$.b of the event is 3, not 2`},
	} {
		f, err := file.Parse("x.yaml", []byte("version: 1\nname: t\ngroups: {a: {count: 1, flow: [{wait: {event: e, match: {"+c.match+"}}}]}}\n"), nil)
		if err != nil {
			t.Fatal(err)
		}
		m := tr.matcher(f.Spec.Groups[0].Flow[0].Wait.Match, nil)
		got := ""
		if err := m.checkArgs([]byte(c.args), fill, "the event"); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s of %s: %q, want %q", c.match, c.args, got, c.want)
		}
	}
}

// An acknowledgement of a stream without the value that it must have is an error of its own.
func TestStreamsMatchAcknowledgements(t *testing.T) {
	t.Parallel()
	n := 0
	s := newTalker(t, func(c *fakeConn, p *socketio.Packet, _ string, _ []byte) {
		n++
		reply := `{"ok":true,"name":"Jos\u00e9"}`
		if n%4 == 0 {
			reply = `{"ok":false,"name":"José"}`
		}
		c.deliver(fakePacket{text: fmt.Appendf(nil, "3%d[%s]", p.ID, reply)})
	})
	cell := play(t, &s.fakeServer, `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups: {a: {count: 1, send: [{op: emit, event: e, rate: 20/s, ack: 1s, match: {$.ok: true, $.name: José}}]}}
phases: [{name: all, for: 1s}]
`)
	if cell.Errors["ack.mismatch"] != 5 || cell.Verdict != result.Fail || !strings.Contains(cell.Reason, "ack.mismatch") {
		t.Errorf("%s because %q; errors %v, warnings %q", cell.Verdict, cell.Reason, cell.Errors, cell.Warnings)
	}
	if h := cell.Latency["ack"]; h == nil || h.N != 15 {
		t.Errorf("%+v, want the latencies of 15 acknowledgements", h)
	}
}

// A server of one's own that answers with what it was sent is held to it: the answer must bring the
// payload of its own call back, unchanged.
func TestAcknowledgementsBringPayloadsBack(t *testing.T) {
	t.Parallel()
	n, before := 0, []byte(`{"text":"nothing yet"}`)
	s := newTalker(t, func(c *fakeConn, p *socketio.Packet, _ string, args []byte) {
		reply := append([]byte(nil), args...)
		switch n++; n % 5 {
		case 1: // another's
			reply, before = before, reply
		case 2: // one byte is another
			reply = bytes.Replace(reply, []byte("xx\""), []byte("xy\""), 1)
		case 3:
			reply = []byte(`{"other":1}`)
		}
		c.deliver(fakePacket{text: fmt.Appendf(nil, "3%d[%s]", p.ID, reply)})
	})
	for _, send := range []string{"{op: mirror, rate: 20/s, size: 2KiB, ack: 1s, match: {$.text: \"${payload}\"}}", "{op: mirror, rate: 20/s, size: 'uniform(40B,200B)', ack: 1s, match: {$: $payload}}"} {
		n = 0
		cell := play(t, &s.fakeServer, `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
contract: {operations: {mirror: {emit: [mirror, {text: "${payload}"}], to: none, ack: true}}}
groups: {a: {count: 1, send: [`+send+`]}}
phases: [{name: all, for: 1s}]
`)
		if cell.Errors["ack.mismatch"] != 12 || cell.Verdict != result.Fail || len(cell.Errors) != 1 {
			t.Errorf("%s: %s because %q; errors %v, warnings %q", send, cell.Verdict, cell.Reason, cell.Errors, cell.Warnings)
		}
		if h := cell.Latency["ack"]; h == nil || h.N != 8 {
			t.Errorf("%s: %+v, want the latencies of 8 acknowledgements", send, h)
		}
	}
}

// Answers are compared with the values of the message that they answer, and of its client.
func TestAcknowledgementsOfTheirMessages(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	s := newTalker(t, func(c *fakeConn, p *socketio.Packet, _ string, args []byte) {
		reply := bytes.Clone(args)
		switch n.Add(1) % 8 {
		case 1: // another message's
			reply = bytes.Replace(reply, []byte(`"n":`), []byte(`"n":9`), 1)
		case 2: // another client's
			reply = bytes.Replace(reply, []byte(`"by":`), []byte(`"by":9`), 1)
		case 3: // another group's
			reply = bytes.Replace(reply, []byte(`"of":"people"`), []byte(`"of":"robots"`), 1)
		}
		c.deliver(fakePacket{text: fmt.Appendf(nil, "3%d[%s]", p.ID, reply)})
	})
	cell := play(t, &s.fakeServer, `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
contract: {operations: {mark: {emit: [mark, {n: $seq, by: $client.index, of: "${group}"}], to: none, ack: true}}}
groups: {people: {count: 4, send: [{op: mark, rate: 10/s, ack: 1s, match: {$.n: $seq, $.by: $client.index, $.of: "${group}"}}]}}
phases: [{name: all, for: 1s}]
`)
	if cell.Errors["ack.mismatch"] != 15 || cell.Verdict != result.Fail || len(cell.Errors) != 1 {
		t.Errorf("%s because %q; errors %v, warnings %q", cell.Verdict, cell.Reason, cell.Errors, cell.Warnings)
	}
}

// A client whose room the server does not let it into is not in the room, and the run says so
// instead of missing messages there.
func TestRefusedJoins(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	s := newTalker(t, func(c *fakeConn, p *socketio.Packet, _ string, _ []byte) {
		// the clients connect at once: each one's second room has an odd id
		ok := p.ID%2 == 0 || n.Add(1)%4 != 0
		c.deliver(fakePacket{text: fmt.Appendf(nil, `3%d[{"ok":%v}]`, p.ID, ok)})
	})
	cell := play(t, &s.fakeServer, `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
contract: {join: {emit: [enter, "${room}"], ack: true, match: {$.ok: true}}}
groups: {a: {count: 8, rooms: {of: 4, join: 2}, connect: {rate: 10k/s}}}
phases: [{name: all, for: 500ms}]
`)
	if cell.Errors["connect.join"] != 2 || cell.Clients.Failed != 2 || cell.Clients.Held != 6 || cell.Verdict != result.Fail {
		t.Errorf("%s because %q; clients %+v, errors %v", cell.Verdict, cell.Reason, cell.Clients, cell.Errors)
	}
	if text := strings.Join(cell.Warnings, "; "); !strings.Contains(text, "the server refused the room r") || !strings.Contains(text, "$.ok of the answer is false, not true") {
		t.Errorf("warnings %q", cell.Warnings)
	}
}
