package outlet

import (
	"runtime"
	"sync"
)

// fewest is how many receivers a message must have to be sent together. Ten in a room of their own,
// where each send wakes a client, cost some hundredths more than by calls of their own.
const fewest = 16

// Rings lets a message be written to many outlets by one system call: a few io_uring instances,
// which all that broadcasts on a server shares. Each is opened when it is needed for the first
// time, there are at most as many as processors, and a message that finds none free is written by a
// system call for each receiver, as all are where the kernel has no io_uring or refuses it. That is
// found out once. A ring takes a descriptor, two mapped pages, and what the kernel keeps for as
// many sends as it has places.
//
// Rings are safe for concurrent use. The nil *Rings has none.
type Rings struct {
	// Fewest is how many receivers a message must have to be sent together. NewRings sets it; it
	// may be changed before the first use.
	Fewest int

	refused func(error)

	mu       sync.Mutex
	free     []*group
	unopened int // how many more there may be
	closed   bool
}

// NewRings returns rings of which none is open, and nil on a system that has none. refused, if it
// is not nil, is called at most once, when the kernel refuses one.
func NewRings(refused func(error)) *Rings {
	if !hasRings {
		return nil
	}
	return &Rings{Fewest: fewest, refused: refused, unopened: runtime.GOMAXPROCS(0)}
}

// Open opens the first one, so that it is known from the start whether the kernel refuses.
func (s *Rings) Open() {
	if s == nil {
		return
	}
	if g := s.take(); g != nil {
		s.give(g)
	}
}

// Close closes the rings, those that are in use when they are given back. What is sent afterwards
// is a system call for each receiver.
func (s *Rings) Close() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed, s.unopened = true, 0
	for _, g := range s.free {
		_ = g.ring.close() // it fails for what is not open
	}
	s.free = nil
}

// take returns a ring that nobody else uses, nil if there is none.
func (s *Rings) take() *group {
	s.mu.Lock()
	if last := len(s.free) - 1; last >= 0 {
		g := s.free[last]
		s.free = s.free[:last]
		s.mu.Unlock()
		return g
	}
	open := s.unopened > 0
	if open {
		s.unopened--
	}
	s.mu.Unlock()
	if !open {
		return nil
	}
	r, err := newRing()
	if err != nil {
		s.refuse(err)
		return nil
	}
	return &group{ring: r}
}

// give is for what take returned.
func (s *Rings) give(g *group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = g.ring.close() // it fails for what is not open
		return
	}
	s.free = append(s.free, g)
}

// refuse sees to it that no more rings are opened. What the kernel has refused once, for whatever
// reason, is not asked for with each message.
func (s *Rings) refuse(err error) {
	s.mu.Lock()
	s.unopened = 0
	refused := s.refused
	s.refused = nil
	s.mu.Unlock()
	if refused != nil {
		refused(err)
	}
}

// group is a ring and the outlets that are to be written by its next submission.
//
// Whoever holds several locks must not wait for one more, or two of them wait for each other: a
// connection in two namespaces is a member of two hubs, whose shards come to it in orders of their
// own. So an outlet that somebody else has locked is deferred until no lock is held, and so is one
// that is not open: its owner may have to compress or to encrypt, and the others would wait.
type group struct {
	ring     *ring
	locked   outlets
	deferred outlets
}

type outlets struct {
	all [ringSize]*Outlet
	n   int
}

func (s *outlets) add(o *Outlet) {
	s.all[s.n] = o
	s.n++
}

// take returns what is there, which is valid until the next add, and empties it.
func (s *outlets) take() []*Outlet {
	all := s.all[:s.n]
	s.n = 0
	return all
}

// Many delivers one batch to several outlets, each of them once: Deliver for each, then End. It
// belongs to one goroutine.
type Many struct {
	batch Batch
	rings *Rings
	group *group // nil: one by one
}

// Many begins the delivery of a batch, whose Wire must not be on a stack, to about n outlets.
func (s *Rings) Many(n int, b Batch) Many {
	m := Many{batch: b}
	if s != nil && n >= s.Fewest && len(b.Wire) < longSend {
		m.rings, m.group = s, s.take()
	}
	return m
}

// Deliver delivers the batch to an outlet, at the latest with End. It does not block, but for locks
// of other outlets than those it holds.
func (m *Many) Deliver(o *Outlet) {
	g := m.group
	switch {
	case g == nil:
		o.Deliver(m.batch)
		return
	case !o.mu.TryLock():
		g.deferred.add(o)
	case !o.open:
		o.mu.Unlock()
		g.deferred.add(o)
	default:
		g.ring.add(o.fd, m.batch.Wire)
		g.locked.add(o)
	}
	if g.locked.n+g.deferred.n == ringSize {
		m.flush()
	}
}

// End delivers the rest.
func (m *Many) End() {
	if m.group != nil {
		m.flush()
	}
	if m.group != nil { // it still works
		m.rings.give(m.group)
	}
}

// flush writes to the outlets of the group, and then gives their owners those that could not be
// written to or were deferred.
func (m *Many) flush() {
	g := m.group
	if g.locked.n > 0 {
		err := g.ring.submit(m.batch.Wire)
		for i, o := range g.locked.take() {
			o.wrote(m.batch, max(0, int(g.ring.results[i])))
			o.mu.Unlock()
			g.locked.all[i] = nil
		}
		if err != nil {
			m.group = nil
			_ = g.ring.close() // it fails for what is not open
			m.rings.refuse(err)
		}
	}
	for i, o := range g.deferred.take() {
		o.Deliver(m.batch)
		g.deferred.all[i] = nil
	}
}
