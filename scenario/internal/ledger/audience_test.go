package ledger

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/throng-io/throng/scenario/internal/stamp"
	"github.com/throng-io/throng/scenario/result"
)

// A mixed audience has receivers of two classes, and slow ones of a third.
func newMixed(t *testing.T, members map[int]int, complete func(s *Slot, all bool)) (*model, map[int][]int) {
	t.Helper()
	m := &model{room: &Audience{Room: 4, Decile: 7}}
	m.room.Admit(0, false)
	m.room.Admit(1, false)
	m.room.Admit(2, true)
	m.room.Admit(2, true) // once is enough
	m.l = New(Config{Books: []*Book{{Expect: ExpectOthers, Late: lateLimit}}, Clock: m.now.Load, Complete: complete})
	places := map[int][]int{}
	for class := range 3 {
		for range members[class] {
			r := &Receiver{ID: uint32(len(m.r)), Class: class}
			one := &Membership{}
			one.Init(m.room, 4, class)
			r.SetMemberships([]*Membership{one})
			places[class] = append(places[class], len(m.r))
			m.r = append(m.r, r)
			r.join(one)
		}
	}
	return m, places
}

// Each class has rows of its own, and slow readers are not waited for.
func TestLedgerByClass(t *testing.T) {
	var complete []string
	m, of := newMixed(t, map[int]int{0: 3, 1: 2, 2: 2}, func(s *Slot, all bool) {
		complete = append(complete, fmt.Sprint(s.seq, all, s.Receivers(), s.First(), s.Last(), s.Decile()))
	})
	a, b := m.send(0, of[0][0], 10), m.send(0, of[0][0], 20)
	at := int64(30)
	for _, r := range append(of[0][1:], of[1]...) { // all that read normally get both, a late at two of them
		m.get(r, a, at)
		if m.get(r, b, at) != Counted || m.get(r, b, at) != Duplicate {
			t.Error("the second copy was not a duplicate")
		}
	}
	if _, _, rank := m.l.Receive(m.r[of[2][0]], a, at+lateLimit); rank != 0 {
		t.Errorf("a slow reader has the rank %d", rank)
	}
	if fmt.Sprint(complete) != "[0 true 4 30 30 7 1 true 4 30 30 7]" {
		t.Errorf("complete: %v", complete)
	}
	rows := m.l.Close(10_000)[0]
	got := map[int]result.Ledger{}
	for _, r := range rows {
		if r.Decile != 7 || r.Phase != 0 || r.Second != 0 {
			t.Errorf("row %+v", r)
		}
		got[r.Class] = r.Ledger
	}
	want := map[int]result.Ledger{
		Everybody: {Sent: 2},
		0:         {Sent: 2, Expected: 4, Received: 4, Duplicate: 2},
		1:         {Sent: 2, Expected: 4, Received: 4, Duplicate: 2},
		2:         {Sent: 2, Expected: 4, Late: 1, Lost: 3},
	}
	for class, l := range want {
		if got[class] != l {
			t.Errorf("class %d: %+v, want %+v", class, got[class], l)
		}
	}
	if len(rows) != len(want) {
		t.Errorf("%d rows, want %d", len(rows), len(want))
	}
}

