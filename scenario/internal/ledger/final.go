package ledger

import "time"

// What depends on the receivers of all agents, and on nothing else, is exchanged before the ledgers
// are closed: how long the messages of a second took, and which messages may never have been
// written since they reached no receiver.

// A final is how far that has come.
type final struct {
	begun  bool // nothing changes any more
	listed bool // the doubts are those of all messages
	said   bool // all of them
}

// Stop ends the account at a moment, in the fleet's time and the same on all agents: arrivals after
// it do not count. The messages between the agents go on until Closable.
func (l *Ledger) Stop(now int64) { l.fleet.stopAt.Store(now) }

// Closable reports whether the agents know all of each other that Close needs.
func (l *Ledger) Closable() bool {
	f := l.fleet
	f.mu.Lock()
	defer f.mu.Unlock()
	f.advance()
	if !f.finishing() || !f.final.said {
		return false
	}
	for _, p := range f.others {
		if !p.lost && (!p.final || !p.settling.toldAll) {
			return false
		}
	}
	return true
}

// finishing reports whether the account has ended, and settles what is left. The lock is held.
func (f *fleet) finishing() bool {
	if f.final.begun {
		return true
	}
	stop := f.stopAt.Load()
	if stop == endOfTime || !f.sealed() || f.horizon.Load() < stop+f.Bound() {
		return false
	}
	f.final.begun = true
	f.l.closed.Store(true)
	for _, p := range f.others {
		for _, b := range p.books {
			b.each(f.settleRest)
		}
	}
	for _, b := range f.l.accounts {
		b.each(b.measure) // some were surveyed long ago
	}
	return true
}

// each visits the messages of a book that are not closed.
func (b *Book) each(visit func(s *Slot)) {
	for _, sl := range b.shelf.Load().slabs {
		if sl == nil {
			continue
		}
		for i := range sl {
			if s := &sl[i]; s.ready.Load() {
				visit(s)
			}
		}
	}
}

// saySpreads writes how long messages took, where it is longer than what all know.
func (f *fleet) saySpreads(p *packer) (flags byte) {
	over := f.finishing()
	for _, b := range f.l.accounts {
		b.survey(b.watched.Load())
	}
	for i, b := range f.l.books {
		if len(b.spread.news) == 0 {
			continue
		}
		p.uint(uint64(i) + 1)
		p.uint(uint64(len(b.spread.news)))
		for _, second := range b.spread.news {
			p.uint(uint64(second))
			p.uint(uint64(b.spread.bySecond[second]))
		}
		b.spread.news = b.spread.news[:0]
	}
	p.uint(0)
	if over {
		return announcedSpreads
	}
	return 0
}

func (f *fleet) hearSpreads(u *unpacker) {
	latest := max(0, f.l.clock())/int64(time.Second) + int64(time.Hour/time.Second)
	for stream := u.upTo(uint64(len(f.l.books))); stream > 0; stream = u.upTo(uint64(len(f.l.books))) {
		for range u.upTo(maxRows) {
			second, took := u.upTo(uint64(latest)), u.upTo(uint64(farthest))
			if u.bad {
				return
			}
			f.l.books[stream-1].spread.note(int(second), int64(took))
		}
	}
}

// decidable reports whether all agents have settled this one's messages and said how long messages
// took.
func (f *fleet) decidable() bool {
	if !f.finishing() {
		return false
	}
	for _, p := range f.others {
		if !p.lost && (!p.surveyed || !p.settling.heardAll) {
			return false
		}
	}
	return true
}
