package charts

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/throng-io/throng/reports/internal/draw"
	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/reports/internal/tables"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// Roles of the lines that come back in several charts.
var metricStyle = map[string]draw.Style{
	metric.Delivery: draw.Blue, metric.FanoutLast: draw.Vermillion, metric.Ack: draw.Green, metric.AckService: draw.Purple, metric.Connect: draw.Orange,
}

const spectrumLines = 5

// spectrum is the whole distribution of each metric on an axis that gives each further nine the
// same room. A line ends where fewer than ten samples lie beyond it.
func spectrum(name string, c *result.Cell, names []string, sub string) (*Figure, error) {
	p := draw.Panel{Y: draw.Axis{Label: "latency, ms", Log: true}}
	f := &Figure{Caption: "The tail of the distribution: the share x of the samples took at most y. A line ends where fewer than ten samples lie above it."}
	farthest := 10.0
	shown := names[:min(len(names), spectrumLines)]
	for _, metricName := range shown {
		pts, err := SpectrumPoints(c.Latency[metricName])
		if err != nil {
			return nil, fmt.Errorf("spectrum of %s: %w", metricName, err)
		}
		if len(pts) < 2 {
			continue
		}
		style, ok := metricStyle[metricName]
		if !ok {
			style = unused(p.Lines, shown)
		}
		p.Lines = append(p.Lines, draw.Line{Name: fmt.Sprintf("%s (n = %s)", metricName, layout.Count(c.Latency[metricName].N)), Points: pts, Style: style})
		farthest = max(farthest, pts[len(pts)-1].X)
	}
	if len(p.Lines) == 0 {
		return nil, nil
	}
	p.X = SpectrumAxis(farthest)
	p.Rules = limits(c, shown, farthest)
	f.Figure = draw.Figure{Name: name, Title: "Latency by percentile", Sub: sub, Panels: []draw.Panel{p}}
	f.Data = tables.LatencyTable(c.Latency, names, c.ClockBoundUs())
	f.Data.Title = ""
	return f, nil
}

// unused is the first style that no line has yet, nor one of the metrics that are still to come.
func unused(lines []draw.Line, metrics []string) draw.Style {
	for s := range draw.Style(draw.Series) {
		drawn := slices.ContainsFunc(lines, func(l draw.Line) bool { return l.Style == s })
		kept := slices.ContainsFunc(metrics, func(m string) bool { role, ok := metricStyle[m]; return ok && role == s })
		if !drawn && !kept {
			return s
		}
	}
	return draw.Grey
}

// SpectrumPoints samples a histogram at steps of equal width on the axis 1/(1-p).
func SpectrumPoints(l *result.Latency) ([]draw.Point, error) {
	if l == nil || l.N < selection.Percentiles[selection.P50].N {
		return nil, nil
	}
	all, err := l.Samples()
	if err != nil {
		return nil, err
	}
	end := math.Log10(float64(all.Total()) / 10)
	const perDecade = 40
	var at, ps []float64
	add := func(x float64) {
		at = append(at, math.Pow(10, x))
		ps = append(ps, 100*(1-math.Pow(10, -x)))
	}
	add(0)
	// the rise from the fastest sample is steep
	for _, p := range []float64{0.002, 0.005, 0.01, 0.02, 0.03, 0.04} {
		add(-math.Log10(1 - p))
	}
	for i := 1; ; i++ {
		x := math.Min(float64(i)/perDecade, end)
		add(x)
		if x >= end {
			break
		}
	}
	var pts []draw.Point
	for i, p := range ps {
		us, beyond := all.Percentile(p)
		if beyond {
			break // what never came has no place in the curve
		}
		pts = append(pts, draw.Point{X: at[i], Y: Ms(max(us, 1))})
	}
	return pts, nil
}

