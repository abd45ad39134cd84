package ledger

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/internal/stamp"
)

// A load is messages of a fixed size to rooms of a fixed size, of which every client is in one.
type load struct {
	clients, room int
	senders       int     // of the clients, the first ones
	rate          float64 // of each of them, per second
	size          int
}

// A simulated fleet plays a load: due times by phases that differ between the senders, durations
// that vary as those of a busy machine do.
type simulated struct {
	load
	now     int64
	ledgers []*Ledger
	books   []*Book
	rooms   [][]*Audience // by agent
	clients []*Receiver
	rng     *rand.Rand
	order   []int // of the senders, by phase
	phase   []float64
}

const simulatedAgents = 4

func simulate(l load, planned bool) *simulated {
	s := &simulated{load: l, rng: rand.New(rand.NewPCG(1, 2))}
	for i := range l.senders {
		s.order, s.phase = append(s.order, i), append(s.phase, s.rng.Float64())
	}
	slices.SortFunc(s.order, func(a, b int) int { return int((s.phase[a] - s.phase[b]) * 1e15) })
	for k := range simulatedAgents {
		rooms := make([]*Audience, l.clients/l.room)
		for i := range rooms {
			rooms[i] = &Audience{}
			rooms[i].Admit(0, false)
		}
		b := &Book{Expect: ExpectAll, Late: int64(5 * time.Second)}
		f := &Fleet{
			Self: k, Of: simulatedAgents, Owner: func(id uint32) int { return int(id) % simulatedAgents },
			Delivered: func(*Delivery) {},
			Refer:     func(a *Audience) string { return strconv.Itoa(slices.Index(rooms, a)) },
			Find: func(name string) *Audience {
				i, _ := strconv.Atoi(name)
				return rooms[i]
			},
		}
		if planned {
			f.Plan = func(_, agent int) func() (Planned, bool) { return s.plan(rooms, agent) }
		}
		s.ledgers = append(s.ledgers, New(Config{Books: []*Book{b}, Clock: func() int64 { return s.now }, Fleet: f}))
		s.books, s.rooms = append(s.books, b), append(s.rooms, rooms)
	}
	for i := range l.clients {
		k := i % simulatedAgents
		r := &Receiver{ID: uint32(i)}
		m := &Membership{}
		m.Init(s.rooms[k][s.roomOf(i)], 0, 0)
		r.SetMemberships([]*Membership{m})
		s.clients = append(s.clients, r)
		s.now++
		s.ledgers[k].Join(r, m)
	}
	return s
}

func (s *simulated) roomOf(client int) int { return client / s.room }

// due is when the n-th message of all is due, and who sends it.
func (s *simulated) due(n int) (int64, int) {
	who := s.order[n%s.senders]
	return int64((1 + (float64(n/s.senders)+s.phase[who])/s.rate) * 1e9), who
}

func (s *simulated) plan(rooms []*Audience, agent int) func() (Planned, bool) {
	n := 0
	return func() (Planned, bool) {
		for {
			due, who := s.due(n)
			n++
			if who%simulatedAgents == agent {
				return Planned{uint32(who), due, 0, rooms[s.roomOf(who)]}, true
			}
		}
	}
}

// skewed is a duration around a median, as latencies are distributed.
func (s *simulated) skewed(median time.Duration, sigma float64) int64 {
	return int64(float64(median) * math.Exp(sigma*s.rng.NormFloat64()))
}

// An arriving is a message on its way.
type arriving struct {
	at, to int64
	st     stamp.Stamp
}

// perMessage is what NATS adds to a message: the subject and the lengths.
const perMessage = 60

// What Socket.IO and the websocket frame add to a message with a name and a room of a few letters.
const (
	upHead   = 32
	downHead = 10
)

// run plays a second, and what follows from it. It returns the messages and the bytes between the
// agents, published and delivered.
func (s *simulated) run(t *testing.T) (messages int, announced, settled int64) {
	const tick = int64(250 * time.Millisecond)
	var air []arriving
	next := 0
	for turn := range int64(8) {
		end := int64(time.Second) + (turn+1)*tick
		for turn < 4 {
			due, who := s.due(next)
			lag := s.skewed(60*time.Microsecond, 0.7)
			if due+lag >= end {
				break
			}
			air = append(air, s.send(who, due, lag)...)
			next++
		}
		rest := air[:0]
		for _, a := range air {
			if a.at >= end {
				rest = append(rest, a)
				continue
			}
			s.ledgers[a.to%simulatedAgents].Defer(&Delivery{To: s.clients[a.to], Stamp: a.st, At: a.at, Read: a.at})
		}
		air = rest
		s.now = end
		a, b := s.exchange(t, turn%4 == 3)
		if turn >= 4 {
			a = 0 // nothing is sent any more
		}
		announced, settled = announced+a, settled+b
	}
	return next, announced, settled
}

// send lets a client send, and returns the message on its way to each receiver.
func (s *simulated) send(who int, due, lag int64) (air []arriving) {
	k := who % simulatedAgents
	s.now = max(s.now, due+lag)
	slot, seq := s.ledgers[k].Emit(s.books[k], s.clients[who], s.rooms[k][s.roomOf(who)], due, 0)
	slot.SetLag(s.now - due + s.skewed(15*time.Microsecond, 0.4))
	slot.Written()
	for i := range s.room {
		to := s.roomOf(who)*s.room + i
		air = append(air, arriving{s.now + s.skewed(1500*time.Microsecond, 0.6), int64(to), stamp.Stamp{Sender: uint32(who), Seq: seq, Due: due}})
	}
	return air
}

func (s *simulated) exchange(t *testing.T, settle bool) (announced, settled int64) {
	hear := func(from, to int, b []byte) {
		if err := s.ledgers[to].Hear(from, b); err != nil {
			t.Fatal(err)
		}
	}
	for k, l := range s.ledgers {
		b := l.Announce(nil)
		announced += int64(len(b)+perMessage) * simulatedAgents // published once, delivered to the others
		for to := range s.ledgers {
			if to == k {
				continue
			}
			hear(k, to, b)
			if settle {
				if b := l.Settlements(to, nil); len(b) > 0 {
					settled += int64(len(b)+perMessage) * 2
					hear(k, to, b)
				}
			}
		}
	}
	return announced, settled
}

// The agents' messages about messages take less than a hundredth of the bytes of the load.
func TestBytesBetweenAgents(t *testing.T) {
	for _, c := range []struct {
		name    string
		load    load
		planned bool
		most    float64 // of the load's bytes
	}{
		{"a broadcast to 10 000", load{clients: 10_000, room: 10_000, senders: 1, rate: 1, size: 100}, true, 0.01},
		{"rooms of 10", load{clients: 5000, room: 10, senders: 5000, rate: 1, size: 100}, true, 0.01},
		{"rooms of 10, not as planned", load{clients: 1000, room: 10, senders: 1000, rate: 1, size: 100}, false, 0.05},
	} {
		s := simulate(c.load, c.planned)
		n, announced, settled := s.run(t)
		bytes := float64(n * (c.load.size + upHead + (c.load.size+downHead)*c.load.room))
		share := float64(announced+settled) / bytes
		t.Logf("%s: %d messages; %.2f bytes a message announced, %.2f settled, published and delivered; %.3f %% of the load's bytes",
			c.name, n, float64(announced)/float64(n), float64(settled)/float64(n), 100*share)
		if share > c.most {
			t.Errorf("%s: %.3f %%, more than %g %%", c.name, 100*share, 100*c.most)
		}
	}
}
