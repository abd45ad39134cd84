package scenario

import (
	"strings"
	"testing"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/stamp"
	"github.com/throng-io/throng/scenario/result"
)

const talkers = `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups:
  people:
    count: 10
    connect: {rate: 100/s}
    send: [{op: all, rate: 5/s, per: client, expect: others, late: 1s}]
phases: [{name: ramp, for: 1s, load: 0%, record: false}, {name: hold, for: 2s}]
`

var (
	onlyOne  = []string{"  people:", "  caller: {count: 1, send: [{op: all, rate: 50/s, per: client, expect: others, late: 1s}]}\n  people:", "    send: [{op: all, rate: 5/s, per: client, expect: others, late: 1s}]\n", ""}
	hasFault = []string{"{name: hold, for: 2s}", "{name: hold, for: 2s}, {name: bad, for: 1s, fault: {stall: 10%}}, {name: after, for: 1s}"}
)

// A run that lost deliveries says whom the losses hit, where they hit some alone.
func TestWhomLossesHit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change []string // of the scenario
		lost   func(n, from, to int) bool
		want   string // "": nothing is said
	}{
		{"nodes that share nothing", nil, func(_, from, to int) bool { return from%2 != to%2 }, "fall into 2 groups (of 5 and 5, for example) that got nothing of each other"},
		{"one client", nil, func(_, _, to int) bool { return to == 3 }, "all 90 lost deliveries were owed to 1 of 10 clients (people/"},
		{"one sender", nil, func(_, from, _ int) bool { return from == 3 }, "all 90 lost deliveries are of messages of 1 of 10 clients (people/"},
		{"whole messages", nil, func(n, _, _ int) bool { return n%10 == 0 }, "lost deliveries are of messages that came to nobody: 10 messages"},
		{"all messages", nil, func(int, int, int) bool { return true }, ""},
		{"anybody", nil, func(n, _, to int) bool { return (n+to)%7 == 0 }, ""},
		{"few deliveries", nil, func(n, _, to int) bool { return n < 12 && to == 3 }, ""},
		{"anybody, of the only one that sends", onlyOne, func(n, _, to int) bool { return (n+to)%3 == 0 }, ""},
		{"before the recorded phase", []string{"load: 0%, ", ""}, func(n, _, to int) bool { return n < 40 && to == 3 || n == 90 && to == 5 }, ""},
		{"under a fault besides", hasFault, func(n, _, to int) bool { return n < 100 && to == 3 || n > 110 && n < 120 }, "lost deliveries, all that were looked at, were owed to 1 of 10 clients (people/"},
	} {
		from := 0
		s := &fakeServer{send: func(c *fakeConn, _ []byte) (bool, error) { from = c.i; return false, nil }}
		s.mangle = func(n int, to *fakeConn, p []byte) []fakePacket {
			if c.lost(n, from, to.i) {
				return nil
			}
			return []fakePacket{{text: p}}
		}
		cell := play(t, s, replaceAll(talkers, c.change...))
		said := strings.Join(cell.Warnings, "; ")
		if cell.Verdict != result.Fail || cell.Ledger.Lost == 0 {
			t.Errorf("%s: %s, %+v", c.name, cell.Verdict, cell.Ledger)
		}
		if c.want == "" && strings.Contains(said, "lost deliveries") || !strings.Contains(said, c.want) {
			t.Errorf("%s: warnings %q, want %q", c.name, said, c.want)
		}
	}
}

// Rooms into which nobody was put are told from messages that were lost.
func TestRoomsThatStayEmpty(t *testing.T) {
	t.Parallel()
	s := &fakeServer{mangle: func(int, *fakeConn, []byte) []fakePacket { return nil }}
	cell := play(t, s, replaceAll(talkers, "send: [", "rooms: {of: 1, join: 1}\n    send: [{op: echo, rate: 1/s, ack: 1s}, ", "op: all", "op: room"))
	const want = "although the server acknowledged the joins: check that its handler of `join` puts the client into the room, and that `room` sends"
	if said := strings.Join(cell.Warnings, "; "); cell.Verdict != result.Fail || !strings.Contains(said, want) || strings.Contains(said, "lost deliveries") {
		t.Errorf("%s because %q; warnings %q", cell.Verdict, cell.Reason, said)
	}
}

