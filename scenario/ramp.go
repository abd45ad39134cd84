package scenario

import (
	"cmp"
	"math"
	"slices"

	"github.com/throng-io/throng/scenario/file"
)

// rampTurns is the plan of a group's population over the timeline, in order of
// time. Client i is asked for when the share of the ramp, times the count,
// first exceeds i; it is sent away when the share falls to i or below. A
// connect rate spaces the arrivals; departures are not
// spaced. A client whose turn to go comes first never comes.
func rampTurns(tl *timeline, g *file.Group, seed uint64, group int) []turn {
	var out []turn
	n, level, ready := g.Count, 0, int64(0)
	arrival := make([]int, n) // where in out a client's last coming stands
	come := func(t int64) {
		t = max(t, ready)
		ready = t + connectGap(&g.Connect, seed, uint64(group), uint64(len(out)), 0)
		arrival[level] = len(out)
		out = append(out, turn{due: t, client: uint32(level), come: true, number: level})
		level++
	}
	gone := func(t int64) {
		level--
		if at := arrival[level]; out[at].due >= t {
			out[at].due = -1 // it had not come yet
			return
		}
		out = append(out, turn{due: t, client: uint32(level)})
	}
	for i := range tl.spans {
		s := &tl.spans[i]
		from, to := s.clients.From*float64(n), s.clients.To*float64(n)
		cross := func(v float64) int64 {
			if to == from {
				return s.start
			}
			x := min(max((v-from)/(to-from), 0), 1)
			return s.start + int64(x*float64(s.end-s.start))
		}
		for level < ceil(from) { // a step at the phase's start
			come(s.start)
		}
		for level > ceil(from) {
			gone(s.start)
		}
		for level < ceil(to) {
			come(cross(float64(level)))
		}
		for level > ceil(to) {
			gone(cross(float64(level - 1)))
		}
	}
	out = slices.DeleteFunc(out, func(c turn) bool { return c.due < 0 || c.due >= tl.end })
	slices.SortStableFunc(out, func(a, b turn) int { return cmp.Compare(a.due, b.due) })
	return out
}

// ceil rounds up, but not what is an integer but for rounding errors.
func ceil(v float64) int { return int(math.Ceil(v - 1e-9)) }
