package ledger

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"time"
)

// An announcement says which messages an agent has sent, so that the others know whom of their
// clients they are for. Messages that go as planned cost nothing but how late they were sent.

// lagScale is for how late messages are sent, and writeScale for how long the writing took.
var (
	lagScale   = scale{unit: 8192, digits: 3}
	writeScale = scale{unit: 32768, digits: 2}
)

// A course is how far the announcements of one book have come: on both sides the same.
type course struct {
	begun  bool
	also   bool
	plan   func() (Planned, bool) // nil: not known
	next   Planned
	more   bool // next is one
	sender uint32
	due    int64
	to     *Audience
	at     int64 // the reader's: when the last one was sent
}

// begin opens the plan. What is Also goes by the plan of its stream, to others.
func (c *course) begin(f *fleet, b *Book, agent int) {
	if c.begun {
		return
	}
	c.begun, c.also = true, b.main != nil
	if f.Plan != nil {
		if c.plan = f.Plan(int(b.owner().Stream), agent); c.plan != nil {
			c.step()
		}
	}
}

func (c *course) step() {
	if c.next, c.more = c.plan(); c.also {
		c.next.To = nil
	}
}

// How a message relates to the plan.
const (
	asPlanned = iota
	otherSender
	unplanned
	ways
)

// find passes over planned messages until the one that is due at a moment, and returns how many and
// whether it is there.
func (c *course) find(due int64) (skipped uint64, found bool) {
	for c.more && c.next.Due < due {
		c.step()
		skipped++
	}
	return skipped, c.more && c.next.Due == due
}

// Bits of a message's state.
const (
	stateVoid  = 1 << iota // it was not written
	stateHeld              // it was held, and its lag does not count
	stateExact             // when it was sent stands exactly
	allStates  = stateVoid | stateHeld | stateExact
)

// An announcer writes this agent's announcements.
type announcer struct {
	packer    packer
	number    uint64
	watermark int64 // up to which all is announced, in microseconds
	streams   []course
	names     map[*Audience]int
	check     uint32
}

// maxAnnounced bounds the messages of one announcement.
const maxAnnounced = maxRows

// Announce appends what the other agents must know: the messages that were sent here since the last
// call, and up to when these are all.
func (l *Ledger) Announce(dst []byte) []byte {
	f := l.fleet
	f.mu.Lock()
	defer f.mu.Unlock()
	f.advance()
	if len(f.others) == 0 {
		f.final.said = f.finishing()
		return dst // nobody is there to hear it
	}
	sealing := f.sealing.Load() // before: then these are all
	list, w := f.sent.written(maxAnnounced, l.clock)
	a := &f.announce
	a.check = 0
	head := byte(0)
	if sealing && len(list) < maxAnnounced {
		head |= announcedAll
	}
	w = max(w/int64(time.Microsecond), a.watermark)
	a.packer.uint(uint64(w - a.watermark))
	a.watermark = w
	by := make([][]emission, len(l.books))
	for _, e := range list {
		by[e.slot.Book.Stream] = append(by[e.slot.Book.Stream], e)
	}
	for i, some := range by {
		if len(some) > 0 {
			a.packer.uint(uint64(i) + 1)
			f.say(i, some)
		}
	}
	a.packer.uint(0)
	head |= f.saySpreads(&a.packer)
	head |= f.sayDoubts(&a.packer)
	a.packer.b = binary.BigEndian.AppendUint16(a.packer.b, uint16(a.check))
	a.number++
	return a.packer.append(dst, head, a.number)
}

