package charts

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/throng-io/throng/reports/internal/draw"
	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/reports/internal/tables"
	"github.com/throng-io/throng/scenario/result"
)

// blocking is what lost packets cost: a metric by the loss of the network, and below it the share
// of the messages that were delayed beside the share that lost a packet of its own. The messages
// between the two waited only for a packet before them.
func blocking(run *result.Run, gs []selection.Group, metricName string) (*Figure, error) {
	all, err := selection.Blocking(run, gs, metricName)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	if len(all) > draw.Series-1 {
		all = all[:draw.Series-1]
	}
	slow := draw.Panel{Y: draw.Axis{Label: metricName + ", ms (log)", Log: true}}
	held := draw.Panel{Y: draw.Axis{Label: "messages, %", Zero: true}, X: draw.Axis{Label: "packets lost each way, %"}}
	f := &Figure{Data: layout.Table{Left: 1, Head: []string{
		"", "loss asked", "lost up", "lost down", "p50", "p90", "p99", "delayed", "own packet lost", "delayed for each of these", "n",
	}}}
	var own []draw.Point
	for i := range all {
		s := &all[i]
		var p50, p99, delayed []draw.Point
		for j := range s.Points {
			p := &s.Points[j]
			x := 100 * p.Asked
			p50 = append(p50, draw.Point{X: x, Y: Ms(p.Latency.P50us)})
			p99 = append(p99, draw.Point{X: x, Y: Ms(p.Latency.P99us)})
			delayed = append(delayed, draw.Point{X: x, Y: 100 * p.Delayed})
			if !slices.ContainsFunc(own, func(o draw.Point) bool { return o.X == x }) {
				own = append(own, draw.Point{X: x, Y: 100 * p.Own})
				held.X.Ticks = append(held.X.Ticks, draw.Tick{At: x, Label: layout.Significant(x)})
			}
			f.Data.Rows = append(f.Data.Rows, blockedRow(s.Label, p))
		}
		style := draw.Style(i)
		slow.Lines = append(slow.Lines, draw.Line{Name: s.Label + " p99", Points: p99, Style: style}, draw.Line{Points: p50, Style: style, Thin: true})
		held.Lines = append(held.Lines, draw.Line{Name: s.Label + ", delayed", Points: delayed, Style: style})
	}
	slices.SortFunc(own, func(a, b draw.Point) int { return cmp.Compare(a.X, b.X) })
	held.Lines = append(held.Lines, draw.Line{Name: "lost a packet of their own", Points: own, Style: draw.Ink})
	held.X.Min, held.X.Max = own[0].X, own[len(own)-1].X
	slow.X = held.X
	slow.X.Label = ""
	f.Caption = "What a lost packet costs the messages behind it. Above, the " + metricName + " by the loss of the network; a thin line is p50. Below, the share of the messages that were delayed: they took a tenth longer, or more, than 99 of 100 did at the least loss. Few of them lost a packet of their own (dotted, of a message that is one packet each way); the others waited for a packet that was sent before them."
	if p := &all[0].Points[len(all[0].Points)-1]; p.Own > 0 {
		f.Caption += fmt.Sprintf(" At a loss of %s, %s of %s were delayed and %s lost a packet: %s for each of these.",
			layout.Share(p.Asked), layout.Share(p.Delayed), all[0].Label, layout.Share(p.Own), layout.Significant(p.Delayed/p.Own))
	}
	f.Figure = draw.Figure{Name: "blocking", Title: "Head-of-line blocking", Sub: tables.TrialsNote(gs), Panels: []draw.Panel{slow, held}}
	return f, nil
}

// blockedRow is one point of the figure in numbers.
func blockedRow(label string, p *selection.Blocked) []string {
	row := []string{label, layout.Share(p.Asked), layout.Share(p.Up), layout.Share(p.Down)}
	for _, q := range []int{selection.P50, selection.P90, selection.P99} {
		row = append(row, tables.ShowPercentile(selection.Percentiles[q], p.Latency))
	}
	times := layout.None
	if p.Own > 0 {
		times = layout.Significant(p.Delayed / p.Own)
	}
	return append(row, layout.Share(p.Delayed), layout.Share(p.Own), times, tables.SamplesOf(p.Latency))
}
