package ledger

import (
	"cmp"
	"slices"
	"time"
)

// Whether a message was written, and whether the server had it, is decided by its sender's agent,
// once all agents have said what came of it there. At the end it tells the others of all messages
// that are in doubt. Before, it tells those that ask, since they cannot close the message without
// that.

// A doubt is a message that may never have been written, or of which nothing shows that the server
// had it, or both; or neither, as an answer.
type doubt struct {
	seq                    uint32
	unwritten, unconfirmed bool
}

// doubt decides about a message of this agent.
func (s *Slot) doubt() doubt {
	bound := s.Book.bound(int(s.base / int64(time.Second)))
	return doubt{s.seq, s.mayBeUnwritten(bound), s.unheard(bound)}
}

// doubtful reports whether the account of the receivers here depends on that.
func (s *Slot) doubtful() bool {
	return s.missing() > 0 || len(s.leavings()) > 0 && !s.reached()
}

// answered reports whether a message's agent has said whether it is in doubt, or is not there to
// say it. It asks once.
func (f *fleet) answered(s *Slot) bool {
	p := f.peers[f.Owner(s.From.ID)]
	if s.answered || p.lost {
		return true
	}
	if !s.asked {
		s.asked = true
		p.asks[s.Book.Stream] = append(p.asks[s.Book.Stream], s.seq)
	}
	return false
}

// asks writes for which messages of a book an answer is wanted.
func (p *packer) asks(list []uint32) {
	slices.Sort(list)
	p.uint(uint64(len(list)))
	was := uint32(0)
	for _, seq := range list {
		p.uint(uint64(seq - was))
		was = seq
	}
}

// hearAsks takes in that another agent wants an answer. A message that was closed for want of
// memory is in no doubt.
func (f *fleet) hearAsks(_ *peer, b *Book, u *unpacker) bool {
	seq := uint64(0)
	for range u.upTo(maxRows) {
		if seq += u.upTo(1<<32 - 1); seq > 1<<32-1 {
			return false
		}
		switch s, stale := b.find(uint32(seq)); {
		case stale:
			f.doubts[b.Stream] = append(f.doubts[b.Stream], doubt{seq: uint32(seq)})
		case s == nil:
			return false
		case !s.asked:
			s.asked = true
			f.asked = append(f.asked, s)
		}
	}
	return !u.bad
}

// answer decides about the messages that others ask for, when they are kept no longer for receivers
// here and all agents have said what came of them.
func (f *fleet) answer() {
	now := f.horizon.Load()
	f.asked = slices.DeleteFunc(f.asked, func(s *Slot) bool {
		if !s.closed && (s.Limit()+s.keep() > now || !f.closedElsewhere(s)) {
			return false
		}
		f.doubts[s.Book.Stream] = append(f.doubts[s.Book.Stream], s.doubt())
		return true
	})
}

// sayDoubts writes what others ask for; and once all that it takes to decide it is known, which
// messages of all are in doubt.
func (f *fleet) sayDoubts(p *packer) (flags byte) {
	fin := &f.final
	switch {
	case fin.listed:
	case f.decidable():
		fin.listed = true
		f.listDoubts()
	case !f.finishing():
		f.answer()
	}
	room := maxRows
	for i, list := range f.doubts {
		n := min(len(list), room)
		if n == 0 {
			continue
		}
		room -= n
		p.uint(uint64(i) + 1)
		p.uint(uint64(n))
		was := uint32(0)
		slices.SortFunc(list, func(a, b doubt) int { return cmp.Compare(a.seq, b.seq) })
		for _, d := range list[:n] {
			p.uint(uint64(d.seq-was)<<2 | bit(d.unwritten)<<1 | bit(d.unconfirmed))
			was = d.seq
		}
		f.doubts[i] = slices.Delete(list, 0, n)
	}
	p.uint(0)
	if fin.listed && room > 0 {
		fin.said = true
		return announcedFinal
	}
	return 0
}

// listDoubts notes which of the messages that are kept are in doubt, and answers for those that are
// kept no more.
func (f *fleet) listDoubts() {
	f.asked = slices.DeleteFunc(f.asked, func(s *Slot) bool { return !s.closed })
	f.answer()
	for i, b := range f.l.books {
		b.each(func(s *Slot) {
			if s.Audience == nil || s.void.Load() {
				return
			}
			if d := s.doubt(); d.unwritten || d.unconfirmed {
				f.doubts[i] = append(f.doubts[i], d)
			}
		})
	}
}

func bit(is bool) uint64 {
	if is {
		return 1
	}
	return 0
}

func (f *fleet) hearDoubts(p *peer, u *unpacker) {
	for stream := u.upTo(uint64(len(f.l.books))); stream > 0; stream = u.upTo(uint64(len(f.l.books))) {
		seq := uint64(0)
		for range u.upTo(maxRows) {
			word := u.uint()
			if seq += word >> 2; u.bad || seq > 1<<32-1 {
				u.fail()
				return
			}
			if s, _ := p.books[stream-1].find(uint32(seq)); s != nil {
				s.unwritten, s.unconfirmed, s.answered = word>>1&1 != 0, word&1 != 0, true
			}
		}
	}
}
