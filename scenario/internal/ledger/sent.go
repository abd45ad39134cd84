package ledger

import "sync"

// sent has the messages that this agent's clients send. Their times never decrease.
type sent struct {
	mu     sync.Mutex
	last   int64      // when the last one was sent
	fresh  []emission // not taken for replay
	unsaid []emission // not announced
}

// emitted notes a message that is about to be written.
func (f *fleet) emitted(s *Slot, a *Audience) {
	f.sent.mu.Lock()
	defer f.sent.mu.Unlock()
	f.sent.last = max(f.sent.last, f.l.clock())
	e := emission{f.sent.last, s, a}
	s.base = max(s.base, e.at) // it can come from now on
	if s.Book.Expect == ExpectSelf {
		e.to = nil
	}
	s.ready.Store(true)
	f.sent.fresh = append(f.sent.fresh, e)
	if len(f.others) > 0 && e.to != nil {
		f.sent.unsaid = append(f.sent.unsaid, e)
	}
}

// take moves what was sent to a list.
func (t *sent) take(to []emission) []emission {
	t.mu.Lock()
	defer t.mu.Unlock()
	to = append(to, t.fresh...)
	clear(t.fresh)
	t.fresh = t.fresh[:0]
	return to
}

// written takes the messages that may be announced: those whose emission is over, at most so many.
// Up to w, they are all.
func (t *sent) written(most int, clock func() int64) (list []emission, w int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	w = clock() - 1 // the clock may stand still for the next emission
	n := 0
	for n < len(t.unsaid) && n < most && t.unsaid[n].slot.written.Load() {
		n++
	}
	if n < len(t.unsaid) {
		w = t.unsaid[n].at - 1
	}
	list = t.unsaid[:n:n]
	t.unsaid = t.unsaid[n:]
	return list, w
}
