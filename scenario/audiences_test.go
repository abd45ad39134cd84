package scenario

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/result"
)

// messenger offers what a messenger does: messages to all devices of a user, to one socket, to
// colleagues, and announcements of administrators. It counts, by event, the deliveries that
// are due.
type messenger struct {
	fakeServer
	asked, owed map[string]int64 // by event: messages, and deliveries that are due

	// faulty says that of every ten messages one is lost, one doubled, one sent to a stranger and
	// one sent in another namespace, each for one client.
	faulty        bool
	lost, doubled map[string]int64 // by event
	misdirected   int64
}

// send delivers an event to the clients of a namespace for which to is true.
func (m *messenger) send(e *fakeEvent, namespace, event string, data any, to func(*fakeConn) bool) {
	var members, strangers []*fakeConn
	for _, c := range m.conns {
		switch {
		case !slices.Contains(c.spaces(), namespace):
		case to(c):
			members = append(members, c)
		default:
			strangers = append(strangers, c)
		}
	}
	m.asked[event]++
	m.owed[event] += int64(len(members))
	if m.faulty && len(members) > 0 {
		victim := members[int(m.asked[event])%len(members)]
		switch m.asked[event] % 10 {
		case 3:
			members = slices.DeleteFunc(members, func(c *fakeConn) bool { return c == victim })
			m.lost[event]++
		case 5:
			members = append(members, victim)
			m.doubled[event]++
		case 7:
			if len(strangers) > 0 {
				members = append(members, strangers[0])
				m.misdirected++
			}
		case 9:
			for _, c := range m.conns {
				if slices.Contains(c.spaces(), "/admin") {
					e.deliver("/admin", event, data, func(o *fakeConn) bool { return o == c })
					m.misdirected++
				}
			}
		}
	}
	if !m.faulty {
		e.deliver(namespace, event, data, to)
		return
	}
	for _, c := range members {
		e.deliver(namespace, event, data, func(o *fakeConn) bool { return o == c })
	}
}

func newMessenger(t *testing.T) *messenger {
	m := &messenger{asked: map[string]int64{}, owed: map[string]int64{}, lost: map[string]int64{}, doubled: map[string]int64{}}
	send := m.send
	m.offer(t, map[string]func(e *fakeEvent){
		"room:join": func(e *fakeEvent) { e.from.rooms[e.text("room")] = true },
		"pm": func(e *fakeEvent) {
			to := e.text("to")
			if e.text("name") != "name of "+to {
				t.Errorf("the name %q to %q", e.text("name"), to)
			}
			send(e, "/chat", "pm", map[string]string{"text": e.text("text"), "from": e.from.user()}, func(c *fakeConn) bool { return c.user() == to })
		},
		"copied": func(e *fakeEvent) {
			to := e.text("to")
			send(e, "/chat", "copied", e.text("text"), func(c *fakeConn) bool {
				return c.user() == to || c.user() == e.from.user() && c != e.from
			})
		},
		"sync": func(e *fakeEvent) {
			send(e, "/chat", "synced", e.args, func(c *fakeConn) bool { return c.user() == e.from.user() && c != e.from })
		},
		"direct": func(e *fakeEvent) {
			sid := e.text("sid")
			send(e, "/chat", "direct", e.text("text"), func(c *fakeConn) bool { return slices.Contains(c.sids(), sid) })
		},
		"page": func(e *fakeEvent) {
			send(e, "/chat", "paged", e.args, func(c *fakeConn) bool { return c.user() == "agent" })
		},
		"announce": func(e *fakeEvent) {
			if e.namespace != "/admin" {
				t.Errorf("an announcement in %q", e.namespace)
			}
			send(e, "/chat", "announcement", e.args, anybody)
		},
		"hail": func(e *fakeEvent) {
			send(e, "/chat", "hailed", e.text("text"), func(c *fakeConn) bool { return c.rooms[e.text("room")] && c != e.from })
		},
	})
	return m
}

