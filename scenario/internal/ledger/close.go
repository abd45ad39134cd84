package ledger

import (
	"math"
	"slices"
	"time"
	"unsafe"
)

// linger is how long a message is kept past its late limit when all have got it, so that one more
// copy of it is known as a duplicate.
const linger = int64(30 * time.Second)

// recall is how long a message is kept past its late limit for absent receivers: the default time
// for which official servers keep messages for replay.
const recall = int64(2 * time.Minute)

// patience is how long a message is kept past its late limit for deliveries that are missing:
// longer than a slow reader or a server that stood still is behind. Later they are lost, and one
// that comes after all is Overdue: a server that loses one message in a thousand would otherwise
// make the ledger grow for as long as the run takes.
const patience = int64(10 * time.Minute)

// trim closes the slabs from which no delivery can be outstanding, so that the ledger of a long run
// needs no more memory than a short run's. While the ledger exceeds its budget, it closes the
// oldest slabs too.
func (l *Ledger) trim() {
	now := l.clock()
	if l.fleet != nil {
		now = min(now, l.fleet.horizon.Load()) // what came later waits to be replayed
	}
	for _, b := range l.accounts {
		for b.full(0) && l.done(b.shelf.Load().slabs[0], now) {
			l.closeSlab(b, 0, now)
		}
	}
	if now >= l.swept+sweepEvery {
		l.swept = now
		l.sweep(now)
	}
	for l.used.Load() > l.budget {
		var oldest *Book
		for _, b := range l.accounts {
			if b.full(0) && (oldest == nil || b.shelf.Load().slabs[0][0].Due < oldest.shelf.Load().slabs[0][0].Due) {
				oldest = b
			}
		}
		if oldest == nil {
			return // all is recent: the budget must wait
		}
		l.closeSlab(oldest, 0, now)
	}
}

// sweepEvery is how often sweep looks at all that is kept, which takes some tenths of a millisecond
// at most.
const sweepEvery = int64(time.Second)

// sweep closes what is done behind slabs that are kept: one delivery that is missing would keep all
// that was sent in the ten minutes after it.
func (l *Ledger) sweep(now int64) {
	for _, b := range l.accounts {
		for i := 1; b.full(i); i++ {
			sl := b.shelf.Load().slabs[i]
			if sl == nil {
				continue
			}
			if sl[0].Limit()+linger > now {
				break // and those behind it as well
			}
			if l.done(sl, now) {
				l.closeSlab(b, i, now)
			}
		}
	}
}

// full reports whether a book has a slab at a place of its shelf, or had one, whose messages have
// all passed their late limit.
func (b *Book) full(i int) bool {
	sh := b.shelf.Load()
	return len(sh.slabs) > i+1 && int(b.watched.Load()) >= (sh.first+i+1)*slotsPerSlab
}

// done reports whether the messages need not be kept any more.
func (l *Ledger) done(sl *slab, now int64) bool {
	for i := range sl {
		if s := &sl[i]; !s.void.Load() && s.Limit()+s.keep() > now {
			return false
		}
	}
	if l.fleet == nil {
		return true
	}
	all := true
	for i := range sl { // it asks for what is not known of all of them at once
		all = (sl[i].void.Load() || l.fleet.known(&sl[i])) && all
	}
	return all
}

// keep is for how long past its limit a message is kept, as things stand.
func (s *Slot) keep() int64 {
	switch {
	case s.outstanding():
		return patience
	case s.Audience != nil && s.Audience.away.Load() > 0, s.Audience == nil && s.missing() > 0 && !s.From.over.Load():
		return recall
	}
	return linger
}

// closeSlab closes the slab at a place of a book's shelf.
func (l *Ledger) closeSlab(b *Book, place int, now int64) {
	sh := b.shelf.Load()
	next, sl := sh.first+place+1, sh.slabs[place]
	if end := uint32(next) * slotsPerSlab; b.upTo < end {
		b.survey(end)
	} else {
		for i := range sl { // surveyed long ago, for one behind it
			b.measure(&sl[i])
		}
	}
	short := sh.short
	for i := range sl {
		s := &sl[i]
		if !s.void.Load() && s.outstanding() {
			short = max(short, next)
		}
		l.closeSlot(s, now)
		l.used.Add(-int64(8*len(s.bits)) - int64(len(s.parts))*int64(unsafe.Sizeof(counts{})))
	}
	b.owner().rows.pack()
	l.used.Add(-int64(unsafe.Sizeof(slab{})))
	for {
		slabs, gone := slices.Clone(sh.slabs), 0
		for slabs[place] = nil; gone < len(slabs) && slabs[gone] == nil; gone++ {
		}
		if b.shelf.CompareAndSwap(sh, &shelf{sh.first + gone, short, slabs[gone:]}) {
			return
		}
		sh = b.shelf.Load() // in a fleet another goroutine emits
	}
}

// Close ends the ledger: deliveries still missing are lost, or undecided when their late limit has
// not passed. The pacer must have stopped. It returns the sums by stream.
func (l *Ledger) Close(now int64) [][]Row {
	l.closed.Store(true)
	out := make([][]Row, l.streams)
	for _, b := range l.accounts {
		b.each(b.measure) // some were surveyed long ago, for others behind them
		b.each(func(s *Slot) { l.closeSlot(s, now) })
	}
	l.looks.goOn(math.MaxInt) // before the clients leave
	for i, b := range l.books[:l.streams] {
		b.rows.add(b.unsent.rows)
		if l.fleet != nil {
			l.fleet.addRows(i, &b.rows)
		}
		out[i] = b.rows.merged()
	}
	return out
}

