package ledger

import (
	"testing"
	"time"

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

// A receiver that left long after all others had a message has lost it. What it missed right before
// it left is undecided.
func TestLeaversAreOwedWhatOthersHave(t *testing.T) {
	for _, c := range []struct {
		name  string
		left  int64 // after the message was due
		took  int64 // to the others; 0: no receiver gets it
		near  bool  // another message of the same second takes 5 ms
		other int64 // in another second one took so long; 0: none
		want  result.Ledger
	}{
		{"it left at once", 1 * ms, 5 * ms, false, 0, result.Ledger{Undecided: 1}},
		{"it might have been the last", 20 * ms, 5 * ms, false, 0, result.Ledger{Undecided: 1}},
		{"the others had it long before", 21 * ms, 5 * ms, false, 0, result.Ledger{Lost: 1}},
		{"the others had it much later", 1000 * ms, 1500 * ms, false, 0, result.Ledger{Undecided: 1}},
		{"the others had it at last", 3500 * ms, 1500 * ms, false, 0, result.Ledger{Lost: 1}},
		{"nobody ever gets anything", 2000 * ms, 0, false, 0, result.Ledger{Undecided: 1, Lost: 2}},
		{"nobody gets it, and others of its time came", 2000 * ms, 0, true, 0, result.Ledger{Lost: 3}},
		{"nobody gets it, and others came in other seconds", 2000 * ms, 0, false, 100 * ms, result.Ledger{Lost: 3}},
		{"likewise, and those took long", 2000 * ms, 0, false, 1200 * ms, result.Ledger{Undecided: 1, Lost: 2}},
		{"the late limit had passed when it left", 5001 * ms, 0, false, 0, result.Ledger{Lost: 3}},
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
		if c.near {
			c.want.Received += all(due+10*ms, 5*ms)
			c.want.Sent, c.want.Expected = c.want.Sent+1, c.want.Expected+3
		}
		m.now.Store(due + c.left)
		m.l.Leave(m.r[3])
		if got := m.close(due + 10_000*ms); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// What a receiver lacks that leaves with something unread may be in it, but for what had been late
// by then.
func TestLeaversMayHaveWhatTheyDidNotRead(t *testing.T) {
	for after, want := range map[int64]result.Ledger{
		1000 * ms: {Sent: 1, Expected: 2, Received: 1, Undecided: 1},
		5001 * ms: {Sent: 1, Expected: 2, Received: 1, Lost: 1},
	} {
		m := newEdge(3)
		st := m.send(0, 0, 20_000*ms)
		m.get(1, st, 20_005*ms)
		m.now.Store(20_000*ms + after)
		m.r[2].Unread()
		m.l.Leave(m.r[2])
		if got := m.close(40_000 * ms); got != want {
			t.Errorf("it left after %v: %+v, want %+v", time.Duration(after), got, want)
		}
	}
}

// A message that reached no receiver is lost, unless its sender left so soon that it may never have
// been written.
func TestMessagesOfLeaversAreLost(t *testing.T) {
	for after, want := range map[int64]result.Ledger{
		1 * ms:    {Sent: 2, Expected: 6, Received: 3, Undecided: 3},
		20 * ms:   {Sent: 2, Expected: 6, Received: 3, Undecided: 3},
		21 * ms:   {Sent: 2, Expected: 6, Received: 3, Lost: 3},
		2000 * ms: {Sent: 2, Expected: 6, Received: 3, Lost: 3},
	} {
		m := newEdge(4)
		st := m.send(0, 0, 10*ms)
		for r := 1; r < 4; r++ {
			m.get(r, st, 15*ms)
		}
		m.send(0, 0, 20*ms)
		m.now.Store(20*ms + after)
		m.l.Leave(m.r[0])
		if got := m.close(10_000 * ms); got != want {
			t.Errorf("its sender left after %v: %+v, want %+v", time.Duration(after), got, want)
		}
	}
}

// Rows tell losses that the end of a connection explains from the others: a message that reached
// nobody and whose sender's connection ended before the server was heard again, and what a receiver
// lacked that left.
func TestEndedConnectionsExplainLosses(t *testing.T) {
	m := newEdge(4)
	first := m.send(0, 0, 20_000*ms)
	m.get(1, first, 20_005*ms)
	m.now.Store(21_000 * ms)
	m.l.Leave(m.r[3]) // and the second receiver stays, without it
	m.send(0, 1, 22_000*ms)
	m.now.Store(22_900 * ms)
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
	if want := (result.Ledger{Expected: 3, Lost: 3}); explained != want {
		t.Errorf("explained %+v, want %+v", explained, want)
	}
	if want := (result.Ledger{Due: 2, Sent: 2, Expected: 2, Received: 1, Lost: 1}); other != want {
		t.Errorf("not explained %+v, want %+v", other, want)
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
		m.l.End(m.r[r], m.r[r].Memberships()[0], 100*ms)
	}
	if k := m.get(2, st, 400*ms); k != Ignored {
		t.Errorf("after it left: %v", k)
	}
	if got, want := m.close(10_000*ms), (result.Ledger{Sent: 1, Expected: 3, Received: 1, Undecided: 1, Lost: 1}); got != want {
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