// SpectrumAxis is the axis 1/(1-p) up to farthest, with a tick for each further nine, three at
// least.
func SpectrumAxis(farthest float64) draw.Axis {
	a := draw.Axis{Label: "percentile", Log: true, Min: 1, Max: farthest, Ticks: []draw.Tick{{At: 1, Label: "0"}, {At: 2, Label: "50"}}}
	if farthest < 9.999 { // few samples
		a.Ticks = append(a.Ticks, draw.Tick{At: 4, Label: "75"})
	}
	s := "90"
	for x := 10.0; x <= farthest*1.0001 && x < 1e9; x *= 10 {
		a.Ticks = append(a.Ticks, draw.Tick{At: x, Label: s})
		if s == "90" || s == "99" {
			s = map[string]string{"90": "99", "99": "99.9"}[s]
		} else {
			s += "9"
		}
	}
	a.Max = max(a.Max, a.Ticks[len(a.Ticks)-1].At)
	for i := range a.Ticks {
		a.Ticks[i].Label += layout.Nbsp + "%"
	}
	return a
}

// limits are the rules of the service-level checks on percentiles of the metrics shown, of those
// checks that are about all that was recorded. Marks say which percentile each is about.
func limits(c *result.Cell, metrics []string, farthest float64) []draw.Rule {
	var rs []draw.Rule
	for i := range c.Checks {
		k := &c.Checks[i]
		if !limiting(k, metrics) || !ofAll(c, k) {
			continue
		}
		r := draw.Rule{At: k.Limit * 1e3, Label: k.Text}
		if q := layout.Quantile(k.Stat); q > 0 && farthest > 0 && 1/(1-q) <= farthest {
			r.MarkX = 1 / (1 - q)
		}
		rs = append(rs, r)
	}
	return rs
}

// limitsOverTime are these rules over the timeline, each where its check applies.
func limitsOverTime(c *result.Cell, metricName string) []draw.Rule {
	var rs []draw.Rule
	for i := range c.Checks {
		k := &c.Checks[i]
		if !limiting(k, []string{metricName}) {
			continue
		}
		if r, ok := ruleOverPhase(c, k, 1e3); ok {
			rs = append(rs, r)
		}
	}
	return rs
}

// ruleOverPhase is the limit of a check where the check applies; ok is false when its phase was not
// reached.
func ruleOverPhase(c *result.Cell, k *result.Check, scale float64) (r draw.Rule, ok bool) {
	r = draw.Rule{At: k.Limit * scale, Label: k.Text}
	if k.Phase == "" {
		return r, true
	}
	at := slices.IndexFunc(c.Phases, func(p result.Phase) bool { return p.Name == k.Phase })
	if at < 0 {
		return r, false
	}
	r.From, r.To = c.Phases[at].StartS, c.Phases[at].EndS
	return r, true
}

// limiting tells whether a check sets a limit to latencies of these metrics.
func limiting(k *result.Check, metrics []string) bool {
	return k.Kind != result.KindValid && slices.Contains(metrics, k.Metric) && k.Limit > 0 && (layout.Quantile(k.Stat) > 0 || k.Stat == "max")
}

// ofAll tells whether a check is about everything that was recorded.
func ofAll(c *result.Cell, k *result.Check) bool {
	return k.Phase == "" || !slices.ContainsFunc(c.Phases, func(p result.Phase) bool { return p.Record && p.Name != k.Phase })
}

// maxSeconds is how many points a timeline shows. Longer ones show stretches of several seconds,
// each by its highest second.
const maxSeconds = 900

// stretches cuts a timeline of n seconds into equal parts, of one second unless there are too many.
func stretches(n int) (per int) { return (n + maxSeconds - 1) / maxSeconds }

func bands(c *result.Cell) []draw.Band {
	var bs []draw.Band
	for _, p := range c.Phases {
		if p.EndS > p.StartS {
			bs = append(bs, draw.Band{From: p.StartS, To: p.EndS, Label: p.Name, Grey: !p.Record})
		}
	}
	return bs
}

