package scenario

import (
	"slices"
	"sync"
	"time"

	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/plan"
)

// moves take a group's clients from room to room: a source of the pacer. A client that is
// not held when its move is due stays where it is until the next.
type moves struct {
	g      *group
	plan   *plan.Moves
	silent []silentJoin // joins without an acknowledgement, in order of time

	mu sync.Mutex
	at map[int][]int // by client that has moved, its rooms now
}

// A silentJoin is a join that the server does not acknowledge.
type silentJoin struct {
	due int64 // when it is taken for done
	r   *ledger.Receiver
	m   *ledger.Membership
}

func newMoves(g *group) *moves {
	return &moves{
		g: g, plan: plan.NewMoves(g.t.spec.Seed, g.index, g.spec.Count, &g.spec.Rooms.Move), at: map[int][]int{},
	}
}

func (m *moves) rooms(client int) []int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.at[client])
}

func (m *moves) next() (int64, bool) {
	end := m.g.t.tl.End
	due, _, ok := m.plan.Next()
	if !ok {
		due = end
	}
	if len(m.silent) > 0 {
		due = min(due, m.silent[0].due)
	}
	return due, due < end
}

func (m *moves) fire(now int64) {
	due, client, ok := m.plan.Next()
	if len(m.silent) > 0 && (!ok || m.silent[0].due <= due) {
		m.g.t.ledger.Join(m.silent[0].r, m.silent[0].m)
		m.silent = m.silent[1:]
		return
	}
	if a := m.g.actors[client].Load(); a != nil && state(a.state.Load()) == held {
		m.move(a, now)
	}
	m.plan.Advance()
}

// move moves a client from one of its rooms to a room that it is not in.
func (m *moves) move(a *actor, now int64) {
	old, list := a.stays(now)
	if old == nil {
		return // its last move is not acknowledged yet
	}
	to := m.choose(a, list)
	if to < 0 {
		return
	}
	g, t := m.g, m.g.t
	fresh := &ledger.Membership{Asked: t.now()}
	fresh.Init(g.rooms[to], to, a.class)
	list = slices.Insert(list, len(list)-1, fresh) // the namespace stays the last
	t.ledger.SetMemberships(a.Receiver, list)
	t.ledger.End(a.Receiver, old, max(t.now(), 1))
	a.askToMove(old, fresh)
	m.noteRooms(a.index, old.Room, to, list)
	t.count.moved.Add(1)
}

// stays returns a room that the client may leave, and its memberships without those that
// ended so long ago that nothing can come of them any more.
func (a *actor) stays(now int64) (leave *ledger.Membership, list []*ledger.Membership) {
	var may []*ledger.Membership
	for _, m := range a.Memberships() {
		since, ended := m.HasEnded()
		if ended && now-since > int64(maxLate) {
			continue
		}
		list = append(list, m)
		if m.Room >= 0 && !ended && m.HasJoined() {
			may = append(may, m)
		}
	}
	if len(may) == 0 {
		return nil, list
	}
	return may[a.group.moves.plan.Choice(a.index, 1)%uint64(len(may))], list
}

// maxLate is how long a membership that has ended is remembered: deliveries on their way at its end
// may still come.
const maxLate = time.Minute

// choose draws a room that the client is not in; -1 when there is hardly one.
func (m *moves) choose(a *actor, list []*ledger.Membership) int {
	of := m.g.spec.Rooms.Of
	u := m.plan.Choice(a.index, 2)
	for range 64 {
		room := int(u % uint64(of))
		if m.g.shares != nil {
			room = m.g.shares.Room(plan.Unit(u))
		}
		if !slices.ContainsFunc(list, func(m *ledger.Membership) bool { _, ended := m.HasEnded(); return m.Room == room && !ended }) {
			return room
		}
		u = plan.Mix(u)
	}
	return -1
}

// noteRooms notes the client's rooms, for the client that connects again in its place and for the
// choice of senders to a room.
func (m *moves) noteRooms(client, from, to int, list []*ledger.Membership) {
	var now []int
	for _, one := range list {
		if _, ended := one.HasEnded(); one.Room >= 0 && !ended {
			now = append(now, one.Room)
		}
	}
	m.mu.Lock()
	m.at[client] = now
	m.mu.Unlock()
	if by := m.g.byRoom; by != nil {
		by[from] = slices.DeleteFunc(by[from], func(c uint32) bool { return c == uint32(client) })
		by[to] = append(by[to], uint32(client))
	}
}

// askToMove asks the server for a move.
func (a *actor) askToMove(from, to *ledger.Membership) {
	g, now := a.group, a.t.now()
	asked, acknowledged := a.t.joinAsked()
	if !asked {
		a.t.ledger.Join(a.Receiver, to)
		return
	}
	if a.t.contract == nil || a.t.contract.leave != nil {
		if err := a.transmit(a.appendMove(nil, false, g.roomName(from.Room), -1)); err != nil {
			return // the connection has ended: run sees it
		}
	}
	id := int64(-1)
	if acknowledged {
		id = int64(a.calls.open(pendingCall{due: now, sent: now, stream: joinCall, seq: uint32(to.Room)}))
	} else {
		g.moves.silent = append(g.moves.silent, silentJoin{now + int64(joinSettles), a.Receiver, to})
	}
	if err := a.transmit(a.appendMove(nil, true, g.roomName(to.Room), id)); err != nil {
		return // likewise
	}
}

// awaited is the membership whose join is in flight.
func (a *actor) awaited(room int) *ledger.Membership {
	for _, m := range a.Memberships() {
		if _, ended := m.HasEnded(); m.Room == room && !ended && !m.HasJoined() {
			return m
		}
	}
	return nil
}

// room picks one of the rooms that the client is in or has asked for.
func (a *actor) room(r uint64) int {
	n := 0
	for _, m := range a.Memberships() {
		if _, ended := m.HasEnded(); m.Room >= 0 && !ended {
			n++
		}
	}
	at := int(r % uint64(max(1, n)))
	for _, m := range a.Memberships() {
		if _, ended := m.HasEnded(); m.Room >= 0 && !ended {
			if at == 0 {
				return m.Room
			}
			at--
		}
	}
	return 0
}
