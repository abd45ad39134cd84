package ledger

import (
	"sync/atomic"

	"github.com/throng-io/throng/scenario/internal/stamp"
)

// A Book is the part of the ledger that belongs to one stream.
type Book struct {
	Stream uint16
	Expect Expectation
	Late   int64 // nanoseconds after due
	// Volatile messages are not kept for absent receivers, so a recovered receiver is not owed
	// them.
	Volatile bool
	// Direct messages go from client to client, past the server.
	Direct bool
	// Also, where it is set, has the same messages for further receivers, none of whom is in the
	// audience of this book. Its deliveries count in this book's rows.
	Also *Book

	trouble func(at int64, node int) Trouble // see Config

	main   *Book // of which it is Also; nil: none
	remote bool  // of messages that another agent's clients send
	// other agents hear how long its messages took
	announces bool

	seq     uint32 // of the next message; the emitter's
	shelf   atomic.Pointer[shelf]
	watched atomic.Uint32 // slots before it have been looked at after their late limit
	overdue atomic.Int64  // deliveries missing at that time
	// due messages that were not sent, in rows of Everybody; owned by the emitter until the ledger
	// is closed
	unsent table
	seen   table // of those slots as they were then; the watcher's
	// of closed slots; the emitter's until the ledger is closed, in a fleet the exchange's
	rows    table
	spread  *spreads // shared with the other agents' books of the stream
	upTo    uint32   // the first message that is not in it; the emitter's likewise
	missing uint32   // no message before it is outstanding; owned by Outstanding's caller
}

// owner is the book in whose rows the deliveries count.
func (b *Book) owner() *Book {
	if b.main != nil {
		return b.main
	}
	return b
}

// A shelf is an immutable snapshot of a book's contents.
type shelf struct {
	first int     // slabs closed before
	short int     // of those, how many at most were closed while deliveries were missing: the first ones
	slabs []*slab // nil: closed before one that is kept; the first is not nil
}

const slotsPerSlab = 256

type slab [slotsPerSlab]Slot

// A Slot is one message. All but the atomics is written before the slot can be found.
type Slot struct {
	Book     *Book
	From     *Receiver
	Audience *Audience // nil: the sender alone
	Due      int64
	base     int64  // from when on it could come: when it was sent, and no earlier than it was due
	asOf     uint32 // the audience's version at emission
	epoch    uint32 // how often the sender had lost its connection by then
	seq      uint32
	Phase    int32
	held     bool        // it waited for its sender to be back
	ready    atomic.Bool // may be found
	void     atomic.Bool // was never written to the network
	reported atomic.Bool // as complete
	closed   bool        // is in the rows; guarded by Audience.mu
	told     bool        // in a fleet: the sender's agent knows whom it was for, and reached, here
	written  atomic.Bool // or cancelled: its emission is over
	acked    atomic.Bool // see Acknowledged

	// In a fleet, of another agent's message, as that agent says.
	unwritten   bool // it may never have been written
	unconfirmed bool // nothing shows that the server had it
	answered    bool // it has said these two

	asked bool // in a fleet: this agent is asked for these two, or asks for them

	lag     atomic.Int64 // how late the generator wrote it, in nanoseconds
	firstAt atomic.Int64 // nanoseconds since the trial's start; 0: nothing has come
	lastAt  atomic.Int64

	all   counts   // without slow readers; all there is when parts is nil
	parts []counts // by part of the audience, slow readers too, when it has several

	left *[]leaving // of its receivers, while it was on its way; guarded by Audience.mu; nil: none
	// What became of it at receivers that had been away since it was sent and were recovered, by
	// part. Those receivers are not in all and parts. nil: there is none.
	replayed atomic.Pointer[[]counts]

	settled *settlement // what the other agents say of it; nil: nothing

	word atomic.Uint64   // the bits of up to 64 receivers
	bits []atomic.Uint64 // instead of word when there are more
}

// counts are what became of a message at some of its receivers.
type counts struct {
	expected  atomic.Uint32 // members at emission, as far as the stream expects them
	got       atomic.Uint32 // first arrivals at expected receivers, late ones included
	late      atomic.Uint32 // of those
	undecided atomic.Uint32 // expected, then left
	extra     atomic.Uint32 // arrivals at receivers that were just joining or leaving
	duplicate atomic.Uint32
	disorder  atomic.Uint32
}

