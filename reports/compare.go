package reports

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/throng-io/throng/scenario/result"
)

// Input is one side of a comparison: a run, or the cells of a run that have the selected values of its matrix.
type Input struct {
	Name   string // as the user wrote it
	Run    *result.Run
	Select map[string]string // axis: value; nil takes all cells
}

// OpenInput reads the result that an argument names: a directory or result.json, and behind a # the cells to take from it, as
// DIR#fanout=batched or DIR#fanout=batched,transport=websocket.
func OpenInput(arg string) (Input, error) {
	return openInput(arg, result.Read)
}

func openInput(arg string, read func(path string) (*result.Run, error)) (Input, error) {
	path, selection, _ := strings.Cut(arg, "#")
	in := Input{Name: arg}
	if selection != "" {
		in.Select = map[string]string{}
	}
	for part := range strings.SplitSeq(selection, ",") {
		if part == "" {
			continue
		}
		axis, value, ok := strings.Cut(part, "=")
		if !ok || axis == "" {
			return in, fmt.Errorf("%s: %q selects nothing; write DIR#axis=value", arg, part)
		}
		in.Select[axis] = value
	}
	var err error
	in.Run, err = read(path)
	return in, err
}

// CompareOptions say what is set against what. Their zero value compares the first input with each of the others.
type CompareOptions struct {
	By   string // compare the values of this axis within the only input
	Base string // the value of By to compare the others with; "" is the one that ran first
}

// Comparison is what changed from a base to one or more others, as data. Trials are its unit: however many messages a trial
// delivered, it gives one value of each metric.
type Comparison struct {
	Base  string   `json:"base"`            // the name of the base
	Axis  string   `json:"axis,omitempty"`  // what was varied on purpose; "" when two runs were given
	Level float64  `json:"level"`           // rate of false alarms for each metric, over all pairs
	Pairs []Pair   `json:"pairs"`           //
	Notes []string `json:"notes,omitempty"` // what to know before believing the numbers
}

// Pair is one base with one other. All its numbers come from valid trials.
type Pair struct {
	Label      string       `json:"label,omitempty"` // what tells the pair from the others; "" for an only one
	Base       string       `json:"base"`
	New        string       `json:"new"`
	BaseTrials Trials       `json:"base_trials"`
	NewTrials  Trials       `json:"new_trials"`
	Residue    []Difference `json:"residue"` // what differs besides the axis compared
	Changes    []Change     `json:"changes"`
	Shift      *Shift       `json:"shift,omitempty"`

	rest      map[string]string // the parameters that both sides share
	base, new side
	spectra   [2]*result.Latency // the trials of base and of new merged, of the metric of Shift
}

// Trials counts the trials of a side.
type Trials struct {
	Valid   int `json:"valid"`
	Invalid int `json:"invalid"` // left out: they say nothing about the server
}

// Difference is something that is not the same on both sides.
type Difference struct {
	What string `json:"what"`
	Base string `json:"base"`
	New  string `json:"new"`
}

// Outcome of a change.
type Outcome string

// The outcomes.
const (
	Better   Outcome = "better"
	Worse    Outcome = "worse"
	NotShown Outcome = "~"        // the trials do not show a difference
	Untested Outcome = "untested" // too few trials to show one of any size
)

// Change is what one metric did. Base and New are medians over the trials. Change is the median of all quotients of a trial of new
// and a trial of base, less one; where Relative is false it is the median of all differences, in the unit of the metric.
type Change struct {
	Metric   string    `json:"metric"` // as in checks: p99(delivery)
	Title    string    `json:"title"`
	Unit     string    `json:"unit"` // us, share, per_s, per_cpu_s, bytes
	Base     float64   `json:"base"`
	New      float64   `json:"new"`
	Change   float64   `json:"change"`
	Relative bool      `json:"relative"`
	Interval *Interval `json:"interval,omitempty"` // of Change, 95 %; nil with too few trials
	P        *float64  `json:"p,omitempty"`        // Mann-Whitney, two-sided; nil with one trial on a side
	PHolm    *float64  `json:"p_holm,omitempty"`   // corrected for the pairs compared on this metric
	Outcome  Outcome   `json:"outcome"`
	BaseN    int       `json:"base_n"` // trials with a value
	NewN     int       `json:"new_n"`

	of metric
}

