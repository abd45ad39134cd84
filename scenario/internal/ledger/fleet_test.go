package ledger

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/throng-io/throng/scenario/internal/stamp"
	"github.com/throng-io/throng/scenario/result"
)

// One ledger and the ledgers of several agents are told the same story, the latter with messages
// between them that are late. They must come to the same account.

// tick is the unit of the story's time: announcements say exactly how late a message is that is no
// later than so many.
const (
	tick     = int64(8192)
	exactLag = 15
)

// A side is one way to keep the account: by one ledger, or by several.
type side struct {
	ledgers   []*Ledger
	audiences [][]*Audience // by ledger
	receivers []*Receiver   // by client
	books     [][]*Book     // by ledger; nil: none
	kinds     map[int]Arrival
	completed map[string]broadcast
	mail      [][][][]byte // by sender and receiver
}

// A broadcast is what Complete was called with.
type broadcast struct {
	all         bool
	first, last int64
}

// told is a message of the story, as each side numbered it.
type told struct {
	stream, sender int
	due            int64
	stamps         []stamp.Stamp // by side
}

type story struct {
	t       *rapid.T
	now     int64
	clients int
	agents  int
	sides   []*side
	sent    []told
	state   []presence  // by client
	plans   [][]planned // by stream: what is to be sent, in order of time
	ops     int

	troubles Trouble // of which there are some
}

// planned is a message that is planned: to an audience by number, -1: not known.
type planned struct {
	sender int
	due    int64
	to     int
	passed bool // it was sent, or is not going to be
}

type presence int

const (
	absent presence = iota
	present
	suspended
)

// The streams of a story. The last one has a book that is also.
var storyStreams = []Book{
	{Expect: ExpectAll}, {Expect: ExpectOthers}, {Expect: ExpectSelf}, {Expect: ExpectAll, Volatile: true}, {Expect: ExpectNone}, {Expect: ExpectOthers},
}

const (
	storyLate  = 2000 * tick
	storyRooms = 3
	// A namespace, then the rooms, then two keys.
	storyAudiences = 1 + storyRooms + 2
)

func newStory(t *rapid.T) *story {
	s := &story{t: t, now: 1000 * tick, clients: rapid.IntRange(2, 12).Draw(t, "clients"), agents: rapid.IntRange(1, 4).Draw(t, "agents"), troubles: SilentUp | SilentDown | Torn | SilentStalled | Behind}
	s.state = make([]presence, s.clients)
	for range storyStreams {
		var list []planned
		due := s.now
		for range rapid.IntRange(0, 30).Draw(t, "planned") {
			due += tick * rapid.Int64Range(0, 300).Draw(t, "apart")
			list = append(list, planned{sender: rapid.IntRange(0, s.clients-1).Draw(t, "sender"), due: due, to: rapid.IntRange(-1, storyRooms).Draw(t, "audience")})
		}
		s.plans = append(s.plans, list)
	}
	s.sides = []*side{s.newSide(1, 0), s.newSide(s.agents, s.agents)}
	return s
}

func (s *story) owner(sender uint32) int {
	if int(sender) >= s.clients {
		return -1
	}
	return int(sender) % s.agents
}

// trouble is that of the story, all combinations in turn.
func (s *story) trouble(at int64, _ int) Trouble { return Trouble(at/(500*tick)%32) & s.troubles }

func slowClient(client int) bool { return client%5 == 4 }

