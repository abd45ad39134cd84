package tables

import (
	"fmt"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/scenario/result"
)

// AgentTable has a row per agent of a fleet: whether its machine was fit to measure.
func AgentTable(c *result.Cell) layout.Table {
	t := layout.Table{Title: "Agents", Left: 1, Head: []string{"agent", "clients held", "send lag p99", "unread p99", "CPU, mean", "highest second", "memory, peak", "GC pause, at most", "clock", "sent to the others"}}
	for i := range c.Agents {
		a := &c.Agents[i]
		h := a.Health
		if h == nil {
			h = &result.AgentHealth{}
		}
		name := a.Name
		if h.LostAtS != nil {
			name += fmt.Sprintf(" (lost after %s)", layout.Seconds(*h.LostAtS))
		}
		p99 := selection.Percentiles[selection.P99]
		t.Rows = append(t.Rows, []string{
			name, layout.Count(h.Held), ShowPercentile(p99, h.Lag), ShowPercentile(p99, h.LagReceive), layout.Share(h.CPUMean), layout.Share(h.CPUMax),
			layout.Known(h.RSSPeakBytes, layout.Bytesize), layout.Known(h.GCPauseMaxus, layout.Micros), clockOf(a), layout.Known(h.MeshBytes, layout.Bytesize),
		})
	}
	if len(c.Agents) > 0 {
		t.Note = "clock: what the agent's clock showed minus the controller's, and the error of that at most; the verdict on the generator is by the worst agent."
		if b := c.ClockBoundUs(); b > 0 {
			t.Note += fmt.Sprintf(" The clocks of two agents agree to ±%s: one-way times below that are not told apart from 0.", layout.Micros(float64(b)))
		}
	}
	return t
}

func clockOf(a *result.Agent) string {
	if a.OffsetUs == 0 && a.BoundUs == 0 {
		return "shared"
	}
	sign, us := "+", a.OffsetUs
	if us < 0 {
		sign, us = "-", -us
	}
	return sign + layout.Micros(float64(us)) + " ±" + layout.Micros(float64(a.BoundUs))
}
