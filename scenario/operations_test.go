package scenario

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/result"
)

// A fakeEvent is an event of a client at a server with events of its own.
type fakeEvent struct {
	from      *fakeConn
	namespace string
	args      []json.RawMessage
}

// text is an argument, or a member of the first one, which is an object.
func (e *fakeEvent) text(key string) (text string) {
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(e.args[0], &fields)
	_ = json.Unmarshal(fields[key], &text)
	return text
}

// deliver sends an event to the clients of a namespace for which to is true, through the server's
// mangle.
func (e *fakeEvent) deliver(namespace, event string, data any, to func(c *fakeConn) bool) {
	s := e.from.s
	b, err := json.Marshal([]any{event, data})
	if err != nil {
		panic(err)
	}
	text := append(headOf("2", namespace), b...)
	n := s.casts
	s.casts++
	in := func(c *fakeConn) bool { return slices.Contains(c.spaces(), namespace) && to(c) }
	if s.recovery != nil {
		s.recovery.miss(s, text, in)
	}
	for _, c := range s.conns {
		if !in(c) {
			continue
		}
		out := []fakePacket{{text: text}}
		if c.kept != nil {
			out[0] = c.kept.keep(text)
		}
		if s.mangle != nil {
			out = s.mangle(n, c, text)
		}
		for _, p := range out {
			c.deliver(p)
		}
	}
}

// offer makes the fake a server with events of its own. Calls are acknowledged.
func (s *fakeServer) offer(t *testing.T, events map[string]func(e *fakeEvent)) {
	s.send = func(c *fakeConn, packet []byte) (bool, error) {
		var p socketio.Packet
		if err := p.Parse(append([]byte(nil), packet...)); err != nil {
			t.Errorf("a bad packet %q: %v", packet, err)
			return true, nil
		}
		name, args, err := socketio.SplitEvent(p.Data)
		if err != nil || events[string(name)] == nil {
			t.Errorf("the event %q: %v", packet, err)
			return true, nil
		}
		e := &fakeEvent{from: c, namespace: string(p.Namespace)}
		for len(args) > 0 {
			var arg []byte
			arg, args = socketio.NextArg(args)
			e.args = append(e.args, arg)
		}
		s.mu.Lock()
		events[string(name)](e)
		s.mu.Unlock()
		if p.HasID {
			c.deliver(fakePacket{text: append(strconv.AppendUint(headOf("3", e.namespace), p.ID, 10), "[]"...)})
		}
		return true, nil
	}
}

// playWith is play for a scenario beside data files.
func playWith(t *testing.T, s *fakeServer, text string, files map[string]string) (cell *result.Cell) {
	t.Helper()
	f := withData(t, onAnyMachine(text), files)
	ownClock(t, func(t *testing.T) {
		run, err := Run(t.Context(), f, Options{dial: s.dial, sleep: time.Sleep})
		if err != nil {
			t.Fatal(err)
		}
		dropMachineWarnings(run)
		cell = &run.Cells[0]
	})
	if l := cell.Ledger; l.Expected != l.Received+l.Late+l.Lost+l.Undecided {
		t.Errorf("the ledger does not add up: %+v", l)
	}
	return cell
}

func anybody(*fakeConn) bool { return true }

// chatEvents are the events of a chat.
func chatEvents() map[string]func(e *fakeEvent) {
	inRoom := func(room string) func(*fakeConn) bool { return func(c *fakeConn) bool { return c.rooms[room] } }
	return map[string]func(e *fakeEvent){
		"room:join": func(e *fakeEvent) { e.from.rooms[e.text("room")] = true },
		"chat:say": func(e *fakeEvent) {
			e.deliver("/", "chat:said", map[string]any{"by": "x", "text": "» " + e.text("text")}, inRoom(e.text("room")))
			e.deliver("/", "notice", e.text("text"), anybody) // as a push message may look
		},
		"chat:typing": func(e *fakeEvent) { e.deliver("/", "chat:typing", e.text("room"), inRoom(e.text("room"))) },
		"reply": func(e *fakeEvent) {
			room := inRoom(e.text("room"))
			e.deliver("/", "replied", e.text("text"), func(c *fakeConn) bool { return c != e.from && room(c) })
		},
		"shout": func(e *fakeEvent) { e.deliver("/", "shouted", e.args[0], anybody) },
		"post": func(e *fakeEvent) { // the server changes the text, and passes the id on
			e.deliver("/", "posted", map[string]string{"clientId": e.text("clientId"), "html": strings.ToUpper(e.text("text"))}, func(c *fakeConn) bool { return c != e.from })
		},
		"ping": func(e *fakeEvent) { e.deliver("/", "pong", e.args, func(c *fakeConn) bool { return c == e.from }) },
	}
}

