package scenario

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
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
// to a room of sixty, or ten thousand to 200 000 receivers. Beyond it the oldest
// messages whose late limit has passed are closed: a delivery of theirs that still
// comes is not attributed any more but counted as an error delivery.stale.
const ledgerBudget = 256 << 20

// A ledger accounts for every message of one trial. One goroutine emits, the pacer's; any
// goroutine receives, on behalf of a receiver that is its own.
//
// Each message has a slot with a bit for each member that its audience had. Finding the
// slot takes no lock, since the sequence of the stream is its place in an array.
type ledger struct {
	books  []*book
	clock  func() int64
	closed atomic.Bool // settled: what comes now is not counted
	budget int64
	used   int64                    // by slots and bits; the emitter's
	whole  func(s *slot, last bool) // called once when nothing is outstanding of a broadcast

	mu     sync.Mutex
	extras map[extra]struct{}
}

// An extra is a delivery that a join in flight brought about.
type extra struct {
	stream   uint16
	seq      uint32
	receiver uint32
}

// maxExtras bounds the memory for extras. Beyond it a second copy of an extra delivery
// passes for a first one.
const maxExtras = 1 << 20

// A book is the part of the ledger that belongs to one stream.
type book struct {
	stream uint16
	expect expectation
	late   int64 // nanoseconds after due

	seq     uint32 // of the next message; the emitter's
	shelf   atomic.Pointer[shelf]
	watched atomic.Uint32 // slots before it have been looked at after their late limit
	overdue atomic.Int64  // what was missing then
	seen    []row         // of those slots as they were then; the watcher's
	rows    []row         // of closed slots, in order of due time; the emitter's until settled
}

// A shelf is what a book keeps at one moment. It is replaced, never changed.
type shelf struct {
	first int // slabs closed before
	slabs []*slab
}

const slotsPerSlab = 256

type slab [slotsPerSlab]slot

// A slot is one message. All but the atomics is written before the slot can be found.
type slot struct {
	book     *book
	from     *receiver
	audience *audience // nil: the sender alone
	due      int64
	asOf     uint32 // the audience's version at emission
	expected uint32 // members then, as far as the stream expects them
	seq      uint32
	phase    int32
	ready    atomic.Bool // may be found
	void     atomic.Bool // was never written to the network
	told     atomic.Bool // the ledger's whole has been called

	got       atomic.Uint32 // first arrivals at expected receivers, late ones included
	late      atomic.Uint32 // of those
	undecided atomic.Uint32 // expected, then left
	extra     atomic.Uint32 // arrivals at receivers that were just joining
	duplicate atomic.Uint32
	disorder  atomic.Uint32
	firstAt   atomic.Int64 // nanoseconds since the trial's start; 0: nothing has come
	lastAt    atomic.Int64

	word atomic.Uint64   // the bits of up to 64 receivers
	bits []atomic.Uint64 // instead of word when there are more
}

// take sets a receiver's bit and reports whether it was clear.
func (s *slot) take(dense uint32) bool {
	w := &s.word
	if s.bits != nil {
		w = &s.bits[dense/64]
	}
	mask := uint64(1) << (dense % 64)
	return w.Or(mask)&mask == 0
}

// A tally is the sum of some slots.
type tally struct {
	sent, expected, received, late, lost, undecided, duplicate, disorder int64
}

func (t *tally) add(o tally) {
	t.sent += o.sent
	t.expected += o.expected
	t.received += o.received
	t.late += o.late
	t.lost += o.lost
	t.undecided += o.undecided
	t.duplicate += o.duplicate
	t.disorder += o.disorder
}

// A row is the tally of what was due in one second of one phase.
type row struct {
	phase, second int
	tally
}

// An audience is the receivers of a room or of a whole namespace.
type audience struct {
	mu      sync.Mutex
	version uint32   // grows with every join
	members uint32   // now
	width   uint32   // bits given out so far
	free    []uint32 // of those, given back
	recent  []*slot  // in order of emission, without those past their late limit
}

