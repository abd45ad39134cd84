package ledger

import (
	"fmt"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/result"
)

// Those that left without a message are counted by part and by time, and can be taken back.
func TestLeavings(t *testing.T) {
	const ms = int64(time.Millisecond)
	a := &Audience{}
	a.Admit(0, false)
	a.Admit(1, false)
	s := &Slot{Book: &Book{}, Audience: a, parts: make([]counts, 2), base: 7 * ms}
	for _, l := range []struct{ part, after int64 }{{0, 1}, {0, 1}, {1, 1}, {1, 5}, {0, 5}} {
		s.leaves(int(l.part), 7*ms+l.after*ms+ms/2)
	}
	lost := func() string {
		return fmt.Sprint(s.lostTo(0, 0), s.lostTo(1, 0), s.lostTo(0, ms), s.lostTo(1, ms), s.lostTo(0, 5*ms), s.lostTo(1, 5*ms-1))
	}
	if got := lost(); got != "3 2 1 1 0 1" || len(s.leavings()) != 4 {
		t.Errorf("%s in %d leavings", got, len(s.leavings()))
	}
	if all, first, second := s.all.undecided.Load(), s.parts[0].undecided.Load(), s.parts[1].undecided.Load(); all != 5 || first != 3 || second != 2 {
		t.Errorf("%d undecided: %d and %d", all, first, second)
	}
	s.stays(0, 7*ms+1*ms)
	s.stays(1, 7*ms+5*ms)
	s.stays(1, 7*ms+5*ms) // there is no other
	s.stays(1, 7*ms+3*ms)
	if got := lost(); got != "2 1 1 0 0 0" {
		t.Errorf("%s, when three stay", got)
	}
}

// The spread of a second bounds how long its messages were on their way.
func TestSpreads(t *testing.T) {
	const ms, late = int64(time.Millisecond), int64(10 * time.Second)
	took := func(n int64) int64 { return n*ms + 1 }
	b := &Book{Late: late, spread: &spreads{}}
	if got := b.bound(3); got != late {
		t.Errorf("nothing ever came: %d", got)
	}
	b.spread = &spreads{bySecond: []int64{0, 0, took(20), 0, took(50), took(30), 0}, most: took(900)}
	for second, want := range []int64{1800, 40, 40, 100, 100, 100, 60, 1800} {
		if got := b.bound(second); got != want*ms+edgeMargin {
			t.Errorf("second %d: %s, want %d ms and the margin", second, time.Duration(got), want)
		}
	}
	b.Late = 70 * ms
	if got := b.bound(4); got != b.Late {
		t.Errorf("longer than the late limit: %s", time.Duration(got))
	}
}

// A survey takes the slowest message of each second, once.
func TestSurvey(t *testing.T) {
	const second = int64(time.Second)
	m := newModel(2, ExpectOthers)
	m.joinAll()
	for _, msg := range []struct{ due, took int64 }{{10, 5}, {20, 9}, {30, 7}, {2*second + 5, 4}, {2*second + 6, -1}, {3 * second, 0}} {
		s := m.send(0, 0, msg.due)
		if msg.took >= 0 {
			m.get(1, s, msg.due+msg.took)
		}
	}
	b := m.l.books[0]
	b.survey(2)
	if got := fmt.Sprint(b.spread.bySecond, b.spread.most, b.upTo); got != "[10] 10 2" {
		t.Errorf("of two messages: %s", got)
	}
	b.survey(b.seq)
	if got := fmt.Sprint(b.spread.bySecond, b.spread.most, b.upTo); got != "[10 0 5 1] 10 6" {
		t.Errorf("of all: %s", got)
	}
}

// Which deliveries the end of the trial decides follows from the spread of their own time.
func TestBoundOfItsOwnSecond(t *testing.T) {
	const ms, second = int64(time.Millisecond), int64(time.Second)
	for due, want := range map[int64]result.Ledger{
		1 * second:  {Sent: 4, Expected: 7, Received: 6, Undecided: 1}, // then messages took 100 ms
		10 * second: {Sent: 4, Expected: 8, Received: 7, Lost: 1},      // and here 1 ms
	} {
		m := newModel(3, ExpectOthers)
		m.l.books[0].Late = 5 * second
		m.joinAll()
		for _, at := range []int64{1 * second, 10 * second} {
			took := 100 * ms
			if at > second {
				took = ms
			}
			s := m.send(0, 0, at)
			m.get(1, s, at+took)
			if at > due {
				continue // the other one has left
			}
			m.get(2, s, at+took)
			if at < due {
				continue
			}
			m.get(1, m.send(0, 0, due+ms), due+2*ms)
			later := m.send(0, 0, due+50*ms)
			m.get(1, later, due+51*ms)
			m.get(2, later, due+51*ms)
			m.now.Store(due + 51*ms)
			m.l.Leave(m.r[2])
		}
		if got := m.close(time.Hour.Nanoseconds()); got != want {
			t.Errorf("sent at %s: %+v, want %+v", time.Duration(due), got, want)
		}
	}
}

