package compare

import (
	"fmt"
	"slices"
	"strings"

	"github.com/throng-io/throng/reports/internal/layout"
)

// Sentence says what the comparison shows, in a few short sentences.
func (c *Comparison) Sentence() string { return strings.ReplaceAll(c.sentence(), layout.Nbsp, " ") }

// Empty reports whether nothing was compared: no pair has valid trials on both sides.
func (c *Comparison) Empty() bool {
	return !slices.ContainsFunc(c.Pairs, func(p Pair) bool { return p.BaseTrials.Valid > 0 && p.NewTrials.Valid > 0 })
}

// maxNamed is how many pairs a sentence names; more are in the table below it.
const maxNamed = 6

func (c *Comparison) sentence() string {
	if len(c.Pairs) == 1 {
		return layout.Joined(pairSentence(&c.Pairs[0]), tally(&c.Pairs[0]), apart(&c.Pairs[0]))
	}
	ms := headlines(c)
	i := slices.IndexFunc(ms, func(m measure) bool { return m.tail })
	switch {
	case c.Empty():
		return fmt.Sprintf("None of %d pairs has valid trials on both sides, so nothing can be compared.", len(c.Pairs))
	case len(ms) == 0:
		return fmt.Sprintf("%d pairs were compared with %s, but no metric was measured on both sides.", len(c.Pairs), c.Base)
	case i < 0: // too few samples for a tail
		i = 0
	}
	by := map[Outcome][]string{}
	for j := range c.Pairs {
		if ch := c.Pairs[j].change(ms[i].name); ch != nil {
			by[ch.Outcome] = append(by[ch.Outcome], c.Pairs[j].Label)
		}
	}
	if len(by[Untested]) == len(c.Pairs) {
		return fmt.Sprintf("Against %s, no difference in %s can be shown: the %d pairs have too few trials; each side needs %d.", c.Base, ms[i].title, len(c.Pairs), c.Pairs[0].design().Needed(c.askedLevel))
	}
	var parts []string
	for _, o := range []Outcome{Better, Worse, NotShown, Untested} {
		words := map[Outcome]string{Better: "better with ", Worse: "worse with ", NotShown: "no difference shown with ", Untested: "not tested, because of too few trials, with "}[o]
		switch labels := by[o]; {
		case len(labels) > maxNamed:
			parts = append(parts, fmt.Sprintf("%s%d of %d", words, len(labels), len(c.Pairs)))
		case len(labels) > 0:
			parts = append(parts, words+strings.Join(labels, ", "))
		}
	}
	return fmt.Sprintf("Against %s, the %s is %s.", c.Base, ms[i].title, strings.Join(parts, "; "))
}

// apart says of trials that were not made in turn what they are.
func apart(p *Pair) string {
	switch {
	case p.Interleaved || p.BaseTrials.Valid == 0 || p.NewTrials.Valid == 0:
		return ""
	case p.together:
		return "Both sides ran at the same time: differences may be the machines'."
	case p.untimed:
		return "The results do not say when their trials ran: differences may be the machine's drift."
	}
	return "Not interleaved: differences may be the machine's drift."
}

// pairSentence is about the metric of the first condition, or without any the p99 of what the runs
// measure, or the highest percentile below it that both sides have.
func pairSentence(p *Pair) string {
	switch base, new := p.BaseTrials.Valid, p.NewTrials.Valid; {
	case base+new == 0:
		return "Neither side has a valid trial, so nothing can be compared."
	case base == 0 || new == 0:
		return "One side has no valid trial, so nothing can be compared."
	}
	ch := p.headline()
	if ch == nil {
		return "No metric has enough samples on both sides to be compared."
	}
	numbers := fmt.Sprintf("%s in %s, %s in %s", ch.showBase(), p.Base, ch.showNew(), p.New)
	evidence := showCount(p, ch)
	if ch.Interval != nil && !ch.bounded() {
		evidence = fmt.Sprintf("95%s%% interval %s, %s, %s", layout.Nbsp, showInterval(ch.Interval, ch), sayP(ch.PHolm), evidence)
	}
	title := startWith(ch.Title)
	switch {
	case ch.Outcome == Better || ch.Outcome == Worse:
		way := "lower"
		if ch.Change > 0 {
			way = "higher"
		}
		return layout.Joined(fmt.Sprintf("%s is %s %s: %s (%s).", title, strings.TrimLeft(ch.showChange(ch.Change), "+-"), way, numbers, evidence), ch.boundsSentence())
	case ch.Outcome == NotShown && ch.effect.Constant() && !ch.bounded():
		return fmt.Sprintf("%s: the same on both sides in all trials: %s (%s).", title, numbers, showCount(p, ch))
	case ch.Outcome == NotShown:
		s := fmt.Sprintf("%s: no difference is shown: %s (%s).", title, numbers, evidence)
		if d := showDetectable(ch); d != layout.None {
			s += " A change of " + d + " or more would have been found."
		}
		return layout.Joined(s, ch.boundsSentence())
	}
	return fmt.Sprintf("%s: %s; too few to show a difference: %s.", title, numbers, showCount(p, ch))
}

// boundsSentence is bounds as a sentence.
func (c *Change) boundsSentence() string {
	if s := c.bounds(); s != "" {
		return layout.UpperFirst(s) + "."
	}
	return ""
}

// showCount counts the trials of a change in words.
func showCount(p *Pair, ch *Change) string {
	if p.Interleaved {
		return layout.Plural(ch.BaseN, "pair") + " of trials"
	}
	return fmt.Sprintf("%d and %d trials", ch.BaseN, ch.NewN)
}

// untested reports whether there were trials enough for none of the metrics.
func (p *Pair) untested() bool {
	return !slices.ContainsFunc(p.Changes, func(ch Change) bool { return ch.Outcome != Untested })
}

// startWith makes the title of a metric the start of a sentence. The names of percentiles stay as
// they are.
func startWith(title string) string {
	if layout.Quantile(strings.Fields(title)[0]) > 0 {
		return title
	}
	return layout.UpperFirst(title)
}

// headline is the change that a pair is judged by first: of the first condition, if there are any.
func (p *Pair) headline() *Change {
	for _, name := range p.conditions {
		if ch := p.change(name); ch != nil {
			return ch
		}
	}
	if p.Shift != nil {
		for _, percentile := range []string{"p99", "p50"} {
			if ch := p.change(percentile + "(" + p.Shift.Metric + ")"); ch != nil {
				return ch
			}
		}
	}
	if len(p.Changes) > 0 {
		return &p.Changes[0]
	}
	return nil
}

// tally is "Of 14 metrics 8 are better, 1 is worse; 5 show no difference."
func tally(p *Pair) string {
	n := map[Outcome]int{}
	for _, ch := range p.Changes {
		n[ch.Outcome]++
	}
	if len(p.Changes) < 2 || n[Untested] == len(p.Changes) {
		return ""
	}
	var parts []string
	add := func(n int, words string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, words))
		}
	}
	add(n[Better], "better")
	add(n[Worse], "worse")
	add(n[NotShown], "without a difference shown")
	add(n[Untested], "untested")
	return fmt.Sprintf("Of %d metrics: %s.", len(p.Changes), strings.Join(parts, ", "))
}
