package scenario

import (
	"cmp"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/throng-io/throng/scenario/internal/stamp"
)

// What a stream expects of its messages.
type expectation int

const (
	expectNone   expectation = iota // not in the ledger
	expectSelf                      // one delivery, to the sender
	expectAll                       // every member of the audience
	expectOthers                    // every member but the sender
)

// ledgerBudget bounds what the ledger keeps of messages: about two million broadcasts
// to a room of sixty, or ten thousand to 200 000 receivers. Messages that everybody has got are
// closed some time after their late limit; beyond the budget the oldest are that have passed it. A
// delivery of a closed message that still comes is not attributed any more but counted as an error
// delivery.stale.
const ledgerBudget = 256 << 20

// A ledger accounts for every message of one trial. One goroutine emits, the pacer's; any
// goroutine receives, on behalf of a receiver that is its own.
//
// Each message has a slot (slot.go) with a bit for each member that its audience had
// (audience.go). Finding the slot takes no lock, since the sequence of the stream is its place in
// an array. In the end slots become rows (settle.go).
type ledger struct {
	books    []*book
	clock    func() int64
	closed   atomic.Bool // settled: what comes now is not counted
	budget   int64
	used     int64 // by slots and bits; the emitter's
	complete func(s *slot, all bool)

	mu     sync.Mutex
	extras map[extra]struct{}
}

// An extra is a delivery that a join or leave in flight brought about.
type extra struct {
	stream   uint16
	seq      uint32
	receiver uint32
}

// maxExtras bounds the memory for extras. Beyond it a second copy of an extra delivery
// passes for a first one.
const maxExtras = 1 << 20

// A ledgerConfig says what a ledger is about. Clock is needed.
type ledgerConfig struct {
	books  []*book
	clock  func() int64 // nanoseconds since the trial's start
	budget int64        // bytes; 0 = 256 MiB
	// complete is called once for each broadcast, when nothing is outstanding of it; all is false when some of
	// it is lost. It may be called on any goroutine that receives, and by close. nil = nobody asks.
	complete func(s *slot, all bool)
}

func newLedger(c ledgerConfig) *ledger {
	for i, b := range c.books {
		b.stream = uint16(i)
		b.shelf.Store(&shelf{})
	}
	l := &ledger{books: c.books, clock: c.clock, budget: cmp.Or(c.budget, ledgerBudget), complete: c.complete, extras: map[extra]struct{}{}}
	if l.complete == nil {
		l.complete = func(*slot, bool) {}
	}
	return l
}

// reportIfComplete reports a broadcast once all that its receivers were owed has come or is
// undecided. It does not wait for slow readers.
func (l *ledger) reportIfComplete(s *slot) {
	if s.audience == nil || s.all.missing() > 0 || s.all.got.Load() == 0 {
		return
	}
	if s.reported.CompareAndSwap(false, true) {
		l.complete(s, true)
	}
}