// say writes messages of one book.
func (f *fleet) say(stream int, list []emission) {
	a := &f.announce
	c := &a.streams[stream]
	c.begin(f, f.l.books[stream], f.Self)
	n := len(list)
	all := make([]uint64, 6*n)
	column := func(i int) []uint64 { return all[i*n : (i+1)*n] }
	way, state, lag, write, to, node := column(0), column(1), column(2), column(3), column(4), column(5)
	var rest packer
	for i := range list {
		e, s := &list[i], list[i].slot
		skipped, found := c.find(s.Due)
		guess, how := c.to, uint64(unplanned)
		switch {
		case found && c.next.Sender == s.From.ID && int(s.Phase) == c.next.Phase:
			how = asPlanned
			guess = cmp.Or(c.next.To, guess)
		case found && int(s.Phase) == c.next.Phase:
			how = otherSender
		}
		way[i] = skipped*ways + how
		if how != asPlanned {
			rest.int(int64(s.From.ID) - int64(c.sender))
		}
		if how == unplanned {
			rest.int(s.Due - c.due)
			rest.int(int64(s.Phase))
		} else {
			c.step()
		}
		if s.void.Load() {
			state[i] |= stateVoid
		}
		switch late := e.at - s.Due; {
		case s.held:
			state[i] |= stateHeld | stateExact
			rest.int(s.base - s.Due)
		case late < 0:
			state[i] |= stateExact
			rest.int(late)
		default:
			lag[i] = lagScale.code(late)
			write[i] = writeScale.code(s.Lag() - late)
		}
		if e.to != guess {
			to[i] = uint64(a.name(e.to))
			if to[i] == 1 {
				rest.text(f.Refer(e.to))
			}
		}
		if s.From.Node != f.Node(s.From.ID) {
			node[i] = uint64(s.From.Node) + 1
		}
		c.sender, c.due, c.to = s.From.ID, s.Due, e.to
		a.check = mixed(a.check, s.From.ID, s.Due)
	}
	a.packer.uint(uint64(n))
	a.packer.columns(way, state, write, to, node)
	a.packer.codeColumn(lagCodes, lag)
	a.packer.b = append(a.packer.b, rest.b...)
}

// mixed adds a message to a check of what the agents believe to be planned.
func mixed(check, sender uint32, due int64) uint32 {
	var b [12]byte
	binary.BigEndian.PutUint32(b[:], sender)
	binary.BigEndian.PutUint64(b[4:], uint64(due))
	return crc32.Update(check, crc32.IEEETable, b[:])
}

// name is the number of an audience: 2 and more, or 1 when it is a new one, to be named.
func (a *announcer) name(to *Audience) int {
	if n, known := a.names[to]; known {
		return n
	}
	a.names[to] = len(a.names) + 2
	return 1
}

// announcements reads those of another agent.
type announcements struct {
	number    uint64
	watermark int64 // in microseconds
	streams   []course
	names     []*Audience
	check     uint32
}