// closeSlot adds a slot to the rows of its book.
func (l *Ledger) closeSlot(s *Slot, now int64) {
	if !s.ready.Load() {
		return
	}
	if s.Audience != nil {
		s.Audience.mu.Lock()
		s.closed = true // no receiver is owed it again
		s.Audience.forget()
		s.Audience.mu.Unlock()
	}
	if s.void.Load() {
		return
	}
	second := int(s.base / int64(time.Second))
	bound := s.Book.bound(second)
	open := now <= s.Limit() || s.mayBeUnwritten(bound)
	s.account(&s.Book.owner().rows, open, bound, s.Book.flight(second))
	if s.Audience != nil && l.fleet == nil && !open && s.all.missing() > 0 && s.troubles(AnyNode) == 0 && l.recorded(int(s.Phase)) {
		s.Audience.mu.Lock()
		l.looks.look(s)
		s.Audience.mu.Unlock()
	}
	if s.Audience != nil && !s.Book.remote {
		s.countElsewhere(&s.Book.owner().rows)
	}
	switch {
	case s.Audience == nil:
	case l.fleet != nil:
		l.fleet.closes(s, open)
	case !open && s.all.missing() > 0 && s.reported.CompareAndSwap(false, true):
		l.complete(s, false)
	}
}

// mayBeUnwritten reports whether the message may never have been written: it reached no receiver,
// the server has not acknowledged it, and its sender left within bound after it, or before the
// system had taken it; an echo may have been on its way to the sender, too (edge.go). A sender that
// left because the server was silent has written it: what a half-open connection swallows is lost,
// up to the last message. In a fleet the sender's agent decides that.
func (s *Slot) mayBeUnwritten(bound int64) bool {
	if s.Book.remote {
		return s.unwritten
	}
	left := s.From.partedSince(s.epoch)
	if left == nil || s.isHad() {
		return false
	}
	until := left.at
	if s.Audience == nil {
		until = left.until(s.base)
	}
	return until <= s.base+bound && !s.From.timedOut(s) || s.From.mayBeUnwritten(s)
}

// isHad reports whether it is known that the server had the message: it reached a receiver, or the
// server has acknowledged it. What answers an echo says nothing of the echo itself.
func (s *Slot) isHad() bool {
	return s.reached() || s.settled.reached() || s.Audience != nil && s.acked.Load()
}

// unheard reports whether nothing shows that the server ever had the message, and its sender's
// connection ended before the server was heard again, or a fault has kept it; see stuck. In a fleet
// the sender's agent decides that.
func (s *Slot) unheard(bound int64) bool {
	if s.Book.remote {
		return s.unconfirmed
	}
	return s.stuck(bound) || s.From.unheard(s) && !s.isHad()
}

// account adds the message to the rows of its second. Missing deliveries are lost, unless open is
// set. Deliveries missed by receivers that left within bound after the message was sent are
// undecided. Something that was sent later than flight after it is later; see Trouble.
func (s *Slot) account(rows *table, open bool, bound, flight int64) {
	if s.Audience != nil {
		s.Audience.mu.Lock()
		defer s.Audience.mu.Unlock()
	}
	if s.Book.main == nil && !s.Book.remote {
		rows.entry(s, Everybody, false).Sent++
	}
	class := func(part int) int {
		if s.Audience == nil {
			return s.From.Class
		}
		return s.Audience.parts[part].class
	}
	unheard := s.unheard(bound)
	if s.parts == nil {
		s.addRow(rows, &s.all, class(0), false, fate{open, unheard, s.lostTo(0, bound), s.silent(0, flight)})
	}
	for i := range s.parts {
		within := bound
		if s.Audience.parts[i].slow { // the spread is measured on normal readers
			within = s.Book.Late
		}
		s.addRow(rows, &s.parts[i], class(i), false, fate{open, unheard, s.lostTo(i, within), s.silent(i, max(flight, within))})
	}
	s.eachAgain(func(i int, c *counts) { s.addRow(rows, c, class(i), true, fate{open: open, unheard: unheard}) })
}

// A fate is what is known of the deliveries of a message that have not come.
type fate struct {
	open    bool  // they may still come
	unheard bool  // the server may never have had the message
	lost    int64 // of the undecided, those to receivers that stayed long enough
	silent  int64 // of the missing, those that a silent way explains
}

// addRow adds the deliveries of a message to a class of receivers to their row. Some undecided
// deliveries count as lost: those to receivers that stayed long enough, unless the message may
// never have been sent. What the end of a connection explains of the losses is in a row of its own,
// and so are those of the missing deliveries that a silent way explains.
func (s *Slot) addRow(rows *table, c *counts, class int, replayed bool, f fate) {
	expected, got, late, extra := int64(c.expected.Load()), int64(c.got.Load()), int64(c.late.Load()), int64(c.extra.Load())
	if !c.counted() {
		return
	}
	undecided := int64(c.undecided.Load())
	missing := max(0, expected-got-undecided)
	l := rows.entry(s, class, replayed)
	if !s.Book.remote {
		l.Sent++
	}
	l.Expected += expected + extra
	l.Received += got - late
	l.Late += late
	l.Undecided += undecided + extra
	l.Duplicate += int64(c.duplicate.Load())
	l.Disorder += int64(c.disorder.Load())
	if f.open {
		l.Undecided += missing
		return
	}
	silent := min(f.silent, missing)
	if f.unheard {
		silent = missing
	}
	l.Lost += missing - silent
	l.Undecided -= f.lost
	l.Expected -= f.lost + silent
	if lost := f.lost + silent; lost > 0 {
		k := keyOf(s, class, replayed && !f.unheard) // what never reached the server cannot be replayed
		k.cut = true
		cut := rows.row(k)
		cut.Lost += lost
		cut.Expected += lost
	}
}
