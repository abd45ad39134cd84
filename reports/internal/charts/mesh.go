package charts

import (
	"slices"

	"github.com/throng-io/throng/reports/internal/draw"
	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/reports/internal/tables"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// mesh is how data channels grow with the room: the time to open one by its stages, what a delivery
// costs the server and the clients, and how long it takes, by the channels and by the server.
func mesh(run *result.Run, gs []selection.Group) *Figure {
	ms := selection.Meshes(run, gs)
	ms = slices.DeleteFunc(ms, func(m selection.Mesh) bool { return m.Members < 2 })
	if len(ms) < 2 || ms[0].Members == ms[len(ms)-1].Members {
		return nil
	}
	var ticks []draw.Tick
	for i := range ms {
		ticks = append(ticks, draw.Tick{At: ms[i].Members, Label: layout.Significant(ms[i].Members)})
	}
	x := draw.Axis{Log: true, Ticks: ticks, Min: ms[0].Members / 1.2, Max: ms[len(ms)-1].Members * 1.2}
	setUp := setUpPanel(ms)
	setUp.X = x
	panels := []draw.Panel{setUp}
	for _, what := range []struct {
		label string
		value func(*result.Cell) (float64, bool)
		scale float64
	}{
		{"server CPU, µs/delivery", selection.ServerCPUPerDelivery, 1},
		{"server, bytes/delivery", selection.BytesPerDelivery, 1},
		{"delivery p50, ms", selection.LatencyOf(metric.Delivery, selection.P50), 1e-3},
	} {
		p := draw.Panel{X: x, Y: draw.Axis{Label: what.label, Zero: true}, Weight: 0.6}
		for i, way := range []struct {
			name string
			of   func(*selection.Mesh) []*result.Cell
		}{
			{"by data channels", func(m *selection.Mesh) []*result.Cell { return m.Direct.Valid() }},
			{"by the server", func(m *selection.Mesh) []*result.Cell { return m.Relayed.Valid() }},
		} {
			line := draw.Line{Style: draw.Style(i)}
			if len(panels) == 1 {
				line.Name = way.name
			}
			for j := range ms {
				if s := selection.Over(way.of(&ms[j]), what.value); s.N > 0 {
					line.Points = append(line.Points, draw.Point{X: ms[j].Members, Y: s.Mid * what.scale})
				}
			}
			if len(line.Points) > 0 {
				p.Lines = append(p.Lines, line)
			}
		}
		if len(p.Lines) > 0 {
			panels = append(panels, p)
		}
	}
	panels[len(panels)-1].X.Label = "clients in a room"
	f := &Figure{Data: tables.SavedTable(ms), Caption: "How a mesh grows with its room. Each client opens a data channel to each other one: above, the time until one is open, and its stages (p50). Below, what a delivery by these channels takes beside the same message by the server."}
	f.Data.Title = ""
	f.Figure = draw.Figure{Name: "mesh", Title: "Peer to peer, by the size of the room", Sub: tables.TrialsNote(gs), Panels: panels}
	return f
}

// setUpPanel is the time to open a channel, and its stages.
func setUpPanel(ms []selection.Mesh) draw.Panel {
	p := draw.Panel{Y: draw.Axis{Label: "p50, ms (log)", Log: true}}
	for i, stage := range append([]string{metric.Channel}, tables.MeshStages...) {
		line := draw.Line{Name: stage, Style: []draw.Style{draw.Ink, draw.Green, draw.Purple, draw.Orange, draw.Sky}[i]}
		for j := range ms {
			if l := tables.SetUp(&ms[j], stage); l != nil && l.N >= selection.Percentiles[selection.P50].N {
				line.Points = append(line.Points, draw.Point{X: ms[j].Members, Y: Ms(max(l.P50us, 1))})
			}
		}
		if len(line.Points) > 0 {
			p.Lines = append(p.Lines, line)
		}
	}
	return p
}