func (c *counts) missing() int64 {
	return int64(c.expected.Load()) - int64(c.got.Load()) - int64(c.undecided.Load())
}

// SetLag notes how late the generator itself wrote the message to the network, in nanoseconds. The
// slot may be nil.
func (s *Slot) SetLag(d int64) {
	if s != nil {
		s.lag.Store(d)
	}
}

// Written notes that the message has been written: its emission is over. The slot may be nil.
func (s *Slot) Written() {
	if s != nil {
		s.written.Store(true)
	}
}

// Acknowledged notes that the server has acknowledged a message of one of this process's clients:
// it had the message, also when that reaches nobody.
func (l *Ledger) Acknowledged(stream int, seq uint32) {
	for b := l.books[stream]; b != nil; b = b.Also {
		if s, _ := b.find(seq); s != nil {
			s.acked.Store(true)
		}
	}
}

// Lag is what SetLag was called with last.
func (s *Slot) Lag() int64 { return s.lag.Load() }

// Lag is how late the message of a stamp was written, as far as that is known.
func (l *Ledger) Lag(st *stamp.Stamp) int64 {
	if int(st.Stream) >= len(l.books) {
		return 0
	}
	if s, _ := l.books[st.Stream].find(st.Seq); s != nil && s.Due == st.Due {
		return s.Lag()
	}
	return 0
}

// at returns the counts of a part of the audience.
func (s *Slot) at(part int) *counts {
	if s.parts == nil {
		return &s.all
	}
	return &s.parts[part]
}

// again returns the counts for recovered receivers of a part.
func (s *Slot) again(part int) *counts {
	list := s.replayed.Load()
	if list == nil {
		fresh := make([]counts, max(1, len(s.parts)))
		s.replayed.CompareAndSwap(nil, &fresh)
		list = s.replayed.Load()
	}
	if s.parts == nil {
		part = 0
	}
	return &(*list)[part]
}

// eachAgain visits those counts, where there are any.
func (s *Slot) eachAgain(visit func(part int, c *counts)) {
	if list := s.replayed.Load(); list != nil {
		for i := range *list {
			visit(i, &(*list)[i])
		}
	}
}

// shared reports whether a part's receivers count in all as well.
func (s *Slot) shared(part int) bool {
	return s.parts != nil && !s.Audience.parts[part].slow
}

// arrived counts a first arrival and returns its rank, from 1; 0 for a slow reader's.
func (s *Slot) arrived(part int, late bool) (rank uint32) {
	c := s.at(part)
	if late {
		c.late.Add(1)
	}
	rank = c.got.Add(1)
	if s.shared(part) {
		return s.all.got.Add(1)
	}
	if s.parts != nil {
		return 0
	}
	return rank
}

// markUndecided counts expected deliveries whose outcome is unknown.
func (s *Slot) markUndecided(part int, n uint32) {
	s.at(part).undecided.Add(n)
	if s.shared(part) {
		s.all.undecided.Add(n)
	}
}

// owedAgain takes back that the message has become undecided for a member, which has been
// recovered. back is the version as of its recovery before: until then it was counted among the
// recovered already.
func (s *Slot) owedAgain(m *Membership, back uint32) {
	c := s.again(m.part)
	if s.asOf < back {
		c.undecided.Add(^uint32(0))
		return
	}
	s.stays(m.part, s.until(m))
	s.at(m.part).undecided.Add(^uint32(0))
	if s.shared(m.part) {
		s.all.undecided.Add(^uint32(0))
	}
	s.move(m.part)
}

// move counts a receiver of a part among the recovered from now on.
func (s *Slot) move(part int) {
	s.again(part).expected.Add(1)
	s.at(part).expected.Add(^uint32(0))
	if s.shared(part) {
		s.all.expected.Add(^uint32(0))
	}
}

// giveUp makes what the message owes to a member undecided, whose connection or membership has just
// ended. The audience is locked.
func (s *Slot) giveUp(m *Membership) {
	switch {
	case s.asOf >= m.back:
		s.leaves(m.part, s.until(m))
	case !s.Book.Volatile:
		s.again(m.part).undecided.Add(1)
	}
}

// missing is how many expected deliveries have neither come nor become undecided.
func (s *Slot) missing() (n int64) {
	s.eachAgain(func(_ int, c *counts) { n += c.missing() })
	if s.parts == nil {
		return n + s.all.missing()
	}
	for i := range s.parts {
		n += s.parts[i].missing()
	}
	return n
}

