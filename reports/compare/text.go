package compare

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/throng-io/throng/reports/internal/layout"
)

func showP(p *float64) string {
	switch {
	case p == nil:
		return layout.None
	case *p < 0.001:
		return "<0.001"
	case *p >= 0.1:
		return fmt.Sprintf("%.2f", *p)
	}
	return fmt.Sprintf("%.3f", *p)
}

// sayP is showP in a sentence: "p = 0.012", "p < 0.001".
func sayP(p *float64) string {
	if least, ok := strings.CutPrefix(showP(p), "<"); ok {
		return "p < " + least
	}
	return "p = " + showP(p)
}

// showDetectable is the change from which on it would have been found, without a sign. There is
// none where no trial differs from another, and where values are only lower bounds.
func showDetectable(c *Change) string {
	if c.Detectable == nil || *c.Detectable == 0 || c.bounded() {
		return layout.None
	}
	return strings.TrimLeft(c.showChange(*c.Detectable), "+")
}

// showTrials counts the trials of a change: "13 pairs" or "5+5".
func showTrials(p *Pair, base, new int) string {
	if p.Interleaved {
		return layout.Plural(base, "pair")
	}
	return fmt.Sprintf("%d+%d", base, new)
}

const boundedNote = "No interval: in at least one trial, more never came than the percentile leaves out. Such a value is how long was waited (“>”), and the truth is more."

// changesTable has a row per metric of a pair.
func changesTable(p *Pair) layout.Table {
	t := layout.Table{Left: 1, Head: []string{"metric", "base", "new", "change", "95" + layout.Nbsp + "% interval", "detectable", "p", "trials", "outcome"}}
	for i := range p.Changes {
		ch := &p.Changes[i]
		change := ch.showChange(ch.Change)
		interval := showInterval(ch.Interval, ch)
		if ch.bounded() { // so are its ends
			interval, t.Note = layout.None, boundedNote
		}
		if ch.Outcome == NotShown {
			change = string(NotShown)
		}
		t.Rows = append(t.Rows, []string{
			ch.Title, ch.showBase(), ch.showNew(), change, interval, showDetectable(ch), showP(ch.PHolm),
			showTrials(p, ch.BaseN, ch.NewN), string(ch.Outcome),
		})
	}
	return t
}

// overviewOf has a row per pair, with the changes of the headline metrics.
func overviewOf(c *Comparison) layout.Table {
	ms := headlines(c)
	t := layout.Table{Left: 1, Head: []string{"against " + c.Base}}
	for _, m := range ms {
		t.Head = append(t.Head, m.title)
	}
	t.Head = append(t.Head, "trials")
	alike, untested := false, false
	for i := range c.Pairs {
		p := &c.Pairs[i]
		row := []string{p.Label}
		for _, m := range ms {
			ch := p.change(m.name)
			switch {
			case ch == nil:
				row = append(row, layout.None)
			case ch.Outcome == NotShown:
				alike = true
				row = append(row, string(NotShown))
			case ch.Outcome == Untested:
				untested = true
				row = append(row, "("+ch.showChange(ch.Change)+")")
			default:
				row = append(row, ch.showChange(ch.Change))
			}
		}
		t.Rows = append(t.Rows, append(row, showTrials(p, len(p.base.cells), len(p.new.cells))))
	}
	if alike {
		t.Note = "~: no difference is shown."
	}
	if untested {
		t.Note = layout.Joined(t.Note, "In brackets: too few trials to show one of any size.")
	}
	return t
}

func residueTable(p *Pair) layout.Table {
	t := layout.Table{Left: 3, Head: []string{"differs", "base", "new"}}
	for _, d := range p.Residue {
		t.Rows = append(t.Rows, []string{d.What, d.Base, d.New})
	}
	return t
}

// residueSentence says what the differences mean for the comparison.
func residueSentence(c *Comparison, p *Pair) string {
	besides := ""
	if c.Axis != "" {
		besides = " besides " + c.Axis
	}
	switch n := len(p.Residue); {
	case n == 1 && sameRun(p.base.run, p.new.run):
		return "Both sides ran in turn, in one run:"
	case n == 0 && sameRun(p.base.run, p.new.run):
		return "Nothing differs" + besides + ": both sides are trials of one run."
	case n == 0:
		return "The results record no difference in the setup" + besides + "."
	case n == 1 && c.Axis == "":
		return "One thing differs:"
	case n == 1:
		return "One thing differs" + besides + "; either may cause a change:"
	}
	return fmt.Sprintf("%d things differ%s; any of them may cause a change:", len(p.Residue), besides)
}

// alike reports whether the same things differ in every one of several pairs: then they are said
// first, for all.
func (c *Comparison) alike() bool {
	for i := range c.Pairs {
		if !slices.Equal(c.Pairs[i].Residue, c.Pairs[0].Residue) || residueSentence(c, &c.Pairs[i]) != residueSentence(c, &c.Pairs[0]) {
			return false
		}
	}
	return len(c.Pairs) > 1
}

func differsText(c *Comparison, p *Pair) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n", residueSentence(c, p))
	layout.TextTable(&b, residueTable(p))
	return b.String()
}

