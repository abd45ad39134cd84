package reports

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

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
)

// Verdicts of a trial of a search.
const (
	probeHeld  = "held"
	probeBroke = "broke"
)

// Capacity is what a search found with what follows from it: where latency bends, how throughput scales, the load to run a node at,
// and how many nodes a load needs. Each conclusion that the trials do not support is absent, with the reason in its note.
type Capacity struct {
	result.Capacity
	Verdict result.Verdict `json:"verdict"`
	Line    string         `json:"line"`             // the answer in one to four sentences
	Reason  string         `json:"reason,omitempty"` // the check that breaks first, with what it found at High

	Knee     float64 `json:"knee,omitempty"` // the level at which p99 begins to rise steeply; 0: none
	KneeNote string  `json:"knee_note"`

	Operating     float64 `json:"operating,omitempty"` // the level to run a node at; 0 without a capacity
	OperatingNote string  `json:"operating_note,omitempty"`
	At            *Load   `json:"at_operating,omitempty"` // what was measured nearest to it, within a tenth

	USL     *model.USL `json:"usl,omitempty"`
	USLNote string     `json:"usl_note"`

	// BytesPerClient is the growth of the server's memory for each client, with its 95 % interval.
	BytesPerClient     *model.Estimate `json:"bytes_per_client,omitempty"`
	BytesPerClientNote string          `json:"bytes_per_client_note,omitempty"`

	Nodes     int    `json:"nodes,omitempty"` // for PlanFor, Spare of them to spare; 0: not asked for, or not known
	NodesNote string `json:"nodes_note,omitempty"`

	levels []Load
	metric string
	run    *result.Run
}

// Load is what the valid trials of one level measured, medians where there were several.
type Load struct {
	Level          float64 `json:"level"`
	Trials         int     `json:"trials"`
	Held           int     `json:"held"` // of them
	P50us          float64 `json:"p50_us"`
	P99us          float64 `json:"p99_us"` // 0: too few samples
	OfferedPerS    float64 `json:"offered_per_s"`
	AchievedPerS   float64 `json:"achieved_per_s"`
	DeliveriesPerS float64 `json:"deliveries_per_s"`
	ServerCores    float64 `json:"server_cores"`
	Clients        float64 `json:"clients"`
	Cells          []int   `json:"cells"` // places of the trials in result.json, from 1

	low99, high99 float64
	all           []*result.Cell
}

// CapacityOf draws the conclusions from the result of a search. It returns nil for a run that is none.
func CapacityOf(run *result.Run) *Capacity {
	if run.Capacity == nil {
		return nil
	}
	c := &Capacity{Capacity: *run.Capacity, Verdict: result.Worst(run.Verdict, run.Verdict), metric: primary(run), run: run}
	c.levels = loads(run, c.metric)
	c.bend()
	c.scale()
	c.memory()
	c.operate()
	c.nodes()
	c.Reason = c.firstBroken()
	c.Line = strings.ReplaceAll(c.line(), nbsp, " ")
	return c
}

// loads sums the valid trials of each level up, in order of the levels.
func loads(run *result.Run, metric string) []Load {
	at := map[float64]*Load{}
	var order []float64
	for _, p := range run.Capacity.Probes {
		if p.Cell < 1 || p.Cell > len(run.Cells) || p.Verdict != probeHeld && p.Verdict != probeBroke {
			continue
		}
		l := at[p.Level]
		if l == nil {
			l = &Load{Level: p.Level}
			at[p.Level] = l
			order = append(order, p.Level)
		}
		l.Trials++
		if p.Verdict == probeHeld {
			l.Held++
		}
		l.Cells = append(l.Cells, p.Cell)
		l.all = append(l.all, &run.Cells[p.Cell-1])
	}
	slices.Sort(order)
	var out []Load
	for _, level := range order {
		l := at[level]
		mid := func(f func(*result.Cell) (float64, bool)) float64 { return over(l.all, f).mid }
		l.P50us = mid(latencyOf(metric, p50))
		p := over(l.all, latencyOf(metric, p99))
		l.P99us, l.low99, l.high99 = p.mid, p.low, p.top
		l.OfferedPerS = mid(func(c *result.Cell) (float64, bool) { return c.Rates.OfferedPerS, true })
		l.AchievedPerS = mid(func(c *result.Cell) (float64, bool) { return c.Rates.AchievedPerS, true })
		l.DeliveriesPerS = mid(deliveries)
		l.ServerCores = mid(serverCores)
		l.Clients = mid(func(c *result.Cell) (float64, bool) { return float64(c.Clients.Held), true })
		out = append(out, *l)
	}
	return out
}

