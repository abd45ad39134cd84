package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// table is rows of text with a heading. The first Left columns are words, the others numbers.
type table struct {
	Title string
	Head  []string // nil for a table of names and values
	Rows  [][]string
	Left  int
	Note  string
	Marks map[[2]int]string // by row and column: the class of a cell that is coloured; its words stand without it
	Links []string          // by row: the anchor on the page that its first column leads to; "" or missing: none
}

// group is the trials of one combination of parameters.
type group struct {
	Label string // the parameters that differ between groups: "batched / websocket"
	Cells []*result.Cell
}

// groups sorts the cells of a run by parameters, in the order in which the combinations first ran.
func groups(run *result.Run) []group {
	axes := varying(run)
	at := map[string]int{}
	var gs []group
	for i := range run.Cells {
		c := &run.Cells[i]
		key := fmt.Sprint(c.Params) // fmt sorts the keys
		j, ok := at[key]
		if !ok {
			j = len(gs)
			at[key] = j
			gs = append(gs, group{Label: cmp.Or(label(c, axes), "all")})
		}
		gs[j].Cells = append(gs[j].Cells, c)
	}
	return gs
}

// varying lists the parameters that do not have the same value in all cells, sorted.
func varying(run *result.Run) []string {
	values := map[string]map[string]bool{}
	for _, c := range run.Cells {
		for k, v := range c.Params {
			if values[k] == nil {
				values[k] = map[string]bool{}
			}
			values[k][v] = true
		}
	}
	var axes []string
	for k, vs := range values {
		if len(vs) > 1 {
			axes = append(axes, k)
		}
	}
	slices.Sort(axes)
	return axes
}

// label names a combination by the values of the axes. A value without a name of its own that says nothing by itself, a number or
// yes or no, carries the name of its axis.
func label(c *result.Cell, axes []string) string {
	var parts []string
	for _, k := range axes {
		v := value(c, k)
		if bare(v) {
			v = k + "=" + v
		}
		parts = append(parts, v)
	}
	return strings.Join(parts, " / ")
}

// value is the value of an axis, in the words that the scenario has for it.
func value(c *result.Cell, axis string) string { return cmp.Or(c.ParamNames[axis], c.Params[axis]) }

func bare(v string) bool {
	if _, err := strconv.ParseFloat(v, 64); err == nil {
		return true
	}
	return v == "" || v == "true" || v == "false" || v == "yes" || v == "no"
}

// setting is a parameter of the cell, from the matrix or from the scenario.
func setting(c *result.Cell, name string) string {
	return cmp.Or(c.Params[name], c.Settings[name])
}

