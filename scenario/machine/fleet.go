package machine

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/throng-io/throng/scenario/metric"
)

// What agents of a fleet take, measured with bench/fleet/crowd.yaml (40 001 clients on four agents,
// one broadcast a second) and rounded up. Messages between agents and reports are payloads and 90
// bytes each of encryption, subject and NATS. A client takes no more memory of an agent than of a
// single process: 5.3 KiB on websocket, of two agents with 250 and with 8 000 clients each.
const (
	agentBytes     = 48 << 20 // memory of an agent without clients
	deliveryCPU    = 11e-6    // seconds of a processor, for each delivery
	reportBytes    = 12 << 10 // to the controller, each second
	reportMessages = 5
	meshMessages   = 5   // to each other agent, each second
	meshBytes      = 120 // of each of them, without what follows
	announcedBytes = 3   // for each message, to each other agent
	settledBytes   = 4   // likewise, back from each
	agentShare     = 0.5 // of its processors and its memory that an agent should use at most
)

// A FleetPlan is what a scenario takes of a fleet, whose agents are like this machine, when it is
// scaled: so many times the clients, each of which sends and receives as before.
type FleetPlan struct {
	Scale          float64 `json:"scale"`
	Clients        int     `json:"clients"`
	OfferedPerS    float64 `json:"offered_per_s"` // at most: what is sent per group is not scaled in truth
	DeliveriesPerS float64 `json:"deliveries_per_s"`
	// Agents is how many it takes, and By which of their limits decides.
	Agents int    `json:"agents"`
	By     string `json:"by"`
	// Each are what the limits alone would take.
	Each map[string]int `json:"each"`
	// of one agent
	AgentClients        int     `json:"agent_clients"`
	AgentDeliveriesPerS float64 `json:"agent_deliveries_per_s"`
	AgentCPU            float64 `json:"agent_cpu"` // share of its processors
	AgentBytes          int64   `json:"agent_bytes"`
	AgentPorts          int     `json:"agent_ports"` // from one source address to one target
	// of the NATS server, each second: what comes in goes out as often
	NATSMessagesPerS float64 `json:"nats_messages_per_s"`
	NATSBytesPerS    float64 `json:"nats_bytes_per_s"`
	ControllerBytes  float64 `json:"controller_bytes_per_s"` // of the reports
}

// Processors is the limit of an agent that Usable reads.
const Processors = "processors"

// PlanFleet scales the heaviest combination of an assessment, for agents like this machine with so
// many processors. The error says which of its limits leaves no place for clients.
func PlanFleet(a *Assessment, scale, cores float64) (*FleetPlan, error) {
	c := a.Combined[a.Heaviest]
	p := &FleetPlan{
		Scale: scale, Clients: int(math.Ceil(float64(c.Clients) * scale)), OfferedPerS: c.OfferedPerS * scale,
		DeliveriesPerS: c.DeliveriesPerS * scale, Each: map[string]int{},
	}
	sockets := float64(c.Sockets) * scale
	own := float64(c.Files - c.Sockets)
	clients := scale * float64(max(0, c.GeneratorBytes-BaseBytes)) // memory of all
	for _, limit := range []struct {
		what            string
		all, has, takes float64 // by all clients; at one agent, 0: not known; by it without clients
	}{
		{Files, sockets, float64(max(a.Limits.FilesHard, a.Limits.FilesSoft)), own},
		{Ports, sockets, float64(a.Limits.Ports()), 0},
		{Memory, clients, agentShare * float64(a.Limits.Memory), agentBytes},
		{Processors, p.DeliveriesPerS * deliveryCPU, agentShare * cores, 0},
	} {
		each := limit.has - limit.takes
		switch {
		case limit.has <= 0:
			continue
		case each <= 0:
			return nil, noPlace(limit.what, limit.has, limit.takes)
		}
		n := max(1, int(math.Ceil(limit.all/each)))
		p.Each[limit.what] = n
		if n > p.Agents {
			p.Agents, p.By = n, limit.what
		}
	}
	n := float64(p.Agents)
	p.AgentClients = int(math.Ceil(float64(p.Clients) / n))
	p.AgentDeliveriesPerS = p.DeliveriesPerS / n
	p.AgentCPU = p.AgentDeliveriesPerS * deliveryCPU / cores
	p.AgentBytes = agentBytes + int64(math.Ceil(clients/n))
	p.AgentPorts = int(math.Ceil(sockets / n))
	pairs := n * (n - 1)
	p.ControllerBytes = n * reportBytes
	p.NATSMessagesPerS = pairs*meshMessages + n*reportMessages
	p.NATSBytesPerS = p.ControllerBytes + pairs*meshMessages*meshBytes + p.OfferedPerS*(n-1)*(announcedBytes+settledBytes)
	return p, nil
}

// noPlace says that a limit of this machine is reached by an agent without clients.
func noPlace(what string, has, takes float64) error {
	write := func(n float64) string { return metric.FormatCount(int(n)) + " " + what }
	if what == Memory {
		write = func(n float64) string { return metric.FormatBytes(int64(n)) + " of memory" }
	}
	return fmt.Errorf("an agent takes %s without clients, and on this machine it should use %s; plan the fleet on a machine like those of the agents, or raise the limit here", write(takes), write(has))
}

// ParseScale reads how many times a load is to be, such as 50x.
func ParseScale(s string) (float64, error) {
	scale, err := strconv.ParseFloat(strings.TrimSuffix(s, "x"), 64)
	if err != nil || !(scale > 0 && scale <= 1e6) {
		return 0, fmt.Errorf("--fleet %q is not a factor of the load; write a number such as 50x", s)
	}
	return scale, nil
}
