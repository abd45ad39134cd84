package plan

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
func rampTurns(tl *Timeline, g *file.Group, seed uint64, group int) []Turn {
	var out []Turn
	n, level, ready := g.Count, 0, int64(0)
	arrival := make([]int, n) // where in out a client's last coming stands
	come := func(t int64) {
		t = max(t, ready)
		ready = t + connectGap(&g.Connect, seed, uint64(group), uint64(len(out)), 0)
		arrival[level] = len(out)
		out = append(out, Turn{Due: t, Client: uint32(level), Come: true, Number: level})
		level++
	}
	gone := func(t int64) {
		level--
		if at := arrival[level]; out[at].Due >= t {
			out[at].Due = -1 // it had not come yet
			return
		}
		out = append(out, Turn{Due: t, Client: uint32(level)})
	}
	for i := range tl.Spans {
		s := &tl.Spans[i]
		from, to := s.clients.From*float64(n), s.clients.To*float64(n)
		cross := func(v float64) int64 {
			if to == from {
				return s.Start
			}
			x := min(max((v-from)/(to-from), 0), 1)
			return s.Start + int64(x*float64(s.End-s.Start))
		}
		for level < ceil(from) { // a step at the phase's start
			come(s.Start)
		}
		for level > ceil(from) {
			gone(s.Start)
		}
		for level < ceil(to) {
			come(cross(float64(level)))
		}
		for level > ceil(to) {
			gone(cross(float64(level - 1)))
		}
	}
	out = slices.DeleteFunc(out, func(c Turn) bool { return c.Due < 0 || c.Due >= tl.End })
	slices.SortStableFunc(out, func(a, b Turn) int { return cmp.Compare(a.Due, b.Due) })
	return out
}

// ceil rounds up, except a number that differs from an integer by a rounding error only.
func ceil(v float64) int { return int(math.Ceil(v - 1e-9)) }
