package ledger

import (
	"testing"

	"github.com/throng-io/throng/scenario/result"
)

// cutRows closes the ledger after a minute, and returns all of it and the part that the end or the
// silence of a connection explains.
func (m *model) cutRows() (all, cut result.Ledger) {
	for _, rows := range m.l.Close(60_000 * ms) {
		for _, r := range rows {
			all.Add(r.Deliveries())
			if r.Cut {
				cut.Add(r.Deliveries())
			}
		}
	}
	return all, cut
}

// newTroubled is newEdge with a stream of echoes besides, under a fault that does the same to all
// messages.
func newTroubled(receivers int, does Trouble) *model {
	m := newModel(receivers, ExpectOthers, ExpectSelf)
	for _, b := range m.l.books {
		b.Late, b.trouble = 5000*ms, func(int64, int) Trouble { return does }
	}
	m.joinAll()
	return m
}

// A fault that makes the way to a receiver silent explains what that one lacks, until it gets
// something that was sent later: that the server has skipped. It explains nothing to others.
func TestASilentWayExplainsWhatIsNotSkipped(t *testing.T) {
	for _, c := range []struct {
		name string
		does Trouble
		// the last message is sent so long after the one that is missing; 0: there is none
		next  int64
		gets  bool // the receiver that lacks the message gets that one
		lost  int64
		among int64 // of the lost, those that are explained
	}{
		{"nothing comes after it", SilentDown, 0, false, 1, 1},
		{"what comes later goes to others alone", SilentDown, 3000 * ms, false, 2, 2},
		{"something later has come", SilentDown, 3000 * ms, true, 1, 0},
		{"what was sent at about the same time has come", SilentDown, 15 * ms, true, 1, 1},
		{"a little later", SilentDown, 21 * ms, true, 1, 0},
		{"there is no fault", 0, 0, false, 1, 0},
		{"only the way to the server is silent", SilentUp, 0, false, 1, 0},
	} {
		m := newTroubled(3, c.does)
		m.now.Store(100 * ms)
		missing := m.send(0, 0, 100*ms)
		m.get(1, missing, 105*ms)
		if c.next > 0 {
			due := 100*ms + c.next
			m.now.Store(due)
			later := m.send(0, 0, due)
			m.get(1, later, due+5*ms)
			if c.gets {
				m.get(2, later, due+5*ms)
			}
		}
		if all, cut := m.cutRows(); all.Lost != c.lost || cut.Lost != c.among || all.Expected != all.Received+all.Lost {
			t.Errorf("%s: %+v, of that explained %+v; want %d lost, of them %d", c.name, all, cut, c.lost, c.among)
		}
	}
}

// What came to nobody may be stuck on its way to the server, until the server acknowledges it, or a
// later message of its sender comes to somebody.
func TestASilentWayToTheServer(t *testing.T) {
	for _, c := range []struct {
		name  string
		does  Trouble
		acked bool // the server has acknowledged it
		again bool // the connection of the sender ends between, and it is recovered
		from  int  // who sends the later message, which comes to all; -1: nobody
		among int64
	}{
		{"nothing comes after it", SilentUp, false, false, -1, 2},
		{"another one's message comes", SilentUp, false, false, 1, 2},
		{"a later one of its sender comes", SilentUp, false, false, 0, 0},
		{"on another connection", SilentUp, false, true, 0, 2},
		{"it is stuck on either way", SilentUp | SilentDown, false, false, -1, 2},
		{"the way to the server is not silent", SilentDown, false, false, 0, 0},
		{"it was acknowledged", SilentUp, true, false, -1, 0},
		{"it was, and the way back is silent", SilentUp | SilentDown, true, false, -1, 2},
	} {
		m := newTroubled(3, c.does)
		m.now.Store(100 * ms)
		first := m.send(0, 0, 100*ms)
		if c.acked {
			m.l.Acknowledged(0, first.Seq)
		}
		if c.again {
			m.now.Store(2000 * ms)
			m.l.Suspend(m.r[0])
			m.l.Resume(m.r[0], nil)
		}
		if c.from >= 0 {
			m.now.Store(3000 * ms)
			later := m.send(0, c.from, 3000*ms)
			for i := range m.r {
				if i != c.from {
					m.get(i, later, 3005*ms)
				}
			}
		}
		if all, cut := m.cutRows(); all.Lost != 2 || cut.Lost != c.among {
			t.Errorf("%s: %+v, of that explained %+v; want 2 lost, of them %d", c.name, all, cut, c.among)
		}
	}
}

// An echo goes both ways.
func TestSilentEchoes(t *testing.T) {
	for _, does := range []Trouble{0, SilentUp, SilentDown, SilentUp | SilentDown} {
		for _, later := range []bool{false, true} {
			m := newTroubled(1, does)
			m.now.Store(100 * ms)
			m.send(1, 0, 100*ms)
			m.now.Store(3000 * ms)
			next := m.send(1, 0, 3000*ms)
			lost, among := int64(2), int64(0)
			if later {
				m.get(0, next, 3005*ms)
				lost = 1
			} else if does != 0 {
				among = 2
			}
			if all, cut := m.cutRows(); all.Lost != lost || cut.Lost != among {
				t.Errorf("trouble %b, a later one came %v: %+v, of that explained %+v", does, later, all, cut)
			}
		}
	}
}

