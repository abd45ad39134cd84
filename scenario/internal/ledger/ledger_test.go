package ledger

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"
	"weak"

	"pgregory.net/rapid"

	"github.com/throng-io/throng/scenario/internal/stamp"
	"github.com/throng-io/throng/scenario/result"
)

// A bench of receivers around one ledger with a clock that the test turns.
type model struct {
	l    *Ledger
	now  atomic.Int64
	room *Audience
	r    []*Receiver
}

const lateLimit = 1000

func newModel(receivers int, expects ...Expectation) *model {
	m := &model{room: &Audience{}}
	m.room.Admit(0, false)
	var books []*Book
	for _, e := range expects {
		books = append(books, &Book{Expect: e, Late: lateLimit})
	}
	m.l = New(Config{Books: books, Clock: m.now.Load})
	for i := range receivers {
		m.r = append(m.r, newReceiver(uint32(i), m.room))
	}
	return m
}

// newReceiver is a receiver that has asked to join the audiences, in its first part.
func newReceiver(id uint32, audiences ...*Audience) *Receiver {
	r := &Receiver{ID: id}
	var list []*Membership
	for _, a := range audiences {
		list = append(list, &Membership{audience: a})
	}
	r.SetMemberships(list)
	return r
}

func (m *model) joinAll() {
	for _, r := range m.r {
		r.join(r.Memberships()[0])
	}
}

// send emits from a receiver at its due time and returns the stamp to receive it by.
func (m *model) send(stream, from int, due int64) *stamp.Stamp {
	b := m.l.books[stream]
	room := m.room
	if b.Expect == ExpectSelf {
		room = nil
	}
	_, seq := m.l.Emit(b, m.r[from], room, due, 0)
	return &stamp.Stamp{Stream: uint16(stream), Sender: uint32(from), Seq: seq, Due: due}
}

func (m *model) get(to int, st *stamp.Stamp, at int64) Arrival {
	kind, _, _ := m.l.Receive(m.r[to], st, at)
	return kind
}

func (m *model) close(now int64) result.Ledger {
	var sum result.Ledger
	for _, rows := range m.l.Close(now) {
		for _, r := range rows {
			d := r.Deliveries()
			if d.Due != d.Sent+d.Held+d.Dropped {
				panic("due is not sent, held and dropped")
			}
			d.Due = 0
			sum.Add(d)
		}
	}
	return sum
}

func TestLedgerCountsEachKind(t *testing.T) {
	m := newModel(4, ExpectOthers)
	m.joinAll()
	a, b, c := m.send(0, 0, 10), m.send(0, 0, 20), m.send(0, 0, 30)
	for _, step := range []struct {
		to   int
		st   *stamp.Stamp
		at   int64
		want Arrival
	}{
		{1, a, 11, Counted},
		{1, a, 12, Duplicate},
		{1, a, 5000, Duplicate},
		{1, c, 31, Counted},
		{1, b, 32, Counted}, // out of order
		{2, a, 10 + lateLimit, Counted},
		{2, b, 20 + lateLimit + 1, Counted}, // late; c is lost
		{3, a, 11, Counted},
		{3, b, 21, Counted},
		{3, c, 31, Counted},
		{0, a, 11, Unexpected}, // the sender's own
		{1, &stamp.Stamp{Stream: 0, Sender: 0, Seq: 3, Due: 40}, 41, Unknown},
		{1, &stamp.Stamp{Stream: 0, Sender: 1, Seq: 2, Due: 30}, 41, Unknown},
		{1, &stamp.Stamp{Stream: 0, Sender: 0, Seq: 2, Due: 31}, 41, Unknown},
		{1, &stamp.Stamp{Stream: 9}, 41, Unknown},
	} {
		if got := m.get(step.to, step.st, step.at); got != step.want {
			t.Errorf("receiver %d, %+v at %d: %v, want %v", step.to, *step.st, step.at, got, step.want)
		}
	}
	got := m.close(10_000)
	want := result.Ledger{Sent: 3, Expected: 9, Received: 7, Late: 1, Lost: 1, Duplicate: 2, Disorder: 1}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if kind := m.get(2, c, 10_001); kind != Ignored {
		t.Errorf("after the end: %v", kind)
	}
}

