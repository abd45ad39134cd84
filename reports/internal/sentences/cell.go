package sentences

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// CellSentence says how a cell ended and what it measured, in one to four sentences.
func CellSentence(c *result.Cell) string {
	if c.Interrupted {
		return layout.Joined(layout.UpperFirst(c.Reason)+", so the trial is incomplete.", headline(c))
	}
	switch c.Verdict {
	case result.Pass:
		return layout.Joined(headline(c), backSentence(c), metSentence(c), valid(c))
	case result.Fail:
		return layout.Joined(broken(c), headline(c), backSentence(c), valid(c))
	default:
		if c.TooFewSamples() {
			return layout.Joined("Not decided: "+strings.TrimSuffix(c.Reason, ".")+".", headline(c), "A longer run, or a rule on a lower percentile, tells.")
		}
		return layout.Joined(layout.UpperFirst(whyInvalid(c))+".", "No number of this run says anything about the server.")
	}
}

// headline is "p99 delivery 38 ms at 100 000 deliveries/s (10 000 websocket clients, batched
// fan-out)."
func headline(c *result.Cell) string {
	run := &result.Run{Cells: []result.Cell{*c}}
	metricName := selection.Primary(run)
	if metricName == "" {
		return "Nothing was delivered or acknowledged (" + Population(c) + ")."
	}
	name, us := selection.Best(c.Latency[metricName])
	value := layout.Micros(float64(us))
	if selection.BestBeyond(c.Latency[metricName]) {
		value = ">" + layout.Nbsp + value
	}
	if metric.OneWay(metricName) {
		value = layout.Bounded(value, us, c.ClockBoundUs())
	}
	rate := c.Rates.AchievedPerS
	noun := "messages/s"
	if metricName == metric.Delivery {
		rate, noun = c.Rates.DeliveriesPerS, "deliveries/s"
	}
	at := ""
	if rate > 0 {
		at = " at " + layout.Significant(rate) + layout.Nbsp + noun
	}
	return fmt.Sprintf("%s %s %s%s (%s).", name, metricName, value, at, Population(c))
}

// backSentence says how soon the clients were back after each fault: 95 % of them, or all where a
// fault has hit too few for a percentile.
func backSentence(c *result.Cell) string {
	if c.Reconnects == nil || len(c.Reconnects.Faults) == 0 {
		return ""
	}
	share, who := 0.95, "95"+layout.Nbsp+"% of the lost"
	if slices.ContainsFunc(c.Reconnects.Faults, func(f result.FaultReturns) bool { return f.Lost > 0 && !selection.Enough(f.Lost, share) }) {
		share, who = 1, "All lost"
	}
	var parts []string
	for i := range c.Reconnects.Faults {
		f := &c.Reconnects.Faults[i]
		us, ok := f.After(share)
		if !ok {
			parts = append(parts, "not in "+f.Phase)
			continue
		}
		parts = append(parts, "within "+layout.Micros(float64(us))+" in "+f.Phase)
	}
	return who + " connections were restored " + strings.Join(parts, ", ") + "."
}

// Population is "10 000 websocket clients, batched fan-out".
func Population(c *result.Cell) string {
	held := max(c.Clients.Held, 0)
	noun := "clients"
	if held == 1 {
		noun = "client"
	}
	s := layout.Count(held)
	if t := selection.Setting(c, "transport"); t != "" {
		s += layout.Nbsp + t
	}
	s += " " + noun
	if f := selection.Setting(c, "fanout"); f != "" {
		s += ", " + f + " fan-out"
	}
	if c.Server.SameMachine {
		s += ", one machine"
	}
	return s
}

func metSentence(c *result.Cell) string {
	for _, k := range c.Checks {
		if k.Kind != result.KindValid {
			return "Checks met."
		}
	}
	return "No checks to meet."
}

// Fitness is "lag p99 0.2 ms, CPU 41 %": the state of the generator; "" if it is not known.
func Fitness(c *result.Cell) string {
	var parts []string
	if name, us := selection.LagOf(c); us > 0 {
		parts = append(parts, "lag "+name+" "+layout.Micros(float64(us)))
	}
	if c.Generator.CPUMax > 0 {
		parts = append(parts, "CPU "+layout.Share(c.Generator.CPUMax))
	}
	return strings.Join(parts, ", ")
}

// valid is "Run valid: generator lag p99 0.2 ms, CPU 41 %."
func valid(c *result.Cell) string {
	if s := Fitness(c); s != "" {
		return "Run valid: generator " + s + "."
	}
	return "Run valid."
}

