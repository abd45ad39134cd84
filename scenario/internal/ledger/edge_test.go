package ledger

import (
	"runtime"
	"testing"
	"time"
	"weak"

	"pgregory.net/rapid"

	"github.com/throng-io/throng/scenario/internal/stamp"
	"github.com/throng-io/throng/scenario/result"
)

const ms = int64(time.Millisecond)

// newEdge is a room in which messages take five milliseconds and may take five seconds.
func newEdge(receivers int) *model {
	m := newModel(receivers, ExpectOthers)
	m.l.books[0].Late = 5000 * ms
	m.joinAll()
	return m
}

// A receiver has lost a message when it got one that was sent after all others had that; and when
// it got nothing for a second, and left long after all others had the message. Otherwise what it
// missed is undecided.
func TestLeaversAreOwedWhatOthersHave(t *testing.T) {
	for _, c := range []struct {
		name  string
		left  int64 // after the message was due
		took  int64 // to the others; 0: no receiver gets it
		next  int64 // so long after it one is due that all get in a millisecond; 0: none
		other int64 // in another second one took so long; 0: none
		want  result.Ledger
	}{
		{"it left at once", 1 * ms, 5 * ms, 0, 0, result.Ledger{Undecided: 1}},
		{"the others had it long before", 1000 * ms, 5 * ms, 0, 0, result.Ledger{Undecided: 1}},
		{"and it got nothing for a second", 1001 * ms, 5 * ms, 0, 0, result.Ledger{Lost: 1}},
		{"it got what was sent at about the same time", 1000 * ms, 5 * ms, 20 * ms, 0, result.Ledger{Undecided: 1}},
		{"likewise, and then nothing for a second", 1001 * ms, 5 * ms, 20 * ms, 0, result.Ledger{Lost: 1}},
		{"it got what was sent when the others had it", 22 * ms, 5 * ms, 21 * ms, 0, result.Ledger{Lost: 1}},
		{"what was sent later does not say that of what came late", 1490 * ms, 1500 * ms, 1400 * ms, 0, result.Ledger{Undecided: 1}},
		{"the others had it much later", 1100 * ms, 1500 * ms, 0, 0, result.Ledger{Undecided: 1}},
		{"the others had it at last", 3500 * ms, 1500 * ms, 0, 0, result.Ledger{Lost: 1}},
		{"nobody ever gets anything", 2000 * ms, 0, 0, 0, result.Ledger{Undecided: 1, Lost: 2}},
		{"nobody gets it, and others of its time came", 2000 * ms, 0, 13 * ms, 0, result.Ledger{Lost: 3}},
		{"nobody gets it, and others came in other seconds", 2000 * ms, 0, 0, 100 * ms, result.Ledger{Lost: 3}},
		{"likewise, and those took long", 2000 * ms, 0, 0, 1200 * ms, result.Ledger{Undecided: 1, Lost: 2}},
		{"the late limit had passed when it left", 5001 * ms, 0, 0, 0, result.Ledger{Lost: 3}},
	} {
		m := newEdge(4)
		due := 20_000 * ms
		all := func(due, took int64) (received int64) {
			st := m.send(0, 0, due)
			if took == 0 {
				return 0
			}
			for _, r := range []int{1, 2} {
				m.get(r, st, due+took)
			}
			m.get(3, st, due+1)
			return 3
		}
		c.want.Sent, c.want.Expected = 1, 3
		if c.other > 0 {
			m.now.Store(10_000 * ms)
			c.want.Received += all(10_000*ms, c.other)
			c.want.Sent, c.want.Expected = c.want.Sent+1, c.want.Expected+3
		}
		st := m.send(0, 0, due)
		if c.took > 0 {
			m.get(1, st, due+c.took)
			m.get(2, st, due+c.took)
			c.want.Received += 2
		}
		if c.next > 0 {
			m.now.Store(due + c.next)
			c.want.Received += all(due+c.next, ms)
			c.want.Sent, c.want.Expected = c.want.Sent+1, c.want.Expected+3
		}
		m.now.Store(due + c.left)
		m.l.Leave(m.r[3])
		if got := m.close(due + 10_000*ms); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// A receiver that got nothing for a second has lost what was sent in that second, too, but for what
// may have been on its way.
func TestLeaversThatGetNothing(t *testing.T) {
	for left, want := range map[int64]int64{1000: 0, 1100: 2, 1111: 3} {
		m := newEdge(3)
		for _, due := range []int64{20_000, 20_900, 21_090} {
			if due < 20_000+left {
				m.get(1, m.send(0, 0, due*ms), (due+5)*ms)
			}
		}
		m.now.Store((20_000 + left) * ms)
		m.l.Leave(m.r[2])
		if got := m.close(40_000 * ms); got.Lost != want || got.Lost+got.Undecided != got.Received {
			t.Errorf("it left after %d ms: %+v, want %d lost", left, got, want)
		}
	}
}

// A message that was never written, that goes from client to client, or that a server may leave out
// says nothing of what a connection brings: what is sent long after it may be on its way.
func TestLeaversAreNotOwedWhatNeedNotCome(t *testing.T) {
	for name, c := range map[string]struct {
		void, direct, volatile bool
		lost                   int64 // of what is sent two seconds later, when the receiver leaves in 30 ms
	}{
		"it was to come":     {lost: 1},
		"it was not written": {void: true},
		"it is direct":       {direct: true},
		"it may be left out": {volatile: true},
	} {
		m := newModel(3, ExpectOthers, ExpectOthers)
		m.joinAll()
		for _, b := range m.l.books {
			b.Late = 5000 * ms
		}
		m.l.books[0].Direct, m.l.books[0].Volatile = c.direct, c.volatile
		m.now.Store(20_000 * ms)
		st := m.send(0, 0, 20_000*ms)
		if s, _ := m.l.books[0].find(0); c.void {
			s.Cancel()
		} else {
			m.get(1, st, 20_005*ms)
		}
		m.now.Store(22_000 * ms)
		m.get(1, m.send(1, 0, 22_000*ms), 22_005*ms)
		m.now.Store(22_030 * ms)
		m.l.Leave(m.r[2])
		var got result.Ledger
		for _, r := range m.l.Close(40_000 * ms)[1] {
			got.Add(r.Deliveries())
		}
		if got.Lost != c.lost || got.Undecided != 1-c.lost {
			t.Errorf("%s: %+v, want %d lost", name, got, c.lost)
		}
	}
}

// What a receiver lacks that leaves with something unread may be in it, but for what had been late
// by then, and for what was sent before something that it has read.
func TestLeaversMayHaveWhatTheyDidNotRead(t *testing.T) {
	undecided, lost := result.Ledger{Sent: 1, Expected: 2, Received: 1, Undecided: 1}, result.Ledger{Sent: 1, Expected: 2, Received: 1, Lost: 1}
	for _, c := range []struct {
		name  string
		left  int64 // after the message was sent
		since int64 // likewise, from when on it may have read nothing; -1: ever
		next  bool  // it got what was sent 50 ms after the message
		want  result.Ledger
	}{
		{"nothing is read", 4000 * ms, -1, false, undecided},
		{"all is read", 4000 * ms, 4000 * ms, false, lost},
		{"all was, when it had been starving", 4000 * ms, 1001 * ms, false, lost},
		{"all was, and no more when it left", 4000 * ms, 1000 * ms, false, undecided},
		{"what came before something that it has read", 100 * ms, -1, true, lost},
		{"the late limit had passed", 5001 * ms, -1, false, lost},
	} {
		m := newEdge(3)
		st := m.send(0, 0, 20_000*ms)
		m.get(1, st, 20_005*ms)
		if c.next {
			next := m.send(0, 0, 20_050*ms)
			m.get(1, next, 20_055*ms)
			m.get(2, next, 20_055*ms)
			c.want.Sent, c.want.Expected, c.want.Received = 2, 4, 3
		}
		m.now.Store(20_000*ms + c.left)
		if c.since >= 0 {
			c.since += 20_000 * ms
		}
		m.r[2].MayBeUnread(c.since)
		m.l.Leave(m.r[2])
		if got := m.close(40_000 * ms); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// What a receiver lacks that its silent server was to send is lost, up to the last: it waited for
// the server for long. What an earlier connection of it went through says nothing.
func TestLeaversOfSilentServers(t *testing.T) {
	for name, c := range map[string]struct {
		until int64 // when a connection timed out; the receiver leaves after a second
		again bool  // it was recovered then
		want  int64
	}{
		"its connection":         {1000 * ms, false, 1},
		"its connection before":  {500 * ms, true, 0},
		"another one's, or none": {0, false, 0},
	} {
		m := newEdge(3)
		if c.until > 0 {
			m.now.Store(c.until)
			m.r[2].Unheard(ms, c.until, true)
		}
		if c.again {
			m.l.Suspend(m.r[2])
			m.l.Resume(m.r[2], nil)
		}
		m.now.Store(900 * ms)
		m.get(1, m.send(0, 0, 900*ms), 905*ms)
		m.now.Store(1000 * ms)
		m.l.Leave(m.r[2])
		if got := m.close(40_000 * ms); got.Lost != c.want || got.Undecided != 1-c.want {
			t.Errorf("%s: %+v, want %d lost", name, got, c.want)
		}
	}
}

// However a server that keeps the order of each connection delays one of them or another, it has
// lost nothing of what it still had to send when a receiver left, in whichever order clients leave.
// What it has skipped is lost at those that stay. At a receiver for which it has skipped something,
// what was still to be sent may count as skipped, too.
func TestNoServerInOrderIsBlamed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(3, 8).Draw(t, "receivers")
		m := newEdge(n)
		queues, gone := make([][]*stamp.Stamp, n), make([]bool, n)
		read := func(to int) {
			m.get(to, queues[to][0], m.now.Load())
			queues[to] = queues[to][1:]
		}
		var skipped, certain, near int64
		lacks := make([]int64, n) // how many messages the server has skipped for each
		now := 1000 * ms
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now += ms * rapid.Int64Range(0, 40).Draw(t, "pass")
			m.now.Store(now)
			who := rapid.IntRange(1, n-1).Draw(t, "who")
			for to := range queues {
				for len(queues[to]) > 0 && now-queues[to][0].Due >= starving {
					m.now.Store(queues[to][0].Due + starving)
					read(to)
					m.now.Store(now)
				}
			}
			switch rapid.SampledFrom([]string{"send", "send", "read", "read", "read", "skip", "leave"}).Draw(t, "what") {
			case "send":
				st := m.send(0, 0, now)
				for to := 1; to < n; to++ {
					if !gone[to] {
						queues[to] = append(queues[to], st)
					}
				}
			case "read":
				for len(queues[who]) > 0 && rapid.Bool().Draw(t, "more") {
					read(who)
				}
			case "skip":
				if len(queues[who]) > 0 {
					skipped++
					lacks[who]++
					queues[who] = queues[who][1:]
				}
			case "leave":
				if lacks[who] > 0 {
					near += int64(len(queues[who]))
				}
				gone[who], queues[who] = true, nil
				m.l.Leave(m.r[who])
			}
		}
		for to := range queues {
			for len(queues[to]) > 0 {
				read(to)
			}
			if !gone[to] {
				certain += lacks[to]
			}
		}
		got := m.close(now + 20_000*ms)
		if got.Lost > skipped+near || got.Lost < certain || got.Expected != got.Received+got.Late+got.Lost+got.Undecided {
			t.Fatalf("%+v: the server has skipped %d, of which %d at receivers that stayed", got, skipped, certain)
		}
	})
}