// Twelve people with two or three devices each, four agents, and an administrator who is in /chat
// too.
const messaging = `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
data: {users: {csv: users.csv}}
audiences: {user: "${users.id}"}
contract:
  join: {emit: [room:join, {room: "${room}"}], ack: true}
  operations:
    pm: {emit: [pm, {to: "${peer.user}", name: "name of ${peer.users.id}", text: "${payload}"}], to: user, deliver: pm}
    copied: {emit: [copied, {to: "${peer.user}", text: "${payload}"}], to: {audience: user, also_own: true, others: true}, deliver: copied}
    sync: {emit: [sync, "${payload}"], to: {audience: user, own: true, others: true}, deliver: synced}
    direct: {emit: [direct, {sid: "${peer.sid}", text: "${payload}"}], to: peer, deliver: direct}
    page: {emit: [page, "${payload}"], to: {group: agents}, deliver: paged}
    announce: {emit: [announce, "${payload}"], namespace: /admin, to: {all: true, namespace: /chat}, deliver: announcement}
    hail: {emit: [hail, {room: "${room}", text: "@${peer.users.id} ${payload}"}], to: {room: true, others: true}, deliver: hailed}
groups:
  people:
    count: 30
    namespace: /chat
    auth: {user: "${users.id}"}
    connect: {rate: 10k/s}
    rooms: {of: 5}
    send:
      - {op: pm, rate: 2/s}
      - {op: copied, rate: 2/s}
      - {op: sync, rate: 2/s}
      - {op: direct, rate: 2/s, peer: fixed}
      - {op: page, rate: 2/s, per: client}
      - {op: hail, rate: 2/s, peer: {group: people}}
  agents: {count: 4, namespace: /chat, auth: {user: agent}, connect: {rate: 10k/s}}
  admin: {count: 1, namespace: [/admin, /chat], send: [{op: announce, rate: 40/s}]}
phases:
  - {name: ramp, for: 400ms, clients: 0%..100%, load: 0%, record: false}
  - {name: hold, for: 1s}
slo: [loss(delivery) == 0]
`

var userRows = map[string]string{"users.csv": "id\n" + strings.Join([]string{"u0", "u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8", "u9", "u10", "u11"}, "\n") + "\n"}

// each is how many deliveries a message has, by the event that brings it; 0: one to five.
var each = map[string]int64{"pm": 0, "copied": 0, "synced": 0, "direct": 1, "paged": 4, "announcement": 35, "hailed": 5}

// ledgers are the accounts of the whole trial by delivered event; only the replayed part when only
// is set.
func ledgers(c *result.Cell, only bool) map[string]result.Ledger {
	delivered := map[string]string{"sync": "synced", "page": "paged", "announce": "announcement", "hail": "hailed"}
	out := map[string]result.Ledger{}
	for _, r := range c.Evidence.Ledger {
		l, op := r.Ledger, c.Evidence.Streams[r.Stream].Op
		if (r.Class < 0) != (l.Expected == 0) || only && !r.Replayed {
			continue // messages have rows of their own
		}
		if r.Class >= 0 {
			l.Sent = 0
		}
		sum := out[cmp.Or(delivered[op], op)]
		sum.Add(l)
		out[cmp.Or(delivered[op], op)] = sum
	}
	return out
}

// Messages to an audience are owed to exactly its clients, and every mistake that the server makes
// with them is counted.
func TestAudiences(t *testing.T) {
	t.Parallel()
	for _, faulty := range []bool{false, true} {
		m := newMessenger(t)
		m.faulty = faulty
		cell := playWith(t, &m.fakeServer, messaging, userRows)
		got := ledgers(cell, false)
		for event, n := range each {
			sent, owed := m.asked[event], m.owed[event]
			if sent < 40 || n > 0 && owed != n*sent || n == 0 && (owed < sent || owed > 5*sent) {
				t.Errorf("%d messages %s to %d clients", sent, event, owed)
			}
			want := result.Ledger{Sent: sent, Expected: owed, Received: owed - m.lost[event], Lost: m.lost[event], Duplicate: m.doubled[event]}
			if got[event] != want || faulty && m.lost[event]*m.doubled[event] == 0 {
				t.Errorf("%s: ledger %+v, want %+v", event, got[event], want)
			}
		}
		strange, byOperation := cell.Errors["delivery.unexpected"], int64(0)
		for _, o := range cell.ByOperation {
			byOperation += o.Unexpected
		}
		if strange != m.misdirected || byOperation != strange || faulty && strange < 40 || len(cell.Unstamped) != 0 {
			t.Errorf("%d unexpected, want %d; errors %v, without a stamp %v", strange, m.misdirected, cell.Errors, cell.Unstamped)
		}
		if pass := cell.Verdict == result.Pass; pass == faulty || !faulty && len(cell.Errors)+len(cell.Warnings) != 0 {
			t.Errorf("%s %s, errors %v, warnings %q", cell.Verdict, cell.Reason, cell.Errors, cell.Warnings)
		}
	}
}