// A receiver is a client as the ledger sees it: which audiences it belongs to.
type receiver struct {
	id      uint32
	members []membership // fixed before the first delivery
	echoes  order        // of streams without an audience
	leftAt  atomic.Int64 // when its memberships ended; 0: not yet
}

// A membership is a receiver's place in one audience.
type membership struct {
	audience *audience
	room     int    // its number among the rooms of the client's group; -1: the namespace
	dense    uint32 // its bit
	joined   uint32 // the audience's version as of its join; 0: the join is in flight
	member   bool   // guarded by audience.mu
	order    order
}

// An order remembers the last sequence that a receiver saw of each sender. The
// latest sender's is kept apart, so that a single speaker costs no map.
type order struct {
	key  uint64
	seq  uint32
	some bool
	more map[uint64]uint32
}

// overtaken notes a sequence and reports whether a later one of the same sender and
// stream had come before it.
func (o *order) overtaken(stream uint16, sender, seq uint32) bool {
	key := uint64(stream)<<32 | uint64(sender)
	if !o.some {
		o.key, o.seq, o.some = key, seq, true
		return false
	}
	if o.key != key {
		if o.more == nil {
			o.more = map[uint64]uint32{}
		}
		o.more[o.key] = o.seq
		last, seen := o.more[key]
		o.key, o.seq = key, last
		if !seen {
			o.seq = seq
			return false
		}
	}
	if seq < o.seq {
		return true
	}
	o.seq = seq
	return false
}

func newLedger(books []*book, clock func() int64) *ledger {
	for i, b := range books {
		b.stream = uint16(i)
		b.shelf.Store(&shelf{})
	}
	return &ledger{books: books, clock: clock, budget: ledgerBudget, extras: map[extra]struct{}{}, whole: func(*slot, bool) {}}
}

// join makes the receiver a member from now on, unless it has left. It is called on
// the goroutine that receives for it, once for each membership.
func (r *receiver) join(m *membership) {
	a := m.audience
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.leftAt.Load() != 0 {
		return
	}
	if n := len(a.free); n > 0 {
		m.dense, a.free = a.free[n-1], a.free[:n-1]
	} else {
		m.dense = a.width
		a.width++
	}
	a.version++
	a.members++
	m.joined, m.member = a.version, true
}

// leave ends the receiver's memberships. Of what it was still owed, all that is not
// past its late limit becomes undecided; from now on nothing it receives counts.
func (l *ledger) leave(r *receiver) {
	now := max(l.clock(), 1)
	if !r.leftAt.CompareAndSwap(0, now) {
		return
	}
	for i := range r.members {
		m := &r.members[i]
		a := m.audience
		a.mu.Lock()
		if m.member {
			m.member = false
			a.members--
			a.free = append(a.free, m.dense)
			for _, s := range a.recent {
				if s.owes(r, m) && now <= s.due+s.book.late && s.take(m.dense) {
					s.undecided.Add(1)
					l.check(s)
				}
			}
		}
		a.mu.Unlock()
	}
}

// owes reports whether the receiver was among those the message was for.
func (s *slot) owes(r *receiver, m *membership) bool {
	return m.joined != 0 && m.joined <= s.asOf && (s.book.expect != expectOthers || s.from != r)
}

