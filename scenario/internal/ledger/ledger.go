package ledger

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/throng-io/throng/scenario/internal/stamp"
)

// An Expectation says which deliveries a stream expects of its messages.
type Expectation int

// What may be expected.
const (
	ExpectNone   Expectation = iota // not in the ledger
	ExpectSelf                      // one delivery, to the sender
	ExpectAll                       // every member of the audience
	ExpectOthers                    // every member but the sender
)

// defaultBudget bounds the memory for messages: about two million broadcasts to a room of sixty, or
// ten thousand to 200 000 receivers. Messages are closed some time after their late limit: one more
// copy is Stale, or Overdue where deliveries were missing. Beyond the budget, the oldest of those
// that have passed the limit are closed at once.
const defaultBudget = 256 << 20

// A Ledger accounts for every message of one trial. One goroutine at a time emits; any
// goroutine receives, on behalf of a receiver that is its own.
//
// Each message has a slot (slot.go) with a bit for each member that its audience had
// (audience.go). Finding the slot takes no lock, since the sequence of the stream is its place in
// an array.
type Ledger struct {
	books    []*Book // those of the streams, and then what is Also
	accounts []*Book // those, and in a fleet the books of the other agents' messages
	fleet    *fleet  // nil: all clients are in this process
	streams  int     // how many of them are of streams
	clock    func() int64
	closed   atomic.Bool // arrivals from now on are not counted
	budget   int64
	used     atomic.Int64 // by slots and bits
	recent   int64        // Config.Recent
	recorded func(phase int) bool
	looks    looks
	swept    int64 // when sweep was last called; the emitter's, in a fleet the exchange's
	folded   int   // rows of seconds before it have been added up; the watcher's
	complete func(s *Slot, all bool)

	mu             sync.Mutex
	extras         map[extra]struct{}
	extraReceivers uint32
}

// An extra is a delivery that a join or leave in flight brought about.
type extra struct {
	stream   uint16
	seq      uint32
	sender   uint32 // in a fleet, each agent has sequences of its own
	receiver uint32 // its number among those with extras: another client may have had its place before
}

// maxExtras bounds the memory for extras. Beyond it a second copy of an extra delivery
// passes for a first one.
const maxExtras = 1 << 20

// A Config describes a ledger. Clock is mandatory.
type Config struct {
	Books  []*Book
	Clock  func() int64 // nanoseconds since the trial's start
	Budget int64        // bytes; 0 = 256 MiB
	// Recent is for how long, counted from when a message was due, SoFar has a row for each second;
	// 0: always. A run of a day has 86 400 of them.
	Recent time.Duration
	// Complete is called once for each broadcast, when none of its deliveries is outstanding; all
	// is false when some are lost. It may be called on any goroutine that receives, and by close.
	// May be nil.
	Complete func(s *Slot, all bool)
	// Trouble is what faults may do to a message that is sent at a moment, in nanoseconds, on the
	// ways to a node or to AnyNode: the same on all agents of a fleet. Any goroutine may call it.
	// nil: nothing, ever.
	Trouble func(at int64, node int) Trouble
	// Recorded reports whether the losses of a phase are part of the Pattern. nil: all are.
	Recorded func(phase int) bool
	// Fleet is set where further processes run clients of the same trial; nil: none do.
	Fleet *Fleet
}

// New makes a ledger of the books, and numbers them.
func New(c Config) *Ledger {
	books := slices.Clip(c.Books)
	for _, b := range c.Books {
		if b.Also != nil {
			b.Also.main = b
			books = append(books, b.Also)
		}
	}
	for i, b := range books {
		b.Stream, b.spread, b.trouble = uint16(i), &spreads{}, c.Trouble
		b.shelf.Store(&shelf{})
	}
	l := &Ledger{books: books, streams: len(c.Books), clock: c.Clock, budget: cmp.Or(c.Budget, defaultBudget), recent: int64(c.Recent), complete: c.Complete, extras: map[extra]struct{}{}}
	if l.complete == nil {
		l.complete = func(*Slot, bool) {}
	}
	if l.recorded = c.Recorded; l.recorded == nil {
		l.recorded = func(int) bool { return true }
	}
	l.accounts = books
	if c.Fleet != nil {
		l.fleet = newFleet(l, c.Fleet)
	}
	return l
}

// reportIfComplete reports a broadcast once all that its receivers were owed has come or is
// undecided. It does not wait for slow readers.
func (l *Ledger) reportIfComplete(s *Slot) {
	if s.Audience == nil || s.all.missing() > 0 {
		return
	}
	if l.fleet != nil {
		l.fleet.decided(s)
		return
	}
	if s.all.got.Load() > 0 && s.reported.CompareAndSwap(false, true) {
		l.complete(s, true)
	}
}

// Emit enters a message that is about to be sent. The slot is nil when the stream
// expects nothing. One goroutine at a time.
func (l *Ledger) Emit(b *Book, from *Receiver, a *Audience, due int64, phase int) (s *Slot, seq uint32) {
	return l.emit(b, from, a, due, phase, false)
}