func TestLedgerJoinsInFlight(t *testing.T) {
	m := newModel(3, ExpectAll)
	m.r[0].join(m.r[0].Memberships()[0])
	early := m.send(0, 0, 10) // 1 and 2 have asked to join, without an answer yet
	m.r[1].join(m.r[1].Memberships()[0])
	later := m.send(0, 0, 20)
	for want, kind := range map[Arrival]Arrival{
		Counted:   m.get(0, early, 11),
		Extra:     m.get(1, early, 12), // joined on the server before the message
		Duplicate: m.get(1, early, 13),
	} {
		if kind != want {
			t.Errorf("%v, want %v", kind, want)
		}
	}
	if k := m.get(2, later, 21); k != Extra {
		t.Errorf("while its join is in flight: %v", k)
	}
	m.get(0, later, 21)
	m.get(1, later, 21)
	got := m.close(10_000)
	want := result.Ledger{Sent: 2, Expected: 1 + 2 + 2, Received: 3, Undecided: 2, Duplicate: 1}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// A server that tells who joins what was said before, at each join anew, delivers nothing twice,
// and leaves nothing undecided but what could have been on its way.
func TestHistoryIsNoDelivery(t *testing.T) {
	m := newModel(2, ExpectAll)
	m.r[0].join(m.r[0].Memberships()[0])
	old, recent := m.send(0, 0, 10), m.send(0, 0, lateLimit)
	m.get(0, old, 11)
	m.get(0, recent, lateLimit+1)
	asked := m.send(0, 0, lateLimit+50)
	m.get(0, asked, lateLimit+51)
	m.now.Store(lateLimit + 100)
	m.r[1].Memberships()[0].Asked = lateLimit + 20
	m.l.Join(m.r[1], m.r[1].Memberships()[0])
	for _, step := range []struct {
		st   *stamp.Stamp
		want Arrival
	}{{old, Ignored}, {old, Ignored}, {recent, Ignored}, {asked, Extra}, {asked, Duplicate}} {
		if got := m.get(1, step.st, lateLimit+101); got != step.want {
			t.Errorf("%+v: %v, want %v", *step.st, got, step.want)
		}
	}
	m.l.Leave(m.r[1])
	m.r[1] = newReceiver(1, m.room) // another client in its place
	m.l.Join(m.r[1], m.r[1].Memberships()[0])
	if got := m.get(1, asked, lateLimit+102); got != Extra {
		t.Errorf("to the next client: %v", got)
	}
	want := result.Ledger{Sent: 3, Expected: 3 + 2, Received: 3, Undecided: 2, Duplicate: 1}
	if got := m.close(10_000); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestLedgerLeaversAreUndecided(t *testing.T) {
	m := newModel(3, ExpectAll, ExpectSelf)
	m.joinAll()
	old, fresh, got := m.send(0, 0, 0), m.send(0, 0, 1500), m.send(0, 0, 1600)
	echo := m.send(1, 2, 1700)
	lost := m.send(1, 2, 100)
	for _, r := range []int{0, 1} {
		m.get(r, old, 5)
		m.get(r, fresh, 1501)
		m.get(r, got, 1601)
	}
	m.get(2, got, 1602)
	m.now.Store(2000)
	m.l.Leave(m.r[2])
	m.l.Leave(m.r[2]) // twice is once
	for _, st := range []*stamp.Stamp{old, fresh, got, echo, lost} {
		if k := m.get(2, st, 2001); k != Ignored {
			t.Errorf("after it left: %v", k)
		}
	}
	after := m.send(0, 0, 2100)
	m.get(0, after, 2101)
	m.get(1, after, 2101)
	// Its place is given to the next receiver, which is not owed earlier messages.
	r := newReceiver(3, m.room)
	m.r = append(m.r, r)
	r.join(r.Memberships()[0])
	if r.Memberships()[0].dense != 2 {
		t.Errorf("its bit is %d, want the free one", r.Memberships()[0].dense)
	}
	if k := m.get(3, after, 2102); k != Extra {
		t.Errorf("before it joined: %v", k)
	}
	// old was overdue when it left: lost, as is the echo that was overdue.
	sum := m.close(10_000)
	want := result.Ledger{Sent: 6, Expected: 9 + 2 + 2 + 1, Received: 2 + 2 + 3 + 2, Lost: 2, Undecided: 1 + 1 + 1}
	if sum != want {
		t.Errorf("%+v, want %+v", sum, want)
	}
}

func TestLedgerCutShortIsUndecided(t *testing.T) {
	m := newModel(2, ExpectOthers)
	m.joinAll()
	m.send(0, 0, 100)
	m.send(0, 0, 5000)
	m.send(0, 0, 5100)
	if sum := m.close(5200); sum != (result.Ledger{Sent: 3, Expected: 3, Lost: 1, Undecided: 2}) {
		t.Errorf("%+v", sum)
	}
}

func TestLedgerForgetsWhatWasNeverWritten(t *testing.T) {
	m := newModel(2, ExpectOthers, ExpectNone)
	m.joinAll()
	s, _ := m.l.Emit(m.l.books[0], m.r[0], m.room, 100, 0)
	s.Cancel()
	none, seq := m.l.Emit(m.l.books[1], m.r[0], m.room, 100, 0)
	none.Cancel() // of a stream without expectations there is nothing to cancel
	if k := m.get(1, &stamp.Stamp{Stream: 1, Seq: seq, Due: 100}, 101); k != Ignored {
		t.Errorf("a delivery that nobody expects: %v", k)
	}
	if m.l.Outstanding(101) {
		t.Error("a message that was not written is outstanding")
	}
	if sum := m.close(10_000); sum != (result.Ledger{}) {
		t.Errorf("%+v", sum)
	}
}

func TestLedgerTellsWhenABroadcastIsComplete(t *testing.T) {
	m := newModel(4, ExpectOthers)
	m.joinAll()
	var told []string
	m.l.complete = func(s *Slot, complete bool) {
		told = append(told, fmt.Sprint(s.seq, complete, s.firstAt.Load(), s.lastAt.Load()))
	}
	a, b, c := m.send(0, 0, 10), m.send(0, 0, 20), m.send(0, 0, 30)
	for i, at := range []int64{13, 11, 12} {
		m.get(i+1, a, at)
	}
	m.get(1, b, 21)
	m.get(2, b, 22)
	m.l.Leave(m.r[3]) // completes b, not c
	m.get(1, c, 35)
	if !m.l.Outstanding(40) || m.l.Outstanding(5000) {
		t.Error("c is outstanding until its limit, and no longer")
	}
	m.close(5000)
	want := "[0 true 11 13 1 true 21 22 2 false 35 35]"
	if got := fmt.Sprint(told); got != want {
		t.Errorf("told %s, want %s", got, want)
	}
}

func TestLedgerKeepsItsBudget(t *testing.T) {
	m := newModel(3, ExpectOthers)
	m.joinAll()
	m.l.budget = 100 << 10
	const n = 5000
	var first, last *stamp.Stamp
	var most int64
	for i := range n {
		last = m.send(0, 0, int64(i)*10)
		if first == nil {
			first = last
		}
		if i%2 == 0 { // every other one is lost to receiver 2
			m.get(2, last, last.Due+1)
		}
		m.get(1, last, last.Due+1)
		m.now.Store(last.Due)
		m.l.Watch(last.Due)
		most = max(most, m.l.used.Load())
	}
	if most > 200<<10 {
		t.Errorf("the ledger took %d bytes", most)
	}
	if k := m.get(2, first, 1); k != Overdue {
		t.Errorf("a delivery of a message that was closed without all of them: %v", k)
	}
	if overdue := m.l.Watch(n * 20); overdue != n/2 {
		t.Errorf("%d overdue, want %d", overdue, n/2)
	}
	want := result.Ledger{Sent: n, Expected: 2 * n, Received: 2*n - n/2, Lost: n / 2}
	if sum := m.close(n * 20); sum != want {
		t.Errorf("%+v, want %+v", sum, want)
	}
}

// For random operations in random order, the counts equal the counts of a simple model, and they
// add up.
func TestLedgerAgainstABookkeeper(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 80).Draw(t, "receivers")
		expect := rapid.SampledFrom([]Expectation{ExpectAll, ExpectOthers}).Draw(t, "expect")
		m := newModel(n, expect)
		m.joinAll()
		type pair struct{ msg, to int }
		var sent []*stamp.Stamp
		fate := map[pair]string{} // of every expected pair
		last := map[int]map[int]int{}
		gone, away := map[int]bool{}, map[int]bool{}
		losses := map[int][]int64{}      // of connections, by receiver
		epoch := map[int]int{}           // of the sender, by message
		missed := map[int]map[int]bool{} // messages that were sent while a receiver was away
		lose := func(who int, now int64) {
			losses[who] = append(losses[who], max(now, 1))
			for p, f := range fate {
				if p.to == who && f == "lost" && now <= sent[p.msg].Due+lateLimit {
					fate[p] = "undecided"
				}
			}
		}
		reached := map[int]bool{} // messages that came to anybody
		var want result.Ledger
		now := int64(0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now += int64(rapid.IntRange(0, 300).Draw(t, "pass"))
			m.now.Store(now)
			who := rapid.IntRange(0, n-1).Draw(t, "who")
			switch rapid.SampledFrom([]string{"send", "send", "get", "get", "get", "get", "get", "get", "leave", "suspend", "resume", "resume"}).Draw(t, "what") {
			case "send":
				if gone[who] || away[who] {
					continue
				}
				for to := range n {
					if away[to] {
						missed[to][len(sent)] = true
					} else if !gone[to] && (expect == ExpectAll || to != who) {
						fate[pair{len(sent), to}] = "lost"
						want.Expected++
					}
				}
				epoch[len(sent)] = len(losses[who])
				sent = append(sent, m.send(0, who, now))
				want.Sent++
			case "get":
				if len(sent) == 0 {
					continue
				}
				i := rapid.IntRange(0, len(sent)-1).Draw(t, "message")
				m.get(who, sent[i], now)
				p := pair{i, who}
				if gone[who] || away[who] {
					continue
				}
				switch f, expected := fate[p]; {
				case !expected:
				case f != "lost":
					want.Duplicate++
				default:
					from := int(sent[i].Sender)
					reached[i] = true
					if last[who] == nil {
						last[who] = map[int]int{}
					}
					if i+1 < last[who][from] {
						want.Disorder++
					}
					last[who][from] = max(last[who][from], i+1)
					if fate[p] = "received"; now-sent[i].Due > lateLimit {
						fate[p] = "late"
					}
				}
			case "leave":
				m.l.Leave(m.r[who])
				if !gone[who] && !away[who] {
					lose(who, now)
				}
				gone[who], away[who] = true, false
			case "suspend":
				if !gone[who] && !away[who] {
					away[who], missed[who] = true, map[int]bool{}
					lose(who, now)
					m.l.Suspend(m.r[who])
				}
			case "resume":
				if !away[who] {
					continue
				}
				away[who] = false
				m.l.Resume(m.r[who], nil)
				for p, f := range fate {
					if p.to == who && f == "undecided" {
						fate[p] = "lost"
					}
				}
				for i := range missed[who] {
					if expect == ExpectAll || int(sent[i].Sender) != who {
						fate[pair{i, who}] = "lost"
						want.Expected++
					}
				}
			}
		}
		now += int64(rapid.IntRange(0, 2*lateLimit).Draw(t, "drain"))
		for p, f := range fate {
			s := sent[p.msg]
			if f == "lost" && now <= s.Due+lateLimit {
				f = "undecided"
			}
			if l := losses[int(s.Sender)]; f == "lost" && len(l) > epoch[p.msg] && !reached[p.msg] && l[epoch[p.msg]] <= s.Due+lateLimit {
				f = "undecided" // the message may never have left with its sender
			}
			switch f {
			case "lost":
				want.Lost++
			case "late":
				want.Late++
			case "received":
				want.Received++
			case "undecided":
				want.Undecided++
			}
		}
		got := m.close(now)
		if got != want {
			t.Fatalf("%+v, want %+v", got, want)
		}
		if got.Expected != got.Received+got.Late+got.Lost+got.Undecided {
			t.Fatalf("%+v does not add up", got)
		}
	})
}

