package ledger

import (
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/internal/stamp"
	"github.com/throng-io/throng/scenario/result"
)

// The account of a recovered receiver, by the messages that the server replayed.
func TestRecoveredReceivers(t *testing.T) {
	for _, c := range []struct {
		name   string
		expect Expectation
		replay []int // of the messages 0 to 4; 0 came before, 1 was under way, 2 and 3 were sent meanwhile, 4 is sent when it is back
		at     int64
		want   result.Ledger
		again  result.Ledger // the part of it that is replayed
	}{
		{"everything it missed", ExpectAll, []int{1, 2, 3, 4}, 400, result.Ledger{Received: 5}, result.Ledger{Received: 3}},
		{"without the sender", ExpectOthers, []int{1, 2, 3, 4}, 400, result.Ledger{Received: 5}, result.Ledger{Received: 3}},
		{"nothing", ExpectAll, []int{4}, 400, result.Ledger{Received: 2, Lost: 3}, result.Ledger{Lost: 3}},
		{"what was under way is lost", ExpectAll, []int{2, 3, 4}, 400, result.Ledger{Received: 4, Lost: 1}, result.Ledger{Received: 2, Lost: 1}},
		{"all that it ever got", ExpectAll, []int{0, 1, 2, 3, 4}, 400, result.Ledger{Received: 5, Duplicate: 1}, result.Ledger{Received: 3, Duplicate: 1}},
		{"everything twice", ExpectAll, []int{1, 2, 3, 1, 2, 3, 4}, 400, result.Ledger{Received: 5, Duplicate: 3}, result.Ledger{Received: 3, Duplicate: 3}},
		{"backwards", ExpectAll, []int{3, 2, 1, 4}, 400, result.Ledger{Received: 5, Disorder: 2}, result.Ledger{Received: 3, Disorder: 2}},
		{"behind what is new", ExpectAll, []int{4, 1, 2, 3}, 400, result.Ledger{Received: 5, Disorder: 3}, result.Ledger{Received: 3, Disorder: 3}},
		{"too late", ExpectAll, []int{1, 2, 3, 4}, 200 + lateLimit, result.Ledger{Received: 4, Late: 1}, result.Ledger{Received: 2, Late: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newModel(2, c.expect)
			m.joinAll()
			const speaker, it = 0, 1
			var sent []*stamp.Stamp
			say := func(due int64) {
				m.now.Store(due)
				sent = append(sent, m.send(0, speaker, due))
				if c.expect == ExpectAll {
					m.get(speaker, sent[len(sent)-1], due+1)
				}
			}
			say(100)
			m.get(it, sent[0], 101)
			say(199)
			m.now.Store(200)
			m.l.Suspend(m.r[it])
			say(250)
			say(350)
			if kind := m.get(it, sent[2], 360); kind != Ignored {
				t.Errorf("while it was away: %v", kind)
			}
			m.l.Resume(m.r[it], nil)
			say(390)
			for _, i := range c.replay {
				m.get(it, sent[i], c.at)
			}
			all, again := m.parts(10_000)
			own := 0
			if c.expect == ExpectAll {
				own = 5 // the speaker's
			}
			c.want.Sent, c.want.Expected, c.want.Received = 5, int64(5+own), c.want.Received+int64(own)
			c.again.Expected = 3
			if all != c.want || again != c.again {
				t.Errorf("%+v, of that replayed %+v\nwant %+v, of that %+v", all, again, c.want, c.again)
			}
		})
	}
}

// parts closes the ledger and returns the replayed part and the whole.
func (m *model) parts(now int64) (all, again result.Ledger) {
	for _, rows := range m.l.Close(now) {
		for _, r := range rows {
			d := r.Deliveries()
			d.Due = 0
			all.Add(d)
			if r.Replayed {
				again.Add(d)
			}
		}
	}
	return all, again
}

// What never reached the server cannot be replayed: it is lost, and not for want of recovery.
func TestUnheardIsNotOwedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		since   int64 // when the sender heard the server last
		reaches bool  // the message comes to one that stays
		again   int64 // lost to the recovered one, of what the server owes it
	}{
		"it reached nobody":                    {50, false, 0},
		"it reached one":                       {50, true, 1},
		"the server was heard after it":        {105, false, 1},
		"the connection had not ended by then": {-1, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			m := newEdge(3)
			const speaker, recovered, stays = 0, 1, 2
			m.now.Store(90 * ms)
			m.l.Suspend(m.r[recovered])
			m.now.Store(100 * ms)
			said := m.send(0, speaker, 100*ms)
			if c.reaches {
				m.get(stays, said, 101*ms)
			}
			m.now.Store(900 * ms)
			m.l.Suspend(m.r[speaker])
			if c.since >= 0 {
				m.r[speaker].Unheard(c.since*ms, 900*ms, false)
			}
			for _, i := range []int{speaker, recovered} {
				m.l.Resume(m.r[i], nil)
			}
			m.now.Store(930 * ms)
			next := m.send(0, speaker, 930*ms)
			for _, i := range []int{recovered, stays} {
				m.get(i, next, 931*ms)
			}
			m.l.books[0].spread, m.l.books[0].upTo = &spreads{bySecond: []int64{2}, most: 2}, 2 // other messages took no time
			all, again := m.parts(int64(time.Hour))
			lost := int64(2)
			if c.reaches {
				lost--
			}
			if all.Lost != lost || again.Lost != c.again || all.Expected != 4 || all.Expected != all.Received+all.Lost {
				t.Errorf("%+v, of that replayed %+v; want %d lost, of them replayed %d", all, again, lost, c.again)
			}
		})
	}
}

