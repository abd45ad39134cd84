package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/throng-io/throng/scenario/machine"
	"github.com/throng-io/throng/scenario/metric"
)

// printFleet writes what a scenario takes of a fleet when it is scaled.
func printFleet(w io.Writer, a *machine.Assessment, times string, asJSON bool) error {
	scale, err := machine.ParseScale(times)
	if err != nil {
		return err
	}
	p, err := machine.PlanFleet(a, scale, machine.Usable(os.Getpid()))
	if err != nil {
		return fmt.Errorf("--fleet %s: %w", times, err)
	}
	if asJSON {
		return writeJSON(w, p)
	}
	return writeFolded(w, func(w io.Writer) error { return fleetText(w, a, scale, p) })
}

// fleetText writes the plan of a fleet for reading.
func fleetText(w io.Writer, a *machine.Assessment, scale float64, p *machine.FleetPlan) error {
	out := &errWriter{w: w}
	out.printf("scenario  %s, %s times the clients\n\n", a.Scenario, metric.FormatNumber(scale))
	var others []string
	for _, what := range slices.Sorted(maps.Keys(p.Each)) {
		if what != p.By {
			others = append(others, fmt.Sprintf("%s alone: %s", what, metric.FormatCount(p.Each[what])))
		}
	}
	out.table([][]string{
		{"clients", metric.FormatCount(p.Clients)},
		{"deliveries", rate(p.DeliveriesPerS) + " a second"},
		{"agents like this machine", fmt.Sprintf("%s, by their %s (%s)", metric.FormatCount(p.Agents), p.By, strings.Join(others, ", "))},
		{"each agent", fmt.Sprintf("%s clients, %s deliveries a second, %.0f %% of its processors, %s", metric.FormatCount(p.AgentClients), rate(p.AgentDeliveriesPerS), 100*p.AgentCPU, metric.FormatBytes(p.AgentBytes))},
		{"its local ports", fmt.Sprintf("%s to one address, %s", metric.FormatCount(p.AgentPorts), allowed(a.Limits.Ports(), "ip_local_port_range"))},
		{"between agents", fmt.Sprintf("at most %s messages and %s a second through NATS", rate(p.NATSMessagesPerS), metric.FormatBytes(int64(p.NATSBytesPerS)))},
		{"to the controller", metric.FormatBytes(int64(p.ControllerBytes)) + " a second"},
	})
	out.printf("\nAn agent should use at most half of its processors and of its memory.\n")
	return out.err
}