// side is the trials of one combination.
type side struct {
	name  string
	run   *result.Run
	all   []*result.Cell
	cells []*result.Cell // the valid ones; set by measure
}

// Compare sets the inputs against each other. It fails when there is nothing to compare, in words that say what to give.
func Compare(inputs []Input, opt CompareOptions) (*Comparison, error) {
	var c *Comparison
	var err error
	if opt.By != "" {
		c, err = compareAxis(inputs, opt)
	} else {
		c, err = compareInputs(inputs)
	}
	if err != nil {
		return nil, err
	}
	c.Level = alpha
	for i := range c.Pairs {
		if err := c.Pairs[i].measure(); err != nil {
			return nil, err
		}
		c.Pairs[i].Residue = residue(&c.Pairs[i], strings.Split(c.Axis, ", "))
	}
	c.correct()
	c.Notes = append(c.Notes, c.trialNotes()...)
	return c, nil
}

// compareAxis pairs, for each combination of the other axes, the base value with every other one.
func compareAxis(inputs []Input, opt CompareOptions) (*Comparison, error) {
	if len(inputs) != 1 {
		return nil, fmt.Errorf("--by %s compares the cells of one result, and %d were given; give one, or leave --by out", opt.By, len(inputs))
	}
	in := inputs[0]
	cells, err := in.cells()
	if err != nil {
		return nil, err
	}
	var values []string
	for _, c := range cells {
		if v, ok := c.Params[opt.By]; ok && !slices.Contains(values, v) {
			values = append(values, v)
		}
	}
	if len(values) < 2 {
		return nil, fmt.Errorf("%s: nothing to compare by %q: %s", in.Name, opt.By, axesOf(in.Run))
	}
	base := cmp.Or(opt.Base, values[0])
	if !slices.Contains(values, base) {
		return nil, fmt.Errorf("%s: no cells with %s=%s to take as the base; there are %s", in.Name, opt.By, base, strings.Join(values, ", "))
	}
	c := &Comparison{Base: base, Axis: opt.By}
	gs := in.grouped(cells, []string{opt.By})
	for _, g := range gs {
		for _, v := range values {
			old, next := g.with(opt.By, base), g.with(opt.By, v)
			if v == base || len(old) == 0 || len(next) == 0 {
				continue
			}
			p := Pair{
				rest: g.params, Base: base, New: v,
				base: side{name: base, run: in.Run, all: old}, new: side{name: v, run: in.Run, all: next},
			}
			p.Label = v
			if len(gs) > 1 {
				p.Label = label(g.params, slices.Sorted(maps.Keys(g.params))) + ": " + v
			}
			c.Pairs = append(c.Pairs, p)
		}
	}
	if len(c.Pairs) == 1 {
		c.Pairs[0].Label = ""
	}
	if len(c.Pairs) == 0 {
		return nil, fmt.Errorf("%s: no combination was run with %s=%s and with another value of it", in.Name, opt.By, base)
	}
	return c, nil
}

// compareInputs pairs the first input with each of the others, combination by combination.
func compareInputs(inputs []Input) (*Comparison, error) {
	if len(inputs) < 2 {
		return nil, errors.New("one result is nothing to compare; give two, or one with --by and the axis of its matrix")
	}
	selected := map[string]bool{}
	for _, in := range inputs {
		for k := range in.Select {
			selected[k] = true
		}
	}
	keys := slices.Sorted(maps.Keys(selected))
	names := shortNames(inputs)
	c := &Comparison{Base: names[0], Axis: strings.Join(keys, ", ")}
	baseCells, err := inputs[0].cells()
	if err != nil {
		return nil, err
	}
	baseGroups := inputs[0].grouped(baseCells, keys)
	for i, in := range inputs[1:] {
		cells, err := in.cells()
		if err != nil {
			return nil, err
		}
		pairs, notes := pairUp(baseGroups, in.grouped(cells, keys))
		if len(pairs) == 0 {
			return nil, fmt.Errorf("%s and %s have no combination of parameters in common; select the cells to compare with DIR#axis=value", inputs[0].Name, in.Name)
		}
		for _, p := range pairs {
			p.Base, p.New = names[0], names[i+1]
			p.base.name, p.new.name = p.Base, p.New
			p.base.run, p.new.run = inputs[0].Run, in.Run
			var parts []string
			if len(inputs) > 2 {
				parts = append(parts, p.New)
			}
			if len(pairs) > 1 {
				parts = append(parts, label(p.rest, slices.Sorted(maps.Keys(p.rest))))
			}
			p.Label = strings.Join(parts, ": ")
			c.Pairs = append(c.Pairs, p)
		}
		for _, n := range notes {
			c.Notes = append(c.Notes, names[i+1]+": "+n)
		}
		if !sameRun(in.Run, inputs[0].Run) {
			c.Notes = append(c.Notes, fmt.Sprintf("%s and %s ran one after the other, not in turns: a slow drift of the machine would count as a change.", names[0], names[i+1]))
		}
	}
	return c, nil
}

