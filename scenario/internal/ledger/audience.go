package ledger

import (
	"slices"
	"sync"
	"sync/atomic"
)

// An Audience is the receivers of a room or of a whole namespace. Goroutines may share it once all
// of its classes have been admitted.
type Audience struct {
	Room int // its number among the rooms of its prefix; -1: a namespace
	// by size among the rooms of its prefix, 1 to 10, 10 the largest; 0: all are alike, or it is no
	// room
	Decile int

	Planned float64 // members by the plan, where Decile is set

	mu      sync.Mutex
	parts   []part   // members by class; fixed before the first join
	version uint32   // grows with every coming and going
	members uint32   // now
	width   uint32   // bits given out so far
	free    []uint32 // of those, given back
	seats   []seat   // by bit: who is there
	recent  []*Slot  // in order of emission, without those long past their late limit; see behind

	// members whose connection is lost and that may be recovered; written under mu
	away atomic.Int32
	// in order of emission since the first of them went, without those that are closed
	missed []*Slot
}

// forget drops the oldest of the recent messages that are closed: an audience to which nothing is
// sent any more would keep its last ones, and each of them those that were sent with it. The
// audience is locked.
func (a *Audience) forget() {
	n := 0
	for n < len(a.recent) && a.recent[n].closed {
		n++
	}
	clear(a.recent[:n])
	if a.recent = a.recent[n:]; len(a.recent) == 0 {
		a.recent = nil
	}
}

// A part is the members of one class.
type part struct {
	class   int
	slow    bool
	members uint32
}

// Admit says that receivers of a class may join.
func (a *Audience) Admit(class int, slow bool) {
	if a.part(class) < 0 {
		a.parts = append(a.parts, part{class: class, slow: slow})
	}
}

// part is the place of a class that was admitted.
func (a *Audience) part(class int) int {
	for i := range a.parts {
		if a.parts[i].class == class { // nothing else of it: members change under the lock
			return i
		}
	}
	return -1
}

// A Receiver is a client as the ledger sees it: which audiences it belongs to.
type Receiver struct {
	ID      uint32                        // the client's index in the trial
	Class   int                           // what kind of client it is, by the caller's numbers
	Node    int                           // the place of its target among several
	members atomic.Pointer[[]*Membership] // as the account has them
	spaces  atomic.Pointer[[]*Membership]
	// likewise as its client has them: in a fleet the account follows later
	now, nowSpaces atomic.Pointer[[]*Membership]
	gone           bool                      // likewise that its connection has ended; guarded by its shard
	echoes         order                     // of streams without an audience
	leftAt         atomic.Int64              // when its memberships ended or were suspended; 0: it is there
	over           atomic.Bool               // they have ended, and it will not be recovered
	losses         atomic.Pointer[[]parting] // of its connections that it has lost
	unwritten      atomic.Pointer[[]span]    // nil: nothing; see MayBeUnwritten
	silences       atomic.Pointer[[]span]    // nil: none; see Unheard
	unread         atomic.Int64              // see MayBeUnread; 0: nothing
	newest         atomic.Int64              // when what has come to it last was sent; see Trouble
	stalled        atomic.Int64              // until when it does not read; 0: it does
	carried        atomic.Uint64             // the last emission of its own that came to somebody; likewise
	backAt         int64                     // when it was recovered last; its own goroutine's
	joinedAt       atomic.Int64              // when it joined something last
	extra          uint32                    // its number in the ledger's extras; guarded by the ledger's mu
}

// A span is a time, up to the end of a receiver's connection, in which it emitted messages.
type span struct {
	since, until int64
	timedOut     bool // the server's silence ended the connection
}

// add appends to a list that other goroutines read.
func (s span) add(list *atomic.Pointer[[]span]) {
	var all []span
	if was := list.Load(); was != nil {
		all = *was
	}
	all = append(slices.Clip(all), s)
	list.Store(&all)
}

// spanOf returns the span in which a message was written; nil: it is in none.
func spanOf(list *atomic.Pointer[[]span], s *Slot) *span {
	all, at := list.Load(), max(s.base, s.Due+s.lag.Load())
	if all == nil {
		return nil
	}
	for i := range *all {
		if x := &(*all)[i]; x.since <= at && at <= x.until {
			return x
		}
	}
	return nil
}

// MayBeUnwritten notes that the messages that the receiver emitted between two moments may never
// have been written, as its connection ended before the system had taken them: those that reached
// nobody are undecided. Its own goroutine calls it, before Leave or Suspend.
func (r *Receiver) MayBeUnwritten(since, until int64) {
	span{since: since, until: until}.add(&r.unwritten)
}

