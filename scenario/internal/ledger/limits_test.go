package ledger

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/throng-io/throng/scenario/internal/stamp"
	"github.com/throng-io/throng/scenario/result"
)

// A broadcast is complete when none of its deliveries is outstanding and somebody has got it.
func TestWhenABroadcastIsComplete(t *testing.T) {
	for name, test := range map[string]struct {
		steps string // a receiver's number: it gets the message; with a minus: it leaves
		want  string
	}{
		"all get it":                   {"1 2 3", "3"},
		"the last one leaves":          {"1 2 -3", "-3"},
		"one leaves, the last gets it": {"-3 1 2", "2"},
		"two leave, the last gets it":  {"-3 -1 2", "2"},
		"one leaves, one is missing":   {"1 -3", ""},
		"all leave without it":         {"-1 -2 -3", ""},
		"nobody gets it":               {"", ""},
	} {
		m := newModel(4, ExpectOthers)
		m.joinAll()
		step, told := "", ""
		m.l.complete = func(_ *Slot, all bool) {
			if told += step; !all {
				told += "!"
			}
		}
		msg := m.send(0, 0, 10)
		for step = range strings.FieldsSeq(test.steps) {
			if who := int(step[len(step)-1] - '0'); step[0] == '-' {
				m.l.Leave(m.r[who])
			} else {
				m.get(who, msg, 20)
			}
		}
		if told != test.want {
			t.Errorf("%s: complete at %q, want %q", name, told, test.want)
		}
	}
}

