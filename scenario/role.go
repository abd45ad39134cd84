package scenario

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/result"
)

// A fleetRole is the part of this process in a fleet.
type fleetRole struct {
	share *plan.Share
	run   uint32 // the trial's id; 0: the process chooses it
	link  Link   // of an agent; nil: this is the controller
}

// controllerOf is the role of the controller of agents.
func controllerOf(s *file.Spec, agents []result.Agent) (*fleetRole, error) {
	if len(agents) == 0 {
		return nil, errors.New("the fleet has no agents: start some with `throng agent`")
	}
	share, err := shareOf(s, agents, -1)
	return &fleetRole{share: share}, err
}

// shareOf divides the clients of a scenario over agents.
func shareOf(s *file.Spec, agents []result.Agent, self int) (*plan.Share, error) {
	weights := make([]float64, len(agents))
	for i := range agents {
		if weights[i] = agents[i].Weight; weights[i] <= 0 {
			weights[i] = 1
		}
	}
	groups := make([]plan.Clients, len(s.Groups))
	for i := range s.Groups {
		g := &s.Groups[i]
		groups[i].Count = g.Count
		if len(g.Place) == 0 {
			continue
		}
		for a := range agents {
			if fits(&agents[a], g.Place) {
				groups[i].Among = append(groups[i].Among, a)
			}
		}
		if len(groups[i].Among) == 0 {
			return nil, fmt.Errorf("the group %s is placed on agents with the labels %s, and no agent has them: start one with them, or change place", g.Name, labels(g.Place))
		}
	}
	return plan.NewShare(s.Seed, groups, weights, self), nil
}

// fits reports whether an agent has all labels of a place.
func fits(a *result.Agent, place map[string]string) bool {
	for k, v := range place {
		if a.Labels[k] != v {
			return false
		}
	}
	return true
}

func labels(place map[string]string) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(place)) {
		out = append(out, k+"="+place[k])
	}
	return strings.Join(out, ", ")
}

// controls reports whether this process is the controller of a fleet.
func (t *trial) controls() bool { return t.share != nil && t.share.Self < 0 }

// has reports whether a client of the group is this process's own.
func (g *group) has(client int) bool { return g.t.share.Has(g.index, client) }

// firstOwn is the first client of the group that is this process's own.
func (g *group) firstOwn() (client int, any bool) {
	for i := range g.actors {
		if g.has(i) {
			return i, true
		}
	}
	return 0, false
}

// mine reports whether this process sees to an operation that falls to one of some clients of the
// group, or of all when some is nil. All agents of a fleet have the same plan: the one with the
// first client from the starting place on that the plan has called does.
func (g *group) mine(start uint64, some []uint32) bool {
	if g.t.share == nil {
		return true
	}
	n := len(g.actors)
	if some != nil {
		n = len(some)
	}
	for i := range n {
		at := int((start + uint64(i)) % uint64(n))
		if some != nil {
			at = int(some[at])
		}
		if g.elsewhere[at] {
			return false
		}
		if g.actors[at].Load() != nil {
			return true
		}
	}
	return g.t.share.Self == 0 // none is called: the operation is absent, at one agent
}

// notOnFleets says what of a scenario cannot be run on a fleet; nil: all can.
func notOnFleets(s *file.Spec) error {
	if s.Trace > 0 {
		return fmt.Errorf("trace: is not available on a fleet: run the scenario in one process, or remove trace")
	}
	for i := range s.Groups {
		g := &s.Groups[i]
		if g.Peers != nil {
			return fmt.Errorf("the clients of the group %s open data channels on the loopback interface: run the scenario in one process", g.Name)
		}
		for j := range g.Send {
			if g.Send[j].Per == "room" && g.Rooms != nil && !g.Rooms.Move.IsZero() {
				return fmt.Errorf("the group %s moves between its rooms and has a stream per room: on a fleet no agent knows which clients a room has; write per: client, or run it in one process", g.Name)
			}
		}
	}
	return nil
}

// ownPart is the scenario with only this process's share of the clients, to see whether the machine
// can carry it. Links of a fault are the controller's.
func ownPart(s *file.Spec, share *plan.Share, agents int) *file.Spec {
	own := *s
	own.Server = nil
	own.Groups = slices.Clone(s.Groups)
	for i := range own.Groups {
		g := &own.Groups[i]
		if n := share.Counts(i, agents)[share.Self]; g.Count > 0 {
			g.Arrive *= float64(n) / float64(g.Count)
			g.Count = n
		}
	}
	own.Phases = slices.Clone(s.Phases)
	for i := range own.Phases {
		if f := own.Phases[i].Fault; f != nil && f.Network != nil {
			own.Phases[i].Fault = nil
		}
	}
	return &own
}