// newSide makes so many ledgers, of agents of a fleet unless of is 0.
func (s *story) newSide(n, of int) *side {
	sd := &side{kinds: map[int]Arrival{}, completed: map[string]broadcast{}, receivers: make([]*Receiver, s.clients)}
	for i := range n {
		var audiences []*Audience
		for j := range storyAudiences {
			a := &Audience{Room: j}
			a.Admit(0, false)
			if j < 2 {
				a.Admit(1, true)
			} else {
				a.Admit(1, false)
			}
			audiences = append(audiences, a)
		}
		sd.audiences = append(sd.audiences, audiences)
		var books []*Book
		for j := range storyStreams {
			b := &Book{Expect: storyStreams[j].Expect, Late: storyLate, Volatile: storyStreams[j].Volatile}
			if j == len(storyStreams)-1 {
				b.Also = &Book{Expect: b.Expect, Late: b.Late}
			}
			books = append(books, b)
		}
		sd.books = append(sd.books, books)
		c := Config{Books: books, Clock: func() int64 { return s.now }, Trouble: s.trouble, Complete: func(slot *Slot, all bool) {
			key := fmt.Sprint(slot.Book.Stream, slot.From.ID, slot.Due)
			if _, twice := sd.completed[key]; twice {
				s.t.Fatalf("%s completed twice", key)
			}
			sd.completed[key] = broadcast{all, slot.First(), slot.Last()}
		}}
		if of > 0 {
			c.Fleet = &Fleet{
				Self: i, Of: of, Owner: s.owner,
				Delivered: func(d *Delivery) { sd.kinds[d.By.(int)] = d.Kind },
				Node:      func(sender uint32) int { return int(sender) % 3 },
				Plan:      func(stream, agent int) func() (Planned, bool) { return s.plan(audiences, stream, agent) },
				Refer:     func(a *Audience) string { return strconv.Itoa(slices.Index(audiences, a)) },
				Find: func(name string) *Audience {
					if j, err := strconv.Atoi(name); err == nil && j >= 0 && j < len(audiences) {
						return audiences[j]
					}
					return nil
				},
			}
		}
		sd.ledgers = append(sd.ledgers, New(c))
	}
	sd.mail = make([][][][]byte, n)
	for i := range sd.mail {
		sd.mail[i] = make([][][]byte, n)
	}
	return sd
}

// plan iterates over an agent's part of a plan.
func (s *story) plan(audiences []*Audience, stream, agent int) func() (Planned, bool) {
	list := s.plans[stream]
	return func() (Planned, bool) {
		for len(list) > 0 {
			p := list[0]
			list = list[1:]
			if s.owner(uint32(p.sender)) != agent {
				continue
			}
			out := Planned{Sender: uint32(p.sender), Due: p.due, Phase: phaseOf(p.due)}
			if p.to >= 0 {
				out.To = audiences[p.to]
			}
			return out, true
		}
		return Planned{}, false
	}
}

func phaseOf(due int64) int { return int(due/tick) / 3000 }

// fromPlan is the next planned message of a stream that is due and falls to the client's agent;
// nil: there is none. Those before it are not going to be sent.
func (s *story) fromPlan(stream, client int) *planned {
	var found *planned
	for i := range s.plans[stream] {
		p := &s.plans[stream][i]
		if p.passed || s.owner(uint32(p.sender)) != s.owner(uint32(client)) || p.due > s.now {
			continue
		}
		p.passed, found = true, p
		if rapid.Bool().Draw(s.t, "this one") {
			break
		}
	}
	return found
}

// of is the ledger of a client on a side.
func (sd *side) of(client int) int { return client % len(sd.ledgers) }

// roomsOf are the audiences that a client joins at first.
func roomsOf(client int) []int { return []int{0, 1 + client%storyRooms, 1 + storyRooms + client%2} }

// arrive makes a client a new receiver, which has asked to join.
func (s *story) arrive(client int) {
	for _, sd := range s.sides {
		k := sd.of(client)
		r := &Receiver{ID: uint32(client), Node: client % 2}
		if slowClient(client) {
			r.Class = 1
		}
		var list []*Membership
		for _, a := range roomsOf(client) {
			m := &Membership{}
			m.Init(sd.audiences[k][a], a, r.Class)
			list = append(list, m)
		}
		space := &Membership{}
		space.Init(sd.audiences[k][storyAudiences-1], -1, r.Class)
		r.SetMemberships(list)
		r.SetSpaces([]*Membership{space})
		sd.receivers[client] = r
	}
	s.state[client] = present
}