// While clients come and go and lose their connections, nothing is lost and few deliveries are
// undecided: the ledger knows which clients were there.
func TestAudiencesUnderChurn(t *testing.T) {
	t.Parallel()
	m := newMessenger(t)
	m.mangle = func(n int, to *fakeConn, p []byte) []fakePacket {
		if to.user() != "" && n%100 == 50 {
			to.end(client.TransportClose) // the message is lost with the connection
			return nil
		}
		return []fakePacket{{text: p, after: time.Duration(n%5) * time.Millisecond}}
	}
	cell := playWith(t, &m.fakeServer, replaceAll(messaging,
		"count: 30", "count: 30\n    life: exp(300ms)\n    reconnect: {min: 20ms, max: 40ms}",
		"count: 4,", "count: 4, life: exp(300ms), reconnect: {min: 20ms, max: 40ms},",
		"slo: [loss(delivery) == 0]", "slo: [loss(delivery) == 0, errors(drop) < 1000, errors(send) < 1000]"), userRows)
	got := ledgers(cell, false)
	for event := range each {
		l := got[event]
		if l.Lost != 0 || l.Late != 0 || l.Duplicate != 0 || l.Received < 30 || l.Undecided > l.Expected/4 {
			t.Errorf("%s: ledger %+v", event, l)
		}
	}
	if l := cell.Ledger; l.Undecided == 0 {
		t.Errorf("ledger %+v: those that left were owed something", l)
	}
	if n := cell.Errors["delivery.unexpected"] + cell.Errors["delivery.unknown"] + cell.Errors["delivery.stale"]; n != 0 {
		t.Errorf("errors %v", cell.Errors)
	}
	if r := cell.Reconnects; r == nil || r.Back == 0 {
		t.Errorf("reconnections %+v", r)
	}
}

// A client that the server recovers is owed the messages that its audiences got meanwhile.
func TestAudiencesAreRecovered(t *testing.T) {
	t.Parallel()
	m := newMessenger(t)
	m.recovery = &fakeRecovery{}
	cell := playWith(t, &m.fakeServer, replaceAll(messaging,
		"count: 30", "count: 30\n    reconnect: {min: 50ms, max: 100ms, recover: true}",
		"count: 4,", "count: 4, reconnect: {min: 50ms, max: 100ms, recover: true},",
		"{name: hold, for: 1s}", "{name: hold, for: 1s, fault: {drop: 100%, within: 500ms}}",
		"slo: [loss(delivery) == 0]", "slo: [loss(delivery) == 0, dup(delivery) == 0, errors(send) < 10]"), userRows)
	got, replayed := ledgers(cell, false), ledgers(cell, true)
	for event := range each {
		l, again := got[event], replayed[event]
		// Peers are clients that are connected: they miss nothing.
		if l.Lost+l.Late+l.Duplicate+l.Disorder != 0 || l.Received < 40 || l.Undecided > l.Expected/10 || (again.Received == 0) != (event == "direct") || again.Received != again.Expected {
			t.Errorf("%s: ledger %+v, of recovered clients %+v", event, l, again)
		}
	}
	if cell.Reconnects == nil || cell.Reconnects.Recovered != 34 || cell.Errors["delivery.unexpected"] != 0 {
		t.Errorf("reconnections %+v, errors %v", cell.Reconnects, cell.Errors)
	}
}