// Hear takes in a message of another agent: an announcement or settlements. Messages of one agent
// come in order, and none is left out. After an error the fleet's account is not complete.
func (l *Ledger) Hear(from int, b []byte) error {
	f := l.fleet
	if from < 0 || from >= f.Of || f.peers[from] == nil {
		return fmt.Errorf("a message of the ledger came from agent %d, which is none of the other agents", from)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.peers[from]
	u := &p.reads
	head, number, err := u.open(b)
	if err == nil {
		last, hear := &p.hears.number, f.hearAnnouncement
		if head&kindSettlements != 0 {
			last, hear = &p.settling.heard, f.hearSettlements
		}
		if number != *last+1 {
			return fmt.Errorf("message %d of agent %d's ledger is missing: %d came instead; the network between the agents loses messages", *last+1, from, number)
		}
		*last = number
		err = hear(p, head, u)
	}
	if err != nil {
		return fmt.Errorf("a message of agent %d's ledger cannot be read: %w", from, err)
	}
	f.advance()
	return nil
}

func (f *fleet) hearAnnouncement(p *peer, head byte, u *unpacker) error {
	w := p.hears.watermark + int64(u.upTo(uint64(farthest)/uint64(time.Microsecond)))
	if w > farthest/int64(time.Microsecond) {
		return errMalformed
	}
	p.hears.watermark, p.hears.check = w, 0
	before := len(p.waiting.list)
	for stream := u.upTo(uint64(len(f.l.books))); stream > 0; stream = u.upTo(uint64(len(f.l.books))) {
		if err := f.hearMessages(p, int(stream)-1, u); err != nil {
			return err
		}
	}
	slices.SortStableFunc(p.waiting.list[before:], func(a, b emission) int { return cmp.Compare(a.at, b.at) })
	f.hearSpreads(u)
	f.hearDoubts(p, u)
	check := u.take(2)
	if u.close() != nil {
		return errMalformed
	}
	if binary.BigEndian.Uint16(check) != uint16(p.hears.check) {
		return fmt.Errorf("the agents have different plans of what is due: they must run on the same kind of processor, from the same file")
	}
	p.watermark = w * int64(time.Microsecond)
	if head&announcedAll != 0 {
		p.watermark = endOfTime
	}
	p.surveyed = p.surveyed || head&announcedSpreads != 0
	p.final = p.final || head&announcedFinal != 0
	return nil
}

// hearMessages reads messages of one book.
func (f *fleet) hearMessages(p *peer, stream int, u *unpacker) error {
	b := p.books[stream]
	if b.Expect == ExpectNone || b.Expect == ExpectSelf {
		return errMalformed
	}
	c := &p.hears.streams[stream]
	c.begin(f, b, p.agent)
	n := int(u.upTo(maxRows))
	var way, state, write, to, node []uint64
	u.columns(n, &way, &state, &write, &to, &node)
	lag := u.codeColumn(lagCodes, n)
	for i := range n {
		if u.bad {
			return errMalformed
		}
		m := heard{way: way[i], state: state[i], lag: lag[i], write: write[i], to: to[i], node: node[i]}
		if err := f.hearMessage(p, b, c, &m, u); err != nil {
			return err
		}
	}
	return nil
}

// heard is the columns of one message.
type heard struct{ way, state, lag, write, to, node uint64 }

func (f *fleet) hearMessage(p *peer, b *Book, c *course, m *heard, u *unpacker) error {
	for range m.way / ways {
		if !c.more {
			return errMalformed
		}
		c.step()
	}
	how := m.way % ways
	sender, due, phase, guess := int64(c.next.Sender), c.next.Due, int64(c.next.Phase), c.to
	if how != unplanned && !c.more {
		return errMalformed
	}
	if how == asPlanned {
		guess = cmp.Or(c.next.To, guess)
	} else {
		sender = int64(c.sender) + u.int()
	}
	if how == unplanned {
		due, phase = c.due+u.int(), u.int()
	} else {
		c.step()
	}
	if sender < 0 || sender > 1<<32-1 || f.Owner(uint32(sender)) != p.agent || due < 0 || due > farthest || phase != int64(int32(phase)) || m.state&^allStates != 0 {
		return errMalformed
	}
	low, middle, ok := lagScale.low(m.lag)
	_, wrote, fine := writeScale.low(m.write)
	at, late := due+low, middle+wrote
	if m.state&stateExact != 0 {
		at, late = due+u.int(), 0
	}
	if !ok || !fine || at < 0 || at > farthest || late > farthest {
		return errMalformed
	}
	audience, err := f.audience(p, m.to, guess, u)
	if err != nil {
		return err
	}
	c.sender, c.due, c.to = uint32(sender), due, audience
	p.hears.check = mixed(p.hears.check, uint32(sender), due)
	s := f.l.place(b)
	s.From, s.Due, s.base, s.Phase = f.sender(p, uint32(sender), m.node), due, max(due, at), int32(phase)
	s.held = m.state&stateHeld != 0
	s.lag.Store(late)
	if m.state&stateVoid != 0 {
		s.Cancel()
	}
	// What was sent later has a later time, however it was rounded.
	c.at = max(c.at, p.watermark, at)
	p.waiting.list = append(p.waiting.list, emission{c.at, s, audience})
	return nil
}

// farthest is the latest moment that makes sense, in nanoseconds: a hundred years.
const farthest = int64(100 * 365 * 24 * time.Hour)

// audience reads whom a message is for.
func (f *fleet) audience(p *peer, number uint64, guess *Audience, u *unpacker) (*Audience, error) {
	switch {
	case number == 1:
		name := u.text(maxName)
		if u.bad {
			return nil, errMalformed
		}
		a := f.Find(name)
		if a == nil {
			return nil, fmt.Errorf("there is no audience %q", name)
		}
		p.hears.names = append(p.hears.names, a)
		return a, nil
	case number > 1:
		if number-2 >= uint64(len(p.hears.names)) {
			return nil, errMalformed
		}
		return p.hears.names[number-2], nil
	case guess == nil:
		return nil, errMalformed
	}
	return guess, nil
}

// sender is another agent's client. Only its number and its node are known.
func (f *fleet) sender(p *peer, id uint32, node uint64) *Receiver {
	at := f.Node(id)
	if node > 0 {
		at = int(node - 1)
	}
	r := p.senders[id]
	if r == nil || r.Node != at {
		r = &Receiver{ID: id, Node: at}
		p.senders[id] = r
	}
	return r
}