// A message that reached no receiver is lost, unless its sender left so soon that it may never have
// been written. The server had what it has acknowledged.
func TestMessagesOfLeaversAreLost(t *testing.T) {
	undecided, lost := result.Ledger{Sent: 2, Expected: 6, Received: 3, Undecided: 3}, result.Ledger{Sent: 2, Expected: 6, Received: 3, Lost: 3}
	for _, c := range []struct {
		after int64
		acked bool
		want  result.Ledger
	}{
		{1 * ms, false, undecided},
		{1 * ms, true, lost},
		{20 * ms, false, undecided},
		{21 * ms, false, lost},
		{2000 * ms, false, lost},
	} {
		m := newEdge(4)
		st := m.send(0, 0, 10*ms)
		for r := 1; r < 4; r++ {
			m.get(r, st, 15*ms)
		}
		st = m.send(0, 0, 20*ms)
		if c.acked {
			m.l.Acknowledged(0, st.Seq)
		}
		m.now.Store(20*ms + c.after)
		m.l.Leave(m.r[0])
		if got := m.close(10_000 * ms); got != c.want {
			t.Errorf("its sender left after %v, acknowledged %v: %+v, want %+v", time.Duration(c.after), c.acked, got, c.want)
		}
	}
}

// Rows tell losses that the end of a connection explains from the others: a message that reached
// nobody and whose sender's connection ended before the server was heard again, and what a receiver
// lacked that left. A server that has acknowledged a message was heard.
func TestEndedConnectionsExplainLosses(t *testing.T) {
	for acked, want := range map[bool][2]result.Ledger{
		false: {{Expected: 3, Lost: 3}, {Due: 2, Sent: 2, Expected: 2, Received: 1, Lost: 1}},
		true:  {{Expected: 1, Lost: 1}, {Due: 2, Sent: 2, Expected: 4, Received: 1, Lost: 3}},
	} {
		m := newEdge(4)
		first := m.send(0, 0, 20_000*ms)
		m.get(1, first, 20_005*ms)
		m.now.Store(21_500 * ms)
		m.l.Leave(m.r[3]) // and the second receiver stays, without it
		second := m.send(0, 1, 22_000*ms)
		m.now.Store(22_900 * ms)
		if acked {
			m.l.Acknowledged(0, second.Seq)
		}
		m.r[1].Unheard(21_500*ms, 22_900*ms, false)
		m.l.Leave(m.r[1])
		var explained, other result.Ledger
		for _, r := range m.l.Close(int64(time.Hour))[0] {
			if r.Cut {
				explained.Add(r.Deliveries())
			} else {
				other.Add(r.Deliveries())
			}
		}
		if explained != want[0] || other != want[1] {
			t.Errorf("acknowledged %v: explained %+v, not explained %+v, want %+v", acked, explained, other, want)
		}
	}
}

