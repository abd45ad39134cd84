package ledger

import (
	"cmp"
	"math/bits"
	"slices"
	"time"
)

// Settlements tell the agent whose client sent a message what came of it elsewhere: when it reached
// the first and the last receiver of another agent, and whether that is all. So a broadcast is
// complete once all agents say so.

// A verdict is what came of a message at the receivers of one agent.
type verdict struct {
	seq         uint32
	state       uint64
	receivers   uint32
	first, last int64 // nanoseconds after it was due; of verdictArrived
}

// Bits of a verdict's state; none: it has no receiver there, or they have all left.
const (
	verdictArrived = 1 << iota
	verdictMissing
	allVerdicts = 1<<iota - 1
)

// A settlement is what the other agents have said of a message.
type settlement struct {
	heard       agents
	missing     bool
	first, last int64
	closed      agents   // that have said of it all that they will
	reaches     []uint64 // whom it was for and whether it reached anybody; see Slot.reaches
}

// agents is a set of them, as bits.
type agents []uint64

func (a *agents) add(agent int) {
	for len(*a) <= agent/64 {
		*a = append(*a, 0)
	}
	(*a)[agent/64] |= 1 << (agent % 64)
}

func (a agents) has(agent int) bool { return agent/64 < len(a) && a[agent/64]>>(agent%64)&1 != 0 }

func (s *settlement) reached() bool {
	return s != nil && (s.first != 0 || len(s.reaches) > 0 && s.reaches[0]&1 != 0)
}

