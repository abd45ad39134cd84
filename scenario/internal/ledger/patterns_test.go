package ledger

import (
	"math"
	"slices"
	"testing"
)

// Of ten clients each sends three messages to all others. What is lost is told by whom it hits.
func TestPatternsOfLosses(t *testing.T) {
	all := []uint32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	for _, c := range []struct {
		name             string
		lost             func(n, from, to int) bool // of message n
		lacking, senders []uint32
		nobody           int64
		parts            []int
	}{
		{"nothing is lost", func(int, int, int) bool { return false }, nil, nil, 0, nil},
		{"two nodes share nothing", func(_, from, to int) bool { return from%2 != to%2 }, all, all, 0, []int{5, 5}},
		{"three nodes of unequal size", func(_, from, to int) bool { return min(from/4, 2) != min(to/4, 2) }, all, all, 0, []int{4, 4, 2}},
		{"one client gets nothing", func(_, _, to int) bool { return to == 3 }, []uint32{3}, []uint32{0, 1, 2, 4, 5, 6, 7, 8, 9}, 0, nil},
		{"half of them get nothing", func(_, _, to int) bool { return to%2 == 0 }, []uint32{0, 2, 4, 6, 8}, all, 0, nil},
		{"what one sends comes to nobody", func(_, from, _ int) bool { return from == 3 }, []uint32{0, 1, 2, 4, 5, 6, 7, 8, 9}, []uint32{3}, 3, nil},
		{"every third message comes to nobody", func(n, _, _ int) bool { return n%3 == 0 }, all, all, 10, nil},
		{"every fifth delivery", func(n, from, to int) bool { return (n+from+to)%5 == 0 }, all, all, 0, nil},
		{"two nodes share every other message", func(n, from, to int) bool { return n%2 == 0 && from%2 != to%2 }, all, all, 0, []int{5, 5}},
		{"one node passes its messages on", func(_, from, to int) bool { return from%2 == 0 && to%2 != 0 }, []uint32{1, 3, 5, 7, 9}, []uint32{0, 2, 4, 6, 8}, 0, nil},
	} {
		m := newModel(len(all), ExpectOthers)
		m.joinAll()
		for n := range 3 * len(all) {
			from, due := n/3, int64(n)*10*ms
			m.now.Store(due)
			st := m.send(0, from, due)
			for to := range all {
				if to != from && !c.lost(n, from, to) {
					m.get(to, st, due+ms)
				}
			}
		}
		lost := m.close(60_000 * ms).Lost
		p := m.l.Pattern()
		if p.Lost != lost || p.Nobody != c.nobody || !slices.Equal(p.Lacking, c.lacking) || lost > 0 && p.Owed < len(all)-1 || !slices.Equal(p.Parts, c.parts) || p.Sending != len(all) {
			t.Errorf("%s: %+v, want %d lost, by %v, and %v", c.name, p, lost, c.lacking, c.parts)
		}
		if !slices.Equal(p.Senders, c.senders) {
			t.Errorf("%s: senders %v, want %v", c.name, p.Senders, c.senders)
		}
	}
}

// A message that only slow readers got came to somebody.
func TestPatternOfWhatSlowReadersGot(t *testing.T) {
	m, of := newMixed(t, map[int]int{0: 3, 2: 1}, nil)
	m.get(of[2][0], m.send(0, of[0][0], 10), 20)
	m.send(0, of[0][0], 30)
	m.close(60_000 * ms)
	if p := m.l.Pattern(); p.Lost != 4 || p.Messages != 2 || p.Nobody != 1 {
		t.Errorf("%+v, want 4 lost of 2 messages, one of which came to nobody", p)
	}
}

// A fault's losses are no pattern, and a bounded part of all receivers is looked at.
func TestPatternsAreBounded(t *testing.T) {
	m := newTroubled(3, SilentDown)
	m.now.Store(100 * ms)
	m.get(1, m.send(0, 0, 100*ms), 105*ms)
	m.cutRows()
	if p := m.l.Pattern(); p.Lost != 0 {
		t.Errorf("under a fault: %+v", p)
	}
	m = newModel(3, ExpectOthers)
	m.joinAll()
	for n := range maxLooks/3 + 10 {
		m.send(0, 0, int64(n)*1000)
	}
	m.close(60_000_000 * ms)
	if p := m.l.Pattern(); p.Messages != maxLooks/3 || p.Sending != 1 {
		t.Errorf("of many: %d messages of %d clients", p.Messages, p.Sending)
	}
}

// However many receivers a message has, what comes next is sent when some of them were looked at.
func TestLooksAreInterrupted(t *testing.T) {
	const receivers = 2*looksAtOnce + 10
	m := newModel(receivers, ExpectOthers)
	m.joinAll()
	m.get(1, m.send(0, 0, 10), 20)
	s, _ := m.l.books[0].find(0)
	m.l.looks.look(s)
	m.l.looks.look(s)
	queue := m.l.looks.queue
	for next, want := range []int64{0, 0, 1, 1, 2} {
		m.send(0, 0, int64(next)+100)
		if p := &m.l.looks.sum; p.Messages != want || p.Lost != want*(receivers-2) {
			t.Errorf("before message %d: %d were looked at, and %d deliveries are lost", next, p.Messages, p.Lost)
		}
	}
	m.l.looks.goOn(math.MaxInt)
	if queue[0] != nil || queue[1] != nil {
		t.Error("messages that were looked at are kept")
	}
	if p := m.l.Pattern(); p.Lost != 2*(receivers-2) || len(p.Lacking) != receivers-2 || p.Owed != receivers-1 {
		t.Errorf("%d lost, of %d clients %d lack some", p.Lost, p.Owed, len(p.Lacking))
	}
}
