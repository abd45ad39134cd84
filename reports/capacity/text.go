package capacity

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/reports/internal/tables"
	"github.com/throng-io/throng/scenario/result"
)

// firstBroken is the check that most trials at High broke, with what the first of them found.
func (c *Capacity) firstBroken() string {
	seen := map[string]int{}
	first := map[string]string{} // the reason of the first trial that a check broke
	most := ""
	for _, p := range c.Probes {
		if p.Level != c.High || p.Verdict != selection.ProbeBroke || p.Reason == "" {
			continue
		}
		rule := c.brokenBy(&p)
		if first[rule] == "" {
			first[rule] = p.Reason
		}
		if seen[rule]++; seen[rule] > seen[most] {
			most = rule
		}
	}
	return first[most]
}

// brokenBy is the check that decided a trial: the first broken one of its cell. A trial whose cell
// is lost, or that no check decided, is known by its reason.
func (c *Capacity) brokenBy(p *result.Probe) string {
	if p.Cell > 0 && p.Cell <= len(c.run.Cells) {
		for _, k := range c.run.Cells[p.Cell-1].Checks {
			if !k.Pass && !k.Optional && k.Kind == result.KindSLO {
				return k.Text
			}
		}
	}
	return p.Reason
}

// show writes a level with its unit.
func (c *Capacity) show(level float64) string {
	switch c.Unit {
	case "%":
		return layout.Share(level) + " of the load"
	case "/s":
		return layout.Significant(level) + "/s"
	case "B":
		return layout.Bytesize(level)
	}
	return layout.Count(int64(math.Round(level)))
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

// Word is the answer in two words at most; "" where the generator ended the search.
func (c *Capacity) Word() string {
	switch {
	case c.Verdict == result.Pass && c.End == endFound:
		return "found"
	case c.Verdict == result.Pass:
		return "lower bound"
	case c.Verdict == result.Fail:
		return "not found"
	}
	return ""
}

// Answer is the answer with its conditions.
func (c *Capacity) Answer() string {
	switch {
	case len(c.Probes) == 0 && c.End == endBudget:
		return "Nothing was measured: the budget leaves no time for a trial; give more with --budget."
	case len(c.Probes) == 0:
		return "Nothing was measured: the search ended before its first trial."
	case c.End == endGenerator:
		held := "No level was judged to hold."
		if c.Low > 0 {
			held = fmt.Sprintf("The server held %s %s; its capacity is not known.", c.noun(c.Low), c.outcomes(c.Low, selection.ProbeHeld))
		}
		why := strings.TrimSuffix(c.invalidReason(), ".")
		if c.undecided(c.High) {
			return layout.Joined(fmt.Sprintf("Trials at %s cannot be decided: %s.", c.noun(c.High), why), held, "Make the trials longer (--set search.trial=…), or write a rule on a lower percentile.")
		}
		return layout.Joined(fmt.Sprintf("The load generator was not fit to judge at %s, twice: %s.", c.noun(c.High), why), held, "Use a machine of its own for the generator, or several (throng agent), or raise a load that the server feels first.")
	case c.Low == 0 && c.High > 0:
		s := fmt.Sprintf("%s does not hold %s with %s: %s (it broke %s%s).",
			c.holder(), c.noun(c.High), c.conditions(), c.Reason, c.outcomes(c.High, selection.ProbeBroke), unconfirmed(c.HighConfirmed))
		if c.Unit == "" && c.High <= 1 {
			return layout.Joined(s, c.unfinished()) // there is no lower level
		}
		return layout.Joined(s, c.unfinished(), "Begin lower with --set search.from=…")
	case c.Low == 0 && c.End == endNoisy:
		return layout.Joined("No level was judged to hold.", c.unfinished())
	case c.Low == 0:
		return layout.Joined("No level was judged: the search has not come to an answer.", c.unfinished())
	}
	parts := []string{c.holds()}
	if c.Operating > 0 {
		parts = append(parts, c.operation())
	}
	if c.High > 0 && c.Reason != "" {
		parts = append(parts, fmt.Sprintf("What breaks first: %s at %s%s.", strings.TrimSuffix(c.Reason, "."), c.show(c.High), c.coresAt(c.High)))
	}
	return strings.Join(parts, " ")
}

// outcomes is "in 4 of 4 trials": how many of a level's valid trials had a verdict.
func (c *Capacity) outcomes(level float64, verdict string) string {
	n, all := 0, 0
	for _, p := range c.Probes {
		if p.Level != level || p.Verdict != selection.ProbeHeld && p.Verdict != selection.ProbeBroke {
			continue
		}
		all++
		if p.Verdict == verdict {
			n++
		}
	}
	return fmt.Sprintf("in %d of %s", n, layout.Plural(all, "trial"))
}

// holder is what a capacity is of.
func (c *Capacity) holder() string {
	if c.raisesNodes() {
		return "This machine"
	}
	return "One node of this size"
}

// holds says what a node holds, and how sure that is.
func (c *Capacity) holds() string {
	least := ""
	if c.High == 0 {
		least = "at least "
	}
	s := fmt.Sprintf("%s holds %s%s with %s: it held %s", c.holder(), least, c.noun(c.Low), c.conditions(), c.outcomes(c.Low, selection.ProbeHeld))
	if !c.LowConfirmed {
		s = fmt.Sprintf("No level is confirmed: with %s, %s held %s", c.conditions(), c.noun(c.Low), c.outcomes(c.Low, selection.ProbeHeld))
	}
	switch {
	case c.High > 0:
		s += fmt.Sprintf("; %s broke %s%s", c.show(c.High), c.outcomes(c.High, selection.ProbeBroke), unconfirmed(c.HighConfirmed))
	case c.End == endAtLeast && c.LimitedBy != "" && c.onFleet():
		s += "; the agents allow no higher level"
	case c.End == endAtLeast && c.LimitedBy != "":
		s += "; this machine allows no higher level"
	case c.End == endAtLeast:
		s += "; to: of the search allows no higher level"
	default:
		s += "; no level was found to break"
	}
	return layout.Joined(s+".", c.unlike(), c.unfinished())
}

// unlike says which levels below the one that holds broke, and which above the one that breaks
// held: a capacity is a number only where more load is never easier.
func (c *Capacity) unlike() string {
	var levels []string
	for _, l := range c.levels {
		switch {
		case l.Level < c.Low && 2*l.Held <= l.Trials:
			levels = append(levels, c.show(l.Level)+" broke "+c.outcomes(l.Level, selection.ProbeBroke))
		case l.Level > c.High && c.High > 0 && 2*l.Held >= l.Trials:
			levels = append(levels, c.show(l.Level)+" held "+c.outcomes(l.Level, selection.ProbeHeld))
		}
	}
	if levels == nil {
		return ""
	}
	return "Not every other level agrees: " + strings.Join(levels, ", ") + "."
}

func unconfirmed(confirmed bool) string {
	if confirmed {
		return ""
	}
	return ", which is not confirmed"
}

// onFleet reports whether agents had the clients.
func (c *Capacity) onFleet() bool {
	return slices.ContainsFunc(c.run.Cells, func(cell result.Cell) bool { return len(cell.Agents) > 0 })
}

// unfinished says why an answer is less than it could be, and what would give a better one.
func (c *Capacity) unfinished() string {
	switch {
	case c.End == endNoisy:
		return fmt.Sprintf("Trials at one level disagree too much to say more (about %s come out the other way round): try longer ones, such as --set search.trial=%s, or a quieter machine.",
			layout.Share(c.Noise), time.Duration(2*c.TrialS*float64(time.Second)))
	case c.End == endBudget:
		return "The budget was used up before the search was over: --resume goes on with it."
	case c.Split > 0:
		return fmt.Sprintf("At %s between them trials went either way.", layout.Plural(c.Split, "level"))
	}
	return ""
}

// operation says at which load to run a node, and what was measured there.
func (c *Capacity) operation() string {
	s := fmt.Sprintf("Run it at %s, %s", c.noun(c.Operating), c.OperatingNote)
	if c.At != nil && c.At.P99us > 0 {
		s += fmt.Sprintf(": there p99 %s is %s", c.metric, latency(c.At.P99us, c.At.P99Beyond))
		if c.At.ServerCores > 0 {
			s += fmt.Sprintf(" and the server uses %s cores", layout.Significant(c.At.ServerCores))
		}
	}
	return s + "."
}

// coresAt is what the server used at a level.
func (c *Capacity) coresAt(level float64) string {
	for _, l := range c.levels {
		if l.Level == level && l.ServerCores > 0 {
			return fmt.Sprintf(", where the server uses %s cores", layout.Significant(l.ServerCores))
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
		s = layout.Significant(l.OfferedPerS) + " messages/s and " + s
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

// undecided reports whether trials at a level were invalid for a lack of samples.
func (c *Capacity) undecided(level float64) bool {
	return slices.ContainsFunc(c.Probes, func(p result.Probe) bool {
		return p.Level == level && p.Cell > 0 && p.Cell <= len(c.run.Cells) && c.run.Cells[p.Cell-1].TooFewSamples()
	})
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
	end := endWords[c.End]
	if c.End == endGenerator && c.undecided(c.High) {
		end = "too few samples to decide"
	}
	fmt.Fprintf(&b, "verdict: %s (%s)\n\n%s\n", c.Verdict, end, c.Line)
	layout.TextTable(&b, LevelsTable(c))
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
	_, err := io.WriteString(w, strings.ReplaceAll(b.String(), layout.Nbsp, " "))
	return err
}

var endWords = map[string]string{
	endFound: "found", endAtLeast: "the highest level allowed holds", endBelow: "the first level breaks",
	endGenerator: "the load generator was not fit", endBudget: "the budget was used up", endNoisy: "the trials disagree too much", "open": "not finished",
}

func (c *Capacity) memoryNote() string {
	if e := c.BytesPerClient; e != nil {
		return fmt.Sprintf("The server takes %s for each client (95 %% interval %s to %s).", layout.Bytesize(e.Value), layout.Bytesize(e.Low), layout.Bytesize(e.High))
	}
	if c.unread() { // the table of levels says it
		return ""
	}
	return c.BytesPerClientNote
}

func sameMachine(run *result.Run) bool {
	return slices.ContainsFunc(run.Cells, func(c result.Cell) bool { return c.Server.SameMachine })
}

// latency writes a percentile of a level, with a sign where it is more than that; 0 is not known.
func latency(us float64, beyond bool) string {
	n := 1
	if us == 0 {
		n = 0
	}
	return tables.ShowMedian(selection.Spread{N: n, Mid: us, Beyond: beyond}, layout.Micros)
}

// LevelsTable has a row per level.
func LevelsTable(c *Capacity) layout.Table {
	t := layout.Table{Title: "Levels", Left: 1, Head: []string{"level", "held of trials", "offered/s", "achieved/s", "deliveries/s", "p50", "p99", "server cores"}}
	if c.metric != "" {
		t.Head[5], t.Head[6] = c.metric+" p50", c.metric+" p99"
	}
	for _, l := range c.levels {
		mark := ""
		switch {
		case l.Level == c.High && c.End == endGenerator:
			mark = " (not judged)"
		case l.Level == c.Low:
			mark = " (holds)"
		case l.Level == c.High:
			mark = " (breaks)"
		}
		t.Rows = append(t.Rows, []string{
			c.show(l.Level) + mark, fmt.Sprintf("%d of %d", l.Held, l.Trials), layout.Significant(l.OfferedPerS), layout.Significant(l.AchievedPerS),
			layout.Significant(l.DeliveriesPerS), latency(l.P50us, l.P50Beyond), latency(l.P99us, l.P99Beyond), layout.Known(l.ServerCores, layout.Significant),
		})
		t.Links = append(t.Links, c.link(&l))
	}
	if len(t.Rows) > 0 {
		t.Note = "Medians of the valid trials of a level."
		if slices.ContainsFunc(c.levels, func(l Load) bool { return l.P50Beyond || l.P99Beyond }) {
			t.Note += " " + tables.MoreNote
		}
		if c.unread() {
			t.Note += " " + c.BytesPerClientNote
		}
	}
	return t
}

// link is the anchor of a level's first valid trial.
func (c *Capacity) link(l *Load) string {
	if l == nil || len(l.Cells) == 0 {
		return ""
	}
	return result.CellName(l.Cells[0]-1, len(c.run.Cells))
}

// Criteria says of each check of a trial what it found and whether it held: "PASS [p99(delivery)
// 3.7 ms < 50ms]".
func Criteria(c *result.Cell) []string {
	var out []string
	for i := range c.Checks {
		k := &c.Checks[i]
		word := "PASS"
		switch {
		case k.Undecided:
			word = "UNDECIDED"
		case !k.Pass && k.Kind == result.KindValid:
			word = "INVALID"
		case !k.Pass:
			word = "FAIL"
		}
		if k.Optional {
			word += " (optional)"
		}
		value := layout.CheckFound(k)
		if k.NoData {
			value = tables.NoValue
		}
		found := layout.Joined(layout.CheckName(k), value, layout.CheckLimit(k))
		out = append(out, strings.ReplaceAll(fmt.Sprintf("%s [%s]", word, found), layout.Nbsp, " "))
	}
	return out
}