// reached reports whether the message came to anybody.
func (s *Slot) reached() (any bool) {
	s.eachAgain(func(_ int, c *counts) { any = any || c.got.Load()+c.extra.Load() > 0 })
	if any || s.parts == nil {
		return any || s.all.got.Load()+s.all.extra.Load() > 0
	}
	for i := range s.parts {
		if s.parts[i].got.Load()+s.parts[i].extra.Load() > 0 {
			return true
		}
	}
	return false
}

// taken reports whether a receiver's bit is set.
func (s *Slot) taken(dense uint32) bool {
	w := &s.word
	if s.bits != nil {
		w = &s.bits[dense/64]
	}
	return w.Load()>>(dense%64)&1 != 0
}

// take sets a receiver's bit and reports whether it was clear.
func (s *Slot) take(dense uint32) bool {
	w := &s.word
	if s.bits != nil {
		w = &s.bits[dense/64]
	}
	mask := uint64(1) << (dense % 64)
	return w.Or(mask)&mask == 0
}

// owes reports whether the receiver was among those the message was for.
func (s *Slot) owes(r *Receiver, m *Membership) bool { return m.owed(s.asOf) && s.isFor(r) }

// isFor reports whether the message is for a receiver in its audience: for its sender not always.
func (s *Slot) isFor(r *Receiver) bool { return s.Book.Expect != ExpectOthers || s.From != r }

// Receivers is how many readers of normal speed the message is for.
func (s *Slot) Receivers() uint32 { return s.all.expected.Load() }

// First is when the message reached the first of them, or in a fleet of all agents' receivers; 0:
// none yet.
func (s *Slot) First() int64 {
	if s.settled != nil {
		return earliest(s.firstAt.Load(), s.settled.first)
	}
	return s.firstAt.Load()
}

// Latest is when it reached the last one so far of those in this process; 0: none yet.
func (s *Slot) Latest() int64 { return s.lastAt.Load() }

// Last is when it reached the last one so far; 0: none yet.
func (s *Slot) Last() int64 {
	if s.settled != nil {
		return max(s.lastAt.Load(), s.settled.last)
	}
	return s.lastAt.Load()
}

// since is from when on the message is late after its limit: how late the generator itself sent it
// is not the server's doing, and that it was held is.
func (s *Slot) since() int64 {
	if s.held {
		return s.Due
	}
	return s.base
}

// Limit is until when the message may be on its way. One that comes earlier is late nevertheless
// when it was held before it was sent.
func (s *Slot) Limit() int64 { return s.base + s.Book.Late }

// Hold counts a message that is due and waits for its sender to be back. It and its siblings take
// one goroutine at a time.
func (b *Book) Hold(due int64, phase int) { b.leave(due, phase, 1, 0) }

// Release takes back a Hold: the message is sent now, or dropped.
func (b *Book) Release(due int64, phase int) { b.leave(due, phase, -1, 0) }

// Drop counts a message that is due and is not going to be sent.
func (b *Book) Drop(due int64, phase int) { b.leave(due, phase, 0, 1) }

func (b *Book) leave(due int64, phase int, held, dropped int64) {
	if b.Expect == ExpectNone {
		return
	}
	l := b.unsent.entry(&Slot{Due: due, Phase: int32(phase)}, Everybody, false)
	l.Held += held
	l.Dropped += dropped
}

// Cancel withdraws a message that could not be written: no receiver is owed it.
func (s *Slot) Cancel() {
	if s != nil {
		s.void.Store(true)
		s.written.Store(true)
	}
}

// short reports whether a closed message may have been closed while deliveries of it were missing.
func (b *Book) short(seq uint32) bool { return int(seq/slotsPerSlab) < b.shelf.Load().short }

// find returns the slot of a sequence; stale says that it was closed to save memory.
func (b *Book) find(seq uint32) (s *Slot, stale bool) {
	sh := b.shelf.Load()
	i := int(seq/slotsPerSlab) - sh.first
	if i < 0 {
		return nil, true
	}
	if i >= len(sh.slabs) {
		return nil, false
	}
	if sh.slabs[i] == nil {
		return nil, true
	}
	s = &sh.slabs[i][seq%slotsPerSlab]
	if !s.ready.Load() {
		return nil, false
	}
	return s, false
}
