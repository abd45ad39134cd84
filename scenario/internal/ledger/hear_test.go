package ledger

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/internal/stamp"
	"github.com/throng-io/throng/scenario/result"
)

// A pair is two agents with one room, of which the even clients are the first one's. Their clocks
// may differ.
type pair struct {
	now   atomic.Int64
	ahead [2]int64
	l     [2]*Ledger
	book  [2]*Book
	room  [2]*Audience
	r     []*Receiver
	kinds [Unknown + 1]int
	whole []broadcast
}

func newPair(receivers int, bound int64, ahead int64) *pair {
	p := &pair{ahead: [2]int64{0, ahead}}
	p.now.Store(int64(time.Second))
	for k := range 2 {
		p.room[k], p.book[k] = &Audience{}, &Book{Expect: ExpectAll, Late: int64(time.Second)}
		p.room[k].Admit(0, false)
		p.l[k] = New(Config{Books: []*Book{p.book[k]}, Clock: func() int64 { return p.now.Load() + p.ahead[k] }, Fleet: &Fleet{
			Self: k, Of: 2, Owner: func(id uint32) int { return int(id) % 2 }, Bound: func() int64 { return bound },
			Delivered: func(d *Delivery) { p.kinds[d.Kind]++ },
			Refer:     func(*Audience) string { return "room" },
			Find: func(name string) *Audience {
				if name != "room" {
					return nil
				}
				return p.room[k]
			},
		}, Complete: func(s *Slot, all bool) { p.whole = append(p.whole, broadcast{all, s.First(), s.Last()}) }})
	}
	for i := range receivers {
		p.r = append(p.r, newReceiver(uint32(i), p.room[i%2]))
	}
	return p
}

func (p *pair) join(i int) { p.l[i%2].Join(p.r[i], p.r[i].Memberships()[0]) }

func (p *pair) send(from int) *stamp.Stamp {
	k := from % 2
	due := p.now.Load() + p.ahead[k]
	s, seq := p.l[k].Emit(p.book[k], p.r[from], p.room[k], due, 0)
	s.Written()
	return &stamp.Stamp{Sender: uint32(from), Seq: seq, Due: due}
}

func (p *pair) get(to int, st *stamp.Stamp) {
	at := p.now.Load() + p.ahead[to%2]
	p.l[to%2].Defer(&Delivery{To: p.r[to], Stamp: *st, At: at, Read: at})
}