// latencyTimeline is p50, p99 and max of a metric per second, above what was sent and received.
func latencyTimeline(name, metricName string, c *result.Cell, sub string) *Figure {
	per := stretches(len(c.Timeline))
	var mid, high, worst, got, sent []draw.Point
	gap, thin := false, false
	data := layout.Table{Left: 0, Head: []string{"second", "n", "p50", "p99", "max", "sent", "received"}}
	every := 1 + len(c.Timeline)/60
	total := int64(0)
	for i := 0; i < len(c.Timeline); i += per {
		s := c.Timeline[i]
		q, out, in := stretch(c.Timeline[i:min(i+per, len(c.Timeline))], metricName)
		x := s.T + float64(per)/2
		got = append(got, draw.Point{X: x, Y: in})
		sent = append(sent, draw.Point{X: x, Y: out})
		if i/per%every == 0 {
			data.Rows = append(data.Rows, timelineRow(s.T, q, out, in))
		}
		if q.N == 0 {
			gap = true
			continue
		}
		total += q.N
		worst = append(worst, draw.Point{X: x, Y: Ms(max(q.Maxus, 1)), Gap: gap})
		gap = false
		mid, high = NextPoint(mid, x, q.P50us, float64(per)), NextPoint(high, x, q.P99us, float64(per))
		thin = thin || q.P99us == 0
	}
	if total == 0 {
		return nil
	}
	if every > 1 {
		data.Note = fmt.Sprintf("One row in %d is shown; result.json has all of them.", every)
	}
	if thin {
		data.Note = strings.TrimSpace(data.Note + " “-”: fewer than ten samples of that second lie above that percentile.")
	}
	y := draw.Axis{Label: metricName + ", ms", Log: true}
	x := draw.Axis{Min: c.Timeline[0].T, Max: c.Timeline[len(c.Timeline)-1].T + 1}
	last := x
	last.Label = "seconds since the start"
	f := &Figure{Data: data, Caption: "When it was slow: " + metricName + " latency of each second" + phaseNote(c)}
	if per > 1 {
		f.Caption += fmt.Sprintf(" Each point covers %d seconds and shows the slowest of them.", per)
	}
	if thin {
		f.Caption += " A percentile is drawn for a second with ten or more samples above it: p50 needs 20 samples, p99 needs 1" + layout.Nbsp + "000."
	}
	lines := []draw.Line{
		{Name: "max", Points: worst, Style: draw.Orange, Thin: true}, {Name: "p99", Points: high, Style: draw.Blue}, {Name: "p50", Points: mid, Style: draw.Green},
	}
	lines = slices.DeleteFunc(lines, func(l draw.Line) bool { return len(l.Points) == 0 })
	f.Figure = draw.Figure{Name: name, Title: layout.UpperFirst(metricName) + " latency over time", Sub: sub, Panels: []draw.Panel{
		{X: x, Y: y, Bands: bands(c), Weight: 1.3, Rules: append(limitsOverTime(c, metricName), faults(c)...), Lines: lines},
		ratePanel(metricName, last, got, sent, c),
	}}
	return f
}

// ratePanel is what arrived per second, and what was sent where the two can be seen on one axis.
func ratePanel(metricName string, x draw.Axis, got, sent []draw.Point, c *result.Cell) draw.Panel {
	p := draw.Panel{X: x, Y: draw.Axis{Label: "acks per second"}, Weight: 0.6, Bands: unnamed(bands(c)), Rules: faults(c)}
	if metricName == metric.Delivery {
		p.Y.Label = "deliveries per second"
	}
	p.Lines = []draw.Line{{Points: got, Style: draw.Blue}}
	if top(sent) > top(got)/20 {
		p.Y.Label = "messages per second"
		p.Lines[0].Name = "received"
		p.Lines = append(p.Lines, draw.Line{Name: "sent", Points: sent, Style: draw.Vermillion})
	}
	return p
}

func top(pts []draw.Point) (y float64) {
	for _, p := range pts {
		y = max(y, p.Y)
	}
	return y
}

// phaseNote names the phases, since the narrow ones have no room for their names in the figure.
func phaseNote(c *result.Cell) string { return phaseNoteUntil(c, math.Inf(1)) }

// phaseNoteUntil is that of a figure that ends at a second.
func phaseNoteUntil(c *result.Cell, end float64) string {
	var parts []string
	grey := false
	for _, p := range c.Phases {
		if p.StartS >= end {
			continue
		}
		parts = append(parts, fmt.Sprintf("%s %s to %s", p.Name, layout.Significant(p.StartS), layout.Seconds(p.EndS)))
		grey = grey || !p.Record
	}
	if len(parts) == 0 {
		return "."
	}
	s := ". Phases: " + strings.Join(parts, ", ") + "."
	if grey {
		s += " Grey phases are not recorded: the summary leaves them out."
	}
	if len(until(faults(c), end)) > 0 {
		s += " Vertical lines are the moments of faults."
	}
	return s
}