// sameRun tells two readings of one result from two runs.
func sameRun(a, b *result.Run) bool {
	return a == b || a.Started.Equal(b.Started) && a.Scenario == b.Scenario && a.Seed == b.Seed && len(a.Cells) == len(b.Cells)
}

// shortNames are the names of the inputs, without the path that all of them share.
func shortNames(inputs []Input) []string {
	names := make([]string, len(inputs))
	for i, in := range inputs {
		names[i] = strings.TrimSuffix(strings.Replace(in.Name, "/"+result.FileName, "", 1), "/")
	}
	share := func(sep string) bool {
		head, _, ok := strings.Cut(names[0], sep)
		if !ok || slices.ContainsFunc(names, func(n string) bool { return !strings.HasPrefix(n, head+sep) || len(n) == len(head)+len(sep) }) {
			return false
		}
		for i := range names {
			names[i] = strings.TrimPrefix(names[i], head+sep)
		}
		return true
	}
	for share("/") {
	}
	if share("#") {
		share("=") // DIR#axis=a against DIR#axis=b is a against b
	}
	return names
}

// combination is the cells that share all parameters but the compared ones.
type combination struct {
	params map[string]string // those shared
	cells  []*result.Cell
}

func (g combination) with(axis, value string) (cells []*result.Cell) {
	for _, c := range g.cells {
		if v, ok := c.Params[axis]; ok && v == value {
			cells = append(cells, c)
		}
	}
	return cells
}

// cells are those that the selection names.
func (in Input) cells() ([]*result.Cell, error) {
	var cells []*result.Cell
	for i := range in.Run.Cells {
		c := &in.Run.Cells[i]
		fits := true
		for k, v := range in.Select {
			fits = fits && c.Params[k] == v
		}
		if fits {
			cells = append(cells, c)
		}
	}
	if len(cells) == 0 {
		if len(in.Run.Cells) == 0 {
			return nil, fmt.Errorf("%s: the run ended before its first trial; there is nothing to compare", in.Name)
		}
		return nil, fmt.Errorf("%s: no cell fits: %s", in.Name, axesOf(in.Run))
	}
	return cells, nil
}

// axesOf says which values a run can be asked for.
func axesOf(run *result.Run) string {
	values := map[string][]string{}
	for _, c := range run.Cells {
		for k, v := range c.Params {
			if !slices.Contains(values[k], v) {
				values[k] = append(values[k], v)
			}
		}
	}
	if len(values) == 0 {
		return "it has no matrix"
	}
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(values)) {
		parts = append(parts, k+" is "+strings.Join(values[k], ", "))
	}
	return "its matrix has " + strings.Join(parts, "; ")
}

// grouped sorts cells by the parameters that are not compared, in the order in which the combinations first ran. Parameters with
// one value throughout are left out, so that runs with and without them still meet.
func (in Input) grouped(cells []*result.Cell, compared []string) []combination {
	part := &result.Run{}
	for _, c := range cells {
		part.Cells = append(part.Cells, result.Cell{Params: c.Params})
	}
	axes := slices.DeleteFunc(varying(part), func(k string) bool { return slices.Contains(compared, k) })
	at := map[string]int{}
	var all []combination
	for _, c := range cells {
		params := map[string]string{}
		for _, k := range axes {
			params[k] = c.Params[k]
		}
		key := fmt.Sprint(params)
		i, ok := at[key]
		if !ok {
			i = len(all)
			at[key] = i
			all = append(all, combination{params: params})
		}
		all[i].cells = append(all[i].cells, c)
	}
	return all
}

