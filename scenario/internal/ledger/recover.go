package ledger

import "slices"

// Connection state recovery in the ledger: the server treats a reconnecting client as its previous
// socket and replays the messages that it missed.

// goes notes that the receiver's connection has ended; nil: it was not there.
func (r *Receiver) goes(now int64) *parting {
	if !r.leftAt.CompareAndSwap(0, now) {
		return nil
	}
	var list []parting
	if was := r.losses.Load(); was != nil {
		list = *was
	}
	list = append(slices.Clip(list), r.parts(now))
	r.losses.Store(&list)
	return &list[len(list)-1]
}

// epoch is how often the receiver has lost its connection.
func (r *Receiver) epoch() uint32 {
	if list := r.losses.Load(); list != nil {
		return uint32(len(*list))
	}
	return 0
}

// partedSince is how the connection of an epoch ended; nil: it has not.
func (r *Receiver) partedSince(epoch uint32) *parting {
	if list := r.losses.Load(); list != nil && int(epoch) < len(*list) {
		return &(*list)[epoch]
	}
	return nil
}

// Suspend notes that the receiver's connection is lost and may be recovered. Until Resume or Leave
// decides that, its outstanding deliveries are undecided, as after Leave, and it is not owed new
// messages. Further namespaces are never recovered.
func (l *Ledger) Suspend(r *Receiver) {
	now := max(l.clock(), 1)
	if l.fleet != nil {
		l.fleet.suspend(r, now)
		return
	}
	l.suspend(r, now)
}

func (l *Ledger) suspend(r *Receiver, now int64) {
	p := r.goes(now)
	if p == nil {
		return
	}
	for _, m := range listOf(&r.members) {
		l.suspendFrom(r, m, p)
	}
	for _, m := range listOf(&r.spaces) {
		l.end(r, m, p)
	}
}

func (l *Ledger) suspendFrom(r *Receiver, m *Membership, p *parting) {
	a := m.audience
	a.mu.Lock()
	defer a.mu.Unlock()
	if !m.member {
		return // its join is in flight, or it has ended
	}
	a.version++
	m.leftAt.Store(p.at)
	m.left.Store(a.version)
	m.member, m.away = false, true
	a.members--
	a.parts[m.part].members--
	a.away.Add(1)
	m.open = a.lacks(r, m, p, false)
	for _, s := range m.open {
		s.giveUp(m)
		l.reportIfComplete(s)
	}
}

// miss remembers a message that was emitted while some members are away. The audience is locked.
func (a *Audience) miss(s *Slot) {
	if a.away.Load() == 0 || s.Book.Volatile {
		return
	}
	closed := 0
	for closed < len(a.missed) && a.missed[closed].closed {
		closed++
	}
	a.missed = append(a.missed[closed:], s)
}

// Resume makes the receiver the socket that it was before Suspend: a member of the same rooms, owed
// every non-volatile message that was emitted meanwhile or was in flight when its connection broke.
// spaces are its memberships of further namespaces from now on. It is called on the goroutine that
// receives.
func (l *Ledger) Resume(r *Receiver, spaces []*Membership) {
	now := l.clock()
	if l.fleet != nil {
		l.fleet.resume(r, spaces, now)
		return
	}
	r.nowSpaces.Store(&spaces)
	r.resume(spaces, now)
}

func (r *Receiver) resume(spaces []*Membership, now int64) {
	for _, m := range listOf(&r.members) {
		m.resume(r)
	}
	r.spaces.Store(&spaces)
	r.backAt = now
	r.leftAt.Store(0)
}

// resume is Receiver.resume for one membership. In a fleet what the receiver sends as soon as it is
// back may be replayed before its return: it is not owed that where only others are.
func (m *Membership) resume(r *Receiver) {
	a := m.audience
	a.mu.Lock()
	defer a.mu.Unlock()
	if !m.away {
		return
	}
	left, was := m.left.Load(), m.back
	a.version++
	m.back = a.version
	m.gaps = append(m.gaps, gap{left, m.back, m.leftAt.Load()})
	for _, s := range m.open {
		if !s.closed && !s.Book.Volatile {
			s.owedAgain(m, was)
		}
	}
	for _, s := range a.missed {
		if s.asOf >= left && !s.closed && s.isFor(r) {
			s.again(m.part).expected.Add(1)
		}
	}
	a.comesBack(m)
	a.members++
	a.parts[m.part].members++
	m.member = true
	m.left.Store(0)
}

// A gap is a time for which a member was away.
type gap struct {
	left, back uint32 // versions of the audience
	at         int64  // when it began
}

// moved reports whether Resume has made the message owed to the member again: not when it was
// already late when the connection broke.
func (m *Membership) moved(s *Slot) bool {
	for _, g := range m.gaps {
		if s.asOf < g.back { // the first one since it was sent
			return s.asOf >= g.left || g.at <= s.Limit()
		}
	}
	return false
}

// forget ends a suspended membership: its receiver was not recovered.
func (m *Membership) forget() {
	a := m.audience
	a.mu.Lock()
	defer a.mu.Unlock()
	if m.away {
		a.comesBack(m)
		a.vacate(m)
	}
}

// comesBack ends the time away of a member. The audience is locked.
func (a *Audience) comesBack(m *Membership) {
	m.away, m.open = false, nil
	if a.away.Add(-1) == 0 {
		a.missed = nil
	}
}
