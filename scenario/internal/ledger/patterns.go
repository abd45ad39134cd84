package ledger

import "slices"

// A Pattern says whose deliveries were lost, as far as messages were looked at: those of recorded
// phases that a room or a namespace had lacked when they were closed, and of which no fault
// explains that.
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

// looks are what was seen of messages that were lost. The goroutine that closes messages owns them.
type looks struct {
	n       int // receivers
	sum     Pattern
	clients []look // by index in the trial
	groups  map[*Audience]*groups
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
	a := s.Audience
	if l.n += len(a.seats); l.n > maxLooks {
		return
	}
	if l.groups == nil {
		l.groups = map[*Audience]*groups{}
	}
	g := l.groups[a]
	if g == nil {
		g = &groups{}
		l.groups[a] = g
	}
	has, first, last, lost := -1, -1, -1, int64(0)
	for bit := range a.seats {
		x := &a.seats[bit]
		if x.m == nil || a.parts[x.m.part].slow || x.m.left.Load() != 0 || s.asOf < x.m.back || !x.m.owed(s.asOf) {
			continue
		}
		g.root(uint32(bit))
		if own := !s.isFor(x.r); own || s.taken(uint32(bit)) {
			if has < 0 {
				has = bit
			}
			g.join(uint32(has), uint32(bit))
			l.client(x.r).owed = l.client(x.r).owed || !own
			continue
		}
		lost++
		l.client(x.r).owed, l.client(x.r).lacking = true, true
		if last = bit; first < 0 {
			first = bit
		}
	}
	if lost == 0 {
		return
	}
	l.sum.Lost += lost
	l.sum.Messages++
	if !s.reached() {
		l.sum.Nobody++
	}
	l.client(s.From).sent = true
	if has >= 0 {
		g.pairs = append(g.pairs, [2]uint32{uint32(has), uint32(first)}, [2]uint32{uint32(has), uint32(last)})
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
