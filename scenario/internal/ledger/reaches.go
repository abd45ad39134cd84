package ledger

import (
	"cmp"
	"slices"
)

// When an agent puts another one's message into its rows, it says for which classes of receivers
// it was, so that the sender's agent counts it once for each of them.

// A closing is that of one message.
type closing struct {
	seq     uint32
	reaches []uint64
}

// counted reports whether there is anything to put into a row.
func (c *counts) counted() bool {
	return c.expected.Load() > 0 || c.got.Load()+c.extra.Load() > 0 || c.duplicate.Load() > 0
}

// reaches is a set of bits: the first one says that the message has reached a receiver here, and
// then there are two for each part of the audience, which say that it has a row of these receivers,
// and one of recovered ones.
func (s *Slot) reaches() []uint64 {
	set := make([]uint64, 1+2*len(s.Audience.parts)/64)
	if s.reached() {
		set[0] = 1
	}
	add := func(part int, again bool, c *counts) {
		if bit := bitOf(part, again); c.counted() {
			set[bit/64] |= 1 << (bit % 64)
		}
	}
	if s.parts == nil {
		add(0, false, &s.all)
	}
	for i := range s.parts {
		add(i, false, &s.parts[i])
	}
	s.eachAgain(func(i int, c *counts) { add(i, true, c) })
	return set
}

func bitOf(part int, again bool) int {
	if again {
		return 2*part + 2
	}
	return 2*part + 1
}

// countElsewhere counts the message for the classes that have receivers only at other agents.
func (s *Slot) countElsewhere(rows *table) {
	if s.settled == nil || s.settled.reaches == nil {
		return
	}
	here := s.reaches()
	for i, p := range s.Audience.parts {
		for _, again := range []bool{false, true} {
			word, bit := bitOf(i, again)/64, uint64(1)<<(bitOf(i, again)%64)
			if word < len(s.settled.reaches) && s.settled.reaches[word]&^here[word]&bit != 0 {
				rows.entry(s, p.class, again).Sent++
			}
		}
	}
}

// settleRest says of a message of another agent what has not been said, now that no more comes of
// it.
func (f *fleet) settleRest(s *Slot) {
	if s.told {
		return
	}
	s.told = true
	if s.reported.CompareAndSwap(false, true) {
		f.contribute(s)
	}
	p := f.peers[f.Owner(s.From.ID)]
	p.closings[s.Book.Stream] = append(p.closings[s.Book.Stream], closing{s.seq, s.reaches()})
}

// closings writes those of messages of a book.
func (p *packer) closings(list []closing) {
	slices.SortFunc(list, func(a, b closing) int { return cmp.Compare(a.seq, b.seq) })
	words := 0
	for i := range list {
		words = max(words, len(list[i].reaches))
	}
	gap, sets := make([]uint64, len(list)), make([][]uint64, words)
	for i := range sets {
		sets[i] = make([]uint64, len(list))
	}
	was := int64(list[0].seq) - 1
	for i := range list {
		gap[i] = uint64(int64(list[i].seq) - was - 1)
		was = int64(list[i].seq)
		for j, word := range list[i].reaches {
			sets[j][i] = word
		}
	}
	p.uint(uint64(len(list)))
	p.uint(uint64(list[0].seq))
	p.uint(uint64(words))
	p.columns(gap)
	for _, set := range sets {
		p.codeColumn(classCodes, set)
	}
}

// maxWords bounds the sets of classes: to some thousands.
const maxWords = 1 << 8

func (f *fleet) hearClosings(p *peer, b *Book, u *unpacker) bool {
	n := int(u.upTo(maxRows))
	seq := u.upTo(1<<32 - 1)
	words := u.upTo(maxWords)
	var gap []uint64
	u.columns(n, &gap)
	var sets [][]uint64
	for range words {
		if u.bad {
			return false
		}
		sets = append(sets, u.codeColumn(classCodes, n))
	}
	for i := range n {
		if i > 0 {
			seq++
		}
		if seq += gap[i]; u.bad || gap[i] > 1<<32-1 || seq > 1<<32-1 {
			return false
		}
		s, _ := b.find(uint32(seq))
		if s == nil {
			continue
		}
		if s.settled == nil {
			s.settled = &settlement{}
		}
		s.settled.closed.add(p.agent)
		for j, set := range sets {
			for len(s.settled.reaches) <= j {
				s.settled.reaches = append(s.settled.reaches, 0)
			}
			s.settled.reaches[j] |= set[i]
		}
		s.carriedElsewhere()
	}
	return true
}