// Unheard notes that the receiver's connection has ended, and that nothing shows that the server
// got what the receiver emitted between two moments, the second of which is that end. Those
// messages are lost when they reached nobody, and no server owes them to those that it recovers.
// timedOut: the client ended the connection because it had not heard the server for too long. Its
// own goroutine calls it, before Leave or Suspend.
func (r *Receiver) Unheard(since, until int64, timedOut bool) {
	span{since, until, timedOut}.add(&r.silences)
}

// MayBeUnread notes that the receiver leaves now and may not have read what has come to its socket
// since a moment, or anything that has come when that is 0: what it lacks may be in it, however
// long others have had it. It is called before Leave.
func (r *Receiver) MayBeUnread(since int64) { r.unread.Store(max(since, 1)) }

// mayBeUnwritten reports whether MayBeUnwritten is about a message of the receiver.
func (r *Receiver) mayBeUnwritten(s *Slot) bool { return spanOf(&r.unwritten, s) != nil }

// unheard reports whether Unheard is about a message of the receiver.
func (r *Receiver) unheard(s *Slot) bool { return spanOf(&r.silences, s) != nil }

// timedOut reports whether the server's silence ended the connection on which the receiver emitted
// a message.
func (r *Receiver) timedOut(s *Slot) bool {
	x := spanOf(&r.silences, s)
	return x != nil && x.timedOut
}

// timedOutSince reports whether the server's silence ended the connection that the receiver has
// lost at a moment.
func (r *Receiver) timedOutSince(now int64) bool {
	all, before := r.silences.Load(), int64(0)
	if all == nil {
		return false
	}
	if list := r.losses.Load(); list != nil {
		for i := range *list {
			if at := (*list)[i].at; at < now {
				before = at
			}
		}
	}
	return slices.ContainsFunc(*all, func(x span) bool { return x.timedOut && before < x.until && x.until <= now })
}

// Memberships are those it has, had a moment ago, or has asked for. The caller must not change
// the list.
func (r *Receiver) Memberships() []*Membership { return listOf(&r.now) }

// SetMemberships sets that list before the first join. It must not change afterwards.
func (r *Receiver) SetMemberships(list []*Membership) {
	r.now.Store(&list)
	r.members.Store(&list)
}

// Spaces are its memberships of further namespaces. The caller must not change the list.
func (r *Receiver) Spaces() []*Membership { return listOf(&r.nowSpaces) }

// SetSpaces sets that list before the first join. It must not change afterwards.
func (r *Receiver) SetSpaces(list []*Membership) {
	if len(list) == 0 {
		return
	}
	r.nowSpaces.Store(&list)
	r.spaces.Store(&list)
}

// SetMemberships replaces the memberships of a receiver that may have joined. The list must not
// change afterwards. The goroutines that receive may look at either list meanwhile.
func (l *Ledger) SetMemberships(r *Receiver, list []*Membership) {
	if l.fleet != nil {
		l.fleet.relist(r, list)
		return
	}
	r.SetMemberships(list)
}

func listOf(p *atomic.Pointer[[]*Membership]) []*Membership {
	if l := p.Load(); l != nil {
		return *l
	}
	return nil
}

// A Membership is a receiver's place in one audience.
type Membership struct {
	audience *Audience
	Room     int // its number among the rooms of the client's group; -1: the namespace
	// Asked is when the client began to connect, or asked for the room: it is not owed what was
	// sent before, and when that comes all the same it is no delivery. It is set before the
	// connection.
	Asked  int64
	part   int           // of the audience
	dense  uint32        // its bit
	joined atomic.Uint32 // the audience's version as of its join; 0: the join is in flight
	left   atomic.Uint32 // the version as of its end; 0: it has not ended
	leftAt atomic.Int64  // when; before left is set
	parted *parting      // how it has left; guarded by audience.mu
	lacked int64         // since when it had lacked what was sent then; see parting.until; likewise
	member bool          // likewise
	away   bool          // suspended; likewise
	open   []*Slot       // messages in flight to it then; likewise
	// those that were in flight to it when it left, but for what has come since; likewise. As
	// slots they would be kept for as long as it is, each with those that were sent with it.
	lacks []message
	// the version as of its last recovery; 0: none; its receiver's goroutine's
	back  uint32
	gaps  []gap // that have ended; likewise
	order order

	early atomic.Pointer[early] // in a fleet; nil: nothing has happened yet
}

// Init makes the membership one of an audience, for a receiver of a class that was admitted to it.
func (m *Membership) Init(a *Audience, room, class int) {
	m.audience, m.Room, m.part = a, room, a.part(class)
}

// HasJoined reports whether the join has been acknowledged.
func (m *Membership) HasJoined() bool {
	if e := m.early.Load(); e != nil {
		return e.joined
	}
	return m.joined.Load() != 0
}