// Rooms are not empty where messages to one came, whatever became of those of another stream.
func TestRoomsOfOneStreamThatGetsNothing(t *testing.T) {
	f, err := file.Parse("t.yaml", []byte(replaceAll(talkers, "send: [{op: all,", "rooms: {of: 1, join: 1}\n    send: [{op: room, event: typing, rate: 1/s}, {op: room,")), nil)
	if err != nil {
		t.Fatal(err)
	}
	lost, came := []ledger.Row{{Ledger: result.Ledger{Expected: 9, Lost: 9}}}, []ledger.Row{{Ledger: result.Ledger{Expected: 9, Received: 9}}}
	tr := trialOf(t, f)
	if said := tr.emptyRooms([][]ledger.Row{lost, lost}, true, false); said == "" {
		t.Error("nothing is said of rooms that got nothing")
	}
	if said := tr.emptyRooms([][]ledger.Row{lost, came}, true, false); said != "" {
		t.Errorf("rooms that got the messages of another stream: %q", said)
	}
}

// While a trial runs the joins of a contract that acknowledges none are named first, as in the
// report.
func TestDoubtOfRooms(t *testing.T) {
	t.Parallel()
	f, err := file.Parse("t.yaml", []byte(replaceAll(talkers, "send: [{op: all,", "rooms: {of: 1, join: 1}\n    send: [{op: room,", "expect: others, ", "")+`
contract:
  join: {emit: [enter, "${room}"]}
  operations:
    room: {emit: [say, "${room}", "${payload}"], to: room}
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	c := newCollector(trialOf(t, f))
	c.show.Missing = 9
	e := c.evidence([][]ledger.Row{{{Ledger: result.Ledger{Expected: 9, Lost: 9}}}})
	if got := c.doubt(e); !strings.Contains(got, "if the server has no event `enter`, its rooms are empty") {
		t.Errorf("%q", got)
	}
}

// What was on its way when a run ended says nothing of rooms, of the contract, or of the target.
func TestRoomsOfAShortRun(t *testing.T) {
	f, err := file.Parse("t.yaml", []byte(replaceAll(talkers, "send: [{op: all,", "rooms: {of: 1, join: 1}\n    send: [{op: room,")), nil)
	if err != nil {
		t.Fatal(err)
	}
	for lost, want := range map[int64]bool{0: false, 2: true} {
		owed := result.Ledger{Expected: 9, Undecided: 9 - lost, Lost: lost}
		tr, rows := trialOf(t, f), [][]ledger.Row{{{Ledger: owed}}}
		if said := tr.emptyRooms(rows, true, false); (said != "") != want {
			t.Errorf("%d lost: %q", lost, said)
		}
		for range 9 {
			tr.unstamped.note([]byte("news"))
		}
		if said := tr.mismatch(rows); (said != "") != want {
			t.Errorf("%d lost, and the server has news: %q", lost, said)
		}
		found := &findings{t: tr, cell: &result.Cell{Ledger: owed}}
		if found.unanswered() != want {
			t.Errorf("%d lost: unanswered %v", lost, !want)
		}
	}
}

// A message that was for others and comes to its own sender, too, is told from other strays.
func TestMessagesToTheirSenders(t *testing.T) {
	t.Parallel()
	for _, others := range []string{"", ", true"} {
		text := talkers + "contract: {operations: {all: {emit: [all, msg, \"${payload}\"" + others + "], to: others, deliver: msg}}}\n"
		cell := play(t, &fakeServer{}, replaceAll(text, ", expect: others", ""))
		said := strings.Join(cell.Warnings, "; ")
		if wrong := others == ""; (cell.Verdict == result.Fail) != wrong || strings.Contains(said, "100 messages that were for others came to their own senders") != wrong || strings.Contains(said, "to: all or to: room in the contract is for the former") != wrong {
			t.Errorf("others %q: %s because %q; warnings %q", others, cell.Verdict, cell.Reason, said)
		}
	}
}

// A stray message at its own sender is told from other strays only where it was for others alone.
func TestStrayMessagesAtTheirSenders(t *testing.T) {
	for expect, want := range map[string]int64{"others": 1, "all": 0} {
		f, err := file.Parse("t.yaml", []byte(replaceAll(talkers, "others", expect)), nil)
		if err != nil {
			t.Fatal(err)
		}
		tr := trialOf(t, f)
		a := newActorAt(tr, tr.groups[0], 0, 0, 0)
		a.countWrongDelivery(&stamp.Stamp{Sender: a.id}, ledger.Unexpected)
		a.countWrongDelivery(&stamp.Stamp{Sender: a.id + 1}, ledger.Unexpected)
		if got := tr.count.toSender.Load(); got != want {
			t.Errorf("expect: %s: %d came to their senders, want %d", expect, got, want)
		}
	}
}
