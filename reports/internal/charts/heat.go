package charts

import (
	"fmt"
	"math"

	"github.com/throng-io/throng/reports/internal/draw"
	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/scenario/result"
)

// maxColumns is how many columns a heat map has. Longer timelines join seconds.
const maxColumns = 120

// heatMap is the distribution of a metric over time: columns are seconds, rows are latencies, and
// the darker a cell, the more samples fell into it.
func heatMap(name, metricName string, c *result.Cell, sub string) *Figure {
	type cell struct{ column, low, high int64 }
	per := max(1, (len(c.Timeline)+maxColumns-1)/maxColumns)
	counts := map[cell]int64{}
	var order []cell
	most, total := int64(0), int64(0)
	low, high := int64(math.MaxInt64), int64(0)
	for i, s := range c.Timeline {
		for _, step := range result.HeatOf(s.Latency[metricName].Heat) {
			at := cell{int64(i / per), max(step.Low, 1), max(step.High, 2)}
			if counts[at] == 0 {
				order = append(order, at)
			}
			counts[at] += step.N
			most, total = max(most, counts[at]), total+step.N
			low, high = min(low, at.low), max(high, at.high)
		}
	}
	if total == 0 {
		return nil
	}
	x := draw.Axis{Label: "seconds since the start", Min: c.Timeline[0].T, Max: c.Timeline[len(c.Timeline)-1].T + 1}
	p := draw.Panel{X: x, Y: draw.Axis{Label: metricName + ", ms", Log: true}, Bands: bands(c), Rules: append(limitsOverTime(c, metricName), faults(c)...)}
	for _, at := range order {
		from := c.Timeline[int(at.column)*per].T
		p.Boxes = append(p.Boxes, draw.Box{X0: from, X1: min(from+float64(per), x.Max), Y0: Ms(at.low), Y1: Ms(at.high), Fill: draw.Fill(shadeOf(counts[at], most))})
	}
	p.Lines = heatKeys(most)
	f := &Figure{Caption: fmt.Sprintf("Stalls, modes and pauses that percentiles hide: the number of %s samples in each cell. A cell is %s wide and a factor of 1.19 high. The colour scale is logarithmic; n counts the recorded phases only.", metricName, layout.Plural(per, "second"))}
	f.Figure = draw.Figure{Name: name, Title: layout.UpperFirst(metricName) + " heat map", Sub: JoinSub(sub, "n = "+layout.Count(recorded(c, metricName))), Panels: []draw.Panel{p}}
	f.Data = heatTable(c, metricName)
	return f
}

// shadeOf is the step of the scale for n samples when the fullest cell has most.
func shadeOf(n, most int64) int {
	if most <= 1 {
		return draw.Shades - 1
	}
	return min(draw.Shades-1, int(float64(draw.Shades)*math.Log(float64(n))/math.Log(float64(most)+1)))
}

// recorded is how many samples of a metric the summary counts.
func recorded(c *result.Cell, metricName string) int64 {
	if l := c.Latency[metricName]; l != nil {
		return l.N
	}
	return 0
}

// heatKeys is the legend: the least number of samples in a cell of each second step, since eight
// would not fit.
func heatKeys(most int64) (keys []draw.Line) {
	before := int64(0)
	for shade := range draw.Shades {
		n := int64(math.Ceil(math.Pow(float64(most)+1, float64(shade)/float64(draw.Shades)) - 1e-9))
		if n <= before || n > most || shade%2 == 1 && shade < draw.Shades-1 {
			continue
		}
		before = n
		name := layout.Count(n) + "+"
		if len(keys) == 0 {
			name += " samples in a cell"
		}
		keys = append(keys, draw.Line{Name: name, Key: true, Fill: draw.Fill(shadeOf(n, most))})
	}
	return keys
}

// heatTable sums the map up over time: what the picture shows as rows.
func heatTable(c *result.Cell, metricName string) layout.Table {
	sums, order := map[result.HeatStep]int64{}, []result.HeatStep{}
	total := int64(0)
	for _, s := range c.Timeline {
		if !selection.RecordedAt(c, s.T) {
			continue
		}
		for _, step := range result.HeatOf(s.Latency[metricName].Heat) {
			n := step.N
			step.N = 0
			if sums[step] == 0 {
				order = append(order, step)
			}
			sums[step] += n
			total += n
		}
	}
	sortSteps(order)
	t := layout.Table{Left: 1, Head: []string{"latency", "samples", "share"}, Note: "Summed over the recorded seconds; result.json has each second."}
	for _, step := range order {
		t.Rows = append(t.Rows, []string{layout.Micros(float64(step.Low)) + " to " + layout.Micros(float64(step.High)), layout.Count(sums[step]), layout.Share(float64(sums[step]) / float64(total))})
	}
	return t
}