// method says how the numbers came about; "" where there are none.
func (c *Comparison) method() string {
	if !slices.ContainsFunc(c.Pairs, func(p Pair) bool { return len(p.Changes) > 0 }) {
		return ""
	}
	s := "A trial is one sample, however many messages it had. Base and new are medians over the trials. "
	paired, apart := false, false
	for i := range c.Pairs {
		paired, apart = paired || c.Pairs[i].Interleaved, apart || !c.Pairs[i].Interleaved
	}
	if paired {
		s += "Trials that ran next to each other are pairs: the change is the Hodges-Lehmann estimate over the quotients within the pairs, so that a drift of the machine is in neither side, " +
			"and p is from Wilcoxon's exact signed-rank test, two-sided. "
	}
	if apart {
		s += "The change is the Hodges-Lehmann estimate over the quotients of every new and every base trial, and p is from the two-sided Mann-Whitney test. "
	}
	s += "A difference counts as shown if p ≤ 0.05 after Holm's correction for all metrics"
	if len(c.Pairs) > 1 {
		s += fmt.Sprintf(" of all %d comparisons", len(c.Pairs))
	}
	if c.left() < 1 {
		s += " and for looking after each pair whether there are enough"
	}
	return s + ": by chance, at most one in twenty comparisons of equal systems shows any. Two thirds of these five per cent are for what the comparison is about " +
		"(the metrics of the conditions, else p50, p99, CPU and memory). The intervals are not corrected. " +
		"Detectable is the change that would have been found in nineteen of twenty such comparisons."
}

// Text writes the comparison for a terminal: the residue first, then the changes.
func (c *Comparison) Text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", c.sentence())
	last := ""
	if c.alike() {
		last = differsText(c, &c.Pairs[0])
		b.WriteString(last)
	}
	if len(c.Pairs) > 1 {
		layout.TextTable(&b, overviewOf(c))
	}
	left := 0
	for i := range c.Pairs {
		p := &c.Pairs[i]
		if len(c.Pairs) > maxNamed && p.untested() {
			left++
			continue
		}
		// What differs is the same for most pairs of a matrix; say it once.
		r := differsText(c, p)
		if p.Label != "" && (r != last || len(p.Changes) > 0) {
			fmt.Fprintf(&b, "\n== %s, against %s\n", p.Label, p.Base)
		}
		if r != last {
			b.WriteString(r)
			last = r
		}
		layout.TextTable(&b, changesTable(p))
	}
	if left > 0 {
		fmt.Fprintf(&b, "\n%s without enough trials for a test not listed; --out DIR writes compare.html with all metrics.\n", layout.Plural(left, "pair"))
	}
	if s := c.method(); s != "" {
		fmt.Fprintf(&b, "\n%s\n", s)
	}
	for _, n := range c.Notes {
		fmt.Fprintf(&b, "\nnote: %s\n", n)
	}
	_, err := io.WriteString(w, strings.ReplaceAll(b.String(), layout.Nbsp, " "))
	return err
}

// JSON writes the comparison as data.
func (c *Comparison) JSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(struct {
		*Comparison
		Sentence string `json:"sentence"`
	}{c, c.Sentence()})
}

// Markdown writes the comparison for a comment on a pull request.
func (c *Comparison) Markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "### Load test: %s against %s\n\n%s\n", layout.MarkdownText(c.against()), layout.MarkdownText(c.Base), layout.MarkdownText(c.sentence()))
	for _, f := range c.Findings {
		fmt.Fprintf(&b, "\n- %s", layout.MarkdownText(f.line()))
	}
	if len(c.Findings) > 0 {
		b.WriteByte('\n')
	}
	if c.alike() {
		fmt.Fprintf(&b, "\n%s\n", layout.MarkdownText(residueSentence(c, &c.Pairs[0])))
		layout.MarkdownTable(&b, residueTable(&c.Pairs[0]))
	}
	if len(c.Pairs) > 1 {
		layout.MarkdownTable(&b, overviewOf(c))
	}
	for i := range c.Pairs {
		p := &c.Pairs[i]
		if len(c.Pairs) > 1 {
			fmt.Fprintf(&b, "\n<details><summary>%s against %s</summary>\n", layout.MarkdownText(p.Label), layout.MarkdownText(p.Base))
		}
		if !c.alike() {
			fmt.Fprintf(&b, "\n%s\n", layout.MarkdownText(residueSentence(c, p)))
			layout.MarkdownTable(&b, residueTable(p))
		}
		layout.MarkdownTable(&b, changesTable(p))
		if len(c.Pairs) > 1 {
			b.WriteString("\n</details>\n")
		}
	}
	for _, n := range c.Notes {
		fmt.Fprintf(&b, "\n> %s\n", layout.MarkdownText(n))
	}
	if s := c.method(); s != "" {
		fmt.Fprintf(&b, "\n<sub>%s</sub>\n", layout.MarkdownText(s))
	}
	_, err := io.WriteString(w, strings.ReplaceAll(b.String(), layout.Nbsp, " "))
	return err
}

// against names what is compared with the base.
func (c *Comparison) against() string {
	var names []string
	for i := range c.Pairs {
		if !slices.Contains(names, c.Pairs[i].New) {
			names = append(names, c.Pairs[i].New)
		}
	}
	return strings.Join(names, ", ")
}

// line is a finding in one line.
func (f Finding) line() string {
	state := "held"
	switch {
	case f.Failed:
		state = "FAILED"
	case f.Unjudged:
		state = "NOT DECIDED"
	}
	pair := ""
	if f.Pair != "" {
		pair = " (" + f.Pair + ")"
	}
	return fmt.Sprintf("fail if %s%s: %s: %s", f.Gate, pair, state, f.Text)
}

// GateText writes what the gates found, a line each.
func (c *Comparison) GateText(w io.Writer) error {
	for _, f := range c.Findings {
		if _, err := fmt.Fprintln(w, f.line()); err != nil {
			return err
		}
	}
	return nil
}
