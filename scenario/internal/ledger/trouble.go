package ledger

import "time"

// A delivery that is missing at a receiver whose connection stays may still be on its way, where a
// fault has made the way silent; or the server has skipped it. A connection keeps the order of what
// is sent on it. So the server has skipped a message for a receiver that has got something sent
// later, and it had got a message whose sender sent a later one that came to somebody. Only where
// nothing later has come is the fault an explanation.

// A Trouble is what a fault may do to a message without ending a connection; 0: nothing.
type Trouble uint8

// The bits of a Trouble.
const (
	SilentUp   Trouble = 1 << iota // it may be stuck on its way to the server
	SilentDown                     // it may be stuck on its way from the server to a receiver
	// the server may have ended between two of its deliveries: its sender's connection has ended,
	// too
	Torn
	SilentStalled // SilentDown for receivers that were made to stop reading, see Stalls
	// what is behind the servers may be broken: a message may come to nobody, or to no receiver of
	// another node, while all connections stay
	Behind
)

// AnyNode stands for the ways to all nodes.
const AnyNode = -1

// A seat is who has a bit of the messages to an audience.
type seat struct {
	m *Membership
	r *Receiver
}

// sit notes who has the membership's bit from now on. The audience is locked.
func (a *Audience) sit(m *Membership, r *Receiver) {
	for len(a.seats) <= int(m.dense) {
		a.seats = append(a.seats, seat{})
	}
	a.seats[m.dense] = seat{m, r}
}

// vacate gives the bit of a membership back, which would keep a client that has left. The audience
// is locked.
func (a *Audience) vacate(m *Membership) {
	a.free = append(a.free, m.dense)
	a.seats[m.dense] = seat{}
}

// troubles is what a fault may have done to the message on the ways to a node.
func (s *Slot) troubles(node int) Trouble {
	if s.Book.trouble == nil {
		return 0
	}
	return s.Book.trouble(s.base, node)
}

// Stalls notes that the receiver does not read what is sent to it until a moment.
func (r *Receiver) Stalls(until int64) { r.stalled.Store(until) }

// shows notes that the message has come to a receiver: what was sent to it before has come, too, or
// is lost.
func (s *Slot) shows(r *Receiver) {
	if s.Book.Direct {
		return
	}
	if r.newest.Load() < s.base {
		r.newest.Store(s.base)
	}
	s.carried()
}

// carried notes that the message has come to somebody: the server has what its sender sent before.
func (s *Slot) carried() {
	if s.Book.trouble == nil || s.Book.Direct {
		return
	}
	at := s.emission()
	for last := s.From.carried.Load(); last < at && !s.From.carried.CompareAndSwap(last, at); {
		last = s.From.carried.Load()
	}
}

// carriedElsewhere is carried for what the other agents say. On which connection a message was sent
// is not known before it has been replayed here.
func (s *Slot) carriedElsewhere() {
	if s.Audience != nil && s.settled.reached() {
		s.carried()
	}
}

// epochShift leaves nine years of microseconds below an epoch.
const epochShift = 48

// emission orders what one client has sent: by its connections, and by time.
func (s *Slot) emission() uint64 {
	return uint64(s.epoch)<<epochShift | uint64(max(0, s.base)/int64(time.Microsecond))
}

// stuck reports whether a fault explains that the message came to nobody, or, when it has torn the
// server away within bound, not to all. In a fleet the sender's agent decides that.
func (s *Slot) stuck(bound int64) bool {
	does := s.troubles(s.From.Node)
	if left := s.From.partedSince(s.epoch); does&Torn != 0 && left != nil && left.at <= s.base+bound {
		return true
	}
	if does&(SilentUp|Behind) == 0 || s.reached() || s.settled.reached() {
		return false
	}
	if does&Behind != 0 {
		return true
	}
	if s.isHad() {
		return false // and all the same it came to nobody
	}
	last := s.From.carried.Load()
	return last>>epochShift != uint64(s.epoch) || last <= s.emission()
}

// silent counts the missing deliveries of a part that a silent way explains. flight is how long the
// message may have been on its way otherwise. The audience is locked.
func (s *Slot) silent(part int, flight int64) int64 {
	missing := s.at(part).missing()
	switch does := s.troubles(AnyNode); {
	case missing <= 0, does == 0:
		return 0
	case s.Book.Direct: // the ways between clients end with their connections, too
		return missing
	case does&(SilentDown|SilentStalled|Behind) == 0:
		return 0
	}
	return max(0, missing-s.skipped(part, flight))
}

// mayLack reports whether a fault explains that a receiver that is there lacks the message.
func (s *Slot) mayLack(r *Receiver, flight int64) bool {
	does := s.troubles(r.Node)
	switch {
	case does&Behind != 0 && r.Node != s.From.Node:
		return true
	case does&SilentDown != 0, does&SilentStalled != 0 && s.base < r.stalled.Load():
		return r.newest.Load() <= s.base+flight // else something has come that was sent later
	}
	return false
}

// skipped counts the receivers of a part that are there and lack the message, which no fault
// explains. Of those that are gone or were away meanwhile it is not known.
func (s *Slot) skipped(part int, flight int64) (n int64) {
	if s.Audience == nil {
		if !s.mayLack(s.From, flight) && s.From.leftAt.Load() == 0 && s.epoch == s.From.epoch() {
			return 1
		}
		return 0
	}
	for dense := range s.Audience.seats {
		x := &s.Audience.seats[dense]
		if x.m == nil || x.m.part != part || x.m.left.Load() != 0 || s.asOf < x.m.back || !s.owes(x.r, x.m) {
			continue
		}
		if !s.taken(uint32(dense)) && !s.mayLack(x.r, flight) {
			n++
		}
	}
	return n
}