// At the end, what is missing within its limit is undecided and what is past it is lost; a
// broadcast is told to be incomplete once, and one that is complete is not told again.
func TestCloseAtTheLimit(t *testing.T) {
	for now, want := range map[int64]result.Ledger{
		20 + lateLimit: {Sent: 2, Expected: 4, Received: 3, Undecided: 1},
		21 + lateLimit: {Sent: 2, Expected: 4, Received: 3, Lost: 1},
	} {
		m := newModel(3, ExpectOthers)
		m.joinAll()
		told := ""
		m.l.complete = func(s *Slot, all bool) { told += fmt.Sprint(s.seq, all, " ") }
		a, b := m.send(0, 0, 10), m.send(0, 0, 20)
		m.get(1, a, 15)
		m.get(2, a, 15)
		m.get(1, b, 25)
		if got := m.close(now); got != want {
			t.Errorf("closed at %d: %+v, want %+v", now, got, want)
		}
		if incomplete := "0 true 1 false "; want.Lost > 0 && told != incomplete || want.Lost == 0 && told != "0 true " {
			t.Errorf("closed at %d: told %q", now, told)
		}
	}
}

// Slabs are closed when all have got their messages and a while has passed, longer when somebody is
// away; or when the budget is exceeded, the oldest first.
func TestWhenSlabsAreClosed(t *testing.T) {
	fill := func(m *model, stream, n int, due int64) {
		for range n {
			m.get(1, m.send(stream, 0, due), due+1)
		}
	}
	full := func(receivers int) *model {
		m := newModel(receivers, ExpectOthers, ExpectOthers)
		m.joinAll()
		return m
	}
	t.Run("settled", func(t *testing.T) {
		for away, keep := range map[bool]int64{false: linger, true: recall} {
			m := full(3)
			m.l.Leave(m.r[2])
			fill(m, 0, slotsPerSlab, 10)
			if away {
				m.l.Suspend(m.r[1])
			}
			sl := m.l.books[0].shelf.Load().slabs[0]
			if end := 10 + lateLimit + keep; m.l.done(sl, end-1) || !m.l.done(sl, end) {
				t.Errorf("somebody is away: %v; done a moment before its time: %v, at its time: %v", away, m.l.done(sl, end-1), m.l.done(sl, end))
			}
		}
	})
	// One echo on its way to a client that leaves must not keep all later ones in memory.
	t.Run("an echo whose sender has left", func(t *testing.T) {
		for kept, keep := range map[bool]int64{false: linger, true: recall} {
			m := newModel(2, ExpectSelf)
			m.joinAll()
			m.send(0, 1, 10)
			for range slotsPerSlab - 1 {
				m.get(0, m.send(0, 0, 10), 11)
			}
			b := m.l.books[0]
			sl, end := b.shelf.Load().slabs[0], 10+lateLimit+keep
			if m.l.done(sl, end) {
				t.Error("it may still come")
			}
			m.now.Store(20)
			if kept {
				m.l.Suspend(m.r[1])
			} else {
				m.l.Leave(m.r[1])
			}
			if m.l.done(sl, end-1) || !m.l.done(sl, end) {
				t.Errorf("may be recovered: %v; done a moment before its time: %v, at its time: %v", kept, m.l.done(sl, end-1), m.l.done(sl, end))
			}
			m.l.closeSlab(b, 0, end)
			if b.short(0) {
				t.Error("a copy of the others would count as lost")
			}
			if got, want := m.close(end), (result.Ledger{Sent: slotsPerSlab, Expected: slotsPerSlab, Received: slotsPerSlab - 1, Undecided: 1}); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		}
	})
	// A server that loses some must not make the ledger of a long run grow without end.
	t.Run("one is missing", func(t *testing.T) {
		m := full(3)
		first := m.send(0, 0, 10)
		m.get(1, first, 11)
		fill(m, 0, slotsPerSlab, 10)
		b := m.l.books[0]
		sl, end := b.shelf.Load().slabs[0], 10+lateLimit+patience
		if m.l.done(sl, end-1) || !m.l.done(sl, end) {
			t.Errorf("done a moment before its time: %v, at its time: %v", m.l.done(sl, end-1), m.l.done(sl, end))
		}
		m.l.closeSlab(b, 0, end)
		if kind := m.get(2, first, end+1); kind != Overdue {
			t.Errorf("it came after all: %v", kind)
		}
	})
	t.Run("full", func(t *testing.T) {
		m := full(2)
		b := m.l.books[0]
		fill(m, 0, slotsPerSlab, 10)
		b.watched.Store(slotsPerSlab)
		if b.full(0) {
			t.Error("the only slab is full")
		}
		fill(m, 0, 1, 20)
		b.watched.Store(slotsPerSlab - 1)
		if b.full(0) {
			t.Error("one of its messages has not been looked at")
		}
		b.watched.Store(slotsPerSlab)
		if !b.full(0) {
			t.Error("it is full")
		}
		m.l.closeSlab(b, 0, 30)
		if b.upTo != slotsPerSlab || b.full(0) {
			t.Errorf("surveyed up to %d; full: %v", b.upTo, b.full(0))
		}
	})
	t.Run("budget", func(t *testing.T) {
		m := full(2)
		fill(m, 0, 2*slotsPerSlab, 20)
		fill(m, 1, 2*slotsPerSlab, 10)
		for _, b := range m.l.books {
			b.watched.Store(2 * slotsPerSlab)
		}
		firsts := func() string {
			return fmt.Sprint(m.l.books[0].shelf.Load().first, m.l.books[1].shelf.Load().first)
		}
		m.l.budget = m.l.used.Load()
		if m.l.trim(); firsts() != "0 0" {
			t.Errorf("within the budget: %s slabs are closed", firsts())
		}
		m.l.budget--
		if m.l.trim(); firsts() != "0 1" {
			t.Errorf("a byte more: %s slabs are closed, want the older one", firsts())
		}
		m.l.budget = 1
		if m.l.trim(); firsts() != "1 1" {
			t.Errorf("a budget of nothing: %s slabs are closed, want all but the last", firsts())
		}
	})
}