// An echo that a half-open connection swallowed is lost, also the last one before the client
// noticed the server's silence. One that the system had not taken may never have been written.
func TestEchoesOfSilentServersAreLost(t *testing.T) {
	lost, undecided := result.Ledger{Sent: 1, Expected: 1, Lost: 1}, result.Ledger{Sent: 1, Expected: 1, Undecided: 1}
	for name, test := range map[string]struct {
		timedOut  bool  // the client ended the connection since the server was silent
		heard     int64 // when it was heard last, in milliseconds
		unwritten int64 // since when nothing was taken; 0: all was
		want      result.Ledger
	}{
		"the connection broke":                   {false, 100, 0, undecided},
		"the server was silent":                  {true, 100, 0, lost},
		"it was heard after the echo":            {true, 950, 0, undecided},
		"it was silent, and the echo not taken":  {true, 100, 890, undecided},
		"it was silent, and a later one was not": {true, 100, 901, lost},
	} {
		m := newModel(1, ExpectSelf)
		m.l.books[0].Late = 5000 * ms
		m.joinAll()
		m.send(0, 0, 900*ms)
		m.now.Store(901 * ms)
		if test.unwritten > 0 {
			m.r[0].MayBeUnwritten(test.unwritten*ms, 901*ms)
		}
		m.r[0].Unheard(test.heard*ms, 901*ms, test.timedOut)
		m.l.Leave(m.r[0])
		m.l.books[0].spread, m.l.books[0].upTo = &spreads{bySecond: []int64{2}, most: 2}, 1 // other messages took no time
		if got := m.close(int64(time.Hour)); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}

// The messages of each connection that broke before they were taken are undecided, not of the last
// one alone.
func TestUnwrittenOnSeveralConnections(t *testing.T) {
	m := newEdge(3)
	for i := range int64(2) {
		at := (i + 1) * 1000 * ms
		m.send(0, 0, at)
		m.now.Store(at + 900*ms)
		m.r[0].MayBeUnwritten(at-ms, at+ms)
		m.l.Suspend(m.r[0])
		m.now.Store(at + 910*ms)
		m.l.Resume(m.r[0], nil)
	}
	m.l.books[0].spread, m.l.books[0].upTo = &spreads{bySecond: []int64{2}, most: 2}, 2 // other messages took no time
	if got, want := m.close(int64(time.Hour)), (result.Ledger{Sent: 2, Expected: 4, Undecided: 4}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// What still comes to a receiver that has left the room is not lost, and one of many that left then
// is no other.
func TestWhatComesAfterLeavingARoomIsNotLost(t *testing.T) {
	m := newEdge(4)
	st := m.send(0, 0, 10*ms)
	m.get(1, st, 15*ms)
	for _, r := range []int{2, 3} {
		m.l.End(m.r[r], m.r[r].Memberships()[0], 2000*ms)
	}
	if k := m.get(2, st, 2400*ms); k != Ignored {
		t.Errorf("after it left: %v", k)
	}
	if got, want := m.close(10_000*ms), (result.Ledger{Sent: 1, Expected: 3, Received: 1, Undecided: 1, Lost: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// What comes once more to a receiver that has left takes back no other's leaving: neither what it
// had when it left, nor what has come since.
func TestTwiceAfterLeavingARoomHidesNoLoss(t *testing.T) {
	m := newEdge(5)
	st := m.send(0, 0, 10*ms)
	m.get(1, st, 15*ms)
	m.get(4, st, 15*ms)
	for _, r := range []int{2, 3, 4} {
		m.l.End(m.r[r], m.r[r].Memberships()[0], 2000*ms)
	}
	for _, r := range []int{4, 2, 2} {
		if k := m.get(r, st, 2400*ms); k != Ignored {
			t.Errorf("%d after it left: %v", r, k)
		}
	}
	if got, want := m.close(10_000*ms), (result.Ledger{Sent: 1, Expected: 4, Received: 2, Undecided: 1, Lost: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// A client that has left a room is remembered until it leaves another one, but not what it lacked.
func TestLeaversKeepNoMessages(t *testing.T) {
	m := newEdge(3)
	kept := func() weak.Pointer[Slot] {
		st := m.send(0, 0, 10*ms)
		m.get(1, st, 15*ms)
		m.l.End(m.r[2], m.r[2].Memberships()[0], 20*ms)
		s, _ := m.l.books[0].find(st.Seq)
		return weak.Make(s)
	}()
	const n = 6 * slotsPerSlab
	for i := range int64(n) {
		m.now.Store(i * linger / slotsPerSlab)
		st := m.send(0, 0, m.now.Load())
		m.get(1, st, st.Due+1)
		m.l.Watch(st.Due)
	}
	runtime.GC()
	if kept.Value() != nil {
		t.Error("a message is kept that was on its way when a client left")
	}
	if got, want := m.close(n*linger), (result.Ledger{Sent: n + 1, Expected: n + 2, Received: n + 1, Undecided: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// Clients that live shorter than the late limit do not hide what a server loses: of all that it
// loses, and of it alone, all but a few are lost, also of messages that are closed early to save
// memory.
func TestShortLivesHideNoLoss(t *testing.T) {
	for _, budget := range []int64{defaultBudget, 1} {
		m := newEdge(1)
		m.l.budget = budget
		type member struct {
			r     int
			until int64
		}
		var here []member
		var sent []*stamp.Stamp
		lost, n := int64(0), 0
		for now := int64(0); now < 60_000*ms; now += 10 * ms {
			m.now.Store(now)
			if now%(100*ms) == 0 { // one comes, and stays for two seconds
				r := newReceiver(uint32(len(m.r)), m.room)
				m.r = append(m.r, r)
				r.join(r.Memberships()[0])
				here = append(here, member{len(m.r) - 1, now + 2000*ms})
			}
			st := m.send(0, 0, now)
			sent = append(sent, st)
			for _, h := range here {
				if n++; n%2 == 0 && now+5*ms < h.until {
					lost++
				} else {
					m.get(h.r, st, now+5*ms)
				}
			}
			for len(here) > 0 && here[0].until <= now+10*ms {
				m.now.Store(here[0].until)
				m.l.Leave(m.r[here[0].r])
				here = here[1:]
			}
			m.l.Watch(now)
		}
		got := m.close(120_000 * ms)
		if got.Lost+got.Undecided < lost || got.Lost > lost || float64(got.Undecided) > 0.02*float64(got.Expected) {
			t.Errorf("with a budget of %d: %+v, of which %d are lost", budget, got, lost)
		}
		if got.Sent != int64(len(sent)) || got.Expected != got.Received+got.Late+got.Lost+got.Undecided {
			t.Errorf("with a budget of %d: %+v does not add up", budget, got)
		}
	}
}

// What is missing of messages with a short limit does not hold up the end until the limit of
// others.
func TestTheEndWaitsForEachBookAlone(t *testing.T) {
	m := newModel(2, ExpectOthers, ExpectOthers)
	m.l.books[0].Late = 50 * lateLimit
	m.joinAll()
	got := m.send(0, 0, 100)
	m.send(1, 0, 100) // and never comes
	if !m.l.Outstanding(100 + lateLimit) {
		t.Error("both are missing, and it does not wait")
	}
	m.get(1, got, 110)
	if !m.l.Outstanding(100+lateLimit) || m.l.Outstanding(101+lateLimit) {
		t.Error("it waits for the limit of another book")
	}
}

// As long as something is missing and the last message is not late, the end waits: older ones may
// still come too late.
func TestTheEndWaitsForLateOnes(t *testing.T) {
	m := newEdge(2)
	old := m.send(0, 0, 0)
	last := m.send(0, 0, 9000*ms)
	m.get(1, last, 9005*ms)
	for at, want := range map[int64]bool{9010 * ms: true, 14_000 * ms: true, 14_001 * ms: false} {
		if got := m.l.Outstanding(at); got != want {
			t.Errorf("at %v: %v, want %v", time.Duration(at), got, want)
		}
	}
	m.get(1, old, 12_000*ms)
	if m.l.Outstanding(12_001 * ms) {
		t.Error("all is there, and it waits")
	}
	if got, want := m.close(12_001*ms), (result.Ledger{Sent: 2, Expected: 2, Received: 1, Late: 1, Disorder: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// A message that its sender's connection had not passed on when it ended may never have been
// written, however long ago it was due. One that reached somebody was.
func TestMessagesThatWereNotPassedOn(t *testing.T) {
	for name, test := range map[string]struct {
		since, until int64 // in milliseconds, of what was not passed on; 0: all was
		reaches      bool
		want         result.Ledger
	}{
		"all was passed on":        {want: result.Ledger{Sent: 1, Expected: 2, Lost: 2}},
		"it was not":               {since: 115, until: 900, want: result.Ledger{Sent: 1, Expected: 2, Undecided: 2}},
		"it was the first not to":  {since: 120, until: 900, want: result.Ledger{Sent: 1, Expected: 2, Undecided: 2}},
		"later ones were not":      {since: 121, until: 900, want: result.Ledger{Sent: 1, Expected: 2, Lost: 2}},
		"of an earlier connection": {since: 1, until: 119, want: result.Ledger{Sent: 1, Expected: 2, Lost: 2}},
		"it came to one":           {since: 115, until: 900, reaches: true, want: result.Ledger{Sent: 1, Expected: 2, Received: 1, Lost: 1}},
	} {
		m := newEdge(3)
		if test.reaches {
			m.get(1, m.send(0, 0, 100*ms), 130*ms)
		} else {
			m.send(0, 0, 100*ms)
		}
		s, _ := m.l.books[0].find(0)
		s.SetLag(20 * ms)
		m.now.Store(900 * ms)
		if test.since != 0 {
			m.r[0].MayBeUnwritten(test.since*ms, test.until*ms)
		}
		m.l.Leave(m.r[0])
		m.l.books[0].spread, m.l.books[0].upTo = &spreads{bySecond: []int64{2}, most: 2}, 1 // other messages took no time
		if got := m.close(int64(time.Hour)); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}