func serverCores(c *result.Cell) (float64, bool) {
	if c.Seconds == 0 || c.Server.CPUs == 0 {
		return 0, false
	}
	return c.Server.CPUs / c.Seconds, true
}

// bend looks for the knee of p99 over the levels.
func (c *Capacity) bend() {
	var points []model.Point
	for _, l := range c.levels {
		for _, cell := range l.all {
			if us, ok := latencyOf(c.metric, p99)(cell); ok {
				points = append(points, model.Point{Level: l.Level, Value: us})
			}
		}
	}
	knee, err := model.Knee(points)
	if err != nil {
		c.KneeNote = upperFirst(err.Error()) + "."
		return
	}
	c.Knee = knee
	c.KneeNote = fmt.Sprintf("p99 %s begins to rise steeply at %s (Kneedle on %d levels).", c.metric, c.show(knee), len(c.levels))
}

// scale fits the scalability law to the throughput by level. Rates and loads are no concurrency, so only counts are fitted.
func (c *Capacity) scale() {
	if c.Unit != "" {
		c.USLNote = "No scalability fit: it is about a number of clients, rooms or cores, and " + c.Raise + " is none."
		return
	}
	var points []model.Point
	for _, l := range c.levels {
		for _, cell := range l.all {
			if x := throughput(cell); x > 0 {
				points = append(points, model.Point{Level: l.Level, Value: x})
			}
		}
	}
	u, err := model.FitUSL(points)
	if err != nil {
		c.USLNote = upperFirst(err.Error()) + "."
		return
	}
	c.USL, c.USLNote = u, u.Verdict()
}

// throughput is deliveries a second, or what was sent where nothing is delivered.
func throughput(c *result.Cell) float64 {
	if c.Rates.DeliveriesPerS > 0 {
		return c.Rates.DeliveriesPerS
	}
	return c.Rates.AchievedPerS
}