// Receivers on goroutines of their own, some leaving, while the pacer emits: each
// delivery still counts once.
func TestLedgerConcurrently(t *testing.T) {
	const receivers, messages = 100, 2000
	m := newModel(receivers+1, ExpectOthers)
	m.joinAll()
	feeds := make([]chan stamp.Stamp, receivers+1)
	var wg sync.WaitGroup
	var delivered, dup atomic.Int64
	for i := 1; i <= receivers; i++ {
		feeds[i] = make(chan stamp.Stamp, messages)
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(1, uint64(i)))
			n := 0
			for st := range feeds[i] {
				if rng.IntN(50) == 0 {
					continue // lost
				}
				if k := m.get(i, &st, st.Due+1); k == Counted {
					delivered.Add(1)
				}
				if rng.IntN(50) == 0 {
					if k := m.get(i, &st, st.Due+2); k == Duplicate {
						dup.Add(1)
					}
				}
				if n++; i%10 == 0 && n == messages/2 {
					m.l.Leave(m.r[i])
				}
			}
		})
	}
	for i := range messages {
		m.now.Store(int64(i))
		st := m.send(0, 0, int64(i))
		for j := 1; j <= receivers; j++ {
			feeds[j] <- *st
		}
		if i%100 == 0 {
			m.l.Watch(int64(i))
		}
	}
	for _, f := range feeds[1:] {
		close(f)
	}
	wg.Wait()
	got := m.close(int64(time.Hour))
	if got.Sent != messages || got.Received != delivered.Load() || got.Duplicate != dup.Load() || got.Disorder != 0 {
		t.Errorf("%+v, %d were delivered and %d again", got, delivered.Load(), dup.Load())
	}
	if got.Expected != got.Received+got.Late+got.Lost+got.Undecided || got.Lost == 0 || got.Undecided == 0 {
		t.Errorf("%+v does not add up", got)
	}
}

