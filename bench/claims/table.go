package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/throng-io/throng/bench/internal/rounds"
	"github.com/throng-io/throng/reports/dots"
	"github.com/throng-io/throng/scenario/result"
)

// A table is what a claim's scenario measured: values by alternative, measure and round, NaN where
// a trial has none.
type table struct {
	*claim
	alternatives []string // in the order of the scenario
	values       map[string][][]float64
	rounds       int // that were made
	machine      string
	invalid      int // trials that the generator was not fit for; they are left out
}

// tableOf reads a run of a claim's scenario.
func tableOf(c *claim, run *result.Run) (*table, error) {
	t := &table{claim: c, values: map[string][][]float64{}, machine: rounds.Facts(run.Env)}
	turns := 0
	for i := range run.Cells {
		turns = max(turns, run.Cells[i].Trial)
	}
	t.rounds = turns
	for i := range run.Cells {
		cell := &run.Cells[i]
		var words []string
		for axis := range strings.SplitSeq(c.axis, ", ") {
			word, ok := cell.Params[axis]
			if !ok {
				return nil, fmt.Errorf("the scenario %s has no axis %q", c.name, axis)
			}
			words = append(words, cmp.Or(cell.ParamNames[axis], word))
		}
		name := strings.Join(words, ", ")
		if t.values[name] == nil {
			t.alternatives = append(t.alternatives, name)
			for range c.measures {
				t.values[name] = append(t.values[name], slices.Repeat([]float64{math.NaN()}, turns))
			}
		}
		if cell.Repeated {
			continue // a later one counts
		}
		if cell.Verdict == result.Invalid {
			t.invalid++
			continue
		}
		for m := range c.measures {
			if v, ok := c.measures[m].Of(cell); ok {
				t.values[name][m][cell.Trial-1] = v
			}
		}
	}
	return t, nil
}

// valid is how many values of the first measure each alternative has at least.
func (t *table) valid() int {
	least := math.MaxInt
	for _, v := range t.values {
		least = min(least, len(slices.DeleteFunc(slices.Clone(v[0]), math.IsNaN)))
	}
	return least
}

// median returns the median of a measure's values, NaN if an alternative has none.
func (t *table) median(alternative string, measure int) float64 {
	if v := t.values[alternative]; v != nil {
		return rounds.Median(v[measure])
	}
	return math.NaN()
}

// compare says how many times more of a measure the second alternative takes than the first.
func (t *table) compare(first, second string, measure int) rounds.Comparison {
	a, b := t.values[first], t.values[second]
	if a == nil || b == nil {
		return rounds.Compare(nil, nil, true, 1)
	}
	return rounds.Compare(a[measure], b[measure], true, 1)
}

// markdown writes a claim with its finding.
func (t *table) markdown(w io.Writer, figure string) {
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
	verdict, why := open, fmt.Sprintf("fewer than %d trials of an alternative were valid", rounds.Least)
	if t.valid() >= rounds.Least {
		verdict, why = t.judge(t)
	}
	p("\n## %s\n\n**%s:** %s. True if %s.\n\nMedians of %d rounds:\n\n", t.says, strings.ToUpper(verdict[:1])+verdict[1:], why, t.when(), t.rounds)
	p("| %s |", t.axis)
	for _, m := range t.measures {
		p(" %s |", m.Title)
	}
	p("\n|---|%s\n", strings.Repeat("---|", len(t.measures)))
	for _, a := range t.alternatives {
		p("| %s |", a)
		for m := range t.measures {
			if v := t.median(a, m); math.IsNaN(v) {
				p("  |")
			} else {
				p(" %s |", rounds.Figure(v))
			}
		}
		p("\n")
	}
	if figure != "" {
		p("\n![](%s)\n", figure)
	}
	if t.note != "" {
		p("\n%s\n", t.note)
	}
	if t.invalid > 0 {
		p("\nTrials left out, since the generator could not keep up: %d.\n", t.invalid)
	}
	p("\n    throng run bench/claims/scenarios/%s.yaml\n", t.name)
}

// draw writes the figure of a claim, and reports whether there was anything to draw.
func (t *table) draw(dir string) (bool, error) {
	m := t.measures[0]
	panel := dots.Panel{} // the axis has its name
	for _, a := range t.alternatives {
		v := slices.DeleteFunc(slices.Clone(t.values[a][0]), math.IsNaN)
		if len(v) == 0 || slices.Min(v) <= 0 {
			continue
		}
		panel.Rows = append(panel.Rows, dots.Row{Name: a, Value: rounds.Median(v), Low: slices.Min(v), High: slices.Max(v)})
	}
	if len(panel.Rows) == 0 {
		return false, nil
	}
	f, err := os.Create(filepath.Join(dir, t.name+".svg"))
	if err != nil {
		return false, err
	}
	err = dots.Write(f, &dots.Figure{Title: t.says, Sub: fmt.Sprintf("medians of %d rounds, and their range", t.rounds), Axis: m.Title, Panels: []dots.Panel{panel}, Kinds: []string{""}}, 560)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return true, err
}
