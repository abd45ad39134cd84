package capacity

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/reports/model"
	"github.com/throng-io/throng/scenario/result"
)

// The ends of a search, as result.Capacity names them.
const (
	endFound     = "found"
	endAtLeast   = "at least"
	endBelow     = "below"
	endGenerator = "generator"
	endBudget    = "budget"
	endNoisy     = "noisy"
)

// Capacity is what a search found with what follows from it: where latency bends, how throughput
// scales, the load to run a node at, and how many nodes a load needs. Each conclusion that the
// trials do not support is absent, with the reason in its note.
type Capacity struct {
	result.Capacity
	Verdict result.Verdict `json:"verdict"`
	Line    string         `json:"line"` // the answer in one to four sentences
	// the check that breaks first, with what it found at High
	Reason string `json:"reason,omitempty"`

	// the level at which p99 begins to rise steeply; 0: none
	Knee     float64 `json:"knee,omitempty"`
	KneeNote string  `json:"knee_note"`

	// the level to run a node at; 0 without a capacity
	Operating     float64 `json:"operating,omitempty"`
	OperatingNote string  `json:"operating_note,omitempty"`
	// what was measured nearest to it, within a tenth
	At *Load `json:"at_operating,omitempty"`

	USL     *model.USL `json:"usl,omitempty"`
	USLNote string     `json:"usl_note"`

	// BytesPerClient is the growth of the server's memory for each client, with its 95 % interval.
	BytesPerClient     *model.Estimate `json:"bytes_per_client,omitempty"`
	BytesPerClientNote string          `json:"bytes_per_client_note,omitempty"`

	// for PlanFor, Spare of them to spare; 0: not asked for, or not known
	Nodes     int    `json:"nodes,omitempty"`
	NodesNote string `json:"nodes_note,omitempty"`

	levels []Load
	metric string
	run    *result.Run
}

// Load is what the valid trials of one level measured, medians where there were several.
type Load struct {
	Level  float64 `json:"level"`
	Trials int     `json:"trials"`
	Held   int     `json:"held"` // of them
	P50us  float64 `json:"p50_us"`
	P99us  float64 `json:"p99_us"` // 0: too few samples
	// the true percentile is more: it is among what never came, and the value how long was waited
	P50Beyond      bool    `json:"p50_beyond,omitempty"`
	P99Beyond      bool    `json:"p99_beyond,omitempty"`
	OfferedPerS    float64 `json:"offered_per_s"`
	AchievedPerS   float64 `json:"achieved_per_s"`
	DeliveriesPerS float64 `json:"deliveries_per_s"`
	ServerCores    float64 `json:"server_cores"`
	Clients        float64 `json:"clients"`
	Cells          []int   `json:"cells"` // places of the trials in result.json, from 1

	low99, high99 float64
	all           []*result.Cell
}

// Of draws the conclusions from the result of a search. It returns nil for a run that is none.
func Of(run *result.Run) *Capacity {
	if run.Capacity == nil {
		return nil
	}
	c := &Capacity{Capacity: *run.Capacity, Verdict: result.Worst(run.Verdict, run.Verdict), metric: selection.Primary(run), run: run}
	c.levels = loads(run, c.metric)
	c.bend()
	c.scale()
	c.memory()
	c.operate()
	c.nodes()
	c.Reason = c.firstBroken()
	c.Line = layout.Joined(c.Answer(), c.NodesNote)
	for _, s := range []*string{&c.Line, &c.Reason, &c.KneeNote, &c.OperatingNote, &c.USLNote, &c.BytesPerClientNote, &c.NodesNote} {
		*s = strings.ReplaceAll(*s, layout.Nbsp, " ")
	}
	return c
}