// broken names the checks that failed the cell. If the server ended by itself, the reason says so
// and no check does.
func broken(c *result.Cell) string {
	parts := brokenChecks(c, result.KindSLO)
	if len(parts) == 0 || c.Evidence != nil && c.Evidence.Ending == result.EndServerGone {
		return layout.UpperFirst(strings.TrimSuffix(cmp.Or(c.Reason, "a check was broken"), ".")) + "."
	}
	noun := "Check"
	if len(parts) > 1 {
		noun = "Checks"
	}
	return noun + " broken: " + strings.Join(parts, "; ") + "."
}

// brokenChecks lists the broken checks of a kind that decide, each with what it found. Those
// without samples come last: the others say why there are none.
func brokenChecks(c *result.Cell, kind string) (parts []string) {
	var without []string
	for i := range c.Checks {
		switch k := &c.Checks[i]; {
		case k.Pass || k.Undecided || k.Optional || k.Kind != kind:
		case k.NoData:
			without = append(without, Found(k))
		default:
			parts = append(parts, Found(k))
		}
	}
	return append(parts, without...)
}

// Found is "p99(delivery) < 100ms, it was 143 ms".
func Found(k *result.Check) string {
	s := k.Text + ", "
	switch {
	case k.NoData:
		s += "but there were no samples"
	case k.Undecided:
		s += "not decided"
	default:
		s += "it was " + layout.CheckFound(k)
	}
	if k.Note != "" && (!k.NoData || !strings.Contains(s, k.Note)) {
		s += " (" + k.Note + ")"
	}
	return s
}

// Remedy says what to do about an invalid run whose generator was too busy to judge; other reasons
// name theirs.
func Remedy(run *result.Run) string {
	if run.Verdict != result.Invalid || !slices.ContainsFunc(run.Cells, tooBusy) {
		return ""
	}
	if !slices.ContainsFunc(run.Cells, func(c result.Cell) bool { return tooBusy(c) && !coarse(&c) }) {
		return "End other programs, lower the load, or give the generator a machine of its own; where a coarse answer will do, write valid: [p99(lag) < 50ms, p99(lag.receive) < 100ms]: 'throng help verdict'."
	}
	return "End other programs, lower the load, or give the generator a machine of its own: 'throng help verdict'."
}

// ownPart begins the rules on the generator's own lateness.
const ownPart = "the generator's own part of "

// coarse reports whether a cell is invalid only because the generator's own part of a latency is
// too large beside it, and would keep the fixed limits that Remedy names, which replace that rule.
// In a fleet they bind each agent, which the figures of the cell do not show.
func coarse(c *result.Cell) bool {
	below := func(l *result.Latency, us int64) bool { return l != nil && l.N > 0 && l.P99us < us }
	if len(c.Agents) > 0 || !below(c.Generator.Lag, 50_000) || !below(c.Generator.LagReceive, 100_000) || !strings.HasPrefix(c.Reason, ownPart) {
		return false
	}
	return !slices.ContainsFunc(c.Checks, func(k result.Check) bool {
		own := k.Implied && strings.HasPrefix(k.Text, ownPart)
		return !k.Pass && !k.Optional && (k.Kind == result.KindValid && !own || k.Undecided)
	})
}

// tooBusy reports whether the generator's processor time or lateness made a cell invalid.
func tooBusy(c result.Cell) bool {
	if c.Interrupted || c.Verdict != result.Invalid || c.Evidence != nil && c.Evidence.Mismatch != "" {
		return false
	}
	return slices.ContainsFunc(c.Checks, func(k result.Check) bool {
		return k.Kind == result.KindValid && !k.Pass && !k.Optional && !k.NoData && k.Stat != metric.StatErrors && k.Stat != metric.StatUndecided
	})
}

// Unfit reports whether a cell broke a rule on the generator.
func Unfit(c *result.Cell) bool {
	return slices.ContainsFunc(c.Checks, func(k result.Check) bool {
		return k.Kind == result.KindValid && !k.Pass && !k.Optional && !k.Undecided && k.Stat != metric.StatUndecided
	})
}

// ByCheck reports whether a check has decided the verdict of a cell, and not a fault that did not
// happen, or the like.
func ByCheck(c *result.Cell) bool {
	return slices.ContainsFunc(c.Checks, func(k result.Check) bool { return strings.HasPrefix(c.Reason, k.Text) })
}

func whyInvalid(c *result.Cell) string {
	parts := brokenChecks(c, result.KindValid)
	if len(parts) == 0 || c.Evidence != nil && c.Evidence.Mismatch != "" {
		return strings.TrimSuffix(cmp.Or(c.Reason, "the run has no verdict"), ".")
	}
	switch {
	case Unfit(c):
		return "the generator was not fit to judge: " + strings.Join(parts, "; ")
	case c.Reason != "" && !ByCheck(c):
		return strings.TrimSuffix(c.Reason, ".")
	}
	return "too much is undecided: " + strings.Join(parts, "; ") // which is no fault of the generator
}