// NextPoint adds a value in µs to a line whose points are step seconds apart; where some are
// missing (0) it is broken.
func NextPoint(pts []draw.Point, x float64, us int64, step float64) []draw.Point {
	if us == 0 {
		return pts
	}
	gap := len(pts) == 0 || x-pts[len(pts)-1].X > 1.5*step
	return append(pts, draw.Point{X: x, Y: Ms(us), Gap: gap})
}

// stretch takes the worst second of each percentile, of those that have the samples for it (0: none
// has), and the mean rates: of deliveries, or of the samples of another metric.
func stretch(ss []result.Second, metricName string) (q result.Quantiles, sent, received float64) {
	for _, s := range ss {
		l := s.Latency[metricName]
		q.N += l.N
		q.Maxus = max(q.Maxus, l.Maxus)
		if selection.Enough(l.N, 0.5) {
			q.P50us = max(q.P50us, l.P50us, 1)
		}
		if selection.Enough(l.N, 0.99) {
			q.P99us = max(q.P99us, l.P99us, 1)
		}
		sent += float64(s.Sent)
		if metricName == metric.Delivery {
			received += float64(s.Received)
		} else {
			received += float64(l.N)
		}
	}
	n := float64(len(ss))
	return q, sent / n, received / n
}

func timelineRow(t float64, q result.Quantiles, sent, received float64) []string {
	row := []string{layout.Significant(t), layout.Count(q.N), layout.None, layout.None, layout.None, layout.Significant(sent), layout.Significant(received)}
	if q.N > 0 {
		row[2], row[3], row[4] = layout.Known(q.P50us, layout.Micros), layout.Known(q.P99us, layout.Micros), layout.Micros(float64(q.Maxus))
	}
	return row
}

// unnamed keeps the bands and drops their names, for panels below the one that names them.
func unnamed(bs []draw.Band) []draw.Band {
	for i := range bs {
		bs[i].Label = ""
	}
	return bs
}

// receiverCurve is when each share of the receivers had a broadcast.
func receiverCurve(name string, c *result.Cell, sub string) *Figure {
	if len(c.Curve) < 2 {
		return nil
	}
	var mid, high []draw.Point
	data := layout.Table{Head: []string{"receivers reached", "median broadcast", "p99 broadcast", "broadcasts"}}
	n := int64(0)
	for i, p := range c.Curve {
		row := []string{layout.Share(p.Rank), layout.None, layout.None, layout.Count(p.N)}
		if selection.Enough(p.N, 0.5) {
			mid, row[1] = append(mid, draw.Point{X: p.Rank * 100, Y: Ms(p.P50us)}), layout.Micros(float64(p.P50us))
		}
		if selection.Enough(p.N, 0.99) {
			high, row[2] = append(high, draw.Point{X: p.Rank * 100, Y: Ms(p.P99us)}), layout.Micros(float64(p.P99us))
		}
		n = max(n, p.N)
		if i%(1+len(c.Curve)/25) == 0 || i == len(c.Curve)-1 {
			data.Rows = append(data.Rows, row)
		}
	}
	if len(mid) < 2 {
		return nil
	}
	p := draw.Panel{
		X:     draw.Axis{Label: "receivers reached, %", Min: 0, Max: 100},
		Y:     draw.Axis{Label: "ms since the broadcast was due"},
		Lines: []draw.Line{{Name: "median broadcast", Points: mid, Style: draw.Blue}},
	}
	if len(high) > 1 {
		p.Lines = append(p.Lines, draw.Line{Name: "99th percentile of broadcasts", Points: high, Style: draw.Vermillion})
	}
	f := &Figure{Data: data, Caption: "How evenly the fan-out serves: when the first, the middle and the last receiver of a broadcast received it. A flat line means that all receivers are served at the same time."}
	if len(high) < 2 {
		f.Caption += " Their 99th percentile needs 1" + layout.Nbsp + "000 broadcasts."
	}
	f.Figure = draw.Figure{Name: name, Title: "Receiver curve", Sub: JoinSub(sub, layout.Plural(n, "broadcast")), Panels: []draw.Panel{p}}
	return f
}