func TestReceiveCostsNoAllocation(t *testing.T) {
	m := newModel(100, ExpectOthers)
	m.joinAll()
	a, b := m.send(0, 0, 10), m.send(0, 1, 20)
	m.get(2, a, 11)
	m.get(2, b, 11)
	var fresh []*stamp.Stamp
	for i := range 300 {
		fresh = append(fresh, m.send(0, i%2, 30))
	}
	i := 0
	n := testing.AllocsPerRun(200, func() {
		if m.get(2, fresh[i], 31) != Counted || m.get(2, fresh[i], 32) != Duplicate {
			t.Fatal("not counted as it should be")
		}
		i++
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// A long run in which everything arrives takes no more than a short one; a message that somebody
// misses is kept, for it may come.
func TestLedgerForgetsWhatAllHaveGot(t *testing.T) {
	m := newModel(2, ExpectOthers)
	m.joinAll()
	const n = 20 * slotsPerSlab
	step := linger / (2 * slotsPerSlab) // two slabs linger
	var first, kept, behind *stamp.Stamp
	var most int64
	for i := range n {
		s := m.send(0, 0, int64(i)*step)
		switch i {
		case 0:
			first = s
		case 10 * slotsPerSlab:
			kept = s
		case 12 * slotsPerSlab:
			behind = s
		}
		if s != kept {
			m.get(1, s, s.Due+1)
		}
		m.now.Store(s.Due)
		m.l.Watch(s.Due)
		if i == 10*slotsPerSlab {
			most = m.l.used.Load()
		}
	}
	if size := int64(unsafe.Sizeof(slab{})); most > 5*size {
		t.Errorf("the ledger took %d bytes, more than five slabs of %d", most, size)
	}
	if used, size := m.l.used.Load(), int64(unsafe.Sizeof(slab{})); used > 6*size {
		t.Errorf("for a message that is missing the ledger keeps %d bytes, more than six slabs of %d", used, size)
	}
	for _, s := range []*stamp.Stamp{first, behind} {
		if k := m.get(1, s, n*step); k != Stale {
			t.Errorf("one more copy of what is closed: %v", k)
		}
	}
	late := newReceiver(2, m.room)
	m.r = append(m.r, late)
	m.l.Join(late, late.Memberships()[0])
	if k := m.get(2, first, n*step); k != Ignored {
		t.Errorf("told to one who has just joined: %v", k)
	}
	if k := m.get(1, kept, n*step); k != Counted {
		t.Errorf("what was missing: %v", k)
	}
	if l := m.close(int64(n)*step + lateLimit); l.Sent != n || l.Received+l.Late != n || l.Late != 1 || l.Lost != 0 {
		t.Errorf("%+v, want all %d received, one of them late", l, n)
	}
}

// An audience to which nothing is sent any more keeps nothing of what was.
func TestIdleAudiencesKeepNoMessages(t *testing.T) {
	m := newModel(0, ExpectOthers)
	idle := &Audience{}
	idle.Admit(0, false)
	for i := range uint32(2) {
		m.r = append(m.r, newReceiver(i, m.room, idle))
		for _, one := range m.r[i].Memberships() {
			m.r[i].join(one)
		}
	}
	kept := func() weak.Pointer[Slot] {
		unwritten, _ := m.l.Emit(m.l.books[0], m.r[0], idle, 0, 0)
		unwritten.Cancel()
		s, seq := m.l.Emit(m.l.books[0], m.r[0], idle, 0, 0)
		m.get(1, &stamp.Stamp{Seq: seq}, 1)
		return weak.Make(s)
	}()
	const n = 6 * slotsPerSlab
	for i := range int64(n) {
		st := m.send(0, 0, i*linger/slotsPerSlab)
		m.get(1, st, st.Due+1)
		m.now.Store(st.Due)
		m.l.Watch(st.Due)
	}
	runtime.GC()
	if kept.Value() != nil || idle.recent != nil {
		t.Errorf("%d messages are kept", len(idle.recent))
	}
	if got := m.close(n * linger); got.Received != n+1 || got.Expected != n+1 {
		t.Errorf("%+v, want %d received", got, n+1)
	}
}

// A server that goes on to deliver long after a client has left a room is found out.
func TestDeliveriesAfterLeavingAreFound(t *testing.T) {
	m := newModel(2, ExpectOthers)
	m.joinAll()
	left := m.r[1].Memberships()[0]
	before := m.send(0, 0, 90)
	m.now.Store(100)
	m.l.End(m.r[1], left, 100)
	m.l.End(m.r[1], left, 100)
	near, far := m.send(0, 0, 110), m.send(0, 0, 5000)
	for _, step := range []struct {
		st   *stamp.Stamp
		at   int64
		want Arrival
	}{{before, 105, Ignored}, {near, 120, Extra}, {near, 121, Duplicate}, {far, 5001, Unexpected}} {
		if got := m.get(1, step.st, step.at); got != step.want {
			t.Errorf("%+v at %d: %v, want %v", *step.st, step.at, got, step.want)
		}
	}
	want := result.Ledger{Sent: 3, Expected: 2, Undecided: 2, Duplicate: 1}
	if got := m.close(10_000); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