// At its limit a message may still come; a moment later it is late.
func TestAtTheLimit(t *testing.T) {
	t.Run("leaving", func(t *testing.T) {
		for after, want := range map[int64]result.Ledger{
			lateLimit:     {Sent: 1, Expected: 1, Undecided: 1},
			lateLimit + 1: {Sent: 1, Expected: 1, Lost: 1},
		} {
			m := newModel(2, ExpectOthers)
			m.joinAll()
			m.send(0, 0, 10)
			m.now.Store(10 + after)
			m.l.Leave(m.r[1])
			if got := m.close(int64(time.Hour)); got != want {
				t.Errorf("left %d after it was due: %+v, want %+v", after, got, want)
			}
		}
	})
	t.Run("another message meanwhile", func(t *testing.T) {
		m := newModel(2, ExpectOthers)
		m.joinAll()
		m.send(0, 0, 10)
		m.get(1, m.send(0, 0, 10+lateLimit), 10+lateLimit)
		m.now.Store(10 + lateLimit)
		m.l.Leave(m.r[1])
		if got, want := m.close(int64(time.Hour)), (result.Ledger{Sent: 2, Expected: 2, Received: 1, Undecided: 1}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
	t.Run("arriving after leaving a room", func(t *testing.T) {
		for after, want := range map[int64]Arrival{lateLimit: Extra, lateLimit + 1: Unexpected} {
			m := newModel(2, ExpectOthers)
			m.joinAll()
			m.now.Store(600)
			m.l.End(m.r[1], m.r[1].Memberships()[0], 600)
			if got := m.get(1, m.send(0, 0, 700), 600+after); got != want {
				t.Errorf("%d after it left: %v, want %v", after, got, want)
			}
		}
	})
}

// Stamps of streams that are not there are unknown, whatever their number.
func TestStreamsThatAreNotThere(t *testing.T) {
	m := newModel(2, ExpectOthers, ExpectAll)
	m.joinAll()
	for stream, want := range map[uint16]Arrival{2: Unknown, 3: Unknown, 65535: Unknown, 1: Unknown} {
		if got := m.get(1, &stamp.Stamp{Stream: stream, Due: 5}, 6); got != want {
			t.Errorf("stream %d: %v, want %v", stream, got, want)
		}
	}
}

// An echo counts once, at its sender alone. When its sender is recovered meanwhile, it is a replay.
func TestEchoes(t *testing.T) {
	m := newModel(2, ExpectSelf)
	m.joinAll()
	before, after := m.send(0, 0, 10), m.send(0, 0, 20)
	if a, b := m.get(0, before, 11), m.get(0, before, 12); a != Counted || b != Duplicate {
		t.Errorf("%v and %v, want it counted once", a, b)
	}
	if got := m.get(1, after, 21); got != Unexpected {
		t.Errorf("at another: %v", got)
	}
	m.now.Store(30)
	m.l.Suspend(m.r[0])
	m.now.Store(40)
	m.l.Resume(m.r[0], nil)
	if got := m.get(0, after, 41); got != Replayed {
		t.Errorf("after a recovery: %v", got)
	}
	all, again := m.parts(int64(time.Hour))
	if want := (result.Ledger{Sent: 2, Expected: 2, Received: 2, Duplicate: 1}); all != want {
		t.Errorf("%+v, want %+v", all, want)
	}
	if again.Expected != 1 || again.Received != 1 {
		t.Errorf("replayed: %+v", again)
	}
}

// A sender whose join is still in flight is none of the members that a message is for.
func TestSenderThatIsNoMember(t *testing.T) {
	m := newModel(3, ExpectOthers)
	m.r[1].join(m.r[1].Memberships()[0])
	m.r[2].join(m.r[2].Memberships()[0])
	m.send(0, 0, 10)
	if got := m.close(int64(time.Hour)); got.Expected != 2 {
		t.Errorf("%d deliveries are expected, want 2", got.Expected)
	}
}

// In an audience of slow readers nobody is ranked, and nobody is waited for.
func TestAllSlow(t *testing.T) {
	m := newModel(2, ExpectOthers)
	m.room = &Audience{}
	m.room.Admit(0, true)
	m.room.Admit(0, true) // once is enough
	m.r = []*Receiver{newReceiver(0, m.room), newReceiver(1, m.room)}
	m.joinAll()
	told := 0
	m.l.complete = func(*Slot, bool) { told++ }
	kind, s, rank := m.l.Receive(m.r[1], m.send(0, 0, 10), 20)
	if kind != Counted || rank != 0 || s.Receivers() != 0 || s.Last() != 0 || told != 0 || len(m.room.parts) != 1 {
		t.Errorf("%v, rank %d of %d, last %d, told %d times, %d parts", kind, rank, s.Receivers(), s.Last(), told, len(m.room.parts))
	}
}

// A membership says whether its join is acknowledged and when it ended. A join that is acknowledged
// after the end comes too late.
func TestMembershipsOfOne(t *testing.T) {
	m := newModel(3, ExpectAll)
	for i, end := range []func(r *Receiver){
		func(r *Receiver) { m.l.End(r, r.Memberships()[0], 70) },
		func(r *Receiver) { m.l.Leave(r) },
	} {
		r := m.r[i]
		one := r.Memberships()[0]
		if _, ended := one.HasEnded(); one.HasJoined() || ended {
			t.Fatal("it has joined, or ended, before its time")
		}
		m.now.Store(70)
		end(r)
		r.join(one)
		if since, ended := one.HasEnded(); one.HasJoined() || !ended || since != 70 || one.member {
			t.Errorf("ended %v at %d, joined %v, member %v", ended, since, one.HasJoined(), one.member)
		}
	}
	one := m.r[2].Memberships()[0]
	m.r[2].join(one)
	if since, ended := one.HasEnded(); !one.HasJoined() || ended || since != 0 || !one.member {
		t.Errorf("ended %v at %d, joined %v, member %v", ended, since, one.HasJoined(), one.member)
	}
	if m.room.members != 1 {
		t.Errorf("%d members, want 1", m.room.members)
	}
	m.send(0, 2, 80)
	if got := m.close(int64(time.Hour)); got.Expected != 1 {
		t.Errorf("%+v, want one delivery", got)
	}
}

// A further namespace is an audience like others, but for recovery: its membership ends with the
// connection, and the recovered client has another.
func TestFurtherNamespaces(t *testing.T) {
	m := newModel(3, ExpectOthers)
	m.joinAll()
	space := &Audience{}
	space.Admit(0, false)
	join := func(r *Receiver) {
		one := &Membership{}
		one.Init(space, -1, 0)
		if r.leftAt.Load() == 0 {
			r.SetSpaces([]*Membership{one})
		} else {
			m.l.Resume(r, []*Membership{one})
		}
		r.join(one)
	}
	for _, r := range m.r {
		join(r)
	}
	emit := func(due int64) *stamp.Stamp {
		_, seq := m.l.Emit(m.l.books[0], m.r[0], space, due, 0)
		return &stamp.Stamp{Sender: 0, Seq: seq, Due: due}
	}
	a := emit(10)
	if kinds := fmt.Sprint(m.get(0, a, 11), m.get(1, a, 11), m.get(1, a, 12)); kinds != fmt.Sprint(Unexpected, Counted, Duplicate) {
		t.Errorf("%v", kinds)
	}
	m.now.Store(20)
	m.l.Suspend(m.r[1])
	b := emit(30)
	m.now.Store(40)
	join(m.r[1])
	if got := m.get(1, b, 41); got != Extra { // its namespace has not missed it: it was not there
		t.Errorf("what was sent meanwhile: %v", got)
	}
	if c := emit(50); m.get(1, c, 51) != Counted || m.get(2, c, 51) != Counted {
		t.Error("the new membership gets nothing")
	}
	m.now.Store(60)
	m.l.Leave(m.r[2]) // a and b are on their way to it
	m.l.Leave(m.r[2])
	want := result.Ledger{Sent: 3, Expected: 6, Received: 3, Duplicate: 1, Undecided: 3}
	if got := m.close(int64(time.Hour)); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// What a recovered client is owed again is outstanding, although later messages were settled.
func TestOutstandingAgain(t *testing.T) {
	m := newModel(3, ExpectOthers)
	m.joinAll()
	first := m.send(0, 0, 10)
	m.get(2, first, 11)
	m.now.Store(20)
	m.l.Suspend(m.r[1])
	second := m.send(0, 0, 30)
	if !m.l.Outstanding(40) {
		t.Fatal("the second is outstanding")
	}
	m.get(2, second, 41)
	if m.l.Outstanding(50) {
		t.Fatal("nothing is: who is away is owed nothing")
	}
	m.now.Store(60)
	m.l.Resume(m.r[1], nil)
	if !m.l.Outstanding(70) {
		t.Fatal("both are, to the recovered client")
	}
	m.get(1, second, 80)
	if !m.l.Outstanding(90) {
		t.Error("the first is")
	}
	m.get(1, first, 80)
	if m.l.Outstanding(90) {
		t.Error("nothing is")
	}
}

// A stale copy is excused as a replay when its message was due before the receiver was recovered.
func TestStaleCopies(t *testing.T) {
	m := newModel(2, ExpectOthers)
	m.joinAll()
	for i := range 3 * slotsPerSlab {
		m.get(1, m.send(0, 0, int64(i)), int64(i))
	}
	m.now.Store(100)
	m.l.Suspend(m.r[1])
	m.l.Resume(m.r[1], nil)
	m.l.books[0].watched.Store(3 * slotsPerSlab)
	m.l.closeSlab(m.l.books[0], 0, 5000)
	for due, want := range map[int64]Arrival{99: Ignored, 100: Stale, 101: Stale} {
		if got := m.get(1, &stamp.Stamp{Seq: uint32(due), Due: due}, 5000); got != want {
			t.Errorf("due at %d, recovered at 100: %v, want %v", due, got, want)
		}
	}
	if got := m.get(0, &stamp.Stamp{Seq: 5, Due: 0}, 5000); got != Stale { // it never was away
		t.Errorf("at another: %v", got)
	}
}

// The memory of messages is accounted for exactly, and given back.
func TestMemoryIsAccountedFor(t *testing.T) {
	slabSize, countsSize := int64(unsafe.Sizeof(slab{})), int64(unsafe.Sizeof(counts{}))
	for _, test := range []struct {
		receivers, classes int
		each               int64 // bytes of a message
	}{{64, 1, 0}, {65, 1, 16}, {128, 1, 16}, {129, 1, 24}, {3, 2, 2 * countsSize}, {70, 3, 16 + 3*countsSize}} {
		m := newModel(0, ExpectAll)
		for class := range test.classes {
			m.room.Admit(class, false)
		}
		for i := range test.receivers {
			r := newReceiver(uint32(i), m.room)
			r.Memberships()[0].part = i % test.classes
			m.r = append(m.r, r)
		}
		m.joinAll()
		for i := range slotsPerSlab + 1 {
			m.send(0, 0, int64(i))
			want := slabSize*int64(1+i/slotsPerSlab) + int64(i+1)*test.each
			if m.l.used.Load() != want {
				t.Fatalf("%+v: %d bytes for %d messages, want %d", test, m.l.used.Load(), i+1, want)
			}
		}
		m.l.closeSlab(m.l.books[0], 0, int64(time.Hour))
		if want := slabSize + test.each; m.l.used.Load() != want {
			t.Errorf("%+v: %d bytes when the first slab is closed, want %d", test, m.l.used.Load(), want)
		}
	}
}

// Order is by sender and stream: a sequence is overtaken when a later one of both came before.
func TestOvertaken(t *testing.T) {
	var o order
	for i, step := range []struct {
		stream      uint16
		sender, seq uint32
		want        bool
	}{
		{0, 1, 5, false},
		{0, 1, 5, false},
		{0, 1, 4, true},
		{0, 1, 6, false},
		{0, 2, 1, false},
		{1, 1, 0, false},
		{1, 2, 7, false}, // others' later ones are nothing to them
		{0, 1, 5, true},
		{0, 2, 0, true},
		{1, 1, 1, false},
		{1, 2, 6, true},
		{0, 1, 7, false},
		{0, 1, 6, true},
	} {
		if got := o.overtaken(step.stream, step.sender, step.seq, 0); got != step.want {
			t.Errorf("step %d, %+v: overtaken is %v", i, step, got)
		}
	}
}

// A receiver that stays while others come and go remembers those that were heard not long ago.
func TestOrderForgetsOldSenders(t *testing.T) {
	var o order
	for sender := range uint32(100_000) {
		at := int64(sender) * int64(10*time.Millisecond)
		if o.overtaken(0, sender, 5, at) {
			t.Fatalf("sender %d has overtaken itself", sender)
		}
		if sender >= 1000 && !o.overtaken(0, sender-1000, 4, at) { // of ten seconds before
			t.Fatalf("sender %d is forgotten at once", sender-1000)
		}
		if n := len(o.more) + len(o.past); n > 3*int(recall/int64(10*time.Millisecond)) {
			t.Fatalf("%d senders are remembered", n)
		}
	}
}

// A client that is gone keeps its messages' account, and no more; an echo that it did not wait for
// keeps nothing waiting.
func TestGoneReceiversAreSmall(t *testing.T) {
	b := &Book{Expect: ExpectSelf, Late: int64(time.Second)}
	now := int64(1)
	l := New(Config{Books: []*Book{b}, Clock: func() int64 { return now }})
	for range 3 * slotsPerSlab {
		r := &Receiver{ID: b.seq}
		m := &Membership{}
		room := &Audience{Room: -1}
		room.Admit(0, false)
		m.Init(room, -1, 0)
		r.SetMemberships([]*Membership{m})
		r.SetSpaces([]*Membership{m})
		l.Join(r, m)
		l.Emit(b, r, nil, now, 0)
		l.Leave(r)
		if len(r.Memberships())+len(r.Spaces()) > 0 || !r.over.Load() {
			t.Fatal("a client that is gone keeps its memberships")
		}
		now += int64(time.Second)
		l.Watch(now)
	}
	if n, most := len(b.shelf.Load().slabs), 2; n > most {
		t.Errorf("%d slabs are kept, want at most %d", n, most)
	}
}

// A message that comes while its receiver leaves has come, or came too late to count: it was not
// for somebody else.
func TestReceiveWhileLeaving(t *testing.T) {
	b := &Book{Expect: ExpectAll, Late: int64(time.Second)}
	l := New(Config{Books: []*Book{b}, Clock: func() int64 { return 1 }})
	room := &Audience{Room: -1}
	room.Admit(0, false)
	for range 5000 {
		r, m := &Receiver{ID: b.seq}, &Membership{}
		m.Init(room, -1, 0)
		r.SetMemberships([]*Membership{m})
		l.Join(r, m)
		s, seq := l.Emit(b, r, room, 1, 0)
		var wg sync.WaitGroup
		wg.Go(func() { l.Leave(r) })
		if kind, _, _ := l.Receive(r, &stamp.Stamp{Sender: r.ID, Seq: seq, Due: s.Due}, 1); kind != Counted && kind != Ignored {
			t.Fatalf("it is %v", kind)
		}
		wg.Wait()
	}
}
