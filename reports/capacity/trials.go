package capacity

import (
	"math"
	"strconv"
	"strings"

	"github.com/throng-io/throng/reports/internal/charts"
	"github.com/throng-io/throng/reports/internal/draw"
	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/reports/internal/tables"
	"github.com/throng-io/throng/scenario/result"
)

// marksByVerdict sorts points by the verdict of their trials: held, broke, invalid.
func marksByVerdict(points map[string][]draw.Point) (lines []draw.Line) {
	for _, v := range []struct {
		verdict, name string
		style         draw.Style
	}{{selection.ProbeHeld, "held", draw.Green}, {selection.ProbeBroke, "broke", draw.Vermillion}, {"invalid", "invalid: the generator was the limit", draw.Ink}} {
		if pts := points[v.verdict]; len(pts) > 0 {
			lines = append(lines, draw.Line{Name: v.name, Points: pts, Style: v.style, Marks: true})
		}
	}
	return lines
}

// searchJournal is every trial in the order it was made, and the bracket as it closes.
func searchJournal(c *Capacity) *charts.Figure {
	if len(c.Probes) == 0 {
		return nil
	}
	points := map[string][]draw.Point{}
	data := layout.Table{Left: 5, Head: []string{"trial", "level", "kind", "outcome", "why", "took", strings.TrimSpace(c.metric + " p99"), "lag p99"}}
	for i, p := range c.Probes {
		points[p.Verdict] = append(points[p.Verdict], draw.Point{X: float64(i + 1), Y: c.place(p.Level)})
		row := []string{strconv.Itoa(i + 1), c.show(p.Level), p.Kind, p.Verdict, p.Reason, layout.Seconds(p.TookS), layout.None, layout.None}
		link := ""
		if p.Cell > 0 {
			cell := &c.run.Cells[p.Cell-1]
			row[6], row[7] = tables.ShowPercentile(selection.Percentiles[selection.P99], cell.Latency[c.metric]), tables.ShowLagP99(cell)
			link = result.CellName(p.Cell-1, len(c.run.Cells))
		}
		data.Rows, data.Links = append(data.Rows, row), append(data.Links, link)
	}
	a := c.levelAxis()
	a.Zero = false
	x := draw.Axis{Label: "trial", Min: 0, Max: float64(len(c.Probes)) + 1}
	const few = 20 // of more, the axis has no room for the number of each
	for i := range c.Probes[:min(len(c.Probes), few+1)] {
		x.Ticks = append(x.Ticks, draw.Tick{At: float64(i + 1), Label: strconv.Itoa(i + 1)})
	}
	if len(x.Ticks) > few {
		x.Ticks = nil
	}
	p := draw.Panel{X: x, Y: a, Lines: append([]draw.Line{{Name: "the way", Points: journalWay(c), Style: draw.Grey, Thin: true}}, marksByVerdict(points)...)}
	if c.Low > 0 {
		p.Rules = append(p.Rules, draw.Rule{At: c.place(c.Low), Label: "holds " + c.show(c.Low)})
	}
	f := &charts.Figure{Data: data, Caption: "How the capacity was found: each trial in order, with its outcome. Probes narrow the range, confirmations repeat its two ends, and the last trials complete the curves. The table “Each trial” links to them."}
	f.Figure = draw.Figure{Name: "search-journal", Title: "Search journal", Sub: c.sub(), Panels: []draw.Panel{p}}
	return f
}

func journalWay(c *Capacity) (pts []draw.Point) {
	for i, p := range c.Probes {
		pts = append(pts, draw.Point{X: float64(i + 1), Y: c.place(p.Level)})
	}
	return pts
}

// achievedAgainstOffered compares what was asked of the pair with what came.
func achievedAgainstOffered(c *Capacity) *charts.Figure {
	points := map[string][]draw.Point{}
	data := layout.Table{Left: 2, Head: []string{"level", "outcome", "offered/s", "achieved/s", "achieved", "generator CPU", "lag p99"}}
	low, high := math.Inf(1), 0.0
	what := "messages"
	for _, p := range c.Probes {
		if p.Cell == 0 {
			continue
		}
		cell := &c.run.Cells[p.Cell-1]
		offered, achieved := cell.Rates.OfferedPerS, cell.Rates.AchievedPerS
		if cell.Ledger.Expected > 0 && cell.Seconds > 0 {
			what = "deliveries"
			offered, achieved = float64(cell.Ledger.Expected)/cell.Seconds, cell.Rates.DeliveriesPerS
		}
		if offered <= 0 {
			continue
		}
		points[p.Verdict] = append(points[p.Verdict], draw.Point{X: offered, Y: achieved})
		low, high = min(low, offered), max(high, offered)
		data.Rows = append(data.Rows, []string{
			c.show(p.Level), p.Verdict, layout.Significant(offered), layout.Significant(achieved), layout.Share(achieved / offered),
			layout.Known(cell.Generator.CPUMax, layout.Share), tables.ShowLagP99(cell),
		})
	}
	if len(data.Rows) == 0 {
		return nil
	}
	wide := high > 12*low
	p := draw.Panel{
		X: draw.Axis{Label: "offered " + what + " per second", Log: wide, Zero: true}, Y: draw.Axis{Label: "achieved per second", Log: wide},
		Lines: append([]draw.Line{{Name: "everything that was offered", Points: []draw.Point{{X: low, Y: low}, {X: high, Y: high}}, Style: draw.Grey, Thin: true}}, marksByVerdict(points)...),
	}
	f := &charts.Figure{Data: data, Caption: "Whether the server or the generator is the limit. Below the line, messages were not sent or did not arrive. In trials marked as invalid the generator was the limit; they do not count."}
	f.Figure = draw.Figure{Name: "achieved", Title: "Achieved against offered", Sub: c.sub(), Panels: []draw.Panel{p}}
	return f
}
