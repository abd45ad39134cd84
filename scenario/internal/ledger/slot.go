package ledger

import (
	"sync/atomic"
	"time"

	"github.com/throng-io/throng/scenario/result"
)

// A Book is the part of the ledger that belongs to one stream.
type Book struct {
	Stream uint16
	Expect Expectation
	Late   int64 // nanoseconds after due

	seq     uint32 // of the next message; the emitter's
	shelf   atomic.Pointer[shelf]
	watched atomic.Uint32 // slots before it have been looked at after their late limit
	overdue atomic.Int64  // what was missing then
	seen    []Row         // of those slots as they were then; the watcher's
	rows    []Row         // of closed slots, in order of due time; the emitter's until the ledger is closed
	spread  spreads       // likewise the emitter's
	missing uint32        // no message before it is outstanding; that of Outstanding's caller
}

// A shelf is what a book keeps at one moment. It is replaced, never changed.
type shelf struct {
	first int // slabs closed before
	slabs []*slab
}

const slotsPerSlab = 256

type slab [slotsPerSlab]Slot

// A Slot is one message. All but the atomics is written before the slot can be found.
type Slot struct {
	Book     *Book
	From     *Receiver
	Audience *Audience // nil: the sender alone
	Due      int64
	asOf     uint32 // the audience's version at emission
	seq      uint32
	Phase    int32
	ready    atomic.Bool // may be found
	void     atomic.Bool // was never written to the network
	reported atomic.Bool // as complete

	firstAt atomic.Int64 // nanoseconds since the trial's start; 0: nothing has come
	lastAt  atomic.Int64

	all   counts   // without slow readers; all there is when parts is nil
	parts []counts // by part of the audience, slow readers too, when it has several

	left []leaving // of its receivers, while it was on its way; guarded by Audience.mu

	word atomic.Uint64   // the bits of up to 64 receivers
	bits []atomic.Uint64 // instead of word when there are more
}

// counts are what became of a message at some of its receivers.
type counts struct {
	expected  uint32        // members at emission, as far as the stream expects them
	got       atomic.Uint32 // first arrivals at expected receivers, late ones included
	late      atomic.Uint32 // of those
	undecided atomic.Uint32 // expected, then left
	extra     atomic.Uint32 // arrivals at receivers that were just joining or leaving
	duplicate atomic.Uint32
	disorder  atomic.Uint32
}

func (c *counts) missing() int64 {
	return int64(c.expected) - int64(c.got.Load()) - int64(c.undecided.Load())
}

// at returns the counts of a part of the audience.
func (s *Slot) at(part int) *counts {
	if s.parts == nil {
		return &s.all
	}
	return &s.parts[part]
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

// markUndecided counts expected deliveries of which nobody can tell what became.
func (s *Slot) markUndecided(part int, n uint32) {
	s.at(part).undecided.Add(n)
	if s.shared(part) {
		s.all.undecided.Add(n)
	}
}

// missing is how many expected deliveries have neither come nor become undecided.
func (s *Slot) missing() (n int64) {
	if s.parts == nil {
		return s.all.missing()
	}
	for i := range s.parts {
		n += s.parts[i].missing()
	}
	return n
}

// reached reports whether the message came to anybody.
func (s *Slot) reached() bool {
	if s.parts == nil {
		return s.all.got.Load()+s.all.extra.Load() > 0
	}
	for i := range s.parts {
		if s.parts[i].got.Load()+s.parts[i].extra.Load() > 0 {
			return true
		}
	}
	return false
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
func (s *Slot) owes(r *Receiver, m *Membership) bool {
	return m.owed(s.asOf) && (s.Book.Expect != ExpectOthers || s.From != r)
}

// Receivers is how many readers of normal speed the message is for.
func (s *Slot) Receivers() uint32 { return s.all.expected }

// First is when the message reached the first of them; 0: none yet.
func (s *Slot) First() int64 { return s.firstAt.Load() }

// Last is when it reached the last one so far; 0: none yet.
func (s *Slot) Last() int64 { return s.lastAt.Load() }

// Limit is when the message begins to be late.
func (s *Slot) Limit() int64 { return s.Due + s.Book.Late }

// Cancel takes back a message that could not be written: nobody is owed it.
func (s *Slot) Cancel() {
	if s != nil {
		s.void.Store(true)
	}
}

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
	s = &sh.slabs[i][seq%slotsPerSlab]
	if !s.ready.Load() {
		return nil, false
	}
	return s, false
}

// A Row is the account of what was due in one second of one phase, for one class of
// receivers: Sent is the messages that were for any of them. All messages are counted in a row
// of their own, of class Everybody, since one may be for receivers of several classes.
type Row struct {
	Phase, Second int
	Class         int
	Decile        int // of the room
	result.Ledger
}

// Everybody is the class of the rows that count messages.
const Everybody = -1

// Decile is that of the room the message goes to; 0: none.
func (s *Slot) Decile() int {
	if s.Audience == nil {
		return 0
	}
	return s.Audience.Decile
}

// entry finds or makes the row for a message and a class.
func entry(rows *[]Row, s *Slot, class int) *result.Ledger {
	second, decile := int(s.Due/int64(time.Second)), s.Decile()
	for i := len(*rows) - 1; i >= 0; i-- {
		r := &(*rows)[i]
		if r.Phase != int(s.Phase) || r.Second != second {
			break
		}
		if r.Class == class && r.Decile == decile {
			return &r.Ledger
		}
	}
	*rows = append(*rows, Row{Phase: int(s.Phase), Second: second, Class: class, Decile: decile})
	return &(*rows)[len(*rows)-1].Ledger
}

// Deliveries is the row without its messages, unless it is the one that counts them.
func (r *Row) Deliveries() result.Ledger {
	l := r.Ledger
	if r.Class != Everybody {
		l.Sent = 0
	}
	return l
}