const chatContract = `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
contract:
  join: {emit: [room:join, {room: "${room}"}], ack: true}
  operations:
    say: {emit: [chat:say, {room: "${room}", text: "${payload}"}], to: room, deliver: chat:said, ack: true}
    typing: {emit: [chat:typing, {room: "${room}"}], to: none, deliver: chat:typing}
    reply: {emit: [reply, {room: "${room}", text: "re: ${payload}"}], to: {room: true, others: true}, deliver: replied}
    shout: {emit: [shout, "${payload}"], to: all, deliver: shouted}
    post: {emit: [post, {clientId: "${stamp}", text: "${payload}"}], to: others, deliver: posted, correlate: "$[0].clientId"}
    ping: {emit: [ping, {n: "${seq}"}, "${payload}"], to: self, deliver: pong}
phases:
  - {name: ramp, for: 400ms, clients: 0%..100%, load: 0%, record: false}
  - {name: hold, for: 1s}
`

// Each operation of a contract is due, delivered and counted by its audience; declared events
// without a stamp are counted by name.
func TestOperations(t *testing.T) {
	t.Parallel()
	s := &fakeServer{}
	s.offer(t, chatEvents())
	cell := play(t, s, chatContract+`
groups:
  people:
    count: 12
    connect: {rate: 10k/s}
    rooms: {of: 3}
    send:
      - {op: say, rate: 4/s, size: 80B, ack: 1s}
      - {op: reply, rate: 4/s}
      - {op: shout, rate: 4/s, per: client}
      - {op: post, rate: 4/s, size: 1B, per: client}
      - {op: ping, rate: 4/s, size: 32B}
      - {op: typing, rate: 4/s}
  guests: {count: 6, connect: {rate: 10k/s}, rooms: {of: 3}}
  neighbours: {count: 6, connect: {rate: 10k/s}, rooms: {of: 3, prefix: n}}
slo:
  - loss(delivery{op=say}) == 0
  - max(ack{op=say}) < 1s
  - max(delivery{op=post}) < 1s
`)
	got := map[string]result.Ledger{}
	for _, r := range cell.Evidence.Ledger {
		l, op := r.Ledger, cell.Evidence.Streams[r.Stream].Op
		if r.Class >= 0 {
			l.Sent = 0
		}
		sum := got[op]
		sum.Add(l)
		got[op] = sum
	}
	// The rooms have four people and two guests; the neighbours have rooms of their own.
	for op, n := range map[string]int64{"say": 6, "reply": 5, "shout": 24, "post": 23, "ping": 1} {
		if want := (result.Ledger{Sent: 48, Expected: 48 * n, Received: 48 * n}); got[op] != want {
			t.Errorf("%s: ledger %+v, want %+v", op, got[op], want)
		}
	}
	if l, there := got["typing"]; there {
		t.Errorf("typing: %+v, want nothing", l)
	}
	if want := map[string]int64{"chat:typing": 48 * 6}; !maps.Equal(cell.Unstamped, want) || len(cell.Notes) != 1 || !strings.Contains(cell.Notes[0], "288 `chat:typing` events") {
		t.Errorf("without a stamp came %v, want %v; notes %q", cell.Unstamped, want, cell.Notes)
	}
	if cell.Verdict != result.Pass || len(cell.Errors) != 0 || len(cell.Warnings) != 0 {
		t.Errorf("%s %s, errors %v, warnings %q", cell.Verdict, cell.Reason, cell.Errors, cell.Warnings)
	}
}

// The contract's flags stand behind the data of room and all, whatever the data is, and behind
// nothing else.
func TestFlagsBehindData(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ send, want string }{
		{"op: all, expect: all", ""},
		{"op: all, expect: others", ",true"},
		{"op: room, expect: others, volatile: true", ",true,true"},
		{"op: room, expect: all, volatile: true", ",false,true"},
		{"op: room, expect: none, volatile: true", ",false,true"},
		{"op: all, expect: others, volatile: true, data: {a: 1}", ",true,true"},
		{"op: all, expect: all, volatile: true, binary: true", ",false,true"},
		{"op: emit, event: typing, volatile: true, data: {a: 1}", ""},
		{"op: echo, volatile: true", ""},
	} {
		tr := newIdleTrial(t, `
version: 1
name: flags
target: {url: "http://127.0.0.1:1"}
groups:
  people: {count: 1, rooms: {of: 1, join: 1}, send: [{`+c.send+`, rate: 1/s}]}
phases: [{name: hold, for: 10s}]
`)
		a, s := newActor(tr, tr.groups[0], 0, 0), tr.streams[0]
		packet := string(s.build(a, &plan.Op{Due: 1}, 0, 0, 0))
		if end := packet[strings.LastIndexByte(packet, '}')+1:]; end != c.want+"]" {
			t.Errorf("%s: %s behind the data of %s, want %s]", c.send, end, packet, c.want)
		}
	}
}
