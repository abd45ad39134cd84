package ledger

import "time"

// Watch examines the messages whose late limit has passed since the last call and returns the total
// number of deliveries missing so far. It is a figure for a live view: some may still arrive, and
// close decides. One goroutine at a time.
func (l *Ledger) Watch(now int64) (overdue int64) {
	if l.fleet != nil {
		now = min(now, l.fleet.horizon.Load())
	}
	for _, b := range l.accounts {
		for {
			s, _ := b.find(b.watched.Load())
			if s == nil || s.Limit() >= now {
				break
			}
			if !s.void.Load() {
				b.overdue.Add(max(0, s.all.missing()))
				s.account(&b.owner().seen, false, b.Late, b.Late)
			}
			b.watched.Add(1)
		}
		overdue += b.overdue.Load()
	}
	l.foldSeen(now)
	return overdue
}

// foldEvery is how many seconds' rows are added up together.
const foldEvery = 60

// foldSeen adds up the rows for which SoFar no longer keeps each second. In a fleet it keeps none.
func (l *Ledger) foldSeen(now int64) {
	if l.recent == 0 || l.fleet != nil {
		return
	}
	before := int((now - l.recent) / int64(time.Second))
	if before < l.folded+foldEvery {
		return
	}
	l.folded = before
	for _, b := range l.books[:l.streams] {
		b.seen.fold(before)
	}
}

// SoFar returns the rows of the messages whose late limit had passed when watch looked last, by
// stream: the account as it stood then. Of rows that are older than Config.Recent and lost nothing
// it may have sums. In a fleet they are what is new since the last call: the rows of all agents add
// up. The slices are valid until the next watch, on its goroutine.
func (l *Ledger) SoFar(rows [][]Row) [][]Row {
	for i, b := range l.books[:l.streams] {
		all := b.seen.rows
		if l.fleet != nil {
			all = l.fleet.fresh(i)
		}
		rows = append(rows, all)
	}
	return rows
}

// Outstanding reports whether a delivery that counts may still arrive: some of a book are missing,
// and the late limit of the book's last message has not passed. Waiting that long separates late
// deliveries from lost ones; a book whose messages may be dropped does not hold up the others. One
// goroutine at a time, when the emitter has stopped.
func (l *Ledger) Outstanding(now int64) bool {
	if l.fleet != nil {
		l.fleet.mu.Lock()
		defer l.fleet.mu.Unlock()
		if !l.fleet.sealed() {
			return true
		}
	}
	for _, b := range l.accounts {
		if now <= b.end() && (b.outstanding(b.missing) || b.outstanding(0)) {
			return true
		}
	}
	return false
}

// end is the late limit of the last message; -1: there is none.
func (b *Book) end() int64 {
	for seq := b.seq; seq > 0; seq-- {
		switch s, _ := b.find(seq - 1); {
		case s == nil:
			return -1
		case !s.void.Load():
			return s.Limit()
		}
	}
	return -1
}

// outstanding reports whether something is missing of a message from some sequence on, and
// remembers the first.
func (b *Book) outstanding(from uint32) bool {
	for seq := max(from, uint32(b.shelf.Load().first*slotsPerSlab)); seq < b.seq; seq++ {
		if s, _ := b.find(seq); s != nil && !s.void.Load() && s.outstanding() {
			b.missing = seq
			return true
		}
	}
	return false
}

// outstanding reports whether deliveries of the message are missing that may still come: not an
// echo whose sender is not there.
func (s *Slot) outstanding() bool {
	return s.missing() > 0 && (s.Audience != nil || s.From.leftAt.Load() == 0)
}