// On a fleet, when a client is back is known to within the error of the clocks, and what it sends
// at once may be replayed before it. It is not owed what is for the others, and nothing is lost.
func TestSentOnReturn(t *testing.T) {
	for _, expect := range []Expectation{ExpectOthers, ExpectAll} {
		for _, bound := range []int64{0, 2 * ms} {
			now, room, b := int64(1), &Audience{}, &Book{Expect: expect, Late: 1000 * ms}
			room.Admit(0, false)
			l := New(Config{Books: []*Book{b}, Clock: func() int64 { return now }, Fleet: &Fleet{
				Of: 1, Owner: func(uint32) int { return 0 }, Bound: func() int64 { return bound }, Delivered: func(*Delivery) {},
			}})
			var all []*Receiver
			for i := range uint32(3) {
				r := newReceiver(i, room)
				l.Join(r, r.Memberships()[0])
				all = append(all, r)
			}
			now = 100 * ms
			l.Suspend(all[1])
			now = 200 * ms
			l.Resume(all[1], nil)
			s, seq := l.EmitHeld(b, all[1], room, 150*ms, 0)
			s.Written()
			for i, r := range all {
				if expect == ExpectAll || i != 1 {
					l.Defer(&Delivery{To: r, Stamp: stamp.Stamp{Sender: 1, Seq: seq, Due: 150 * ms}, At: now, Read: now})
				}
			}
			l.Seal()
			now = 10_000 * ms
			l.Stop(now)
			now = 20_000 * ms
			l.Announce(nil)
			if !l.Closable() {
				t.Fatal("nothing is under way, and the ledger cannot be closed")
			}
			var sum result.Ledger
			for _, row := range l.Close(10_000 * ms)[0] {
				sum.Add(row.Deliveries())
			}
			want := int64(2)
			if expect == ExpectAll {
				want = 3
			}
			if sum.Expected != want || sum.Received != want || sum.Lost != 0 {
				t.Errorf("expectation %d, clocks to within %d: %+v, want %d expected and received", expect, bound, sum, want)
			}
		}
	}
}

