package compare

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/throng-io/throng/reports/internal/layout"
)

// Sentence says what the comparison shows, in a few short sentences.
func (c *Comparison) Sentence() string { return strings.ReplaceAll(c.sentence(), layout.Nbsp, " ") }

// maxNamed is how many pairs a sentence names; more are in the table below it.
const maxNamed = 6

func (c *Comparison) sentence() string {
	if len(c.Pairs) == 1 {
		return layout.Joined(pairSentence(&c.Pairs[0]), tally(&c.Pairs[0]), apart(&c.Pairs[0]))
	}
	ms := headlines(c)
	i := slices.IndexFunc(ms, func(m measure) bool { return m.tail })
	switch {
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

// apart says of trials that were made one after the other what they are.
func apart(p *Pair) string {
	if p.Interleaved || p.BaseTrials.Valid == 0 || p.NewTrials.Valid == 0 {
		return ""
	}
	return "Not interleaved: differences may be the machine's drift."
}

// pairSentence is about the metric of the first condition, or without any the p99 of what the runs
// measure, or the highest percentile below it that both sides have.
func pairSentence(p *Pair) string {
	if p.BaseTrials.Valid == 0 || p.NewTrials.Valid == 0 {
		return "One side has no valid trial, so nothing can be compared."
	}
	ch := p.headline()
	if ch == nil {
		return "No metric has enough samples on both sides to be compared."
	}
	numbers := fmt.Sprintf("%s in %s, %s in %s", ch.of.show(ch.Base), p.Base, ch.of.show(ch.New), p.New)
	evidence := showCount(p, ch)
	if ch.Interval != nil {
		evidence = fmt.Sprintf("95%s%% interval %s, p = %s, %s", layout.Nbsp, showInterval(ch.Interval, ch), showP(ch.PHolm), evidence)
	}
	title := startWith(ch.Title)
	switch ch.Outcome {
	case Better, Worse:
		way := "lower"
		if ch.Change > 0 {
			way = "higher"
		}
		return fmt.Sprintf("%s is %s %s: %s (%s).", title, strings.TrimLeft(ch.showChange(ch.Change), "+-"), way, numbers, evidence)
	case NotShown:
		return fmt.Sprintf("%s: no difference is shown: %s (%s). A change of %s or more would have been found.", title, numbers, evidence, showDetectable(ch))
	}
	return fmt.Sprintf("%s: %s; %s are too few to show a difference.", title, numbers, showCount(p, ch))
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

// showDetectable is the change from which on it would have been found, without a sign.
func showDetectable(c *Change) string {
	if c.Detectable == nil || *c.Detectable == 0 { // in none of the trials is there any difference
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

// changesTable has a row per metric of a pair.
func changesTable(p *Pair) layout.Table {
	t := layout.Table{Left: 1, Head: []string{"metric", "base", "new", "change", "95" + layout.Nbsp + "% interval", "detectable", "p", "trials", "outcome"}}
	for i := range p.Changes {
		ch := &p.Changes[i]
		change := ch.showChange(ch.Change)
		if ch.Outcome == NotShown {
			change = string(NotShown)
		}
		t.Rows = append(t.Rows, []string{
			ch.Title, ch.of.show(ch.Base), ch.of.show(ch.New), change, showInterval(ch.Interval, ch), showDetectable(ch), showP(ch.PHolm),
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
	untested := false
	for i := range c.Pairs {
		p := &c.Pairs[i]
		row := []string{p.Label}
		for _, m := range ms {
			ch := p.change(m.name)
			switch {
			case ch == nil:
				row = append(row, layout.None)
			case ch.Outcome == NotShown:
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
	t.Note = "~: no difference is shown."
	if untested {
		t.Note += " In brackets: too few trials to show one of any size."
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

// method says how the numbers came about.
func (c *Comparison) method() string {
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
		if p.Label != "" {
			fmt.Fprintf(&b, "\n== %s, against %s\n", p.Label, p.Base)
		}
		// What differs is the same for most pairs of a matrix; say it once.
		if r := differsText(c, p); r != last {
			b.WriteString(r)
			last = r
		}
		layout.TextTable(&b, changesTable(p))
	}
	if left > 0 {
		fmt.Fprintf(&b, "\n%s without enough trials for a test not listed; --out DIR writes compare.html with all metrics.\n", layout.Plural(left, "pair"))
	}
	fmt.Fprintf(&b, "\n%s\n", c.method())
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
	fmt.Fprintf(&b, "\n<sub>%s</sub>\n", layout.MarkdownText(c.method()))
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