// each does the same on each side.
func (s *story) each(client int, do func(l *Ledger, r *Receiver, sd *side, k int)) {
	for _, sd := range s.sides {
		k := sd.of(client)
		do(sd.ledgers[k], sd.receivers[client], sd, k)
	}
}

func (s *story) send(client int) {
	t := s.t
	stream := rapid.IntRange(0, len(storyStreams)-1).Draw(t, "stream")
	due := s.now - tick*rapid.Int64Range(0, exactLag).Draw(t, "lag")
	held := rapid.IntRange(0, 9).Draw(t, "held") == 0
	if held {
		due = s.now - tick*rapid.Int64Range(1, 900).Draw(t, "for")
	}
	to := rapid.SampledFrom(roomsOf(client)).Draw(t, "to")
	if rapid.IntRange(0, 3).Draw(t, "as planned") > 0 {
		p := s.fromPlan(stream, client)
		if p == nil {
			return
		}
		if due = p.due; s.state[p.sender] == present && rapid.IntRange(0, 5).Draw(t, "its sender") > 0 {
			client = p.sender
		}
		held = due < s.now && (held || due < s.now-exactLag*tick)
		if p.to >= 0 && rapid.IntRange(0, 5).Draw(t, "its audience") > 0 {
			to = p.to
		}
	}
	fails := rapid.IntRange(0, 14).Draw(t, "fails") == 0
	phase := phaseOf(due)
	m := told{stream: stream, sender: client, due: due}
	for _, other := range s.sent {
		if other.due == due && other.sender == client {
			return // messages are told apart by these
		}
	}
	s.each(client, func(l *Ledger, r *Receiver, sd *side, k int) {
		b := sd.books[k][stream]
		enter := l.Emit
		if held {
			enter = l.EmitHeld
		}
		a := sd.audiences[k][to]
		if b.Expect == ExpectSelf {
			a = nil
		}
		var also *Slot
		slot, seq := enter(b, r, a, due, phase)
		if b.Also != nil {
			also, _ = enter(b.Also, r, sd.audiences[k][storyAudiences-1], due, phase)
		}
		if fails {
			slot.Cancel()
			also.Cancel()
		} else {
			slot.Written()
			also.Written()
		}
		m.stamps = append(m.stamps, stamp.Stamp{Stream: uint16(stream), Sender: uint32(client), Seq: seq, Due: due})
	})
	s.sent = append(s.sent, m)
	t.Logf("message %d: %+v, to %d, held %v, fails %v", len(s.sent), m, to, held, fails)
}

// get lets a message come to a client, which may not be among its receivers.
func (s *story) get(client int) {
	if len(s.sent) == 0 {
		return
	}
	t := s.t
	back := rapid.IntRange(1, min(6, len(s.sent))).Draw(t, "back")
	m := &s.sent[len(s.sent)-back]
	foreign := m.stream != 2 && rapid.IntRange(0, 19).Draw(t, "unknown") == 0
	s.ops++
	t.Logf("arrival %d of message %d at %d", s.ops, len(s.sent)-back+1, client)
	for i, sd := range s.sides {
		st := m.stamps[i]
		if foreign {
			st.Due++
		}
		k, r := sd.of(client), sd.receivers[client]
		if i == 0 {
			sd.kinds[s.ops], _, _ = sd.ledgers[k].Receive(r, &st, s.now)
		} else {
			sd.ledgers[k].Defer(&Delivery{To: r, Stamp: st, By: s.ops, At: s.now, Read: s.now})
		}
	}
}

