package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// Sentence says what came out, in one to three short sentences: what was measured at which load, whether the checks held, and
// whether the run counts. It is the first thing on the page and on the terminal.
func Sentence(run *result.Run) string { return strings.ReplaceAll(sentence(run), nbsp, " ") }

func sentence(run *result.Run) string {
	if len(run.Cells) == 0 {
		return "Nothing was measured: the run ended before its first cell."
	}
	var s string
	switch {
	case run.Capacity != nil:
		s = CapacityOf(run).line()
	case len(run.Cells) == 1:
		s = cellSentence(&run.Cells[0])
	default:
		s = matrixSentence(run)
	}
	if run.Interrupted && !(len(run.Cells) == 1 && run.Cells[0].Interrupted) {
		s = "Interrupted: this is what was measured until then. " + s
	}
	return s
}

func cellSentence(c *result.Cell) string {
	if c.Interrupted {
		return joined(upperFirst(c.Reason)+", so this is no whole trial.", headline(c))
	}
	switch c.Verdict {
	case result.Pass:
		return joined(headline(c), backSentence(c), metSentence(c), "Run valid"+fitness(c)+".")
	case result.Fail:
		return joined(broken(c), headline(c), backSentence(c), "Run valid"+fitness(c)+".")
	default:
		return joined(upperFirst(whyInvalid(c))+".", "No number of this run says anything about the server.")
	}
}

func joined(parts ...string) string {
	var kept []string
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, " ")
}

// headline is "p99 delivery 38 ms at 100 000 deliveries/s (10 000 websocket clients, batched fan-out)."
func headline(c *result.Cell) string {
	run := &result.Run{Cells: []result.Cell{*c}}
	metricName := primary(run)
	if metricName == "" {
		return "Nothing was delivered or acknowledged (" + population(c) + ")."
	}
	name, us := best(c.Latency[metricName])
	rate := c.Rates.AchievedPerS
	noun := "messages/s"
	if metricName == metric.Delivery {
		rate, noun = c.Rates.DeliveriesPerS, "deliveries/s"
	}
	at := ""
	if rate > 0 {
		at = " at " + significant(rate) + nbsp + noun
	}
	return fmt.Sprintf("%s %s %s%s (%s).", name, metricName, micros(float64(us)), at, population(c))
}

// backSentence says how soon the clients were back after each fault.
func backSentence(c *result.Cell) string {
	if c.Reconnects == nil || len(c.Reconnects.Faults) == 0 {
		return ""
	}
	var parts []string
	for i := range c.Reconnects.Faults {
		f := &c.Reconnects.Faults[i]
		us, ok := f.After(0.95)
		if !ok {
			parts = append(parts, "not in "+f.Phase)
			continue
		}
		parts = append(parts, "within "+micros(float64(us))+" in "+f.Phase)
	}
	return "95" + nbsp + "% of the lost connections were made again " + strings.Join(parts, ", ") + "."
}

