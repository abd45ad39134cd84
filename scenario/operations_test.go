package scenario

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/throng-io/throng/protocol/socketio"
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
	for _, c := range s.conns {
		if !slices.Contains(c.spaces(), namespace) || !to(c) {
			continue
		}
		out := []fakePacket{{text: text}}
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

// Each operation of a contract is due, delivered and counted by its audience.
func TestOperations(t *testing.T) {
	t.Parallel()
	s := &fakeServer{}
	s.offer(t, chatEvents())
	for _, c := range []struct {
		op, send  string
		deliverys int64 // of each message
	}{
		{"say", "size: 80B, ack: 1s", 4},
		{"reply", "", 3},
		{"shout", "per: client", 12},
		{"post", "size: 1B, per: client", 11},
		{"ping", "size: 32B", 1},
		{"typing", "", 0},
	} {
		t.Run(c.op, func(t *testing.T) {
			cell := play(t, s, chatContract+fmt.Sprintf(`
groups:
  people: {count: 12, connect: {rate: 10k/s}, rooms: {of: 3}, send: [{op: %s, rate: 10/s, %s}]}
slo: [achieved(rate) > 99%%]
`, c.op, c.send))
			want := result.Ledger{Due: 120, Sent: 120, Expected: 120 * c.deliverys, Received: 120 * c.deliverys}
			if c.deliverys == 0 {
				want = result.Ledger{}
			}
			if cell.Ledger != want {
				t.Errorf("ledger %+v, want %+v", cell.Ledger, want)
			}
			heard := map[string]int64(nil)
			if c.op == "typing" {
				heard = map[string]int64{"chat:typing": 120 * 4}
			}
			if !maps.Equal(cell.Unstamped, heard) || (len(cell.Notes) == 0) != (heard == nil) {
				t.Errorf("without a stamp came %v, want %v; notes %q", cell.Unstamped, heard, cell.Notes)
			}
			if cell.Verdict != result.Pass || len(cell.Errors) != 0 || len(cell.Warnings) != 0 {
				t.Errorf("%s %s, errors %v, warnings %q", cell.Verdict, cell.Reason, cell.Errors, cell.Warnings)
			}
		})
	}
}
