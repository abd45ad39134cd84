package ledger

import (
	"flag"
	"math/rand/v2"
	"strconv"
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
	few(t, 10)
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
			s.keepsLittle()
		}
		s.compare()
	})
}

// A message of a client that left at once may have come to nobody, or only to a client of one agent
// to which it was replayed. Then it was written, and all others have lost it: the sender's agent
// knows that when it answers those that ask, and it does so when the run ends meanwhile, too.
func TestAgentsForgetWhatOnlyAReplayBrought(t *testing.T) {
	few(t, 1)
	rapid.Check(t, func(t *rapid.T) {
		for rounds := range 13 {
			for _, comes := range []bool{true, false} {
				s := &story{t: t, now: 1000 * tick, clients: 9, agents: 3, plans: make([][]planned, len(storyStreams))}
				s.onlyReplayed(comes)
				s.now += patience + 2*storyLate
				for range rounds {
					s.exchangeAll()
				}
				if rounds == 12 {
					s.keepsLittle()
				}
				s.compare()
			}
		}
	})
}

// onlyReplayed tells of a message that nobody gets but a client that was away, if it comes at all,
// and of many that all get.
func (s *story) onlyReplayed(comes bool) {
	s.state = make([]presence, s.clients)
	s.sides = []*side{s.newSide(1, 0), s.newSide(s.agents, s.agents)}
	for client := range s.clients {
		s.come(client)
	}
	const sender, away = 0, 2
	s.each(away, func(l *Ledger, r *Receiver, _ *side, _ int) { l.Suspend(r) })
	s.now += tick
	m := s.emit(sender)
	s.each(sender, func(l *Ledger, r *Receiver, _ *side, _ int) {
		r.MayBeUnwritten(m.due, s.now)
		l.Leave(r)
	})
	s.now += tick
	s.each(away, func(l *Ledger, r *Receiver, _ *side, _ int) { l.Resume(r, nil) })
	s.now += tick
	if comes {
		s.deliver(m, away)
	}
	for range slotsPerSlab {
		m := s.emit(sender + s.agents)
		for to := range s.clients {
			if to != m.sender {
				s.deliver(m, to)
			}
		}
	}
}

// keepsLittle fails unless each agent has closed all slabs but the last of each book.
func (s *story) keepsLittle() {
	for k, l := range s.sides[1].ledgers {
		for _, b := range l.accounts {
			if kept := len(b.shelf.Load().slabs); kept > 1 {
				s.t.Fatalf("agent %d keeps %d slabs of stream %d, of another agent: %v", k, kept, b.Stream, b.remote)
			}
		}
	}
}

// compare ends the story. All agents together must have the account of one ledger.
func (s *story) compare() {
	rows := s.finish()
	for stream := range rows[0] {
		if one, many := account(rows[0][stream]), account(rows[1][stream]); one != many {
			s.t.Errorf("stream %d: one ledger has\n%s%d agents have\n%s", stream, one, s.agents, many)
		}
	}
	compareBroadcasts(s.t, s.sides[0].completed, s.sides[1].completed)
}

// few makes a test of long stories one of so many of them, not of a hundred.
func few(t *testing.T, n int) {
	const name = "rapid.checks"
	was := flag.Lookup(name).Value.String()
	if err := flag.Set(name, strconv.Itoa(n)); err != nil {
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
	client := i % s.clients
	m := s.emit(client)
	none, agent := rng.IntN(8) == 0, rng.IntN(4*s.agents)
	for to := range s.clients {
		if to != client && !none && s.owner(uint32(to)) != agent && rng.IntN(20) > 0 {
			s.deliver(m, to)
		}
	}
}

// emit lets a client send to everybody.
func (s *story) emit(client int) told {
	const stream = 1
	m := told{stream: stream, sender: client, due: s.now}
	s.each(client, func(l *Ledger, r *Receiver, sd *side, k int) {
		slot, seq := l.Emit(sd.books[k][stream], r, sd.audiences[k][0], s.now, 0)
		slot.Written()
		m.stamps = append(m.stamps, stamp.Stamp{Stream: stream, Sender: uint32(client), Seq: seq, Due: s.now})
	})
	s.now += tick
	return m
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
