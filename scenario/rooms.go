package scenario

import (
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/plan"
)

// admit notes the kinds of the group's clients, and that they may join its audiences.
func (g *group) admit() {
	for _, tr := range g.transports {
		for _, slow := range []bool{false, true} {
			if share := g.slowShare(); slow && share == 0 || !slow && share == 1 {
				continue
			}
			for node := range g.t.server.urls {
				g.admitClass(class{g.index, tr, slow, node})
			}
		}
	}
}

// admitClass notes one kind.
func (g *group) admitClass(kind class) {
	c := indexIn(&g.t.kinds.classes, kind)
	g.classes = append(g.classes, c)
	g.namespace.Admit(c, kind.slow)
	for _, space := range g.spaces {
		space.Admit(c, kind.slow)
	}
	for _, r := range g.rooms {
		r.Admit(c, kind.slow)
	}
}

// planRooms prepares how clients get their rooms.
func (g *group) planRooms() {
	r := g.spec.Rooms
	if r == nil {
		return
	}
	if !r.Even() {
		g.shares = plan.NewRoomShares(r.Weights())
	}
	if !r.Move.IsZero() {
		g.moves = newMoves(g)
	}
}

// rooming is the rooms of a client: where it has moved to, or else those it begins with. The
// caller owns the slice.
func (g *group) rooming(client int) []int {
	r, seed := g.spec.Rooms, g.t.spec.Seed
	if r == nil {
		return nil
	}
	if g.moves != nil {
		if at := g.moves.rooms(client); at != nil {
			return at
		}
	}
	if r.Members != nil {
		return members(r, client)
	}
	join := r.Joined(plan.Unit(plan.Draw(seed, plan.ForRooms, uint64(g.index), uint64(client), 1)))
	if g.shares == nil {
		return plan.EvenRooms(seed, g.index, client, r.Of, join)
	}
	return g.shares.Rooms(seed, g.index, client, join)
}

// members are the rooms of a client in a replayed log.
func members(r *file.Rooms, client int) []int {
	if client >= len(r.Members) {
		return nil
	}
	rooms := make([]int, len(r.Members[client]))
	for i, room := range r.Members[client] {
		rooms[i] = int(room)
	}
	return rooms
}

// rankRooms gives every room its decile by planned size, among the rooms of its namespace and
// prefix that differ in size.
func (t *trial) rankRooms() {
	type kind struct{ namespace, prefix string }
	ranked := map[kind]bool{}
	for _, g := range t.groups {
		if g.spec.Rooms == nil {
			continue
		}
		k := kind{g.spec.Namespace, g.spec.Rooms.Prefix}
		if ranked[k] {
			continue
		}
		ranked[k] = true
		var sizes []float64 // by room
		for _, other := range t.groups {
			if r := other.spec.Rooms; r != nil && (kind{other.spec.Namespace, r.Prefix}) == k {
				sizes = addSizes(sizes, r, other.spec.Count)
			}
		}
		for i, decile := range plan.RankRooms(sizes) {
			room := t.audience(k.namespace, k.prefix, i)
			room.Planned, room.Decile = sizes[i], decile
		}
	}
}

// addSizes adds what a group of so many clients plans of rooms to the planned sizes of rooms.
func addSizes(sizes []float64, r *file.Rooms, clients int) []float64 {
	sizes = append(sizes, make([]float64, max(0, r.Of-len(sizes)))...)
	if r.Members != nil {
		for _, rooms := range r.Members {
			for _, room := range rooms {
				sizes[room]++
			}
		}
		return sizes
	}
	for i, w := range r.Weights() {
		sizes[i] += min(w*float64(clients*r.Join), float64(clients))
	}
	return sizes
}