// earliest is the earlier of two moments, either of which may be none.
func earliest(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// decided takes in that nothing of a message is missing here.
func (f *fleet) decided(s *Slot) {
	if !s.Book.remote {
		f.reportIfSettled(s)
		return
	}
	if s.reported.CompareAndSwap(false, true) {
		f.contribute(s)
	}
}

// known reports whether the agents have said all that it takes to put a message into the rows that
// is not kept for its receivers here any more. Of another agent's message it says all that came of
// it here, and asks.
func (f *fleet) known(s *Slot) bool {
	switch {
	case s.Audience == nil:
		return s.Book.Expect == ExpectSelf
	case !s.Book.remote:
		return f.closedElsewhere(s)
	}
	f.settleRest(s)
	return !s.doubtful() || f.answered(s)
}

// closedElsewhere reports whether the other agents have said all that came of a message of this
// one.
func (f *fleet) closedElsewhere(s *Slot) bool {
	for _, p := range f.others { // one that was lost may have spoken, and another one not
		if !p.lost && (s.settled == nil || !s.settled.heard.has(p.agent) || !s.settled.closed.has(p.agent)) {
			return false
		}
	}
	return true
}

// heardFromAll reports whether each agent has said what came of a message, also those that are lost
// by now.
func (f *fleet) heardFromAll(s *Slot) bool {
	for _, p := range f.others {
		if s.settled == nil || !s.settled.heard.has(p.agent) {
			return false
		}
	}
	return true
}

// reportIfSettled reports a message of this agent once no receiver of any agent misses it.
func (f *fleet) reportIfSettled(s *Slot) {
	if s.Audience == nil || s.all.missing() > 0 || !f.heardFromAll(s) || s.settled != nil && s.settled.missing || s.First() == 0 {
		return
	}
	if s.reported.CompareAndSwap(false, true) {
		f.l.complete(s, true)
	}
}

// contribute tells the sender's agent what came of a message.
func (f *fleet) contribute(s *Slot) {
	v := verdict{seq: s.seq, receivers: s.all.expected.Load(), first: s.firstAt.Load() - s.Due, last: s.lastAt.Load() - s.Due}
	if s.firstAt.Load() != 0 {
		v.state |= verdictArrived
	}
	if s.all.missing() > 0 {
		v.state |= verdictMissing
	}
	p := f.peers[f.Owner(s.From.ID)]
	p.verdicts[s.Book.Stream] = append(p.verdicts[s.Book.Stream], v)
}

// closes settles a message that is put into the rows.
func (f *fleet) closes(s *Slot, open bool) {
	switch {
	case s.Book.remote:
		f.settleRest(s)
	case !open && (s.all.missing() > 0 || s.settled != nil && s.settled.missing) && s.reported.CompareAndSwap(false, true):
		f.l.complete(s, false)
	}
}

// settling is how far the settlements with another agent have come.
type settling struct {
	packer      packer
	said, heard uint64 // messages
	toldAll     bool   // it knows what came of all its messages here
	heardAll    bool
}

// settleScale is how exact the extremes of messages are that have some receivers here: the more
// receivers, the more bytes the message itself takes.
func settleScale(receivers int) scale {
	return scale{unit: int64(16*time.Microsecond) >> min(4, receivers/8), digits: min(max(1+bits.Len(uint(receivers)), 3), finestDigits)}
}

const finestDigits = 12

// Settlements appends what another agent must know of the messages that its clients sent: nothing
// when there is nothing new.
func (l *Ledger) Settlements(to int, dst []byte) []byte {
	f := l.fleet
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.peers[to]
	finishing := f.finishing()
	if p.settling.toldAll {
		return dst
	}
	room := maxRows
	out := &p.settling.packer
	byStream(out, p.verdicts, &room, out.verdicts)
	out.uint(0)
	// before the closings: a message may be forgotten by its agent when all have closed it
	byStream(out, p.asks, &room, out.asks)
	out.uint(0)
	byStream(out, p.closings, &room, out.closings)
	head := byte(kindSettlements)
	if finishing && room > 0 {
		head |= settledAll
		p.settling.toldAll = true
	} else if room == maxRows {
		p.settling.packer.b = p.settling.packer.b[:0]
		return dst
	}
	p.settling.packer.uint(0)
	p.settling.said++
	return p.settling.packer.append(dst, head, p.settling.said)
}

// byStream writes and removes the elements of lists by stream, as far as there is room for them.
func byStream[T any](out *packer, lists [][]T, room *int, write func([]T)) {
	for stream, list := range lists {
		if n := min(len(list), *room); n > 0 {
			out.uint(uint64(stream) + 1)
			write(list[:n])
			lists[stream] = slices.Delete(list, 0, n)
			*room -= n
		}
	}
}

// verdicts writes what came of messages of a book.
func (p *packer) verdicts(list []verdict) {
	slices.SortFunc(list, func(a, b verdict) int { return cmp.Compare(a.seq, b.seq) })
	n, receivers := len(list), 0
	for i := range list {
		receivers += int(list[i].receivers)
	}
	receivers /= n
	sc := settleScale(receivers)
	gap, state := make([]uint64, n), make([]uint64, n)
	var first, last []uint64
	was := int64(list[0].seq) - 1
	for i := range list {
		v := &list[i]
		gap[i] = uint64(int64(v.seq) - was - 1)
		was, state[i] = int64(v.seq), v.state^verdictArrived // the usual one is zero
		if v.state&verdictArrived != 0 {
			one := sc.code(v.first)
			first = append(first, one)
			last = append(last, max(one, sc.code(v.last))-one)
		}
	}
	p.uint(uint64(n))
	p.uint(uint64(list[0].seq))
	p.uint(uint64(receivers))
	p.columns(gap, state)
	p.codeColumn(firstCodes, first)
	p.codeColumn(lastCodes, last)
}

func (f *fleet) hearSettlements(p *peer, head byte, u *unpacker) error {
	for _, hear := range [...]func(*peer, *Book, *unpacker) bool{f.hearVerdicts, f.hearAsks, f.hearClosings} {
		for stream := u.upTo(uint64(len(f.l.books))); stream > 0; stream = u.upTo(uint64(len(f.l.books))) {
			if !hear(p, f.l.books[stream-1], u) {
				return errMalformed
			}
		}
	}
	p.settling.heardAll = p.settling.heardAll || head&settledAll != 0
	return u.close()
}

func (f *fleet) hearVerdicts(p *peer, b *Book, u *unpacker) bool {
	n := int(u.upTo(maxRows))
	seq := u.upTo(1<<32 - 1)
	sc := settleScale(int(u.upTo(1<<32 - 1)))
	var gap, state []uint64
	u.columns(n, &gap, &state)
	arrived := 0
	for i := range state {
		if state[i] ^= verdictArrived; state[i] > allVerdicts {
			return false
		}
		arrived += int(state[i] & verdictArrived)
	}
	first, last := u.codeColumn(firstCodes, arrived), u.codeColumn(lastCodes, arrived)
	if u.bad {
		return false
	}
	arrived = 0
	for i := range n {
		if i > 0 {
			seq++
		}
		if seq += gap[i]; gap[i] > 1<<32-1 || seq > 1<<32-1 {
			return false
		}
		v := verdict{seq: uint32(seq), state: state[i]}
		if v.state&verdictArrived != 0 {
			_, one, ok := sc.low(first[arrived])
			_, end, fine := sc.low(first[arrived] + last[arrived])
			if !ok || !fine || one > farthest || end > farthest {
				return false
			}
			v.first, v.last = one, end
			arrived++
		}
		if s, _ := b.find(v.seq); s != nil {
			f.takeIn(p, s, &v)
		}
	}
	return true
}

// takeIn adds a verdict of another agent to a message of this one.
func (f *fleet) takeIn(p *peer, s *Slot, v *verdict) {
	if s.settled == nil {
		s.settled = &settlement{}
	}
	t := s.settled
	t.heard.add(p.agent)
	t.missing = t.missing || v.state&verdictMissing != 0
	if v.state&verdictArrived != 0 {
		t.first = earliest(t.first, max(1, s.Due+v.first))
		t.last = max(t.last, s.Due+v.last)
	}
	s.carriedElsewhere()
	f.reportIfSettled(s)
}
