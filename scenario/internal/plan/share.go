package plan

import "slices"

// A Share divides the clients of a trial over agents. All of them compute the same division. It is
// not changed once it is made: goroutines may share it.
type Share struct {
	Self   int        // the place of this process among the agents; -1: it is none of them
	owners [][]uint16 // by group, then client
}

// Clients describe one group's clients: how many, and the places of the agents that may have them,
// in order; nil: all may.
type Clients struct {
	Count int
	Among []int
}

// NewShare divides the clients of groups over agents, in proportion to the agents' weights, which
// are above 0. Any stretch of a group's clients is divided so, within a client for each agent, and
// so are groups of a few clients together. Among agents that are due alike the seed decides: in one
// order for all rounds, the clients of a room would lie together.
func NewShare(seed uint64, groups []Clients, weights []float64, self int) *Share {
	s := &Share{Self: self}
	type state struct {
		among []int
		given []float64
		n     int
	}
	var states []*state
	for i, g := range groups {
		among := g.Among
		if among == nil {
			for a := range weights {
				among = append(among, a)
			}
		}
		at := slices.IndexFunc(states, func(x *state) bool { return slices.Equal(x.among, among) })
		if at < 0 {
			at = len(states)
			states = append(states, &state{among: among, given: make([]float64, len(among))})
		}
		x, sum := states[at], 0.0
		for _, a := range among {
			sum += weights[a]
		}
		owners := make([]uint16, g.Count)
		for c := range owners {
			x.n++
			best, most, draw := -1, 0.0, uint64(0)
			for j, a := range among {
				due := weights[a]/sum*float64(x.n) - x.given[j]
				r := Draw(seed, ForAgent, uint64(i), uint64(c), uint64(a))
				if best < 0 || due > most+1e-9 || due > most-1e-9 && r < draw {
					best, most, draw = j, due, r
				}
			}
			x.given[best]++
			owners[c] = uint16(among[best])
		}
		s.owners = append(s.owners, owners)
	}
	return s
}

// Owner is the agent that has a client of a group.
func (s *Share) Owner(group, client int) int { return int(s.owners[group][client]) }

// Has reports whether a client is this process's own. A nil share is of one process, which has all.
func (s *Share) Has(group, client int) bool { return s == nil || s.Owner(group, client) == s.Self }

// Counts is how many clients of a group each of n agents has.
func (s *Share) Counts(group, n int) []int {
	out := make([]int, n)
	for _, a := range s.owners[group] {
		out[a]++
	}
	return out
}
