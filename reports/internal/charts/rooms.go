package charts

import (
	"fmt"

	"github.com/throng-io/throng/reports/internal/draw"
	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/reports/internal/tables"
	"github.com/throng-io/throng/reports/model"
	"github.com/throng-io/throng/scenario/result"
)

// completion is how long a broadcast takes to reach the last member of a room, by the size of the
// rooms: the slope is the cost of one receiver more.
func completion(name string, c *result.Cell, sub string) *Figure {
	var mid, high []draw.Point
	var points []model.Point
	n := int64(0)
	data := layout.Table{Left: 1, Head: []string{"rooms", "members, mean", "smallest", "largest", "last receiver p50", "p99", "messages"}}
	for _, r := range c.Rooms {
		l := r.Last
		if l == nil || l.N < selection.Percentiles[selection.P50].N || r.Members <= 0 {
			continue
		}
		n += l.N
		mid = append(mid, draw.Point{X: r.Members, Y: Ms(max(l.P50us, 1))})
		points = append(points, model.Point{Level: r.Members, Value: float64(l.P50us)})
		if l.N >= selection.Percentiles[selection.P99].N {
			high = append(high, draw.Point{X: r.Members, Y: Ms(max(l.P99us, 1))})
		}
		data.Rows = append(data.Rows, []string{decile(r), layout.Significant(r.Members), layout.Significant(r.MembersMin), layout.Significant(r.MembersMax), tables.ShowPercentile(selection.Percentiles[selection.P50], l), tables.ShowPercentile(selection.Percentiles[selection.P99], l), layout.Count(l.N)})
	}
	if len(mid) < 2 {
		return nil
	}
	p := draw.Panel{
		X: draw.Axis{Label: "members of the room, mean of a tenth of the rooms (log)", Log: true}, Y: draw.Axis{Label: "until the last receiver, ms", Log: true},
		Lines: []draw.Line{{Name: "p50", Points: mid, Style: draw.Green}, {Points: mid, Style: draw.Green, Marks: true}},
	}
	if len(high) > 1 {
		p.Lines = append(p.Lines, draw.Line{Name: "p99", Points: high, Style: draw.Blue}, draw.Line{Points: high, Style: draw.Blue, Marks: true})
	}
	f := &Figure{Data: data, Caption: "The cost of one more receiver: the time until the last member has the message, for each tenth of the rooms by size."}
	if line, err := model.FitLine(points); err == nil && line.Slope.Low > 0 {
		f.Caption += fmt.Sprintf(" A straight line through the medians rises by %s per receiver (95 %% interval %s to %s).", layout.Micros(line.Slope.Value), layout.Micros(line.Slope.Low), layout.Micros(line.Slope.High))
	}
	f.Figure = draw.Figure{Name: name, Title: "Completion by room size", Sub: JoinSub(sub, layout.Plural(n, "message")), Panels: []draw.Panel{p}}
	return f
}

func decile(r result.Rooms) string {
	return fmt.Sprintf("tenth %d, %s", r.Decile, layout.Plural(r.Rooms, "room"))
}

// deliveryBySize is the latency of deliveries in each tenth of the rooms: whether large rooms hurt
// small ones.
func deliveryBySize(name string, c *result.Cell, sub string) *Figure {
	p := draw.Panel{X: draw.Axis{Label: "tenth of the rooms, the smallest first", Min: 0.4, Max: 10.6}, Y: draw.Axis{Label: "delivery, ms"}}
	for i := range 10 {
		p.X.Ticks = append(p.X.Ticks, draw.Tick{At: float64(i + 1), Label: fmt.Sprint(i + 1)})
	}
	data := layout.Table{Left: 1, Head: []string{"rooms", "members, mean", "delivery p50", "p99", "n", "lost"}}
	n, drawn := int64(0), 0
	for _, r := range c.Rooms {
		l := r.Delivery
		if l == nil || l.N < selection.Percentiles[selection.P50].N {
			continue
		}
		n += l.N
		drawn++
		x := float64(r.Decile)
		p.Boxes = append(p.Boxes, draw.Box{X0: x - 0.35, X1: x, Y1: Ms(l.P50us), Fill: draw.Heat3})
		if l.N >= selection.Percentiles[selection.P99].N {
			p.Boxes = append(p.Boxes, draw.Box{X0: x, X1: x + 0.35, Y1: Ms(l.P99us), Fill: draw.Heat6})
		}
		data.Rows = append(data.Rows, []string{decile(r), layout.Significant(r.Members), tables.ShowPercentile(selection.Percentiles[selection.P50], l), tables.ShowPercentile(selection.Percentiles[selection.P99], l), layout.Count(l.N), layout.Count(r.Ledger.Lost)})
	}
	if drawn < 2 {
		return nil
	}
	p.Lines = []draw.Line{{Name: "p50", Key: true, Fill: draw.Heat3}, {Name: "p99", Key: true, Fill: draw.Heat6}}
	f := &Figure{Data: data, Caption: "Whether large rooms slow small ones down: the latency of a delivery by the size of its room. Bars of equal height mean equal latency in all rooms."}
	f.Figure = draw.Figure{Name: name, Title: "Delivery by room size", Sub: JoinSub(sub, "n = "+layout.Count(n)), Panels: []draw.Panel{p}}
	return f
}
