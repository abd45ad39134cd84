package ledger

import (
	"slices"
	"time"
)

// When a receiver leaves while a message is in flight to it, the delivery cannot be decided at that
// moment. When the message is closed its spread is known: the time until it, and messages of about
// the same time, reached their last receivers. A receiver that stayed longer than the spread was
// owed the message and has lost it. Otherwise the delivery stays undecided, as it does when the
// receiver left with something unread: the longest of many waits in a socket may be many times as
// long as the next longest. The same holds for a message whose sender left within the spread: it
// may never have been written, unless it left since the server was silent.

// edgeMargin is added to twice the spread: the receiver might have been the slowest one.
const edgeMargin = int64(10 * time.Millisecond)

// A leaving counts the receivers of one part that left at about the same time after a message was
// sent and had not got it.
type leaving struct {
	part  int
	after int64 // in steps of leavingStep
	n     uint32
}

// leavingStep bounds how many leavings a message may have. A receiver counts as having left at the
// beginning of its step.
const leavingStep = int64(time.Millisecond)

// leaves notes that a receiver has left without the message, which is undecided until it is closed.
// The audience is locked.
func (s *Slot) leaves(part int, now int64) {
	s.markUndecided(part, 1)
	after := (now - s.base) / leavingStep
	if s.left == nil {
		s.left = new([]leaving)
	}
	if last := len(*s.left) - 1; last >= 0 && (*s.left)[last].part == part && (*s.left)[last].after == after {
		(*s.left)[last].n++
		return
	}
	*s.left = append(*s.left, leaving{part, after, 1})
}

func (s *Slot) leavings() []leaving {
	if s.left == nil {
		return nil
	}
	return *s.left
}

// strays notes that the message has come to a receiver all the same, after it had left the room:
// that is neither received nor lost. The audience is not locked.
func (s *Slot) strays(part int, left int64) {
	s.Audience.mu.Lock()
	defer s.Audience.mu.Unlock()
	s.stays(part, left)
}

// stays takes back a leaving. The audience is locked.
func (s *Slot) stays(part int, left int64) {
	after := (left - s.base) / leavingStep
	for i := range s.leavings() {
		if l := &s.leavings()[i]; l.part == part && l.after == after && l.n > 0 {
			l.n--
			return
		}
	}
}

// lostTo counts the receivers of a part that left without the message and had been there for longer
// than bound. The audience is locked.
func (s *Slot) lostTo(part int, bound int64) (n int64) {
	for _, l := range s.leavings() {
		if l.part == part && l.after*leavingStep > bound {
			n += int64(l.n)
		}
	}
	return n
}

// spreads are the longest times from when a book's messages were due until their last receiver had
// them, by second, in nanoseconds and one more; 0: nothing came.
type spreads struct {
	bySecond []int64
	most     int64
	news     []int // seconds that have grown since they were announced; only in a fleet
}

// note takes in how long a message of a second took, and one more, and reports whether that is the
// longest so far.
func (sp *spreads) note(second int, took int64) bool {
	for len(sp.bySecond) <= second {
		sp.bySecond = append(sp.bySecond, 0)
	}
	sp.most = max(sp.most, took)
	grown := took > sp.bySecond[second]
	sp.bySecond[second] = max(sp.bySecond[second], took)
	return grown
}

// survey reads the spreads of the messages before a sequence. Only the emitter, in a fleet the
// exchange, or Close may call it.
func (b *Book) survey(end uint32) {
	for ; b.upTo < end; b.upTo++ {
		if s, _ := b.find(b.upTo); s != nil { // else it was closed before, and is in it
			b.measure(s)
		}
	}
}

// measure reads the spread of a message.
func (b *Book) measure(s *Slot) {
	last := s.lastAt.Load()
	if last == 0 || s.void.Load() {
		return
	}
	second, took := int(s.base/int64(time.Second)), max(0, last-s.base)+1
	if b.spread.note(second, took) && b.announces && !slices.Contains(b.spread.news, second) {
		b.spread.news = append(b.spread.news, second)
	}
}

// bound is how long after it was due a message of a second may have been on its way to a receiver
// that never got it: going by the messages of that second and of those beside it, or by all when
// there are none; the late limit when nothing ever came. It is no more than that limit.
func (b *Book) bound(second int) int64 { return min(b.Late, b.flight(second)) }

// flight is bound without that limit.
func (b *Book) flight(second int) int64 {
	var most int64
	for i := max(0, second-1); i <= second+1 && i < len(b.spread.bySecond); i++ {
		most = max(most, b.spread.bySecond[i])
	}
	if most == 0 {
		most = b.spread.most
	}
	if most == 0 {
		return b.Late
	}
	return 2*(most-1) + edgeMargin
}
