package file

import (
	"math"
	"time"
)

// Plan holds the resources that a scenario needs, computed before it runs.
type Plan struct {
	Clients  int           // simulated clients at most
	Sockets  int           // connections open at once, at most, on the generator's side
	Files    int           // file descriptors the generator needs, its own included
	Duration time.Duration // of one trial, without connecting late and draining
	Offered  float64       // messages sent per second at the highest load
	// ends of data channels between clients, at most; each has a descriptor
	Channels int
	// deliveries expected per second at the highest load, over the rooms on average
	Deliveries float64
}

// ownFiles is how many files a generator opens besides its clients' connections: logs, pipes to the
// server, the poller.
const ownFiles = 64

// Plan computes the scenario's needs. A polling client holds two connections, one that waits and
// one that sends; an upgrading one does until it has upgraded. A session of WebTransport has one
// socket of UDP.
func (s *Spec) Plan() Plan {
	var total time.Duration
	share, load := 0.0, 0.0
	for _, ph := range s.Phases {
		total += ph.For
		share = max(share, ph.Clients.From, ph.Clients.To)
		load = max(load, ph.Load.From, ph.Load.To)
	}
	p := s.demand(share, load)
	p.Duration = total
	if s.Linked() { // which holds both ends of each connection
		p.Files += 2 * p.Sockets
	}
	for i := range s.Groups {
		n := s.vanished(&s.Groups[i])
		p.Sockets += n
		p.Files += n
	}
	return p
}

// vanished is how many connections of a group are open without a client at the end: one for each
// client that vanished in any phase.
func (s *Spec) vanished(g *Group) int {
	if g.Reconnect == nil {
		return 0
	}
	n := 0
	for _, ph := range s.Phases {
		if ph.Fault != nil {
			n += g.sockets(portion(g.Count, ph.Fault.HalfOpen))
		}
	}
	return n
}

// demand is the plan at one moment: that share of the clients is there, and
// streams send at that share of their rates.
func (s *Spec) demand(share, load float64) Plan {
	var p Plan
	for _, g := range s.Groups {
		clients := portion(g.Count, share)
		p.Clients += clients
		p.Sockets += g.sockets(clients)
		if g.Peers != nil && g.Rooms != nil {
			others := s.receivers(g, Stream{Per: "client", Expect: "others", To: Audience{Kind: ToRoom, Namespace: g.Namespace}}, share)
			p.Channels += int(math.Ceil(float64(clients) * others))
		}
		for _, st := range g.Send {
			offered := g.offers(st, share, load)
			p.Offered += offered
			p.Deliveries += offered * s.receivers(g, st, share)
		}
	}
	p.Files = p.Sockets + p.Channels + ownFiles
	return p
}

// offers is how many operations a second of a stream are due when that share of the clients is
// there and streams send at that share of their rates.
func (g *Group) offers(st Stream, share, load float64) float64 {
	per := st.Rate
	switch {
	case g.Count == 0:
		per = 0
	case st.Per == "client":
		per *= g.present(float64(portion(g.Count, share)), share)
	case st.Per == "room" && g.Rooms != nil:
		per *= float64(g.Rooms.Of)
	}
	if st.Scale {
		per *= load
	}
	return per
}

// present is how many clients of the group are there on average when at most
// that many are: where they arrive and leave, the rate times the stay.
func (g *Group) present(most, share float64) float64 {
	if g.Arrive == 0 || g.Life.IsZero() {
		return most
	}
	return min(most, g.Arrive*share*g.Life.Mean())
}

// sockets is how many connections that many clients of the group hold at most.
func (g *Group) sockets(clients int) int {
	sum := 0
	for _, t := range g.Transport {
		n := portion(clients, t.Share)
		switch t.Name {
		case "websocket", "plain-websocket", WebTransport:
		default:
			n *= 2
		}
		sum += n
	}
	return sum
}

// portion rounds up: a plan may promise too much, never too little.
func portion(count int, share float64) int {
	n := int(float64(count) * share)
	if float64(n) < float64(count)*share-1e-9 {
		n++
	}
	return n
}

// receivers is how many clients a message of the stream should reach, on average.
func (s *Spec) receivers(from Group, st Stream, share float64) float64 {
	return s.receiversIn("", from, st, share)
}

// receiversIn counts the receivers in one group; "": in all.
func (s *Spec) receiversIn(group string, from Group, st Stream, share float64) float64 {
	own := group == "" || group == from.Name
	if st.Expect == "none" || st.To.Kind == ToSelf && !own {
		return 0
	}
	if st.To.Kind == ToSelf || st.To.Kind == ToPeer || st.To.Kind == ToKey {
		if st.To.AlsoOwn && !st.To.Others {
			return 2
		}
		return 1 // how many clients share a key is in the data files
	}
	n := 0.0
	for _, g := range s.Groups {
		if group != "" && group != g.Name || !st.Reaches(&from, &g) {
			continue
		}
		clients := g.present(float64(g.Count)*share, share)
		switch {
		case st.To.Kind == ToAll, st.To.Kind == ToGroup:
			n += clients
		case st.To.Kind == ToRoom && from.Rooms != nil:
			// Only the rooms that both groups know can be shared.
			common := float64(min(g.Rooms.Of, from.Rooms.Of)) / float64(from.Rooms.Of)
			members := g.Rooms.receivers(clients, st.Per)
			if g.Name == from.Name {
				members = max(members, 1) // the sender is in the room it sends to
			}
			n += members * common
		}
	}
	if st.Expect == "others" && own && st.Reaches(&from, &from) {
		n--
	}
	return max(n, 0)
}
