package reports

import (
	"fmt"

	"github.com/throng-io/throng/reports/internal/draw"
	"github.com/throng-io/throng/reports/model"
	"github.com/throng-io/throng/scenario/result"
)

// completion is how long a broadcast takes to reach the last member of a room, by the size of the rooms: the slope is the cost of one
// receiver more.
func completion(name string, c *result.Cell, sub string) *figure {
	var mid, high []draw.Point
	var points []model.Point
	n := int64(0)
	data := table{Left: 1, Head: []string{"rooms", "members, mean", "smallest", "largest", "last receiver p50", "p99", "messages"}}
	for _, r := range c.Rooms {
		l := r.Last
		if l == nil || l.N < percentiles[p50].n || r.Members <= 0 {
			continue
		}
		n += l.N
		mid = append(mid, draw.Point{X: r.Members, Y: ms(max(l.P50us, 1))})
		points = append(points, model.Point{Level: r.Members, Value: float64(l.P50us)})
		if l.N >= percentiles[p99].n {
			high = append(high, draw.Point{X: r.Members, Y: ms(max(l.P99us, 1))})
		}
		data.Rows = append(data.Rows, []string{decile(r), significant(r.Members), significant(r.MembersMin), significant(r.MembersMax), showPercentile(percentiles[p50], l), showPercentile(percentiles[p99], l), count(l.N)})
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
	f := &figure{Data: data, Caption: "What a receiver more costs: the time until a message is with the last member, for each tenth of the rooms by size."}
	if line, err := model.FitLine(points); err == nil && line.Slope.Low > 0 {
		f.Caption += fmt.Sprintf(" A straight line through the medians rises by %s a receiver (95 %% interval %s to %s).", micros(line.Slope.Value), micros(line.Slope.Low), micros(line.Slope.High))
	}
	f.Figure = draw.Figure{Name: name, Title: "Completion by room size", Sub: joinSub(sub, plural(n, "message")), Panels: []draw.Panel{p}}
	return f
}

func decile(r result.Rooms) string {
	return fmt.Sprintf("tenth %d, %s", r.Decile, plural(r.Rooms, "room"))
}

// deliveryBySize is the latency of deliveries in each tenth of the rooms: whether large rooms hurt small ones.
func deliveryBySize(name string, c *result.Cell, sub string) *figure {
	p := draw.Panel{X: draw.Axis{Label: "tenth of the rooms, the smallest first", Min: 0.4, Max: 10.6}, Y: draw.Axis{Label: "delivery, ms"}}
	for i := range 10 {
		p.X.Ticks = append(p.X.Ticks, draw.Tick{At: float64(i + 1), Label: fmt.Sprint(i + 1)})
	}
	data := table{Left: 1, Head: []string{"rooms", "members, mean", "delivery p50", "p99", "n", "lost"}}
	n, drawn := int64(0), 0
	for _, r := range c.Rooms {
		l := r.Delivery
		if l == nil || l.N < percentiles[p50].n {
			continue
		}
		n += l.N
		drawn++
		x := float64(r.Decile)
		p.Boxes = append(p.Boxes, draw.Box{X0: x - 0.35, X1: x, Y1: ms(l.P50us), Fill: draw.Heat3})
		if l.N >= percentiles[p99].n {
			p.Boxes = append(p.Boxes, draw.Box{X0: x, X1: x + 0.35, Y1: ms(l.P99us), Fill: draw.Heat6})
		}
		data.Rows = append(data.Rows, []string{decile(r), significant(r.Members), showPercentile(percentiles[p50], l), showPercentile(percentiles[p99], l), count(l.N), count(r.Ledger.Lost)})
	}
	if drawn < 2 {
		return nil
	}
	p.Lines = []draw.Line{{Name: "p50", Key: true, Fill: draw.Heat3}, {Name: "p99", Key: true, Fill: draw.Heat6}}
	f := &figure{Data: data, Caption: "Do large rooms hurt small ones: the latency of a delivery by the size of its room. Bars of one height mean that everybody waits alike."}
	f.Figure = draw.Figure{Name: name, Title: "Delivery by room size", Sub: joinSub(sub, "n = "+count(n)), Panels: []draw.Panel{p}}
	return f
}
