package ledger

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// When a receiver leaves while a message is in flight to it, the delivery cannot be decided at that
// moment. When the message is closed its spread is known: the time until it, and messages of about
// the same time, reached their last receivers. A connection keeps the order of what is sent on it:
// a receiver that got something that was sent after that time has lost the message. One that got
// nothing later may just be the last one, however long the others have had it: a busy server writes
// to one connection when it has written to all others, and what has come may lie in the socket.
// Only a receiver that got nothing for so long that this explains nothing was owed the message
// until it left. Otherwise the delivery stays undecided. The same holds for a message whose sender
// left within the spread: it may never have been written, unless it left since the server was
// silent.

// edgeMargin is added to twice the spread: the receiver might have been the slowest one.
const edgeMargin = int64(10 * time.Millisecond)

// starving is for how long at least a connection brings nothing of what is sent that keeps it from
// the receiver. It is longer than packets that are lost twice, or a machine with ten times the work
// that it can do, hold up one connection and no other.
const starving = int64(time.Second)

// A parting is what is known of a receiver's connection when it ends, or when the receiver leaves a
// room.
type parting struct {
	at     int64
	shown  int64 // when what had come to it last was sent
	read   int64 // what had come to its socket by then it has read
	silent bool  // the server's silence ended the connection
}

// parts is what is known when the receiver leaves something at a moment.
func (r *Receiver) parts(now int64) parting {
	p := parting{at: now, shown: r.newest.Load(), read: now, silent: r.timedOutSince(now)}
	if since := r.unread.Load(); since != 0 {
		p.read = min(now, since)
	}
	return p
}

// until is the moment before which messages were sent that the receiver was to have when it left.
// since is when a message was sent that it lacked, or an earlier one that was sent later than
// anything it had.
func (p *parting) until(since int64) int64 {
	if p.silent || p.read-since > starving {
		return p.read
	}
	return p.shown
}

// lacks returns the messages that a member lacks which leaves, as far as they may be on their way.
// take: what comes of them is not counted any more. The audience is locked.
func (a *Audience) lacks(r *Receiver, m *Membership, p *parting, take bool) (open []*Slot) {
	m.parted, m.lacked = p, math.MaxInt64
	for _, s := range a.recent {
		if !s.owes(r, m) || s.taken(m.dense) {
			continue
		}
		if s.base >= p.shown && s.asOf >= m.back && s.mustCome() {
			m.lacked = min(m.lacked, s.base)
		}
		if p.at <= s.Limit() && (!take || s.take(m.dense)) {
			open = append(open, s)
		}
	}
	return open
}

// A message is the name of a slot, which does not keep it.
type message struct {
	book *Book
	seq  uint32
}

func (s *Slot) message() message { return message{s.Book, s.seq} }

// mustCome reports whether a connection that is in order brings the message: not one that was never
// written, or that goes past the server, or that the server may leave out.
func (s *Slot) mustCome() bool { return !s.void.Load() && !s.Book.Direct && !s.Book.Volatile }

// A leaving counts the receivers of one part that left without a message, as far as they were to
// have had messages for about the same time after it was sent.
type leaving struct {
	part  int
	after int64 // in steps of leavingStep; more than 0
	n     uint32
}

// leavingStep bounds how many leavings a message may have. That time ends at the beginning of its
// step.
const leavingStep = int64(time.Millisecond)

// leaves notes that a receiver has left without the message, which is undecided until it is closed.
// until is as in parting. The audience is locked.
func (s *Slot) leaves(part int, until int64) {
	s.markUndecided(part, 1)
	after := (until - s.base) / leavingStep
	if after <= 0 {
		return // it stays so
	}
	if s.left == nil {
		s.left = new([]leaving)
	}
	i, known := s.leaving(part, after)
	if !known {
		*s.left = slices.Insert(*s.left, i, leaving{part: part, after: after})
	}
	(*s.left)[i].n++
}

func (s *Slot) leavings() []leaving {
	if s.left == nil {
		return nil
	}
	return *s.left
}

// leaving is the place of a leaving among those of the message, which are in order.
func (s *Slot) leaving(part int, after int64) (i int, known bool) {
	return slices.BinarySearchFunc(s.leavings(), leaving{part: part, after: after}, func(a, b leaving) int {
		return cmp.Or(cmp.Compare(a.part, b.part), cmp.Compare(a.after, b.after))
	})
}

// strays notes that the message has come to a receiver all the same, after it had left the room:
// that is neither received nor lost. What has come before does nothing: of its leaving there is
// nothing to take back. The audience is not locked.
func (s *Slot) strays(m *Membership) {
	s.Audience.mu.Lock()
	defer s.Audience.mu.Unlock()
	i := slices.Index(m.lacks, s.message())
	if i < 0 {
		return
	}
	m.lacks = slices.Delete(m.lacks, i, i+1)
	if s.asOf >= m.back { // see giveUp
		s.stays(m.part, s.until(m))
	}
}

// stays takes back a leaving. The audience is locked.
func (s *Slot) stays(part int, until int64) {
	if i, known := s.leaving(part, (until-s.base)/leavingStep); known && (*s.left)[i].n > 0 {
		(*s.left)[i].n--
	}
}

// until is up to when messages were sent that a member which has left was to have had. The ways
// between clients do not show what the server's does. The audience is locked.
func (s *Slot) until(m *Membership) int64 {
	if s.Book.Direct {
		return m.leftAt.Load()
	}
	return m.parted.until(min(m.lacked, s.base))
}

// lostTo counts the receivers of a part that left without the message and were to have what was
// sent more than bound after it. The audience is locked.
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