// loads sums the valid trials of each level up, in order of the levels.
func loads(run *result.Run, metricName string) []Load {
	at := map[float64]*Load{}
	var order []float64
	for _, p := range run.Capacity.Probes {
		if p.Cell < 1 || p.Cell > len(run.Cells) || p.Verdict != selection.ProbeHeld && p.Verdict != selection.ProbeBroke {
			continue
		}
		l := at[p.Level]
		if l == nil {
			l = &Load{Level: p.Level}
			at[p.Level] = l
			order = append(order, p.Level)
		}
		l.Trials++
		if p.Verdict == selection.ProbeHeld {
			l.Held++
		}
		l.Cells = append(l.Cells, p.Cell)
		l.all = append(l.all, &run.Cells[p.Cell-1])
	}
	slices.Sort(order)
	var out []Load
	for _, level := range order {
		l := at[level]
		mid := func(f func(*result.Cell) (float64, bool)) float64 { return selection.Over(l.all, f).Mid }
		p50, p99 := selection.OverLatency(l.all, metricName, selection.P50), selection.OverLatency(l.all, metricName, selection.P99)
		l.P50us, l.P50Beyond = p50.Mid, p50.Beyond
		l.P99us, l.P99Beyond, l.low99, l.high99 = p99.Mid, p99.Beyond, p99.Low, p99.Top
		l.OfferedPerS = mid(func(c *result.Cell) (float64, bool) { return c.Rates.OfferedPerS, true })
		l.AchievedPerS = mid(func(c *result.Cell) (float64, bool) { return c.Rates.AchievedPerS, true })
		l.DeliveriesPerS = mid(selection.Deliveries)
		l.ServerCores = mid(selection.ServerCores)
		l.Clients = mid(func(c *result.Cell) (float64, bool) { return float64(c.Clients.Held), true })
		out = append(out, *l)
	}
	return out
}

// bend looks for the knee of p99 over the levels.
func (c *Capacity) bend() {
	var points []model.Point
	known := map[float64]bool{}
	for _, l := range c.levels {
		for _, cell := range l.all {
			if us, ok := selection.LatencyOf(c.metric, selection.P99)(cell); ok {
				points = append(points, model.Point{Level: l.Level, Value: us})
				known[l.Level] = true
			}
		}
	}
	knee, err := model.Knee(points)
	switch n := len(known); {
	case err != nil && n < model.MinLevels && n < len(c.levels):
		c.KneeNote = fmt.Sprintf("No knee: %d of %s had trials with the %s samples that a p99 takes; %d or more are needed.",
			n, layout.Plural(len(c.levels), "level"), layout.Count(selection.Percentiles[selection.P99].N), model.MinLevels)
		return
	case err != nil:
		c.KneeNote = layout.UpperFirst(err.Error()) + "."
		return
	}
	c.Knee = knee
	c.KneeNote = fmt.Sprintf("p99 %s begins to rise steeply at %s (Kneedle on %d levels).", c.metric, c.show(knee), len(known))
}

// scale fits the scalability law to the throughput by level. Rates and loads are no concurrency, so
// only counts are fitted.
func (c *Capacity) scale() {
	defer c.shared()
	if c.Unit != "" {
		c.USLNote = "No scalability fit: it needs a number of clients, rooms or cores as the level, and " + c.Raise + " is none."
		return
	}
	var points []model.Point
	for _, l := range c.levels {
		for _, cell := range l.all {
			if x := selection.Throughput(cell); x > 0 {
				points = append(points, model.Point{Level: l.Level, Value: x})
			}
		}
	}
	u, err := model.FitUSL(points)
	if err != nil {
		c.USLNote = layout.UpperFirst(err.Error()) + "."
		return
	}
	c.USL, c.USLNote = u, u.Verdict()
}

// raisesNodes reports whether the levels are numbers of nodes: each trial had as many.
func (c *Capacity) raisesNodes() bool {
	several := false
	for i := range c.levels {
		for _, cell := range c.levels[i].all {
			n := 1
			if cell.Nodes != nil {
				n, several = len(cell.Nodes.List), true
			}
			if float64(n) != c.levels[i].Level {
				return false
			}
		}
	}
	return several
}

