package plan

import (
	"cmp"
	"math"
	"slices"
)

// EvenRooms returns the rooms, as numbers below of, that a client joins: join of them,
// all different. The first goes round robin; the others follow by a step that is
// co-prime with of and drawn for each lap. So every lap of clients fills every room
// alike, and clients that share one room share few others.
func EvenRooms(seed uint64, group, client, of, join int) []int {
	out := make([]int, 0, min(join, of))
	if of <= 0 {
		return out
	}
	at := client % of
	out = append(out, at)
	if join < 2 || of < 2 {
		return out
	}
	step := 1 + int(Draw(seed, ForRooms, uint64(group), uint64(client/of), 0)%uint64(of-1))
	for gcd(step, of) != 1 {
		step = step%(of-1) + 1
	}
	for len(out) < min(join, of) {
		at = (at + step) % of
		out = append(out, at)
	}
	return out
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// RoomShares give clients rooms of unequal size: each room has its share of the memberships.
type RoomShares struct {
	upTo []float64 // the shares of the rooms up to each, itself included
}

// NewRoomShares takes the weights of the rooms, by number; they need not add up to one.
func NewRoomShares(weights []float64) *RoomShares {
	s := &RoomShares{upTo: make([]float64, len(weights))}
	sum := 0.0
	for i, w := range weights {
		sum += w
		s.upTo[i] = sum
	}
	return s
}

// Room is the one that an evenly distributed random number falls to.
func (s *RoomShares) Room(u float64) int {
	i, _ := slices.BinarySearch(s.upTo, u*s.upTo[len(s.upTo)-1])
	return min(i, len(s.upTo)-1)
}

// Rooms gives a client join different rooms. Its first goes by the golden ratio, which gives every
// room its share of any stretch of clients; the others are drawn.
func (s *RoomShares) Rooms(seed uint64, group, client, join int) []int {
	out := make([]int, 0, join)
	for n := uint64(0); len(out) < min(join, len(s.upTo)); n++ {
		u := math.Mod((float64(client)+0.5)*(math.Sqrt(5)-1)/2, 1)
		if n > 0 {
			u = Unit(Draw(seed, ForRooms, uint64(group), uint64(client), n+1))
		}
		room := s.Room(u)
		if n > uint64(32*join) { // nearly all of the weight is in rooms that it has
			for slices.Contains(out, room) {
				room = (room + 1) % len(s.upTo)
			}
		}
		if !slices.Contains(out, room) {
			out = append(out, room)
		}
	}
	return out
}

// RankRooms gives each room, by the number of its members, the tenth of the rooms in which it lies,
// from 1 for the smallest; nil when the rooms are alike. Of two alike, the one with the lower
// number counts as larger.
func RankRooms(sizes []float64) (deciles []int) {
	if len(sizes) < 2 || slices.Max(sizes) < 1.01*slices.Min(sizes) {
		return nil
	}
	rooms := make([]int, len(sizes))
	for i := range rooms {
		rooms[i] = i
	}
	slices.SortFunc(rooms, func(a, b int) int { return cmp.Or(cmp.Compare(sizes[a], sizes[b]), cmp.Compare(b, a)) })
	deciles = make([]int, len(sizes))
	for i, room := range rooms {
		deciles[room] = 1 + i*10/len(rooms)
	}
	return deciles
}