// emit enters a message that is about to be sent. The slot is nil when the stream
// expects nothing. Only the pacer calls it.
func (l *ledger) emit(b *book, from *receiver, a *audience, due int64, phase int) (s *slot, seq uint32) {
	seq = b.seq
	b.seq++
	if b.expect == expectNone {
		return nil, seq
	}
	sh := b.shelf.Load()
	i := int(seq/slotsPerSlab) - sh.first
	if i == len(sh.slabs) {
		sh = &shelf{sh.first, append(sh.slabs, new(slab))}
		l.used += int64(unsafe.Sizeof(slab{}))
		b.shelf.Store(sh)
		l.trim()
		sh = b.shelf.Load()
		i = int(seq/slotsPerSlab) - sh.first
	}
	s = &sh.slabs[i][seq%slotsPerSlab]
	s.book, s.from, s.due, s.seq, s.phase = b, from, due, seq, int32(phase)
	if b.expect == expectSelf {
		s.all.expected = 1
		s.ready.Store(true)
		return s, seq
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s.audience, s.asOf = a, a.version
	l.expect(s)
	if a.width > 64 {
		s.bits = make([]atomic.Uint64, (a.width+63)/64)
		l.used += int64(8 * len(s.bits))
	}
	old := 0
	for old < len(a.recent) && a.recent[old].due+a.recent[old].book.late < due {
		old++
	}
	a.recent = append(a.recent[old:], s)
	s.ready.Store(true)
	return s, seq
}

// expect fills in how many receivers a message is for. The audience is locked.
func (l *ledger) expect(s *slot) {
	a := s.audience
	self := -1
	if s.book.expect == expectOthers {
		for _, list := range [...][]*membership{s.from.memberships(), s.from.spaces} {
			for _, m := range list {
				if m.audience == a && m.member {
					self = m.part
				}
			}
		}
	}
	if len(a.parts) > 1 || len(a.parts) == 1 && a.parts[0].slow {
		s.parts = make([]counts, len(a.parts))
		l.used += int64(len(s.parts)) * int64(unsafe.Sizeof(counts{}))
	}
	for i := range a.parts {
		n := a.parts[i].members
		if i == self {
			n--
		}
		s.at(i).expected = n
		if s.shared(i) {
			s.all.expected += n
		}
	}
}

// An arrival is what the ledger makes of a delivery.
type arrival int

const (
	arrivedIgnored    arrival = iota // not in the ledger, or after the receiver left, or after the end
	arrivedCounted                   // the first copy, received or late
	arrivedDuplicate                 // one more
	arrivedExtra                     // the join was in flight when it was emitted
	arrivedUnexpected                // it is for somebody else
	arrivedStale                     // its message is closed
	arrivedUnknown                   // no such message was sent
)

// receive notes that a message has come to a receiver at a moment. The slot is given for
// arrivedCounted only, and with it the rank, which counts from 1; 0 for slow readers. It does
// not allocate once the receiver has heard of the sender before.
func (l *ledger) receive(r *receiver, st *stamp.Stamp, at int64) (kind arrival, s *slot, rank uint32) {
	if int(st.Stream) >= len(l.books) {
		return arrivedUnknown, nil, 0
	}
	b := l.books[st.Stream]
	if b.expect == expectNone || l.closed.Load() || r.leftAt.Load() != 0 {
		return arrivedIgnored, nil, 0
	}
	s, stale := b.find(st.Seq)
	switch {
	case stale:
		return arrivedStale, nil, 0
	case s == nil || s.from.id != st.Sender || s.due != st.Due:
		return arrivedUnknown, nil, 0
	case s.audience == nil:
		if s.from != r {
			return arrivedUnexpected, nil, 0
		}
		return l.count(r, s, nil, at)
	case b.expect == expectOthers && s.from == r:
		return arrivedUnexpected, nil, 0
	}
	var other *membership
	for _, list := range [...][]*membership{r.memberships(), r.spaces} {
		for _, m := range list {
			switch {
			case m.audience != s.audience:
			case m.owed(s.asOf):
				return l.count(r, s, m, at)
			case m.left.Load() == 0 || at-m.leftAt <= b.late:
				other = m
			}
		}
	}
	if other == nil {
		return arrivedUnexpected, nil, 0
	}
	return l.extra(r, s, other), nil, 0
}

// count takes an arrival in at a receiver that was owed it; m is nil for an echo.
func (l *ledger) count(r *receiver, s *slot, m *membership, at int64) (arrival, *slot, uint32) {
	dense, part, o := uint32(0), 0, &r.echoes
	if m != nil {
		dense, part, o = m.dense, m.part, &m.order
	}
	if !s.take(dense) {
		if r.leftAt.Load() != 0 || m != nil && m.left.Load() != 0 { // its leaving took the bit
			return arrivedIgnored, nil, 0
		}
		s.at(part).duplicate.Add(1)
		return arrivedDuplicate, nil, 0
	}
	if o.overtaken(s.book.stream, s.from.id, s.seq) {
		s.at(part).disorder.Add(1)
	}
	if s.parts == nil || s.shared(part) {
		for last := s.lastAt.Load(); last < at && !s.lastAt.CompareAndSwap(last, at); {
			last = s.lastAt.Load()
		}
		for first := s.firstAt.Load(); (first == 0 || at < first) && !s.firstAt.CompareAndSwap(first, at); {
			first = s.firstAt.Load()
		}
	}
	rank := s.arrived(part, at-s.due > s.book.late)
	if rank+s.all.undecided.Load() >= s.all.expected {
		l.reportIfComplete(s)
	}
	return arrivedCounted, s, rank
}

func (l *ledger) extra(r *receiver, s *slot, m *membership) arrival {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := s.at(m.part)
	e := extra{s.book.stream, s.seq, r.id}
	if _, twice := l.extras[e]; twice {
		c.duplicate.Add(1)
		return arrivedDuplicate
	}
	if len(l.extras) < maxExtras {
		l.extras[e] = struct{}{}
	}
	c.extra.Add(1)
	return arrivedExtra
}

// watch looks at what has passed its late limit since the last call and returns how
// many deliveries had not come by then, in all. It is a figure for a live view: some may
// still come, and close decides. One goroutine at a time.
func (l *ledger) watch(now int64) (overdue int64) {
	for _, b := range l.books {
		for {
			s, _ := b.find(b.watched.Load())
			if s == nil || s.due+b.late >= now {
				break
			}
			if !s.void.Load() {
				b.overdue.Add(max(0, s.all.missing()))
				b.seen = s.account(b.seen, false)
			}
			b.watched.Add(1)
		}
		overdue += b.overdue.Load()
	}
	return overdue
}

// soFar returns the rows of the messages whose late limit had passed when watch looked last, by stream:
// the account as it stood then. The slices are valid until the next watch, on its goroutine.
func (l *ledger) soFar(rows [][]row) [][]row {
	for _, b := range l.books {
		rows = append(rows, b.seen)
	}
	return rows
}

// outstanding reports whether anything may still come that would not be late.
func (l *ledger) outstanding(now int64) bool {
	for _, b := range l.books {
		for seq := b.seq; seq > 0; seq-- {
			s, _ := b.find(seq - 1)
			if s == nil || s.due+b.late < now {
				break
			}
			if !s.void.Load() && s.missing() > 0 && s.from.owed(s) {
				return true
			}
		}
	}
	return false
}

// owed is false for an echo whose sender has left.
func (r *receiver) owed(s *slot) bool { return s.audience != nil || r.leftAt.Load() == 0 }
