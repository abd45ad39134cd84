package compare

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/reports/internal/stats"
	"github.com/throng-io/throng/scenario/result"
)

// Options say what is set against what. Their zero value compares the first input with each of the
// others.
type Options struct {
	By string // compare the values of this axis within the only input
	// the value of By to compare the others with; "" is the one that ran first, of builds the base
	Base string
	// Gates are the conditions to judge the comparison by. Their metrics are what it is about: they
	// have most of the rate of false alarms, in equal parts.
	Gates []Gate
}

// Comparison is what changed from a base to one or more others, as data. Trials are its unit:
// however many messages a trial delivered, it gives one value of each metric.
type Comparison struct {
	Base  string   `json:"base"`            // the name of the base
	Axis  string   `json:"axis,omitempty"`  // what was varied on purpose; "" when two runs were given
	Level float64  `json:"level"`           // rate of false alarms, over all metrics of all pairs
	Pairs []Pair   `json:"pairs"`           //
	Notes []string `json:"notes,omitempty"` // what to know before believing the numbers
	// what the conditions found in each pair
	Findings []Finding `json:"gates,omitempty"`

	gates      []Gate
	askedLevel float64 // at which the metrics that it is about are tested
}

// Pair is one base with one other. All its numbers come from valid trials; of interleaved ones,
// from those that ran next to a valid trial of the other side.
type Pair struct {
	Label      string `json:"label,omitempty"` // what tells the pair from the others; "" for an only one
	Base       string `json:"base"`
	New        string `json:"new"`
	BaseTrials Trials `json:"base_trials"`
	NewTrials  Trials `json:"new_trials"`
	// Interleaved: the trials of both sides ran in turn, and are compared within the pairs of
	// trials that ran next to each other.
	Interleaved bool         `json:"interleaved"`
	Residue     []Difference `json:"residue"` // what differs besides the axis compared
	Changes     []Change     `json:"changes"`
	Shift       *Shift       `json:"shift,omitempty"`

	rest       map[string]string // the parameters that both sides share
	base, new  side
	conditions []string             // the metrics of the conditions
	even       string               // how the machine's speed was taken out of CPU times; "": it was not
	alone      int                  // valid trials without one of the other side next to them
	together   bool                 // trials of both sides ran at the same time
	untimed    bool                 // the results do not say when their trials ran
	lacks      [2][]string          // metrics that base, and new, has no value of while the other has
	place      map[*result.Cell]int // of interleaved trials: their order in time
	spectra    [2]*result.Latency   // the trials of base and of new merged, of the metric of Shift
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

// Change is what one metric did. Base and New are medians over the trials. Change is how much
// larger new is than base, as a share of base. Where Relative is false, which it is for shares and
// where a trial of base has 0, it is the difference in the unit of the metric. It is estimated as
// Hodges and Lehmann do: from the pairs of trials if they were interleaved, else from each trial of
// new with each trial of base.
type Change struct {
	Metric   string          `json:"metric"` // as in checks: p99(delivery)
	Title    string          `json:"title"`
	Unit     string          `json:"unit"` // us, share, per_s, bytes
	Base     float64         `json:"base"`
	New      float64         `json:"new"`
	Change   float64         `json:"change"`
	Relative bool            `json:"relative"`
	Interval *stats.Interval `json:"interval,omitempty"` // of Change, 95 %; nil with too few trials
	// two-sided: Wilcoxon's signed ranks of pairs of trials, else Mann-Whitney; nil with one trial
	// on a side
	P *float64 `json:"p,omitempty"`
	// corrected for all metrics of all pairs, and of two builds for having looked when to stop
	PHolm *float64 `json:"p_holm,omitempty"`
	// the smallest rise that would have been found in nineteen of twenty such comparisons, like
	// Change; nil with too few trials to find one of any size
	Detectable *float64 `json:"detectable,omitempty"`
	Outcome    Outcome  `json:"outcome"`
	BaseN      int      `json:"base_n"` // trials with a value
	NewN       int      `json:"new_n"`
	// trials of which it is only known that the truth is more than their value, since more samples
	// never came than the percentile leaves out
	BaseBeyond int `json:"base_beyond,omitempty"`
	NewBeyond  int `json:"new_beyond,omitempty"`

	of     measure
	effect *stats.Effect
	even   map[*result.Cell]float64 // the values at one speed of the machine; nil: they are as they were measured
	asked  bool                     // the comparison is about this metric
	level  float64                  // at which it is tested
	// trials that were left out, of both sides, as they have no value
	without int
}

// side is the trials of one combination.
type side struct {
	name  string
	run   *result.Run
	all   []*result.Cell
	cells []*result.Cell // the valid ones; set by measure
}

// Inputs sets the inputs against each other. It fails when there is nothing to compare, in words
// that say what to give.
func Inputs(inputs []Input, opt Options) (*Comparison, error) {
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
	if err := c.bounded(); err != nil {
		return nil, err
	}
	c.Level = stats.Alpha
	for i := range c.Pairs {
		if err := c.Pairs[i].measure(); err != nil {
			return nil, err
		}
		c.Pairs[i].Residue = residue(&c.Pairs[i], strings.Split(c.Axis, ", "))
	}
	c.correct(opt.Gates)
	c.judge(opt.Gates)
	c.Notes = append(c.Notes, c.orderNotes()...)
	c.Notes = append(c.Notes, c.trialNotes()...)
	bound := int64(0)
	for i := range c.Pairs {
		bound = max(bound, selection.ClockBound(c.Pairs[i].base.all...), selection.ClockBound(c.Pairs[i].new.all...))
	}
	if note := layout.ClockNote(bound); note != "" {
		c.Notes = append(c.Notes, note)
	}
	for i := range c.Notes {
		c.Notes[i] = strings.ReplaceAll(c.Notes[i], layout.Nbsp, " ")
	}
	return c, nil
}

// Bounds of a comparison. A result may be a stranger's, and of each metric every trial of one side
// is set against every trial of the other: in all pairs together 8 MiB of numbers for each metric.
const (
	maxPairs     = 1000
	maxContrasts = 1 << 20
)

// bounded returns an error for more than a comparison can hold.
func (c *Comparison) bounded() error {
	if n := len(c.Pairs); n > maxPairs {
		return fmt.Errorf("%d combinations are to be compared, and at most %d are at a time; select some, such as DIR#axis=value", n, maxPairs)
	}
	sum := 0
	for i := range c.Pairs {
		p := &c.Pairs[i]
		base, new := len(p.base.all), len(p.new.all)
		if sum += base * new; sum > maxContrasts {
			return fmt.Errorf("%s has %d trials and %s has %d, which is more than can be compared; select some, such as DIR#axis=value", p.Base, base, p.New, new)
		}
	}
	return nil
}

// compareAxis pairs, for each combination of the other axes, the base value with every other one.
func compareAxis(inputs []Input, opt Options) (*Comparison, error) {
	if len(inputs) != 1 {
		return nil, fmt.Errorf("--by %s compares the cells of one result, but %d results were given; give one result, or omit --by", opt.By, len(inputs))
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
	first := values[0]
	if opt.By == result.AxisBuild && slices.Contains(values, result.BuildBase) {
		first = result.BuildBase // whichever ran first
	}
	base := cmp.Or(opt.Base, first)
	if !slices.Contains(values, base) {
		return nil, fmt.Errorf("%s: no cells with %s=%s to use as the base; the values are %s", in.Name, opt.By, base, strings.Join(values, ", "))
	}
	c := &Comparison{Base: base, Axis: opt.By}
	gs := in.grouped(cells, []string{opt.By})
	for _, g := range gs {
		of := g.by(opt.By)
		for _, v := range values {
			old, next := of[base], of[v]
			if v == base || len(old) == 0 || len(next) == 0 {
				continue
			}
			p := Pair{
				rest: g.params, Base: base, New: v,
				base: side{name: base, run: in.Run, all: old}, new: side{name: v, run: in.Run, all: next},
			}
			p.Label = v
			if len(gs) > 1 {
				p.Label = selection.Label(g.cells[0], slices.Sorted(maps.Keys(g.params))) + ": " + v
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
		return nil, errors.New("one result cannot be compared; give two results, or one result with --by and an axis of its matrix")
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
		pairs, only := pairUp(baseGroups, in.grouped(cells, keys))
		if len(pairs) == 0 {
			return nil, fmt.Errorf("%s and %s have no combination of parameters in common; select the cells to compare, such as '%s' and '%s'",
				inputs[0].Name, in.Name, inputs[0].Choices()[0], in.Choices()[0])
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
				parts = append(parts, selection.Label(p.base.all[0], slices.Sorted(maps.Keys(p.rest))))
			}
			p.Label = strings.Join(parts, ": ")
			c.Pairs = append(c.Pairs, p)
		}
		c.Notes = slices.Concat(c.Notes, missing(names[i+1], only[0]), missing(names[0], only[1]))
	}
	return c, nil
}

// sameRun tells two readings of one result from two runs.
func sameRun(a, b *result.Run) bool {
	return a == b || a.Started.Equal(b.Started) && a.Scenario == b.Scenario && a.Seed == b.Seed && len(a.Cells) == len(b.Cells)
}