// pairUp finds for each combination of base the same one of the other side. Two sides of one combination each are a pair whatever
// their parameters; how these differ is in the residue.
func pairUp(base, other []combination) (pairs []Pair, notes []string) {
	if len(base) == 1 && len(other) == 1 {
		return []Pair{{rest: base[0].params, base: side{all: base[0].cells}, new: side{all: other[0].cells}}}, nil
	}
	for _, b := range base {
		i := slices.IndexFunc(other, func(o combination) bool { return maps.Equal(o.params, b.params) })
		if i < 0 {
			notes = append(notes, "no cells with "+label(b.params, slices.Sorted(maps.Keys(b.params))))
			continue
		}
		pairs = append(pairs, Pair{rest: b.params, base: side{all: b.cells}, new: side{all: other[i].cells}})
	}
	return pairs, notes
}

// metric is a number that each trial gives.
type metric struct {
	name, title, unit string
	higher            bool // is better
	value             func(*result.Cell) (float64, bool)
}

// compared are the metrics of a comparison, in the order of its tables. A trial without samples enough for a percentile has no
// value of it.
var compared = func() []metric {
	var ms []metric
	for _, of := range []string{"delivery", "fanout.last", "ack", "connect"} {
		for _, i := range []int{p50, p99, p999} {
			p := percentiles[i].name
			ms = append(ms, metric{name: p + "(" + of + ")", title: p + " " + of, unit: "us", value: latencyOf(of, i)})
		}
	}
	return append(ms,
		metric{name: "loss(delivery)", title: "deliveries lost", unit: "share", value: func(c *result.Cell) (float64, bool) {
			return float64(c.Ledger.Lost) / float64(c.Ledger.Expected), c.Ledger.Expected > 0
		}},
		metric{name: "rate(delivery)", title: "deliveries per second", unit: "per_s", higher: true, value: func(c *result.Cell) (float64, bool) {
			return c.Rates.DeliveriesPerS, c.Rates.DeliveriesPerS > 0
		}},
		metric{name: "efficiency", title: "deliveries per CPU second", unit: "per_cpu_s", higher: true, value: efficiency},
		metric{name: "memory(client)", title: "memory per client", unit: "bytes", value: func(c *result.Cell) (float64, bool) {
			return float64(c.Server.RSSPerClientBytes), c.Server.RSSPerClientBytes > 0
		}},
		metric{name: "max(server.rss)", title: "memory, peak", unit: "bytes", value: func(c *result.Cell) (float64, bool) {
			return float64(c.Server.RSSPeakBytes), c.Server.RSSPeakBytes > 0
		}},
	)
}()

func (m metric) show(v float64) string {
	switch m.unit {
	case "us":
		return micros(v)
	case "share":
		return share(v)
	case "bytes":
		return bytesize(v)
	}
	return significant(v)
}

// showChange writes a change with its sign: in per cent of base, or in percentage points.
func (c *Change) showChange(v float64) string {
	unit := nbsp + "%"
	if !c.Relative {
		unit = nbsp + "points"
	}
	v *= 100
	s := significant(math.Abs(v))
	switch a := math.Abs(v); {
	case a == 0:
		return "0" + unit
	case c.Relative && a < 10:
		s = fmt.Sprintf("%.1f", a)
	case c.Relative && a < 1000:
		s = fmt.Sprintf("%.0f", a)
	}
	if v < 0 {
		return "-" + s + unit
	}
	return "+" + s + unit
}

// measure fills the pair from its trials. The p-values are corrected later, over all pairs.
func (p *Pair) measure() error {
	p.BaseTrials, p.NewTrials = p.base.sift(), p.new.sift()
	for _, m := range compared {
		base, new := collect(p.base.cells, m), collect(p.new.cells, m)
		if len(base) == 0 || len(new) == 0 {
			continue
		}
		p.Changes = append(p.Changes, newChange(m, base, new))
	}
	var err error
	p.Shift, err = shift(p)
	return err
}