// check tells once when all that a broadcast's receivers were owed has come or is
// forgiven.
func (l *ledger) check(s *slot) {
	if s.audience == nil || s.got.Load()+s.undecided.Load() < s.expected || s.got.Load() == 0 {
		return
	}
	if s.told.CompareAndSwap(false, true) {
		l.whole(s, true)
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
		s.expected = 1
		s.ready.Store(true)
		return s, seq
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s.audience, s.asOf, s.expected = a, a.version, a.members
	if b.expect == expectOthers {
		for i := range from.members {
			if m := &from.members[i]; m.audience == a && m.member {
				s.expected--
			}
		}
	}
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

// cancel takes back a message that could not be written: nobody is owed it.
func (s *slot) cancel() {
	if s != nil {
		s.void.Store(true)
	}
}

// find returns the slot of a sequence; stale says that it was closed to save memory.
func (b *book) find(seq uint32) (s *slot, stale bool) {
	sh := b.shelf.Load()
	i := int(seq/slotsPerSlab) - sh.first
	if i < 0 {
		return nil, true
	}
	if i >= len(sh.slabs) {
		return nil, false
	}
	s = &sh.slabs[i][seq%slotsPerSlab]
	if !s.ready.Load() {
		return nil, false
	}
	return s, false
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

// receive notes that a message has come to a receiver at a moment. The slot and
// the rank, which counts from 1, are given for arrivedCounted only. It does not
// allocate once the receiver has heard of the sender before.
func (l *ledger) receive(r *receiver, st *stamp, at int64) (kind arrival, s *slot, rank uint32) {
	if int(st.stream) >= len(l.books) {
		return arrivedUnknown, nil, 0
	}
	b := l.books[st.stream]
	if b.expect == expectNone || l.closed.Load() || r.leftAt.Load() != 0 {
		return arrivedIgnored, nil, 0
	}
	s, stale := b.find(st.seq)
	switch {
	case stale:
		return arrivedStale, nil, 0
	case s == nil || s.from.id != st.sender || s.due != st.due:
		return arrivedUnknown, nil, 0
	case s.audience == nil:
		if s.from != r {
			return arrivedUnexpected, nil, 0
		}
		return l.count(r, s, 0, &r.echoes, at)
	}
	for i := range r.members {
		m := &r.members[i]
		switch {
		case m.audience != s.audience:
			continue
		case b.expect == expectOthers && s.from == r:
			return arrivedUnexpected, nil, 0
		case m.joined == 0 || m.joined > s.asOf:
			return l.extra(r, s), nil, 0
		}
		return l.count(r, s, m.dense, &m.order, at)
	}
	return arrivedUnexpected, nil, 0
}

func (l *ledger) count(r *receiver, s *slot, dense uint32, o *order, at int64) (arrival, *slot, uint32) {
	if !s.take(dense) {
		if r.leftAt.Load() != 0 { // leave took the bit a moment ago
			return arrivedIgnored, nil, 0
		}
		s.duplicate.Add(1)
		return arrivedDuplicate, nil, 0
	}
	if o.overtaken(s.book.stream, s.from.id, s.seq) {
		s.disorder.Add(1)
	}
	if at-s.due > s.book.late {
		s.late.Add(1)
	}
	for last := s.lastAt.Load(); last < at && !s.lastAt.CompareAndSwap(last, at); {
		last = s.lastAt.Load()
	}
	for first := s.firstAt.Load(); (first == 0 || at < first) && !s.firstAt.CompareAndSwap(first, at); {
		first = s.firstAt.Load()
	}
	rank := s.got.Add(1)
	if rank+s.undecided.Load() >= s.expected {
		l.check(s)
	}
	return arrivedCounted, s, rank
}

func (l *ledger) extra(r *receiver, s *slot) arrival {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := extra{s.book.stream, s.seq, r.id}
	if _, twice := l.extras[e]; twice {
		s.duplicate.Add(1)
		return arrivedDuplicate
	}
	if len(l.extras) < maxExtras {
		l.extras[e] = struct{}{}
	}
	s.extra.Add(1)
	return arrivedExtra
}

// watch looks at what has passed its late limit since the last call and returns how
// many deliveries had not come by then, in all. It is a figure for a live view: some may
// still come, and settle decides. One goroutine at a time.
func (l *ledger) watch(now int64) (overdue int64) {
	for _, b := range l.books {
		for {
			s, _ := b.find(b.watched.Load())
			if s == nil || s.due+b.late >= now {
				break
			}
			if !s.void.Load() {
				t := s.tally(max(0, int64(s.expected)-int64(s.got.Load())-int64(s.undecided.Load())))
				b.overdue.Add(t.lost)
				b.seen = enter(b.seen, s, t)
			}
			b.watched.Add(1)
		}
		overdue += b.overdue.Load()
	}
	return overdue
}

// outstanding reports whether anything may still come that would not be late.
func (l *ledger) outstanding(now int64) bool {
	for _, b := range l.books {
		for seq := b.seq; seq > 0; seq-- {
			s, _ := b.find(seq - 1)
			if s == nil || s.due+b.late < now {
				break
			}
			if !s.void.Load() && s.got.Load()+s.undecided.Load() < s.expected && s.from.owed(s) {
				return true
			}
		}
	}
	return false
}

// owed is false for an echo whose sender has left.
func (r *receiver) owed(s *slot) bool { return s.audience != nil || r.leftAt.Load() == 0 }

// trim closes the oldest slabs, as long as the ledger is over its budget.
func (l *ledger) trim() {
	for l.used > l.budget {
		var oldest *book
		for _, b := range l.books {
			sh := b.shelf.Load()
			full := len(sh.slabs) > 1 && int(b.watched.Load()) >= (sh.first+1)*slotsPerSlab
			if full && (oldest == nil || sh.slabs[0][0].due < oldest.shelf.Load().slabs[0][0].due) {
				oldest = b
			}
		}
		if oldest == nil {
			return // all is recent: the budget must wait
		}
		sh := oldest.shelf.Load()
		now := l.clock()
		for i := range sh.slabs[0] {
			s := &sh.slabs[0][i]
			l.close(s, now)
			l.used -= int64(8 * len(s.bits))
		}
		l.used -= int64(unsafe.Sizeof(slab{}))
		oldest.shelf.Store(&shelf{sh.first + 1, slices.Clone(sh.slabs[1:])})
	}
}

// settle ends the ledger: what has not come by now is lost, or undecided when its late
// limit has not passed. The pacer must have stopped. It returns the sums by stream.
func (l *ledger) settle(now int64) [][]row {
	l.closed.Store(true)
	out := make([][]row, len(l.books))
	for i, b := range l.books {
		for _, sl := range b.shelf.Load().slabs {
			for j := range sl {
				l.close(&sl[j], now)
			}
		}
		out[i] = b.rows
	}
	return out
}

// close adds a slot to the rows of its book.
func (l *ledger) close(s *slot, now int64) {
	if !s.ready.Load() || s.void.Load() {
		return
	}
	b := s.book
	got, extra := int64(s.got.Load()), int64(s.extra.Load())
	t := s.tally(0)
	limit := s.due + b.late
	missing := t.expected - got - t.undecided
	left := s.from.leftAt.Load()
	// A message of somebody who left soon after, and that reached nobody, may never have
	// left with it.
	unsent := left != 0 && left <= limit && got == 0 && extra == 0
	if now <= limit || unsent {
		t.undecided += missing
	} else {
		t.lost = missing
	}
	if t.lost > 0 && s.audience != nil && s.told.CompareAndSwap(false, true) {
		l.whole(s, false)
	}
	b.rows = enter(b.rows, s, t)
}

// tally is what has become of the message so far; how many are lost the caller knows.
func (s *slot) tally(lost int64) tally {
	got, late, extra := int64(s.got.Load()), int64(s.late.Load()), int64(s.extra.Load())
	return tally{
		sent: 1, expected: int64(s.expected) + extra, received: got - late, late: late, lost: lost,
		undecided: int64(s.undecided.Load()) + extra,
		duplicate: int64(s.duplicate.Load()), disorder: int64(s.disorder.Load()),
	}
}

// enter adds a message to the row of the second in which it was due.
func enter(rows []row, s *slot, t tally) []row {
	second := int(s.due / int64(time.Second))
	if n := len(rows); n == 0 || rows[n-1].phase != int(s.phase) || rows[n-1].second != second {
		rows = append(rows, row{phase: int(s.phase), second: second})
	}
	rows[len(rows)-1].add(t)
	return rows
}
