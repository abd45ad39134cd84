package selection

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/throng-io/throng/scenario/result"
)

// Verdicts of a trial of a search.
const (
	ProbeHeld  = "held"
	ProbeBroke = "broke"
)

// RecordedAt reports whether second t lies in a recorded phase.
func RecordedAt(c *result.Cell, t float64) bool {
	p := PhaseAt(c, t)
	return p != nil && p.Record
}

// PhaseAt is the phase in which a second begins; nil after the last.
func PhaseAt(c *result.Cell, t float64) *result.Phase {
	for i := range c.Phases {
		if p := &c.Phases[i]; t >= p.StartS && t < p.EndS {
			return p
		}
	}
	return nil
}

// AllParams lists the parameters of all cells, sorted.
func AllParams(run *result.Run) []string {
	names := map[string]bool{}
	for i := range run.Cells {
		for k := range run.Cells[i].Params {
			names[k] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// Group is the trials of one combination of parameters.
type Group struct {
	Label string // the parameters that differ between groups: "batched / websocket"
	Cells []*result.Cell
}

// ClockBound is the largest error of the times between two clients in some cells, in microseconds;
// 0: they have one clock.
func ClockBound(cells ...*result.Cell) (bound int64) {
	for _, c := range cells {
		bound = max(bound, c.ClockBoundUs())
	}
	return bound
}

// ClockBoundOf is that of all cells of groups.
func ClockBoundOf(gs []Group) (bound int64) {
	for _, g := range gs {
		bound = max(bound, ClockBound(g.Cells...))
	}
	return bound
}

// Groups sorts the cells of a run by parameters, in the order in which the combinations first ran.
func Groups(run *result.Run) []Group {
	axes := Varying(run)
	at := map[string]int{}
	var gs []Group
	for i := range run.Cells {
		c := &run.Cells[i]
		key := fmt.Sprintf("%q", c.Params) // fmt sorts the keys
		j, ok := at[key]
		if !ok {
			j = len(gs)
			at[key] = j
			gs = append(gs, Group{Label: cmp.Or(Label(c, axes), "all")})
		}
		gs[j].Cells = append(gs[j].Cells, c)
	}
	return gs
}

// Varying lists the parameters that do not have the same value in all cells, sorted.
func Varying(run *result.Run) []string {
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

// Label names a combination by the values of the axes. A value without a name of its own that says
// nothing alone, such as a number or yes, carries the name of its axis.
func Label(c *result.Cell, axes []string) string {
	var parts []string
	for _, k := range axes {
		v := Value(c, k)
		if bare(v) {
			v = k + "=" + v
		}
		parts = append(parts, v)
	}
	return strings.Join(parts, " / ")
}

// Value is the value of an axis, in the words that the scenario has for it.
func Value(c *result.Cell, axis string) string { return cmp.Or(c.ParamNames[axis], c.Params[axis]) }

func bare(v string) bool {
	if _, err := strconv.ParseFloat(v, 64); err == nil {
		return true
	}
	return v == "" || v == "true" || v == "false" || v == "yes" || v == "no"
}

// Setting is a parameter of the cell, from the matrix or from the scenario.
func Setting(c *result.Cell, name string) string {
	return cmp.Or(c.Params[name], c.Settings[name])
}

// Valid leaves out the cells whose numbers say nothing about the server.
func (g Group) Valid() []*result.Cell {
	return slices.DeleteFunc(slices.Clone(g.Cells), func(c *result.Cell) bool { return result.Worst(c.Verdict, c.Verdict) == result.Invalid })
}

// Verdicts of a group's trials in words: "pass", or "2 pass, 1 fail".
func (g Group) Verdicts() string {
	n := map[string]int{}
	for _, c := range g.Cells {
		n[OutcomeOf(c)]++
	}
	var parts []string
	for _, v := range []string{Interrupted, Repeated, string(result.Invalid), string(result.Fail), string(result.Pass)} {
		switch {
		case n[v] == len(g.Cells):
			return v
		case n[v] > 0:
			parts = append(parts, fmt.Sprintf("%d %s", n[v], v))
		}
	}
	return strings.Join(parts, ", ")
}

// The words for cells that stand in the result without a verdict that counts: stopped before the
// end, or invalid and repeated.
const (
	Interrupted = "interrupted"
	Repeated    = "repeated"
)

// OutcomeOf is the word for how a cell ended: its verdict, or that it was interrupted or repeated.
func OutcomeOf(c *result.Cell) string {
	if c.Repeated {
		return Repeated
	}
	if c.Interrupted {
		return Interrupted
	}
	return string(result.Worst(c.Verdict, c.Verdict))
}

// WordOf is the word for how a run ended.
func WordOf(run *result.Run) string {
	if run.Interrupted {
		return Interrupted
	}
	return string(result.Worst(run.Verdict, run.Verdict))
}