// What Watch has seen is the account of the messages that are settled, and no more.
func TestLedgerSoFar(t *testing.T) {
	m := newModel(3, ExpectOthers, ExpectSelf)
	m.joinAll()
	sum := func() (all result.Ledger) {
		for _, rows := range m.l.SoFar(nil) {
			for i := range rows {
				all.Add(rows[i].Deliveries())
			}
		}
		return all
	}
	first, second := m.send(0, 0, 0), m.send(0, 0, 500)
	echo := m.send(1, 2, 100)
	m.get(1, first, 10)
	m.get(1, second, 510)
	m.get(2, echo, 101)
	m.l.Watch(lateLimit)
	if got := sum(); got != (result.Ledger{}) {
		t.Errorf("at the limit %+v, want nothing yet", got)
	}
	if overdue := m.l.Watch(lateLimit + 101); overdue != 1 {
		t.Errorf("%d overdue, want the one of the first message", overdue)
	}
	if got, want := sum(), (result.Ledger{Due: 2, Sent: 2, Expected: 3, Received: 2, Lost: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	m.get(2, first, 3*lateLimit) // late after all
	m.l.Watch(3 * lateLimit)
	if got, want := sum(), (result.Ledger{Due: 3, Sent: 3, Expected: 5, Received: 3, Lost: 2}); got != want {
		t.Errorf("%+v, want %+v: a message is looked at once", got, want)
	}
	if got, want := m.close(10_000), (result.Ledger{Sent: 3, Expected: 5, Received: 3, Late: 1, Lost: 1}); got != want {
		t.Errorf("in the end %+v, want %+v", got, want)
	}
}

// Receivers come and go, and move between two rooms, while messages are on their way. A plain
// book-keeper knows for each message and receiver whether it was a member from before the emission
// until the end of the late limit: those pairs are received, late or lost, whatever else happens.
func TestMembershipsAgainstABookkeeper(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rooms := []*Audience{{Room: 0}, {Room: 1}}
		for _, a := range rooms {
			a.Admit(0, false)
		}
		now := int64(0)
		l := New(Config{Books: []*Book{{Expect: ExpectAll, Late: lateLimit}}, Clock: func() int64 { return now }})
		type stay struct {
			room       int
			from, till int64 // till 0: still there
			m          *Membership
		}
		n := rapid.IntRange(2, 6).Draw(t, "receivers")
		receivers, stays := make([]*Receiver, n), make([][]stay, n)
		enter := func(i, room int) {
			m := &Membership{}
			m.Init(rooms[room], room, 0)
			receivers[i].SetMemberships(append(append([]*Membership(nil), receivers[i].Memberships()...), m))
			receivers[i].join(m)
			stays[i] = append(stays[i], stay{room: room, from: now, m: m})
		}
		for i := range receivers {
			receivers[i] = &Receiver{ID: uint32(i)}
			enter(i, i%2)
		}
		type message struct {
			st   *stamp.Stamp
			room int
			got  map[int]int64 // by receiver, the first arrival
		}
		var sent []message
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			now += int64(rapid.IntRange(1, 400).Draw(t, "pass"))
			i := rapid.IntRange(0, n-1).Draw(t, "who")
			switch rapid.SampledFrom([]string{"send", "get", "get", "get", "move"}).Draw(t, "what") {
			case "send":
				room := rapid.IntRange(0, 1).Draw(t, "room")
				_, seq := l.Emit(l.books[0], receivers[0], rooms[room], now, 0)
				sent = append(sent, message{&stamp.Stamp{Seq: seq, Due: now}, room, map[int]int64{}})
			case "get":
				if len(sent) == 0 {
					continue
				}
				m := sent[rapid.IntRange(0, len(sent)-1).Draw(t, "message")]
				if kind, _, _ := l.Receive(receivers[i], m.st, now); kind == Counted {
					m.got[i] = now
				}
			case "move":
				at := len(stays[i]) - 1
				l.End(receivers[i], stays[i][at].m, now)
				stays[i][at].till = now
				now++
				enter(i, 1-stays[i][at].room)
			}
		}
		now += 2 * lateLimit
		var want result.Ledger // of the pairs that are beyond doubt
		for _, m := range sent {
			for i := range receivers {
				for _, s := range stays[i] {
					if s.room != m.room || s.from >= m.st.Due || s.till != 0 && s.till <= m.st.Due+lateLimit {
						continue
					}
					want.Expected++
					switch at, came := m.got[i]; {
					case !came:
						want.Lost++
					case at > m.st.Due+lateLimit:
						want.Late++
					default:
						want.Received++
					}
				}
			}
		}
		var got result.Ledger
		for _, rows := range l.Close(now) {
			for i := range rows {
				got.Add(rows[i].Deliveries())
			}
		}
		if got.Expected != got.Received+got.Late+got.Lost+got.Undecided {
			t.Fatalf("%+v does not add up", got)
		}
		if got.Lost != want.Lost || got.Received < want.Received || got.Late < want.Late || got.Expected < want.Expected {
			t.Fatalf("%+v, want all of %+v, and no other lost", got, want)
		}
	})
}

// An echo whose sender has left is not outstanding, nor is a delivery that is already late.
func TestOutstanding(t *testing.T) {
	m := newModel(2, ExpectSelf)
	m.joinAll()
	m.send(0, 0, 100)
	if !m.l.Outstanding(100+lateLimit) || m.l.Outstanding(101+lateLimit) {
		t.Error("an echo is outstanding until its limit, and no longer")
	}
	m.now.Store(200)
	m.l.Leave(m.r[0])
	if m.l.Outstanding(200) {
		t.Error("the echo of a client that has left is outstanding")
	}
	if got, want := m.close(int64(time.Hour)), (result.Ledger{Sent: 1, Expected: 1, Undecided: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// SoFar keeps its size in a long run: rows of old seconds are added up, but for those where
// something was lost. What the closed ledger returns has them all, each once.
func TestOldSecondsAreAddedUp(t *testing.T) {
	m := newModel(2, ExpectOthers)
	m.l.recent = int64(2 * time.Minute)
	m.joinAll()
	const seconds, each = 5000, 3 // a second's messages may be in two slabs
	lost := map[int]bool{4600: true, 4601: true, 4800: true}
	for s := range seconds {
		at := int64(s) * int64(time.Second)
		for i := range each {
			if st := m.send(0, 0, at); i > 0 || !lost[s] {
				m.get(1, st, at+1)
			}
		}
		m.now.Store(at + 2*lateLimit)
		m.l.Watch(at + 2*lateLimit)
		m.l.trim()
	}
	var sum result.Ledger
	kept := map[int]bool{}
	rows := m.l.SoFar(nil)[0]
	for i := range rows {
		sum.Add(rows[i].Deliveries())
		kept[rows[i].Second] = true
	}
	if want := (result.Ledger{Due: each * seconds, Sent: each * seconds, Expected: each * seconds, Received: each*seconds - 3, Lost: 3}); sum != want {
		t.Errorf("%+v, want %+v", sum, want)
	}
	if len(rows) > 2*(120+foldEvery)+20 {
		t.Errorf("%d rows after %d seconds", len(rows), seconds)
	}
	for s := range lost {
		if !kept[s] {
			t.Errorf("the loss in second %d has lost its second", s)
		}
	}
	// two rows of a second, and some of them a second time: from slabs that end within it
	if b := m.l.books[0]; len(b.rows.rows) > most || len(b.rows.at) > most || len(b.rows.packed.b) > 8*2*seconds*11/10 {
		t.Errorf("%d places of %d rows are kept, and %d bytes", len(b.rows.at), len(b.rows.rows), len(b.rows.packed.b))
	}
	closed := m.l.Close(2 * seconds * int64(time.Second))[0]
	keys := map[rowKey]bool{}
	for i := range closed {
		keys[closed[i].key()] = true
	}
	if len(keys) != len(closed) || len(closed) != 2*seconds {
		t.Errorf("%d rows of %d keys, want %d", len(closed), len(keys), 2*seconds)
	}
}
