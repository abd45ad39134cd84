package compare

import (
	"fmt"
	"slices"
	"strings"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/scenario/result"
)

// trialNotes say in plain words what the number of trials does not allow.
func (c *Comparison) trialNotes() (notes []string) {
	single, few, invalid, empty, needed := 0, 0, 0, 0, 0
	for i := range c.Pairs {
		p := &c.Pairs[i]
		invalid += p.NewTrials.Invalid
		if i == 0 {
			invalid += p.BaseTrials.Invalid
		}
		least := min(len(p.base.cells), len(p.new.cells))
		switch {
		case least == 0:
			empty++
		case least == 1:
			single++
		case p.design().LeastP(len(p.base.cells), len(p.new.cells)) > c.askedLevel*(1+1e-12):
			few++
			needed = max(needed, p.design().Needed(c.askedLevel))
		}
	}
	if empty > 0 && empty < len(c.Pairs) { // else it is what the comparison says first
		notes = append(notes, fmt.Sprintf("In %s one side has no valid trial, so nothing can be compared.", layout.Plural(empty, "pair")))
	}
	if single > 0 {
		note := "One side has a single trial, so no test can show that the sides differ. A trial is one sample, however many messages it has. "
		if slices.ContainsFunc(c.Pairs, func(p Pair) bool { return p.Interleaved }) {
			note += "Make more pairs of trials, with a larger --budget or shorter trials."
		} else {
			note += "Run both sides in turn, several times: throng compare --live BASE HEAD FILE."
		}
		notes = append(notes, note)
	}
	if few > 0 {
		more := fmt.Sprintf("matrix: {repeat: %d}", needed)
		if c.left() < 1 {
			more = "a larger --budget, or shorter trials"
		}
		notes = append(notes, fmt.Sprintf("With fewer than %d trials on each side, no difference in the metrics that this comparison is about can be shown, however large it is (%s).", needed, more))
	}
	if invalid > 0 {
		note := layout.Plural(invalid, "invalid trial") + " left out: the load generator could not keep its schedule, or the trial did not finish."
		if reason := c.firstInvalid(); reason != "" {
			note = fmt.Sprintf("%s left out. Why the first was invalid: %s.", layout.Plural(invalid, "invalid trial"), strings.TrimSuffix(reason, "."))
		}
		notes = append(notes, note+" What to do: 'throng help verdict'.")
	}
	return slices.Concat(notes, c.lackNotes(), c.onlyNotes())
}

// firstInvalid is why the first invalid trial was: of the base, else of a new side; "" when no
// trial says it.
func (c *Comparison) firstInvalid() string {
	for i := range c.Pairs {
		for _, of := range []side{c.Pairs[i].base, c.Pairs[i].new} {
			for _, cell := range of.all {
				if reason := result.Line(cell.Reason); reason != "" && !slices.Contains(of.cells, cell) {
					return reason
				}
			}
		}
	}
	return ""
}

// lackNotes name the metrics of which some trials have no value, while others of both sides do: a
// comparison that leaves them out may leave out what is worst.
func (c *Comparison) lackNotes() []string {
	lacking := map[string]int{}
	var titles []string
	for i := range c.Pairs {
		for j := range c.Pairs[i].Changes {
			ch := &c.Pairs[i].Changes[j]
			if ch.without == 0 {
				continue
			}
			if lacking[ch.Title] == 0 {
				titles = append(titles, ch.Title)
			}
			lacking[ch.Title] += ch.without
		}
	}
	if len(titles) == 0 {
		return nil
	}
	var parts []string
	for _, title := range titles {
		parts = append(parts, fmt.Sprintf("%s in %s", title, layout.Plural(lacking[title], "trial")))
	}
	return []string{"Left out, as the trial has too few samples for it: " + strings.Join(parts, ", ") + "."}
}

// onlyNotes name the metrics that are in no table since one side has no value of them: a build that
// delivers nothing has no latency that could be compared.
func (c *Comparison) onlyNotes() (notes []string) {
	for i := range c.Pairs {
		p := &c.Pairs[i]
		if len(p.base.cells) == 0 || len(p.new.cells) == 0 {
			continue
		}
		for side, names := range [][2]string{{p.Base, p.New}, {p.New, p.Base}} {
			if titles := p.lacks[side]; len(titles) > 0 && len(notes) < maxNamed {
				notes = append(notes, fmt.Sprintf("%s has no value, or too few samples, of %s, which %s has: not compared.", names[0], strings.Join(titles, ", "), names[1]))
			}
		}
	}
	return notes
}
