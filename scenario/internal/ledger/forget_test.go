package ledger

import (
	"flag"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/throng-io/throng/scenario/internal/stamp"
)

// exchangeAll lets the agents say what they have to say, and hear it.
func (s *story) exchangeAll() {
	s.now += tick
	for k := range s.sides[1].ledgers {
		s.sides[1].speak(k)
		for from := range s.sides[1].ledgers {
			for len(s.sides[1].mail[from][k]) > 0 {
				s.hear(from, k)
			}
		}
	}
	for _, sd := range s.sides {
		for _, l := range sd.ledgers {
			l.Watch(s.now)
		}
	}
	s.sides[0].ledgers[0].trim()
}

// A message of which a delivery is missing is kept for ten minutes, by agents too: then they agree
// on what came of it, and the account is that of one ledger.
func TestAgentsForgetWhatIsMissing(t *testing.T) {
	few(t)
	rapid.Check(t, func(t *rapid.T) {
		s := &story{t: t, now: 1000 * tick, clients: 9, agents: rapid.IntRange(2, 4).Draw(t, "agents"), plans: make([][]planned, len(storyStreams)), troubles: Torn}
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		s.state = make([]presence, s.clients)
		s.sides = []*side{s.newSide(1, 0), s.newSide(s.agents, s.agents)}
		for client := range s.clients {
			s.come(client)
		}
		for _, messages := range []int{(s.agents + 1) * slotsPerSlab, 50} {
			for i := range messages {
				s.now += tick * rng.Int64N(40)
				s.burst(rng, i)
				switch rng.IntN(40) {
				case 0:
					s.leaveAndComeBack(rng)
				case 1, 2:
					s.exchangeAll()
				}
			}
			for _, pass := range []int64{linger, patience} {
				s.now += pass + 2*storyLate
				for range 12 {
					s.exchangeAll()
				}
			}
			for k, l := range s.sides[1].ledgers {
				for _, b := range l.accounts {
					if kept := len(b.shelf.Load().slabs); kept > 1 {
						t.Fatalf("agent %d keeps %d slabs of stream %d, of another agent: %v", k, kept, b.Stream, b.remote)
					}
				}
			}
		}
		rows := s.finish()
		for stream := range rows[0] {
			if one, many := account(rows[0][stream]), account(rows[1][stream]); one != many {
				t.Errorf("stream %d: one ledger has\n%s%d agents have\n%s", stream, one, s.agents, many)
			}
		}
		compareBroadcasts(t, s.sides[0].completed, s.sides[1].completed)
	})
}

// few makes a test of long stories one of ten of them, not of a hundred.
func few(t *testing.T) {
	const name = "rapid.checks"
	was := flag.Lookup(name).Value.String()
	if err := flag.Set(name, "10"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flag.Set(name, was) })
}

// come makes a client a member of its rooms.
func (s *story) come(client int) {
	s.arrive(client)
	s.each(client, func(l *Ledger, r *Receiver, _ *side, _ int) {
		for _, m := range r.Memberships() {
			s.now += tick
			l.Join(r, m)
		}
	})
}

// leaveAndComeBack takes away a client, and maybe all of an agent. What they have sent just now may
// not have been written, or the server may not have had it.
func (s *story) leaveAndComeBack(rng *rand.Rand) {
	since, unwritten := s.now-tick*rng.Int64N(300), rng.IntN(2) == 0
	leaves := map[int]bool{rng.IntN(s.clients): true}
	if rng.IntN(2) == 0 {
		agent := rng.IntN(s.agents)
		for client := range s.clients {
			leaves[client] = leaves[client] || s.owner(uint32(client)) == agent
		}
	}
	for client := range s.clients {
		if !leaves[client] {
			continue
		}
		s.each(client, func(l *Ledger, r *Receiver, _ *side, _ int) {
			if unwritten {
				r.MayBeUnwritten(since, s.now)
			} else {
				r.Unheard(since, s.now, false)
			}
			l.Leave(r)
		})
		s.now += tick
	}
	for client := range s.clients {
		if leaves[client] {
			s.come(client)
		}
	}
}

// burst sends a message to everybody, of which some deliveries are missing: a few, those of one
// agent, or all.
func (s *story) burst(rng *rand.Rand, i int) {
	const stream = 1
	client := i % s.clients
	m := told{stream: stream, sender: client, due: s.now}
	s.each(client, func(l *Ledger, r *Receiver, sd *side, k int) {
		slot, seq := l.Emit(sd.books[k][stream], r, sd.audiences[k][0], s.now, 0)
		slot.Written()
		m.stamps = append(m.stamps, stamp.Stamp{Stream: stream, Sender: uint32(client), Seq: seq, Due: s.now})
	})
	s.now += tick
	none, agent := rng.IntN(8) == 0, rng.IntN(4*s.agents)
	for to := range s.clients {
		if to != client && !none && s.owner(uint32(to)) != agent && rng.IntN(20) > 0 {
			s.deliver(m, to)
		}
	}
}

// deliver lets a message come to a client.
func (s *story) deliver(m told, to int) {
	s.ops++
	for i, sd := range s.sides {
		st, k, r := m.stamps[i], sd.of(to), sd.receivers[to]
		if i == 0 {
			sd.kinds[s.ops], _, _ = sd.ledgers[k].Receive(r, &st, s.now)
		} else {
			sd.ledgers[k].Defer(&Delivery{To: r, Stamp: st, By: s.ops, At: s.now, Read: s.now})
		}
	}
}
