package ledger

import "slices"

// A Pattern says whose deliveries were lost, as far as messages were looked at: those of recorded
// phases that a room or a namespace had lacked when they were closed, and of which no fault
// explains that. Receivers that had left when they were looked at are not in it.
type Pattern struct {
	Lost     int64 // deliveries
	Messages int64 // of so many
	// of those, the messages that came to nobody
	Nobody int64
	// clients that were owed one of the messages, that lacked one, and that sent one, by index in
	// the trial, in order
	Owed             int
	Lacking, Senders []uint32
	// Sending is how many clients sent anything to a room or a namespace.
	Sending int
	// Parts are the sizes of the groups into which the members of an audience fall, the largest
	// first: what one sends comes to all others of its group, and to nobody else. nil: they do not.
	Parts []int
}

// maxLooks bounds the receivers that are looked at: half a million take some ten milliseconds.
const maxLooks = 1 << 19

// looksAtOnce bounds the receivers that are looked at between two messages that are sent.
const looksAtOnce = 1 << 10

// looks are what was seen of messages that were lost. The goroutine that closes messages owns them.
type looks struct {
	n       int // receivers
	queue   []*Slot
	first   glance // at the first of them
	sum     Pattern
	clients []look // by index in the trial
	groups  map[*Audience]*groups
}

// A glance is what was seen of a message so far.
type glance struct {
	bit              int // of the next receiver
	has, first, last int // one more than the bits of one that has it, and of two that lack it; 0: none
	lost             int64
}

type look struct{ owed, lacking, sent, sends bool }

// groups are the members of an audience that get messages together, by their bits.
type groups struct {
	of    []uint32    // the bit of another one of the group, or its own: a forest
	known []bool      // it got a message, or sent one
	pairs [][2]uint32 // of one that had a message, and one that lacked it
}

func (g *groups) root(bit uint32) uint32 {
	for int(bit) >= len(g.of) {
		g.of, g.known = append(g.of, uint32(len(g.of))), append(g.known, false)
	}
	for g.of[bit] != bit {
		g.of[bit] = g.of[g.of[bit]]
		bit = g.of[bit]
	}
	return bit
}

// join notes that two members have a message.
func (g *groups) join(a, b uint32) {
	x, y := g.root(a), g.root(b)
	g.of[x] = y
	g.known[a], g.known[b] = true, true
}

// parts are the sizes of the groups that have more than one member, the largest first; nil when a
// member lacked what another one of its group had.
func (g *groups) parts() (sizes []int) {
	for _, p := range g.pairs {
		if g.root(p[0]) == g.root(p[1]) {
			return nil
		}
	}
	n := make([]int, len(g.of))
	for bit := range g.of {
		if g.known[bit] {
			n[g.root(uint32(bit))]++
		}
	}
	n = slices.DeleteFunc(n, func(n int) bool { return n < 2 })
	slices.Sort(n)
	slices.Reverse(n)
	return n
}

func (l *looks) client(r *Receiver) *look {
	for int(r.ID) >= len(l.clients) {
		l.clients = append(l.clients, make([]look, max(64, int(r.ID)+1-len(l.clients)))...)
	}
	return &l.clients[r.ID]
}

// look takes in a message that is closed and that normal readers lack. The audience is locked.
func (l *looks) look(s *Slot) {
	if l.n += len(s.Audience.seats); l.n <= maxLooks {
		l.queue = append(l.queue, s)
	}
}

// goOn looks at so many receivers.
func (l *looks) goOn(most int) {
	for most > 0 && len(l.queue) > 0 {
		most -= max(1, l.see(l.queue[0], most))
	}
}

// see looks at so many more receivers of the first message, and returns at how many it did.
func (l *looks) see(s *Slot, most int) (n int) {
	a := s.Audience
	a.mu.Lock()
	defer a.mu.Unlock()
	if l.groups == nil {
		l.groups = map[*Audience]*groups{}
	}
	g := l.groups[a]
	if g == nil {
		g = &groups{}
		l.groups[a] = g
	}
	v := &l.first
	n = min(len(a.seats)-v.bit, most)
	for range n {
		l.seat(s, g, v)
		v.bit++
	}
	if v.bit < len(a.seats) {
		return n
	}
	if v.lost > 0 {
		l.lost(s, g, v)
	}
	l.queue[0] = nil // it keeps the messages that were sent with it
	l.queue, l.first = l.queue[1:], glance{}
	return n
}

// seat looks at one receiver.
func (l *looks) seat(s *Slot, g *groups, v *glance) {
	bit, x := uint32(v.bit), &s.Audience.seats[v.bit]
	if x.m == nil || s.Audience.parts[x.m.part].slow || x.m.left.Load() != 0 || s.asOf < x.m.back || !x.m.owed(s.asOf) {
		return
	}
	g.root(bit)
	c := l.client(x.r)
	if own := !s.isFor(x.r); own || s.taken(bit) {
		if v.has == 0 {
			v.has = v.bit + 1
		}
		g.join(uint32(v.has-1), bit)
		c.owed = c.owed || !own
		return
	}
	v.lost++
	c.owed, c.lacking = true, true
	if v.last = v.bit + 1; v.first == 0 {
		v.first = v.last
	}
}

// lost takes in what was seen of a message.
func (l *looks) lost(s *Slot, g *groups, v *glance) {
	l.sum.Lost += v.lost
	l.sum.Messages++
	if !s.reached() {
		l.sum.Nobody++
	}
	l.client(s.From).sent = true
	if v.has > 0 {
		g.pairs = append(g.pairs, [2]uint32{uint32(v.has - 1), uint32(v.first - 1)}, [2]uint32{uint32(v.has - 1), uint32(v.last - 1)})
	}
}

// Pattern is what was seen of lost deliveries. It is called after Close. In a fleet nothing is: no
// process knows all receivers of a message.
func (l *Ledger) Pattern() Pattern {
	p := l.looks.sum
	for id := range l.looks.clients {
		c := &l.looks.clients[id]
		if c.owed {
			p.Owed++
		}
		if c.lacking {
			p.Lacking = append(p.Lacking, uint32(id))
		}
		if c.sent {
			p.Senders = append(p.Senders, uint32(id))
		}
		if c.sends {
			p.Sending++
		}
	}
	for _, g := range l.looks.groups {
		switch parts := g.parts(); {
		case len(g.pairs) == 0:
		case len(parts) < 2: // these members do not fall into groups
			p.Parts = nil
			return p
		case p.Parts == nil || parts[0] > p.Parts[0]:
			p.Parts = parts
		}
	}
	return p
}