// One that comes back as another socket is owed what any client is that leaves and comes.
func TestNotRecovered(t *testing.T) {
	m := newModel(2, ExpectOthers)
	m.joinAll()
	m.now.Store(100)
	m.send(0, 0, 100) // under way
	m.l.Suspend(m.r[1])
	missed := m.send(0, 0, 110)
	m.l.Leave(m.r[1])
	other := newReceiver(1, m.room)
	other.join(other.Memberships()[0])
	m.r = append(m.r, other)
	if got := m.room.width; got != 2 {
		t.Errorf("%d bits are given out, want 2: the place is free again", got)
	}
	if kind := m.get(2, missed, 120); kind != Extra {
		t.Errorf("what it missed: %v", kind)
	}
	after := m.send(0, 0, 130)
	m.get(2, after, 131)
	want := result.Ledger{Sent: 3, Expected: 3, Received: 1, Undecided: 2}
	if got := m.close(10_000); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// Volatile messages are not kept: one that comes nevertheless is no stranger, and none is lost.
func TestVolatileIsNotOwedAgain(t *testing.T) {
	for _, replays := range []int{0, 1, 2} {
		m := newModel(2, ExpectOthers)
		m.l.books[0].Volatile = true
		m.joinAll()
		m.now.Store(100)
		under := m.send(0, 0, 100)
		m.l.Suspend(m.r[1])
		missed := m.send(0, 0, 110)
		m.l.Resume(m.r[1], nil)
		want := result.Ledger{Sent: 2, Expected: 1, Undecided: 1}
		for i := range replays {
			for _, st := range []*stamp.Stamp{under, missed} {
				if kind, want := m.get(1, st, 120), []Arrival{Extra, Duplicate}[i]; kind != want {
					t.Errorf("replay %d: %v, want %v", i, kind, want)
				}
			}
		}
		if replays > 0 {
			want.Expected, want.Undecided, want.Duplicate = 3, 3, int64(2*(replays-1))
		}
		if got := m.close(10_000); got != want {
			t.Errorf("replayed %d times: %+v, want %+v", replays, got, want)
		}
	}
}

// A message that was closed while a receiver was away is no error of the server that replays it.
func TestClosedBeforeItWasReplayed(t *testing.T) {
	m := newModel(2, ExpectOthers)
	m.joinAll()
	m.l.budget = 1
	m.now.Store(1)
	m.l.Suspend(m.r[1])
	first := m.send(0, 0, 1)
	const n = 3 * slotsPerSlab
	for i := range int64(n) {
		m.now.Store(10 + i*lateLimit)
		m.l.Watch(m.now.Load())
		m.send(0, 0, m.now.Load())
	}
	if len(m.room.missed) >= n {
		t.Errorf("%d messages are remembered for it: the closed ones are not forgotten", len(m.room.missed))
	}
	m.now.Add(10)
	m.l.Resume(m.r[1], nil)
	if kind := m.get(1, first, m.now.Load()); kind != Ignored {
		t.Errorf("%v", kind)
	}
	if got := m.close(m.now.Load() + 2*lateLimit); got.Lost == 0 || got.Lost >= n || got.Expected != got.Lost {
		t.Errorf("%+v: what is still remembered was owed, and is lost", got)
	}
}

// A message that its sender held is on its way until late has passed since it was sent, and late
// all the same.
func TestHeldMessages(t *testing.T) {
	m := newModel(2, ExpectOthers)
	m.joinAll()
	b := m.l.books[0]
	for range 3 {
		b.Hold(100, 0)
	}
	b.Drop(100, 0)
	m.now.Store(5000)
	send := func() *stamp.Stamp {
		b.Release(100, 0)
		_, seq := m.l.EmitHeld(b, m.r[0], m.room, 100, 0)
		return &stamp.Stamp{Seq: seq, Due: 100}
	}
	m.get(1, send(), 5010)
	send()
	if !m.l.Outstanding(5010) {
		t.Error("nothing is waited for")
	}
	want := result.Ledger{Sent: 2, Held: 1, Dropped: 1, Expected: 2, Late: 1, Undecided: 1}
	if got := m.close(5010); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// A receiver that left after it had something later than the message can be decided: when it is
// recovered, the message arrived or is lost; when it is not, it was owed the message before it
// left.
func TestAwayLongAfterOthersHadIt(t *testing.T) {
	for _, c := range []struct {
		name              string
		recovered, replay bool
		want              result.Ledger
	}{
		{"recovered and replayed", true, true, result.Ledger{Received: 2}},
		{"recovered", true, false, result.Ledger{Received: 1, Lost: 1}},
		{"not recovered", false, false, result.Ledger{Received: 1, Lost: 1}},
	} {
		m := newModel(3, ExpectOthers)
		m.l.books[0].Late = 1000 * ms
		m.joinAll()
		st := m.send(0, 0, 10*ms)
		m.get(1, st, 11*ms)
		later := m.send(0, 1, 100*ms)
		m.get(0, later, 101*ms)
		m.get(2, later, 101*ms)
		m.now.Store(110 * ms)
		m.l.Suspend(m.r[2])
		if c.recovered {
			m.l.Resume(m.r[2], nil)
		}
		if c.replay {
			m.get(2, st, 120*ms)
		}
		c.want.Sent, c.want.Expected, c.want.Received = 2, 4, c.want.Received+2
		if got := m.close(5000 * ms); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// A client of an agent may lose its connection just before a message to it is late, and the account
// gets to know that just after another message was sent. The message is replayed to it, and is not
// lost besides.
func TestSuspendedJustBeforeTheLimit(t *testing.T) {
	p := newPair(4, int64(10*time.Millisecond), 0)
	for i := range p.r {
		p.now.Add(1000)
		p.join(i)
	}
	p.now.Add(int64(time.Second))
	p.talk(t)
	first := p.send(0)
	for _, to := range []int{0, 1, 3} {
		p.get(to, first)
	}
	p.now.Add(int64(time.Second - time.Millisecond))
	p.l[0].Suspend(p.r[2])
	p.now.Add(int64(2 * time.Millisecond))
	second := p.send(0)
	for _, to := range []int{0, 1, 3} {
		p.get(to, second)
	}
	p.now.Add(int64(time.Second))
	p.talk(t)
	p.l[0].Resume(p.r[2], nil)
	p.now.Add(int64(time.Millisecond))
	p.get(2, first)
	p.get(2, second)
	p.now.Add(int64(time.Second))
	p.talk(t)
	if sum := p.close(t); sum.Expected != 8 || sum.Received+sum.Late != 8 || sum.Lost != 0 {
		t.Errorf("%+v, want 8 deliveries received and none lost", sum)
	}
}

// An audience keeps nothing of clients that have left, and those that may be recovered.
func TestAnAudienceForgetsWhoHasLeft(t *testing.T) {
	m := newModel(3, ExpectOthers)
	m.joinAll()
	m.l.Leave(m.r[1])
	m.l.Suspend(m.r[2])
	if got := m.room.seats; got[1] != (seat{}) || got[0].r != m.r[0] || got[2].r != m.r[2] {
		t.Errorf("one has left, and one may be recovered: %v", got)
	}
	m.l.Leave(m.r[2])
	if got := m.room.seats[2]; got != (seat{}) {
		t.Errorf("the other one was not recovered: %v", got)
	}
}
