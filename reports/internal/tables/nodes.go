package tables

import (
	"fmt"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/scenario/result"
)

// NodeTable has a row per target of several, and one for the deliveries on the same target and
// across them.
func NodeTable(c *result.Cell) layout.Table {
	t := layout.Table{Title: "Targets", Left: 1, Head: []string{"target", "clients held", "connections", "expected", "reach", "delivery p50", "p99", "n"}}
	if c.Nodes == nil {
		return t
	}
	for i := range c.Nodes.List {
		n := &c.Nodes.List[i]
		var sum result.NodePair
		for _, p := range c.Nodes.Pairs {
			if p.To == i {
				sum.Expected, sum.Received, sum.Undecided = sum.Expected+p.Expected, sum.Received+p.Received, sum.Undecided+p.Undecided
			}
		}
		row := []string{fmt.Sprintf("%d: %s", i, n.URL), layout.Count(n.Held), layout.Count(n.Connected)}
		t.Rows = append(t.Rows, append(row, wayCells(&sum, n.Delivery)...))
	}
	for _, way := range []struct {
		name string
		of   *result.Way
	}{{"same target", &c.Nodes.Same}, {"across targets", &c.Nodes.Across}} {
		l := &way.of.Ledger
		sum := result.NodePair{Expected: l.Expected, Received: l.Received + l.Late, Undecided: l.Undecided}
		t.Rows = append(t.Rows, append([]string{way.name, "", ""}, wayCells(&sum, way.of.Delivery)...))
	}
	return t
}

// wayCells are the figures of some deliveries.
func wayCells(p *result.NodePair, l *result.Latency) []string {
	cells := []string{layout.Count(p.Expected), reachOf(p)}
	if l == nil {
		return append(cells, layout.None, layout.None, layout.Count(int64(0)))
	}
	return append(cells, ShowPercentile(selection.Percentiles[selection.P50], l), ShowPercentile(selection.Percentiles[selection.P99], l), layout.Count(l.N))
}

func reachOf(p *result.NodePair) string {
	share, ok := p.Reach()
	if !ok {
		return layout.None
	}
	return layout.Share(share)
}

// NodePairs has a row per sender's and receiver's target.
func NodePairs(c *result.Cell) layout.Table {
	t := layout.Table{Left: 2, Head: []string{"sender's target", "receiver's target", "expected", "received", "lost", "undecided", "reach"}}
	for i := range c.Nodes.Pairs {
		p := &c.Nodes.Pairs[i]
		t.Rows = append(t.Rows, []string{
			fmt.Sprint(p.From), fmt.Sprint(p.To), layout.Count(p.Expected), layout.Count(p.Received), layout.Count(p.Lost), layout.Count(p.Undecided), reachOf(p),
		})
	}
	return t
}