// exchange lets agents speak, and hear some of what others have said.
func (s *story) exchange() {
	t, sd := s.t, s.sides[1]
	k := rapid.IntRange(0, s.agents-1).Draw(t, "agent")
	if rapid.Bool().Draw(t, "speaks") {
		sd.speak(k)
		return
	}
	from := rapid.IntRange(0, s.agents-1).Draw(t, "from")
	for range rapid.IntRange(1, 4).Draw(t, "messages") {
		s.hear(from, k)
	}
}

func (sd *side) speak(k int) {
	l := sd.ledgers[k]
	for to := range sd.ledgers {
		if to != k {
			if b := l.Settlements(to, nil); len(b) > 0 {
				sd.mail[k][to] = append(sd.mail[k][to], b)
			}
		}
	}
	b := l.Announce(nil)
	for to := range sd.ledgers {
		if to != k {
			sd.mail[k][to] = append(sd.mail[k][to], b)
		}
	}
}

func (s *story) hear(from, to int) {
	sd := s.sides[1]
	box := &sd.mail[from][to]
	if len(*box) == 0 {
		return
	}
	if err := sd.ledgers[to].Hear(from, (*box)[0]); err != nil {
		s.t.Fatal(err)
	}
	*box = (*box)[1:]
}

func (s *story) step() {
	t := s.t
	client := rapid.IntRange(0, s.clients-1).Draw(t, "client")
	what := rapid.SampledFrom([]string{"send", "send", "send", "get", "get", "get", "get", "get", "get", "get", "join", "move", "leave", "suspend", "resume", "resume", "exchange", "exchange", "exchange", "lack"}).Draw(t, "what")
	s.now += tick * rapid.Int64Range(1, 120).Draw(t, "pass")
	if s.state[client] != absent || what == "join" || what == "exchange" {
		t.Logf("%d: %s by %d", s.now, what, client)
	}
	switch what {
	case "send":
		if s.state[client] == present {
			s.send(client)
		}
	case "get":
		if s.state[client] != absent {
			s.get(client)
		}
	case "join":
		if s.state[client] == absent {
			s.arrive(client)
		}
		s.each(client, func(l *Ledger, r *Receiver, sd *side, _ int) {
			for _, m := range append(slices.Clip(r.Memberships()), r.Spaces()...) {
				if !m.HasJoined() {
					s.now += tick // no two at the same moment, and all lags exact
					l.Join(r, m)
				}
			}
		})
	case "move":
		s.move(client)
	case "leave":
		if s.state[client] != absent {
			s.each(client, func(l *Ledger, r *Receiver, _ *side, _ int) { l.Leave(r) })
			s.state[client] = absent
		}
	case "suspend":
		if s.state[client] == present {
			s.each(client, func(l *Ledger, r *Receiver, _ *side, _ int) { l.Suspend(r) })
			s.state[client] = suspended
		}
	case "resume":
		if s.state[client] == suspended {
			s.each(client, func(l *Ledger, r *Receiver, _ *side, _ int) { l.Resume(r, nil) })
			s.state[client] = present
		}
	case "exchange":
		s.exchange()
	case "lack":
		if s.state[client] == present {
			since := s.now - tick*rapid.Int64Range(0, 300).Draw(t, "since")
			note := (*Receiver).MayBeUnwritten
			if rapid.Bool().Draw(t, "unheard") {
				timedOut := rapid.Bool().Draw(t, "timed out")
				note = func(r *Receiver, since, until int64) { r.Unheard(since, until, timedOut) }
			}
			s.each(client, func(_ *Ledger, r *Receiver, _ *side, _ int) { note(r, since, s.now) })
		}
	}
}

// move takes a client from one room to another.
func (s *story) move(client int) {
	if s.state[client] != present {
		return
	}
	to := 1 + rapid.IntRange(0, storyRooms-1).Draw(s.t, "room")
	s.each(client, func(l *Ledger, r *Receiver, sd *side, k int) {
		list := slices.Clone(r.Memberships())
		if list[1].Room == to {
			return
		}
		if _, ended := list[len(list)-1].HasEnded(); ended {
			return
		}
		old := list[len(list)-1]
		fresh := &Membership{}
		fresh.Init(sd.audiences[k][to], to, r.Class)
		l.SetMemberships(r, append(list, fresh))
		l.End(r, old, s.now)
	})
}