// EmitHeld is Emit for a message that is sent now though it was due long ago, since its sender had
// no connection.
func (l *Ledger) EmitHeld(b *Book, from *Receiver, a *Audience, due int64, phase int) (s *Slot, seq uint32) {
	return l.emit(b, from, a, due, phase, true)
}

func (l *Ledger) emit(b *Book, from *Receiver, a *Audience, due int64, phase int, held bool) (s *Slot, seq uint32) {
	if b.Expect == ExpectNone {
		seq = b.seq
		b.seq++
		return nil, seq
	}
	l.looks.goOn(looksAtOnce)
	s = l.place(b)
	s.From, s.Due, s.base, s.Phase = from, due, max(due, l.clock()), int32(phase)
	s.held = held && s.base > due
	if l.fleet != nil {
		l.fleet.emitted(s, a)
		return s, s.seq
	}
	if a != nil && l.recorded(phase) {
		l.looks.client(from).sends = true
	}
	l.enter(s, a)
	return s, s.seq
}

// place gives the next message of a book its slot.
func (l *Ledger) place(b *Book) *Slot {
	seq := b.seq
	b.seq++
	sh := b.shelf.Load()
	if int(seq/slotsPerSlab)-sh.first == len(sh.slabs) {
		for fresh := new(slab); !b.shelf.CompareAndSwap(sh, &shelf{sh.first, sh.short, append(sh.slabs, fresh)}); {
			sh = b.shelf.Load() // in a fleet another goroutine closes
		}
		l.used.Add(int64(unsafe.Sizeof(slab{})))
		if l.fleet == nil {
			l.trim()
		}
		sh = b.shelf.Load()
	}
	s := &sh.slabs[int(seq/slotsPerSlab)-sh.first][seq%slotsPerSlab]
	s.Book, s.seq = b, seq
	return s
}

// behind is how much later than it happened a client's leaving may be taken in: another goroutine
// may emit meanwhile, and in a fleet it waits for as long as the clocks may differ. Until then an
// audience remembers what was on its way.
const behind = int64(time.Second)