// shared says of nodes on one machine what a fit over their number is about.
func (c *Capacity) shared() {
	if !c.raisesNodes() || !sameMachine(c.run) {
		return
	}
	cores := "cores"
	if n := c.run.Env["cores"]; n != "" {
		cores = n + " cores"
	}
	c.USLNote += fmt.Sprintf(" All nodes shared the %s of this machine with their broker and the clients: contention here includes waiting for these cores, and nodes on machines of their own scale otherwise.", cores)
}

// memory fits a line to the server's memory by clients held.
func (c *Capacity) memory() {
	if c.raisesNodes() {
		c.BytesPerClientNote = "Memory per client is not known: the clients came with further nodes."
		return
	}
	line, err := model.FitLine(memoryPoints(c.levels))
	switch {
	case c.unread():
		c.BytesPerClientNote = "The server's cores and memory are not known. Name its process on this machine (--set target.sample.pid=PID), or where it offers its metrics (--set target.sample.prometheus=URL)."
	case err != nil:
		c.BytesPerClientNote = "Memory per client is not known: " + err.Error() + "."
	case line.Slope.Low <= 0:
		c.BytesPerClientNote = fmt.Sprintf("The server's memory does not grow with the clients in a way that %d trials could show.", line.Points)
	default:
		c.BytesPerClient = &line.Slope
	}
}

// unread reports whether the trials ran against a single target of which nothing was read.
func (c *Capacity) unread() bool {
	return len(c.levels) > 0 && !slices.ContainsFunc(c.levels, func(l Load) bool {
		return l.ServerCores > 0 || slices.ContainsFunc(l.all, func(cell *result.Cell) bool {
			return cell.Server.Target == "" || cell.Server.RSSPeakBytes > 0 || cell.Nodes != nil
		})
	})
}

func memoryPoints(levels []Load) []model.Point {
	var points []model.Point
	for _, l := range levels {
		for _, cell := range l.all {
			if cell.Server.RSSPeakBytes > 0 && cell.Clients.Held > 0 {
				points = append(points, model.Point{Level: float64(cell.Clients.Held), Value: float64(cell.Server.RSSPeakBytes)})
			}
		}
	}
	return points
}

// operate names the operating point and what was measured next to it.
func (c *Capacity) operate() {
	if c.Low <= 0 || !c.LowConfirmed || c.raisesNodes() {
		return
	}
	c.Operating = model.OperatingPoint(c.Low, c.Knee)
	c.OperatingNote = "70 % of the capacity"
	if c.Knee > 0 && c.Operating == c.Knee {
		c.OperatingNote = "the knee, which lies below 70 % of the capacity"
	}
	if c.Unit == "" || c.Unit == "B" {
		c.Operating = math.Floor(c.Operating)
	}
	if c.Operating == 0 {
		c.OperatingNote = ""
		return
	}
	best := 0.1
	for i := range c.levels {
		if d := math.Abs(c.levels[i].Level/c.Operating - 1); d <= best && c.levels[i].P50us > 0 {
			best, c.At = d, &c.levels[i]
		}
	}
}

func (c *Capacity) nodes() {
	if c.PlanFor <= 0 {
		return
	}
	if c.raisesNodes() {
		c.NodesNote = "How many nodes a load needs follows from what one node holds: raise the load, such as groups.NAME.count, and not the nodes."
		return
	}
	if c.Operating <= 0 {
		c.NodesNote = "No level was confirmed to hold, so nodes cannot be counted."
		if c.LowConfirmed {
			c.NodesNote = "A node that holds " + c.noun(c.Low) + " has no room to spare, so nodes cannot be counted."
		}
		return
	}
	n, err := model.Nodes(c.PlanFor, c.Operating, c.Spare)
	if err != nil {
		c.NodesNote = layout.UpperFirst(err.Error()) + "."
		return
	}
	c.Nodes = n
	c.NodesNote = fmt.Sprintf("%s need %s of this size at %s each%s; load spread evenly, and nothing between the nodes that slows them.",
		c.noun(c.PlanFor), layout.Plural(n, "node"), c.show(c.Operating), spareNote(c.Spare))
}

func spareNote(n int) string {
	if n == 0 {
		return ", none to spare"
	}
	return fmt.Sprintf(", %d of them to spare", n)
}
