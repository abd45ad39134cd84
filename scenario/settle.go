package scenario

import (
	"slices"
	"time"
	"unsafe"
)

// linger is how long a message that everybody has got is kept past its late limit, for one more copy of
// it to be known as a duplicate.
const linger = int64(30 * time.Second)

// trim closes the slabs of which nothing is to be expected any more, so that the ledger of a long
// run stays as small as that of a short one; and, as long as it is over its budget, the oldest.
func (l *ledger) trim() {
	now := l.clock()
	for _, b := range l.books {
		for sh := b.shelf.Load(); l.full(b) && sh.slabs[0].done(now); sh = b.shelf.Load() {
			l.closeFirst(b, now)
		}
	}
	for l.used > l.budget {
		var oldest *book
		for _, b := range l.books {
			if l.full(b) && (oldest == nil || b.shelf.Load().slabs[0][0].due < oldest.shelf.Load().slabs[0][0].due) {
				oldest = b
			}
		}
		if oldest == nil {
			return // all is recent: the budget must wait
		}
		l.closeFirst(oldest, now)
	}
}

// full reports whether a book has a slab whose messages have all passed their late limit.
func (l *ledger) full(b *book) bool {
	sh := b.shelf.Load()
	return len(sh.slabs) > 1 && int(b.watched.Load()) >= (sh.first+1)*slotsPerSlab
}

// done reports whether everybody has got the messages, some time ago.
func (sl *slab) done(now int64) bool {
	for i := range sl {
		s := &sl[i]
		if !s.void.Load() && (s.missing() > 0 || s.due+s.book.late+linger > now) {
			return false
		}
	}
	return true
}

// closeFirst closes the oldest slab of a book.
func (l *ledger) closeFirst(b *book, now int64) {
	sh := b.shelf.Load()
	for i := range sh.slabs[0] {
		s := &sh.slabs[0][i]
		l.closeSlot(s, now)
		l.used -= int64(8*len(s.bits)) + int64(len(s.parts))*int64(unsafe.Sizeof(counts{}))
	}
	l.used -= int64(unsafe.Sizeof(slab{}))
	b.shelf.Store(&shelf{sh.first + 1, slices.Clone(sh.slabs[1:])})
}

// close ends the ledger: what has not come by now is lost, or undecided when its late
// limit has not passed. The pacer must have stopped. It returns the sums by stream.
func (l *ledger) close(now int64) [][]row {
	l.closed.Store(true)
	out := make([][]row, len(l.books))
	for i, b := range l.books {
		for _, sl := range b.shelf.Load().slabs {
			for j := range sl {
				l.closeSlot(&sl[j], now)
			}
		}
		out[i] = b.rows
	}
	return out
}

// closeSlot adds a slot to the rows of its book.
func (l *ledger) closeSlot(s *slot, now int64) {
	if !s.ready.Load() || s.void.Load() {
		return
	}
	// A message of somebody who left soon after, and that reached nobody, may never have
	// left with it.
	limit, left := s.due+s.book.late, s.from.leftAt.Load()
	open := now <= limit || left != 0 && left <= limit && !s.reached()
	s.book.rows = s.account(s.book.rows, open)
	if !open && s.audience != nil && s.all.missing() > 0 && s.reported.CompareAndSwap(false, true) {
		l.complete(s, false)
	}
}

// account adds the message to the rows of its second. What is missing is lost, unless the matter is
// still open.
func (s *slot) account(rows []row, open bool) []row {
	entry(&rows, s, everybody).Sent++
	if s.parts == nil {
		class := s.from.class
		if s.audience != nil {
			class = s.audience.parts[0].class
		}
		s.addRow(&rows, &s.all, class, open)
	}
	for i := range s.parts {
		s.addRow(&rows, &s.parts[i], s.audience.parts[i].class, open)
	}
	return rows
}

// addRow adds what became of a message at the receivers of a class to their row.
func (s *slot) addRow(rows *[]row, c *counts, class int, open bool) {
	got, late, extra := int64(c.got.Load()), int64(c.late.Load()), int64(c.extra.Load())
	if c.expected == 0 && got+extra == 0 {
		return
	}
	undecided := int64(c.undecided.Load())
	missing := max(0, int64(c.expected)-got-undecided)
	l := entry(rows, s, class)
	l.Sent++
	l.Expected += int64(c.expected) + extra
	l.Received += got - late
	l.Late += late
	l.Undecided += undecided + extra
	l.Duplicate += int64(c.duplicate.Load())
	l.Disorder += int64(c.disorder.Load())
	if open {
		l.Undecided += missing
	} else {
		l.Lost += missing
	}
}
