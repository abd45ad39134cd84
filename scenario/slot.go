package scenario

import (
	"sync/atomic"
	"time"

	"github.com/throng-io/throng/scenario/result"
)

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
	seq      uint32
	phase    int32
	ready    atomic.Bool // may be found
	void     atomic.Bool // was never written to the network
	reported atomic.Bool // as complete

	firstAt atomic.Int64 // nanoseconds since the trial's start; 0: nothing has come
	lastAt  atomic.Int64

	all   counts   // without slow readers; all there is when parts is nil
	parts []counts // by part of the audience, slow readers too, when it has several

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
func (s *slot) at(part int) *counts {
	if s.parts == nil {
		return &s.all
	}
	return &s.parts[part]
}

// shared reports whether a part's receivers count in all as well.
func (s *slot) shared(part int) bool {
	return s.parts != nil && !s.audience.parts[part].slow
}

// arrived counts a first arrival and returns its rank, from 1; 0 for a slow reader's.
func (s *slot) arrived(part int, late bool) (rank uint32) {
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
func (s *slot) markUndecided(part int, n uint32) {
	s.at(part).undecided.Add(n)
	if s.shared(part) {
		s.all.undecided.Add(n)
	}
}

// missing is how many expected deliveries have neither come nor become undecided.
func (s *slot) missing() (n int64) {
	if s.parts == nil {
		return s.all.missing()
	}
	for i := range s.parts {
		n += s.parts[i].missing()
	}
	return n
}

// reached reports whether the message came to anybody.
func (s *slot) reached() bool {
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
func (s *slot) take(dense uint32) bool {
	w := &s.word
	if s.bits != nil {
		w = &s.bits[dense/64]
	}
	mask := uint64(1) << (dense % 64)
	return w.Or(mask)&mask == 0
}

// owes reports whether the receiver was among those the message was for.
func (s *slot) owes(r *receiver, m *membership) bool {
	return m.owed(s.asOf) && (s.book.expect != expectOthers || s.from != r)
}

// receivers is how many readers of normal speed the message is for.
func (s *slot) receivers() uint32 { return s.all.expected }

// first is when the message reached the first of them; 0: none yet.
func (s *slot) first() int64 { return s.firstAt.Load() }

// last is when it reached the last one so far; 0: none yet.
func (s *slot) last() int64 { return s.lastAt.Load() }

// limit is when the message begins to be late.
func (s *slot) limit() int64 { return s.due + s.book.late }

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

// A row is the account of what was due in one second of one phase, for one class of
// receivers: Sent is the messages that were for any of them. All messages are counted in a row
// of their own, everybody's, since one may be for receivers of several classes.
type row struct {
	phase, second int
	class         int
	decile        int // of the room
	result.Ledger
}

const everybody = -1

// decile is that of the room the message goes to; 0: none.
func (s *slot) decile() int {
	if s.audience == nil {
		return 0
	}
	return s.audience.decile
}

// entry finds or makes the row for a message and a class.
func entry(rows *[]row, s *slot, class int) *result.Ledger {
	second, decile := int(s.due/int64(time.Second)), s.decile()
	for i := len(*rows) - 1; i >= 0; i-- {
		r := &(*rows)[i]
		if r.phase != int(s.phase) || r.second != second {
			break
		}
		if r.class == class && r.decile == decile {
			return &r.Ledger
		}
	}
	*rows = append(*rows, row{phase: int(s.phase), second: second, class: class, decile: decile})
	return &(*rows)[len(*rows)-1].Ledger
}

// deliveries is the row without its messages, unless it is the one that counts them.
func (r *row) deliveries() result.Ledger {
	l := r.Ledger
	if r.class != everybody {
		l.Sent = 0
	}
	return l
}