// A server that ends may have sent a message to some alone, when the connection of its sender ends
// soon.
func TestAServerTornAway(t *testing.T) {
	for _, c := range []struct {
		does  Trouble
		left  int64 // after the message was sent; 0: the sender stays
		among int64
	}{{Torn, 15 * ms, 1}, {Torn, 300 * ms, 0}, {Torn, 0, 0}, {SilentUp, 15 * ms, 0}} {
		m := newTroubled(3, c.does)
		m.now.Store(100 * ms)
		m.get(1, m.send(0, 0, 100*ms), 105*ms)
		if c.left > 0 {
			m.now.Store(100*ms + c.left)
			m.l.Leave(m.r[0])
		}
		m.now.Store(20_000 * ms)
		m.get(2, m.send(0, 1, 20_000*ms), 20_005*ms)
		if all, cut := m.cutRows(); cut.Lost != c.among || all.Lost < 1 {
			t.Errorf("%+v: %+v, of that explained %+v", c, all, cut)
		}
	}
}

// The ways between clients do not lead through the server: what is silent there is not known.
func TestDirectMessagesUnderAFault(t *testing.T) {
	m := newTroubled(3, SilentDown)
	m.l.books[0].Direct = true
	m.now.Store(100 * ms)
	m.get(1, m.send(0, 0, 100*ms), 105*ms)
	m.now.Store(3000 * ms)
	later := m.send(0, 0, 3000*ms)
	m.get(1, later, 3005*ms)
	m.get(2, later, 3005*ms)
	if all, cut := m.cutRows(); all.Lost != 1 || cut.Lost != 1 {
		t.Errorf("%+v, of that explained %+v", all, cut)
	}
}

// A stall is an excuse for the receivers that it chose.
func TestAStallExplainsItsOwn(t *testing.T) {
	for _, c := range []struct {
		name  string
		until int64 // the receiver that lacks the message does not read; 0: it does
		later bool  // it gets something that is sent later
		among int64
	}{
		{"it reads", 0, false, 0},
		{"it does not read", 5000 * ms, false, 1},
		{"it gets a later one", 5000 * ms, true, 0},
		{"it reads again", 90 * ms, false, 0},
	} {
		m := newTroubled(3, SilentStalled)
		m.r[2].Stalls(c.until)
		m.now.Store(100 * ms)
		m.get(1, m.send(0, 0, 100*ms), 105*ms)
		if c.later {
			m.now.Store(3000 * ms)
			later := m.send(0, 0, 3000*ms)
			m.get(1, later, 3005*ms)
			m.get(2, later, 3005*ms)
		}
		if all, cut := m.cutRows(); all.Lost != 1 || cut.Lost != c.among {
			t.Errorf("%s: %+v, of that explained %+v; want 1 lost, of them %d", c.name, all, cut, c.among)
		}
	}
}

// What a command breaks behind the servers keeps a message from everybody, or from the other nodes.
// A receiver of the sender's own node, whose neighbour has the message, was skipped.
func TestWhatIsBehindTheServers(t *testing.T) {
	for _, c := range []struct {
		name    string
		reached bool
		node    int // of the receiver that lacks the message
		among   int64
	}{
		{"it came to nobody", false, 0, 2},
		{"another node lacks it", true, 1, 1},
		{"one of the same node lacks it", true, 0, 0},
	} {
		m := newTroubled(3, SilentUp|SilentDown|Torn|Behind)
		m.r[2].Node = c.node
		m.now.Store(100 * ms)
		missing := m.send(0, 0, 100*ms)
		lost := int64(2)
		if c.reached {
			m.get(1, missing, 105*ms)
			lost = 1
		}
		m.now.Store(3000 * ms)
		later := m.send(0, 0, 3000*ms)
		m.get(1, later, 3005*ms)
		m.get(2, later, 3005*ms)
		if all, cut := m.cutRows(); all.Lost != lost || cut.Lost != c.among {
			t.Errorf("%s: %+v, of that explained %+v; want %d lost, of them %d", c.name, all, cut, lost, c.among)
		}
	}
}

// A fault on the way to one node explains nothing at the others.
func TestATroubleOfOneNode(t *testing.T) {
	for node, among := range []int64{0, 1} {
		m := newTroubled(3, 0)
		m.l.books[0].trouble = func(_ int64, node int) Trouble {
			if node == 0 {
				return 0
			}
			return SilentDown
		}
		m.r[2].Node = node
		m.now.Store(100 * ms)
		m.get(1, m.send(0, 0, 100*ms), 105*ms)
		if all, cut := m.cutRows(); all.Lost != 1 || cut.Lost != among {
			t.Errorf("node %d: %+v, of that explained %+v; want 1 lost, of them %d", node, all, cut, among)
		}
	}
}
