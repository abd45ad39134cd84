package file

import (
	"maps"
	"slices"
	"time"
)

// Stage holds the resources that a scenario needs at the start and the end of one phase; between
// them clients and load change linearly.
type Stage struct {
	Phase    string        // its name
	For      time.Duration // how long it takes
	Record   bool          // whether the phase counts in the summary and the checks
	From, To Plan          // Duration is 0 in both
}

// Stages is the plan by phase.
func (s *Spec) Stages() []Stage {
	var stages []Stage
	for _, ph := range s.Phases {
		stages = append(stages, Stage{
			Phase: ph.Name, For: ph.For, Record: ph.Record,
			From: s.demand(ph.Clients.From, ph.Load.From), To: s.demand(ph.Clients.To, ph.Load.To),
		})
	}
	return stages
}

// Source is a local address and the connections that start from it.
type Source struct {
	Addr    string // "": the system's choice
	Sockets int    // at most, at once
}

// Sources lists the local addresses of the generator's connections, in the
// order of their names. Each address has the system's range of ports to itself;
// groups that name none share the system's choice.
func (s *Spec) Sources() []Source {
	share := 0.0
	for _, ph := range s.Phases {
		share = max(share, ph.Clients.From, ph.Clients.To)
	}
	sockets := map[string]int{}
	for _, g := range s.Groups {
		n := g.sockets(portion(g.Count, share)) + s.vanished(&g)
		from := g.Connect.From
		if len(from) == 0 {
			from = []string{""}
		}
		for _, addr := range from {
			sockets[addr] += (n + len(from) - 1) / len(from)
		}
	}
	var out []Source
	for _, addr := range slices.Sorted(maps.Keys(sockets)) {
		out = append(out, Source{Addr: addr, Sockets: sockets[addr]})
	}
	return out
}