// memory fits a line to the server's memory by clients held.
func (c *Capacity) memory() {
	line, err := model.FitLine(memoryPoints(c.levels))
	switch {
	case err != nil:
		c.BytesPerClientNote = upperFirst(err.Error()) + "."
	case line.Slope.Low <= 0:
		c.BytesPerClientNote = fmt.Sprintf("The server's memory does not grow with the clients in a way that %d trials could show.", line.Points)
	default:
		c.BytesPerClient = &line.Slope
	}
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
	if c.Low <= 0 || !c.LowConfirmed {
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
	if c.Operating <= 0 {
		c.NodesNote = "No capacity was confirmed, so nodes cannot be counted."
		return
	}
	n, err := model.Nodes(c.PlanFor, c.Operating, c.Spare)
	if err != nil {
		c.NodesNote = upperFirst(err.Error()) + "."
		return
	}
	c.Nodes = n
	c.NodesNote = fmt.Sprintf("%s need %s of this size at %s each%s; load spread evenly, and nothing between the nodes that slows them.",
		c.noun(c.PlanFor), plural(n, "node"), c.show(c.Operating), spareNote(c.Spare))
}

func spareNote(n int) string {
	if n == 0 {
		return ", none to spare"
	}
	return fmt.Sprintf(", %d of them to spare", n)
}

// firstBroken is the check that most trials at High broke, with what the first of them found.
func (c *Capacity) firstBroken() string {
	seen := map[string]int{}
	most := ""
	for _, p := range c.Probes {
		if p.Level != c.High || p.Verdict == probeHeld || p.Reason == "" {
			continue
		}
		rule, _, _ := strings.Cut(p.Reason, ": ")
		seen[rule]++
		if most == "" || seen[rule] > seen[ruleOf(most)] {
			most = p.Reason
		}
	}
	return most
}

func ruleOf(reason string) string {
	rule, _, _ := strings.Cut(reason, ": ")
	return rule
}

// show writes a level with its unit.
func (c *Capacity) show(level float64) string {
	switch c.Unit {
	case "%":
		return share(level) + " of the load"
	case "/s":
		return significant(level) + "/s"
	case "B":
		return bytesize(level)
	}
	return count(int64(math.Round(level)))
}

// noun is a level with what is counted: "4 200 viewers", "120/s each".
func (c *Capacity) noun(level float64) string {
	s := c.show(level)
	if c.Unit == "" {
		return s + " " + c.what()
	}
	if c.Unit == "%" {
		return s
	}
	return s + " (" + c.what() + ")"
}

// what names what is raised: the group that a count is of, "rate of speaker", or the variable.
func (c *Capacity) what() string {
	parts := strings.Split(c.Raise, ".")
	last := parts[len(parts)-1]
	switch {
	case last == "count" && len(parts) > 1:
		return parts[len(parts)-2]
	case len(parts) > 2 && parts[0] == "groups":
		return last + " of " + parts[1]
	}
	return last
}

// line is the answer with its conditions.
func (c *Capacity) line() string {
	switch {
	case len(c.Probes) == 0:
		return "Nothing was measured: the search ended before its first trial."
	case c.End == endGenerator:
		held := "No level was judged to hold."
		if c.Low > 0 {
			held = fmt.Sprintf("The server held %s; its capacity is not known.", c.noun(c.Low))
		}
		return joined(fmt.Sprintf("The load generator was not fit to judge at %s, twice: %s.", c.noun(c.High), strings.TrimSuffix(c.invalidReason(), ".")), held, "Use a machine of its own for the generator, or raise a load that the server feels first.")
	case c.Low == 0 && c.High > 0:
		sure := "in a single trial"
		if c.HighConfirmed {
			sure = "by " + c.votes()
		}
		return fmt.Sprintf("One node of this size does not hold %s with %s: %s (%s). Begin lower with --set search.from=…", c.noun(c.High), c.conditions(), c.Reason, sure)
	case c.Low == 0:
		return "No level was judged: the search has not come to an answer."
	}
	parts := []string{c.holds()}
	if c.Operating > 0 {
		parts = append(parts, c.operation())
	}
	if c.High > 0 && c.Reason != "" {
		parts = append(parts, fmt.Sprintf("What breaks first: %s at %s%s.", strings.TrimSuffix(c.Reason, "."), c.show(c.High), c.coresAt(c.High)))
	}
	if c.NodesNote != "" {
		parts = append(parts, c.NodesNote)
	}
	return strings.Join(parts, " ")
}

// votes is "3 confirmations of 60 s".
func (c *Capacity) votes() string {
	return plural(c.Confirm, "confirmation") + " of " + seconds(c.ConfirmS)
}

// holds says what a node holds, and how sure that is.
func (c *Capacity) holds() string {
	if c.High == 0 {
		s := fmt.Sprintf("One node of this size holds at least %s with %s", c.noun(c.Low), c.conditions())
		if c.LowConfirmed {
			s += " (" + c.votes() + ")"
		} else {
			s += ", by single trials that nothing confirmed"
		}
		s += "; no level that breaks was found"
		switch {
		case c.End == endAtLeast && c.LimitedBy != "":
			s += ", as this machine allows none above it"
		case c.End == endAtLeast:
			s += ", as none above it was to be tried"
		}
		return s + "."
	}
	s := fmt.Sprintf("One node of this size holds %s with %s: %s held, %s broke", c.interval((c.High-c.Low)/2), c.conditions(), c.show(c.Low), c.show(c.High))
	switch {
	case c.LowConfirmed && c.HighConfirmed:
		s += " (" + c.votes() + " each)"
	case c.LowConfirmed:
		s += " (" + c.votes() + " of the lower, single trials of the upper)"
	default:
		s += " in single trials that nothing confirmed"
	}
	return s + "."
}

// operation says at which load to run a node, and what was measured there.
func (c *Capacity) operation() string {
	s := fmt.Sprintf("Run it at %s, %s", c.noun(c.Operating), c.OperatingNote)
	if c.At != nil && c.At.P99us > 0 {
		s += fmt.Sprintf(": there p99 %s is %s", c.metric, micros(c.At.P99us))
		if c.At.ServerCores > 0 {
			s += fmt.Sprintf(" and the server uses %s cores", significant(c.At.ServerCores))
		}
	}
	return s + "."
}

// interval is "4 225 ± 125 viewers".
func (c *Capacity) interval(half float64) string {
	mid := c.Low + half
	switch c.Unit {
	case "":
		return fmt.Sprintf("%s ± %s %s", count(int64(math.Round(mid))), count(int64(math.Ceil(half))), c.what())
	case "%":
		return fmt.Sprintf("%s ± %s of the load", share(mid), share(half))
	case "B":
		return fmt.Sprintf("%s ± %s (%s)", bytesize(mid), bytesize(half), c.what())
	}
	return fmt.Sprintf("%s ± %s/s (%s)", significant(mid), significant(half), c.what())
}

// coresAt is what the server used at a level.
func (c *Capacity) coresAt(level float64) string {
	for _, l := range c.levels {
		if l.Level == level && l.ServerCores > 0 {
			return fmt.Sprintf(", where the server uses %s cores", significant(l.ServerCores))
		}
	}
	return ""
}

// conditions are the service-level checks that were kept, and at what other load.
func (c *Capacity) conditions() string {
	var checks []string
	for i := range c.run.Cells {
		for _, k := range c.run.Cells[i].Checks {
			if k.Kind == result.KindSLO && !k.Optional && k.Stat != "" && !slices.Contains(checks, k.Text) {
				checks = append(checks, k.Text)
			}
		}
	}
	s := strings.Join(checks, ", ")
	if s == "" {
		s = "no checks of its own"
	}
	if l := c.load(c.Low); l != nil && l.OfferedPerS > 0 && c.Unit != "/s" {
		s = significant(l.OfferedPerS) + " messages/s and " + s
	}
	return s
}

func (c *Capacity) load(level float64) *Load {
	for i := range c.levels {
		if c.levels[i].Level == level {
			return &c.levels[i]
		}
	}
	return nil
}

func (c *Capacity) invalidReason() string {
	for _, p := range slices.Backward(c.Probes) {
		if p.Level == c.High && p.Verdict == "invalid" {
			return p.Reason
		}
	}
	return "its rules broke"
}

// Text writes the answer for a terminal: the line, what follows from it, and every trial.
func (c *Capacity) Text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "verdict: %s (%s)\n\n%s\n", c.Verdict, endWords[c.End], c.Line)
	textTable(&b, levelsTable(c))
	b.WriteByte('\n')
	for _, s := range []string{c.KneeNote, c.USLNote, c.memoryNote()} {
		if s != "" {
			b.WriteString(s + "\n")
		}
	}
	if sameMachine(c.run) {
		b.WriteString("Client and server shared one machine: for absolute numbers put them apart.\n")
	}
	for _, s := range c.run.Warnings {
		fmt.Fprintf(&b, "warning: %s\n", s)
	}
	_, err := io.WriteString(w, strings.ReplaceAll(b.String(), nbsp, " "))
	return err
}