// finish ends the story, and returns the account of each side.
func (s *story) finish() (rows [2][][]Row) {
	t := s.t
	s.now += tick * rapid.Int64Range(1, 3*storyLate/tick).Draw(t, "drain")
	sd := s.sides[1]
	early := rapid.Bool().Draw(t, "early")
	for _, l := range sd.ledgers {
		l.Seal()
		if early {
			l.Stop(s.now)
		}
	}
	end := s.now
	for round := 0; ; round++ {
		s.now += tick
		closable := true
		for k := range sd.ledgers {
			sd.speak(k)
			for from := range sd.ledgers {
				for len(sd.mail[from][k]) > 0 {
					s.hear(from, k)
				}
			}
			closable = sd.ledgers[k].Closable() && closable
		}
		if closable {
			break
		}
		if round > 10 {
			t.Fatal("the agents do not come to an end")
		}
		if round == 3 {
			for _, l := range sd.ledgers {
				l.Stop(end)
			}
		}
	}
	rows[0] = s.sides[0].ledgers[0].Close(end)
	for _, l := range sd.ledgers {
		for i, more := range l.Close(end) {
			if len(rows[1]) <= i {
				rows[1] = append(rows[1], nil)
			}
			rows[1][i] = append(rows[1][i], more...)
		}
	}
	return rows
}

// account is rows of equal keys added up, as text.
func account(rows []Row) string {
	sums := map[string]result.Ledger{}
	for i := range rows {
		r := &rows[i]
		key := fmt.Sprintf("phase %d second %d class %d decile %d from %d replayed %v cut %v", r.Phase, r.Second, r.Class, r.Decile, r.From, r.Replayed, r.Cut)
		sum := sums[key]
		sum.Add(r.Ledger)
		sums[key] = sum
	}
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(sums)) {
		fmt.Fprintf(&b, "%s: %+v\n", key, sums[key])
	}
	return b.String()
}

// near reports whether two moments differ by no more than settlements round.
func near(a, b, due int64) bool {
	step := settleScale(1).unit
	return a == b || a != 0 && b != 0 && max(a-b, b-a) <= step+(max(a, b)-due)/8
}

func TestAgentsHaveTheAccountOfOneLedger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newStory(t)
		for range rapid.IntRange(1, 150).Draw(t, "steps") {
			s.step()
		}
		rows := s.finish()
		for stream := range rows[0] {
			if one, many := account(rows[0][stream]), account(rows[1][stream]); one != many {
				t.Errorf("stream %d: one ledger has\n%s%d agents have\n%s", stream, one, s.agents, many)
			}
		}
		for op := 1; op <= s.ops; op++ {
			if one, many := s.sides[0].kinds[op], s.sides[1].kinds[op]; one != many {
				t.Errorf("arrival %d: %d at one ledger, %d at %d agents", op, one, many, s.agents)
			}
		}
		compareBroadcasts(t, s.sides[0].completed, s.sides[1].completed)
	})
}

func compareBroadcasts(t *rapid.T, one, many map[string]broadcast) {
	keys := slices.Sorted(maps.Keys(one))
	for _, key := range slices.Concat(keys, slices.Sorted(maps.Keys(many))) {
		a, known := one[key]
		b, knows := many[key]
		var stream, sender int
		var due int64
		_, _ = fmt.Sscan(key, &stream, &sender, &due)
		if known != knows || a.all != b.all || !near(a.first, b.first, due) || !near(a.last, b.last, due) {
			t.Errorf("broadcast %s: one ledger says %v %+v, agents %v %+v", key, known, a, knows, b)
		}
	}
}