// talk lets both speak and hear once.
func (p *pair) talk(t *testing.T) {
	t.Helper()
	for k := range 2 {
		b := [][]byte{p.l[k].Announce(nil)}
		if s := p.l[k].Settlements(1-k, nil); len(s) > 0 {
			b = append(b, s)
		}
		for _, b := range b {
			if err := p.l[1-k].Hear(k, b); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// close ends the account, and returns the sum of both.
func (p *pair) close(t *testing.T) (sum result.Ledger) {
	t.Helper()
	end := p.now.Load()
	p.l[0].Seal()
	p.l[1].Seal()
	for k := range 2 {
		p.l[k].Stop(end)
	}
	for rounds := 0; !p.l[0].Closable() || !p.l[1].Closable(); rounds++ {
		if rounds > 20 {
			t.Fatal("the agents do not come to an end")
		}
		p.now.Add(int64(time.Second))
		p.talk(t)
	}
	for k := range 2 {
		for _, rows := range p.l[k].Close(end) {
			for i := range rows {
				sum.Add(rows[i].Deliveries())
			}
		}
	}
	sum.Due = 0
	return sum
}

// Clocks that differ by no more than their bound make no delivery lost, unknown or unexpected,
// whoever comes and goes meanwhile.
func TestClocksThatDiffer(t *testing.T) {
	const bound = int64(3 * time.Millisecond)
	for _, ahead := range []int64{-bound, -bound / 3, 0, bound} {
		rng := rand.New(rand.NewPCG(7, uint64(ahead)))
		p := newPair(20, bound, ahead)
		in, next := make([]bool, len(p.r)), uint32(0)
		for step := range 4000 {
			p.now.Add(1 + rng.Int64N(int64(200*time.Microsecond)))
			i := rng.IntN(len(p.r))
			switch {
			case !in[i] && rng.IntN(4) == 0: // it comes, as another receiver than before
				if p.r[i].gone {
					p.r[i] = newReceiver(uint32(i), p.room[i%2])
				}
				p.join(i)
				in[i] = true
			case in[i] && rng.IntN(20) == 0:
				p.l[i%2].Leave(p.r[i])
				in[i] = false
			case in[i] && rng.IntN(3) == 0:
				st := p.send(i)
				next++
				p.now.Add(int64(20 * time.Microsecond))
				for to := range p.r { // the server knows who is there
					if in[to] {
						p.get(to, st)
					}
				}
			}
			if step%50 == 0 {
				p.talk(t)
			}
		}
		p.now.Add(int64(5 * time.Second))
		sum := p.close(t)
		if sum.Sent != int64(next) || sum.Lost != 0 || sum.Late != 0 || sum.Disorder != 0 || sum.Duplicate != 0 || p.kinds[Unknown] != 0 || p.kinds[Unexpected] != 0 {
			t.Errorf("ahead by %s: %+v, arrivals by kind %v", time.Duration(ahead), sum, p.kinds)
		}
		if sum.Expected != sum.Received+sum.Undecided || sum.Received < 5*sum.Undecided {
			t.Errorf("ahead by %s: %+v does not add up, or most is undecided", time.Duration(ahead), sum)
		}
	}
}

// Nothing waits for an agent that is gone, and its messages of which nothing is known do not count.
func TestAnAgentIsLost(t *testing.T) {
	p := newPair(4, 0, 0)
	for i := range p.r {
		p.now.Add(1000)
		p.join(i)
	}
	p.now.Add(1000)
	p.talk(t)
	own, known := p.send(0), p.send(1)
	p.now.Add(5000)
	p.talk(t)
	p.now.Add(5000)
	unknown := p.send(1) // it is lost before it announces this
	for _, st := range []*stamp.Stamp{own, known, unknown} {
		p.get(0, st)
		p.get(2, st)
	}
	p.now.Add(5000)
	l := p.l[0]
	l.Announce(nil)
	if p.kinds[Counted] != 0 {
		t.Error("the other agent may still announce something")
	}
	l.Lost(1)
	if p.kinds[Counted] != 4 || p.kinds[Ignored] != 2 || p.kinds[Unknown] != 0 {
		t.Errorf("arrivals by kind: %v", p.kinds)
	}
	l.Seal()
	if end := p.now.Load(); l.Outstanding(end) {
		t.Error("something is outstanding")
	}
	end := p.now.Load()
	p.now.Add(1000)
	p.get(2, known) // once more, when the account has ended
	l.Stop(end)
	p.get(2, known)
	p.now.Add(1000)
	l.Announce(nil)
	if !l.Closable() {
		t.Error("the ledger waits for an agent that is gone")
	}
	rows := l.Close(p.now.Load() + int64(time.Hour))
	if len(p.whole) != 0 {
		t.Errorf("it is not known whether the broadcast was complete: %v", p.whole)
	}
	var sum result.Ledger
	for i := range rows[0] {
		sum.Add(rows[0][i].Deliveries())
	}
	if want := (result.Ledger{Due: 1, Sent: 1, Expected: 4, Received: 4}); sum != want {
		t.Errorf("%+v, want %+v", sum, want)
	}
}

// What waits for an agent that says nothing does not grow for ever.
func TestASilentAgentIsGivenUp(t *testing.T) {
	p := newPair(2, 0, 0)
	gone := -1
	f := p.l[0].fleet
	f.most, f.GaveUp = 100, func(agent int) { gone = agent }
	p.join(0)
	p.now.Add(1000)
	p.talk(t)
	for i := range 100 {
		st := p.send(0)
		p.now.Add(1000)
		p.get(0, st)
		if p.l[0].Announce(nil); gone >= 0 {
			t.Fatalf("given up after %d arrivals", i+1)
		}
	}
	p.get(0, &stamp.Stamp{Sender: 1})
	p.now.Add(1000)
	if p.l[0].Announce(nil); gone != 1 || p.kinds[Counted] != 100 || p.kinds[Ignored] != 1 {
		t.Errorf("agent %d is given up; arrivals by kind: %v", gone, p.kinds)
	}
}

// What has settled on all agents is closed on all, so that a long run takes no more memory than a
// short one.
func TestAgentsForget(t *testing.T) {
	forgets(t, -1)
}

// Nor do the messages behind one of which a delivery is missing.
func TestAgentsForgetBehindWhatIsMissing(t *testing.T) {
	forgets(t, 100)
}

// forgets sends many messages to both agents of a pair, one of which does not come to a client; -1:
// none.
func forgets(t *testing.T, missing int) {
	t.Helper()
	p := newPair(4, 0, 0)
	for i := range p.r {
		p.now.Add(1000)
		p.join(i)
	}
	const n = 16 * slotsPerSlab
	step, lost := linger/slotsPerSlab, 0
	if missing >= 0 {
		lost = 1
	}
	var first *stamp.Stamp
	most := int64(0)
	for i := range n {
		p.now.Add(step)
		st := p.send(i % 2)
		if first == nil {
			first = st
		}
		p.now.Add(1000)
		for to := range p.r {
			if i != missing || to != 1 {
				p.get(to, st)
			}
		}
		p.now.Add(1000)
		if i%10 == 0 {
			p.talk(t)
			p.talk(t)
			p.l[0].Watch(p.now.Load())
			p.l[1].Watch(p.now.Load())
		}
		most = max(most, p.l[0].used.Load(), p.l[1].used.Load())
	}
	if size, slabs := int64(slotsPerSlab)*232, int64(6+lost); most > slabs*size {
		t.Errorf("a ledger took %d bytes, more than %d slabs of %d", most, slabs, size)
	}
	p.get(1, first)
	p.now.Add(int64(2 * time.Second))
	p.talk(t)
	p.talk(t)
	if p.kinds[Stale]+p.kinds[Duplicate] != 1 || p.kinds[Counted] != 4*n-lost {
		t.Errorf("arrivals by kind: %v", p.kinds)
	}
	if sum := p.close(t); sum.Sent != n || sum.Received != int64(4*n-lost) || sum.Lost != int64(lost) || len(p.whole) != n {
		t.Errorf("%+v, and %d broadcasts are complete", sum, len(p.whole))
	}
}

// What the agents have seen so far adds up to what all have, and each says it once.
func TestAgentsSayOnceWhatTheyHaveSeen(t *testing.T) {
	p := newPair(4, 0, 0)
	for i := range p.r {
		p.now.Add(1000)
		p.join(i)
	}
	var sum result.Ledger
	for round := range 3 {
		for from := range p.r {
			p.now.Add(1000)
			st := p.send(from)
			for to := range p.r {
				p.get(to, st)
			}
		}
		p.now.Add(int64(2 * time.Second))
		p.talk(t)
		p.talk(t)
		for k := range 2 {
			p.l[k].Watch(p.now.Load())
			for _, rows := range p.l[k].SoFar(nil) {
				for i := range rows {
					sum.Add(rows[i].Deliveries())
				}
			}
		}
		n := int64(4 * (round + 1))
		if want := (result.Ledger{Due: n, Sent: n, Expected: 4 * n, Received: 4 * n}); sum != want {
			t.Errorf("round %d: %+v, want %+v", round, sum, want)
		}
	}
}

// A client's leaving is taken in when the clocks may differ no more, however far they may be apart:
// what was on its way to it is remembered until then.
func TestLeavingsOfClocksFarApart(t *testing.T) {
	p := newPair(4, int64(5*time.Second), 0)
	for i := range p.r {
		p.now.Add(1000)
		p.join(i)
	}
	p.now.Add(int64(10 * time.Second))
	p.talk(t)
	for i := range 10 {
		st := p.send(0)
		p.now.Add(1000)
		if i == 0 {
			p.l[0].Leave(p.r[2])
		}
		for to := range p.r {
			if to != 2 {
				p.get(to, st)
			}
		}
		p.now.Add(int64(time.Second))
		p.talk(t)
	}
	// what is sent before the clocks agree that it has left is undecided as well
	if sum := p.close(t); sum.Received != 30 || sum.Undecided == 0 || sum.Lost != 0 || sum.Expected != sum.Received+sum.Undecided {
		t.Errorf("%+v", sum)
	}
}

// That all agents have spoken of a message is not what an agent says that is lost then, in place of
// one that has not.
func TestALostAgentSpeaksForItself(t *testing.T) {
	b := &Book{Expect: ExpectAll, Late: int64(time.Second)}
	l := New(Config{Books: []*Book{b}, Clock: func() int64 { return 1 }, Fleet: &Fleet{Self: 0, Of: 3, Owner: func(id uint32) int { return int(id) }}})
	f, s := l.fleet, &Slot{Book: b, Audience: &Audience{}, settled: &settlement{}}
	speaks := func(agent int) {
		f.takeIn(f.peers[agent], s, &verdict{state: verdictMissing})
		s.settled.closed.add(agent)
	}
	speaks(1)
	if l.Lost(1); f.closedElsewhere(s) {
		t.Error("an agent that is there has not spoken")
	}
	if speaks(2); !f.closedElsewhere(s) {
		t.Error("all have spoken")
	}
}

// Clients on goroutines of their own, while the agents talk: each delivery counts once.
func TestAgentsConcurrently(t *testing.T) {
	const receivers, messages = 40, 500
	p := newPair(receivers, 0, 0)
	var clock atomic.Int64
	for k := range 2 {
		p.l[k].clock = func() int64 { return clock.Add(1000) }
	}
	var kinds [2][Unknown + 1]int
	for k := range 2 {
		p.l[k].fleet.Delivered = func(d *Delivery) { kinds[k][d.Kind]++ }
	}
	feeds := make([]chan stamp.Stamp, receivers)
	var wg sync.WaitGroup
	for i := range feeds {
		feeds[i] = make(chan stamp.Stamp, messages)
		p.join(i)
		wg.Go(func() {
			n := 0
			for st := range feeds[i] {
				at := clock.Load()
				p.l[i%2].Defer(&Delivery{To: p.r[i], Stamp: st, At: at, Read: at})
				switch n++; {
				case i%8 == 7 && n == messages/2:
					p.l[i%2].Leave(p.r[i])
				case i%8 == 6 && n == messages/2:
					p.l[i%2].Suspend(p.r[i])
				case i%8 == 6 && n == messages*3/4:
					p.l[i%2].Resume(p.r[i], nil)
				}
			}
		})
	}
	wg.Go(func() {
		for i := range messages {
			k := i % 2
			due := clock.Load()
			s, seq := p.l[k].Emit(p.book[k], p.r[k], p.room[k], due, 0)
			s.SetLag(10)
			s.Written()
			for _, f := range feeds {
				f <- stamp.Stamp{Sender: uint32(k), Seq: seq, Due: due}
			}
		}
		for _, f := range feeds {
			close(f)
		}
	})
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for talking := true; talking; {
		select {
		case <-done:
			talking = false
		default:
		}
		p.talk(t)
		p.l[0].Watch(clock.Load())
	}
	p.now.Store(clock.Add(int64(time.Hour)))
	sum := p.close(t)
	counted := kinds[0][Counted] + kinds[1][Counted] + kinds[0][Replayed] + kinds[1][Replayed]
	if sum.Sent != messages || sum.Received+sum.Late != int64(counted) || sum.Duplicate != 0 || kinds[0][Unknown]+kinds[1][Unknown] != 0 {
		t.Errorf("%+v, arrivals by kind %v", sum, kinds)
	}
	if sum.Expected != sum.Received+sum.Late+sum.Lost+sum.Undecided || counted < messages*receivers/2 {
		t.Errorf("%+v does not add up", sum)
	}
}

// What the network between the agents does wrong is an error, which says what to do.
func TestHearRefuses(t *testing.T) {
	speech := func() (*pair, [][]byte) {
		p := newPair(4, 0, 0)
		for i := range p.r {
			p.join(i)
		}
		p.now.Add(5000)
		first := p.l[0].Announce(nil)
		p.send(0)
		p.now.Add(5000)
		return p, [][]byte{first, p.l[0].Announce(nil)}
	}
	for name, c := range map[string]struct {
		say  func(p *pair, b [][]byte) error
		want string
	}{
		"one is missing": {func(p *pair, b [][]byte) error { return p.l[1].Hear(0, b[1]) }, "message 1 of agent 0's ledger is missing"},
		"from itself":    {func(p *pair, b [][]byte) error { return p.l[1].Hear(1, b[0]) }, "came from agent 1, which is none"},
		"nothing":        {func(p *pair, _ [][]byte) error { return p.l[1].Hear(0, nil) }, "cannot be read"},
		"half of it": {func(p *pair, b [][]byte) error {
			_ = p.l[1].Hear(0, b[0])
			return p.l[1].Hear(0, b[1][:len(b[1])-3])
		}, "cannot be read"},
		"another audience": {func(p *pair, b [][]byte) error {
			_ = p.l[1].Hear(0, b[0])
			return p.l[1].Hear(0, bytes.Replace(b[1], []byte("room"), []byte("moor"), 1))
		}, `there is no audience "moor"`},
		"another plan": {func(p *pair, b [][]byte) error {
			_ = p.l[1].Hear(0, b[0])
			b[1][len(b[1])-1]++
			return p.l[1].Hear(0, b[1])
		}, "different plans"},
	} {
		p, b := speech()
		if err := c.say(p, b); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// Whatever another agent says, hearing it neither panics nor takes much memory, and what it says
// rightly before is not forgotten.
func FuzzHear(f *testing.F) {
	p := newPair(4, 0, 0)
	for i := range p.r {
		p.join(i)
	}
	p.now.Add(5000)
	for range 40 {
		p.now.Add(5000)
		st := p.send(0)
		p.send(2)
		p.get(1, st)
		p.get(0, st)
	}
	p.now.Add(int64(50 * time.Millisecond))
	announced := p.l[0].Announce(nil)
	f.Add(announced)
	if err := p.l[1].Hear(0, announced); err != nil {
		f.Fatal(err)
	}
	p.send(1)
	p.l[0].Lost(1)
	p.l[0].Seal()
	p.l[0].Stop(p.now.Load())
	p.now.Add(int64(time.Second))
	f.Add(p.l[1].Settlements(0, nil))
	f.Add(p.l[1].Announce(nil))
	f.Add(p.l[0].Announce(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := newPair(4, 0, 0)
		for i := range p.r {
			p.join(i)
		}
		p.now.Add(1000)
		own := p.send(1)
		p.now.Add(int64(time.Millisecond))
		for i := range p.r {
			p.get(i, own)
		}
		p.l[1].Announce(nil)
		_ = p.l[1].Hear(0, b)
		_ = p.l[1].Hear(0, b)
		p.now.Add(int64(time.Second))
		p.l[1].Announce(nil)
		p.l[1].Lost(0)
		p.l[1].Seal()
		p.l[1].Stop(p.now.Load())
		p.now.Add(1)
		p.l[1].Settlements(0, nil)
		p.l[1].Announce(nil)
		if !p.l[1].Closable() {
			t.Fatal("the ledger cannot be closed")
		}
		var sum result.Ledger
		for _, row := range p.l[1].Close(p.now.Load())[0] {
			if row.From == 0 && row.Class != Everybody {
				sum.Add(row.Deliveries())
			}
		}
		if sum.Received < 2 || sum.Expected != sum.Received+sum.Late+sum.Lost+sum.Undecided {
			t.Fatalf("%+v", sum)
		}
	})
}
