package scenario

import (
	"cmp"
	"maps"
	"math"
	"slices"
)

// admit notes the kinds of the group's clients, and that they may join its audiences.
func (g *group) admit() {
	for _, tr := range g.transports {
		for _, slow := range []bool{false, true} {
			if share := g.slowShare(); slow && share == 0 || !slow && share == 1 {
				continue
			}
			c := indexIn(&g.t.classes, class{g.index, tr, slow})
			g.classes = append(g.classes, c)
			g.namespace.admit(c, slow)
			for _, space := range g.spaces {
				space.admit(c, slow)
			}
			for _, r := range g.rooms {
				r.admit(c, slow)
			}
		}
	}
}

// settleRooms prepares how clients get their rooms.
func (g *group) settleRooms() {
	r := g.spec.Rooms
	if r == nil {
		return
	}
	if !r.Even() {
		g.deal = newDeal(r.Weights())
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
	join := r.Joined(unit(draw(seed, drawRooms, uint64(g.index), uint64(client), 1)))
	if g.deal == nil {
		return roomsOf(seed, g.index, client, r.Of, join)
	}
	return g.deal.rooms(seed, g.index, client, join)
}

// A deal gives clients rooms of unequal size, each room its share of the memberships.
type deal struct {
	upTo []float64 // the shares of the rooms up to each, itself included
}

func newDeal(weights []float64) *deal {
	d := &deal{upTo: make([]float64, len(weights))}
	sum := 0.0
	for i, w := range weights {
		sum += w
		d.upTo[i] = sum
	}
	return d
}

// room is the one that an evenly distributed random number falls to.
func (d *deal) room(u float64) int {
	i, _ := slices.BinarySearch(d.upTo, u*d.upTo[len(d.upTo)-1])
	return min(i, len(d.upTo)-1)
}

// rooms deals a client join different rooms. Its first goes by the golden ratio, which gives every
// room its share of any stretch of clients; the others are drawn.
func (d *deal) rooms(seed uint64, group, client, join int) []int {
	out := make([]int, 0, join)
	for n := uint64(0); len(out) < min(join, len(d.upTo)); n++ {
		u := math.Mod((float64(client)+0.5)*(math.Sqrt(5)-1)/2, 1)
		if n > 0 {
			u = unit(draw(seed, drawRooms, uint64(group), uint64(client), n+1))
		}
		room := d.room(u)
		if n > uint64(32*join) { // nearly all of the weight is in rooms that it has
			for slices.Contains(out, room) {
				room = (room + 1) % len(d.upTo)
			}
		}
		if !slices.Contains(out, room) {
			out = append(out, room)
		}
	}
	return out
}

// rankRooms gives every room its decile by planned size, among the rooms of its namespace and prefix
// that differ in size.
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
		size := map[*audience]float64{}
		for _, other := range t.groups {
			if r := other.spec.Rooms; r != nil && (kind{other.spec.Namespace, r.Prefix}) == k {
				for i, w := range r.Weights() {
					size[other.rooms[i]] += min(w*float64(other.spec.Count*r.Join), float64(other.spec.Count))
				}
			}
		}
		rank(size)
	}
}

// rank sorts rooms by size and notes the tenth in which each lies.
func rank(size map[*audience]float64) {
	rooms := slices.SortedFunc(maps.Keys(size), func(a, b *audience) int {
		return cmp.Or(cmp.Compare(size[a], size[b]), cmp.Compare(b.room, a.room))
	})
	if len(rooms) < 2 || size[rooms[len(rooms)-1]] < 1.01*size[rooms[0]] {
		return
	}
	for i, a := range rooms {
		a.planned = size[a]
		a.decile = 1 + i*10/len(rooms)
	}
}