// population is "10 000 websocket clients, batched fan-out".
func population(c *result.Cell) string {
	held := max(c.Clients.Held, 0)
	noun := "clients"
	if held == 1 {
		noun = "client"
	}
	s := count(held)
	if t := setting(c, "transport"); t != "" {
		s += nbsp + t
	}
	s += " " + noun
	if f := setting(c, "fanout"); f != "" {
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

// fitness is ": generator lag p99 0.2 ms, CPU 41 %", or nothing when the generator did not say.
func fitness(c *result.Cell) string {
	var parts []string
	if name, us := lagOf(c); us > 0 {
		parts = append(parts, "lag "+name+" "+micros(float64(us)))
	}
	if c.Generator.CPUMax > 0 {
		parts = append(parts, "CPU "+share(c.Generator.CPUMax))
	}
	if len(parts) == 0 {
		return ""
	}
	return ": generator " + strings.Join(parts, ", ")
}

// lagOf is the highest percentile up to p99 of the generator's lag that it sent often enough to tell.
func lagOf(c *result.Cell) (name string, us int64) {
	if l := c.Generator.Lag; l != nil && l.N > 0 {
		return best(l)
	}
	return percentiles[p99].name, c.Generator.LagP99us
}

// broken names the service-level checks that did not hold. What no check says, such as that the server ended, is
// all there is to know.
func broken(c *result.Cell) string {
	if c.Reason != "" && !slices.ContainsFunc(c.Checks, func(k result.Check) bool { return strings.HasPrefix(c.Reason, k.Text) }) {
		return upperFirst(strings.TrimSuffix(c.Reason, ".")) + "."
	}
	var parts []string
	for i := range c.Checks {
		if k := &c.Checks[i]; !k.Pass && k.Kind != result.KindValid {
			parts = append(parts, found(k))
		}
	}
	if len(parts) == 0 {
		return "A check was broken."
	}
	noun := "Check"
	if len(parts) > 1 {
		noun = "Checks"
	}
	return noun + " broken: " + strings.Join(parts, "; ") + "."
}

// found is "p99(delivery) < 100ms, it was 143 ms".
func found(k *result.Check) string {
	s := k.Text + ", "
	switch {
	case k.NoData:
		s += "but there was nothing to judge"
	default:
		s += "it was " + checkFound(k)
	}
	if k.Note != "" {
		s += " (" + k.Note + ")"
	}
	return s
}

func whyInvalid(c *result.Cell) string {
	var parts []string
	for i := range c.Checks {
		if k := &c.Checks[i]; !k.Pass && k.Kind == result.KindValid {
			parts = append(parts, found(k))
		}
	}
	if len(parts) == 0 {
		return strings.TrimSuffix(cmp.Or(c.Reason, "the run came to no verdict"), ".")
	}
	return "the generator was not fit to judge: " + strings.Join(parts, "; ")
}

// matrixSentence says what was found, and then how the cells ended.
func matrixSentence(run *result.Run) string {
	gs := groups(run)
	if ws := works(run, gs); len(ws) > 0 {
		return joined(choiceSentence(ws), outcomes(run, len(gs)))
	}
	return joined(inOrder(run, gs), cheapest(gs), outcomes(run, len(gs)))
}

// outcomes is "All 30 trials pass.", or how many did what.
func outcomes(run *result.Run, combinations int) string {
	n := map[string]int{}
	for i := range run.Cells {
		n[outcomeOf(&run.Cells[i])]++
	}
	total, noun := len(run.Cells)-n[repeated], "cells"
	if total > combinations {
		noun = "trials"
	}
	again := ""
	if k := n[repeated]; k > 0 {
		again = fmt.Sprintf(" %d %s.", k, verb(k, "invalid trial was repeated", "invalid trials were repeated"))
	}
	if n[string(result.Pass)] == total {
		return fmt.Sprintf("All %d %s pass.%s", total, noun, again)
	}
	s := fmt.Sprintf("%d of %d %s pass", n[string(result.Pass)], total, noun)
	for _, part := range []struct{ outcome, one, many string }{
		{string(result.Fail), "fails a check", "fail a check"},
		{string(result.Invalid), "is invalid and says nothing about the server", "are invalid and say nothing about the server"},
		{interrupted, "was interrupted", "were interrupted"},
	} {
		if k := n[part.outcome]; k > 0 {
			s += fmt.Sprintf(", %d %s", k, verb(k, part.one, part.many))
		}
	}
	return s + "." + again
}

func verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// mostNamed is how many combinations a sentence names one by one.
const mostNamed = 6

// inOrder is "p99 delivery: 3 ms with websocket, 12 ms with polling (medians of 5 trials each).", the lowest first, or the two ends
// of more than a sentence can name. The highest percentile is taken that every combination has the samples for.
func inOrder(run *result.Run, gs []group) string {
	metricName := primary(run)
	type end struct {
		label string
		s     spread
		alike bool // not told apart from the lowest
	}
	q := highest(gs, metricName)
	r := rank(gs, latencyOf(metricName, q), false)
	var ends []end
	for i, g := range gs {
		if s := over(g.valid(), latencyOf(metricName, q)); s.n > 0 {
			ends = append(ends, end{g.Label, s, r.alike[i]})
		}
	}
	name := percentiles[q].name + " " + metricName
	switch len(ends) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("%s: %s.", name, showSpread(ends[0].s, micros))
	}
	slices.SortStableFunc(ends, func(a, b end) int { return cmp.Compare(a.s.mid, b.s.mid) })
	say := func(e end) string {
		s := micros(e.s.mid) + " with " + e.label
		if e.alike {
			s += " (no difference shown)"
		}
		return s
	}
	if len(ends) > mostNamed {
		return fmt.Sprintf("%s: from %s to %s (%s).", name, say(ends[0]), say(ends[len(ends)-1]), medians(gs))
	}
	var parts []string
	for _, e := range ends {
		parts = append(parts, say(e))
	}
	return fmt.Sprintf("%s: %s (%s).", name, strings.Join(parts, ", "), medians(gs))
}

// medians says what the numbers of combinations rest on.
func medians(gs []group) string {
	for _, g := range gs {
		if len(g.valid()) > 1 {
			return "medians of " + trialsNote(gs)
		}
	}
	return "one trial each, so the order may be chance"
}

// cheapest is "Deliveries per CPU second of the server: from 4 800 with short-polling to 11 900 with websocket."
func cheapest(gs []group) string {
	var low, high string
	var least, most float64
	for _, g := range gs {
		s := over(g.valid(), efficiency)
		if s.n == 0 {
			continue
		}
		if low == "" || s.mid < least {
			low, least = g.Label, s.mid
		}
		if high == "" || s.mid > most {
			high, most = g.Label, s.mid
		}
	}
	if low == high {
		return ""
	}
	return fmt.Sprintf("Deliveries per CPU second of the server: from %s with %s to %s with %s.", significant(least), low, significant(most), high)
}
