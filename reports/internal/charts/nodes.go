package charts

import (
	"fmt"

	"github.com/throng-io/throng/reports/internal/draw"
	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/tables"
	"github.com/throng-io/throng/scenario/result"
)

// whole is the reach from which a pair of targets counts as whole: a figure has no room for less
// than a thousandth.
const whole = 0.9995

// reach is a square for each pair of targets: the share of what clients of one sent that clients of
// the other received. Nodes that do not share their broadcasts leave the diagonal alone.
func reach(name string, c *result.Cell, sub string) *Figure {
	n := c.Nodes
	if n == nil || len(n.List) < 2 {
		return nil
	}
	size := float64(len(n.List))
	p := draw.Panel{
		X: draw.Axis{Label: "sender's target", Min: 0, Max: size}, Y: draw.Axis{Label: "receiver's target", Min: 0, Max: size},
		Lines: []draw.Line{{Name: "all arrived", Key: true, Fill: draw.Good}, {Name: "some are lost", Key: true, Fill: draw.Bad}, {Name: "nothing was expected", Key: true, Fill: draw.Void}},
	}
	decided, lost := int64(0), int64(0)
	for i := range n.List {
		at := float64(i) + 0.5
		p.X.Ticks = append(p.X.Ticks, draw.Tick{At: at, Label: fmt.Sprint(i)})
		// the first one on top
		p.Y.Ticks = append(p.Y.Ticks, draw.Tick{At: size - at, Label: fmt.Sprint(i)})
	}
	for i := range n.Pairs {
		pair := &n.Pairs[i]
		x, y := float64(pair.From), size-1-float64(pair.To)
		b := draw.Box{X0: x + 0.03, X1: x + 0.97, Y0: y + 0.03, Y1: y + 0.97, Fill: draw.Void}
		if share, ok := pair.Reach(); ok {
			b.Text, b.Fill = layout.Share(share), draw.Bad
			if share >= whole {
				b.Fill = draw.Good
			}
		}
		decided, lost = decided+pair.Decided(), lost+pair.Lost
		p.Boxes = append(p.Boxes, b)
	}
	if decided == 0 {
		return nil
	}
	f := &Figure{Data: tables.NodePairs(c), Caption: "What arrives between the nodes: of the messages that clients of one target sent, the share that clients of another received. A diagonal alone means that the nodes do not share their broadcasts. Targets are numbered from 0 in the order of the scenario."}
	f.Figure = draw.Figure{Name: name, Title: "Reach between targets", Sub: JoinSub(sub, "n = "+layout.Count(decided)), Panels: []draw.Panel{p}}
	if lost == 0 {
		f.Caption += " Nothing was lost."
	}
	return f
}
