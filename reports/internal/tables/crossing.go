package tables

import (
	"slices"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/scenario/result"
)

// CrossingOverview has a row per combination with several nodes: what it costs that a message
// crosses from one to another, in time and in processor time of the nodes and the broker, and how
// many arrived. Medians of the valid trials.
func CrossingOverview(gs []selection.Group) layout.Table {
	t := layout.Table{Title: "Crossing between nodes", Left: 1, Head: []string{"", "same node p50", "across nodes p50", "crossing adds", "reach across", "server CPU/delivery", "broker CPU/delivery"}}
	for _, g := range gs {
		cells := slices.DeleteFunc(g.Valid(), func(c *result.Cell) bool { return c.Nodes == nil })
		if len(cells) == 0 {
			continue
		}
		mid := func(show func(float64) string, f func(c *result.Cell) (float64, bool)) string {
			if s := selection.Over(cells, f); s.N > 0 {
				return show(s.Mid)
			}
			return layout.None
		}
		t.Rows = append(t.Rows, []string{
			g.Label,
			mid(layout.Micros, func(c *result.Cell) (float64, bool) { return wayP50(&c.Nodes.Same) }),
			mid(layout.Micros, func(c *result.Cell) (float64, bool) { return wayP50(&c.Nodes.Across) }),
			mid(layout.Micros, func(c *result.Cell) (float64, bool) {
				same, near := wayP50(&c.Nodes.Same)
				across, far := wayP50(&c.Nodes.Across)
				return across - same, near && far
			}),
			mid(layout.Share, func(c *result.Cell) (float64, bool) {
				l := &c.Nodes.Across.Ledger
				p := result.NodePair{Expected: l.Expected, Received: l.Received + l.Late, Undecided: l.Undecided}
				return p.Reach()
			}),
			mid(layout.Micros, selection.ServerCPUPerDelivery),
			mid(layout.Micros, func(c *result.Cell) (float64, bool) { return selection.PerDelivery(c, c.Server.BrokerCPUs*1e6) }),
		})
	}
	if len(t.Rows) > 0 {
		t.Note = "Processor time of all nodes together, and of a broker that was started for the run; each broadcast crosses once, however many receivers it has."
	}
	return t
}

func wayP50(w *result.Way) (float64, bool) {
	if w.Delivery == nil || w.Delivery.N < selection.Percentiles[selection.P50].N {
		return 0, false
	}
	return float64(selection.Percentiles[selection.P50].Of(w.Delivery)), true
}