var endWords = map[string]string{
	endFound: "found", endAtLeast: "the highest level allowed holds", endBelow: "the first level breaks",
	endGenerator: "the load generator was not fit", endBudget: "the budget was used up", "open": "not finished",
}

func (c *Capacity) memoryNote() string {
	if e := c.BytesPerClient; e != nil {
		return fmt.Sprintf("The server takes %s for each client (95 %% interval %s to %s).", bytesize(e.Value), bytesize(e.Low), bytesize(e.High))
	}
	return c.BytesPerClientNote
}

func sameMachine(run *result.Run) bool {
	return slices.ContainsFunc(run.Cells, func(c result.Cell) bool { return c.Server.SameMachine })
}

// levelsTable has a row per level.
func levelsTable(c *Capacity) table {
	t := table{Title: "Levels", Left: 1, Head: []string{"level", "held of trials", "offered/s", "achieved/s", "deliveries/s", "p50", "p99", "server cores"}}
	if c.metric != "" {
		t.Head[5], t.Head[6] = c.metric+" p50", c.metric+" p99"
	}
	for _, l := range c.levels {
		mark := ""
		switch l.Level {
		case c.Low:
			mark = " (holds)"
		case c.High:
			mark = " (breaks)"
		}
		t.Rows = append(t.Rows, []string{
			c.show(l.Level) + mark, fmt.Sprintf("%d of %d", l.Held, l.Trials), significant(l.OfferedPerS), significant(l.AchievedPerS),
			significant(l.DeliveriesPerS), known(l.P50us, micros), known(l.P99us, micros), known(l.ServerCores, significant),
		})
	}
	if len(t.Rows) > 0 {
		t.Note = "Medians of the valid trials of a level."
	}
	return t
}

// Criteria says of each check of a trial what it found and whether it held: "PASS [p99(delivery) 3.7 ms < 50ms]".
func Criteria(c *result.Cell) []string {
	var out []string
	for i := range c.Checks {
		k := &c.Checks[i]
		word := "PASS"
		switch {
		case !k.Pass && k.Kind == result.KindValid:
			word = "INVALID"
		case !k.Pass:
			word = "FAIL"
		}
		if k.Optional {
			word += " (optional)"
		}
		value := checkValue(k, k.Value)
		if k.NoData {
			value = noValue
		}
		name, limit, found := strings.Cut(k.Text, " ")
		if found {
			value += " " + limit
		}
		out = append(out, strings.ReplaceAll(fmt.Sprintf("%s [%s %s]", word, name, value), nbsp, " "))
	}
	return out
}