// HasEnded reports whether the receiver has left; since is when.
func (m *Membership) HasEnded() (since int64, ended bool) {
	if e := m.early.Load(); e != nil {
		return e.ended, e.ended != 0
	}
	if m.left.Load() == 0 {
		return 0, false
	}
	return m.leftAt.Load(), true
}

// owed reports whether a message that was emitted at a version of the audience is for the
// member.
func (m *Membership) owed(version uint32) bool {
	joined, left := m.joined.Load(), m.left.Load()
	return joined != 0 && joined <= version && (left == 0 || version < left)
}

// Join makes the receiver a member from now on, unless it has left. It is called once for each
// membership.
func (l *Ledger) Join(r *Receiver, m *Membership) {
	r.joinedAt.Store(l.clock())
	if l.fleet != nil {
		l.fleet.join(r, m)
		return
	}
	r.join(m)
}

func (r *Receiver) join(m *Membership) {
	a := m.audience
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.leftAt.Load() != 0 || m.left.Load() != 0 {
		return
	}
	if n := len(a.free); n > 0 {
		m.dense, a.free = a.free[n-1], a.free[:n-1]
	} else {
		m.dense = a.width
		a.width++
	}
	a.version++
	a.members++
	a.parts[m.part].members++
	a.sit(m, r)
	m.member = true
	m.joined.Store(a.version)
}

// Leave ends the receiver's memberships, also those that Suspend has kept. Outstanding deliveries
// within their late limit are undecided until the message is closed (edge.go); later arrivals do
// not count.
func (l *Ledger) Leave(r *Receiver) {
	now := max(l.clock(), 1)
	if l.fleet != nil {
		l.fleet.leave(r, now)
		return
	}
	l.leave(r, now)
}

func (l *Ledger) leave(r *Receiver, now int64) {
	if p := r.goes(now); p != nil {
		for _, list := range [...][]*Membership{listOf(&r.members), listOf(&r.spaces)} {
			for _, m := range list {
				l.end(r, m, p)
			}
		}
	} else {
		for _, m := range listOf(&r.members) {
			m.forget()
		}
	}
	r.over.Store(true)
	// its messages keep it for minutes, and these took most of its memory
	for _, list := range [...]*atomic.Pointer[[]*Membership]{&r.members, &r.spaces, &r.now, &r.nowSpaces} {
		list.Store(nil)
	}
}

// End ends one membership, whose join may still be in flight. Deliveries owed to the receiver that
// are not past their late limit become undecided. So do deliveries of messages emitted before the
// server has processed the end.
func (l *Ledger) End(r *Receiver, m *Membership, now int64) {
	if l.fleet != nil {
		l.fleet.end(r, m, now)
		return
	}
	p := r.parts(now)
	l.end(r, m, &p)
}

func (l *Ledger) end(r *Receiver, m *Membership, p *parting) {
	a := m.audience
	a.mu.Lock()
	defer a.mu.Unlock()
	if m.left.Load() != 0 {
		return
	}
	a.version++
	m.leftAt.Store(p.at)
	// before the bits are taken: the receiver must know which leave took them
	m.left.Store(a.version)
	if m.member {
		m.member = false
		a.members--
		a.parts[m.part].members--
		a.vacate(m)
		for _, s := range a.lacks(r, m, p, true) {
			s.giveUp(m)
			m.lacks = append(m.lacks, s.message())
			l.reportIfComplete(s)
		}
	}
}

// An order remembers the last sequence that a receiver saw of each sender. The latest sender's is
// kept apart, so that a single speaker costs no map. Senders that were not heard for as long as
// messages are kept may be forgotten, so that a client that stays among others that come and go
// takes no memory without end.
type order struct {
	key   uint64
	seq   uint32
	some  bool
	since int64 // from when on more is filled
	more  map[uint64]uint32
	past  map[uint64]uint32 // what more was before
}

// fewSenders are not worth forgetting.
const fewSenders = 64

// overtaken notes a sequence that came at a moment, and reports whether a later one of the same
// sender and stream had come before it.
func (o *order) overtaken(stream uint16, sender, seq uint32, at int64) bool {
	key := uint64(stream)<<32 | uint64(sender)
	if !o.some {
		o.key, o.seq, o.some = key, seq, true
		return false
	}
	if o.key != key {
		if len(o.more) >= fewSenders && at-o.since >= recall {
			o.past, o.more, o.since = o.more, nil, at
		}
		if o.more == nil {
			o.more = map[uint64]uint32{}
		}
		o.more[o.key] = o.seq
		last, seen := o.more[key]
		if !seen {
			last, seen = o.past[key]
		}
		o.key, o.seq = key, last
		if !seen {
			o.seq = seq
			return false
		}
	}
	if seq < o.seq {
		return true
	}
	o.seq = seq
	return false
}