// metrics lists the metrics of a cell that hold samples.
func metrics(c *result.Cell) []string {
	var names []string
	for name, l := range c.Latency {
		if l != nil && l.N+l.Never > 0 {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, metric.Order)
	return names
}

// primary is the metric that a run is about: deliveries where there are any, else acknowledgements, else whatever there is.
func primary(run *result.Run) string {
	for _, name := range []string{metric.Delivery, metric.Ack, metric.Step, metric.Connect} {
		for i := range run.Cells {
			if l := run.Cells[i].Latency[name]; l != nil && l.N+l.Never > 0 {
				return name
			}
		}
	}
	for i := range run.Cells {
		if m := metrics(&run.Cells[i]); len(m) > 0 {
			return m[0]
		}
	}
	return ""
}

// percentile is a column of the latency tables. It needs n samples: ten beyond the percentile.
type percentile struct {
	name string
	p    float64
	n    int64
	of   func(*result.Latency) int64
}

var percentiles = []percentile{
	{"p50", 0.5, 20, func(l *result.Latency) int64 { return l.P50us }},
	{"p90", 0.9, 100, func(l *result.Latency) int64 { return l.P90us }},
	{"p99", 0.99, 1000, func(l *result.Latency) int64 { return l.P99us }},
	{"p99.9", 0.999, 10000, func(l *result.Latency) int64 { return l.P999us }},
}

// enough tells whether n samples can say what their quantile q (0..1) is: ten of them lie beyond it.
func enough(n int64, q float64) bool { return float64(n)*(1-q) > 10-1e-6 }

const (
	p50 = iota
	p90
	p99
	p999
)

// showPercentile writes a percentile of l, or none when there are too few samples for it.
func showPercentile(p percentile, l *result.Latency) string {
	if l == nil || l.N+l.Never < p.n {
		return none
	}
	return atLeast(l, 100*p.p, p.of(l))
}

// atLeast writes the value of l at a percentile, with a sign where it is more than that.
func atLeast(l *result.Latency, percentile float64, us int64) string {
	s := micros(float64(us))
	if l.Beyond(percentile) {
		s = ">" + nbsp + s
	}
	return s
}

// samplesOf is how many samples l has, and how many never ended.
func samplesOf(l *result.Latency) string {
	s := count(l.N)
	if l.Never > 0 {
		s += ", " + count(l.Never) + nbsp + "never came"
	}
	return s
}

// ofSecond is the percentile, p50 or p99, of one second in µs; 0 when it has too few samples to say.
func (p percentile) ofSecond(q result.Quantiles) int64 {
	switch {
	case !enough(q.N, p.p):
		return 0
	case p.name == "p50":
		return max(q.P50us, 1)
	}
	return max(q.P99us, 1)
}

// ofSeconds is the percentile to draw by the second: p99 where half of the seconds with samples have enough for it, else p50.
func ofSeconds(timelines [][]result.Second, metricName string) percentile {
	some, many := 0, 0
	for _, timeline := range timelines {
		for _, s := range timeline {
			n := s.Latency[metricName].N
			if n > 0 {
				some++
			}
			if enough(n, percentiles[p99].p) {
				many++
			}
		}
	}
	if 2*many < some {
		return percentiles[p50]
	}
	return percentiles[p99]
}

// best is the highest percentile up to p99 that l has the samples for; "max" below twenty.
func best(l *result.Latency) (name string, us int64) {
	for _, i := range []int{p99, p90, p50} {
		if l.N+l.Never >= percentiles[i].n {
			return percentiles[i].name, percentiles[i].of(l)
		}
	}
	return "max", l.Maxus
}

// spread is the median of several trials with the range they cover.
type spread struct {
	n             int
	mid, low, top float64
}

// over collects a number from the cells that have it.
func over(cells []*result.Cell, f func(*result.Cell) (float64, bool)) spread {
	var vs []float64
	for _, c := range cells {
		if v, ok := f(c); ok {
			vs = append(vs, v)
		}
	}
	if len(vs) == 0 {
		return spread{}
	}
	slices.Sort(vs)
	mid := vs[len(vs)/2]
	if len(vs)%2 == 0 {
		mid = (vs[len(vs)/2-1] + mid) / 2
	}
	return spread{len(vs), mid, vs[0], vs[len(vs)-1]}
}

// showSpread writes the median of the trials and, when they differ, their range in parentheses.
func showSpread(s spread, f func(float64) string) string {
	switch s.n {
	case 0:
		return none
	case 1:
		return f(s.mid)
	}
	low, top := f(s.low), f(s.top)
	if low == top {
		return low
	}
	// "3.1 ms to 4 ms" repeats the unit needlessly.
	if v, unit, ok := strings.Cut(low, nbsp); ok && strings.HasSuffix(top, nbsp+unit) && !strings.ContainsAny(unit, "0123456789") {
		low = v
	}
	return fmt.Sprintf("%s (%s – %s)", f(s.mid), low, top)
}

// latencyOf reads a percentile of a metric, if there are samples enough.
func latencyOf(metricName string, i int) func(*result.Cell) (float64, bool) {
	return func(c *result.Cell) (float64, bool) {
		l := c.Latency[metricName]
		if l == nil || l.N < percentiles[i].n {
			return 0, false
		}
		return float64(percentiles[i].of(l)), true
	}
}

func efficiency(c *result.Cell) (float64, bool) {
	return c.Server.DeliveriesPerCPUs, c.Server.DeliveriesPerCPUs > 0
}

func deliveries(c *result.Cell) (float64, bool) { return c.Rates.DeliveriesPerS, true }

// valid leaves out the cells whose numbers say nothing about the server.
func (g group) valid() []*result.Cell {
	return slices.DeleteFunc(slices.Clone(g.Cells), func(c *result.Cell) bool { return c.Verdict == result.Invalid || c.Verdict == "" })
}

// verdicts of a group's trials in words: "pass", or "2 pass, 1 fail".
func (g group) verdicts() string {
	n := map[string]int{}
	for _, c := range g.Cells {
		n[outcomeOf(c)]++
	}
	var parts []string
	for _, v := range []string{interrupted, repeated, string(result.Invalid), string(result.Fail), string(result.Pass)} {
		switch {
		case n[v] == len(g.Cells):
			return v
		case n[v] > 0:
			parts = append(parts, fmt.Sprintf("%d %s", n[v], v))
		}
	}
	return strings.Join(parts, ", ")
}

// The words for cells that stand in the result without a verdict that counts: stopped before the end, or invalid and repeated.
const (
	interrupted = "interrupted"
	repeated    = "repeated"
)

// outcomeOf is the word for how a cell ended: its verdict, or that it was interrupted or repeated.
func outcomeOf(c *result.Cell) string {
	if c.Repeated {
		return repeated
	}
	if c.Interrupted {
		return interrupted
	}
	return string(result.Worst(c.Verdict, c.Verdict))
}

// wordOf is the word for how a run ended.
func wordOf(run *result.Run) string {
	if run.Interrupted {
		return interrupted
	}
	return string(result.Worst(run.Verdict, run.Verdict))
}

// isConnect tells the metrics of the ramp: connect and its stages, connect.tcp and so on.
func isConnect(metricName string) bool {
	return metricName == metric.Connect || strings.HasPrefix(metricName, metric.Connect+".")
}