// sift leaves the invalid trials out.
func (s *side) sift() Trials {
	s.cells = group{Cells: s.all}.valid()
	return Trials{Valid: len(s.cells), Invalid: len(s.all) - len(s.cells)}
}

func collect(cells []*result.Cell, m metric) (vs []float64) {
	for _, c := range cells {
		if v, ok := m.value(c); ok {
			vs = append(vs, v)
		}
	}
	return vs
}

func newChange(m metric, base, new []float64) Change {
	c := Change{
		Metric: m.name, Title: m.title, Unit: m.unit, Base: median(base), New: median(new), BaseN: len(base), NewN: len(new), of: m,
		Relative: m.unit != "share" && slices.Min(base) > 0 && slices.Min(new) > 0,
		Outcome:  Untested,
	}
	all := contrasts(base, new, c.Relative)
	c.Change = median(all)
	c.Interval = interval(all, len(base), len(new))
	if len(base) > 1 && len(new) > 1 {
		p := pValue(base, new)
		c.P = &p
	}
	return c
}

// correct applies Holm's procedure to each metric over all pairs, and settles the outcomes.
func (c *Comparison) correct() {
	for _, m := range compared {
		var tested []*Change
		var ps []float64
		for i := range c.Pairs {
			for j := range c.Pairs[i].Changes {
				if ch := &c.Pairs[i].Changes[j]; ch.Metric == m.name && ch.P != nil {
					tested, ps = append(tested, ch), append(ps, *ch.P)
				}
			}
		}
		for i, p := range holm(ps) {
			tested[i].PHolm = &p
			tested[i].settle(len(ps))
		}
	}
}

func (c *Change) settle(family int) {
	switch {
	case *c.PHolm <= alpha && c.Change != 0:
		c.Outcome = Worse
		if c.of.higher == (c.Change > 0) {
			c.Outcome = Better
		}
	case leastP(c.BaseN, c.NewN)*float64(family) > alpha:
		c.Outcome = Untested
	default:
		c.Outcome = NotShown
	}
}

// change finds a metric of the pair.
func (p *Pair) change(name string) *Change {
	for i := range p.Changes {
		if p.Changes[i].Metric == name {
			return &p.Changes[i]
		}
	}
	return nil
}

// trialNotes say in plain words what the number of trials does not allow.
func (c *Comparison) trialNotes() (notes []string) {
	single, few, family, invalid, empty := 0, 0, 0, 0, 0
	for i := range c.Pairs {
		p := &c.Pairs[i]
		invalid += p.NewTrials.Invalid
		if i == 0 {
			invalid += p.BaseTrials.Invalid
		}
		least := min(p.BaseTrials.Valid, p.NewTrials.Valid)
		switch {
		case least == 0:
			empty++
		case least == 1:
			single++
		case leastP(p.BaseTrials.Valid, p.NewTrials.Valid) > alpha:
			few++
		case leastP(p.BaseTrials.Valid, p.NewTrials.Valid)*float64(len(c.Pairs)) > alpha:
			family++
		}
	}
	const repeat = " Repeat each side at least five times (matrix: {repeat: 5})."
	if empty > 0 {
		notes = append(notes, "A side without a valid trial has nothing to compare.")
	}
	if single > 0 {
		notes = append(notes, "One trial on a side: the numbers are what two runs gave, and nothing here shows that the sides differ. However many messages a trial has, it is one sample."+repeat)
	}
	if few > 0 {
		notes = append(notes, fmt.Sprintf("Fewer than %d trials on a side cannot show a difference of any size at the %s level.", minTrials, share(alpha))+repeat)
	}
	if family > 0 {
		need := minTrials
		for leastP(need, need)*float64(len(c.Pairs)) > alpha {
			need++
		}
		notes = append(notes, fmt.Sprintf("With %d pairs compared, a difference can only be shown from %d trials on each side.", len(c.Pairs), need))
	}
	if invalid > 0 {
		notes = append(notes, fmt.Sprintf("%s left out: in them the generator was not fit to judge.", plural(invalid, "invalid trial")))
	}
	return notes
}