// enter notes whom a message is for, as of now; a is nil for an echo.
func (l *Ledger) enter(s *Slot, a *Audience) {
	s.epoch = s.From.epoch()
	if s.Book.Expect == ExpectSelf {
		s.all.expected.Store(1)
		s.ready.Store(true)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s.Audience, s.asOf = a, a.version
	l.expect(s)
	if a.width > 64 {
		s.bits = make([]atomic.Uint64, (a.width+63)/64)
		l.used.Add(int64(8 * len(s.bits)))
	}
	past := 0
	late := behind
	if l.fleet != nil {
		late += l.fleet.Bound()
	}
	for past < len(a.recent) && a.recent[past].Limit()+late < s.base {
		past++
	}
	clear(a.recent[:past]) // each keeps the messages that were sent with it
	a.recent = append(a.recent[past:], s)
	a.miss(s)
	s.ready.Store(true)
}

// expect fills in how many receivers a message is for. The audience is locked.
func (l *Ledger) expect(s *Slot) {
	a := s.Audience
	self := -1
	if s.Book.Expect == ExpectOthers {
		for _, list := range [...][]*Membership{listOf(&s.From.members), listOf(&s.From.spaces)} {
			for _, m := range list {
				if m.audience == a && m.member {
					self = m.part
				}
			}
		}
	}
	if len(a.parts) > 1 || len(a.parts) == 1 && a.parts[0].slow {
		s.parts = make([]counts, len(a.parts))
		l.used.Add(int64(len(s.parts)) * int64(unsafe.Sizeof(counts{})))
	}
	for i := range a.parts {
		n := a.parts[i].members
		if i == self {
			n--
		}
		s.at(i).expected.Store(n)
		if s.shared(i) {
			s.all.expected.Add(n)
		}
	}
}

// An Arrival is the ledger's classification of a delivery.
type Arrival int

// What may be made of one.
const (
	Ignored    Arrival = iota // not in the ledger, or after the receiver left, or after the end
	Counted                   // the first copy, received or late
	Replayed                  // likewise, at a receiver that had been away since it was sent
	Duplicate                 // one more
	Extra                     // the join was in flight when it was emitted
	Unexpected                // it was for others
	Stale                     // one more copy of a message that is closed, since all had it
	Overdue                   // its message was closed without it, and it counts as lost
	Unknown                   // no such message was sent
)

// Receive notes that a message has come to a receiver at a moment. The slot is given for Counted
// and Replayed only; for Counted with the rank, which counts from 1, or is 0 for slow readers. It
// does not allocate once the receiver has heard of the sender before.
func (l *Ledger) Receive(r *Receiver, st *stamp.Stamp, at int64) (kind Arrival, s *Slot, rank uint32) {
	if int(st.Stream) >= l.streams {
		return Unknown, nil, 0
	}
	return l.receiveOf(l.books[st.Stream], r, st, at)
}

// receiveOf is Receive for a book and the one that is Also.
func (l *Ledger) receiveOf(b *Book, r *Receiver, st *stamp.Stamp, at int64) (kind Arrival, s *Slot, rank uint32) {
	kind, s, rank = l.receive(b, r, st, at)
	if b.Also == nil || kind != Unexpected && kind != Stale && kind != Overdue {
		return kind, s, rank
	}
	// it may be the one that misses in either
	if also, s, rank := l.receive(b.Also, r, st, at); also != Unexpected && (also != Stale || kind != Overdue) {
		return also, s, rank
	}
	return kind, nil, 0
}

// receive is Receive for the receivers of one book.
func (l *Ledger) receive(b *Book, r *Receiver, st *stamp.Stamp, at int64) (kind Arrival, s *Slot, rank uint32) {
	if b.Expect == ExpectNone || l.closed.Load() || r.leftAt.Load() != 0 {
		return Ignored, nil, 0
	}
	if b.remote && b.Expect == ExpectSelf {
		return Unexpected, nil, 0 // echoes are not announced
	}
	s, stale := b.find(st.Seq)
	switch {
	case stale && r.epoch() > 0 && st.Due < r.backAt:
		return Ignored, nil, 0 // it may be a replay, of a message that was closed meanwhile
	case stale && st.Due < r.joinedAt.Load():
		return Ignored, nil, 0 // a server may tell who joins what was said before
	case stale && b.short(st.Seq):
		return Overdue, nil, 0
	case stale:
		return Stale, nil, 0
	case s == nil || s.From.ID != st.Sender || s.Due != st.Due:
		return Unknown, nil, 0
	case s.Audience == nil:
		if s.From != r {
			return Unexpected, nil, 0
		}
		return l.count(r, s, nil, at)
	case b.Expect == ExpectOthers && s.From == r:
		return Unexpected, nil, 0
	}
	var other *Membership
	for _, list := range [...][]*Membership{listOf(&r.members), listOf(&r.spaces)} {
		for _, m := range list {
			switch {
			case m.audience != s.Audience:
			case m.owed(s.asOf):
				return l.count(r, s, m, at)
			case m.left.Load() == 0 || at-m.leftAt.Load() <= b.Late:
				other = m
			}
		}
	}
	switch {
	case other == nil && r.leftAt.Load() != 0:
		return Ignored, nil, 0 // meanwhile, and has no memberships any more
	case other == nil:
		return Unexpected, nil, 0
	case other.left.Load() == 0 && (s.base < other.Asked || at > s.Limit()):
		return Ignored, nil, 0 // no join was in flight: a server may tell who joins what was said before
	}
	return l.extra(r, s, other), nil, 0
}

// count takes an arrival in at a receiver that was owed it; m is nil for an echo.
func (l *Ledger) count(r *Receiver, s *Slot, m *Membership, at int64) (Arrival, *Slot, uint32) {
	dense, part, o, replayed := uint32(0), 0, &r.echoes, s.epoch < r.epoch()
	if m != nil {
		dense, part, o, replayed = m.dense, m.part, &m.order, s.asOf < m.back
	}
	c := s.at(part)
	if replayed {
		c = s.again(part)
	}
	if !s.take(dense) {
		// its leaving took the bit
		if gone := m != nil && m.left.Load() != 0; gone || r.leftAt.Load() != 0 {
			if gone {
				s.strays(m)
			}
			return Ignored, nil, 0
		}
		c.duplicate.Add(1)
		return Duplicate, nil, 0
	}
	s.shows(r)
	if replayed && m != nil && s.Book.Volatile {
		c.extra.Add(1)
		return Extra, nil, 0
	}
	if o.overtaken(s.Book.Stream, s.From.ID, s.seq, at) {
		c.disorder.Add(1)
	}
	late := at-s.since() > s.Book.Late
	if replayed {
		if m == nil || !m.moved(s) {
			s.move(part)
		}
		if late {
			c.late.Add(1)
		}
		c.got.Add(1)
		l.reportIfComplete(s) // the others may have it
		return Replayed, s, 0
	}
	if s.parts == nil || s.shared(part) {
		s.extend(at)
	}
	rank := s.arrived(part, late)
	if rank+s.all.undecided.Load() >= s.all.expected.Load() {
		l.reportIfComplete(s)
	}
	return Counted, s, rank
}

// extend takes an arrival into the first and the last of the message.
func (s *Slot) extend(at int64) {
	for last := s.lastAt.Load(); last < at && !s.lastAt.CompareAndSwap(last, at); {
		last = s.lastAt.Load()
	}
	for first := s.firstAt.Load(); (first == 0 || at < first) && !s.firstAt.CompareAndSwap(first, at); {
		first = s.firstAt.Load()
	}
}

func (l *Ledger) extra(r *Receiver, s *Slot, m *Membership) Arrival {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := s.at(m.part)
	if r.extra == 0 {
		l.extraReceivers++
		r.extra = l.extraReceivers
	}
	e := extra{s.Book.Stream, s.seq, s.From.ID, r.extra}
	if _, twice := l.extras[e]; twice {
		c.duplicate.Add(1)
		return Duplicate
	}
	if len(l.extras) < maxExtras {
		l.extras[e] = struct{}{}
	}
	c.extra.Add(1)
	s.carried()
	return Extra
}
